use std::time::Duration;

use larder::shared::{EntryStore, InvalidationLog, LogPosition};
use larder_redis::{ConnectErrorKind, RedisTier};
use larder_servers::{Sentinels, until};

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
