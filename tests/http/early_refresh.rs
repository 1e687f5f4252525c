//! Responses that are about to expire are validated before they do ([`EarlyRefresh`]).

use futures_util::future::join_all;
use larder::{CacheLayer, EarlyRefresh, RoutePolicy};
use larder_tests::{get, response};
use tokio::time::sleep;

use crate::refresh::{ETAG, revalidated, stored, stored_with};
use crate::scene::{Scene, millis, secs, settle};

const MINUTE: &str = "max-age=60";

/// With a response stored for a minute; every other call takes a second.
async fn early(early: EarlyRefresh, status: u16, age: u64) -> Scene {
    let layer = |layer: CacheLayer| layer.with_early_refresh(early);
    stored_with(MINUTE, status, age, |cache| cache, layer).await
}

#[tokio::test(start_paused = true)]
async fn nothing_is_refreshed_before_it_expires_unless_that_is_wanted() {
    let scene = stored(MINUTE, 304, 59).await;
    sleep(millis(999)).await;
    scene.many_at_once(1000, "larder; hit; ttl=1").await;
    let off = early(EarlyRefresh::off(), 304, 59).await;
    off.many_at_once(1000, "larder; hit; ttl=1").await;
    settle().await;
    assert_eq!((scene.calls(), off.calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn first_hit_past_the_threshold_starts_one_refresh() {
    for (status, body) in [(304, "call 1"), (200, "call 2")] {
        let scene = early(EarlyRefresh::after_percent(80), status, 47).await;
        sleep(millis(999)).await;
        scene.many_at_once(100, "larder; hit; ttl=13").await;
        settle().await;
        assert_eq!(scene.calls(), 1);
        scene.many_at_once(100, "larder; hit; ttl=12").await;
        sleep(millis(500)).await;
        let kept = scene.many_at_once(100, "larder; hit; ttl=12").await;
        assert_eq!((kept.text(), scene.calls()), ("call 1", 2));
        sleep(millis(501)).await;
        let fresh = scene.many_at_once(100, "larder; hit; ttl=59").await;
        assert_eq!((fresh.text(), scene.calls()), (body, 2));
        let asked = scene.asked(1).headers;
        assert_eq!(
            (asked.len(), &asked["if-none-match"]),
            (1, &ETAG.1.parse().unwrap())
        );
        let stats = scene.cache.stats();
        assert_eq!((stats.background_validations(), stats.stale_hits()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn threshold_of_no_part_refreshes_always_and_of_the_whole_never() {
    for (percent, calls) in [(0, 2), (100, 1), (255, 1)] {
        let scene = early(EarlyRefresh::after_percent(percent), 304, 0).await;
        scene.many_at_once(10, "larder; hit; ttl=60").await;
        settle().await;
        assert_eq!(scene.calls(), calls, "{percent}");
    }
    let never = early(EarlyRefresh::after_percent(100), 304, 59).await;
    never.many_at_once(10, "larder; hit; ttl=1").await;
    settle().await;
    assert_eq!(never.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn early_refresh_asks_nothing_about_stale_use() {
    for (says, calls) in [
        ("max-age=60, must-revalidate", 2),
        ("s-maxage=60", 2),
        ("max-age=60, no-cache", 2),
    ] {
        let layer = |layer: CacheLayer| layer.with_early_refresh(EarlyRefresh::after_percent(80));
        let scene = stored_with(says, 304, 50, |cache| cache, layer).await;
        let waits = scene.timed().await.1;
        assert_eq!(waits > secs(0), says.contains("no-cache"));
        settle().await;
        assert_eq!(scene.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn annotation_refreshes_its_route_early() {
    let annotation = RoutePolicy::obey().early_refresh(EarlyRefresh::after_percent(80));
    let layer = |layer: CacheLayer| layer.with_route_policy(annotation);
    let scene = stored_with(MINUTE, 304, 48, |cache| cache, layer).await;
    scene.many_at_once(1, "larder; hit; ttl=12").await;
    settle().await;
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn client_that_wants_a_stored_response_starts_no_early_refresh() {
    let scene = early(EarlyRefresh::after_percent(80), 304, 50).await;
    let asked = [("cache-control", "only-if-cached")];
    assert!(scene.get_with(&asked).await.is_hit());
    settle().await;
    assert_eq!(scene.calls(), 1);
    assert!(scene.get().await.is_hit());
    settle().await;
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn early_refresh_that_fails_leaves_the_stored_response_and_pauses() {
    let handler = |call| async move {
        let status = if call == 0 { 200 } else { 503 };
        Ok(response(status, &[("cache-control", MINUTE)], "body"))
    };
    let threshold = EarlyRefresh::after_percent(80);
    let scene = Scene::with_layer(handler, |layer| layer.with_early_refresh(threshold));
    scene.get().await;
    sleep(secs(48)).await;
    for tenth in 0..120 {
        let told = format!("larder; hit; ttl={}", 12 - tenth / 10);
        scene.many_at_once(10, &told).await;
        sleep(millis(100)).await;
    }
    // One try a second, twelve seconds long.
    assert_eq!(scene.calls(), 13);
    assert_eq!(scene.get().await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn response_that_arrives_past_the_threshold_is_not_refreshed_at_every_hit() {
    let handler = |_| async {
        let fields = [("cache-control", MINUTE), ("age", "50")];
        Ok(response(200, &fields, "body"))
    };
    let threshold = EarlyRefresh::after_percent(80);
    let scene = Scene::with_layer(handler, |layer| layer.with_early_refresh(threshold));
    scene.get().await;
    for _ in 0..79 {
        scene.many_at_once(10, "larder; hit; ttl=10").await;
        sleep(millis(10)).await;
    }
    assert_eq!(scene.calls(), 1);
    sleep(millis(7210)).await;
    scene.many_at_once(10, "larder; hit; ttl=2").await;
    settle().await;
    assert_eq!(scene.calls(), 2);
}

/// With so many responses stored for ten minutes, each of which took the handler ten seconds.
async fn slow_fills(early: EarlyRefresh, keys: usize) -> Scene {
    fastrand::seed(7);
    let handler = |_| async {
        sleep(secs(10)).await;
        Ok(response(
            200,
            &[("cache-control", "max-age=600"), ETAG],
            "body",
        ))
    };
    let scene = Scene::with_layer(handler, |layer| layer.with_early_refresh(early));
    let begun = scene.cache.stats();
    assert_eq!(begun.stored(), 0);
    let paths: Vec<String> = (0..keys).map(|key| format!("/{key}")).collect();
    join_all(paths.iter().map(|path| scene.send(get(path)))).await;
    assert_eq!(scene.cache.stats().stored(), keys as u64);
    scene
}

#[tokio::test(start_paused = true)]
async fn probability_keeps_away_from_what_is_far_from_expiry() {
    let scene = slow_fills(EarlyRefresh::probabilistic(), 1).await;
    for _ in 0..350 {
        for _ in 0..10 {
            let hit = scene.send(get("/0")).await.unwrap();
            assert!(hit.is_hit());
        }
        sleep(secs(1)).await;
    }
    // 240 seconds are left: a chance of 1 in 10 to the power of 10.
    assert_eq!(scene.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_hits_near_the_expiry_start_one_refresh() {
    let scene = slow_fills(EarlyRefresh::probabilistic(), 1).await;
    sleep(secs(585)).await;
    for _ in 0..20 {
        for _ in 0..50 {
            assert!(scene.send(get("/0")).await.unwrap().is_hit());
        }
        settle().await;
    }
    assert_eq!(scene.calls(), 2);
    sleep(secs(10)).await;
    let fresh = scene.send(get("/0")).await.unwrap();
    assert_eq!(fresh.field("cache-status"), "larder; hit; ttl=590");
}

/// Of 1,000 hits so long before the expiry, each on a response of its own, so many start a refresh.
async fn share_refreshed(early: EarlyRefresh, left: u64) -> usize {
    let scene = slow_fills(early, 1000).await;
    sleep(secs(590 - left)).await;
    for key in 0..1000 {
        assert!(scene.send(get(&format!("/{key}"))).await.unwrap().is_hit());
    }
    settle().await;
    scene.calls() - 1000
}

#[tokio::test(start_paused = true)]
async fn chance_is_that_of_the_fill_time_against_what_is_left() {
    let once = EarlyRefresh::probabilistic();
    let twice = EarlyRefresh::probabilistic_times(2.0);
    let strange = EarlyRefresh::probabilistic_times(f64::NAN);
    // exp(-left / fill time / eagerness) of them; the deviation is less than 16.
    for (early, left, expected) in [
        (once, 10, 368),
        (once, 20, 135),
        (once, 5, 607),
        (twice, 10, 607),
        (twice, 20, 368),
        (strange, 10, 368),
    ] {
        let refreshed = share_refreshed(early, left).await;
        assert!(refreshed.abs_diff(expected) <= 64, "{left}: {refreshed}");
    }
}

#[tokio::test(start_paused = true)]
async fn fill_that_took_no_time_is_not_refreshed_by_chance() {
    let scene = early(EarlyRefresh::probabilistic(), 304, 59).await;
    sleep(millis(990)).await;
    scene.many_at_once(1000, "larder; hit; ttl=1").await;
    settle().await;
    assert_eq!(scene.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_expiry_costs_more_than_two_calls() {
    fastrand::seed(7);
    for early in [
        EarlyRefresh::probabilistic(),
        EarlyRefresh::probabilistic_times(3.0),
        EarlyRefresh::after_percent(80),
    ] {
        let handler = |call| async move {
            if call == 0 {
                sleep(secs(2)).await;
            }
            revalidated("max-age=60, stale-while-revalidate=30", 200, call).await
        };
        let scene = Scene::with_layer(handler, |layer| layer.with_early_refresh(early));
        scene.get().await;
        let mut waited = secs(0);
        for _ in 0..6000 {
            waited += scene.timed().await.1;
            sleep(millis(100)).await;
        }
        assert_eq!(waited, secs(0));
        // Ten expiries in ten minutes.
        assert!(
            (11..=21).contains(&scene.calls()),
            "{early:?}: {}",
            scene.calls()
        );
    }
}
