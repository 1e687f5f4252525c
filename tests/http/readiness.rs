//! Hits do not wait for the inner service, and nothing of it is held that is not used.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use larder::{CacheService, Policy};
use larder_tests::{Reply, get, request, response, stack};
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_test::mock;

const FRESH: [(&str, &str); 1] = [("cache-control", "max-age=60")];

fn ok() -> Response<Body> {
    response(200, &FRESH, "body")
}

type Mocked = CacheService<mock::Mock<Request<Body>, Response<Body>>>;

fn mocked() -> (Mocked, mock::Handle<Request<Body>, Response<Body>>) {
    let (inner, handle) = mock::pair::<Request<Body>, Response<Body>>();
    let (_, _, service) = stack(inner, Policy::shared());
    (service, handle)
}

#[tokio::test]
async fn cache_is_ready_though_the_inner_service_is_not() {
    let (mut service, mut handle) = mocked();
    handle.allow(0);
    let mut cx = Context::from_waker(Waker::noop());
    let ready: Poll<Result<(), BoxError>> = service.poll_ready(&mut cx);
    assert!(matches!(ready, Poll::Ready(Ok(()))));
}

#[tokio::test]
async fn hit_is_answered_at_the_first_poll_though_the_inner_service_is_not_ready() {
    let (service, mut handle) = mocked();
    let miss = tokio::spawn(service.clone().oneshot(get("/a")));
    handle.next_request().await.unwrap().1.send_response(ok());
    Reply::read(miss.await.unwrap().unwrap()).await;
    handle.allow(0);
    let hit = service.clone().call(get("/a")).now_or_never();
    assert!(Reply::read(hit.unwrap().unwrap()).await.is_hit());
    let refused = request("GET", "/b", &[("cache-control", "only-if-cached")]);
    assert_eq!(
        service
            .clone()
            .call(refused)
            .now_or_never()
            .unwrap()
            .unwrap()
            .status(),
        504
    );
    let mut other = pin!(service.clone().call(get("/b")));
    assert!(other.as_mut().now_or_never().is_none());
}

#[tokio::test]
async fn inner_service_is_called_only_when_it_is_ready() {
    for forwarded in [
        get("/a"),
        request("POST", "/a", &[]),
        request("GET", "/a", &[("if-match", "*")]),
    ] {
        let (mut service, mut handle) = mocked();
        handle.allow(0);
        let mut answer = pin!(service.call(forwarded));
        assert!(answer.as_mut().now_or_never().is_none());
        assert!(pin!(handle.next_request()).now_or_never().is_none());
        // The mock panics when it is called before it said that it is ready.
        handle.allow(1);
        assert!(answer.as_mut().now_or_never().is_none());
        let arrived = pin!(handle.next_request()).now_or_never().unwrap();
        arrived.unwrap().1.send_response(ok());
        assert_eq!(answer.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn error_while_getting_ready_is_passed_on() {
    for forwarded in [
        get("/a"),
        request("POST", "/a", &[]),
        request("GET", "/a", &[("if-match", "*")]),
    ] {
        let (mut service, mut handle) = mocked();
        handle.send_error("not today");
        let error = service.call(forwarded).await.unwrap_err();
        assert_eq!(error.to_string(), "not today");
        assert!(pin!(handle.next_request()).now_or_never().is_none());
    }
}

#[tokio::test]
async fn retry_without_conditions_gets_the_inner_service_ready_again() {
    let (inner, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    let (_, clock, service) = stack(inner, Policy::shared());
    let tag = |status, tag| response(status, &[FRESH[0], ("etag", tag)], "");
    let miss = tokio::spawn(service.clone().oneshot(get("/a")));
    handle
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(tag(200, "\"a\""));
    Reply::read(miss.await.unwrap().unwrap()).await;
    clock.advance(61);
    handle.allow(1);
    let validation = tokio::spawn(service.oneshot(get("/a")));
    handle
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(tag(304, "\"b\""));
    tokio::task::yield_now().await;
    assert!(pin!(handle.next_request()).now_or_never().is_none());
    handle.allow(1);
    handle.next_request().await.unwrap().1.send_response(ok());
    assert_eq!(
        Reply::read(validation.await.unwrap().unwrap()).await.text(),
        "body"
    );
}

#[derive(Debug, PartialEq)]
struct OwnError(u8);

#[tokio::test]
async fn bodies_and_errors_of_any_type_pass() {
    let inner = service_fn(|request: Request<Full<Bytes>>| async move {
        match request.uri().path() {
            "/error" => Err(OwnError(7)),
            _ => Ok(Response::builder()
                .header("cache-control", "max-age=60")
                .body(Full::new(Bytes::from("full")))
                .unwrap()),
        }
    });
    let (_, _, service) = stack(inner, Policy::shared());
    let ask = |path: &str| Request::builder().uri(path).body(Full::default()).unwrap();
    let error = service.clone().oneshot(ask("/error")).await.unwrap_err();
    assert_eq!(error, OwnError(7));
    Reply::read(service.clone().oneshot(ask("/a")).await.unwrap()).await;
    let hit = Reply::read(service.oneshot(ask("/a")).await.unwrap()).await;
    assert!(hit.is_hit());
    assert_eq!(hit.text(), "full");
}

#[tokio::test]
async fn inner_future_need_not_be_polled_twice() {
    let (mut service, mut handle) = mocked();
    let mut answer = pin!(service.call(get("/a")));
    assert!(answer.as_mut().now_or_never().is_none());
    let (_, send) = pin!(handle.next_request()).now_or_never().unwrap().unwrap();
    send.send_response(ok());
    let response = answer
        .as_mut()
        .now_or_never()
        .expect("answered at the first poll after it");
    assert_eq!(response.unwrap().status(), 200);
}
