//! How long requests wait for the store, and for other nodes.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use http::{Request, Response};
use larder::{Cache, CacheLayer, CacheService, SharedSettings};
use larder_testing::{FakeStore, Side};
use larder_tests::{get, request};
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::node::{App, Node, clock, settle};
use crate::site::{Site, millis, secs};

/// Which fields select the store tells first, then that it has no such variant; and for a HEAD it is asked
/// for the response to GET before.
#[tokio::test(start_paused = true)]
async fn however_often_the_store_is_asked_nobody_waits_longer_than_for_one_answer() {
    let fields = [("cache-control", "max-age=60"), ("vary", "accept-language")];
    let (site, store) = (Site::with(&fields), FakeStore::new());
    let one = site.node(store.link()).ready().await;
    one.get_with("/a", &[("accept-language", "en")]).await;
    settle().await;
    for method in ["GET", "HEAD"] {
        let link = store.link();
        let other = site.node(link.clone()).ready().await;
        link.side(Side::Entries).delay_replies(millis(80));
        let begun = Instant::now();
        let asks = request(method, "/a", &[("accept-language", "de")]);
        assert_eq!(other.send(asks).await.status.as_u16(), 200);
        assert_eq!(begun.elapsed(), millis(100), "{method}");
    }
}

/// Its tags nobody knows before it is there; but what stood there before had them.
#[tokio::test(start_paused = true)]
async fn who_comes_after_a_purge_by_tag_does_not_wait_for_a_fill_of_before_on_another_node() {
    let (app, store) = (App::new(), FakeStore::new());
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::new(&app, store.link()).ready().await);
    }
    nodes[0].get("/a").await;
    settle().await;
    nodes[0].change(&app, "/a").await.unwrap();
    settle().await;
    app.takes(secs(3));
    let first = nodes[1].told("/a");
    let late = async {
        sleep(millis(500)).await;
        app.takes(millis(100));
        nodes[0].change(&app, "/a").await.unwrap();
        settle().await;
        let begun = Instant::now();
        (nodes[2].told("/a").await.0, begun.elapsed())
    };
    let (first, late) = tokio::join!(first, late);
    assert_eq!((&*first.0, &*late.0), ("/a 2 ", "/a 3 "));
    assert!(late.1 <= millis(350), "{:?}", late.1);
    settle().await;
    for node in &nodes {
        assert_eq!(node.told("/a").await.0, "/a 3 ");
    }
}

type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A node whose handler of `/outer` asks for `/inner` through the same cache, itself or in a task of its own.
fn asking(store: &FakeStore, spawns: bool) -> Node {
    let settings = SharedSettings::new();
    let builder = Cache::builder().clock(clock());
    let cache = builder.shared_with(store.link(), settings).build();
    let own = Arc::new(OnceLock::<CacheService<Inner>>::new());
    let known = Arc::clone(&own);
    let handler = service_fn(move |request: Request<Body>| {
        let known = Arc::clone(&known);
        async move {
            sleep(millis(10)).await;
            if request.uri().path() == "/outer" {
                let asked = known.get().unwrap().clone().oneshot(get("/inner"));
                if spawns {
                    tokio::spawn(asked).await.unwrap().unwrap();
                } else {
                    asked.await.unwrap();
                }
            }
            let response = Response::builder().header("cache-control", "max-age=60");
            Ok(response.body(Body::from("bread")).unwrap())
        }
    });
    let layer = CacheLayer::new(cache.clone());
    let service = layer.layer(Inner::new(handler));
    assert!(own.set(service.clone()).is_ok());
    Node { cache, service }
}

/// As on one node, what it asks for is taken for what a layer within is asked: that is shared, and its own
/// answer is left to each node.
#[tokio::test(start_paused = true)]
async fn handler_that_asks_through_the_same_cache_keeps_no_other_node_waiting() {
    let store = FakeStore::new();
    for number in 0..3 {
        let node = asking(&store, false).ready().await;
        let begun = Instant::now();
        assert_eq!(node.told("/outer").await.0, "bread");
        let within = if number == 0 { 20 } else { 11 };
        assert!(begun.elapsed() <= millis(within), "{number}");
        settle().await;
        assert_eq!(store.keys().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn answer_of_a_handler_that_asks_in_a_task_of_its_own_is_shared_as_any_other() {
    let store = FakeStore::new();
    let one = asking(&store, true).ready().await;
    let other = asking(&store, true).ready().await;
    one.get("/outer").await;
    settle().await;
    let told = other.told("/outer").await.1;
    assert_eq!(told, "larder; hit; ttl=60; detail=shared");
}
