use std::time::Duration;

use larder::shared::{EntryStore, InvalidationLog, LogPosition};
use larder_redis::{ConnectErrorKind, RedisTier};
use larder_servers::{Redis, Sentinels, until};

use crate::support::{PATIENCE, at, key, put, read};

#[tokio::test]
async fn the_tier_goes_where_the_master_is() {
    let Some(sentinels) = Sentinels::start_or_skip().await else {
        return;
    };
    let name = sentinels.master_name();
    let error = RedisTier::sentinel(sentinels.urls(), "nobody")
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::UnknownMaster);
    assert!(error.to_string().contains("\"nobody\""), "{error}");
    let error = RedisTier::connect(sentinels.urls()[0].clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Mode, "{error}");
    assert!(error.to_string().contains("RedisTier::sentinel"), "{error}");

    // One sentinel is enough, and those that are not there do not matter.
    let mut urls = vec!["redis://127.0.0.1:1".to_owned()];
    urls.extend(sentinels.urls());
    let tier = RedisTier::sentinel(urls, name).connect().await.unwrap();
    crate::entries::everything(&tier).await;
    works(&tier, 1).await;
    sentinels.kill_master().await;
    works(&tier, 2).await;
    sentinels.failover().await;
    works(&tier, 3).await;
}

/// Both connections lead to a server that takes writes.
async fn works(tier: &RedisTier, of: u8) {
    let record = bytes::Bytes::from(vec![of]);
    until("the master takes it", PATIENCE, async || {
        tier.put(&put(key(of), at(of.into()))).await.ok()
    })
    .await;
    assert!(read(tier, &key(of)).await.primary.is_some());
    until("a purge is read", PATIENCE, async || {
        let position = tier.append(&record).await.ok()?;
        let read = tier
            .read(LogPosition::START, 1000, Duration::ZERO)
            .await
            .ok()?;
        let is_there = read.records.contains(&(position, record.clone()));
        is_there.then_some(())
    })
    .await;
}

/// One sentinel that says what it is told to, and the servers that it may name.
async fn named() -> Option<(Sentinels, String)> {
    let sentinels = Sentinels::start_or_skip().await?;
    let url = sentinels.urls().into_iter().next().unwrap();
    Some((sentinels, url))
}

/// From now on it names this server, whatever that is.
async fn name(sentinels: &Sentinels, master: &Redis) {
    let sentinel = sentinels.sentinels().first().unwrap();
    let name = sentinels.master_name();
    let port = master.addr().port().to_string();
    sentinel.command(&["SENTINEL", "REMOVE", name]).await;
    let monitor = ["SENTINEL", "MONITOR", name, "127.0.0.1", &port, "1"];
    assert_eq!(sentinel.command(&monitor).await, "OK");
}

/// What it would read there may be old.
#[tokio::test]
async fn a_replica_that_is_named_is_not_taken_for_the_master() {
    let Some((sentinels, url)) = named().await else {
        return;
    };
    let master = sentinels.master().await.addr();
    let mut servers = sentinels.servers().iter();
    let replica = servers.find(|server| server.addr() != master).unwrap();
    name(&sentinels, replica).await;
    let tier = RedisTier::sentinel([url], sentinels.master_name());
    let error = tier.connect().await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::ReadOnly, "{error}");
    assert!(error.to_string().contains("not the master"), "{error}");
}

/// Nobody else tells a node that can still reach the old one.
#[tokio::test]
async fn another_master_is_followed_though_the_old_one_answers() {
    let Some((sentinels, url)) = named().await else {
        return;
    };
    let tier = RedisTier::sentinel([url], sentinels.master_name());
    let tier = tier.connect().await.unwrap();
    tier.put(&put(key(1), at(1))).await.unwrap();
    let other = Redis::start().await;
    name(&sentinels, &other).await;
    until("values go there", PATIENCE, async || {
        let _ = tier.put(&put(key(2), at(2))).await;
        let there = other.command(&["DBSIZE"]).await;
        (there != "0").then_some(())
    })
    .await;
    until("purges go there", PATIENCE, async || {
        let _ = tier.append(&bytes::Bytes::from_static(b"a")).await;
        let _ = tier.read(LogPosition::START, 10, Duration::ZERO).await;
        let log = other.command(&["EXISTS", "larder1::{log}"]).await;
        (log == "1").then_some(())
    })
    .await;
    let batch = tier.read(LogPosition::START, 10, Duration::ZERO).await;
    assert!(!batch.unwrap().records.is_empty());
}
