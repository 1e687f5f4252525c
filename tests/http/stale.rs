//! Stale responses in place of failures (RFC 9111 section 4.2.4, RFC 5861).

use axum::body::Body;
use http::{Request, Response};
use larder::{Cache, CacheService, Policy};
use larder_tests::{Origin, Reply, Setup, TestClock, feed, request, response, stack};
use tower::{Layer, Service, ServiceExt, service_fn};

pub(crate) const WINDOW: &str = "max-age=60, stale-if-error=30";

/// A cache with a response stored by this `Cache-Control`, before an origin that has answered every
/// call after the first with this status.
pub(crate) async fn failing(policy: Policy, cache_control: &'static str, status: u16) -> Setup {
    let origin = Origin::new(move |_, calls| {
        if calls == 0 {
            response(200, &[("cache-control", cache_control)], "body")
        } else {
            response(status, &[], "failed")
        }
    });
    let setup = Setup::with_policy(origin, policy);
    assert!(setup.get("/a").await.is_stored());
    setup
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Down;

/// The same before a service that fails without a response.
pub(crate) async fn down(
    policy: Policy,
    cache_control: &'static str,
) -> (Cache, TestClock, impl Failing) {
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let calls = std::sync::Arc::new(calls);
    let inner = service_fn(move |_: Request<Body>| {
        let first = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let reply = response(200, &[("cache-control", cache_control)], "body");
        async move { if first { Ok(reply) } else { Err(Down) } }
    });
    let (cache, clock, service) = stack(inner, policy);
    let first = service.clone().oneshot(request("GET", "/a", &[])).await;
    Reply::read(first.unwrap()).await;
    (cache, clock, service)
}

pub(crate) trait Failing: Clone {
    async fn get(&self) -> Result<Reply, Down>;
}

impl<S> Failing for CacheService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Down> + Clone + Send + 'static,
    S::Future: Send,
{
    async fn get(&self) -> Result<Reply, Down> {
        let response = self.clone().oneshot(request("GET", "/a", &[])).await?;
        Ok(Reply::read(response).await)
    }
}

#[tokio::test]
async fn stale_response_stands_in_for_a_failed_service() {
    for status in [500, 502, 503, 504] {
        let setup = failing(Policy::shared(), WINDOW, status).await;
        setup.clock.advance(65);
        let reply = setup.get("/a").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "body"));
        assert_eq!(reply.field("age"), "65");
        let told = format!("larder; fwd=stale; fwd-status={status}; ttl=-5; detail=stale-if-error");
        assert_eq!(reply.field("cache-status"), told);
    }
}

#[tokio::test]
async fn failed_service_is_tried_again_after_a_second_and_not_before() {
    let setup = failing(Policy::shared(), WINDOW, 503).await;
    setup.clock.advance(65);
    setup.get("/a").await;
    for _ in 0..3 {
        let reply = setup.get("/a").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "body"));
        assert_eq!(reply.field("cache-status"), "larder; hit; ttl=-5");
    }
    assert_eq!(setup.origin.calls(), 2);
    setup.clock.advance(1);
    let told = "larder; fwd=stale; fwd-status=503; ttl=-6; detail=stale-if-error";
    assert_eq!(setup.get("/a").await.field("cache-status"), told);
    assert_eq!(setup.origin.calls(), 3);
}

#[tokio::test]
async fn failed_service_is_tried_again_by_those_whom_no_stale_response_serves() {
    for cache_control in ["max-age=60", "max-age=60, stale-if-error=4"] {
        let setup = failing(Policy::shared(), cache_control, 503).await;
        setup.clock.advance(65);
        for calls in 2..5 {
            assert_eq!(setup.get("/a").await.status, 503);
            assert_eq!(setup.origin.calls(), calls);
        }
    }
}

#[tokio::test]
async fn other_answers_are_answers() {
    for status in [501, 505, 404, 403, 429, 301] {
        let setup = failing(Policy::shared(), WINDOW, status).await;
        setup.clock.advance(65);
        let reply = setup.get("/a").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (status, "failed"));
    }
}

