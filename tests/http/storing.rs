//! Which responses are stored (RFC 9111 section 3).

use axum::body::Body;
use http::{Request, Response};
use larder::{DoNotStore, Policy};
use larder_tests::{Origin, Setup, get, request};

const HEURISTIC: [u16; 12] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 451, 501];
const SUCCESS_OR_REDIRECT: [u16; 11] = [201, 202, 205, 207, 226, 299, 302, 303, 305, 307, 399];
const NEVER: [u16; 8] = [101, 103, 206, 304, 428, 429, 431, 511];
const OF_OTHER_FIELDS: [u16; 7] = [401, 407, 412, 416, 417, 421, 425];
const ERRORS: [u16; 18] = [
    400, 402, 403, 406, 408, 409, 411, 413, 415, 418, 422, 499, 500, 502, 503, 504, 505, 599,
];

/// Each way to set a cache up that has rules of its own.
fn presets() -> [(&'static str, Policy); 2] {
    [
        ("shared", Policy::shared()),
        ("conformance", Policy::conformance()),
    ]
}

/// The request's response is stored and answers a later GET of `/a`.
async fn assert_stored(case: &str, setup: &Setup, request: Request<Body>) {
    let first = setup.send(request).await;
    assert!(first.is_stored(), "{case}: {:?}", first.headers);
    let second = setup.stored("/a").await;
    let second = second.unwrap_or_else(|| panic!("{case}: said to be stored, but is not"));
    assert_eq!(
        (second.status, &second.body),
        (first.status, &first.body),
        "{case}"
    );
}

/// The request's response is relayed and not stored, for this reason.
async fn assert_skipped(case: &str, setup: &Setup, request: Request<Body>, reason: &str) {
    let first = setup.send(request).await;
    let said = first.field("cache-status");
    assert_eq!(
        said,
        format!("larder; fwd=uri-miss; detail={reason}"),
        "{case}"
    );
    assert_eq!(first.text(), "call 1", "{case}");
    assert!(
        setup.stored("/a").await.is_none(),
        "{case}: stored although not said"
    );
}

async fn assert_status_stored(policy: Policy, status: u16, fields: &[(&str, &str)]) {
    let setup = Setup::with_policy(Origin::with(status, fields), policy);
    assert_stored(
        &format!("status {status} with {fields:?}"),
        &setup,
        get("/a"),
    )
    .await;
}

async fn assert_status_skipped(policy: Policy, status: u16, fields: &[(&str, &str)], why: &str) {
    let setup = Setup::with_policy(Origin::with(status, fields), policy);
    let case = format!("status {status} with {fields:?}");
    assert_skipped(&case, &setup, get("/a"), why).await;
}

#[tokio::test]
async fn only_get_makes_stored_responses() {
    let fields = [
        ("cache-control", "max-age=60, public"),
        ("content-location", "/a"),
    ];
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "X",
    ] {
        let setup = Setup::conformance(Origin::ok(&fields));
        let reply = setup.send(request(method, "/a", &[])).await;
        assert_eq!(
            reply.field("cache-status"),
            "larder; fwd=method",
            "{method}"
        );
        assert!(
            setup.stored("/a").await.is_none(),
            "{method} made a stored response"
        );
        assert_eq!(setup.origin.last_seen().method, method);
    }
    let setup = Setup::shared(Origin::ok(&fields));
    assert_stored("GET", &setup, get("/a")).await;
}

#[tokio::test]
async fn response_to_get_with_content_is_not_stored() {
    let setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
    let with_content = Request::get("/a").body(Body::from("content")).unwrap();
    let reply = setup.send(with_content).await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=bypass; detail=request-content"
    );
    assert!(setup.stored("/a").await.is_none());
}

#[tokio::test]
async fn heuristically_cacheable_status_is_stored_with_explicit_freshness() {
    for (_, policy) in presets() {
        for status in HEURISTIC {
            assert_status_stored(policy.clone(), status, &[("cache-control", "max-age=60")]).await;
        }
    }
}

#[tokio::test]
async fn heuristically_cacheable_status_without_freshness_is_stored_only_by_conformance() {
    let fields = [
        ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT"),
    ];
    for status in HEURISTIC {
        assert_status_stored(Policy::conformance(), status, &fields).await;
        assert_status_skipped(Policy::shared(), status, &fields[..1], "useless").await;
    }
}

#[tokio::test]
async fn other_success_or_redirect_needs_explicit_freshness_or_public() {
    let expires = [
        ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("expires", "Fri, 15 Jan 2027 08:01:00 GMT"),
    ];
    let public = [
        ("cache-control", "public"),
        ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT"),
    ];
    for (_, policy) in presets() {
        for status in SUCCESS_OR_REDIRECT {
            for fields in [&[("cache-control", "max-age=60")][..], &expires] {
                assert_status_stored(policy.clone(), status, fields).await;
            }
            assert_status_skipped(policy.clone(), status, &public[1..], "status").await;
        }
    }
    for status in SUCCESS_OR_REDIRECT {
        assert_status_stored(Policy::conformance(), status, &public).await;
    }
}

