//! What a client may ask of the cache (RFC 9111 section 5.2.1).

use larder::Policy;
use larder_tests::{Origin, Setup, request};

fn shared() -> Setup {
    setup(Policy::shared(), "max-age=60")
}

fn setup(policy: Policy, directives: &str) -> Setup {
    let fields = [("cache-control", directives), ("etag", "\"v\"")];
    Setup::with_policy(Origin::ok(&fields), policy)
}

/// How a request with these directives is answered, so many seconds after `/a` was stored.
async fn outcome(setup: &Setup, seconds: u64, asked: &str) -> String {
    outcome_of(setup, seconds, &[("cache-control", asked)]).await
}

async fn outcome_of(setup: &Setup, seconds: u64, asked: &[(&str, &str)]) -> String {
    assert!(setup.get("/a").await.is_stored());
    setup.clock.advance(seconds);
    let reply = setup.get_with("/a", asked).await;
    let outcome = reply.field("cache-status");
    outcome.strip_prefix("larder; ").unwrap().to_owned()
}

/// With its outcome in conformance; shared takes no notice.
async fn assert_honoured_by_conformance(seconds: u64, asked: &[(&str, &str)], expected: &str) {
    let conformance = setup(Policy::conformance(), "max-age=60");
    let outcome = outcome_of(&conformance, seconds, asked).await;
    assert_eq!(outcome, expected, "{asked:?} after {seconds} s");
    let opted_in = setup(Policy::shared().with_request_directives(true), "max-age=60");
    assert_eq!(
        outcome_of(&opted_in, seconds, asked).await,
        expected,
        "{asked:?}"
    );
    let unasked = outcome_of(&shared(), seconds, &[]).await;
    assert_eq!(
        outcome_of(&shared(), seconds, asked).await,
        unasked,
        "{asked:?}"
    );
}

const FORCED: &str = "fwd=request; fwd-status=200; stored";
const STALE: &str = "fwd=stale; fwd-status=200; stored";

#[tokio::test]
async fn no_cache_asks_for_validation() {
    for directives in ["no-cache", "NO-CACHE", "x, no-cache=y"] {
        assert_honoured_by_conformance(5, &[("cache-control", directives)], FORCED).await;
    }
    let setup = setup(Policy::conformance(), "max-age=60");
    outcome(&setup, 5, "no-cache").await;
    assert_eq!(setup.origin.last_seen().headers["if-none-match"], "\"v\"");
}

#[tokio::test]
async fn pragma_counts_without_cache_control_only() {
    assert_honoured_by_conformance(5, &[("pragma", "no-cache")], FORCED).await;
    assert_honoured_by_conformance(5, &[("pragma", "x, no-cache")], FORCED).await;
    let both = [("pragma", "no-cache"), ("cache-control", "x")];
    assert_honoured_by_conformance(5, &both, "hit; ttl=55").await;
    assert_honoured_by_conformance(5, &[("pragma", "max-age=0")], "hit; ttl=55").await;
}

#[tokio::test]
async fn max_age_bounds_the_age() {
    for (directives, expected) in [
        ("max-age=6", "hit; ttl=55"),
        ("max-age=5", "hit; ttl=55"),
        ("max-age=4", FORCED),
        ("max-age=0", FORCED),
        ("max-age=x", FORCED),
        ("max-age", FORCED),
        ("max-age=9, max-age=10", FORCED),
        ("max-age=99999999999999999999", "hit; ttl=55"),
    ] {
        assert_honoured_by_conformance(5, &[("cache-control", directives)], expected).await;
    }
    assert_honoured_by_conformance(0, &[("cache-control", "max-age=0")], "hit; ttl=60").await;
}

#[tokio::test]
async fn min_fresh_bounds_what_is_left_of_the_lifetime() {
    for (directives, expected) in [
        ("min-fresh=54", "hit; ttl=55"),
        ("min-fresh=55", "hit; ttl=55"),
        ("min-fresh=56", FORCED),
        ("min-fresh=x", FORCED),
        ("min-fresh=99999999999999999999", FORCED),
    ] {
        assert_honoured_by_conformance(5, &[("cache-control", directives)], expected).await;
    }
}

#[tokio::test]
async fn max_stale_accepts_a_stale_response() {
    for (directives, expected) in [
        ("max-stale", "hit; ttl=-10"),
        ("max-stale=11", "hit; ttl=-10"),
        ("max-stale=10", "hit; ttl=-10"),
        ("max-stale=9", STALE),
        ("max-stale=x", STALE),
        ("max-stale=10, max-stale=9", STALE),
        ("max-stale, no-cache", STALE),
        ("max-stale, max-age=69", STALE),
        ("max-stale, max-age=70", "hit; ttl=-10"),
        ("max-stale, min-fresh=1", STALE),
    ] {
        assert_honoured_by_conformance(70, &[("cache-control", directives)], expected).await;
    }
}

