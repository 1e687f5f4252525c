//! The operator's grace and keeping ([`Policy::with_grace`], [`Policy::with_keep`]).

use larder::{CacheLayer, Policy, RoutePolicy};
use larder_tests::response;
use tokio::time::sleep;

use crate::refresh::{ETAG, stored_with};
use crate::scene::{Scene, secs, settle};

async fn with_policy(says: &'static str, policy: Policy, age: u64) -> Scene {
    let layer = |layer: CacheLayer| layer.with_policy(policy);
    stored_with(says, 304, age, |cache| cache, layer).await
}

fn graceful() -> Policy {
    Policy::shared().with_grace(Some(secs(30)))
}

#[tokio::test(start_paused = true)]
async fn within_the_grace_one_request_validates_while_all_are_served() {
    for age in [60, 65, 90] {
        let scene = with_policy("max-age=60", graceful(), age).await;
        let ttl = 60_i64 - i64::try_from(age).unwrap();
        let told = format!("larder; hit; ttl={ttl}");
        scene.many_at_once(100, &told).await;
        sleep(secs(2)).await;
        assert_eq!(scene.calls(), 2);
        scene.many_at_once(100, "larder; hit; ttl=58").await;
        assert_eq!(scene.cache.stats().background_validations(), 1);
    }
    let scene = with_policy("max-age=60", graceful(), 91).await;
    assert_eq!(scene.timed().await.1, secs(1));
}

#[tokio::test(start_paused = true)]
async fn longer_of_the_grace_and_the_responses_own_window_counts() {
    for (says, age, served) in [
        ("max-age=60, stale-while-revalidate=10", 90, true),
        ("max-age=60, stale-while-revalidate=10", 91, false),
        ("max-age=60, stale-while-revalidate=50", 110, true),
        ("max-age=60, stale-while-revalidate=50", 111, false),
    ] {
        let scene = with_policy(says, graceful(), age).await;
        assert_eq!(scene.timed().await.1 == secs(0), served, "{says} {age}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_grace_where_stale_use_is_forbidden() {
    for says in [
        "max-age=60, must-revalidate",
        "max-age=60, proxy-revalidate",
        "max-age=60, no-cache",
        "s-maxage=60",
    ] {
        let scene = with_policy(says, graceful(), 65).await;
        assert_eq!(scene.timed().await.1, secs(1), "{says}");
        assert_eq!(scene.cache.stats().stale_hits(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_is_answered_within_the_grace_and_starts_nothing() {
    for (age, status) in [(65, 200), (91, 504)] {
        let scene = with_policy("max-age=60", graceful(), age).await;
        let asked = [("cache-control", "only-if-cached")];
        assert_eq!(scene.get_with(&asked).await.status, status);
        settle().await;
        assert_eq!(scene.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn grace_outlives_failures() {
    let layer = |layer: CacheLayer| layer.with_policy(graceful());
    let handler = |call| async move {
        let status = if call == 0 { 200 } else { 503 };
        Ok(response(status, &[("cache-control", "max-age=60")], "body"))
    };
    let scene = Scene::with_layer(handler, layer);
    scene.get().await;
    sleep(secs(60)).await;
    for second in 0..=30 {
        let told = format!("larder; hit; ttl={}", -second);
        scene.many_at_once(10, &told).await;
        sleep(secs(1)).await;
    }
    // One try a second.
    assert_eq!(scene.calls(), 32);
    assert_eq!(scene.get().await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn annotation_gives_grace_to_its_route() {
    let annotated = |layer: CacheLayer| {
        let annotation = RoutePolicy::obey().grace(secs(30));
        layer.with_route_policy(annotation)
    };
    for (age, served) in [(90, true), (91, false)] {
        let scene = stored_with("max-age=60", 304, age, |cache| cache, annotated).await;
        assert_eq!(scene.timed().await.1 == secs(0), served);
    }
}

/// The response that a request so long after storing makes the handler give, and whether that is
/// asked to validate.
async fn asked_after(age: u64, layer: impl FnOnce(CacheLayer) -> CacheLayer) -> (String, bool) {
    let says = "max-age=60, stale-if-error=10";
    let scene = stored_with(says, 200, age, |cache| cache, layer).await;
    assert_eq!(scene.cache.stats().responses(), 1);
    let reply = scene.get().await;
    assert_eq!((reply.text(), scene.calls()), ("call 2", 2));
    let told = reply.field("cache-status").to_owned();
    (
        told,
        scene
            .asked(1)
            .headers
            .contains_key(http::header::IF_NONE_MATCH),
    )
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_long_enough_is_forgotten_and_fetched_without_conditions() {
    let validated = ("larder; fwd=stale; fwd-status=200; stored".to_owned(), true);
    let fetched = ("larder; fwd=uri-miss; stored".to_owned(), false);
    for (age, expected) in [(77, &validated), (78, &fetched)] {
        let policy = Policy::shared().with_keep(Some(secs(7)));
        let kept = asked_after(age, |layer| layer.with_policy(policy)).await;
        assert_eq!(&kept, expected);
        let annotation = RoutePolicy::obey().keep(secs(7));
        let kept = asked_after(age, |layer| layer.with_route_policy(annotation)).await;
        assert_eq!(&kept, expected);
    }
    assert_eq!(asked_after(100_000, |layer| layer).await, validated);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_stands_in_for_nothing_and_takes_no_memory() {
    let layer = |layer: CacheLayer| layer.with_policy(Policy::shared().with_keep(Some(secs(7))));
    let handler = |call| async move {
        let status = if call == 0 { 200 } else { 503 };
        let says = "max-age=60, stale-if-error=10";
        Ok(response(status, &[("cache-control", says), ETAG], "body"))
    };
    let scene = Scene::with_layer(handler, layer);
    scene.get().await;
    sleep(secs(78)).await;
    let asked = [("cache-control", "only-if-cached")];
    assert_eq!(scene.get_with(&asked).await.status, 504);
    assert_eq!(scene.cache.stats().responses(), 0);
    assert_eq!(scene.get().await.status, 503);
    assert_eq!(scene.calls(), 2);
}
