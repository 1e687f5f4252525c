//! What one node stores the others fetch before anybody asks.

use larder::SharedSettings;
use larder_testing::FakeStore;

use crate::node::{App, Node, settle};

async fn nodes(app: &App, store: &FakeStore, bytes: u64) -> [Node; 2] {
    let node = || {
        let settings = SharedSettings::new().fetch_ahead(bytes);
        Node::with(app, store.link(), settings, |cache| cache).ready()
    };
    let nodes = [node().await, node().await];
    settle().await;
    nodes
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_told_need_not_ask_the_store() {
    let (app, store) = (App::new(), FakeStore::new());
    let [one, other] = nodes(&app, &store, 1 << 20).await;
    one.get("/a").await;
    settle().await;
    let stats = other.cache.shared_stats().unwrap();
    assert_eq!((stats.fetched_ahead(), stats.hits()), (1, 0));
    let stats = one.cache.shared_stats().unwrap();
    assert_eq!(stats.fetched_ahead(), 0, "it has stored it itself");
    let gets = store.counts().gets;
    let (body, told) = other.told("/a").await;
    assert_eq!(
        (&*body, &*told),
        ("/a 1 ", "larder; hit; ttl=3600; detail=shared")
    );
    assert_eq!((store.counts().gets, app.calls()), (gets, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_fetched_ahead_is_as_old_as_it_is_and_gone_when_purged() {
    let (app, store) = (App::new(), FakeStore::new());
    let [one, other] = nodes(&app, &store, 1 << 20).await;
    one.get("/a").await;
    settle().await;
    assert_eq!(other.cache.shared_stats().unwrap().fetched_ahead(), 1);
    one.change(&app, "/a");
    settle().await;
    assert_eq!(other.told("/a").await.0, "/a 2 ");
}

#[tokio::test(start_paused = true)]
async fn a_variant_that_was_fetched_ahead_answers_those_who_ask_for_it_alone() {
    let (app, store) = (App::new(), FakeStore::new());
    app.set_fields(&[
        ("cache-control", "max-age=3600"),
        ("vary", "accept-language"),
    ]);
    let [one, other] = nodes(&app, &store, 1 << 20).await;
    let ask = |language| larder_tests::request("GET", "/a", &[("accept-language", language)]);
    one.send(ask("de")).await;
    settle().await;
    assert_eq!(other.send(ask("de")).await.text(), "/a 1 de");
    assert_eq!(app.calls(), 1);
    assert_eq!(other.send(ask("fr")).await.text(), "/a 1 fr");
    assert_eq!(app.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn by_default_nobody_is_told() {
    let (app, store) = (App::new(), FakeStore::new());
    let [one, other] = nodes(&app, &store, 0).await;
    one.get("/a").await;
    settle().await;
    assert_eq!(other.cache.shared_stats().unwrap().fetched_ahead(), 0);
    assert_eq!(store.counts().gets, 1);
}
