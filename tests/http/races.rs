//! Requests that overlap with an invalidation, step by step (RFC 9111 section 4.4).

use axum::body::Body;
use http::{Request, Response};
use larder::{Cache, CacheService, Policy, ResponseBody};
use larder_tests::{Reply, TestClock, feed, get, request, response, stack};
use tokio::task::JoinHandle;
use tower::{BoxError, ServiceExt};
use tower_test::mock::{self, Handle, Mock, SendResponse};

const FRESH: [(&str, &str); 2] = [
    ("cache-control", "max-age=60, stale-if-error=600"),
    ("etag", "\"a\""),
];

type Answered = Result<Response<ResponseBody<Body>>, BoxError>;

/// A cache before an inner service whose every answer is given by hand.
struct Stage {
    cache: Cache,
    clock: TestClock,
    service: CacheService<Mock<Request<Body>, Response<Body>>>,
    handle: Handle<Request<Body>, Response<Body>>,
}

/// A request that has arrived at the inner service.
struct Arrived {
    answer: JoinHandle<Answered>,
    request: Request<Body>,
    send: SendResponse<Response<Body>>,
}

impl Stage {
    fn new() -> Self {
        let (inner, handle) = mock::pair();
        let (cache, clock, service) = stack(inner, Policy::shared());
        Self {
            cache,
            clock,
            service,
            handle,
        }
    }

    async fn send(&mut self, request: Request<Body>) -> Arrived {
        let answer = tokio::spawn(self.service.clone().oneshot(request));
        let (request, send) = self.handle.next_request().await.unwrap();
        Arrived {
            answer,
            request,
            send,
        }
    }

    /// A whole exchange.
    async fn exchange(&mut self, request: Request<Body>, answer: Response<Body>) -> Reply {
        self.send(request).await.with(answer).await
    }

    /// Fetches `/a` and lets it expire.
    async fn expire(&mut self) {
        self.exchange(get("/a"), response(200, &FRESH, "old")).await;
        self.clock.advance(61);
    }

    async fn post(&mut self) {
        let posted = self
            .exchange(request("POST", "/a", &[]), response(200, &[], ""))
            .await;
        assert_eq!(posted.status, 200);
    }

    /// Whether `/a` is answered without the inner service. A forward is given `next`.
    async fn next_get(&mut self) -> Reply {
        let answer = tokio::spawn(self.service.clone().oneshot(get("/a")));
        tokio::select! {
            biased;
            forwarded = self.handle.next_request() => {
                forwarded.unwrap().1.send_response(response(200, &FRESH, "next"));
                Reply::read(answer.await.unwrap().unwrap()).await
            }
            () = tokio::task::yield_now() => {
                Reply::read(answer.await.unwrap().unwrap()).await
            }
        }
    }
}

impl Arrived {
    async fn head(self, answer: Response<Body>) -> Response<ResponseBody<Body>> {
        self.send.send_response(answer);
        self.answer.await.unwrap().unwrap()
    }

    async fn with(self, answer: Response<Body>) -> Reply {
        Reply::read(self.head(answer).await).await
    }
}

#[tokio::test]
async fn get_in_flight_during_a_post_is_not_stored() {
    let mut stage = Stage::new();
    let slow = stage.send(get("/a")).await;
    stage.post().await;
    assert_eq!(slow.with(response(200, &FRESH, "old")).await.text(), "old");
    assert_eq!(stage.next_get().await.text(), "next");
}

#[tokio::test]
async fn get_without_a_post_in_between_is_stored() {
    let mut stage = Stage::new();
    let slow = stage.send(get("/a")).await;
    stage
        .exchange(request("POST", "/b", &[]), response(200, &[], ""))
        .await;
    slow.with(response(200, &FRESH, "old")).await;
    assert!(stage.next_get().await.is_hit());
}

#[tokio::test]
async fn body_in_flight_during_a_post_is_delivered_and_not_stored() {
    let mut stage = Stage::new();
    let (feeder, body) = feed();
    let slow = stage.send(get("/a")).await;
    let slow = slow.head(response(200, &FRESH, body)).await;
    feeder.data("half ");
    stage.post().await;
    feeder.data("old");
    feeder.end();
    assert_eq!(Reply::read(slow).await.text(), "half old");
    assert_eq!(stage.next_get().await.text(), "next");
}

#[tokio::test]
async fn get_that_starts_before_the_post_is_answered_is_not_stored() {
    let mut stage = Stage::new();
    let post = stage.send(request("POST", "/a", &[])).await;
    let fetched = stage
        .exchange(get("/a"), response(200, &FRESH, "old"))
        .await;
    assert_eq!(fetched.text(), "old");
    assert!(stage.next_get().await.is_hit());
    post.with(response(200, &[], "")).await;
    assert_eq!(stage.next_get().await.text(), "next");
}

