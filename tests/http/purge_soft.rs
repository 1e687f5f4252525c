//! Soft purges: what they name is stale from then on, and its stale windows begin.

use larder::{CacheLayer, Policy, Purge, RoutePolicy};
use tokio::time::sleep;

use crate::refresh::{WINDOW, revalidated, stored, stored_with};
use crate::scene::{Scene, millis, secs, settle};

pub(crate) const MINUTE: &str = "max-age=60";
pub(crate) const STALE: &str = "larder; hit; ttl=0; detail=soft-purged";

pub(crate) fn of_url() -> Purge {
    Purge::url("/a").unwrap().soft()
}

/// With a response stored so long ago, and purged softly now.
async fn purged(says: &'static str, status: u16, age: u64) -> Scene {
    let scene = stored(says, status, age).await;
    scene.cache.purge(of_url());
    scene
}

/// Whether the request had to wait for the handler, and what it was told.
async fn waits(scene: &Scene) -> bool {
    scene.timed().await.1 == secs(1)
}

#[tokio::test(start_paused = true)]
async fn all_are_served_while_one_validation_runs() {
    for (status, body) in [(304, "call 1"), (200, "call 2")] {
        let scene = purged(WINDOW, status, 10).await;
        let stale = scene.many_at_once(100, STALE).await;
        assert_eq!((stale.text(), stale.field("age")), ("call 1", "10"));
        sleep(millis(500)).await;
        scene.many_at_once(100, STALE).await;
        assert_eq!(scene.calls(), 2);
        assert_eq!(scene.asked(1).headers["if-none-match"], "\"a\"");
        sleep(millis(501)).await;
        let fresh = scene.many_at_once(100, "larder; hit; ttl=59").await;
        assert_eq!((fresh.text(), fresh.field("age")), (body, "1"));
        settle().await;
        let stats = scene.cache.stats();
        assert_eq!((scene.calls(), stats.background_validations()), (2, 1));
        assert_eq!((stats.stale_hits(), stats.hits()), (200, 100));
    }
}

#[tokio::test(start_paused = true)]
async fn window_begins_at_the_purge_and_includes_its_ends() {
    for (later, told) in [
        (0, STALE),
        (1, "larder; hit; ttl=-1; detail=soft-purged"),
        (30, "larder; hit; ttl=-30; detail=soft-purged"),
    ] {
        let scene = purged(WINDOW, 304, 10).await;
        sleep(secs(later)).await;
        let stale = scene.many_at_once(2, told).await;
        assert_eq!(stale.field("age"), (10 + later).to_string());
        settle().await;
        assert_eq!(scene.calls(), 2);
    }
    let scene = purged(WINDOW, 304, 10).await;
    sleep(secs(30) + millis(1)).await;
    assert!(waits(&scene).await);
}

#[tokio::test(start_paused = true)]
async fn operators_grace_is_a_window_too() {
    for (later, served) in [(30, true), (31, false)] {
        let layer =
            |layer: CacheLayer| layer.with_policy(Policy::shared().with_grace(Some(secs(30))));
        let scene = stored_with(MINUTE, 304, 10, |cache| cache, layer).await;
        scene.cache.purge(of_url());
        sleep(secs(later)).await;
        assert_ne!(waits(&scene).await, served, "{later}");
    }
}

