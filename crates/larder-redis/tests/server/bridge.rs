use std::time::Duration;

use larder::{Cache, Change, Purge, Source};
use larder_redis::{Bridge, ConnectErrorKind, RedisTier};
use larder_servers::{Redis, until};

use crate::support::{PATIENCE, tier};

const CHANNEL: &str = "shop:purges";

/// Once somebody listens.
async fn publish(server: &Redis, message: &str) {
    until("somebody listens", PATIENCE, async || {
        (server.command(&["PUBLISH", CHANNEL, message]).await == "1").then_some(())
    })
    .await;
}

async fn next(bridge: &mut Bridge) -> Change {
    let listening = async {
        loop {
            match bridge.next().await.unwrap() {
                Ok(change) => return change,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.unwrap()
}

#[tokio::test]
async fn what_is_published_is_purged_and_what_is_no_purge_is_counted() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    let bridge = tier.bridge(CHANNEL);
    let counts = bridge.counts();
    let cache = Cache::builder().build();
    let feed = cache.follow(bridge).spawn();
    publish(&server, "nonsense").await;
    publish(&server, r#"{"tags":["user:42"]}"#).await;
    publish(&server, r#"{"urls":["no path"]}"#).await;
    publish(&server, r#"{"everything":true,"soft":true}"#).await;
    until("all is heard", PATIENCE, async || {
        (feed.counts().applied() == 2).then_some(())
    })
    .await;
    assert_eq!((counts.received(), counts.malformed()), (4, 2));
    assert_eq!((feed.counts().purges(), feed.counts().lost()), (2, 0));
}

#[tokio::test]
async fn a_bridge_listens_again_and_says_that_it_did_not_if_it_is_to() {
    let Some((server, tier)) = tier().await else {
        return;
    };
    for tells in [false, true] {
        let mut bridge = tier.bridge(CHANNEL).purge_after_gap(tells);
        let (heard, ()) = tokio::join!(next(&mut bridge), publish(&server, r#"{"tags":["a"]}"#));
        assert!(matches!(heard, Change::Purge(purge) if purge == Purge::tag("a")));
        server.restart().await;
        let error = bridge.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ConnectErrorKind::Unreachable);
        if tells {
            assert!(matches!(next(&mut bridge).await, Change::Lost));
        }
        let (heard, ()) = tokio::join!(next(&mut bridge), publish(&server, r#"{"tags":["b"]}"#));
        assert!(matches!(heard, Change::Purge(purge) if purge == Purge::tag("b")));
    }
}

#[tokio::test]
async fn a_user_who_may_not_listen_is_told() {
    let Some(server) = Redis::start_or_skip().await else {
        return;
    };
    let user = [
        "ACL",
        "SETUSER",
        "cache",
        "on",
        ">secret",
        "~*",
        "+@all",
        "resetchannels",
    ];
    server.command(&user).await;
    let url = format!("redis://cache:secret@{}", server.addr());
    let tier = RedisTier::connect(url).await.unwrap();
    let error = tier.bridge(CHANNEL).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Permission, "{error}");
    assert!(
        error.to_string().contains("+subscribe &shop:purges"),
        "{error}"
    );
    server
        .command(&["ACL", "SETUSER", "cache", "&shop:*"])
        .await;
    let mut bridge = tier.bridge(CHANNEL);
    let (heard, ()) = tokio::join!(next(&mut bridge), publish(&server, r#"{"tags":["a"]}"#));
    assert!(matches!(heard, Change::Purge(_)));
}
