//! Two layers of a cache, one around the other: validations, failures, and whoever asks for the cache's
//! own sake.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use http::Request;
use larder::{CacheLayer, CacheService, EarlyRefresh, Key, Purge, RoutePolicy};
use larder_tests::{Reply, get, request, response};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};

use crate::keep_fresh::{FRESH, counts, second};
use crate::scene::{Handler, Inner, Outcome, Scene, millis, secs, settle};
use crate::warm::{outcomes, paths};

/// A scene, and a layer of its cache around its layer.
struct Nested {
    scene: Scene,
    outer: CacheService<CacheService<Inner>>,
}

impl Nested {
    fn around(scene: Scene, outer: impl FnOnce(CacheLayer) -> CacheLayer) -> Self {
        let layer = outer(CacheLayer::new(scene.cache.clone()));
        let outer = layer.layer(scene.service.clone());
        Self { scene, outer }
    }

    /// Two layers that obey: what one stores the other finds.
    fn alike<F>(handler: impl Handler<F>) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self::around(Scene::new(handler), |layer| layer)
    }

    /// An outer layer with a key of its own: it never finds what the inner one stores.
    fn unlike<F>(handler: impl Handler<F>) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let policy = RoutePolicy::shared(secs(60)).key(Key::new().header("accept-language"));
        Self::around(Scene::new(handler), |layer| layer.with_route_policy(policy))
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        Reply::read(self.outer.clone().oneshot(request).await.unwrap()).await
    }

    async fn get(&self) -> Reply {
        self.send(get("/a")).await
    }

    fn calls(&self) -> usize {
        self.scene.calls()
    }
}

/// A second for each part.
fn slowly(parts: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(parts).then(|part| async move {
        sleep(secs(1)).await;
        Ok::<_, Infallible>(*part)
    }))
}

