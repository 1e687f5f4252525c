use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder::shared::{InvalidationLog, LogPosition, NodeId, StoreErrorKind};
use larder_redis::RedisTier;
use larder_servers::until;

use crate::support::{MINUTE, PATIENCE, at, tier};

const LOG: &str = "larder1::{log}";
const LONG: Duration = Duration::from_secs(30);

async fn append(tier: &RedisTier, record: &'static str) -> LogPosition {
    tier.append(&Bytes::from_static(record.as_bytes()))
        .await
        .unwrap()
}

async fn read(tier: &RedisTier, after: LogPosition) -> (Vec<Bytes>, bool) {
    let batch = tier.read(after, 100, Duration::ZERO).await.unwrap();
    let records = batch.records.into_iter().map(|(_, record)| record);
    (records.collect(), batch.is_anchored)
}

#[tokio::test]
async fn what_is_appended_is_read_in_order() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    let first = append(&tier, "a").await;
    let second = append(&tier, "b\0\r\n").await;
    let third = append(&tier, "").await;
    assert!(first < second && second < third);
    let batch = tier.read(LogPosition::START, 2, LONG).await.unwrap();
    assert_eq!(
        batch.records,
        [(first, "a".into()), (second, "b\0\r\n".into())]
    );
    assert!(batch.is_anchored);
    let batch = tier.read(second, 2, LONG).await.unwrap();
    assert_eq!(batch.records, [(third, Bytes::new())]);
    assert!(batch.is_anchored);
    assert_eq!(read(&tier, third).await, (vec![], true));
}

#[tokio::test]
async fn a_read_waits_for_what_comes() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    let first = append(&tier, "a").await;
    let waiting = tier.clone();
    let waiting = tokio::spawn(async move { waiting.read(first, 10, LONG).await });
    until("the reader waits", PATIENCE, async || {
        let blocked = _server.command(&["INFO", "clients"]).await;
        blocked.contains("blocked_clients:1").then_some(())
    })
    .await;
    // The other connection is not held up.
    let second = append(&tier, "b").await;
    let batch = waiting.await.unwrap().unwrap();
    assert_eq!(batch.records, [(second, "b".into())]);
    assert!(batch.is_anchored);
}

#[tokio::test]
async fn a_read_that_is_given_up_does_not_shift_the_next() {
    let Some((_server, tier)) = tier().await else {
        return;
    };
    let first = append(&tier, "a").await;
    for _ in 0..3 {
        let read = tier.read(first, 10, LONG);
        assert!(
            tokio::time::timeout(Duration::from_millis(30), read)
                .await
                .is_err()
        );
        let batch = until("the log is read again", PATIENCE, async || {
            // Far less than the one before it would wait for.
            let read = tier.read(LogPosition::START, 10, Duration::ZERO);
            tokio::time::timeout(Duration::from_secs(5), read)
                .await
                .ok()?
                .ok()
        })
        .await;
        assert_eq!(batch.records, [(first, "a".into())]);
    }
}

#[tokio::test]
async fn the_extent_is_that_of_the_stream() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let extent = tier.extent(LogPosition::START).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, LogPosition::START));
    let off = SystemTime::now()
        .duration_since(extent.now)
        .unwrap_or_default();
    assert!(off < MINUTE, "{off:?}");
    let first = append(&tier, "a").await;
    let second = append(&tier, "b").await;
    let extent = tier.extent(first).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (Some(first), second));
    assert!(extent.is_anchored);
    assert!(!tier.extent(first.above(0)).await.unwrap().is_anchored || first.above(0) == second);
    // Trimmed: the newest is remembered.
    server.command(&["XTRIM", LOG, "MAXLEN", "0"]).await;
    let extent = tier.extent(second).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, second));
    assert!(!extent.is_anchored);
}

#[tokio::test]
async fn a_log_that_lost_records_is_not_anchored() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    for lose in [
        &["FLUSHALL"][..],
        &["DEL", LOG],
        &["XTRIM", LOG, "MAXLEN", "1"],
    ] {
        let first = append(&tier, "a").await;
        append(&tier, "b").await;
        assert_eq!(read(&tier, first).await, (vec!["b".into()], true));
        server.command(lose).await;
        assert!(!read(&tier, first).await.1, "{lose:?}");
        // An empty stream begins anew with the time, and within a millisecond that is the same.
        until("the next millisecond", PATIENCE, async || {
            let now = tier.extent(first).await.unwrap().now;
            let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            (now.as_millis() > first.millis().into()).then_some(())
        })
        .await;
        append(&tier, "c").await;
        assert!(!read(&tier, first).await.1, "{lose:?}");
        assert!(!tier.extent(first).await.unwrap().is_anchored, "{lose:?}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_empty_has_lost_the_log() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let first = append(&tier, "a").await;
    server.restart().await;
    let batch = until("the log is read again", PATIENCE, async || {
        tier.read(first, 10, Duration::ZERO).await.ok()
    })
    .await;
    assert!(!batch.is_anchored && batch.records.is_empty());
    let extent = until("the other connection is back", PATIENCE, || async {
        tier.extent(first).await.ok()
    })
    .await;
    assert_eq!((extent.oldest, extent.newest), (None, LogPosition::START));
}

#[tokio::test]
async fn a_log_is_restarted_above_what_was_and_not_in_the_past() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let record = Bytes::from_static(b"all");
    let now = || tier.extent(LogPosition::START);
    // Into nothing: at the present time.
    let before = now().await.unwrap().now;
    let first = tier
        .restart(LogPosition::START, &record)
        .await
        .unwrap()
        .unwrap();
    let millis = before
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    assert!(u128::from(first.millis()) >= millis);
    assert_eq!(
        read(&tier, LogPosition::START).await.0,
        *std::slice::from_ref(&record)
    );
    // Above a position of the future, and all that comes is above that.
    let future = LogPosition::new(first.millis() + 3_600_000, 7);
    let second = tier.restart(future, &record).await.unwrap().unwrap();
    assert_eq!(second, future.above(0));
    assert!(append(&tier, "a").await > second);
    // Somebody else was there first.
    assert_eq!(tier.restart(future, &record).await.unwrap(), None);
    assert_eq!(tier.restart(first, &record).await.unwrap(), None);
    // The greatest count of a millisecond.
    let full = LogPosition::new(future.millis() + 1, u64::MAX);
    let third = tier.restart(full, &record).await.unwrap().unwrap();
    assert_eq!(third, LogPosition::new(full.millis() + 1, 0));
    assert_eq!(third, full.above(0));
    // What was trimmed counts too.
    server.command(&["XTRIM", LOG, "MAXLEN", "0"]).await;
    assert_eq!(tier.restart(full, &record).await.unwrap(), None);
}

