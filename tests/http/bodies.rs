use std::pin::pin;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::Response;
use http_body::Body as _;
use http_body_util::BodyExt;
use larder::{CacheLayer, Policy, ResponseBody};
use larder_tests::{
    Broken, FedBody, Feed, Origin, Setup, feed, get, is_broken, response, settle, settled, stack,
};
use tower::{ServiceExt, service_fn};

pub(crate) const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// A cache before an origin whose first body is fed by hand; later ones name the call.
pub(crate) fn fed(fields: &[(&str, &str)]) -> (Setup, Feed) {
    let (origin, feeder) = fed_origin(fields);
    (Setup::shared(origin), feeder)
}

pub(crate) fn fed_origin(fields: &[(&str, &str)]) -> (Origin, Feed) {
    let (feeder, body) = feed();
    let first = Mutex::new(Some(response(200, fields, body)));
    let origin = Origin::new(move |_, calls| match first.lock().unwrap().take() {
        Some(first) => first,
        None => response(200, &[FRESH], format!("call {}", calls + 1)),
    });
    (origin, feeder)
}

pub(crate) async fn open(setup: &Setup) -> ResponseBody<Body> {
    let response = setup.service.clone().oneshot(get("/a")).await.unwrap();
    response.into_body()
}

/// The next frame, which has to be there already.
fn ready(body: &mut ResponseBody<Body>) -> Option<Bytes> {
    let frame = pin!(body.frame()).now_or_never().expect("a frame is ready");
    frame.map(|frame| frame.unwrap().into_data().unwrap())
}

/// The next frame, which has to come of what is there already.
pub(crate) async fn next(body: &mut ResponseBody<Body>) -> Option<Bytes> {
    settle().await;
    ready(body)
}

async fn is_waiting(body: &mut ResponseBody<Body>) -> bool {
    settled(body.frame()).await.is_none()
}

#[tokio::test]
async fn miss_streams_while_it_is_stored() {
    let (setup, feeder) = fed(&[FRESH]);
    let mut body = open(&setup).await;
    assert!(is_waiting(&mut body).await);
    feeder.data("first ");
    assert_eq!(next(&mut body).await.unwrap(), "first ");
    assert!(is_waiting(&mut body).await);
    assert_eq!(setup.cache.stats().stored(), 0);
    feeder.data("second");
    assert_eq!(next(&mut body).await.unwrap(), "second");
    feeder.end();
    assert_eq!(next(&mut body).await, None);
    let hit = setup.get("/a").await;
    assert!(hit.is_hit());
    assert_eq!(hit.text(), "first second");
    assert_eq!(hit.field("content-length"), "12");
}

