//! A stale response stands in when the inner service is slow, and the fill goes on.

use futures_util::FutureExt;
use larder::{CacheBuilder, CacheLayer, Policy, RoutePolicy};
use larder_tests::{Reply, feed, get, request, response};
use tokio::time::sleep;

use crate::refresh::ETAG;
use crate::scene::{Outcome, Scene, millis, secs, settle};
use crate::stale::Down;

pub(crate) const STANDS_IN: &str = "max-age=60, stale-if-error=30";
const TOLD: &str = "larder; fwd=stale; ttl=-5; detail=soft-timeout";

/// A 200 at the first call, and after five seconds this status at every other.
pub(crate) async fn slow(says: &'static str, status: u16, call: usize) -> Outcome {
    let fields = [("cache-control", says), ETAG];
    if call == 0 {
        return Ok(response(200, &fields, "call 1"));
    }
    sleep(secs(5)).await;
    let body = if status == 200 { "new" } else { "" };
    Ok(response(status, &fields, body))
}

fn soft(layer: CacheLayer) -> CacheLayer {
    layer.with_soft_timeout(millis(200))
}

/// With a response stored 65 seconds ago.
pub(crate) async fn stale(
    says: &'static str,
    status: u16,
    cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
    layer: impl FnOnce(CacheLayer) -> CacheLayer,
) -> Scene {
    let scene = Scene::with(move |call| slow(says, status, call), cache, layer);
    scene.get().await;
    sleep(secs(65)).await;
    scene
}

fn all_stood_in(answers: &[(Reply, std::time::Duration)], after: u64) {
    for (reply, took) in answers {
        assert_eq!(reply.field("cache-status"), TOLD);
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "call 1"));
        assert_eq!((reply.field("age"), *took), ("65", millis(after)));
    }
}