#[tokio::test]
async fn status_that_must_not_be_stored_is_not_stored() {
    for (_, policy) in presets() {
        for status in NEVER {
            let why = if status == 206 { "partial" } else { "status" };
            let fields = [("cache-control", "public, max-age=60"), ("etag", "\"v\"")];
            assert_status_skipped(policy.clone(), status, &fields, why).await;
        }
    }
}

#[tokio::test]
async fn status_that_speaks_of_other_request_fields_is_never_stored() {
    let fields = [("cache-control", "public, max-age=60"), ("etag", "\"v\"")];
    for status in OF_OTHER_FIELDS {
        assert_status_skipped(Policy::conformance(), status, &fields, "status").await;
        let listed = [http::StatusCode::from_u16(status).unwrap()];
        let minute = std::time::Duration::from_secs(60);
        let policy = Policy::shared().with_error_statuses(listed, minute);
        assert_status_skipped(policy, status, &fields, "status").await;
    }
}

#[tokio::test]
async fn error_is_not_stored_by_shared_however_explicit() {
    let fields = [("cache-control", "public, max-age=60"), ("etag", "\"v\"")];
    for status in ERRORS {
        assert_status_skipped(Policy::shared(), status, &fields, "status").await;
    }
}

#[tokio::test]
async fn error_is_stored_by_conformance_with_explicit_freshness_only() {
    for status in ERRORS {
        let fresh = [("cache-control", "max-age=60")];
        assert_status_stored(Policy::conformance(), status, &fresh).await;
        let etag = [("etag", "\"v\"")];
        assert_status_skipped(Policy::conformance(), status, &etag, "status").await;
    }
}

#[tokio::test]
async fn error_that_the_operator_lists_is_stored_for_a_short_time() {
    let listed = [http::StatusCode::SERVICE_UNAVAILABLE];
    let policy = Policy::shared().with_error_statuses(listed, std::time::Duration::from_secs(5));
    let fields = [("cache-control", "max-age=60")];
    assert_status_skipped(policy.clone(), 502, &fields, "status").await;
    let setup = Setup::with_policy(Origin::with(503, &fields), policy);
    assert_stored("status 503, listed", &setup, get("/a")).await;
    setup.clock.advance(4);
    assert!(setup.stored("/a").await.is_some());
    setup.clock.advance(1);
    assert!(setup.stored("/a").await.is_none());
}

#[tokio::test]
async fn no_store_in_the_request_keeps_its_response_out() {
    for (preset, policy) in presets() {
        let setup = Setup::with_policy(Origin::ok(&[("cache-control", "max-age=60")]), policy);
        let no_store = request("GET", "/a", &[("cache-control", "no-store")]);
        assert_skipped(preset, &setup, no_store, "request-no-store").await;
        let setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
        let quoted = request("GET", "/a", &[("cache-control", "x=\"no-store\"")]);
        assert_stored("no-store as quoted text", &setup, quoted).await;
    }
}

#[tokio::test]
async fn response_that_opted_out_is_not_stored() {
    let setup = Setup::shared(Origin::new(|_, _| {
        let response = Response::builder().header("cache-control", "max-age=60");
        let response = response.extension(DoNotStore);
        response.body(Body::from("call 1")).unwrap()
    }));
    assert_skipped("DoNotStore", &setup, get("/a"), "opted-out").await;
}

#[tokio::test]
async fn response_to_range_request_is_stored_only_when_it_is_complete() {
    let ranges = [("range", "bytes=0-1"), ("if-range", "\"v\"")];
    for field in ranges {
        let whole = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
        assert_stored(field.0, &whole, request("GET", "/a", &[field])).await;
        assert_eq!(whole.origin.last_seen().headers[field.0], field.1);
        let missing = Setup::shared(Origin::with(404, &[("cache-control", "max-age=60")]));
        assert_skipped(field.0, &missing, request("GET", "/a", &[field]), "partial").await;
        let part = [
            ("cache-control", "max-age=60"),
            ("content-range", "bytes 0-1/6"),
        ];
        for status in [200, 206] {
            let setup = Setup::conformance(Origin::with(status, &part));
            let ranged = request("GET", "/a", &[field]);
            assert_skipped(&format!("{status}"), &setup, ranged, "partial").await;
        }
    }
}

#[tokio::test]
async fn response_that_could_never_be_used_is_not_stored() {
    let stale = ("cache-control", "max-age=0");
    let useful = [
        ("etag", "\"v\""),
        ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT"),
    ];
    assert_status_skipped(Policy::shared(), 200, &[stale], "useless").await;
    assert_status_skipped(Policy::shared(), 200, &[], "useless").await;
    for field in useful {
        let setup = Setup::shared(Origin::ok(&[stale, field]));
        assert!(setup.get("/a").await.is_stored(), "{field:?}");
        assert_eq!(setup.cache.stats().responses(), 1);
    }
    for window in ["stale-while-revalidate=9", "stale-if-error=9"] {
        let directives = format!("max-age=0, {window}");
        let setup = Setup::shared(Origin::ok(&[("cache-control", &directives)]));
        assert!(setup.get("/a").await.is_stored(), "{window}");
    }
}