#[tokio::test]
async fn failed_post_invalidates_nothing() {
    let mut stage = Stage::new();
    let slow = stage.send(get("/a")).await;
    let post = stage.send(request("POST", "/a", &[])).await;
    post.send.send_error("lost");
    assert_eq!(post.answer.await.unwrap().unwrap_err().to_string(), "lost");
    slow.with(response(200, &FRESH, "old")).await;
    assert!(stage.next_get().await.is_hit());
}

#[tokio::test]
async fn response_is_invalid_when_the_head_of_the_post_is_released() {
    let mut stage = Stage::new();
    stage
        .exchange(get("/a"), response(200, &FRESH, "old"))
        .await;
    let (feeder, body) = feed();
    let post = stage.send(request("POST", "/a", &[])).await;
    assert!(stage.next_get().await.is_hit());
    // Its body is still to come.
    let head = post.head(response(200, &[], body)).await;
    assert_eq!(stage.next_get().await.text(), "next");
    feeder.end();
    Reply::read(head).await;
    assert!(stage.next_get().await.is_hit());
}

#[tokio::test]
async fn validation_in_flight_during_a_post_does_not_bring_the_old_response_back() {
    let mut stage = Stage::new();
    stage.expire().await;
    let validation = stage.send(get("/a")).await;
    assert_eq!(validation.request.headers()["if-none-match"], "\"a\"");
    stage.post().await;
    validation.with(response(304, &FRESH, "")).await;
    assert_eq!(stage.next_get().await.text(), "next");
}

#[tokio::test]
async fn new_response_in_flight_during_a_post_is_not_stored_either() {
    let mut stage = Stage::new();
    stage.expire().await;
    let validation = stage.send(get("/a")).await;
    stage.post().await;
    validation.with(response(200, &FRESH, "older")).await;
    assert_eq!(stage.next_get().await.text(), "next");
}

#[tokio::test]
async fn response_invalidated_during_its_validation_has_no_stale_window() {
    let mut stage = Stage::new();
    stage.expire().await;
    let validation = stage.send(get("/a")).await;
    stage.post().await;
    let reply = validation.with(response(503, &[], "down")).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (503, "down"));
}

#[tokio::test]
async fn head_in_flight_during_a_post_does_not_freshen_the_get() {
    let mut stage = Stage::new();
    stage.expire().await;
    let head = stage.send(request("HEAD", "/a", &[])).await;
    stage.post().await;
    head.with(response(200, &FRESH, "")).await;
    assert_eq!(stage.next_get().await.text(), "next");
}

#[tokio::test]
async fn head_that_stood_in_line_during_a_post_does_not_freshen_the_get() {
    let plain = [("cache-control", "max-age=60")];
    let mut stage = Stage::new();
    stage
        .exchange(get("/a"), response(200, &plain, "old"))
        .await;
    stage.clock.advance(61);
    let post = stage.send(request("POST", "/a", &[])).await;
    stage.handle.allow(0);
    let head = tokio::spawn(stage.service.clone().oneshot(request("HEAD", "/a", &[])));
    tokio::task::yield_now().await;
    post.with(response(200, &[], "")).await;
    stage.handle.allow(9);
    let (asked, send) = stage.handle.next_request().await.unwrap();
    assert_eq!(asked.method(), "HEAD");
    send.send_response(response(200, &plain, ""));
    head.await.unwrap().unwrap();
    assert_eq!(stage.next_get().await.text(), "next");
}

#[tokio::test]
async fn clear_during_a_fill_keeps_it_out() {
    for head_first in [false, true] {
        let mut stage = Stage::new();
        let (feeder, body) = feed();
        let slow = stage.send(get("/a")).await;
        let reply = if head_first {
            let head = slow.head(response(200, &FRESH, body)).await;
            stage.cache.clear();
            head
        } else {
            stage.cache.clear();
            slow.head(response(200, &FRESH, body)).await
        };
        feeder.data("old");
        feeder.end();
        assert_eq!(Reply::read(reply).await.text(), "old");
        assert_eq!(stage.cache.stats().responses(), 0);
        assert_eq!(stage.next_get().await.text(), "next");
        assert!(stage.next_get().await.is_hit());
    }
}

#[tokio::test]
async fn clear_during_a_validation_keeps_it_out() {
    let mut stage = Stage::new();
    stage.expire().await;
    let validation = stage.send(get("/a")).await;
    stage.cache.clear();
    validation.with(response(304, &FRESH, "")).await;
    assert_eq!(stage.cache.stats().responses(), 0);
    assert_eq!(stage.next_get().await.text(), "next");
}
