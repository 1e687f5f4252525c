//! Servers that go, stand still, and come back.

use std::time::{Duration, Instant};

use bytes::Bytes;
use larder::shared::{EntryStore, InvalidationLog, LogPosition, StoreErrorKind, Wish};
use larder_redis::RedisTier;
use larder_servers::{Proxy, Redis, until};

use crate::support::{PATIENCE, ask, at, key, put, read, tier, until_it_works};

/// All calls fail, none of them waits, and the kind says that nobody is there.
async fn assert_down(tier: &RedisTier) {
    let record = Bytes::from_static(b"a");
    let begun = Instant::now();
    for _ in 0..100 {
        let kinds = [
            tier.get(&key(1), Wish::Read).await.unwrap_err().kind(),
            tier.put(&put(key(1), at(1))).await.unwrap_err().kind(),
            tier.remove(&key(1)).await.unwrap_err().kind(),
            tier.append(&record).await.unwrap_err().kind(),
            tier.extent(at(1)).await.unwrap_err().kind(),
            tier.read(at(1), 10, Duration::from_secs(30))
                .await
                .unwrap_err()
                .kind(),
            tier.nodes().await.unwrap_err().kind(),
        ];
        assert_eq!(kinds, [StoreErrorKind::Unreachable; 7]);
    }
    // A machine that does seven other things takes its time too: seven hundred calls in as many times
    // five milliseconds, which are microseconds each.
    assert!(begun.elapsed() < Duration::from_millis(5) * 700);
}

async fn until_down(tier: &RedisTier) {
    until(
        "the tier knows that nobody is there",
        PATIENCE,
        async || {
            let data = tier.get(&key(1), Wish::Read).await.err()?;
            let log = tier.read(at(1), 1, Duration::ZERO).await.err()?;
            let kinds = [data.kind(), log.kind()];
            (kinds == [StoreErrorKind::Unreachable; 2]).then_some(())
        },
    )
    .await;
}

/// Calls wait for as long as whoever calls likes, and then there is no connection.
async fn until_given_up(tier: &RedisTier) {
    let key = key(1);
    until("the tier gives it up", PATIENCE, async || {
        let get = tier.get(&key, Wish::Read);
        let got = tokio::time::timeout(Duration::from_millis(5), get).await;
        got.ok()?.err()
    })
    .await;
}

async fn assert_works(tier: &RedisTier) {
    until_it_works(tier).await;
    tier.put(&put(key(1), at(1))).await.unwrap();
    assert!(read(tier, &key(1)).await.primary.is_some());
    let position = tier.append(&Bytes::from_static(b"a")).await.unwrap();
    let batch = until("the log is read again", PATIENCE, async || {
        tier.read(LogPosition::START, 100, Duration::ZERO)
            .await
            .ok()
    })
    .await;
    assert_eq!(batch.records.last().unwrap().0, position);
}

#[tokio::test]
async fn a_server_that_is_killed_fails_at_once_and_works_when_it_is_back() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    for _ in 0..3 {
        assert_works(&tier).await;
        let waiting = tier.clone();
        let waiting =
            tokio::spawn(
                async move { waiting.read(at(1 << 19), 1, Duration::from_secs(60)).await },
            );
        server.kill();
        // Whoever waits for a purge is told.
        assert_eq!(
            waiting.await.unwrap().unwrap_err().kind(),
            StoreErrorKind::Unreachable
        );
        until_down(&tier).await;
        assert_down(&tier).await;
        server.restart().await;
    }
    assert_works(&tier).await;
}

#[tokio::test]
async fn the_first_call_after_a_restart_works_once_the_connection_is_back() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    server.restart().await;
    // Nobody called in between: the connection was seen to break, and made again.
    until("the tier is connected again", PATIENCE, async || {
        let clients = server.command(&["CLIENT", "LIST"]).await;
        (clients
            .lines()
            .filter(|line| !line.contains("cmd=client"))
            .count()
            >= 2)
            .then_some(())
    })
    .await;
    until_it_works(&tier).await;
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up_and_found_again() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    assert_works(&tier).await;
    server.pause();
    let given_up = tokio::time::timeout(Duration::from_millis(20), read(&tier, &key(1))).await;
    assert!(given_up.is_err());
    let log = tier.read(LogPosition::START, 1, Duration::ZERO);
    assert!(
        tokio::time::timeout(Duration::from_millis(20), log)
            .await
            .is_err()
    );
    until_given_up(&tier).await;
    until_down(&tier).await;
    assert_down(&tier).await;
    server.resume();
    assert_works(&tier).await;
}

