//! What makes two requests the same to the store (RFC 9111 section 2).

use http::Request;
use larder::policy::Scheme;
use larder::{CacheLayer, Policy};
use larder_tests::{Origin, Setup, request};

fn shared() -> Setup {
    Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]))
}

fn of_scheme(scheme: Scheme) -> Setup {
    let origin = Origin::ok(&[("cache-control", "max-age=60")]);
    Setup::with_policy(origin, Policy::shared().with_default_scheme(scheme))
}

/// A target and, where it is not empty, a `Host`.
type Url = (&'static str, &'static str);

async fn ask(setup: &Setup, method: &str, (uri, host): Url) -> larder_tests::Reply {
    let host = [("host", host)];
    let fields = if host[0].1.is_empty() { &[] } else { &host[..] };
    setup.send(request(method, uri, fields)).await
}

async fn assert_same(setup: &Setup, a: Url, b: Url) {
    setup.cache.clear();
    assert!(ask(setup, "GET", a).await.is_stored(), "{a:?}");
    assert!(
        ask(setup, "GET", b).await.is_hit(),
        "{a:?} and {b:?} are two"
    );
}

async fn assert_distinct(setup: &Setup, a: Url, b: Url) {
    setup.cache.clear();
    assert!(ask(setup, "GET", a).await.is_stored(), "{a:?}");
    assert!(
        ask(setup, "GET", b).await.is_stored(),
        "{a:?} and {b:?} are one"
    );
    assert!(
        ask(setup, "GET", a).await.is_hit(),
        "{a:?} was replaced by {b:?}"
    );
}

async fn assert_bypassed(setup: &Setup, url: Url, reason: &str) {
    let reply = ask(setup, "GET", url).await;
    let expected = format!("larder; fwd=bypass; detail={reason}");
    assert_eq!(reply.field("cache-status"), expected, "{url:?}");
    assert_eq!(setup.cache.stats().responses(), 0, "{url:?}");
}

#[tokio::test]
async fn host_matches_in_any_case() {
    let setup = shared();
    assert_same(&setup, ("/a", "example.com"), ("/a", "EXAMPLE.Com")).await;
    assert_same(
        &setup,
        ("http://example.com/a", ""),
        ("HTTP://Example.COM/a", ""),
    )
    .await;
    assert_same(&setup, ("/a", "[2001:db8::A]"), ("/a", "[2001:DB8::a]")).await;
}

#[tokio::test]
async fn host_and_port_are_part_of_the_key() {
    let setup = shared();
    for other in [
        "example.org",
        "a.example.com",
        "example.com.",
        "example.com:1337",
        "",
    ] {
        assert_distinct(&setup, ("/a", "example.com"), ("/a", other)).await;
    }
    assert_distinct(
        &setup,
        ("/a", "example.com:1337"),
        ("/a", "example.com:1338"),
    )
    .await;
}

#[tokio::test]
async fn default_port_of_the_known_scheme_is_dropped() {
    let (http, https) = (of_scheme(Scheme::Http), of_scheme(Scheme::Https));
    let plain = ("/a", "example.com");
    assert_same(&http, plain, ("/a", "example.com:80")).await;
    assert_same(&http, plain, ("/a", "example.com:")).await;
    assert_same(&https, plain, ("/a", "example.com:443")).await;
    assert_distinct(&http, plain, ("/a", "example.com:443")).await;
    assert_distinct(&https, plain, ("/a", "example.com:80")).await;
    for port in ["example.com:80", "example.com:443"] {
        assert_distinct(&shared(), plain, ("/a", port)).await;
    }
}

#[tokio::test]
async fn scheme_is_part_of_the_key() {
    let setup = shared();
    assert_distinct(
        &setup,
        ("http://example.com/a", ""),
        ("https://example.com/a", ""),
    )
    .await;
    assert_distinct(&setup, ("http://example.com/a", ""), ("/a", "example.com")).await;
    let setup = of_scheme(Scheme::Https);
    assert_distinct(&setup, ("http://example.com/a", ""), ("/a", "example.com")).await;
    assert_same(&setup, ("https://example.com/a", ""), ("/a", "example.com")).await;
}

#[tokio::test]
async fn absolute_form_names_the_target_with_or_without_host() {
    let setup = shared();
    let absolute = ("http://example.com/a", "");
    assert_same(&setup, absolute, ("http://example.com/a", "example.com")).await;
    assert_same(&setup, absolute, ("http://example.com/a", "EXAMPLE.com:80")).await;
    assert_same(
        &setup,
        ("http://example.com", ""),
        ("http://example.com/", ""),
    )
    .await;
}

#[tokio::test]
async fn host_that_contradicts_the_target_bypasses() {
    let setup = shared();
    for host in ["example.org", "example.com:81", "example.com:443"] {
        assert_bypassed(&setup, ("http://example.com/a", host), "authority-mismatch").await;
    }
}

