use std::time::{Duration, Instant};

use larder::shared::{EntryKey, EntryStore, InvalidationLog, LogPosition, StoreErrorKind, Wish};
use larder_redis::RedisTier;
use larder_servers::{Cluster, until};

use crate::support::{PATIENCE, at, key, name, put, read};

/// Responses on all nodes.
async fn fill(tier: &RedisTier) -> Vec<EntryKey> {
    let keys: Vec<_> = (1..60).map(key).collect();
    for key in &keys {
        tier.put(&put(*key, at(1))).await.unwrap();
        let variant = put(key.with_variant([1; 16]), at(1));
        tier.put(&variant).await.unwrap();
        let found = read(tier, &variant.key).await;
        assert!(found.primary.is_some() && found.variant.is_some());
    }
    keys
}

/// Those that have the same master as one of them.
async fn beside(cluster: &Cluster, one: &EntryKey, keys: &[EntryKey]) -> Vec<EntryKey> {
    let master = cluster.master_of(&name(one, "e")).await.addr();
    let mut beside = Vec::new();
    for key in keys {
        if cluster.master_of(&name(key, "e")).await.addr() == master {
            beside.push(*key);
        }
    }
    beside
}

#[tokio::test]
async fn responses_are_spread_and_a_master_that_dies_holds_up_nobody() {
    let Some(cluster) = Cluster::start_or_skip().await else {
        return;
    };
    // By default a cluster refuses all keys from the moment that it knows of the death until a replica has
    // taken over, which is a race with what is read here.
    for node in cluster.nodes() {
        let set = ["CONFIG", "SET", "cluster-require-full-coverage", "no"];
        assert_eq!(node.command(&set).await, "OK");
    }
    let tier = RedisTier::cluster(cluster.urls()).connect().await.unwrap();
    crate::entries::everything(&tier).await;
    let keys = fill(&tier).await;
    let first = tier.append(&bytes::Bytes::from_static(b"a")).await.unwrap();
    let batch = tier
        .read(LogPosition::START, 10, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(batch.records.last().unwrap().0, first);

    let lost = beside(&cluster, &keys[0], &keys).await;
    assert!(lost.len() < keys.len());
    cluster.kill_master_of(&name(&keys[0], "e")).await;
    // Its keys fail at once, those of others are there as ever.
    until("its death is known", PATIENCE, async || {
        tier.get(&keys[0], Wish::Read).await.err()
    })
    .await;
    let begun = Instant::now();
    for key in &keys {
        match tier.get(key, Wish::Read).await {
            Ok(found) => assert!(found.primary.is_some() || lost.contains(key)),
            Err(error) => {
                assert!(lost.contains(key), "{error}");
                assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error}");
            }
        }
    }
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    until(
        "a replica takes its place",
        Duration::from_secs(60),
        async || {
            for key in &keys {
                tier.put(&put(*key, at(2))).await.ok()?;
            }
            tier.append(&bytes::Bytes::from_static(b"b")).await.ok()?;
            tier.read(LogPosition::START, 10, Duration::ZERO).await.ok()
        },
    )
    .await;
    for key in &keys {
        assert_eq!(
            read(&tier, key).await.primary.unwrap(),
            put(*key, at(2)).value
        );
    }
}

#[tokio::test]
async fn the_master_of_the_log_dies_and_purges_go_on() {
    let Some(cluster) = Cluster::start_or_skip().await else {
        return;
    };
    // One node is enough to find the others.
    let tier = RedisTier::cluster(cluster.urls().into_iter().take(1))
        .connect()
        .await
        .unwrap();
    tier.append(&bytes::Bytes::from_static(b"a")).await.unwrap();
    cluster.kill_master_of("larder1::{log}").await;
    let record = bytes::Bytes::from_static(b"b");
    until("a purge is read", Duration::from_secs(60), async || {
        let position = tier.append(&record).await.ok()?;
        let read = tier
            .read(LogPosition::START, 1000, Duration::ZERO)
            .await
            .ok()?;
        read.records
            .contains(&(position, record.clone()))
            .then_some(())
    })
    .await;
}

/// All masters live, and no connection breaks.
#[tokio::test]
async fn a_log_that_moves_is_followed_by_who_waits_for_it_and_who_appends() {
    const WAIT: Duration = Duration::from_secs(1);
    let Some(cluster) = Cluster::start_or_skip().await else {
        return;
    };
    let tier = RedisTier::cluster(cluster.urls())
        .wait_replicas(1, Duration::from_millis(100))
        .connect()
        .await
        .unwrap();
    let mut last = tier.append(&bytes::Bytes::from_static(b"a")).await.unwrap();
    for record in [&b"b"[..], b"c"] {
        let record = bytes::Bytes::from_static(record);
        let (old, new) = {
            let old = cluster.master_of("larder1::{log}").await;
            // It stands there and waits when the log goes.
            let (waited, new) = tokio::join!(
                tier.read(last, 10, WAIT),
                cluster.move_slot_of("larder1::{log}")
            );
            assert!(waited.is_err() || waited.unwrap().records.is_empty());
            (old, new)
        };
        assert_ne!(old.addr(), new.addr());
        let appended = until("a purge is appended", PATIENCE, async || {
            tier.append(&record).await.ok()
        })
        .await;
        let read = until("and read", PATIENCE, async || {
            tier.read(last, 10, WAIT).await.ok()
        })
        .await;
        assert!(read.is_anchored);
        assert!(read.records.contains(&(appended, record)));
        assert_eq!(new.command(&["EXISTS", "larder1::{log}"]).await, "1");
        last = appended;
    }
}

#[tokio::test]
async fn a_slot_that_moves_is_followed() {
    let Some(cluster) = Cluster::start_or_skip().await else {
        return;
    };
    let tier = RedisTier::cluster(cluster.urls()).connect().await.unwrap();
    let (key, other) = (key(1), key(2));
    let name = name(&key, "e");
    let from = cluster.master_of(&name).await;
    let slot = from.command(&["CLUSTER", "KEYSLOT", &name]).await;
    let mut to = None;
    for node in cluster.nodes() {
        let info = node.command(&["INFO", "replication"]).await;
        if info.contains("role:master") && node.addr() != from.addr() {
            to = Some(node);
        }
    }
    let to = to.unwrap();
    let from_id = from.command(&["CLUSTER", "MYID"]).await;
    let to_id = to.command(&["CLUSTER", "MYID"]).await;
    to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])
        .await;
    from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])
        .await;
    // What is not there any more is asked for where it goes: for this once.
    assert_eq!(read(&tier, &key).await.primary, None);
    tier.remove(&key).await.unwrap();
    for node in [to, from] {
        node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])
            .await;
    }
    // And then for good, by the first request that hears of it.
    tier.put(&put(key, at(1))).await.unwrap();
    let variant = put(key.with_variant([1; 16]), at(1));
    tier.put(&variant).await.unwrap();
    let found = read(&tier, &variant.key).await;
    assert_eq!(
        (found.primary.unwrap(), found.variant.unwrap()),
        (put(key, at(1)).value, variant.value)
    );
    assert_eq!(to.command(&["EXISTS", &name]).await, "1");
    tier.put(&put(other, at(1))).await.unwrap();
}