#[tokio::test(start_paused = true)]
async fn who_warms_a_cache_is_told_what_the_inner_layer_did() {
    for nested in [Nested::alike(second), Nested::unlike(second)] {
        let warm = || nested.scene.cache.warm(nested.outer.clone(), paths(3));
        let warmed = warm().run().await;
        assert!(warmed.is_complete());
        assert_eq!(outcomes(warmed.progress()), [3, 0, 0, 0, 0]);
        assert_eq!(outcomes(warm().run().await.progress()), [0, 3, 0, 0, 0]);
        assert_eq!(nested.calls(), 3);
        let same = (0..5).map(|_| get("/same"));
        let warmed = nested.scene.cache.warm(nested.outer.clone(), same);
        assert_eq!(outcomes(warmed.run().await.progress()), [1, 4, 0, 0, 0]);
        assert_eq!(nested.calls(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn who_warms_a_cache_is_told_why_the_inner_layer_stores_nothing() {
    async fn no_store(_: usize) -> Outcome {
        Ok(response(200, &[("cache-control", "no-store")], ""))
    }
    let nested = Nested::alike(no_store);
    let warmed = nested.scene.cache.warm(nested.outer.clone(), paths(2));
    let warmed = warmed.run().await;
    let reasons: Vec<_> = warmed.progress().not_stored_by_reason().collect();
    assert_eq!(reasons, [("no-store", 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_the_inner_layer_stores_is_kept_fresh() {
    for nested in [Nested::alike(second), Nested::unlike(second)] {
        let cache = &nested.scene.cache;
        let keep = cache.keep_fresh(nested.outer.clone(), [get("/a")]);
        let scheduled = keep.every(secs(30)).jitter_percent(0).spawn();
        sleep(millis(1500)).await;
        for _ in 0..300 {
            let begun = Instant::now();
            assert!(nested.get().await.text().starts_with("call"));
            assert_eq!(begun.elapsed(), secs(0));
            sleep(secs(1)).await;
        }
        assert_eq!(counts(&scheduled), [11, 0, 0, 0]);
        assert_eq!(nested.calls(), 11);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_response_is_validated_in_the_background_through_both_layers() {
    for validator in [("etag", "\"a\""), ("x-none", "")] {
        let handler = move |call| async move {
            sleep(secs(1)).await;
            let says = ("cache-control", "max-age=60, stale-while-revalidate=600");
            let status = if call > 0 && validator.0 == "etag" {
                304
            } else {
                200
            };
            Ok(response(status, &[says, validator], "body"))
        };
        let nested = Nested::alike(handler);
        nested.get().await;
        for round in 1..4 {
            sleep(secs(70)).await;
            let stale = nested.get().await;
            assert!(stale.field("cache-status").contains("; hit; ttl=-"));
            sleep(secs(2)).await;
            let reply = nested.get().await;
            assert!(reply.is_hit() && reply.text() == "body");
            assert_eq!(reply.field("age"), "2");
            assert_eq!(nested.calls(), 1 + round, "{validator:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn body_that_comes_late_is_stored_in_the_background_with_one_place_for_it() {
    let scene = Scene::with(
        |_| async {
            let says = ("cache-control", "max-age=60, stale-while-revalidate=600");
            Ok(response(200, &[says], slowly(&["a", "b"])))
        },
        |cache| cache.max_background(1),
        |layer| layer,
    );
    let nested = Nested::around(scene, |layer| layer);
    nested.get().await;
    sleep(secs(70)).await;
    nested.get().await;
    sleep(secs(5)).await;
    let reply = nested.get().await;
    assert_eq!(reply.field("age"), "5");
    assert_eq!(nested.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn early_refresh_of_the_outer_layer_brings_a_new_response_before_the_old_one_expires() {
    let nested = Nested::around(Scene::new(second), |layer| {
        layer.with_early_refresh(EarlyRefresh::after_percent(80))
    });
    nested.get().await;
    for round in 1..4 {
        sleep(secs(49)).await;
        assert!(nested.get().await.is_hit());
        sleep(secs(2)).await;
        let reply = nested.get().await;
        assert!(reply.is_hit());
        assert_eq!(reply.text(), format!("call {}", round + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn stale_response_outlives_failures_whoever_asks() {
    for validator in [("etag", "\"a\""), ("x-none", "")] {
        for method in ["GET", "HEAD"] {
            let down = Arc::new(AtomicBool::new(false));
            let is_down = Arc::clone(&down);
            let nested = Nested::alike(move |_| {
                let status = if is_down.load(Ordering::SeqCst) {
                    503
                } else {
                    200
                };
                let says = [
                    ("cache-control", "max-age=60, stale-if-error=600"),
                    validator,
                ];
                async move { Ok(response(status, &says, "body")) }
            });
            nested.get().await;
            down.store(true, Ordering::SeqCst);
            sleep(secs(61)).await;
            for _ in 0..3 {
                let reply = nested.send(request(method, "/a", &[])).await;
                assert_eq!(reply.status, 200, "{method} {validator:?}");
                sleep(secs(10)).await;
            }
            assert_eq!(nested.get().await.text(), "body");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stale_response_that_stands_in_after_soft_timeouts_gives_way_to_the_new_one_only() {
    for validator in [("etag", "\"a\""), ("x-none", "")] {
        let handler = move |call| async move {
            sleep(secs(3)).await;
            let says = [
                ("cache-control", "max-age=60, stale-if-error=600"),
                validator,
            ];
            Ok(response(200, &says, format!("call {}", call + 1)))
        };
        let soft = |layer: CacheLayer| layer.with_soft_timeout(secs(1));
        let nested = Nested::around(Scene::with_layer(handler, soft), soft);
        nested.get().await;
        sleep(secs(61)).await;
        for _ in 0..2 {
            let begun = Instant::now();
            assert_eq!(nested.get().await.text(), "call 1");
            assert_eq!(begun.elapsed(), secs(1));
        }
        sleep(secs(3)).await;
        let begun = Instant::now();
        assert_eq!(nested.get().await.text(), "call 2");
        assert_eq!((begun.elapsed(), nested.calls()), (secs(0), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_one_another_after_a_304_as_before() {
    let nested = Nested::alike(|call| async move {
        sleep(secs(1)).await;
        let status = if call == 1 { 304 } else { 200 };
        let fields = [FRESH, ("etag", "\"a\"")];
        Ok(response(status, &fields, "body"))
    });
    nested.get().await;
    sleep(secs(61)).await;
    nested.get().await;
    assert_eq!(nested.calls(), 2);
    nested.scene.cache.purge(Purge::url("/a").unwrap());
    join_all((0..5).map(|_| nested.get())).await;
    assert_eq!(nested.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_one_another_at_the_inner_layer_while_the_outer_one_leads() {
    let policy = RoutePolicy::shared(secs(60)).key(Key::new().query(["page"]));
    let scene = Scene::with_layer(second, |layer| layer.with_route_policy(policy));
    // Each leads a flight of its own at the outer layer.
    let nested = Nested::around(scene, |layer| layer);
    let paths = (0..10).map(|at| format!("/a?bust={at}"));
    join_all(paths.map(|path| async { nested.send(get(&{ path })).await })).await;
    assert_eq!(nested.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_with_the_same_key_make_one_call_at_whichever_layer_they_wait() {
    for nested in [Nested::alike(second), Nested::unlike(second)] {
        let begun = Instant::now();
        let late = async {
            sleep(millis(500)).await;
            nested.get().await
        };
        let many = join_all((0..5).map(|_| nested.get()));
        let (late, many) = tokio::join!(late, many);
        assert!(
            many.iter()
                .chain([&late])
                .all(|reply| reply.text() == "call 1")
        );
        assert_eq!(begun.elapsed(), secs(1));
        assert_eq!(nested.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_a_body_arrives_reads_it_along() {
    let nested = Nested::alike(|_| async { Ok(response(200, &[FRESH], slowly(&["a", "b", "c"]))) });
    let late = async {
        sleep(millis(1500)).await;
        nested.get().await
    };
    let replies = tokio::join!(nested.get(), nested.get(), late);
    for reply in [replies.0, replies.1, replies.2] {
        assert_eq!(reply.text(), "abc");
    }
    settle().await;
    assert_eq!(nested.calls(), 1);
}