#[tokio::test]
async fn answers_that_nobody_waited_for_do_not_become_those_of_others() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    for of in 1..50 {
        tier.put(&put(key(of), at(of.into()))).await.unwrap();
    }
    server.pause();
    for of in 1..25 {
        let (key, variant) = (key(of), key(of).with_variant([1; 16]));
        for key in [&key, &variant] {
            let get = tier.get(key, Wish::Read);
            let waited = tokio::time::timeout(Duration::from_micros(100), get).await;
            assert!(waited.is_err());
        }
        let waited = tokio::time::timeout(Duration::from_micros(100), ask(&tier, &key, 1)).await;
        assert!(waited.is_err());
    }
    server.resume();
    for of in 25..50 {
        let found = read(&tier, &key(of)).await;
        assert_eq!(found.primary.unwrap(), put(key(of), at(of.into())).value);
    }
}

#[tokio::test]
async fn a_way_that_is_cut_or_frozen_is_another_connection_later() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let proxy = Proxy::to(server.addr()).await;
    let url = format!("redis://{}", proxy.addr());
    let tier = RedisTier::connect(url).await.unwrap();
    assert_works(&tier).await;
    proxy.cut().await;
    until_down(&tier).await;
    assert_down(&tier).await;
    proxy.heal().await;
    assert_works(&tier).await;
    // Nothing arrives any more, and nobody says so.
    proxy.freeze();
    until_given_up(&tier).await;
    proxy.thaw();
    assert_works(&tier).await;
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_refuses_and_its_name_is_looked_up_again() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    assert_works(&tier).await;
    server.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let refused = until("the server refuses", PATIENCE, async || {
        let error = tier.put(&put(key(1), at(1))).await.err()?;
        (error.kind() == StoreErrorKind::Refused).then_some(error)
    })
    .await;
    assert!(refused.to_string().contains("READONLY"), "{refused}");
    // By another connection, whose name was looked up again.
    let clients = async || -> Vec<String> {
        let clients = server.command(&["CLIENT", "LIST"]).await;
        let ids = clients.lines().filter_map(|line| line.split(' ').next());
        ids.map(str::to_owned).collect()
    };
    let before = clients().await;
    until("another connection is made", PATIENCE, || async {
        let _ = tier.put(&put(key(1), at(1))).await;
        let now = clients().await;
        let gone = before.iter().filter(|id| !now.contains(id)).count();
        // Whoever lists them is another each time.
        (gone == 2).then_some(())
    })
    .await;
    server.command(&["REPLICAOF", "NO", "ONE"]).await;
    until("the server takes it", PATIENCE, async || {
        tier.put(&put(key(1), at(1))).await.ok()
    })
    .await;
    assert_works(&tier).await;
}

#[tokio::test]
async fn what_a_user_may_not_do_any_more_is_refused() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    server
        .command(&["ACL", "SETUSER", "cache", "on", ">secret", "~*", "+@all"])
        .await;
    let url = format!("redis://cache:secret@{}", server.addr());
    let tier = RedisTier::connect(url).await.unwrap();
    for (rule, back) in [
        ("-set", "+set"),
        ("-eval|-evalsha", "+evalsha"),
        ("resetkeys", "~*"),
    ] {
        for rule in rule.split('|') {
            server.command(&["ACL", "SETUSER", "cache", rule]).await;
        }
        let error = tier.put(&put(key(1), at(1))).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
        server.command(&["ACL", "SETUSER", "cache", back]).await;
        tier.put(&put(key(1), at(1))).await.unwrap();
    }
}

#[tokio::test]
async fn a_tier_that_does_not_wait_works_once_there_is_a_server() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    server.kill();
    let tier = RedisTier::builder(server.url()).connect_lazily().unwrap();
    until_down(&tier).await;
    until("the error says where nobody is", PATIENCE, async || {
        let error = tier.get(&key(1), Wish::Read).await.unwrap_err();
        let addr = server.addr().to_string();
        error.to_string().contains(&addr).then_some(())
    })
    .await;
    server.restart().await;
    assert_works(&tier).await;
}