/// Validated by one request for all, and kept: the body is not sent again.
#[tokio::test(start_paused = true)]
async fn without_a_window_all_wait_for_one_validation() {
    for (status, body) in [(304, "call 1"), (200, "call 2")] {
        let scene = purged(MINUTE, status, 10).await;
        let answers = scene.many(100).await;
        assert_eq!(scene.calls(), 2);
        assert_eq!(scene.asked(1).headers["if-none-match"], "\"a\"");
        let (mut led, mut followed) = (0, 0);
        for (reply, took) in &answers {
            assert_eq!((reply.text(), *took), (body, secs(1)));
            match reply.field("cache-status") {
                "larder; fwd=stale; collapsed" => followed += 1,
                "larder; fwd=stale; fwd-status=304; ttl=59"
                | "larder; fwd=stale; fwd-status=200; stored" => led += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!((led, followed), (1, 99));
        let fresh = scene.many_at_once(2, "larder; hit; ttl=59").await;
        assert_eq!((fresh.text(), scene.calls()), (body, 2));
        assert_eq!(scene.cache.stats().stale_hits(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_forbids_stale_use_is_validated_at_once() {
    for says in [
        "max-age=60, must-revalidate, stale-while-revalidate=30, stale-if-error=30",
        "max-age=60, proxy-revalidate, stale-while-revalidate=30, stale-if-error=30",
        "s-maxage=60, stale-while-revalidate=30, stale-if-error=30",
    ] {
        let scene = purged(says, 304, 10).await;
        assert!(waits(&scene).await, "{says}");
        scene.many_at_once(2, "larder; hit; ttl=59").await;
        // Nor does it stand in for a failure.
        let scene = purged(says, 503, 10).await;
        assert_eq!(scene.get().await.status, 503, "{says}");
    }
}

#[tokio::test(start_paused = true)]
async fn window_for_failures_begins_at_the_purge() {
    let says = "max-age=60, stale-if-error=30";
    for (later, status) in [(0, 200), (29, 200), (30, 503)] {
        let scene = purged(says, 503, 10).await;
        sleep(secs(later)).await;
        let (reply, took) = scene.timed().await;
        assert_eq!((reply.status.as_u16(), took), (status, secs(1)), "{later}");
        if status == 200 {
            let ttl = -1 - i64::try_from(later).unwrap();
            let told =
                format!("larder; fwd=stale; fwd-status=503; ttl={ttl}; detail=stale-if-error");
            assert_eq!(reply.field("cache-status"), told);
            assert_eq!(reply.field("age"), (11 + later).to_string());
            // Nobody tries again for a moment.
            let told = format!("larder; hit; ttl={ttl}; detail=soft-purged");
            scene.many_at_once(10, &told).await;
            assert_eq!(scene.calls(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_gets_what_the_window_allows_and_starts_nothing() {
    let asked = [("cache-control", "only-if-cached")];
    for (says, status) in [(WINDOW, 200), (MINUTE, 504)] {
        let scene = purged(says, 304, 10).await;
        assert_eq!(scene.get_with(&asked).await.status, status);
        settle().await;
        assert_eq!(scene.calls(), 1);
    }
}

/// Its windows have begun already, and go on.
#[tokio::test(start_paused = true)]
async fn what_had_expired_before_is_made_no_fresher() {
    for (later, told) in [
        (0, "larder; hit; ttl=-10; detail=soft-purged"),
        (20, "larder; hit; ttl=-30; detail=soft-purged"),
    ] {
        let scene = purged(WINDOW, 304, 70).await;
        sleep(secs(later)).await;
        scene.many_at_once(2, told).await;
    }
    let scene = purged(WINDOW, 304, 70).await;
    sleep(secs(21)).await;
    assert!(waits(&scene).await);
}

#[tokio::test(start_paused = true)]
async fn second_soft_purge_opens_the_window_no_wider() {
    let scene = purged(WINDOW, 503, 10).await;
    scene.many_at_once(1, STALE).await;
    for _ in 0..3 {
        sleep(secs(10)).await;
        scene.cache.purge(of_url());
        scene.cache.purge(Purge::everything().soft());
        scene.cache.purge(Purge::prefix("/a").unwrap().soft());
    }
    let told = "larder; hit; ttl=-30; detail=soft-purged";
    scene.many_at_once(1, told).await;
    sleep(secs(1)).await;
    scene.cache.purge(of_url());
    assert_eq!(scene.get().await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn windows_begin_at_the_first_of_several_soft_purges_that_nobody_noticed() {
    let scene = purged(WINDOW, 304, 10).await;
    sleep(secs(5)).await;
    scene.cache.purge(of_url());
    sleep(secs(3)).await;
    let told = "larder; hit; ttl=-8; detail=soft-purged";
    scene.many_at_once(1, told).await;
    let scene = purged(WINDOW, 304, 10).await;
    sleep(secs(25)).await;
    scene.cache.purge(of_url());
    sleep(secs(10)).await;
    let told = scene.get().await;
    assert_eq!(
        told.field("cache-status"),
        "larder; fwd=stale; fwd-status=304; ttl=59"
    );
}

#[tokio::test(start_paused = true)]
async fn each_soft_purge_has_what_is_stored_by_then_validated_once() {
    let scene = stored(WINDOW, 304, 0).await;
    for calls in 2..6 {
        scene.cache.purge(of_url());
        scene.many_at_once(10, STALE).await;
        sleep(millis(1001)).await;
        scene.many_at_once(10, "larder; hit; ttl=59").await;
        assert_eq!(scene.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn hard_purge_after_a_soft_one_drops() {
    let hard: [fn() -> Purge; 4] = [
        || Purge::url("/a").unwrap(),
        Purge::everything,
        || Purge::prefix("/a").unwrap(),
        || of_url().and(Purge::tag("none")),
    ];
    for purge in hard {
        for looked in [false, true] {
            let scene = purged(WINDOW, 304, 10).await;
            if looked {
                scene.get_with(&[("cache-control", "only-if-cached")]).await;
            }
            scene.cache.purge(purge());
            assert!(waits(&scene).await);
            let asked = scene.asked(scene.calls() - 1);
            assert!(!asked.headers.contains_key("if-none-match"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn soft_purge_after_a_hard_one_brings_nothing_back() {
    let scene = stored(WINDOW, 200, 10).await;
    scene.cache.purge(Purge::url("/a").unwrap());
    scene.cache.purge(of_url());
    scene.cache.purge(Purge::everything().soft());
    let asked = [("cache-control", "only-if-cached")];
    assert_eq!(scene.get_with(&asked).await.status, 504);
    assert!(waits(&scene).await);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_purge_can_be_soft() {
    let purges = [
        of_url(),
        Purge::everything().soft(),
        Purge::prefix("/").unwrap().soft(),
        Purge::prefix("/a").unwrap().soft(),
        Purge::tag("x").soft(),
        Purge::any_tag(["none", "x"]).soft(),
        Purge::all_tags(["y", "x"]).soft(),
        Purge::tag("none").soft().and(of_url()),
    ];
    for purge in purges {
        let route =
            |layer: CacheLayer| layer.with_route_policy(RoutePolicy::obey().tag("x").tag("y"));
        let scene = stored_with(WINDOW, 304, 10, |cache| cache, route).await;
        let receipt = scene.cache.purge(purge);
        assert!(receipt.purge().is_soft());
        scene.many_at_once(10, STALE).await;
        sleep(millis(1001)).await;
        scene.many_at_once(10, "larder; hit; ttl=59").await;
        assert_eq!(scene.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn annotation_opens_the_window_of_its_route() {
    let route = RoutePolicy::shared(secs(60)).stale_while_revalidate(secs(5));
    let handler = |call| revalidated("", 304, call);
    for (later, served) in [(5, true), (6, false)] {
        let route = route.clone();
        let scene = Scene::with_layer(handler, |layer| layer.with_route_policy(route));
        scene.get().await;
        scene.cache.purge(of_url());
        sleep(secs(later)).await;
        assert_ne!(waits(&scene).await, served, "{later}");
    }
}