#[tokio::test(start_paused = true)]
async fn stale_response_is_served_after_the_timeout_and_the_fill_goes_on() {
    for (status, body) in [(200, "new"), (304, "call 1")] {
        let scene = stale(STANDS_IN, status, |cache| cache, soft).await;
        all_stood_in(&[scene.timed().await], 200);
        assert_eq!(scene.calls(), 2);
        sleep(millis(4801)).await;
        let fresh = scene.many_at_once(10, "larder; hit; ttl=55").await;
        assert_eq!((fresh.text(), scene.calls()), (body, 2));
        assert_eq!(scene.cache.stats().fills(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn followers_wait_no_longer_than_the_leader() {
    let scene = stale(STANDS_IN, 200, |cache| cache, soft).await;
    let (first, later) = tokio::join!(scene.many(100), async {
        sleep(millis(100)).await;
        scene.many(100).await
    });
    all_stood_in(&first, 200);
    all_stood_in(&later, 200);
    sleep(millis(400)).await;
    all_stood_in(&scene.many(10).await, 200);
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn follower_that_goes_forward_by_itself_waits_no_longer_all_in_all() {
    let brief = |cache: CacheBuilder| cache.collapse_timeout(millis(50));
    let scene = stale(STANDS_IN, 200, brief, soft).await;
    all_stood_in(&scene.many(3).await, 200);
    assert_eq!(scene.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn followers_stay_together_when_nothing_may_stand_in_any_more() {
    let scene = stale(STANDS_IN, 200, |cache| cache, soft).await;
    sleep(millis(24_900)).await;
    for (reply, took) in scene.many(100).await {
        assert_eq!((reply.text(), took), ("new", secs(5)));
    }
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn annotation_sets_the_timeout_of_its_route() {
    let annotation = RoutePolicy::obey().soft_timeout(millis(300));
    let layer = |layer: CacheLayer| soft(layer).with_route_policy(annotation);
    let scene = stale(STANDS_IN, 200, |cache| cache, layer).await;
    all_stood_in(&[scene.timed().await], 300);
    let unset = |layer: CacheLayer| soft(layer).with_route_policy(RoutePolicy::obey());
    let scene = stale(STANDS_IN, 200, |cache| cache, unset).await;
    all_stood_in(&[scene.timed().await], 200);
}

#[tokio::test(start_paused = true)]
async fn inner_service_that_answers_in_time_is_not_anticipated() {
    let handler = |call| async move {
        if call > 0 {
            sleep(millis(199)).await;
        }
        Ok(response(200, &[("cache-control", STANDS_IN)], "body"))
    };
    let scene = Scene::with_layer(handler, soft);
    scene.get().await;
    sleep(secs(65)).await;
    let (reply, took) = scene.timed().await;
    let told = "larder; fwd=stale; fwd-status=200; stored";
    assert_eq!((reply.field("cache-status"), took), (told, millis(199)));
}

#[tokio::test(start_paused = true)]
async fn body_may_take_longer_than_the_timeout() {
    let handler = |call| async move {
        let (feeder, body) = feed();
        feeder.data("begun ");
        tokio::spawn(async move {
            sleep(secs(2)).await;
            feeder.data("ended");
        });
        let fields = [("cache-control", STANDS_IN)];
        Ok(if call == 0 {
            response(200, &fields, "old")
        } else {
            response(200, &fields, body)
        })
    };
    let scene = Scene::with_layer(handler, soft);
    scene.get().await;
    sleep(secs(65)).await;
    let (reply, took) = scene.timed().await;
    assert_eq!((reply.text(), took), ("begun ended", secs(2)));
}

#[tokio::test(start_paused = true)]
async fn without_a_response_that_may_stand_in_everybody_waits() {
    let forbidden = "max-age=60, stale-if-error=30, must-revalidate";
    for says in ["max-age=60", forbidden, "max-age=60, stale-if-error=4"] {
        let scene = stale(says, 200, |cache| cache, soft).await;
        for (reply, took) in scene.many(10).await {
            assert_eq!((reply.text(), took), ("new", secs(5)), "{says}");
        }
        assert_eq!(scene.calls(), 2);
    }
    let scene = stale(STANDS_IN, 200, |cache| cache, soft).await;
    let missed = scene.send(get("/other")).await.unwrap();
    assert_eq!((missed.text(), missed.is_stored()), ("new", true));
}

#[tokio::test(start_paused = true)]
async fn grace_lets_a_response_stand_in() {
    // Its own directive makes the request wait for validation, grace or not.
    let policy = Policy::conformance().with_stale_on_failure(None);
    let policy = policy.with_grace(Some(secs(30)));
    let layer = |layer: CacheLayer| soft(layer).with_policy(policy);
    let scene = stale("max-age=60", 200, |cache| cache, layer).await;
    let begun = tokio::time::Instant::now();
    let reply = scene.get_with(&[("cache-control", "no-cache")]).await;
    all_stood_in(&[(reply, begun.elapsed())], 200);
}

#[tokio::test(start_paused = true)]
async fn fill_that_may_not_go_on_in_the_background_is_waited_for() {
    let none = |cache: CacheBuilder| cache.max_background(0);
    let scene = stale(STANDS_IN, 200, none, soft).await;
    let (reply, took) = scene.timed().await;
    assert_eq!((reply.text(), took), ("new", secs(5)));
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn fill_goes_on_without_a_client() {
    let scene = stale(STANDS_IN, 200, |cache| cache, soft).await;
    let leaves = tokio::time::timeout(millis(100), scene.get());
    assert!(leaves.await.is_err());
    assert_eq!(scene.calls(), 2);
    sleep(secs(5)).await;
    assert_eq!(
        scene.many_at_once(1, "larder; hit; ttl=55").await.text(),
        "new"
    );
    assert_eq!(scene.cache.stats().fills(), 0);
}

#[tokio::test(start_paused = true)]
async fn client_that_leaves_among_others_takes_nothing_from_them() {
    let scene = stale(STANDS_IN, 200, |cache| cache, soft).await;
    let (left, (reply, took)) = tokio::join!(
        tokio::time::timeout(millis(100), scene.get()),
        scene.timed()
    );
    assert!(left.is_err());
    all_stood_in(&[(reply, took)], 200);
    sleep(secs(5)).await;
    assert_eq!((scene.get().await.text(), scene.calls()), ("new", 2));
}

#[tokio::test(start_paused = true)]
async fn response_purged_while_it_waits_to_stand_in_does_not() {
    let scene = stale(STANDS_IN, 200, |cache| cache, soft).await;
    let (mut answers, ()) = tokio::join!(scene.many(3), async {
        sleep(millis(100)).await;
        scene.cache.clear();
    });
    for (reply, took) in answers.drain(..) {
        assert_eq!(reply.text(), "new");
        assert!(took >= secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn failure_of_the_fill_pauses_the_next_try() {
    for fails in [Some(503), None] {
        let handler = move |call| async move {
            if call == 0 {
                return slow(STANDS_IN, 200, 0).await;
            }
            sleep(millis(500)).await;
            fails.map_or(Err(Down), |status| Ok(response(status, &[], "failed")))
        };
        let scene = Scene::with_layer(handler, soft);
        scene.get().await;
        sleep(secs(65)).await;
        all_stood_in(&[scene.timed().await], 200);
        sleep(millis(301)).await;
        scene.many_at_once(10, "larder; hit; ttl=-5").await;
        assert_eq!(scene.calls(), 2);
        sleep(secs(1)).await;
        scene.get().await;
        assert_eq!(scene.calls(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn fill_that_never_ends_is_given_up_in_time() {
    let handler = |call| async move {
        if call > 0 {
            std::future::pending::<()>().await;
        }
        slow(STANDS_IN, 200, 0).await
    };
    let within = |cache: CacheBuilder| cache.finish_within(secs(3));
    let scene = Scene::with(handler, within, soft);
    scene.get().await;
    sleep(secs(65)).await;
    all_stood_in(&[scene.timed().await], 200);
    assert_eq!(scene.cache.stats().fills(), 1);
    sleep(millis(3001)).await;
    assert_eq!(scene.cache.stats().fills(), 0);
    scene.get().await;
    assert_eq!(scene.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_cache_takes_no_part_in_is_not_anticipated() {
    let scene = stale(STANDS_IN, 200, |cache| cache, soft).await;
    for request in [
        request("POST", "/a", &[]),
        request("GET", "/a", &[("if-match", "*")]),
    ] {
        let mut sent = Box::pin(scene.send(request));
        tokio::select! {
            _ = &mut sent => panic!("it was answered"),
            () = sleep(millis(4999)) => {}
        }
        settle().await;
        assert_eq!(sent.now_or_never().unwrap().unwrap().text(), "new");
    }
}
