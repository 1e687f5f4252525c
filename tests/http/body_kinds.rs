//! Bodies of every length and kind, stored whole.

use axum::body::Body;
use http::HeaderMap;
use http_body_util::BodyExt;
use larder_tests::{Origin, Setup, feed, request, response};

use crate::bodies::{FRESH, fed, fed_origin, open};

#[tokio::test]
async fn megabyte_in_many_chunks_is_the_same_on_the_hit() {
    let bytes: Vec<u8> = (0..1u32 << 18)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    assert_eq!(bytes.len(), 1 << 20);
    let (setup, feeder) = fed(&[FRESH]);
    let mut rest = bytes.as_slice();
    for size in (1..=977).cycle() {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        feeder.data(chunk.to_vec());
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    feeder.end();
    assert!(setup.get("/a").await.body == bytes);
    let hit = setup.get("/a").await;
    assert!(hit.is_hit());
    assert!(hit.body == bytes);
}

const LIMIT: [(usize, bool); 3] = [(9, true), (10, true), (11, false)];

#[tokio::test]
async fn bodies_up_to_the_limit_are_stored() {
    for (bytes, stored) in LIMIT {
        for announced in [true, false] {
            let origin = Origin::new(move |_, _| {
                let (feeder, body) = feed();
                (0..bytes).for_each(|_| feeder.data("x"));
                let body = if announced {
                    Body::from("x".repeat(bytes))
                } else {
                    body.into()
                };
                response(200, &[FRESH], body)
            });
            let setup = Setup::with_cache(origin, |cache| cache.max_body_bytes(10));
            let miss = setup.get("/a").await;
            assert_eq!(miss.body.len(), bytes);
            // All of it is there before the head is released.
            assert_eq!(miss.is_stored(), stored);
            let again = setup.get("/a").await;
            assert_eq!(again.is_hit(), stored, "{bytes} announced: {announced}");
            assert_eq!(again.body, miss.body);
        }
    }
}

#[tokio::test]
async fn bodies_that_come_after_their_heads_are_stored_up_to_the_limit() {
    for (bytes, stored) in LIMIT {
        let (origin, feeder) = fed_origin(&[FRESH]);
        let setup = Setup::with_cache(origin, |cache| cache.max_body_bytes(10));
        let body = open(&setup).await;
        (0..bytes).for_each(|_| feeder.data("x"));
        feeder.end();
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), bytes);
        assert_eq!(setup.stored("/a").await.is_some(), stored, "{bytes}");
        assert_eq!(setup.cache.stats().not_stored(), u64::from(!stored));
    }
}

#[tokio::test]
async fn empty_body_is_stored() {
    for fields in [&[FRESH][..], &[FRESH, ("content-length", "0")][..]] {
        let owned: Vec<_> = fields.to_vec();
        let setup = Setup::shared(Origin::new(move |_, _| {
            response(200, &owned, Body::empty())
        }));
        assert!(setup.get("/a").await.is_stored());
        let hit = setup.get("/a").await;
        assert!(hit.is_hit());
        assert!(hit.body.is_empty());
        assert_eq!(hit.field("content-length"), "0");
    }
    let (setup, feeder) = fed(&[FRESH]);
    feeder.end();
    setup.get("/a").await;
    let hit = setup.get("/a").await;
    assert!(hit.is_hit() && hit.body.is_empty());
}

#[tokio::test]
async fn no_content_stays_without_content_and_length() {
    let setup = Setup::shared(Origin::new(|_, _| response(204, &[FRESH], Body::empty())));
    setup.get("/a").await;
    let hit = setup.get("/a").await;
    assert_eq!(hit.status, 204);
    assert!(hit.is_hit() && hit.body.is_empty());
    assert!(!hit.has("content-length"));
}

#[tokio::test]
async fn trailers_are_relayed_on_the_miss_and_dropped_on_the_hit() {
    for length in [None, Some(("content-length", "4"))] {
        let fields: Vec<_> = [Some(FRESH), length].into_iter().flatten().collect();
        let (setup, feeder) = fed(&fields);
        let trailers = HeaderMap::from_iter([(
            http::header::HeaderName::from_static("checksum"),
            http::HeaderValue::from_static("7"),
        )]);
        feeder.data("body");
        feeder.trailers(trailers.clone());
        feeder.end();
        let miss = setup.get("/a").await;
        assert_eq!(miss.trailers, Some(trailers));
        let hit = setup.get("/a").await;
        assert!(hit.is_hit());
        assert_eq!(hit.text(), "body");
        assert_eq!(hit.trailers, None);
        assert!(!hit.has("checksum"));
    }
}

#[tokio::test]
async fn body_of_a_head_response_is_not_stored() {
    let setup = Setup::shared(Origin::new(|_, _| {
        response(200, &[FRESH, ("content-length", "9")], "forbidden")
    }));
    setup.send(request("HEAD", "/a", &[])).await;
    let hit = setup.send(request("HEAD", "/a", &[])).await;
    assert!(hit.is_hit());
    assert!(hit.body.is_empty());
    assert_eq!(hit.field("content-length"), "9");
    let got = setup.get("/a").await;
    assert!(!got.is_hit());
    assert_eq!(got.text(), "forbidden");
}
