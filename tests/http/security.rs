//! Attacks on what is stored: a row of the security catalogue, a test (RFC 9111 section 7).

use std::sync::Mutex;

use axum::body::Body;
use http::Response;
use larder_tests::{Origin, Reply, Setup, feed, get, request};
use tower::ServiceExt;

/// A response that any cache may store and that says what it was made of.
fn cacheable(body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().header("cache-control", "public, max-age=60");
    response.body(body.into()).unwrap()
}

fn shared() -> Setup {
    Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]))
}

fn outcome(reply: &Reply) -> &str {
    reply.field("cache-status")
}

#[tokio::test]
async fn personal_page_under_a_static_name_is_not_stored() {
    for path in [
        "/account/a.css",
        "/me;x.css",
        "/me/..%2fstatic",
        "/me%00.js",
        "/static/..%2fme",
        "/me%0a.png",
        "/favicon.ico",
        "/robots.txt",
    ] {
        for directives in [
            &[][..],
            &[("etag", "\"v\"")],
            &[("cache-control", "max-age=60")],
        ] {
            let setup = Setup::shared(Origin::ok(directives));
            let victim = setup.get_with(path, &[("cookie", "id=victim")]).await;
            assert!(!victim.is_stored(), "{path}: {}", outcome(&victim));
            assert_eq!(setup.get(path).await.text(), "call 2", "{path}");
        }
    }
}

#[tokio::test]
async fn spellings_of_a_path_do_not_share_a_response() {
    let setup = Setup::shared(Origin::new(|seen, _| cacheable(seen.uri.to_string())));
    for path in [
        "/me",
        "/me;x.css",
        "/me%3bx.css",
        "/me/x.css",
        "/static/../me",
        "/static/..%2fme",
        "//me",
        "/me%23",
        "/me/",
    ] {
        let reply = setup.get(path).await;
        assert_eq!((reply.is_stored(), reply.text()), (true, path));
    }
}

#[tokio::test]
async fn two_clients_never_share_a_cookie() {
    for directives in ["max-age=60", "public, s-maxage=60", "max-age=60, immutable"] {
        let setup = Setup::shared(Origin::new(move |_, calls| {
            Response::builder()
                .header("cache-control", directives)
                .header("set-cookie", format!("id={calls}"))
                .body(Body::empty())
                .unwrap()
        }));
        assert_eq!(
            setup.get("/a").await.field("set-cookie"),
            "id=0",
            "{directives}"
        );
        assert_eq!(
            setup.get("/a").await.field("set-cookie"),
            "id=1",
            "{directives}"
        );
    }
}

#[tokio::test]
async fn response_to_credentials_is_not_served_to_others() {
    for name in ["authorization", "cookie"] {
        let setup = Setup::shared(Origin::new(move |seen, _| {
            let user = seen
                .headers
                .get(name)
                .map_or("nobody", |v| v.to_str().unwrap());
            let response = Response::builder().header("cache-control", "max-age=60");
            response.body(Body::from(user.to_owned())).unwrap()
        }));
        for user in ["alice", "bob", "alice"] {
            assert_eq!(
                setup.get_with("/a", &[(name, user)]).await.text(),
                user,
                "{name}"
            );
        }
        assert_eq!(setup.get("/a").await.text(), "nobody", "{name}");
        assert_eq!(setup.origin.calls(), 4, "{name}");
    }
}

#[tokio::test]
async fn reflected_cors_origin_is_served_to_that_origin_only() {
    let setup = Setup::shared(Origin::new(|seen, _| {
        let mut response = cacheable("");
        if let Some(origin) = seen.headers.get("origin") {
            let name = "access-control-allow-origin";
            response.headers_mut().insert(name, origin.clone());
        }
        response
    }));
    for origin in ["https://a.example", "https://b.example", "null"] {
        for hit in [false, true] {
            let reply = setup.get_with("/a", &[("origin", origin)]).await;
            assert_eq!(reply.is_hit(), hit, "{origin}");
            assert_eq!(reply.field("access-control-allow-origin"), origin);
        }
    }
    let star = [
        ("cache-control", "max-age=60"),
        ("access-control-allow-origin", "*"),
    ];
    let setup = Setup::shared(Origin::ok(&star));
    setup
        .get_with("/a", &[("origin", "https://a.example")])
        .await;
    assert!(
        setup
            .get_with("/a", &[("origin", "https://b.example")])
            .await
            .is_hit()
    );
}

