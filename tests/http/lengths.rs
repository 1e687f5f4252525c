//! `Content-Length` and what the body really has (RFC 9110 section 8.6).

use std::sync::Mutex;

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use larder::{CacheLayer, ResponseBody};
use larder_tests::{Feed, Origin, Setup, feed, get, response, settle, settled};
use tower::ServiceExt;

/// A cache before an origin whose first response announces `length` and has a body that is fed by
/// hand.
fn announcing(length: &str) -> (Setup, Feed) {
    let (origin, feeder) = announcing_origin(length);
    (Setup::shared(origin), feeder)
}

fn announcing_origin(length: &str) -> (Origin, Feed) {
    let (feeder, body) = feed();
    let fields = [("cache-control", "max-age=60"), ("content-length", length)];
    let first = Mutex::new(Some(response(200, &fields, body)));
    let origin = Origin::new(move |_, calls| match first.lock().unwrap().take() {
        Some(first) => first,
        None => response(200, &[], format!("call {}", calls + 1)),
    });
    (origin, feeder)
}

/// Reads like a server that writes HTTP/1.1: as many bytes as announced, then lets go of the body
/// without asking whether there is more.
async fn serve(setup: &Setup) -> Vec<u8> {
    let response = setup.service.clone().oneshot(get("/a")).await.unwrap();
    let announced = response.headers()["content-length"].to_str().unwrap();
    let announced: usize = announced.parse().unwrap();
    let mut body = response.into_body();
    let mut sent = Vec::new();
    while sent.len() < announced {
        let Some(frame) = settled(body.frame()).await.expect("a frame is ready") else {
            break;
        };
        sent.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    sent.truncate(announced);
    sent
}

async fn open(setup: &Setup) -> ResponseBody<Body> {
    let response = setup.service.clone().oneshot(get("/a")).await.unwrap();
    response.into_body()
}

async fn is_stored(setup: &Setup) -> bool {
    settle().await;
    setup.get("/a").await.is_hit()
}

#[tokio::test]
async fn body_of_the_announced_length_is_stored() {
    let (setup, feeder) = announcing("8");
    feeder.data("all ");
    feeder.data("of i");
    feeder.end();
    setup.get("/a").await;
    let hit = setup.get("/a").await;
    assert!(hit.is_hit());
    assert_eq!(hit.text(), "all of i");
    assert_eq!(hit.field("content-length"), "8");
}

#[tokio::test]
async fn body_shorter_than_announced_is_not_stored() {
    for length in ["5", "6", "18446744073709551615"] {
        let (setup, feeder) = announcing(length);
        feeder.data("four");
        feeder.end();
        assert_eq!(setup.get("/a").await.text(), "four");
        assert!(!is_stored(&setup).await, "{length}");
    }
}

#[tokio::test]
async fn empty_body_that_announces_bytes_is_not_stored() {
    let fields = [("cache-control", "max-age=60"), ("content-length", "4")];
    let setup = Setup::shared(Origin::new(move |_, _| {
        response(200, &fields, Body::empty())
    }));
    setup.get("/a").await;
    assert!(!is_stored(&setup).await);
}

#[tokio::test]
async fn body_longer_than_announced_is_relayed_and_not_stored() {
    for chunks in [&["hello!"][..], &["hel", "lo!"][..], &["hello", "!"][..]] {
        let (setup, feeder) = announcing("5");
        chunks.iter().for_each(|chunk| feeder.data(*chunk));
        feeder.end();
        assert_eq!(setup.get("/a").await.text(), "hello!");
        assert!(!is_stored(&setup).await, "{chunks:?}");
    }
}

#[tokio::test]
async fn server_that_stops_at_the_announced_length_completes_the_body() {
    for ended in [true, false] {
        let (setup, feeder) = announcing("5");
        feeder.data("hel");
        feeder.data("lo");
        let feeder = if ended {
            feeder.end();
            None
        } else {
            // The end is only slow to come, as from a file.
            Some(feeder)
        };
        assert_eq!(serve(&setup).await, b"hello");
        assert!(is_stored(&setup).await, "ended: {ended}");
        assert_eq!(setup.get("/a").await.text(), "hello");
        drop(feeder);
    }
}

#[tokio::test]
async fn server_that_stops_at_the_announced_length_with_more_ready_stores_nothing() {
    for chunks in [
        &["hello", "!"][..],
        &["hel", "lo!"][..],
        &["hello", "", "!"][..],
    ] {
        let (setup, feeder) = announcing("5");
        chunks.iter().for_each(|chunk| feeder.data(*chunk));
        assert_eq!(serve(&setup).await, b"hello");
        assert!(!is_stored(&setup).await, "{chunks:?}");
    }
}

#[tokio::test]
async fn server_that_stops_before_the_announced_length_leaves_the_rest_to_the_cache() {
    for finish in [true, false] {
        let (origin, feeder) = announcing_origin("5");
        let layer = |cache| CacheLayer::new(cache).with_finish_on_disconnect(finish);
        let setup = Setup::with_layer(origin, layer);
        feeder.data("hell");
        let mut body = open(&setup).await;
        body.frame().await.unwrap().unwrap();
        feeder.data("o");
        drop(body);
        assert_eq!(is_stored(&setup).await, finish);
        assert!(feeder.is_abandoned());
    }
}

#[tokio::test]
async fn body_that_nobody_asked_for_is_not_known_to_be_empty() {
    let (setup, feeder) = announcing("0");
    feeder.data("surprise");
    assert_eq!(serve(&setup).await, b"");
    assert!(!is_stored(&setup).await);
}

#[tokio::test]
async fn frame_found_past_the_announced_length_is_still_counted() {
    let (setup, feeder) = announcing("5");
    feeder.data("hello");
    feeder.data("more");
    feeder.end();
    let mut body = open(&setup).await;
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, Bytes::from("hello"));
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().lower(), 4);
    let rest = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(rest, Bytes::from("more"));
}

#[tokio::test]
async fn length_that_is_not_a_number_is_not_stored() {
    for length in [
        "",
        "x",
        "+4",
        "-4",
        "4.0",
        "0x4",
        "4 4",
        "4, 5",
        "99999999999999999999",
    ] {
        let (setup, feeder) = announcing(length);
        feeder.data("four");
        feeder.end();
        assert_eq!(setup.get("/a").await.text(), "four");
        assert!(!is_stored(&setup).await, "{length:?}");
    }
}

#[tokio::test]
async fn repeated_length_is_not_stored() {
    let fields = [
        ("cache-control", "max-age=60"),
        ("content-length", "4"),
        ("content-length", "40"),
    ];
    let setup = Setup::shared(Origin::new(move |_, _| response(200, &fields, "four")));
    setup.get("/a").await;
    assert!(!is_stored(&setup).await);
}
