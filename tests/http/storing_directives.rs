//! What the directives of a response, and the credentials of a request, do to storing (RFC 9111
//! sections 3, 3.5 and 5.2.2).

use larder::Policy;
use larder_tests::{Origin, Setup};

/// Whether a response with this `Cache-Control` to a request with these fields is stored, and if
/// not, why.
async fn outcome(policy: Policy, asked: &[(&str, &str)], fields: &[(&str, &str)]) -> String {
    let setup = Setup::with_policy(Origin::ok(fields), policy);
    outcome_of(&setup, asked).await
}

async fn outcome_of(setup: &Setup, asked: &[(&str, &str)]) -> String {
    let reply = setup.get_with("/a", asked).await;
    let said = reply.field("cache-status");
    let held = setup.cache.stats().responses();
    let how = said
        .strip_prefix("larder; fwd=uri-miss; ")
        .unwrap()
        .to_owned();
    assert_eq!(held, u64::from(how == "stored"), "{said}");
    how
}

async fn assert_shared(cache_control: &str, expected: &str) {
    let fields = [("cache-control", cache_control)];
    let outcome = outcome(Policy::shared(), &[], &fields).await;
    assert_eq!(outcome, expected, "{cache_control}");
}

#[tokio::test]
async fn no_store_beats_everything_but_must_understand() {
    for conflict in [
        "no-store, max-age=60",
        "max-age=60, public, NO-STORE",
        "no-store=x, max-age=60",
        "s-maxage=60, must-revalidate, no-store",
    ] {
        assert_shared(conflict, "detail=no-store").await;
    }
    assert_shared("max-age=60, x=\"no-store\"", "stored").await;
    assert_shared("max-age=60, no-stored", "stored").await;
}

#[tokio::test]
async fn must_understand_overrules_no_store_for_statuses_that_are_understood() {
    let both = [("cache-control", "must-understand, no-store, max-age=60")];
    for status in [
        200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 451, 501,
    ] {
        let setup = Setup::shared(Origin::with(status, &both));
        assert_eq!(outcome_of(&setup, &[]).await, "stored", "status {status}");
    }
    for fields in [both, [("cache-control", "must-understand, max-age=60")]] {
        for status in [201, 299, 399, 403, 499, 500, 599] {
            let setup = Setup::conformance(Origin::with(status, &fields));
            let outcome = outcome_of(&setup, &[]).await;
            assert_eq!(outcome, "detail=must-understand", "status {status}");
        }
    }
}

#[tokio::test]
async fn private_response_is_not_stored() {
    for private in [
        "private",
        "max-age=60, private",
        "public, private, max-age=60",
    ] {
        assert_shared(private, "detail=private").await;
    }
    let fields = [("cache-control", "private, s-maxage=60")];
    assert_eq!(
        outcome(Policy::conformance(), &[], &fields).await,
        "detail=private"
    );
}

#[tokio::test]
async fn private_that_names_no_valid_field_counts_as_unqualified() {
    for private in [
        "private=\"\"",
        "private=",
        "private=\"a b\"",
        "private=\"'set-cookie'\"",
    ] {
        assert_shared(&format!("max-age=60, {private}"), "detail=private").await;
    }
    for private in [
        "private=\"x\"",
        "private=x",
        "private=\"x, Y\"",
        "PRIVATE=\"x\"",
    ] {
        assert_shared(&format!("max-age=60, {private}"), "stored").await;
    }
    assert_shared("max-age=60, private=\"x\", private", "detail=private").await;
}

#[tokio::test]
async fn no_cache_is_stored_and_validated_before_every_use() {
    for no_cache in ["no-cache", "no-cache=\"\"", "no-cache, max-age=60"] {
        let setup = Setup::shared(Origin::ok(&[
            ("cache-control", no_cache),
            ("etag", "\"v\""),
        ]));
        assert_eq!(outcome_of(&setup, &[]).await, "stored", "{no_cache}");
        assert!(setup.stored("/a").await.is_none(), "{no_cache}");
        setup.get("/a").await;
        assert_eq!(setup.origin.last_seen().headers["if-none-match"], "\"v\"");
    }
}