#[tokio::test]
async fn host_that_is_no_authority_bypasses() {
    let setup = shared();
    for host in [
        "a b",
        "a/b",
        "u@example.com",
        "a, b",
        "a:b",
        "a:99999",
        "[::1",
        ":80",
        "a%2eb",
    ] {
        assert_bypassed(&setup, ("/a", host), "invalid-host").await;
    }
    let twice = request("GET", "/a", &[("host", "a"), ("host", "a")]);
    let reply = setup.send(twice).await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=bypass; detail=invalid-host"
    );
}

#[tokio::test]
async fn path_and_query_are_compared_byte_for_byte() {
    let setup = shared();
    for (a, b) in [
        ("/foo", "/%66oo"),
        ("/%2f", "/%2F"),
        ("/a", "/A"),
        ("/a", "/a/"),
        ("/a", "//a"),
        ("/a/b", "/a/./b"),
        ("/b", "/a/../b"),
        ("/a", "/a;x"),
        ("/a", "/a?"),
        ("/a?", "/a?x"),
        ("/a?x=1&y=2", "/a?y=2&x=1"),
        ("/a?x=1", "/a?x=1&"),
        ("/a?x=1", "/a?x=%31"),
        ("/a?x=+", "/a?x=%20"),
        ("/a?b?c", "/a?b%3Fc"),
    ] {
        assert_distinct(&setup, (a, ""), (b, "")).await;
    }
    assert_same(&setup, ("/a?x=1&y=2", ""), ("/a?x=1&y=2", "")).await;
}

#[tokio::test]
async fn inner_service_sees_the_uri_as_it_was_sent() {
    let setup = shared();
    for uri in ["/%66oo?b=%20&a", "/a/../b?", "HTTP://Example.COM:80/a"] {
        setup.get(uri).await;
        assert_eq!(setup.origin.last_seen().uri, *uri);
    }
}

#[tokio::test]
async fn get_response_answers_head_without_a_body() {
    let setup = shared();
    setup.get("/a").await;
    let head = ask(&setup, "HEAD", ("/a", "")).await;
    assert!(head.is_hit());
    assert!(head.body.is_empty());
    assert_eq!(head.field("content-length"), "6");
}

#[tokio::test]
async fn head_response_answers_head_and_not_get() {
    let setup = shared();
    assert!(ask(&setup, "HEAD", ("/a", "")).await.is_stored());
    assert!(ask(&setup, "HEAD", ("/a", "")).await.is_hit());
    assert!(setup.get("/a").await.is_stored());
    assert_eq!(setup.origin.calls(), 2);
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

#[tokio::test]
async fn head_response_is_found_beside_a_get_response_of_another_variant() {
    let fields = [("cache-control", "max-age=60"), ("vary", "accept")];
    let setup = Setup::shared(Origin::ok(&fields));
    setup.get_with("/a", &[("accept", "text/html")]).await;
    let other = || request("HEAD", "/a", &[("accept", "image/png")]);
    let first = setup.send(other()).await;
    assert_eq!(first.field("cache-status"), "larder; fwd=vary-miss; stored");
    assert!(setup.send(other()).await.is_hit());
}

#[tokio::test]
async fn head_response_is_found_where_the_get_response_was_purged() {
    let setup = shared();
    setup.get("/a").await;
    ask(&setup, "POST", ("/a", "")).await;
    assert!(ask(&setup, "HEAD", ("/a", "")).await.is_stored());
    assert!(ask(&setup, "HEAD", ("/a", "")).await.is_hit());
}

#[tokio::test]
async fn key_is_made_of_the_uri_that_with_target_finds() {
    #[derive(Clone)]
    struct Original(http::Uri);
    let origin = Origin::ok(&[("cache-control", "max-age=60")]);
    let setup = Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_target(|extensions| Some(&extensions.get::<Original>()?.0))
    });
    let nested = |method: &str, original: &'static str| {
        let uri = Original(http::Uri::from_static(original));
        let request = Request::builder()
            .method(method)
            .uri("/users")
            .extension(uri);
        request.body(axum::body::Body::empty()).unwrap()
    };
    assert!(setup.send(nested("GET", "/v1/users")).await.is_stored());
    assert!(setup.send(nested("GET", "/v2/users")).await.is_stored());
    assert!(setup.send(nested("GET", "/v1/users")).await.is_hit());
    assert!(setup.get("/users").await.is_stored());
    assert!(setup.get("/v1/users").await.is_hit());
    assert_eq!(setup.origin.seen()[0].uri, "/users");
    setup.send(nested("POST", "/v1/users")).await;
    assert!(!setup.send(nested("GET", "/v1/users")).await.is_hit());
    assert!(setup.send(nested("GET", "/v2/users")).await.is_hit());
    assert!(setup.get("/users").await.is_hit());
}
