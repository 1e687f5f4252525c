//! Who may open a stale window, and who may close it.

use std::time::Duration;

use larder::Policy;
use larder_tests::{Origin, Setup, settle};

use crate::stale::{Failing, WINDOW, down, failing};

#[tokio::test]
async fn stale_use_may_be_forbidden() {
    let window = "stale-if-error=30, stale-while-revalidate=30";
    for (forbidding, forbidden) in [
        ("max-age=60, must-revalidate", true),
        ("max-age=60, proxy-revalidate", true),
        ("s-maxage=60", true),
        ("max-age=60, no-cache", true),
        ("max-age=60, no-cache=\"x-own\"", false),
        ("max-age=60, immutable", false),
    ] {
        let cache_control: &'static str = format!("{forbidding}, {window}").leak();
        for policy in [Policy::shared(), Policy::conformance()] {
            let setup = failing(policy.clone(), cache_control, 503).await;
            setup.clock.advance(61);
            let asked = [("cache-control", "max-stale, stale-if-error=30")];
            let status = setup.get_with("/a", &asked).await.status;
            assert_eq!(status == 503, forbidden, "{forbidding}");
            let (_, clock, service) = down(policy, cache_control).await;
            clock.advance(61);
            assert_eq!(service.get().await.is_err(), forbidden, "{forbidding}");
        }
    }
}

#[tokio::test]
async fn explicit_window_may_be_allowed_to_beat_what_s_maxage_implies() {
    let policy = Policy::shared().with_explicit_windows_over_s_maxage(true);
    for (cache_control, status) in [
        ("s-maxage=60, stale-if-error=30", 200),
        ("s-maxage=60, must-revalidate, stale-if-error=30", 503),
        ("s-maxage=60, proxy-revalidate, stale-if-error=30", 503),
        ("s-maxage=60", 503),
    ] {
        let setup = failing(policy.clone(), cache_control, 503).await;
        setup.clock.advance(61);
        assert_eq!(setup.get("/a").await.status, status, "{cache_control}");
    }
}

#[tokio::test]
async fn client_may_allow_stale_responses_where_its_directives_count() {
    let quiet = Policy::conformance().with_stale_on_failure(None);
    for (policy, honoured) in [(quiet, true), (Policy::shared(), false)] {
        let asked = [("cache-control", "stale-if-error=10")];
        for (now, within) in [(70, true), (71, false)] {
            let setup = failing(policy.clone(), "max-age=60", 503).await;
            setup.clock.advance(now);
            let status = setup.get_with("/a", &asked).await.status;
            assert_eq!(status == 200, honoured && within, "{now}");
        }
    }
}

#[tokio::test]
async fn conformance_serves_stale_on_failure_for_a_day() {
    const DAY: u64 = 24 * 3600;
    for (now, served) in [(60, true), (60 + DAY, true), (61 + DAY, false)] {
        let setup = failing(Policy::conformance(), "max-age=60", 503).await;
        setup.clock.advance(now);
        let reply = setup.get("/a").await;
        assert_eq!(reply.status == 200, served, "{now}");
        let (_, clock, service) = down(Policy::conformance(), "max-age=60").await;
        clock.advance(now);
        assert_eq!(service.get().await.is_ok(), served, "{now}");
    }
}

#[tokio::test]
async fn operators_window_serves_stale_on_failure() {
    let policy = Policy::shared().with_stale_on_failure(Some(Duration::from_secs(10)));
    for (now, status) in [(70, 200), (71, 503)] {
        let setup = failing(policy.clone(), "max-age=60", 503).await;
        setup.clock.advance(now);
        assert_eq!(setup.get("/a").await.status, status);
    }
    // The longer window counts, whoever gave it.
    let setup = failing(policy, WINDOW, 503).await;
    setup.clock.advance(90);
    assert_eq!(setup.get("/a").await.status, 200);
}

#[tokio::test]
async fn response_within_its_revalidation_window_is_served_and_validated_in_the_background() {
    let cache_control = "max-age=60, stale-while-revalidate=30";
    let fields = [("cache-control", cache_control), ("etag", "\"a\"")];
    for (now, told) in [
        (60, "larder; hit; ttl=0"),
        (90, "larder; hit; ttl=-30"),
        (91, "larder; fwd=stale; fwd-status=304; ttl=60"),
    ] {
        let script = [(200, &fields[..], "body"), (304, &fields, "")];
        let setup = Setup::shared(Origin::script(&script));
        setup.get("/a").await;
        setup.clock.advance(now);
        let reply = setup.get("/a").await;
        assert_eq!(reply.field("cache-status"), told);
        let age = if now < 91 { now } else { 0 };
        assert_eq!(reply.field("age"), age.to_string());
        settle().await;
        assert_eq!(setup.origin.last_seen().headers["if-none-match"], "\"a\"");
        let fresh = setup.get("/a").await;
        assert_eq!(fresh.field("cache-status"), "larder; hit; ttl=60");
        assert_eq!((fresh.field("age"), fresh.text()), ("0", "body"));
        assert_eq!(setup.origin.calls(), 2);
    }
}

#[tokio::test]
async fn failed_validation_leaves_the_revalidation_window_open() {
    let cache_control = "max-age=60, stale-while-revalidate=30";
    let setup = failing(Policy::shared(), cache_control, 503).await;
    for (later, status) in [(60, 200), (30, 200), (1, 503)] {
        setup.clock.advance(later);
        assert_eq!(setup.get("/a").await.status, status);
        settle().await;
    }
    assert_eq!(setup.origin.calls(), 4);
}

#[tokio::test]
async fn revalidation_window_answers_only_if_cached() {
    let asked = [("cache-control", "only-if-cached")];
    for (now, status) in [(59, 200), (60, 200), (90, 200), (91, 504)] {
        let cache_control = "max-age=60, stale-while-revalidate=30";
        let setup = failing(Policy::shared(), cache_control, 503).await;
        setup.clock.advance(now);
        let reply = setup.get_with("/a", &asked).await;
        assert_eq!(reply.status, status, "{now}");
        if status == 200 {
            assert_eq!(reply.field("age"), now.to_string());
        }
        assert_eq!(setup.origin.calls(), 1);
    }
}

#[tokio::test]
async fn max_stale_is_honoured_in_conformance_only() {
    for (policy, honoured) in [(Policy::conformance(), true), (Policy::shared(), false)] {
        for (asked, accepted) in [
            ("max-stale", true),
            ("max-stale=5", true),
            ("max-stale=4", false),
            ("max-stale=x", false),
            ("max-stale=5, no-cache", false),
            ("max-stale=5, max-age=64", false),
            ("max-stale=5, max-age=65", true),
        ] {
            let setup = failing(policy.clone(), "max-age=60", 404).await;
            setup.clock.advance(65);
            let reply = setup.get_with("/a", &[("cache-control", asked)]).await;
            assert_eq!(reply.status == 200, honoured && accepted, "{asked}");
            if reply.status == 200 {
                assert_eq!(reply.field("cache-status"), "larder; hit; ttl=-5");
                assert_eq!(reply.field("age"), "65");
            }
        }
    }
}