#[tokio::test]
async fn qualified_no_cache_leaves_the_rest_of_the_response_usable() {
    let setup = Setup::shared(Origin::ok(&[
        ("cache-control", "max-age=60, no-cache=\"x\""),
        ("x", "1"),
    ]));
    assert_eq!(outcome_of(&setup, &[]).await, "stored");
    assert!(setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn malformed_cache_control_fails_closed() {
    for garbage in [
        "max-age=60, x=\"",
        "max-age=60; public",
        "max-age=60, a b",
        "max-age=60, =x",
    ] {
        assert_shared(garbage, "detail=cache-control-malformed").await;
    }
    for fine in [
        "max-age=60, , x",
        "max-age=60, x=\"a,b\"",
        "max-age=60,x=y",
        "MAX-AGE=\"60\"",
    ] {
        assert_shared(fine, "stored").await;
    }
}

#[tokio::test]
async fn repeated_cache_control_lines_count_as_one_list() {
    let lines = [
        ("cache-control", "max-age=60"),
        ("cache-control", "no-store"),
    ];
    assert_eq!(
        outcome(Policy::shared(), &[], &lines).await,
        "detail=no-store"
    );
}

#[tokio::test]
async fn pragma_in_a_response_means_nothing() {
    let fields = [("cache-control", "max-age=60"), ("pragma", "no-cache")];
    let setup = Setup::shared(Origin::ok(&fields));
    assert_eq!(outcome_of(&setup, &[]).await, "stored");
    assert!(setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn authorized_response_needs_the_origins_word() {
    let asked = [("authorization", "Basic YTpi")];
    for policy in [Policy::shared(), Policy::conformance()] {
        for permit in ["public", "must-revalidate", "s-maxage=60"] {
            let fields = [("cache-control", &*format!("max-age=60, {permit}"))];
            let outcome = outcome(policy.clone(), &asked, &fields).await;
            assert_eq!(outcome, "stored", "{permit}");
        }
        for other in [
            "max-age=60",
            "max-age=60, proxy-revalidate",
            "immutable, max-age=60",
        ] {
            let fields = [("cache-control", other)];
            let outcome = outcome(policy.clone(), &asked, &fields).await;
            assert_eq!(outcome, "detail=authorization", "{other}");
        }
    }
}

#[tokio::test]
async fn response_to_a_request_with_cookie_needs_the_origins_word() {
    let asked = [("cookie", "id=1")];
    for (directives, expected) in [
        ("max-age=60, public", "stored"),
        ("s-maxage=60", "stored"),
        ("max-age=60", "detail=cookie"),
        ("max-age=60, must-revalidate", "detail=cookie"),
    ] {
        let fields = [("cache-control", directives)];
        let shared = outcome(Policy::shared(), &asked, &fields).await;
        assert_eq!(shared, expected, "{directives}");
        let conformance = outcome(Policy::conformance(), &asked, &fields).await;
        assert_eq!(conformance, "stored", "{directives}");
        let opted_in = Policy::shared().with_shared_cookie_requests(true);
        assert_eq!(
            outcome(opted_in, &asked, &fields).await,
            "stored",
            "{directives}"
        );
    }
}

#[tokio::test]
async fn targeted_field_lifts_the_cookie_bar_and_not_the_authorization_bar() {
    let policy = Policy::shared().with_target_list([http::HeaderName::from_static("x-cc")]);
    let fields = [("x-cc", "max-age=60")];
    let cookie = outcome(policy.clone(), &[("cookie", "id=1")], &fields).await;
    assert_eq!(cookie, "stored");
    let authorization = outcome(policy, &[("authorization", "x")], &fields).await;
    assert_eq!(authorization, "detail=authorization");
}

#[tokio::test]
async fn response_that_sets_a_cookie_is_not_stored() {
    let fields = [
        ("cache-control", "max-age=60, public"),
        ("set-cookie", "a=1"),
    ];
    assert_eq!(
        outcome(Policy::shared(), &[], &fields).await,
        "detail=set-cookie"
    );
    assert_eq!(outcome(Policy::conformance(), &[], &fields).await, "stored");
    let opted_in = Policy::shared().with_stored_set_cookie(true);
    assert_eq!(outcome(opted_in, &[], &fields).await, "stored");
}

#[tokio::test]
async fn cookie_that_the_response_withholds_from_caches_does_not_prevent_storing() {
    for directive in [
        "private=\"set-cookie\"",
        "no-cache=\"set-cookie\"",
        "no-cache=Set-Cookie",
    ] {
        let setup = Setup::shared(Origin::ok(&[
            ("cache-control", &format!("max-age=60, {directive}")),
            ("set-cookie", "a=1"),
        ]));
        let first = setup.get("/a").await;
        assert_eq!(first.field("set-cookie"), "a=1", "{directive}");
        let second = setup.get("/a").await;
        assert!(second.is_hit(), "{directive}");
        assert!(!second.has("set-cookie"), "{directive}");
    }
}

#[tokio::test]
async fn vary_that_cannot_be_matched_prevents_storing() {
    for vary in ["*", "accept, *", "a b", "accept,\"x\""] {
        let fields = [("cache-control", "max-age=60"), ("vary", vary)];
        for policy in [Policy::shared(), Policy::conformance()] {
            assert_eq!(outcome(policy, &[], &fields).await, "detail=vary", "{vary}");
        }
    }
}
