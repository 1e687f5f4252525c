//! Which of the stored responses under one key answers a request (RFC 9111 section 4.1).

use axum::body::Body;
use http::Response;
use http_body_util::BodyExt;
use larder::Policy;
use larder_tests::{Origin, Reply, Setup, get, request};
use tower::ServiceExt;

fn varying(vary: &str) -> Setup {
    Setup::shared(varying_origin(vary))
}

fn varying_origin(vary: &str) -> Origin {
    Origin::ok(&[("cache-control", "public, max-age=60"), ("vary", vary)])
}

/// An origin whose `n`th response has the `n`th `Vary` (none where it is empty) and is made so many
/// seconds after eight.
fn changing(responses: &'static [(&'static str, u32)]) -> Origin {
    Origin::new(move |_, calls| {
        let (vary, seconds) = responses[calls];
        let mut response = Response::builder()
            .header("cache-control", "max-age=600")
            .header("date", format!("Fri, 15 Jan 2027 08:00:{seconds:02} GMT"));
        if !vary.is_empty() {
            response = response.header("vary", vary);
        }
        response
            .body(Body::from(format!("call {}", calls + 1)))
            .unwrap()
    })
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
async fn response_that_changes_its_vary_keeps_the_others_usable() {
    let setup = Setup::shared(changing(&[("a", 1), ("b", 2), ("a, b", 3)]));
    assert!(
        setup
            .get_with("/a", &[("a", "1"), ("b", "1")])
            .await
            .is_stored()
    );
    assert_miss(&setup, &[("a", "2"), ("b", "2")]).await;
    assert_hit(&setup, &[("a", "1"), ("b", "3")], "call 1").await;
    assert_hit(&setup, &[("a", "3"), ("b", "2")], "call 2").await;
    assert_miss(&setup, &[("a", "3"), ("b", "3")]).await;
    assert_hit(&setup, &[("a", "3"), ("b", "3")], "call 3").await;
    assert_eq!(setup.cache.stats().responses(), 3);
}

#[tokio::test]
async fn most_recent_by_date_wins_among_several_matches() {
    for (responses, expected) in [
        (&[("a", 10), ("b", 20)], "call 2"),
        (&[("a", 20), ("b", 10)], "call 1"),
        (&[("a", 10), ("b", 10)], "call 2"),
        // One that leaves Vary out would otherwise hide all before it.
        (&[("a", 10), ("", 20)], "call 1"),
    ] {
        let setup = Setup::shared(changing(responses));
        setup.get_with("/a", &[("a", "1"), ("b", "1")]).await;
        assert_miss(&setup, &[("a", "2"), ("b", "2")]).await;
        assert_hit(&setup, &[("a", "1"), ("b", "2")], expected).await;
    }
}

#[tokio::test]
async fn late_response_with_an_older_date_does_not_replace_a_newer_one() {
    for (dates, expected) in [
        ([20, 10], "call 1"),
        ([10, 20], "call 2"),
        ([10, 10], "call 2"),
    ] {
        let origin = Origin::new(move |_, calls| {
            let date = format!("Fri, 15 Jan 2027 08:00:{} GMT", dates[calls]);
            Response::builder()
                .header("cache-control", "max-age=600")
                .header("date", date)
                .body(Body::from(format!("call {}", calls + 1)))
                .unwrap()
        });
        let setup = Setup::shared(origin);
        let first = setup.service.clone().oneshot(get("/a")).await.unwrap();
        let second = setup.service.clone().oneshot(get("/a")).await.unwrap();
        for response in [first, second] {
            response.into_body().collect().await.unwrap();
        }
        assert_hit(&setup, &[], expected).await;
        assert_eq!(setup.cache.stats().responses(), 1, "{dates:?}");
    }
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
async fn variants_of_a_key_are_bounded_and_the_oldest_goes_first() {
    let setup = Setup::with_cache(varying_origin("x"), |cache| cache.max_variants(3));
    for value in ["1", "2", "3", "4"] {
        setup.get_with("/a", &[("x", value)]).await;
    }
    assert_eq!(setup.cache.stats().responses(), 3);
    for (value, body) in [("2", "call 2"), ("3", "call 3"), ("4", "call 4")] {
        assert_hit(&setup, &[("x", value)], body).await;
    }
    assert_miss(&setup, &[("x", "1")]).await;
}

#[tokio::test]
async fn ten_thousand_user_agents_leave_other_keys_alone() {
    let setup = varying("user-agent");
    setup.get("/other").await;
    for agent in 0..10_000 {
        let agent = format!("agent/{agent}");
        setup.get_with("/a", &[("user-agent", &agent)]).await;
    }
    let stats = setup.cache.stats();
    assert_eq!(stats.keys(), 2);
    assert_eq!(stats.responses(), 64 + 1);
    assert!(stats.bytes() < 256 << 10, "{} bytes", stats.bytes());
    assert!(setup.get("/other").await.is_hit());
    assert_hit(&setup, &[("user-agent", "agent/9999")], "call 10001").await;
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

#[tokio::test]
async fn unsafe_request_invalidates_every_variant() {
    let setup = varying("x");
    for value in ["1", "2"] {
        setup.get_with("/a", &[("x", value)]).await;
    }
    setup.send(request("POST", "/a", &[("x", "1")])).await;
    for value in ["1", "2"] {
        assert!(
            !setup.get_with("/a", &[("x", value)]).await.is_hit(),
            "{value}"
        );
    }
}