#[tokio::test]
async fn a_log_of_another_type_is_an_error_until_it_is_restarted() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    server.command(&["SET", LOG, "x"]).await;
    let error = tier
        .read(at(1), 10, Duration::from_millis(10))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Protocol);
    let error = tier
        .read(LogPosition::START, 10, Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Protocol);
    let error = tier.extent(at(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Protocol);
    let error = tier.append(&Bytes::from_static(b"a")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Protocol);
    let record = Bytes::from_static(b"all");
    let position = tier.restart(at(1), &record).await.unwrap().unwrap();
    assert!(position > at(1));
    assert_eq!(read(&tier, LogPosition::START).await, (vec![record], true));
}

#[tokio::test]
async fn what_others_write_into_the_log_has_its_place() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    server
        .command(&["XADD", LOG, "5-1", "who", "me", "d", "x"])
        .await;
    server.command(&["XADD", LOG, "5-2", "d", "y"]).await;
    let batch = tier.read(LogPosition::START, 10, LONG).await.unwrap();
    let at = |count| LogPosition::new(5, count);
    assert_eq!(batch.records, [(at(1), Bytes::new()), (at(2), "y".into())]);
}

#[tokio::test]
async fn the_log_forgets_from_its_beginning() {
    let Some(server) = larder_servers::Redis::start_or_skip().await else {
        return;
    };
    let tier = RedisTier::builder(server.url())
        .retain_purges(1)
        .connect()
        .await
        .unwrap();
    for _ in 0..500 {
        append(&tier, "a").await;
    }
    let kept: u64 = server.command(&["XLEN", LOG]).await.parse().unwrap();
    // Whole nodes of a hundred are dropped.
    assert!((1..=200).contains(&kept), "{kept}");
}

#[tokio::test]
async fn nodes_are_there_as_long_as_they_say() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let ids = async || -> Vec<_> {
        let nodes = tier.nodes().await.unwrap();
        nodes
            .into_iter()
            .map(|node| (node.id.bits(), node.applied))
            .collect()
    };
    assert_eq!(ids().await, []);
    let node = NodeId::from_bits;
    tier.announce(node(u64::MAX), at(1), MINUTE).await.unwrap();
    tier.announce(node(7), at(2), MINUTE).await.unwrap();
    tier.announce(node(9), at(2), Duration::from_millis(40))
        .await
        .unwrap();
    tier.announce(node(7), at(3), MINUTE).await.unwrap();
    until("one is gone", PATIENCE, async || {
        (ids().await == [(7, at(3)), (u64::MAX, at(1))]).then_some(())
    })
    .await;
    let kept = server.command(&["HLEN", "larder1::{log}:n"]).await;
    assert_eq!(kept, "2");
    // Something else under the name is no reason to fail.
    server.command(&["SET", "larder1::{log}:n", "x"]).await;
    assert_eq!(ids().await, []);
    tier.announce(node(7), at(3), MINUTE).await.unwrap();
    assert_eq!(ids().await, [(7, at(3))]);
    // Neither is it for who tells before anybody asks.
    server.command(&["SET", "larder1::{log}:n", "x"]).await;
    tier.announce(node(7), at(4), MINUTE).await.unwrap();
    assert_eq!(ids().await, [(7, at(4))]);
    let left = server.command(&["PTTL", "larder1::{log}:n"]).await;
    assert!(left.parse::<u64>().is_ok_and(|left| left > 0), "{left}");
}

/// Whoever told that it was there dropped what the others had told, so that a purge was awaited on one node.
#[tokio::test]
async fn a_server_that_was_full_forgot_which_nodes_were_there() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let (node, other) = (NodeId::from_bits(7), NodeId::from_bits(8));
    for node in [node, other] {
        tier.announce(node, at(1), MINUTE).await.unwrap();
    }
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = tier.announce(node, at(2), MINUTE).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let there = tier.nodes().await.unwrap();
    let ids: Vec<_> = there.iter().map(|there| there.id).collect();
    assert_eq!(ids, [node, other]);
}
