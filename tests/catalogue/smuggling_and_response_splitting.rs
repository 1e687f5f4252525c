//! Bodies of another length than announced, fields with line ends, and connections that are no
//! longer HTTP.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response};
use larder::RoutePolicy;
use larder_tests::{Origin, request};

use crate::setting::{FRESH, MINUTE, annotated, outcome, plain, routed};

/// Announces ten bytes and sends so many.
fn announcing_ten(bytes: usize) -> Origin {
    Origin::new(move |_, _| {
        let pieces = [Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))];
        let response = Response::builder()
            .header(FRESH.0, FRESH.1)
            .header("content-length", "10");
        response
            .body(Body::from_stream(stream::iter(pieces)))
            .unwrap()
    })
}

#[tokio::test]
async fn body_of_another_length_than_announced_is_not_stored() {
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    for (bytes, stored) in [(9, false), (10, true), (11, false)] {
        for setup in [
            plain(announcing_ten(bytes)),
            annotated(announcing_ten(bytes)),
        ] {
            let request = request("GET", "/a", &[]);
            let response = setup.service.clone().oneshot(request).await.unwrap();
            // Whether it can be read to its end is another matter.
            drop(response.into_body().collect().await);
            assert_eq!(setup.cache.stats().responses() == 1, stored, "{bytes}");
        }
    }
}

#[tokio::test]
async fn length_that_is_none_or_several_is_not_stored() {
    for fields in [
        &[FRESH, ("content-length", "x")][..],
        &[FRESH, ("content-length", "6"), ("content-length", "7")],
    ] {
        for setup in [plain(Origin::ok(fields)), annotated(Origin::ok(fields))] {
            assert!(!setup.get("/a").await.is_stored(), "{fields:?}");
        }
    }
}

/// Fields are typed: there is no way to hand a line end to the cache, nor to get one back.
#[test]
fn value_with_a_line_end_or_a_zero_byte_cannot_be_made() {
    for byte in [b'\r', b'\n', 0] {
        assert!(HeaderValue::from_bytes(&[b'a', byte, b'b']).is_err());
    }
}

#[tokio::test]
async fn connection_that_changes_its_protocol_is_not_stored() {
    for route in [RoutePolicy::obey(), RoutePolicy::shared(MINUTE)] {
        let setup = routed(Origin::with(101, &[FRESH]), route.clone());
        let upgrade = [("connection", "upgrade"), ("upgrade", "websocket")];
        let reply = setup.get_with("/a", &upgrade).await;
        assert_eq!(outcome(&reply), "larder; fwd=bypass; detail=upgrade");
        assert!(!setup.get("/a").await.is_stored());
        let setup = routed(Origin::ok(&[FRESH]), route);
        let reply = setup.send(request("CONNECT", "a.example:443", &[])).await;
        assert_eq!(outcome(&reply), "larder; fwd=bypass; detail=upgrade");
    }
}
