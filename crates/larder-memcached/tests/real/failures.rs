//! A server that is gone, stands still, or comes back with nothing.

use std::time::Duration;

use larder::shared::{EntryStore, InvalidationLog, LogPosition, StoreErrorKind, Wish};
use larder_memcached::{ConnectErrorKind, MemcachedTier};
use larder_servers::{Memcached, Proxy, until};

use crate::{frame, key, put, start};

const LIMIT: Duration = Duration::from_secs(20);

async fn kind_of_failure(tier: &MemcachedTier) -> Option<StoreErrorKind> {
    let answer = tier.get(&key(1), Wish::Read).await;
    answer.err().map(|error| error.kind())
}

async fn wait_until_up(tier: &MemcachedTier) {
    until("it is connected", LIMIT, || async {
        kind_of_failure(tier).await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_a_server_there_is_no_tier_and_the_error_says_where() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let address = server.addr().to_string();
    server.kill();
    let error = MemcachedTier::connect([address.clone()])
        .await
        .expect_err("none");
    assert_eq!(error.kind(), ConnectErrorKind::Unreachable);
    assert!(error.to_string().contains(&address), "{error}");
    drop(tier);
}

#[tokio::test]
async fn a_server_that_was_killed_is_an_error_at_once_and_is_found_again() {
    let Some((server, tier)) = start().await else {
        return;
    };
    tier.put(&put(key(1), 1, "body")).await.expect("room");
    server.kill();
    until("it is gone", LIMIT, || async {
        (kind_of_failure(&tier).await == Some(StoreErrorKind::Unreachable)).then_some(())
    })
    .await;
    // It fails without waiting: it is ready when it is asked for the first time.
    let mut asked = 0;
    let key = key(1);
    let mut call = tier.get(&key, Wish::Read);
    let answer = std::future::poll_fn(|context| {
        asked += 1;
        call.as_mut().poll(context)
    })
    .await;
    assert!(answer.is_err() && asked == 1, "{answer:?} after {asked}");
    server.restart().await;
    wait_until_up(&tier).await;
    let found = tier.get(&key, Wish::Read).await.expect("an answer");
    assert_eq!(found.primary, None);
}

#[tokio::test]
async fn a_log_that_was_lost_with_its_server_is_another_one() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let before = tier.append(&"a".into()).await.expect("an answer");
    assert!(tier.extent(before).await.expect("an answer").is_anchored);
    server.restart().await;
    wait_until_up(&tier).await;
    let batch = tier
        .read(before, 9, Duration::ZERO)
        .await
        .expect("an answer");
    assert!(!batch.is_anchored && batch.records.is_empty());
    let found = tier.extent(before).await.expect("an answer");
    assert_eq!(
        (found.newest, found.is_anchored),
        (LogPosition::START, false)
    );
    let at = tier
        .restart(before, &"all".into())
        .await
        .expect("an answer");
    assert!(at.expect("it is above") > before);
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up_and_found_again() {
    let Some(server) = Memcached::start_or_skip().await else {
        return;
    };
    let tier = MemcachedTier::builder()
        .add_servers([server.addr().to_string()])
        .silence_timeout(Duration::from_millis(100))
        .connect_timeout(Duration::from_secs(2))
        .connect()
        .await
        .expect("a server that runs");
    tier.put(&put(key(1), 1, "body")).await.expect("room");
    server.pause();
    // The call ends by itself, because the connection is given up.
    assert_eq!(
        kind_of_failure(&tier).await,
        Some(StoreErrorKind::Unreachable)
    );
    server.resume();
    wait_until_up(&tier).await;
    let found = tier.get(&key(1), Wish::Read).await.expect("an answer");
    assert_eq!(found.primary, Some(frame(1, "body")));
}

#[tokio::test]
async fn a_connection_that_breaks_fails_those_who_wait_and_no_one_later() {
    let Some(server) = Memcached::start_or_skip().await else {
        return;
    };
    let proxy = Proxy::to(server.addr()).await;
    let tier = MemcachedTier::connect([proxy.addr().to_string()])
        .await
        .expect("a way");
    tier.put(&put(key(1), 1, "body")).await.expect("room");
    proxy.freeze();
    let key = key(1);
    let waiting = tier.get(&key, Wish::Read);
    let (answer, ()) = tokio::join!(waiting, async {
        tokio::task::yield_now().await;
        proxy.cut().await;
    });
    assert_eq!(
        answer.expect_err("it broke").kind(),
        StoreErrorKind::Unreachable
    );
    proxy.heal().await;
    proxy.thaw();
    wait_until_up(&tier).await;
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused() {
    let Some(server) = Memcached::start_or_skip().await else {
        return;
    };
    let tier = MemcachedTier::builder()
        .add_servers([server.addr().to_string()])
        .queue(2)
        .in_flight(2)
        .connect()
        .await
        .expect("a server that runs");
    server.pause();
    let key = key(1);
    let mut calls: Vec<_> = (0..20).map(|_| tier.get(&key, Wish::Read)).collect();
    let first = std::future::poll_fn(|context| {
        let mut answers = calls.iter_mut().map(|call| call.as_mut().poll(context));
        match answers.find(std::task::Poll::is_ready) {
            Some(answer) => answer,
            None => std::task::Poll::Pending,
        }
    })
    .await;
    assert_eq!(first.expect_err("too many").kind(), StoreErrorKind::Refused);
    server.resume();
}

#[tokio::test]
async fn a_tier_that_is_started_without_a_server_finds_it_later() {
    let Some((server, _)) = start().await else {
        return;
    };
    server.kill();
    let builder = MemcachedTier::builder().add_servers([server.addr().to_string()]);
    let tier = builder.start().expect("settings that are right");
    assert_eq!(
        kind_of_failure(&tier).await,
        Some(StoreErrorKind::Unreachable)
    );
    server.restart().await;
    wait_until_up(&tier).await;
}

#[tokio::test]
async fn settings_that_cannot_be_are_errors() {
    let kind = |builder: larder_memcached::MemcachedTierBuilder| {
        builder.start().expect_err("a wrong setting").kind()
    };
    let builder = MemcachedTier::builder;
    assert_eq!(kind(builder()), ConnectErrorKind::NoServers);
    for servers in [
        vec!["localhost"],
        vec![":1"],
        vec!["a b:1"],
        vec!["a:1", "a:1"],
        vec!["a:x"],
    ] {
        assert_eq!(
            kind(builder().add_servers(servers)),
            ConnectErrorKind::Address
        );
    }
    for namespace in ["", "a b", "a\r\nb"] {
        let builder = builder().add_servers(["a:1"]).namespace(namespace);
        assert_eq!(kind(builder), ConnectErrorKind::Namespace);
    }
}
