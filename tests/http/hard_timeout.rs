//! The inner service has so long to answer: else a stale response, or 504.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response};
use larder::{Cache, CacheLayer, Policy, RoutePolicy};
use larder_tests::{Origin, Reply, Setup, feed, get, request, response};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt};

use crate::refresh::ETAG;
use crate::scene::{Scene, clock, millis, secs};
use crate::soft_timeout::{STANDS_IN, slow, stale};

fn hard(layer: CacheLayer) -> CacheLayer {
    layer.with_hard_timeout(secs(2))
}

fn is_timed_out(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.text()), (504, ""));
    assert!(!reply.has("cache-status"), "{:?}", reply.headers);
}

/// Counts itself while it is alive.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn leader_and_followers_get_504_when_the_time_is_over() {
    let alive = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&alive);
    let handler = move |call| {
        let alive = Alive::new(&count);
        async move {
            let _alive = alive;
            if call == 0 {
                std::future::pending::<()>().await;
            }
            slow(STANDS_IN, 200, 0).await
        }
    };
    let scene = Scene::with_layer(handler, hard);
    let (first, later) = tokio::join!(scene.many(100), async {
        sleep(millis(1500)).await;
        assert_eq!(alive.load(Ordering::SeqCst), 1);
        scene.many(100).await
    });
    for (answers, after) in [(first, 2000), (later, 500)] {
        for (reply, took) in answers {
            is_timed_out(&reply);
            assert_eq!(took, millis(after));
        }
    }
    assert_eq!((scene.calls(), alive.load(Ordering::SeqCst)), (1, 0));
    let stats = scene.cache.stats();
    assert_eq!(
        (stats.responses(), stats.fills(), stats.errors()),
        (0, 0, 200)
    );
    let next = scene.get().await;
    assert!(next.is_stored());
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn answer_in_time_is_relayed_and_stored() {
    let handler = |_| async {
        sleep(millis(1999)).await;
        Ok(response(200, &[("cache-control", STANDS_IN)], "body"))
    };
    let scene = Scene::with_layer(handler, hard);
    let (reply, took) = scene.timed().await;
    assert_eq!((reply.is_stored(), took), (true, millis(1999)));
}

