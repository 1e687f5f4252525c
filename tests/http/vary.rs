//! Which of the stored responses under one key answers a request (RFC 9111 section 4.1).

use larder::Policy;
use larder_tests::{Origin, Reply, Setup};

fn varying(vary: &str) -> Setup {
    Setup::shared(varying_origin(vary))
}

fn varying_origin(vary: &str) -> Origin {
    Origin::ok(&[("cache-control", "public, max-age=60"), ("vary", vary)])
}

type Fields<'a> = &'a [(&'a str, &'a str)];

async fn assert_miss(setup: &Setup, fields: Fields<'_>) {
    let reply = setup.get_with("/a", fields).await;
    let outcome = reply.field("cache-status");
    assert_eq!(outcome, "larder; fwd=vary-miss; stored", "{fields:?}");
}

async fn assert_hit(setup: &Setup, fields: Fields<'_>, body: &str) {
    let reply = setup.get_with("/a", fields).await;
    assert!(reply.is_hit(), "{fields:?}");
    assert_eq!(reply.text(), body, "{fields:?}");
}

/// Whether requests with these fields share a response whose `Vary` is `vary`.
async fn assert_same(vary: &str, a: Fields<'_>, b: Fields<'_>) {
    let setup = varying(vary);
    assert!(setup.get_with("/a", a).await.is_stored());
    assert_hit(&setup, b, "call 1").await;
}

async fn assert_distinct(vary: &str, a: Fields<'_>, b: Fields<'_>) {
    let setup = varying(vary);
    assert!(setup.get_with("/a", a).await.is_stored());
    assert_miss(&setup, b).await;
    assert_hit(&setup, a, "call 1").await;
    assert_hit(&setup, b, "call 2").await;
}

#[tokio::test]
async fn miss_says_whether_the_uri_or_the_fields_differ() {
    let setup = varying("accept");
    let outcome = |reply: Reply| reply.field("cache-status").to_owned();
    let html = [("accept", "text/html")];
    let first = setup.get_with("/a", &html).await;
    assert_eq!(outcome(first), "larder; fwd=uri-miss; stored");
    let other = setup.get_with("/b", &html).await;
    assert_eq!(outcome(other), "larder; fwd=uri-miss; stored");
    assert_miss(&setup, &[("accept", "image/png")]).await;
}

#[tokio::test]
async fn absent_field_matches_only_an_absent_one() {
    assert_distinct("accept", &[], &[("accept", "")]).await;
    assert_distinct("accept", &[("accept", "")], &[]).await;
    assert_distinct("accept", &[], &[("accept", "*/*")]).await;
    assert_same("accept", &[], &[]).await;
    assert_same("accept", &[("accept", "")], &[("accept", "")]).await;
}

#[tokio::test]
async fn every_field_that_vary_names_has_to_match() {
    let both = [("accept", "a"), ("x-tenant", "1")];
    for vary in [
        "accept, x-tenant",
        "X-Tenant,,ACCEPT",
        "accept,x-tenant,accept",
    ] {
        assert_same(vary, &both, &[both[1], both[0], ("x-other", "3")]).await;
        assert_distinct(vary, &both, &[both[0], ("x-tenant", "2")]).await;
        assert_distinct(vary, &both, &both[..1]).await;
    }
    assert_same("", &both, &[]).await;
    // Values do not run into one another.
    assert_distinct("a, b", &[("a", "1"), ("b", "")], &[("a", ""), ("b", "1")]).await;
    assert_distinct("a, b", &[("a", "1")], &[("b", "1")]).await;
}

#[tokio::test]
async fn several_vary_lines_count_together() {
    let fields = [
        ("cache-control", "max-age=60"),
        ("vary", "a"),
        ("vary", "b"),
    ];
    let setup = Setup::shared(Origin::ok(&fields));
    setup.get_with("/a", &[("a", "1"), ("b", "1")]).await;
    assert_miss(&setup, &[("a", "1"), ("b", "2")]).await;
    assert_miss(&setup, &[("a", "2"), ("b", "1")]).await;
}

