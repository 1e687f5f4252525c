//! Several servers.

use std::time::Duration;

use larder::shared::{EntryStore, InvalidationLog, LogPosition, StoreErrorKind, Wish};
use larder_memcached::MemcachedTier;
use larder_servers::{Memcached, until};

use crate::{frame, key, put};

const LIMIT: Duration = Duration::from_secs(20);

async fn three() -> Option<(Vec<Memcached>, MemcachedTier)> {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Memcached::start_or_skip().await?);
    }
    let addresses = servers.iter().map(|server| server.addr().to_string());
    let tier = MemcachedTier::connect(addresses)
        .await
        .expect("servers that run");
    Some((servers, tier))
}

async fn items(server: &Memcached) -> u64 {
    let statistics = server.command("stats\r\n").await;
    let mut lines = statistics.lines();
    let items = lines.find_map(|line| line.strip_prefix("STAT curr_items "));
    items.expect("a number").parse().expect("a number")
}

#[tokio::test]
async fn entries_are_spread_and_all_nodes_agree_where() {
    let Some((servers, tier)) = three().await else {
        return;
    };
    for number in 0..90 {
        tier.put(&put(key(number), 1, "body")).await.expect("room");
    }
    for server in &servers {
        assert!(items(server).await > 10);
    }
    let addresses = servers.iter().rev().map(|server| server.addr().to_string());
    let other = MemcachedTier::connect(addresses)
        .await
        .expect("servers that run");
    for number in 0..90 {
        let found = other
            .get(&key(number), Wish::Read)
            .await
            .expect("an answer");
        assert_eq!(found.primary, Some(frame(1, "body")));
    }
}

#[tokio::test]
async fn when_one_is_dead_its_entries_go_elsewhere_and_the_others_stay() {
    let Some((servers, tier)) = three().await else {
        return;
    };
    for number in 0..90 {
        tier.put(&put(key(number), 1, "body")).await.expect("room");
    }
    let lost = items(&servers[0]).await;
    servers[0].kill();
    until("no request is sent there any more", LIMIT, || async {
        for number in 0..90 {
            tier.get(&key(number), Wish::Read).await.ok()?;
        }
        Some(())
    })
    .await;
    let mut missing = 0;
    for number in 0..90 {
        let found = tier.get(&key(number), Wish::Read).await.expect("an answer");
        missing += u64::from(found.primary.is_none());
        tier.put(&put(key(number), 2, "new"))
            .await
            .expect("room elsewhere");
        let found = tier.get(&key(number), Wish::Read).await.expect("an answer");
        assert_eq!(found.primary, Some(frame(2, "new")));
    }
    assert_eq!(missing, lost);
    // A node that begins meanwhile goes on without it.
    let addresses = servers.iter().map(|server| server.addr().to_string());
    let other = MemcachedTier::connect(addresses)
        .await
        .expect("two servers that run");
    let found = other.get(&key(1), Wish::Read).await.expect("an answer");
    assert_eq!(found.primary, Some(frame(2, "new")));
}

#[tokio::test]
async fn the_log_stands_on_one_server_and_goes_nowhere_else() {
    let Some((servers, tier)) = three().await else {
        return;
    };
    let before = tier.append(&"a".into()).await.expect("an answer");
    let mut with_log = Vec::new();
    for server in &servers {
        with_log.push(items(server).await > 0);
    }
    assert_eq!(with_log.iter().filter(|has_log| **has_log).count(), 1);
    for (server, has_log) in servers.iter().zip(&with_log) {
        if *has_log {
            server.kill();
        }
    }
    until("the log cannot be reached", LIMIT, || async {
        let answer = tier.read(before, 9, Duration::ZERO).await;
        let kind = answer.err().map(|error| error.kind());
        (kind == Some(StoreErrorKind::Unreachable)).then_some(())
    })
    .await;
    let error = tier.append(&"b".into()).await.expect_err("no log");
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    assert!(
        tier.restart(LogPosition::START, &"all".into())
            .await
            .is_err()
    );
}