#[tokio::test(start_paused = true)]
async fn stale_response_stands_in_when_the_time_is_over() {
    let policy = Policy::shared().with_stale_on_failure(Some(secs(30)));
    for (says, policy) in [(STANDS_IN, Policy::shared()), ("max-age=60", policy)] {
        let layer = |layer: CacheLayer| hard(layer).with_policy(policy);
        let scene = stale(says, 200, |cache| cache, layer).await;
        for (reply, took) in scene.many(100).await {
            let told = "larder; fwd=stale; ttl=-7; detail=timeout";
            assert_eq!(reply.field("cache-status"), told);
            assert_eq!((reply.text(), took), ("call 1", secs(2)));
        }
        // Nobody tries again for a moment.
        scene.many_at_once(100, "larder; hit; ttl=-7").await;
        sleep(millis(999)).await;
        scene.many_at_once(100, "larder; hit; ttl=-7").await;
        assert_eq!(scene.calls(), 2);
        sleep(millis(1)).await;
        scene.get().await;
        assert_eq!(scene.calls(), 3);
        assert_eq!(scene.cache.stats().errors(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn response_that_may_not_be_used_stale_does_not_stand_in() {
    let forbidden = "max-age=60, stale-if-error=30, must-revalidate";
    for says in ["max-age=60", forbidden, "max-age=60, stale-if-error=6"] {
        let scene = stale(says, 304, |cache| cache, hard).await;
        for (reply, took) in scene.many(10).await {
            is_timed_out(&reply);
            assert_eq!(took, secs(2), "{says}");
        }
        assert_eq!((scene.calls(), scene.cache.stats().responses()), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn annotation_sets_the_time_of_its_route() {
    let annotation = RoutePolicy::obey().hard_timeout(secs(3));
    let layer = |layer: CacheLayer| hard(layer).with_route_policy(annotation);
    let scene = stale("max-age=60", 200, |cache| cache, layer).await;
    let (reply, took) = scene.timed().await;
    is_timed_out(&reply);
    assert_eq!(took, secs(3));
}

#[tokio::test(start_paused = true)]
async fn soft_timeout_comes_first_and_the_hard_one_ends_the_fill() {
    let both = |layer: CacheLayer| hard(layer).with_soft_timeout(millis(200));
    let scene = stale(STANDS_IN, 200, |cache| cache, both).await;
    for (reply, took) in scene.many(10).await {
        assert!(reply.field("cache-status").ends_with("detail=soft-timeout"));
        assert_eq!(took, millis(200));
    }
    sleep(millis(1801)).await;
    assert_eq!(scene.cache.stats().fills(), 0);
    scene.many_at_once(10, "larder; hit; ttl=-7").await;
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn call_is_dropped_in_time_also_when_its_client_has_left() {
    let alive = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&alive);
    let handler = move |_| {
        let alive = Alive::new(&count);
        async move {
            let _alive = alive;
            std::future::pending().await
        }
    };
    let scene = Scene::with_layer(handler, hard);
    let left = tokio::time::timeout(secs(1), scene.get()).await;
    assert!(left.is_err());
    let (reply, took) = scene.timed().await;
    is_timed_out(&reply);
    assert_eq!((took, alive.load(Ordering::SeqCst)), (secs(1), 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_cache_takes_no_part_in_has_all_the_time_it_needs() {
    let scene = stale("max-age=60", 200, |cache| cache, hard).await;
    for asked in [
        request("POST", "/a", &[]),
        request("GET", "/a", &[("if-match", "*")]),
        request("GET", "/a", &[("x-http-method-override", "PUT")]),
    ] {
        let begun = Instant::now();
        let reply = scene.send(asked).await.unwrap();
        assert_eq!((reply.text(), begun.elapsed()), ("new", secs(5)));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_do_not_collapse_have_the_same_time() {
    let alone = |layer: CacheLayer| hard(layer).with_collapsing(false);
    let scene = stale("max-age=60", 200, |cache| cache, alone).await;
    for (reply, took) in scene.many(3).await {
        is_timed_out(&reply);
        assert_eq!(took, secs(2));
    }
    assert_eq!(scene.calls(), 4);
    let scene = stale("max-age=60", 200, |cache| cache, hard).await;
    let begun = Instant::now();
    let part = request("GET", "/other", &[("range", "bytes=0-1")]);
    is_timed_out(&scene.send(part).await.unwrap());
    assert_eq!(begun.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn body_may_take_longer_than_the_time_to_answer() {
    let handler = |_| async {
        let (feeder, body) = feed();
        feeder.data("0");
        tokio::spawn(async move {
            for second in 1..10 {
                sleep(secs(1)).await;
                feeder.data(second.to_string());
            }
        });
        Ok(response(200, &[("cache-control", STANDS_IN)], body))
    };
    let scene = Scene::with_layer(handler, hard);
    for (reply, took) in scene.many(10).await {
        assert_eq!((reply.text(), took), ("0123456789", secs(9)));
    }
    assert_eq!(scene.get().await.text(), "0123456789");
    assert_eq!(scene.calls(), 1);
}

/// Never ready.
#[derive(Clone)]
struct Unready(Arc<AtomicUsize>);

impl Service<Request<Body>> for Unready {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(response(200, &[ETAG], "body")))
    }
}

#[tokio::test(start_paused = true)]
async fn wait_for_readiness_counts() {
    let calls = Arc::<AtomicUsize>::default();
    let cache = Cache::builder().clock(clock()).build();
    let service = hard(CacheLayer::new(cache)).layer(Unready(Arc::clone(&calls)));
    let begun = Instant::now();
    let reply = Reply::read(service.oneshot(get("/a")).await.unwrap()).await;
    is_timed_out(&reply);
    assert_eq!(
        (begun.elapsed(), calls.load(Ordering::SeqCst)),
        (secs(2), 0)
    );
}

#[test]
fn without_a_runtime_nothing_is_limited_in_time() {
    let limits = |cache| {
        let layer = hard(CacheLayer::new(cache));
        layer.with_soft_timeout(millis(1))
    };
    let setup = Setup::with_layer(Origin::ok(&[("cache-control", STANDS_IN)]), limits);
    for calls in 1..3 {
        let reply = setup.get("/a").now_or_never().unwrap();
        assert_eq!((reply.status.as_u16(), setup.origin.calls()), (200, calls));
        setup.clock.advance(65);
    }
}
