//! A layer of a cache around another layer of the same cache: the inner one stores.

use std::time::Duration;

use axum::Router;
use axum::routing::get as route;
use larder::{Cache, Key, Purge, RoutePolicy};
use larder_axum::{CacheHint, Cached};
use larder_tests::{Reply, get};
use tokio::time::Instant;
use tower::ServiceExt;

const MINUTE: Duration = Duration::from_secs(60);

async fn send(app: &Router, path: &str) -> Reply {
    Reply::read(app.clone().oneshot(get(path)).await.unwrap()).await
}

/// Outer layers that obey, and that have a key of their own, the same as the inner one's or another.
fn apps(cache: &Cache) -> [Router; 3] {
    let inner = || {
        let policy = RoutePolicy::shared(MINUTE).tag("route");
        let handler = || async { (CacheHint::new().tag("handler"), "bread") };
        let plain = || async { ([("cache-control", "max-age=60")], "butter") };
        let annotated = route(handler).cached(cache, policy);
        Router::new()
            .route("/a", annotated)
            .route("/plain", route(plain))
    };
    let shared = || RoutePolicy::shared(MINUTE);
    [
        inner().layer(larder_axum::layer(cache)),
        inner().cached(cache, shared()),
        inner().cached(cache, shared().key(Key::new().query(["q"]))),
    ]
}

#[tokio::test(start_paused = true)]
async fn purge_by_a_tag_that_only_the_inner_layer_knows_drops_what_the_outer_one_serves() {
    for number in 0..3 {
        for tag in ["route", "handler"] {
            let cache = Cache::builder().build();
            let app = &apps(&cache)[number];
            for _ in 0..3 {
                send(app, "/a").await;
            }
            assert_eq!(cache.stats().responses(), 1, "{number}");
            let hits = cache.stats().hits();
            send(app, "/a").await;
            assert_eq!(cache.stats().hits(), hits + 1);
            cache.purge(Purge::tag(tag));
            send(app, "/a").await;
            assert_eq!(cache.stats().hits(), hits + 1, "{number} {tag}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn request_does_not_wait_for_itself() {
    for number in 0..3 {
        let cache = Cache::builder().build();
        let (app, begun) = (&apps(&cache)[number], Instant::now());
        send(app, "/a").await;
        send(app, "/a").await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "{number}");
    }
}

#[tokio::test]
async fn outer_layer_stores_what_no_inner_one_took_part_in() {
    for number in 0..3 {
        let cache = Cache::builder().build();
        let app = &apps(&cache)[number];
        send(app, "/plain").await;
        assert!(send(app, "/plain").await.is_hit(), "{number}");
    }
}
