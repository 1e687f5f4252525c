//! Nodes are replaced one after the other by those that write another version of frames.

use larder_servers::{Kind, Redis};

use crate::on_both;
use crate::scene::Scene;
use crate::servers::{BOUND, Way};

/// What is written now.
const VERSION: u8 = 1;

on_both!([
    nodes_of_two_versions_serve_nothing_wrong
    what_the_older_stored_the_newer_serves_and_the_older_misses_what_the_newer_stored
]);

/// The last two nodes are of the next version.
async fn scene(kind: Kind) -> Option<(Redis, Scene)> {
    let server = Redis::options().kind(kind).start_or_skip().await?;
    let way = |node| {
        let way = Way::redis(server.url());
        match node {
            0 | 1 => way,
            _ => way.with(|settings| settings.frame_version(VERSION + 1)),
        }
    };
    let scene = Scene::new(way).await;
    Some((server, scene))
}

async fn nodes_of_two_versions_serve_nothing_wrong(kind: Kind) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    scene
        .play_apart(async |scene| scene.go_on(2 * BOUND).await)
        .await;
    for old in [0, 1] {
        assert!(scene.stats(old).unreadable() > 0);
        assert!(scene.stats(old).hits() > 0);
    }
    for new in [2, 3] {
        assert_eq!(scene.stats(new).unreadable(), 0);
        assert!(scene.stats(new).hits() > 0);
    }
    // Purges are of no version.
    assert_eq!(scene.sum(|stats| stats.unreadable_records()), 0);
    assert_eq!(scene.breaks(), 0);
}

async fn what_the_older_stored_the_newer_serves_and_the_older_misses_what_the_newer_stored(
    kind: Kind,
) {
    let Some((_server, scene)) = scene(kind).await else {
        return;
    };
    let [old, other_old, new, other_new] = &scene.nodes[..] else {
        unreachable!("there are four");
    };
    old.get("/by-old").await;
    old.written(1).await;
    for node in [other_old, new, other_new] {
        let (body, how) = node.told("/by-old").await;
        assert_eq!(body, "/by-old 1");
        assert!(how.ends_with("detail=shared"), "{how}");
    }
    assert_eq!(scene.app.calls(), 1);

    new.get("/by-new").await;
    new.written(1).await;
    let (_, how) = other_new.told("/by-new").await;
    assert!(how.ends_with("detail=shared"), "{how}");
    assert_eq!(scene.app.calls(), 2);
    let (body, how) = old.told("/by-new").await;
    assert_eq!(
        (&*body, &*how),
        ("/by-new 1", "larder; fwd=uri-miss; stored")
    );
    assert_eq!(scene.app.calls(), 3);
    assert!(scene.stats(0).unreadable() > 0);
    // Now all have it.
    old.written(2).await;
    let (_, how) = other_old.told("/by-new").await;
    assert!(how.ends_with("detail=shared"), "{how}");

    // And what one purges is gone for both.
    scene.app.change("/by-old");
    let receipt = new.purge("/by-old").await.unwrap();
    assert_eq!(receipt.everywhere(4 * BOUND).await, Ok(4));
    for node in &scene.nodes {
        assert_eq!(node.told("/by-old").await.0, "/by-old 2");
    }
}