#[tokio::test]
async fn response_whose_connection_names_a_caching_field_is_not_stored() {
    for name in [
        "Age",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-range",
        "Content-Type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "set-cookie",
        "vary",
    ] {
        let connection = format!("close, {name}");
        let fields = [("cache-control", "max-age=60"), ("connection", &connection)];
        let reply = Setup::shared(Origin::ok(&fields)).get("/a").await;
        assert_eq!(
            outcome(&reply),
            "larder; fwd=uri-miss; detail=connection-field",
            "{name}"
        );
    }
}

#[tokio::test]
async fn response_whose_connection_names_its_targeted_field_is_not_stored() {
    let fields = [
        ("cdn-cache-control", "max-age=60"),
        ("connection", "CDN-Cache-Control"),
    ];
    let reply = Setup::conformance(Origin::ok(&fields)).get("/a").await;
    assert_eq!(
        outcome(&reply),
        "larder; fwd=uri-miss; detail=connection-field"
    );
    let reply = Setup::shared(Origin::ok(&[("cache-control", "max-age=60"), fields[1]]))
        .get("/a")
        .await;
    assert!(reply.is_stored());
}

#[tokio::test]
async fn request_connection_cannot_hide_its_credentials() {
    let setup = shared();
    let hiding = [("cookie", "id=1"), ("connection", "cookie")];
    assert_eq!(
        outcome(&setup.get_with("/a", &hiding).await),
        "larder; fwd=uri-miss; detail=cookie"
    );
    assert_eq!(setup.origin.last_seen().headers["cookie"], "id=1");
}

#[tokio::test]
async fn purge_request_reaches_the_inner_service_and_changes_nothing() {
    let setup = Setup::shared(Origin::new(|seen, calls| {
        let mut response = cacheable(format!("call {}", calls + 1));
        if seen.method != "GET" {
            *response.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
        }
        response
    }));
    setup.get("/a").await;
    for method in ["PURGE", "BAN", "REFRESH", "DELETE"] {
        let reply = setup
            .send(request(method, "/a", &[("x-purge", "all")]))
            .await;
        assert_eq!(
            (reply.status.as_u16(), outcome(&reply)),
            (405, "larder; fwd=method")
        );
        assert_eq!(setup.origin.last_seen().method, method);
        assert_eq!(setup.get("/a").await.text(), "call 1", "{method}");
    }
}

#[tokio::test]
async fn write_that_overtakes_a_read_keeps_its_old_state_out() {
    for clears in [false, true] {
        let (feeder, body) = feed();
        let slow = Mutex::new(Some(body));
        let origin = Origin::new(move |seen, calls| match slow.lock().unwrap().take() {
            Some(slow) if seen.method == "GET" => cacheable(slow),
            _ => cacheable(format!("call {}", calls + 1)),
        });
        let setup = Setup::shared(origin);
        let read = setup.service.clone().oneshot(get("/a")).await.unwrap();
        feeder.data("old ");
        if clears {
            setup.cache.clear();
        } else {
            setup.send(request("PUT", "/a", &[])).await;
        }
        feeder.data("state");
        feeder.end();
        assert_eq!(Reply::read(read).await.text(), "old state");
        assert_eq!(setup.cache.stats().responses(), 0, "by clear: {clears}");
        assert!(setup.get("/a").await.is_stored());
        assert!(setup.get("/a").await.is_hit());
    }
}

/// As it is, the read is stored, and the write removes it.
#[tokio::test]
async fn write_after_a_read_that_was_all_there_removes_it() {
    for clears in [false, true] {
        let setup = shared();
        let read = setup.service.clone().oneshot(get("/a")).await.unwrap();
        assert_eq!(setup.cache.stats().responses(), 1);
        if clears {
            setup.cache.clear();
        } else {
            setup.send(request("PUT", "/a", &[])).await;
        }
        assert_eq!(Reply::read(read).await.text(), "call 1");
        assert!(setup.stored("/a").await.is_none());
        assert!(setup.get("/a").await.is_stored());
    }
}
