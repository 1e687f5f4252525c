//! What a tier is told to do otherwise.

use std::time::Duration;

use larder_redis::RedisTier;
use larder_servers::{Redis, until};

use crate::support::{PATIENCE, at, key, put, read};

#[tokio::test]
async fn a_start_leaves_nothing_behind_and_namespaces_share_nothing() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let tier = RedisTier::connect(server.url()).await.unwrap();
    assert_eq!(server.command(&["DBSIZE"]).await, "0");
    let other = RedisTier::builder(server.url())
        .namespace("other")
        .connect()
        .await
        .unwrap();
    larder::shared::EntryStore::put(&tier, &put(key(1), at(1)))
        .await
        .unwrap();
    assert!(read(&tier, &key(1)).await.primary.is_some());
    assert!(read(&other, &key(1)).await.primary.is_none());
}

#[tokio::test]
async fn a_socket_and_a_valkey_are_servers_too() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let folder = server.command(&["CONFIG", "GET", "unixsocket"]).await;
    let path = folder.lines().last().unwrap();
    let tier = RedisTier::connect(format!("redis+unix://{path}"))
        .await
        .unwrap();
    crate::entries::everything(&tier).await;
    let Some(valkey) = larder_servers::Valkey::start_or_skip().await else {
        return;
    };
    let tier = RedisTier::connect(valkey.url()).await.unwrap();
    crate::entries::everything(&tier).await;
}

#[tokio::test]
async fn purges_wait_for_replicas_and_go_on_without_them() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let tier = RedisTier::builder(server.url()).wait_replicas(1, Duration::from_millis(50));
    let tier = tier.connect().await.unwrap();
    let record = bytes::Bytes::from_static(b"a");
    let log = &tier as &dyn larder::shared::InvalidationLog;
    let first = until("the third connection is there", PATIENCE, async || {
        log.append(&record).await.ok()
    })
    .await;
    // While a purge waits, nothing else does.
    let read = log
        .read(larder::shared::LogPosition::START, 1, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(read.records, [(first, record)]);
    let calls = server.command(&["INFO", "commandstats"]).await;
    assert!(calls.contains("cmdstat_wait"), "{calls}");
}
