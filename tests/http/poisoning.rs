//! What one request makes the inner service answer must not be served to another (RFC 9111
//! section 7.1).

use axum::body::Body;
use http::{Request, Response};
use larder::Policy;
use larder_tests::{Origin, Seen, Setup, request};

/// A response that any cache may store and that says what it was made of.
fn cacheable(body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().header("cache-control", "public, max-age=60");
    response.body(body.into()).unwrap()
}

/// A handler that puts these request fields into its links.
fn reflecting(names: &'static [&'static str]) -> Setup {
    Setup::shared(Origin::new(move |seen, _| {
        let values = names.iter().filter_map(|name| seen.headers.get(*name));
        let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
        cacheable(format!("https://{}/", values.join(" ")))
    }))
}

#[tokio::test]
async fn field_that_reaches_links_past_the_key_does_not_poison_the_plain_request() {
    const FIELDS: [&str; 10] = [
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-host",
        "x-original-host",
        "x-http-host-override",
    ];
    for name in FIELDS {
        let setup = reflecting(&FIELDS);
        let evil = setup.get_with("/a", &[(name, "evil.example")]).await;
        assert_eq!(evil.text(), "https://evil.example/", "{name}");
        let plain = setup.get("/a").await;
        assert_eq!(
            plain.text(),
            "https:///",
            "{name} poisoned the plain request"
        );
        let other = setup.get_with("/a", &[(name, "good.example")]).await;
        assert_eq!(other.text(), "https://good.example/", "{name}");
        let lines = setup
            .get_with("/a", &[(name, "evil.example"), (name, "x")])
            .await;
        assert!(lines.is_stored(), "{name}");
    }
}

#[tokio::test]
async fn fields_a_trusted_proxy_sets_are_left_out_of_the_key() {
    let origin = Origin::ok(&[("cache-control", "max-age=60")]);
    let setup = Setup::with_policy(origin, Policy::shared().with_trusted_forwarding(true));
    setup
        .get_with("/a", &[("x-forwarded-host", "a.example")])
        .await;
    let second = setup
        .get_with("/a", &[("x-forwarded-host", "b.example")])
        .await;
    assert!(second.is_hit());
}

#[tokio::test]
async fn override_header_stores_nothing_and_is_answered_from_nothing() {
    for name in [
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let setup = Setup::shared(Origin::new(move |seen, calls| {
            let overridden = seen.headers.contains_key(name);
            cacheable(format!("{overridden} {calls}"))
        }));
        let evil = [(name, "/admin")];
        assert_eq!(setup.get_with("/a", &evil).await.text(), "true 0", "{name}");
        assert_eq!(setup.cache.stats().responses(), 0, "{name}");
        assert_eq!(setup.get("/a").await.text(), "false 1", "{name}");
        assert_eq!(setup.get_with("/a", &evil).await.text(), "true 2", "{name}");
    }
}

#[tokio::test]
async fn redirect_to_an_odd_port_is_not_served_to_the_plain_host() {
    let redirecting = Origin::new(|seen: &Seen, _| {
        let host = seen.headers["host"].to_str().unwrap();
        Response::builder()
            .status(301)
            .header("location", format!("https://{host}/new"))
            .body(Body::empty())
            .unwrap()
    });
    let setup = Setup::with_policy(redirecting, Policy::shared().with_route_lifetime(MINUTE));
    for host in [
        "a.example:1337",
        "a.example",
        "a.example.:80",
        "A.example:0443",
    ] {
        let reply = setup.get_with("/a", &[("host", host)]).await;
        assert!(reply.is_stored(), "{host}");
        assert_eq!(reply.field("location"), format!("https://{host}/new"));
    }
}

#[tokio::test]
async fn content_of_a_get_neither_poisons_nor_is_poisoned() {
    // The origin does not read content; that it got there is in the length.
    let setup = reflecting(&["content-length"]);
    let fat = || {
        let request = Request::get("/a").header("content-length", "4");
        request.body(Body::from("evil")).unwrap()
    };
    assert_eq!(setup.send(fat()).await.text(), "https://4/");
    assert_eq!(setup.get("/a").await.text(), "https:///");
    assert_eq!(setup.send(fat()).await.text(), "https://4/");
    assert!(setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn cloaked_parameters_are_distinct_keys() {
    let setup = Setup::shared(Origin::new(|seen, _| cacheable(seen.uri.to_string())));
    for query in [
        "a=1;b=2",
        "a=1&b=2",
        "a=1%26b=2",
        "a=1&b=2&a=1",
        "a=1&b=1&b=2",
        "a=1%3bb=2",
        "A=1&b=2",
        "a=1&b=2#",
    ] {
        let path = format!("/p?{query}");
        let reply = setup.get(&path).await;
        assert!(reply.is_stored() || query.ends_with('#'), "{query}");
        assert_eq!(reply.text(), path.trim_end_matches('#'));
    }
}

#[tokio::test]
async fn error_that_one_request_provokes_is_not_served_to_the_next() {
    for status in [400, 408, 413, 421, 425, 428, 429, 431, 500, 502, 503, 504] {
        let setup = Setup::shared(Origin::new(move |seen, _| {
            let provoked = seen.headers.contains_key("x-oversized");
            let mut response = cacheable("");
            *response.status_mut() = if provoked { status } else { 200 }.try_into().unwrap();
            response
        }));
        let provoked = setup.get_with("/a", &[("x-oversized", "x")]).await;
        assert_eq!(provoked.status, status);
        assert!(!provoked.is_stored(), "{status}");
        assert_eq!(setup.get("/a").await.status, 200, "{status}");
    }
}

#[tokio::test]
async fn clearing_beats_an_immutable_poison() {
    let setup = poisoned();
    assert_eq!(setup.get("/a").await.text(), "call 1");
    setup.clock.advance(365 * 24 * 3600);
    assert_eq!(setup.get("/a").await.text(), "call 1");
    setup.cache.clear();
    assert_eq!(setup.cache.stats().responses(), 0);
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

#[tokio::test]
async fn post_beats_an_immutable_poison() {
    let setup = poisoned();
    setup.get("/a").await;
    setup.get("/b").await;
    setup.send(request("POST", "/a", &[])).await;
    assert_eq!(setup.get("/a").await.text(), "call 4");
    assert_eq!(setup.get("/b").await.text(), "call 2");
}

fn poisoned() -> Setup {
    Setup::shared(Origin::ok(&[(
        "cache-control",
        "public, max-age=99999999999, immutable",
    )]))
}

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);
