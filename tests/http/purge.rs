//! Purges: of tags, URLs, paths, partitions and everything; hard and soft.

use larder::{Purge, RoutePolicy};
use larder_tests::{get, response};

use crate::scene::{Scene, secs, settle};

fn tagged(policy: RoutePolicy) -> Scene {
    Scene::with_layer(
        |calls| async move { Ok(response(200, &[], format!("version {calls}"))) },
        |layer| layer.with_route_policy(policy),
    )
}

#[tokio::test(start_paused = true)]
async fn purge_of_a_tag_drops_what_has_it() {
    let policy = RoutePolicy::shared(secs(60))
        .tag("all")
        .tag_with(|request| [format!("path:{}", request.uri().path())]);
    let scene = tagged(policy);
    for path in ["/a", "/b"] {
        scene.send(get(path)).await.unwrap();
        assert!(scene.send(get(path)).await.unwrap().is_hit());
    }
    assert_eq!(scene.cache.estimate(&Purge::tag("path:/a")).responses(), 1);
    let receipt = scene.cache.purge(Purge::tag("path:/a"));
    assert_eq!(receipt.purge(), &Purge::tag("path:/a"));
    assert_eq!(scene.cache.estimate(&Purge::tag("path:/a")).responses(), 0);
    assert!(!scene.send(get("/a")).await.unwrap().is_hit());
    assert!(scene.send(get("/b")).await.unwrap().is_hit());
    scene.cache.purge(Purge::tag("all"));
    for path in ["/a", "/b"] {
        assert!(!scene.send(get(path)).await.unwrap().is_hit());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_purged_softly_is_served_while_one_validation_runs() {
    let policy = RoutePolicy::shared(secs(60))
        .stale_while_revalidate(secs(30))
        .tag("a");
    let scene = tagged(policy);
    scene.get().await;
    scene.cache.purge(Purge::tag("a").soft());
    let stale = scene.get().await;
    assert_eq!(
        stale.field("cache-status"),
        "larder; hit; ttl=0; detail=soft-purged"
    );
    assert_eq!(stale.text(), "version 0");
    settle().await;
    assert_eq!(scene.calls(), 2);
    let fresh = scene.get().await;
    assert_eq!(fresh.field("cache-status"), "larder; hit; ttl=60");
    assert_eq!((fresh.text(), scene.calls()), ("version 1", 2));
}
