//! Named requests whose responses are refreshed before they expire.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::body::Body;
use larder::{Cache, CacheLayer, Clock, Purge, Scheduled};
use larder_tests::{Gate, Reply, START, Slow, feed, get, response};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};

use crate::scene::{Outcome, Scene, clock, millis, secs, settle};
use crate::stale::Down;

pub(crate) const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// A 200 after a second, fresh for a minute, that names the call.
pub(crate) async fn second(call: usize) -> Outcome {
    sleep(secs(1)).await;
    Ok(response(200, &[FRESH], format!("call {}", call + 1)))
}

/// `/a` every 30 seconds, and not a moment earlier.
pub(crate) fn every_30(scene: &Scene) -> Scheduled {
    let keep = scene.cache.keep_fresh(scene.service.clone(), [get("/a")]);
    keep.every(secs(30)).jitter_percent(0).spawn()
}

pub(crate) fn counts(scheduled: &Scheduled) -> [u64; 4] {
    [
        scheduled.refreshed(),
        scheduled.found_fresh(),
        scheduled.busy(),
        scheduled.failed(),
    ]
}

#[tokio::test(start_paused = true)]
async fn users_hit_what_is_fresh_over_ten_lifetimes_and_there_is_one_call_a_period() {
    let scene = Scene::new(second);
    let scheduled = every_30(&scene);
    sleep(millis(1500)).await;
    for _ in 0..600 {
        let (reply, took) = scene.timed().await;
        assert!(reply.is_hit() && !reply.field("cache-status").contains("ttl=-"));
        assert!(reply.field("age").parse::<u64>().unwrap() <= 31);
        assert_eq!(took, secs(0));
        sleep(secs(1)).await;
    }
    assert_eq!(scene.calls(), 1 + 600 / 30);
    assert_eq!(counts(&scheduled), [21, 0, 0, 0]);
    let stats = scene.cache.stats();
    assert_eq!((stats.hits(), stats.stale_hits()), (600, 0));
    // The first found nothing to validate.
    assert_eq!((stats.misses(), stats.background_validations()), (1, 20));
}

