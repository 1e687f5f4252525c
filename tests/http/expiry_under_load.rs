//! A hundred keys expire under a continuous load, and nobody notices.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use larder::{CacheLayer, EarlyRefresh, Policy};
use larder_tests::{get, response};
use tokio::time::{Instant, sleep};

use crate::refresh::ETAG;
use crate::scene::{Scene, millis, secs};

const KEYS: usize = 100;
const CLIENTS: usize = 100;
/// A response is fresh for ten seconds, and the load lasts twice as long.
const EXPIRIES: usize = 2;

/// Every call takes half a second, and every other is answered with 304.
fn scene(says: &'static str, layer: impl FnOnce(CacheLayer) -> CacheLayer) -> Scene {
    let handler = move |call| async move {
        sleep(millis(500)).await;
        let fields = [("cache-control", says), ETAG];
        let known = call >= KEYS && call % 2 == 0;
        Ok(response(if known { 304 } else { 200 }, &fields, "body"))
    };
    Scene::with_layer(handler, layer)
}

struct Load {
    /// Of the handler, after the first of each key.
    calls: HashMap<String, usize>,
    /// The longest anybody waited, once everything was stored.
    longest_wait: Duration,
    requests: u64,
}

/// Each client asks for each key again and again, all at their own times.
async fn load(scene: &Scene) -> Load {
    let paths: Vec<String> = (0..KEYS).map(|key| format!("/{key}")).collect();
    join_all(paths.iter().map(|path| scene.send(get(path)))).await;
    assert_eq!(scene.calls(), KEYS);
    let begun = Instant::now();
    let lasts = secs(10 * EXPIRIES as u64);
    let client = async |client: usize| {
        let mut longest_wait = Duration::ZERO;
        sleep(millis(19 * client as u64)).await;
        while begun.elapsed() < lasts {
            for path in &paths {
                let asked = Instant::now();
                let reply = scene.send(get(path)).await.unwrap();
                assert_eq!(reply.text(), "body");
                longest_wait = longest_wait.max(asked.elapsed());
            }
            sleep(secs(2)).await;
        }
        longest_wait
    };
    let waits = join_all((0..CLIENTS).map(client)).await;
    let mut calls = HashMap::new();
    for call in KEYS..scene.calls() {
        let path = scene.asked(call).uri.path().to_owned();
        *calls.entry(path).or_default() += 1;
    }
    let stats = scene.cache.stats();
    Load {
        calls,
        longest_wait: waits.into_iter().max().unwrap(),
        requests: stats.hits() + stats.stale_hits() + stats.collapsed(),
    }
}

fn costs_at_most(load: &Load, calls: usize) {
    assert_eq!(load.calls.len(), KEYS);
    let most = load.calls.values().max().unwrap();
    assert!(*most <= calls, "{most}");
    assert!(load.requests >= (KEYS * CLIENTS * 4) as u64);
}

#[tokio::test(start_paused = true)]
async fn expiry_costs_one_call_and_nobody_waits_within_a_stale_window() {
    let window = scene("max-age=10, stale-while-revalidate=5", |layer| layer);
    let grace = scene("max-age=10", |layer| {
        layer.with_policy(Policy::shared().with_grace(Some(secs(5))))
    });
    for scene in [window, grace] {
        let load = load(&scene).await;
        costs_at_most(&load, EXPIRIES);
        assert_eq!(load.longest_wait, secs(0));
        let validated = scene.cache.stats().background_validations();
        assert_eq!(validated as usize, scene.calls() - KEYS);
    }
}

#[tokio::test(start_paused = true)]
async fn expiry_costs_at_most_two_calls_and_nobody_waits_with_early_refresh() {
    fastrand::seed(7);
    for early in [
        EarlyRefresh::after_percent(80),
        EarlyRefresh::probabilistic(),
    ] {
        let layer = |layer: CacheLayer| layer.with_early_refresh(early);
        let scene = scene("max-age=10, must-revalidate", layer);
        let load = load(&scene).await;
        costs_at_most(&load, 2 * EXPIRIES);
        assert_eq!(load.longest_wait, secs(0), "{early:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_stale_window_all_wait_for_one_call() {
    let scene = scene("max-age=10", |layer| layer);
    let load = load(&scene).await;
    costs_at_most(&load, EXPIRIES);
    assert_eq!(load.longest_wait, millis(500));
    assert_eq!(scene.cache.stats().background_validations(), 0);
}

#[tokio::test(start_paused = true)]
async fn jitter_spreads_the_calls() {
    fastrand::seed(7);
    let layer = |layer: CacheLayer| layer.with_jitter_percent(50);
    let scene = scene("max-age=10, stale-while-revalidate=5", layer);
    let load = load(&scene).await;
    costs_at_most(&load, 2 * EXPIRIES);
    assert_eq!(load.longest_wait, secs(0));
}
