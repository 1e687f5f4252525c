//! Which requests the cache stays out of: neither answered from the store nor stored.

use axum::body::Body;
use http::Request;
use larder::Policy;
use larder_tests::{Origin, Reply, Setup, request};

fn shared() -> Setup {
    setup(Policy::shared(), "max-age=60")
}

fn setup(policy: Policy, directives: &str) -> Setup {
    let fields = [("cache-control", directives), ("etag", "\"v\"")];
    Setup::with_policy(Origin::ok(&fields), policy)
}

async fn assert_bypassed(setup: &Setup, request: impl Fn() -> Request<Body>, reason: &str) {
    // Neither stored…
    let forwarded = |reply: Reply| {
        let expected = format!("larder; fwd=bypass; detail={reason}");
        assert_eq!(reply.field("cache-status"), expected);
        assert_eq!(setup.cache.stats().stored(), 0);
    };
    setup.cache.clear();
    forwarded(setup.send(request()).await);
    assert!(setup.stored("/a").await.is_none(), "{reason}");
    // …nor answered from what is stored.
    let before = setup.origin.calls();
    assert!(setup.get("/a").await.is_stored());
    let reply = setup.send(request()).await;
    assert!(
        reply.field("cache-status").contains("fwd=bypass"),
        "{reason}"
    );
    assert_eq!(setup.origin.calls(), before + 2, "{reason}");
}

#[tokio::test]
async fn request_that_caching_does_not_understand_bypasses() {
    for (field, reason) in [
        (("if-match", "\"v\""), "conditional"),
        (
            ("if-unmodified-since", "Fri, 15 Jan 2027 08:00:00 GMT"),
            "conditional",
        ),
        (("upgrade", "websocket"), "upgrade"),
        (("content-length", "1"), "request-content"),
        (("transfer-encoding", "chunked"), "request-content"),
        (("x-original-url", "/b"), "override-header"),
        (("x-rewrite-url", "/b"), "override-header"),
        (("x-http-method-override", "GET"), "override-header"),
    ] {
        for method in ["GET", "HEAD"] {
            assert_bypassed(&shared(), || request(method, "/a", &[field]), reason).await;
        }
    }
    for method in ["GET", "HEAD"] {
        let content = || {
            let request = Request::builder().method(method).uri("/a");
            request.body(Body::from("content")).unwrap()
        };
        assert_bypassed(&shared(), content, "request-content").await;
    }
    assert!(
        shared()
            .get_with("/a", &[("content-length", "0")])
            .await
            .is_stored()
    );
}

#[tokio::test]
async fn client_condition_is_forwarded_on_a_miss() {
    let setup = shared();
    let asked = [
        ("if-none-match", "\"w\""),
        ("range", "bytes=0-1"),
        ("if-range", "\"w\""),
    ];
    setup.get_with("/a", &asked).await;
    for (name, value) in asked {
        assert_eq!(setup.origin.last_seen().headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn uri_over_the_limit_bypasses() {
    let path = |bytes: usize| format!("/a?{}", "x".repeat(bytes - 3));
    let setup = shared();
    assert!(setup.get(&path(8192)).await.is_stored());
    let reply = setup.get(&path(8193)).await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=bypass; detail=uri-too-long"
    );
    let setup = self::setup(Policy::shared().with_max_uri_bytes(10), "max-age=60");
    assert!(setup.get(&path(10)).await.is_stored());
    assert!(!setup.get(&path(11)).await.is_stored());
    // Scheme and authority do not count.
    assert!(
        setup
            .get(&format!("http://example.com{}", path(10)))
            .await
            .is_stored()
    );
}
