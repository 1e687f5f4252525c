//! What is longer than anybody needs.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use larder::{CacheLayer, Key, RoutePolicy};
use larder_tests::{Origin, Setup, get, response};
use tower::ServiceExt;

use crate::setting::{FRESH, MINUTE, annotated, keyed, outcome, plain};

/// The defaults and an annotation, with a body limit of 1000 bytes.
fn limited(origin: impl Fn() -> Origin) -> [Setup; 2] {
    let cache = |builder: larder::CacheBuilder| builder.max_body_bytes(1000);
    [RoutePolicy::obey(), RoutePolicy::shared(MINUTE)].map(|route| {
        Setup::with(origin(), cache, |cache| {
            CacheLayer::new(cache).with_route_policy(route)
        })
    })
}

#[tokio::test]
async fn uri_over_the_limit_bypasses() {
    let path = |bytes: usize| format!("/a?{}", "x".repeat(bytes - 3));
    for setup in [plain(Origin::ok(&[FRESH])), annotated(Origin::ok(&[FRESH]))] {
        assert!(setup.get(&path(8192)).await.is_stored());
        let reply = setup.get(&path(8193)).await;
        assert_eq!(outcome(&reply), "larder; fwd=bypass; detail=uri-too-long");
    }
}

#[tokio::test]
async fn declared_fields_over_the_limit_of_keys_bypass() {
    let key = Key::new().header("x");
    let setup = keyed(Origin::ok(&[FRESH]), key);
    let fits = "x".repeat((16 << 10) - 200);
    assert!(setup.get_with("/a", &[("x", &fits)]).await.is_stored());
    let reply = setup.get_with("/a", &[("x", &"x".repeat(16 << 10))]).await;
    assert_eq!(outcome(&reply), "larder; fwd=bypass; detail=key-too-long");
}

#[tokio::test]
async fn header_section_over_the_limit_is_relayed() {
    for (bytes, stored) in [(65_000, true), (66_000, false)] {
        let long = "x".repeat(bytes);
        let origin = || Origin::ok(&[FRESH, ("x", &long)]);
        for setup in [plain(origin()), annotated(origin())] {
            let reply = setup.get("/a").await;
            assert_eq!(reply.is_stored(), stored, "{bytes}");
            assert_eq!(reply.field("x").len(), bytes);
        }
    }
}

#[tokio::test]
async fn body_over_the_limit_is_relayed() {
    for (bytes, stored) in [(1000, 1), (1001, 0)] {
        let origin = || Origin::new(move |_, _| response(200, &[FRESH], vec![b'x'; bytes]));
        for setup in limited(origin) {
            assert_eq!(setup.get("/a").await.body.len(), bytes);
            assert_eq!(setup.cache.stats().responses(), stored, "{bytes}");
        }
    }
}

#[tokio::test]
async fn endless_body_is_held_up_to_the_limit_only() {
    let endless = || {
        Origin::new(|_, _| {
            let piece = || Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 500]));
            response(200, &[FRESH], Body::from_stream(stream::repeat_with(piece)))
        })
    };
    for setup in limited(endless) {
        let answer = setup.service.clone().oneshot(get("/a")).await.unwrap();
        let mut body = answer.into_body();
        for frame in 0..10_000 {
            body.frame().await.expect("no end").unwrap();
            // Statistics cost more than a frame.
            if frame < 10 || frame % 1_000 == 0 {
                assert!(setup.cache.stats().fill_bytes() <= 2000);
            }
        }
        assert_eq!(setup.cache.stats().responses(), 0);
    }
}