#[tokio::test]
async fn nothing_is_stored_before_the_end_of_the_body() {
    let (setup, feeder) = fed(&[FRESH]);
    let mut body = open(&setup).await;
    for half in ["half ", "whole"] {
        feeder.data(half);
        assert_eq!(next(&mut body).await.unwrap(), half);
        assert!(setup.stored("/a").await.is_none());
        assert_eq!(setup.cache.stats().responses(), 0);
    }
    feeder.end();
    assert_eq!(next(&mut body).await, None);
    assert_eq!(setup.stored("/a").await.unwrap().text(), "half whole");
    assert_eq!(setup.origin.calls(), 1);
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

/// Makes pieces of 64 KiB and knows how many of them there still are.
#[derive(Default)]
struct Pieces(Arc<()>);

const PIECE: usize = 64 << 10;

impl Pieces {
    fn another(&self) -> Bytes {
        struct Piece(
            Vec<u8>,
            #[expect(dead_code, reason = "it is counted")] Arc<()>,
        );

        impl AsRef<[u8]> for Piece {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        Bytes::from_owner(Piece(vec![b'e'; PIECE], Arc::clone(&self.0)))
    }

    fn alive(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

#[tokio::test]
async fn endless_stream_flows_on_and_is_never_stored() {
    let (setup, feeder) = fed(&[FRESH, ("content-type", "text/event-stream")]);
    let mut body = open(&setup).await;
    let events = Pieces::default();
    for sent in 1..=160 {
        feeder.data(events.another());
        assert_eq!(next(&mut body).await.unwrap().len(), PIECE);
        // Up to the largest body that is stored all of it is kept, and then nothing.
        let kept = if sent <= 16 { sent } else { 0 };
        assert_eq!(events.alive(), kept);
        let fill_bytes = setup.cache.stats().fill_bytes();
        assert_eq!(fill_bytes, (kept * PIECE) as u64);
    }
    let stats = setup.cache.stats();
    assert_eq!((stats.stored(), stats.not_stored()), (0, 1));
    assert!(stats.bytes() < 1024);
    assert!(is_waiting(&mut body).await);
    drop(body);
    settle().await;
    assert!(feeder.is_abandoned());
    assert!(!setup.get("/a").await.is_hit());
    assert_eq!(setup.cache.stats().not_stored(), 1);
}

#[tokio::test]
async fn endless_stream_waits_for_its_reader() {
    let (setup, feeder) = fed(&[FRESH]);
    let mut body = open(&setup).await;
    let events = Pieces::default();
    (0..100).for_each(|_| feeder.data(events.another()));
    for read in 1..=90 {
        assert!(next(&mut body).await.is_some());
        settle().await;
        let ahead = (100 - feeder.unread()) - read;
        // The first MiB and what showed that there is more; then a window.
        assert!(ahead <= if read <= 17 { 17 - read } else { 4 }, "{read}");
        assert!(read <= 17 || events.alive() == 100 - read);
    }
}

#[tokio::test]
async fn frames_without_content_and_without_end_hold_up_nobody() {
    let held = Arc::new(());
    let inner = Arc::clone(&held);
    let origin = Origin::new(move |seen, _| {
        let held = Arc::clone(&inner);
        let nothing = stream::repeat_with(move || Ok::<_, Broken>((&held, Bytes::new()).1));
        match seen.uri.path() {
            "/a" => response(200, &[FRESH], Body::from_stream(nothing)),
            _ => response(200, &[FRESH], "body"),
        }
    });
    let layer = |cache| CacheLayer::new(cache).with_finish_on_disconnect(false);
    let setup = Setup::with_layer(origin, layer);
    let mut body = open(&setup).await;
    assert!(is_waiting(&mut body).await);
    assert_eq!(setup.get("/b").await.text(), "body");
    drop(body);
    settle().await;
    assert_eq!(Arc::strong_count(&held), 2);
}

#[tokio::test]
async fn body_that_breaks_off_gives_its_error_and_is_not_stored() {
    let (setup, feeder) = fed(&[FRESH]);
    let mut body = open(&setup).await;
    feeder.data("half");
    assert_eq!(next(&mut body).await.unwrap(), "half");
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
    assert_eq!(next(&mut body).await.unwrap(), "half");
    assert!(!body.is_end_stream());
    assert!(is_broken(&body.frame().await.unwrap().unwrap_err()));
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

/// What is there before the head is released takes another way than what comes later.
#[tokio::test]
async fn body_that_breaks_off_at_once_gives_what_there_was_and_its_error() {
    for pieces in [&[][..], &["half"]] {
        let (setup, feeder) = fed(&[FRESH]);
        pieces.iter().for_each(|piece| feeder.data(*piece));
        feeder.fail();
        let mut body = open(&setup).await;
        for piece in pieces {
            assert_eq!(ready(&mut body).unwrap(), *piece);
        }
        assert!(is_broken(&body.frame().await.unwrap().unwrap_err()));
        assert_eq!(setup.get("/a").await.text(), "call 2");
    }
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
async fn single_bytes_are_stored_without_waiting_for_another_poll() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    let mut body = open(&setup).await;
    assert_eq!(body.size_hint().exact(), Some(6));
    assert_eq!(ready(&mut body).unwrap(), "call 1");
    assert!(body.is_end_stream());
    drop(body);
    assert!(setup.get("/a").await.is_hit());
}
