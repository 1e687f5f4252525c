//! Responses to a validation request other than a plain 304 (RFC 9111 sections 4.3.3 and 4.3.4).

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Request, Response};
use larder::Policy;
use larder_tests::{Origin, Setup, TestClock, feed, request, response, stack};
use tower::{ServiceExt, service_fn};

use crate::validation::{FRESH, TAG};

#[tokio::test]
async fn matching_304_freshens() {
    let modified = ("last-modified", "Fri, 01 Jan 2027 08:00:00 GMT");
    let weak = ("etag", "W/\"a\"");
    for (stored, confirming) in [
        (&[FRESH, TAG][..], &[TAG][..]),
        (&[FRESH, TAG], &[]),
        (&[FRESH, TAG], &[weak]),
        (&[FRESH, weak], &[weak]),
        (&[FRESH, weak], &[]),
        (&[FRESH, modified], &[modified]),
        (&[FRESH, modified], &[]),
        (&[FRESH, TAG, modified], &[modified]),
        (&[FRESH, TAG, modified], &[TAG]),
        (&[FRESH, modified], &[TAG, modified]),
    ] {
        let setup = Setup::expired(&[(200, stored, "body"), (304, confirming, "")]).await;
        assert_eq!(
            setup.get("/a").await.text(),
            "body",
            "{stored:?} {confirming:?}"
        );
        assert!(setup.get("/a").await.is_hit());
    }
}

#[tokio::test]
async fn mismatching_304_drops_the_response_and_asks_again_without_conditions() {
    let modified = ("last-modified", "Fri, 01 Jan 2027 08:00:00 GMT");
    let later = ("last-modified", "Sat, 02 Jan 2027 08:00:00 GMT");
    let (other, weak) = (("etag", "\"b\""), ("etag", "W/\"a\""));
    for (stored, strange) in [
        (&[FRESH, TAG][..], other),
        (&[FRESH, weak], TAG),
        (&[FRESH, weak], ("etag", "W/\"b\"")),
        (&[FRESH, modified], later),
        (&[FRESH, modified], TAG),
        (&[FRESH, TAG, modified], later),
        (&[FRESH, TAG, modified], other),
    ] {
        let setup = Setup::expired(&[
            (200, stored, "old"),
            (304, &[strange], ""),
            (200, &[FRESH], "new"),
        ])
        .await;
        let asked = [
            ("range", "bytes=0-0"),
            ("if-none-match", "\"own\""),
            ("x-own", "1"),
        ];
        let reply = setup.get_with("/a", &asked).await;
        assert_eq!(
            (reply.status.as_u16(), reply.text()),
            (200, "new"),
            "{stored:?} {strange:?}"
        );
        let again = setup.origin.last_seen();
        assert_eq!((again.method.as_str(), again.uri.path()), ("GET", "/a"));
        for name in ["if-none-match", "if-modified-since", "range"] {
            assert!(!again.headers.contains_key(name), "{name}");
        }
        assert_eq!(again.headers["x-own"], "1");
        assert_eq!(
            reply.field("cache-status"),
            "larder; fwd=stale; fwd-status=200; stored"
        );
        assert_eq!(setup.get("/a").await.text(), "new");
        assert_eq!(setup.origin.calls(), 3);
    }
}

#[tokio::test]
async fn dropped_response_does_not_come_back_when_the_second_one_is_not_stored() {
    let setup = Setup::expired(&[
        (200, &[FRESH, TAG], "old"),
        (304, &[("etag", "\"b\"")], ""),
        (500, &[], "error"),
        (200, &[FRESH], "new"),
    ])
    .await;
    assert_eq!(setup.get("/a").await.status, 500);
    assert_eq!(setup.get("/a").await.text(), "new");
    assert!(
        !setup
            .origin
            .last_seen()
            .headers
            .contains_key("if-none-match")
    );
}

#[tokio::test]
async fn second_304_is_a_bad_gateway() {
    let strange = [("etag", "\"b\"")];
    let setup = Setup::expired(&[
        (200, &[FRESH, TAG], "old"),
        (304, &strange, ""),
        (304, &strange, ""),
        (200, &[FRESH], "new"),
    ])
    .await;
    let reply = setup.get("/a").await;
    assert_eq!(reply.status, 502);
    assert!(reply.body.is_empty() && !reply.has("cache-status"));
    assert_eq!(setup.get("/a").await.text(), "new");
}

#[tokio::test]
async fn extensions_reach_the_inner_service_on_the_retry() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let inner = service_fn(move |request: Request<Body>| {
        let calls = {
            let mut log = log.lock().unwrap();
            log.push(request.extensions().get::<&str>().copied());
            log.len()
        };
        let reply = match calls {
            1 => response(200, &[FRESH, TAG], "old"),
            2 => response(304, &[("etag", "\"b\"")], ""),
            _ => response(200, &[FRESH], "new"),
        };
        async { Ok::<_, std::convert::Infallible>(reply) }
    });
    let (_, clock, service) = stack(inner, Policy::shared());
    for _ in 0..2 {
        let mut get = request("GET", "/a", &[]);
        get.extensions_mut().insert("user 7");
        let reply = service.clone().oneshot(get).await.unwrap();
        larder_tests::Reply::read(reply).await;
        clock.advance(61);
    }
    assert_eq!(*seen.lock().unwrap(), [Some("user 7"); 3]);
}

