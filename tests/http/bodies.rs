use std::pin::pin;
use std::sync::Mutex;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::Response;
use http_body::Body as _;
use http_body_util::BodyExt;
use larder::{Policy, ResponseBody};
use larder_tests::{Broken, FedBody, Feed, Origin, Setup, feed, get, is_broken, response, stack};
use tower::{ServiceExt, service_fn};

pub(crate) const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// A cache before an origin whose first body is fed by hand; later ones name the call.
pub(crate) fn fed(fields: &[(&str, &str)]) -> (Setup, Feed) {
    let (feeder, body) = feed();
    let first = Mutex::new(Some(response(200, fields, body)));
    let origin = Origin::new(move |_, calls| match first.lock().unwrap().take() {
        Some(first) => first,
        None => response(200, &[FRESH], format!("call {}", calls + 1)),
    });
    (Setup::shared(origin), feeder)
}

async fn open(setup: &Setup) -> ResponseBody<Body> {
    let response = setup.service.clone().oneshot(get("/a")).await.unwrap();
    response.into_body()
}

/// The next frame, which has to be there already.
fn ready(body: &mut ResponseBody<Body>) -> Option<Bytes> {
    let frame = pin!(body.frame()).now_or_never().expect("a frame is ready");
    frame.map(|frame| frame.unwrap().into_data().unwrap())
}

fn is_waiting(body: &mut ResponseBody<Body>) -> bool {
    pin!(body.frame()).now_or_never().is_none()
}

#[tokio::test]
async fn miss_streams_while_it_is_stored() {
    let (setup, feeder) = fed(&[FRESH]);
    let mut body = open(&setup).await;
    assert!(is_waiting(&mut body));
    feeder.data("first ");
    assert_eq!(ready(&mut body).unwrap(), "first ");
    assert!(is_waiting(&mut body));
    assert_eq!(setup.cache.stats().stored(), 0);
    feeder.data("second");
    assert_eq!(ready(&mut body).unwrap(), "second");
    feeder.end();
    assert_eq!(ready(&mut body), None);
    let hit = setup.get("/a").await;
    assert!(hit.is_hit());
    assert_eq!(hit.text(), "first second");
    assert_eq!(hit.field("content-length"), "12");
}

#[tokio::test]
async fn nothing_is_stored_before_the_end_of_the_body() {
    let (setup, feeder) = fed(&[FRESH]);
    let mut body = open(&setup).await;
    feeder.data("half");
    ready(&mut body);
    assert_eq!(setup.get("/a").await.text(), "call 2");
    drop(body);
    assert!(feeder.is_abandoned());
    assert_eq!(setup.get("/a").await.text(), "call 2");
    assert_eq!(setup.cache.stats().responses(), 1);
}

#[tokio::test]
async fn unstorable_response_is_passed_on_chunk_by_chunk() {
    let (setup, feeder) = fed(&[("cache-control", "no-store")]);
    let mut body = open(&setup).await;
    let chunk = Bytes::from(vec![b'x'; 4096]);
    for _ in 0..1000 {
        feeder.data(chunk.clone());
        let relayed = ready(&mut body).unwrap();
        // The very same memory: neither copied nor kept.
        assert_eq!(relayed.as_ptr(), chunk.as_ptr());
        assert_eq!(feeder.unread(), 0);
    }
    drop(body);
    assert!(chunk.is_unique());
    assert!(!setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn endless_stream_flows_on_and_is_never_stored() {
    let (setup, feeder) = fed(&[FRESH, ("content-type", "text/event-stream")]);
    let mut body = open(&setup).await;
    let event = Bytes::from(vec![b'e'; 64 << 10]);
    for _ in 0..160 {
        feeder.data(event.clone());
        assert_eq!(ready(&mut body).unwrap(), event);
    }
    let stats = setup.cache.stats();
    assert_eq!((stats.stored(), stats.not_stored()), (0, 1));
    assert!(stats.bytes() < 1024);
    assert!(is_waiting(&mut body));
    drop(body);
    assert!(!setup.get("/a").await.is_hit());
    assert_eq!(setup.cache.stats().not_stored(), 1);
}

#[tokio::test]
async fn body_that_breaks_off_gives_its_error_and_is_not_stored() {
    let (setup, feeder) = fed(&[FRESH]);
    let mut body = open(&setup).await;
    feeder.data("half");
    ready(&mut body);
    feeder.fail();
    assert!(is_broken(&body.frame().await.unwrap().unwrap_err()));
    drop(body);
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

#[tokio::test]
async fn body_that_fails_at_its_announced_end_is_not_stored() {
    let (setup, feeder) = fed(&[FRESH, ("content-length", "4")]);
    let mut body = open(&setup).await;
    feeder.data("half");
    feeder.fail();
    assert_eq!(ready(&mut body).unwrap(), "half");
    assert!(!body.is_end_stream());
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

#[tokio::test]
async fn error_of_the_inner_body_can_be_had_back() {
    let inner = service_fn(|_: http::Request<Body>| async {
        let (feeder, body) = feed();
        feeder.fail();
        Ok::<_, std::convert::Infallible>(Response::new(body))
    });
    let (_, _, service) = stack(inner, Policy::shared());
    let mut body: ResponseBody<FedBody> = service.oneshot(get("/a")).await.unwrap().into_body();
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.get_ref().downcast_ref(), Some(&Broken));
    assert_eq!(error.to_string(), Broken.to_string());
}

#[tokio::test]
async fn client_that_leaves_half_way_stores_nothing() {
    for read in [0, 1] {
        let (setup, feeder) = fed(&[FRESH, ("content-length", "8")]);
        let mut body = open(&setup).await;
        feeder.data("half");
        for _ in 0..read {
            ready(&mut body);
        }
        drop(body);
        assert!(feeder.is_abandoned());
        assert_eq!(setup.get("/a").await.text(), "call 2");
    }
}

#[tokio::test]
async fn response_dropped_unread_stores_nothing() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    drop(setup.service.clone().oneshot(get("/a")).await.unwrap());
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

#[tokio::test]
async fn single_bytes_are_stored_without_waiting_for_another_poll() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    let mut body = open(&setup).await;
    assert_eq!(body.size_hint().exact(), Some(6));
    assert_eq!(ready(&mut body).unwrap(), "call 1");
    assert!(body.is_end_stream());
    drop(body);
    assert!(setup.get("/a").await.is_hit());
}