#[tokio::test(start_paused = true)]
async fn refresh_validates_although_what_is_stored_is_fresh_and_a_304_freshens_it() {
    let scene = Scene::new(|call| async move {
        let fields = [FRESH, ("etag", "\"a\"")];
        let (status, body) = if call == 0 { (200, "body") } else { (304, "") };
        Ok(response(status, &fields, body))
    });
    let scheduled = every_30(&scene);
    sleep(secs(31)).await;
    assert_eq!(scene.asked(1).headers["if-none-match"], "\"a\"");
    let reply = scene.get().await;
    assert_eq!(reply.field("cache-status"), "larder; hit; ttl=59");
    assert_eq!(reply.text(), "body");
    assert_eq!(counts(&scheduled), [2, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_another_request_brought_is_not_asked_for_again_before_its_own_time() {
    let scene = Scene::new(async |call| Ok(response(200, &[FRESH], format!("call {}", call + 1))));
    let keep = scene.cache.keep_fresh(scene.service.clone(), [get("/a")]);
    let scheduled = keep.ahead(secs(10)).jitter_percent(0).spawn();
    sleep(millis(49_900)).await;
    assert_eq!(scene.calls(), 1);
    sleep(millis(200)).await;
    assert_eq!(scene.calls(), 2);
    // At 70 s: fresh until 130 s.
    sleep(millis(19_900)).await;
    scene.cache.purge(Purge::everything());
    assert!(scene.get().await.is_stored());
    assert_eq!(scene.calls(), 3);
    sleep(secs(49)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (3, [2, 1, 0, 0]));
    sleep(secs(2)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (4, [3, 1, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_and_fresh_already_is_left_until_its_time() {
    let scene = Scene::new(second);
    scene.get().await;
    let scheduled = every_30(&scene);
    sleep(secs(29)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (1, [0, 1, 0, 0]));
    sleep(secs(3)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (2, [1, 1, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn old_response_is_served_until_all_of_the_new_one_is_there() {
    let (feeder, body) = feed();
    let body = Arc::new(Mutex::new(Some(body)));
    let scene = Scene::new(move |call| {
        let body = Arc::clone(&body);
        async move {
            let body = match call {
                1 => Body::new(body.lock().unwrap().take().unwrap()),
                _ => Body::from("old"),
            };
            Ok(response(200, &[FRESH], body))
        }
    });
    let scheduled = every_30(&scene);
    sleep(secs(31)).await;
    assert_eq!(scene.calls(), 2);
    feeder.data("ne");
    settle().await;
    assert_eq!(
        scene.many_at_once(3, "larder; hit; ttl=29").await.text(),
        "old"
    );
    feeder.data("w");
    feeder.end();
    settle().await;
    assert_eq!(
        scene.many_at_once(3, "larder; hit; ttl=59").await.text(),
        "new"
    );
    assert_eq!((scene.calls(), scheduled.refreshed()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn failures_leave_the_old_response_and_come_ever_more_rarely() {
    for how in ["error", "503", "401", "panic", "no-store"] {
        let down = Arc::new(AtomicBool::new(false));
        let is_down = Arc::clone(&down);
        let scene = Scene::new(move |_| {
            let down = is_down.load(Ordering::SeqCst);
            async move {
                let says = [("cache-control", "max-age=60, stale-if-error=3600")];
                match how {
                    _ if !down => Ok(response(200, &says, "old")),
                    "error" => Err(Down),
                    "503" => Ok(response(503, &[], "")),
                    "401" => Ok(response(401, &[], "")),
                    "panic" => panic!("a handler may panic"),
                    _ => Ok(response(200, &[("cache-control", "no-store")], "")),
                }
            }
        });
        let scheduled = every_30(&scene);
        settle().await;
        down.store(true, Ordering::SeqCst);
        sleep(secs(50)).await;
        // What says that it is not to be stored takes the place of nothing.
        if how != "no-store" {
            let old = scene.many_at_once(3, "larder; hit; ttl=10").await;
            assert_eq!(old.text(), "old", "{how}");
        }
        sleep(secs(550)).await;
        // At 30, 31, 33, 37, 45, 61 and 93 s, and then once a minute.
        assert_eq!(scene.calls(), 1 + 7 + 8, "{how}");
        assert_eq!(counts(&scheduled), [1, 0, 0, 15], "{how}");
        down.store(false, Ordering::SeqCst);
        sleep(secs(60)).await;
        assert!(scene.get().await.is_hit(), "{how}");
        let calls = scene.calls();
        sleep(secs(300)).await;
        assert_eq!(scene.calls(), calls + 10, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_it_asks_no_more() {
    let scene = Scene::new(second);
    let scheduled = every_30(&scene);
    sleep(secs(100)).await;
    assert_eq!(scene.calls(), 4);
    drop(scheduled);
    sleep(secs(600)).await;
    assert_eq!(scene.calls(), 4);
    // In the middle of a refresh: the response is nobody's, and the next one fetches it.
    let scheduled = every_30(&scene);
    sleep(millis(500)).await;
    assert_eq!(scene.calls(), 5);
    drop(scheduled);
    assert_eq!(scene.timed().await.1, secs(1));
    assert_eq!(scene.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_refresh_keeps_the_old_state_out() {
    for (status, fields) in [(200, &[FRESH][..]), (304, &[FRESH, ("etag", "\"a\"")])] {
        let gate = Gate::default();
        let passed = gate.clone();
        let scene = Scene::new(move |call| {
            let gate = passed.clone();
            async move {
                if call == 1 {
                    gate.pass().await;
                    return Ok(response(status, fields, ""));
                }
                Ok(response(
                    200,
                    &[FRESH, ("etag", "\"a\"")],
                    format!("state {call}"),
                ))
            }
        });
        let scheduled = every_30(&scene);
        sleep(secs(31)).await;
        assert_eq!(scene.calls(), 2);
        scene.cache.purge(Purge::everything());
        gate.open(1);
        settle().await;
        let reply = scene.get().await;
        assert!(!reply.is_hit(), "{status}");
        assert_eq!(reply.text(), format!("state {}", scene.calls() - 1));
        assert!(scene.calls() > 2, "{status}");
        assert!(scheduled.is_running());
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_at_a_time_refreshes_a_response() {
    let slow = Slow::second(|_, _| response(200, &[FRESH], ""));
    let cache = Cache::builder().clock(clock()).build();
    let service = CacheLayer::new(cache.clone()).layer(slow.clone());
    let keep = || {
        let keep = cache.keep_fresh(service.clone(), [get("/a"), get("/a")]);
        keep.every(secs(30)).jitter_percent(0).spawn()
    };
    let both = [keep(), keep()];
    sleep(secs(35)).await;
    assert_eq!(slow.counts().overlap, 1);
    assert_eq!(slow.calls(), 2);
    let sum = |of: fn(&Scheduled) -> u64| both.iter().map(of).sum::<u64>();
    // The first time three of the four find that it is being fetched.
    assert_eq!((sum(Scheduled::refreshed), sum(Scheduled::busy)), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn what_a_user_is_fetching_is_not_fetched_as_well() {
    let gate = Gate::default();
    let passed = gate.clone();
    let scene = Scene::new(move |call| {
        let gate = passed.clone();
        async move {
            if call > 0 {
                gate.pass().await;
            }
            Ok(response(200, &[FRESH], format!("call {}", call + 1)))
        }
    });
    let keep = scene.cache.keep_fresh(scene.service.clone(), [get("/a")]);
    let scheduled = keep.every(secs(70)).jitter_percent(0).spawn();
    sleep(secs(65)).await;
    let user = tokio::spawn(scene.service.clone().oneshot(get("/a")));
    sleep(secs(6)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (2, [1, 0, 0, 0]));
    gate.open(1);
    let reply = Reply::read(user.await.unwrap().unwrap()).await;
    assert_eq!(reply.text(), "call 2");
    settle().await;
    assert_eq!((scene.calls(), counts(&scheduled)), (2, [1, 0, 1, 0]));
    // A second later it finds what the user brought.
    sleep(secs(2)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (2, [1, 1, 1, 0]));
}

#[tokio::test(start_paused = true)]
async fn refreshes_are_background_work_until_their_bodies_are_there() {
    let (feeder, body) = feed();
    let body = Arc::new(Mutex::new(Some(body)));
    let scene = Scene::with(
        move |call| {
            let body = Arc::clone(&body);
            async move {
                let body = match call {
                    2 => Body::new(body.lock().unwrap().take().unwrap()),
                    _ => Body::from("there at once"),
                };
                Ok(response(200, &[FRESH], body))
            }
        },
        |cache| cache.max_background(1),
        |layer| layer,
    );
    let named = [get("/a"), get("/b")];
    let keep = scene.cache.keep_fresh(scene.service.clone(), named);
    let scheduled = keep.every(secs(30)).jitter_percent(0).spawn();
    sleep(millis(30_500)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (3, [2, 0, 1, 0]));
    feeder.end();
    sleep(secs(1)).await;
    assert_eq!((scene.calls(), counts(&scheduled)), (4, [4, 0, 1, 0]));
}

#[tokio::test(start_paused = true)]
async fn what_is_of_a_clock_that_was_ahead_is_refreshed_all_the_same() {
    let (set_back, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let is_set_back = Arc::clone(&set_back);
    let clock = Clock::from_fn(move || {
        let start = if is_set_back.load(Ordering::SeqCst) {
            START - 3600
        } else {
            START
        };
        SystemTime::UNIX_EPOCH + secs(start) + begun.elapsed()
    });
    let scene = Scene::with(second, |cache| cache.clock(clock), |layer| layer);
    let scheduled = every_30(&scene);
    sleep(secs(40)).await;
    assert_eq!(counts(&scheduled), [2, 0, 0, 0]);
    set_back.store(true, Ordering::SeqCst);
    sleep(secs(300)).await;
    assert_eq!(counts(&scheduled), [12, 0, 0, 0]);
    assert_eq!(scene.get().await.text(), "call 12");
}