#[tokio::test]
async fn star_matches_nothing() {
    for vary in ["*", "accept, *", "*, accept", "accept,*"] {
        let setup = varying(vary);
        for _ in 0..2 {
            let reply = setup.get("/a").await;
            assert_eq!(
                reply.field("cache-status"),
                "larder; fwd=uri-miss; detail=vary",
                "{vary}"
            );
        }
    }
}

#[tokio::test]
async fn values_of_known_syntax_are_compared_without_optional_whitespace_and_case() {
    for (name, a, b) in [
        ("accept", "text/html, image/png", "text/html,image/png"),
        ("accept", "text/html; q=0.5", "text/html;q=0.5"),
        ("accept-encoding", "gzip, br", "GZIP ,\tbr"),
        ("accept-language", "en-GB;q=0.8, de", "en-gb; q=0.8,de"),
        ("accept-language", "en, , de", "en,de"),
    ] {
        assert_same(name, &[(name, a)], &[(name, b)]).await;
    }
}

#[tokio::test]
async fn values_that_may_mean_something_else_are_distinct() {
    for (name, a, b) in [
        ("accept-language", "en, de", "de, en"),
        ("accept-encoding", "gzip, br", "br, gzip"),
        ("accept-encoding", "gzip", "gzip, identity"),
        ("accept", "text/html;q=0.5", "text/html;q=0.50"),
        ("accept", "a/b;x=\"1, 2\"", "a/b;x=\"1,2\""),
        ("x-unknown", "a, b", "a,b"),
        ("x-unknown", "A", "a"),
        ("user-agent", "curl/8", "curl/9"),
    ] {
        assert_distinct(name, &[(name, a)], &[(name, b)]).await;
    }
}

#[tokio::test]
async fn lines_of_one_field_are_merged_in_order() {
    for name in ["accept", "accept-language", "x-unknown"] {
        let lines = [(name, "a"), (name, "b")];
        assert_same(name, &lines, &[(name, "a, b")]).await;
        assert_same(name, &[(name, " a, b ")], &lines).await;
        assert_distinct(name, &lines, &[(name, "b"), (name, "a")]).await;
    }
    assert_same(
        "cookie",
        &[("cookie", "a=1"), ("cookie", "b=2")],
        &[("cookie", "a=1; b=2")],
    )
    .await;
}

#[tokio::test]
async fn client_field_is_forwarded_as_it_was_sent() {
    let setup = varying("accept-encoding");
    setup
        .get_with("/a", &[("accept-encoding", "GZIP ,  br")])
        .await;
    assert_eq!(
        setup.origin.last_seen().headers["accept-encoding"],
        "GZIP ,  br"
    );
}

#[tokio::test]
async fn coded_response_varies_on_accept_encoding_even_if_it_does_not_say_so() {
    let fields = [
        ("cache-control", "max-age=60"),
        ("content-encoding", "gzip"),
    ];
    let setup = Setup::shared(Origin::ok(&fields));
    let gzip = [("accept-encoding", "gzip")];
    assert!(setup.get_with("/a", &gzip).await.is_stored());
    assert_miss(&setup, &[]).await;
    assert_miss(&setup, &[("accept-encoding", "br")]).await;
    assert_hit(&setup, &gzip, "call 1").await;
}

#[tokio::test]
async fn response_whose_vary_names_too_many_fields_is_not_stored() {
    let names = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("x-{n}")).collect();
        names.join(",")
    };
    assert!(varying(&names(16)).get("/a").await.is_stored());
    let refused = varying(&names(17)).get("/a").await;
    assert_eq!(
        refused.field("cache-status"),
        "larder; fwd=uri-miss; detail=vary"
    );
    let policy = Policy::shared().with_max_vary_names(1);
    let setup = Setup::with_policy(varying_origin("a, b"), policy.clone());
    assert!(!setup.get("/a").await.is_stored());
    let setup = Setup::with_policy(varying_origin("a, A"), policy);
    assert!(setup.get("/a").await.is_stored());
}