#[tokio::test]
async fn max_stale_does_not_overrule_the_response() {
    for (directives, expected) in [
        ("max-age=60, must-revalidate", STALE),
        ("max-age=60, proxy-revalidate", STALE),
        ("s-maxage=60", STALE),
        ("max-age=60", "hit; ttl=-10"),
    ] {
        let setup = setup(Policy::conformance(), directives);
        assert_eq!(
            outcome(&setup, 70, "max-stale").await,
            expected,
            "{directives}"
        );
    }
    let no_cache = setup(Policy::conformance(), "max-age=60, no-cache");
    assert_eq!(outcome(&no_cache, 5, "max-stale").await, STALE);
}

#[tokio::test]
async fn immutable_response_needs_no_validation_for_max_age_while_it_is_fresh() {
    let immutable = || setup(Policy::conformance(), "max-age=60, immutable");
    for (seconds, asked, expected) in [
        (5, "max-age=0", "hit; ttl=55"),
        (5, "max-age=4", "hit; ttl=55"),
        (5, "no-cache", FORCED),
        (5, "max-age=0, no-cache", FORCED),
        (5, "min-fresh=56", FORCED),
        (60, "max-age=0", STALE),
        (60, "max-age=0, max-stale", STALE),
        (60, "x", STALE),
    ] {
        let outcome = outcome(&immutable(), seconds, asked).await;
        assert_eq!(outcome, expected, "{asked} after {seconds} s");
    }
}

#[tokio::test]
async fn no_store_may_be_answered_from_the_store() {
    for policy in [Policy::shared(), Policy::conformance()] {
        let setup = setup(policy, "max-age=60");
        assert_eq!(outcome(&setup, 5, "no-store").await, "hit; ttl=55");
    }
}

#[tokio::test]
async fn no_store_leaves_what_is_stored_as_it_was() {
    let setup = setup(Policy::conformance(), "max-age=60");
    let asked = outcome(&setup, 5, "no-store, no-cache").await;
    assert_eq!(
        asked,
        "fwd=request; fwd-status=200; detail=request-no-store"
    );
    assert!(
        setup
            .stored("/a")
            .await
            .is_none_or(|stored| stored.text() == "call 1")
    );
}

#[tokio::test]
async fn only_if_cached_is_answered_from_the_store_or_with_504() {
    let asked = [("cache-control", "only-if-cached")];
    for policy in [Policy::shared(), Policy::conformance()] {
        let setup = setup(policy, "max-age=60");
        for method in ["GET", "HEAD"] {
            let refused = setup.send(request(method, "/a", &asked)).await;
            assert_eq!(refused.status, 504, "{method}");
            assert!(
                refused.body.is_empty() && !refused.has("cache-status"),
                "{method}"
            );
        }
        assert_eq!(setup.origin.calls(), 0);
        setup.get("/a").await;
        assert!(setup.get_with("/a", &asked).await.is_hit());
        setup.clock.advance(60);
        assert_eq!(setup.get_with("/a", &asked).await.status, 504);
        assert_eq!(setup.origin.calls(), 1);
        assert_eq!(setup.cache.stats().refusals(), 3);
    }
}

#[tokio::test]
async fn only_if_cached_keeps_its_word_with_other_directives_and_fields() {
    for asked in [
        "only-if-cached, no-cache",
        "only-if-cached, max-age=4",
        "only-if-cached, min-fresh=56",
    ] {
        let setup = setup(Policy::conformance(), "max-age=60");
        setup.get("/a").await;
        setup.clock.advance(5);
        let asked = [("cache-control", asked)];
        assert_eq!(setup.get_with("/a", &asked).await.status, 504, "{asked:?}");
        assert_eq!(setup.origin.calls(), 1, "{asked:?}");
    }
    for field in [
        ("if-match", "\"v\""),
        ("upgrade", "h2c"),
        ("host", "a b"),
        ("host", "a, b"),
    ] {
        let setup = shared();
        let asked = [("cache-control", "only-if-cached"), field];
        assert_eq!(setup.get_with("/a", &asked).await.status, 504, "{field:?}");
        assert_eq!(setup.origin.calls(), 0, "{field:?}");
    }
}

#[tokio::test]
async fn only_if_cached_does_not_hold_up_unsafe_requests() {
    let asked = [("cache-control", "only-if-cached")];
    for method in ["POST", "PUT", "DELETE", "PATCH", "X"] {
        let setup = shared();
        assert_eq!(
            setup.send(request(method, "/a", &asked)).await.status,
            200,
            "{method}"
        );
        assert_eq!(setup.origin.calls(), 1, "{method}");
    }
    let overridden = [asked[0], ("x-http-method-override", "DELETE")];
    assert_eq!(shared().get_with("/a", &overridden).await.status, 200);
}
