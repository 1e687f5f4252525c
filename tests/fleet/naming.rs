//! Names are worked out when a fill begins. Until then nobody knows what a purge would have to name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::{Purge, RoutePolicy, SharedSettings};
use larder_testing::FakeStore;
use tokio::time::sleep;

use crate::node::{App, settle};
use crate::pair::{Pair, pair};
use crate::site::{Site, millis, secs};

#[tokio::test(start_paused = true)]
async fn tags_are_found_for_what_is_filled_and_not_for_what_another_node_has() {
    let site = Site::with(&[("cache-control", "max-age=60")]);
    let (store, found) = (FakeStore::new(), Arc::new(AtomicUsize::new(0)));
    let node = || {
        let found = Arc::clone(&found);
        let route = RoutePolicy::shared(secs(60)).tag_with(move |request| {
            found.fetch_add(1, Ordering::SeqCst);
            [format!("tag:{}", request.uri().path())]
        });
        site.node_with(store.link(), SharedSettings::new(), |layer| {
            layer.with_route_policy(route)
        })
    };
    let (one, other) = (node().ready().await, node().ready().await);
    assert_eq!(one.told("/a").await.0, "/a 1");
    settle().await;
    assert_eq!(other.told("/a").await.0, "/a 1");
    assert_eq!(found.load(Ordering::SeqCst), 1);
    // It came with them.
    other.cache.purge(Purge::tag("tag:/a")).await.unwrap();
    assert_eq!(other.told("/a").await.0, "/a 2");
    assert_eq!(found.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn look_that_is_joined_after_a_purge_brings_nothing_back_and_one_call_is_enough() {
    let app = App::new();
    let pair = pair(&app).await;
    let tell = async || pair.other.told("/a").await;
    let (before, (after, told)) = pair.change_while_looking(&app, 10, tell).await;
    assert_eq!((&*before, &*after), ("/a 2 ", "/a 2 "));
    assert!(told.contains("collapsed"), "{told}");
    assert_eq!(app.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_a_purge_does_not_wait_with_those_who_wait_for_another_node() {
    let app = App::new();
    let Pair { one, other, .. } = pair(&app).await;
    app.takes(millis(300));
    let late = async {
        sleep(millis(50)).await;
        one.told("/a").await
    };
    let purge = async {
        sleep(millis(100)).await;
        app.takes(millis(10));
        app.change("/a");
        let purge = Purge::prefix("/a").unwrap();
        let receipt = other.cache.purge(purge).await.unwrap();
        receipt.everywhere(secs(1)).await.unwrap();
        one.told("/a").await
    };
    let ((old, _), _, (new, told)) = tokio::join!(other.told("/a"), late, purge);
    assert_eq!((&*old, &*new), ("/a 1 ", "/a 2 "));
    assert!(!told.contains("collapsed"), "{told}");
}