#[tokio::test]
async fn stale_response_stands_in_for_an_error_of_the_service() {
    let (cache, clock, service) = down(Policy::shared(), WINDOW).await;
    clock.advance(65);
    let reply = service.get().await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.text()), (200, "body"));
    assert_eq!(reply.field("age"), "65");
    let told = "larder; fwd=stale; ttl=-5; detail=stale-if-error";
    assert_eq!(reply.field("cache-status"), told);
    assert_eq!((cache.stats().stale_hits(), cache.stats().errors()), (1, 0));
}

#[tokio::test]
async fn error_of_the_service_passes_unchanged_without_a_window() {
    let (cache, clock, service) = down(Policy::shared(), "max-age=60").await;
    clock.advance(65);
    assert_eq!(service.get().await.unwrap_err(), Down);
    assert_eq!(cache.stats().errors(), 1);
    // What is stored stays, for when the service is back.
    assert_eq!(cache.stats().responses(), 1);
    let nothing_stored = service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>(Down) });
    let (_, _, service) = stack(nothing_stored, Policy::conformance());
    assert_eq!(service.get().await.unwrap_err(), Down);
}

#[tokio::test]
async fn window_counts_from_expiry_and_includes_its_last_second() {
    for (now, served) in [
        (60, true),
        (61, true),
        (90, true),
        (91, false),
        (9000, false),
    ] {
        let setup = failing(Policy::shared(), WINDOW, 503).await;
        setup.clock.advance(now);
        assert_eq!(setup.get("/a").await.status == 200, served, "{now}");
        let (_, clock, service) = down(Policy::shared(), WINDOW).await;
        clock.advance(now);
        assert_eq!(service.get().await.is_ok(), served, "{now}");
    }
}

#[tokio::test]
async fn no_window_and_no_number_mean_no_stale_response() {
    for (cache_control, now) in [
        ("max-age=60", 61),
        ("max-age=60, stale-if-error", 61),
        ("max-age=60, stale-if-error=x", 61),
        ("max-age=60, stale-if-error=-1", 61),
        ("max-age=60, stale-if-error=0", 61),
        // Another window, which is over.
        ("max-age=60, stale-while-revalidate=30", 91),
    ] {
        let setup = failing(Policy::shared(), cache_control, 503).await;
        setup.clock.advance(now);
        assert_eq!(setup.get("/a").await.status, 503, "{cache_control}");
    }
}

#[tokio::test]
async fn stale_response_answers_the_clients_own_conditions() {
    let origin = Origin::new(|_, calls| {
        let status = if calls == 0 { 200 } else { 503 };
        let fields = [("cache-control", WINDOW), ("etag", "\"a\"")];
        response(status, &fields, "body")
    });
    let setup = Setup::shared(origin);
    setup.get("/a").await;
    setup.clock.advance(61);
    let conditional = setup.get_with("/a", &[("if-none-match", "\"a\"")]).await;
    assert_eq!(conditional.status, 304);
    let part = setup.get_with("/a", &[("range", "bytes=0-1")]).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "bo"));
    let head = setup.send(request("HEAD", "/a", &[])).await;
    assert_eq!(head.status, 200);
}

#[tokio::test]
async fn body_of_the_failure_is_let_go() {
    let (feeder, body) = feed();
    let first = std::sync::Mutex::new(Some(body));
    let setup = Setup::shared(Origin::new(move |_, calls| match calls {
        0 => response(200, &[("cache-control", WINDOW)], "body"),
        _ => response(503, &[], first.lock().unwrap().take().unwrap()),
    }));
    setup.get("/a").await;
    setup.clock.advance(61);
    assert_eq!(setup.get("/a").await.text(), "body");
    assert!(feeder.is_abandoned());
}

#[tokio::test]
async fn service_that_never_gets_ready_again_counts_as_failed() {
    let (inner, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let clock = TestClock::default();
    let cache = Cache::builder().clock(clock.clock()).build();
    let service = larder::CacheLayer::new(cache).layer(inner);
    let get = tokio::spawn(service.clone().oneshot(request("GET", "/a", &[])));
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(response(200, &[("cache-control", WINDOW)], "body"));
    Reply::read(get.await.unwrap().unwrap()).await;
    clock.advance(61);
    handle.send_error("not ready");
    let reply = service.oneshot(request("GET", "/a", &[])).await.unwrap();
    assert_eq!(Reply::read(reply).await.text(), "body");
}