#[tokio::test]
async fn not_modified_for_the_clients_own_conditions_is_relayed() {
    let clock = TestClock::default();
    for condition in [
        ("if-none-match", "\"a\""),
        ("if-modified-since", &*clock.date(0)),
    ] {
        let setup = Setup::shared(Origin::with(304, &[FRESH, TAG]));
        for calls in 1..=2 {
            let reply = setup.get_with("/a", &[condition]).await;
            assert_eq!(reply.status, 304);
            assert_eq!(
                reply.field("cache-status"),
                "larder; fwd=uri-miss; detail=status"
            );
            assert_eq!(setup.origin.calls(), calls);
            assert_eq!(setup.origin.last_seen().headers[condition.0], condition.1);
        }
        assert_eq!(setup.cache.stats().responses(), 0);
    }
}

#[tokio::test]
async fn full_response_answers_and_replaces() {
    for status in [200, 203, 301, 404, 410] {
        let setup = Setup::expired(&[(200, &[FRESH, TAG], "old"), (status, &[FRESH], "new")]).await;
        let reply = setup.get("/a").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (status, "new"));
        let expected = format!("larder; fwd=stale; fwd-status={status}; stored");
        assert_eq!(reply.field("cache-status"), expected);
        let hit = setup.get("/a").await;
        assert!(hit.is_hit());
        assert_eq!((hit.status.as_u16(), hit.text()), (status, "new"));
        assert_eq!(setup.cache.stats().responses(), 1);
    }
}

#[tokio::test]
async fn full_response_that_is_not_stored_removes_what_was() {
    for (status, fields) in [
        (200, &[("cache-control", "no-store")][..]),
        (200, &[("cache-control", "private, max-age=60")]),
        (200, &[FRESH, ("set-cookie", "a=1")]),
        (302, &[]),
        (400, &[]),
        (403, &[]),
        (429, &[FRESH]),
    ] {
        let setup = Setup::expired(&[
            (200, &[FRESH, TAG], "old"),
            (status, fields, "answer"),
            (200, &[], "later"),
        ])
        .await;
        let reply = setup.get("/a").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (status, "answer"));
        assert_eq!(setup.cache.stats().responses(), 0);
        assert_eq!(setup.get("/a").await.text(), "later");
        assert!(
            !setup
                .origin
                .last_seen()
                .headers
                .contains_key("if-none-match")
        );
    }
}

#[tokio::test]
async fn server_error_is_relayed_and_what_is_stored_stays() {
    for status in [500, 501, 502, 503, 504, 505, 507, 599] {
        let setup = Setup::expired(&[
            (200, &[FRESH, TAG], "body"),
            (status, &[FRESH], "error"),
            (304, &[FRESH, TAG], ""),
        ])
        .await;
        let reply = setup.get("/a").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (status, "error"));
        let expected = format!("larder; fwd=stale; fwd-status={status}");
        assert_eq!(reply.field("cache-status"), expected);
        let validated = setup.get("/a").await;
        assert_eq!((validated.status.as_u16(), validated.text()), (200, "body"));
    }
}

#[tokio::test]
async fn answer_that_replaces_is_whole_although_the_client_asked_for_a_range() {
    let origin = Origin::new(|_, calls| {
        Response::builder()
            .status(if calls == 0 { 200 } else { 404 })
            .header("cache-control", "max-age=60")
            .body(Body::from("body"))
            .unwrap()
    });
    let setup = Setup::shared(origin);
    setup.get("/a").await;
    setup.clock.advance(61);
    let replaced = setup.get_with("/a", &[("range", "bytes=0-1")]).await;
    assert!(replaced.is_stored(), "{:?}", replaced.headers);
    let stored = setup.get("/a").await;
    assert!(stored.is_hit());
    assert_eq!(stored.status, 404);
}

#[tokio::test]
async fn mismatching_304_is_let_go_before_the_next_request() {
    let (feed, body) = feed();
    let body = Mutex::new(Some(body));
    let origin = Origin::new(move |_, calls| match calls {
        0 => response(200, &[FRESH, TAG], "old"),
        1 => response(
            304,
            &[("etag", "\"b\"")],
            body.lock().unwrap().take().unwrap(),
        ),
        _ => {
            let held = if feed.is_abandoned() {
                "let go"
            } else {
                "held"
            };
            response(200, &[FRESH], held)
        }
    });
    let setup = Setup::shared(origin);
    setup.get("/a").await;
    setup.clock.advance(61);
    assert_eq!(setup.get("/a").await.text(), "let go");
}
