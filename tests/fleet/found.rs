//! What is found in the store answers, whatever becomes of it in the memory.

use larder::SharedSettings;
use larder_testing::FakeStore;

use crate::node::{App, Node, settle};

/// Told of as found in the store.
fn is_shared(told: &str) -> bool {
    told.starts_with("larder; hit; ") && told.ends_with("; detail=shared")
}

/// A node that has room for so many bytes.
async fn small(app: &App, store: &FakeStore, max_bytes: u64) -> Node {
    let settings = SharedSettings::new();
    let node = Node::with(app, store.link(), settings, |cache| {
        cache.max_bytes(max_bytes)
    });
    node.ready().await
}

/// An application, and a store that has its `/a`.
async fn stored() -> (App, FakeStore) {
    let app = App::new();
    let store = FakeStore::new();
    let one = Node::new(&app, store.link()).ready().await;
    one.get("/a").await;
    settle().await;
    (app, store)
}

/// It went into the memory first, was looked for there, and if it was gone by then the handler was asked.
#[tokio::test(start_paused = true)]
async fn response_that_the_memory_does_not_keep_is_answered_from_the_store() {
    let (app, store) = stored().await;
    for max_bytes in [0, 1, 100] {
        let other = small(&app, &store, max_bytes).await;
        for _ in 0..3 {
            let (body, told) = other.told("/a").await;
            assert_eq!(body, "/a 1 ", "{max_bytes}");
            assert!(is_shared(&told), "{told}, {max_bytes}");
        }
        assert_eq!(other.cache.stats().responses(), 0, "{max_bytes}");
    }
    assert_eq!(app.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_what_the_memory_does_not_keep_get_it_too() {
    let (app, store) = stored().await;
    let other = small(&app, &store, 0).await;
    let asked = (0..10).map(|_| other.get("/a"));
    for reply in futures_util::future::join_all(asked).await {
        assert_eq!(reply.text(), "/a 1 ");
    }
    assert_eq!(app.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_purge_overtook_on_its_way_is_no_answer_although_the_memory_keeps_nothing() {
    let (app, store) = stored().await;
    let other = small(&app, &store, 0).await;
    assert!(is_shared(&other.told("/a").await.1));
    // It is gone here before the log tells the others.
    app.change("/a");
    drop(other.cache.purge(larder::Purge::tag("a")));
    assert_eq!(other.get("/a").await.text(), "/a 2 ");
    assert_eq!(app.calls(), 2);
}
