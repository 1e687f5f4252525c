//! Purges that an application publishes which does not run a cache: one node listens, and all nodes purge.

use std::time::Duration;

use larder::Feed;
use larder_redis::{BridgeCounts, RedisTier};
use larder_servers::{Kind, Redis, until};

use crate::node::Node;
use crate::on_both;
use crate::scene::Scene;
use crate::servers::Way;

const CHANNEL: &str = "shop:purges";
const PATIENCE: Duration = Duration::from_secs(20);

on_both!([
    what_is_published_is_purged_on_all_nodes
    what_may_have_been_published_while_nobody_listened_is_purged
]);

async fn scene(kind: Kind) -> Option<(Redis, Scene)> {
    let server = Redis::options()
        .kind(kind)
        .durable()
        .start_or_skip()
        .await?;
    let scene = Scene::new(|_| Way::redis(server.url())).await;
    Some((server, scene))
}

/// Returns when it does.
async fn listen(server: &Redis, node: &Node) -> (Feed, BridgeCounts) {
    let (url, cache) = (server.url(), node.cache.clone());
    let listens = node.handle.spawn(async move {
        let tier = RedisTier::connect(url).await.unwrap();
        let bridge = tier.bridge(CHANNEL).purge_after_gap(true);
        let counts = bridge.counts();
        (cache.follow(bridge).spawn(), counts)
    });
    let listens = listens.await.unwrap();
    is_heard(server).await;
    listens
}

async fn is_heard(server: &Redis) {
    until("somebody listens", PATIENCE, || async {
        let heard = server.try_command(&["PUBLISH", CHANNEL, "{}"]).await.ok()?;
        (heard == "1").then_some(())
    })
    .await;
}

/// Each node has it.
async fn store(scene: &Scene, paths: &[&str]) {
    for node in &scene.nodes {
        for path in paths {
            node.get(path).await;
            let (_, how) = node.told(path).await;
            assert!(how.starts_with("larder; hit; ttl=3"), "{how}");
        }
    }
}

/// Until all nodes serve this version.
async fn serve(scene: &Scene, path: &str, version: u64) {
    let expected = format!("{path} {version}");
    for node in &scene.nodes {
        until("a purge arrives", PATIENCE, || async {
            (node.told(path).await.0 == expected).then_some(())
        })
        .await;
    }
}

async fn what_is_published_is_purged_on_all_nodes(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    let (_feed, counts) = listen(&server, &scene.nodes[0]).await;
    store(&scene, &["/a", "/b", "/c"]).await;
    let applied = scene.stats(3).applied();
    for path in ["/a", "/b"] {
        scene.app.change(path);
    }
    server
        .command(&["PUBLISH", CHANNEL, r#"{"tags": ["a"]}"#])
        .await;
    serve(&scene, "/a", 2).await;
    // Nothing else is.
    for node in &scene.nodes {
        let (body, how) = node.told("/b").await;
        assert_eq!(body, "/b 1");
        assert!(how.starts_with("larder; hit"), "{how}");
    }
    server
        .command(&["PUBLISH", CHANNEL, r#"{"everything": true}"#])
        .await;
    serve(&scene, "/b", 2).await;
    let malformed = counts.malformed();
    server.command(&["PUBLISH", CHANNEL, "no purge"]).await;
    until("it is counted", PATIENCE, || async {
        (counts.malformed() == malformed + 1).then_some(())
    })
    .await;
    // The others read them in the log.
    assert_eq!(scene.stats(3).applied() - applied, 2);
    assert!(scene.stats(0).appended() >= 2);
}

async fn what_may_have_been_published_while_nobody_listened_is_purged(kind: Kind) {
    let Some((server, scene)) = scene(kind).await else {
        return;
    };
    let _listens = listen(&server, &scene.nodes[0]).await;
    store(&scene, &["/a"]).await;
    scene.app.change("/a");
    server.restart().await;
    serve(&scene, "/a", 2).await;
    assert!(scene.stats(3).applied() > 0);
}
