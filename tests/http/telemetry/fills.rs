//! What is told of bodies on their way into the store, and of who waits for them.

use axum::body::Body;
use http_body_util::BodyExt;
use larder::{CacheLayer, ResponseBody};
use larder_tests::{Feed, Origin, Setup, response, settle};

use super::watch::{Seen, watch};
use super::{FRESH, agrees};
use crate::bodies::{fed_origin, open};

/// A body that is fed by hand, as its first client and the inner service handle it.
fn fill(finish: bool, handle: impl AsyncFnOnce(&Setup, ResponseBody<Body>, Feed)) -> Seen {
    watch(async {
        let (origin, feeder) = fed_origin(&FRESH[..1]);
        let layer = |cache| CacheLayer::new(cache).with_finish_on_disconnect(finish);
        let setup = Setup::with_layer(origin, layer);
        let body = open(&setup).await;
        handle(&setup, body, feeder).await;
        settle().await;
        setup.cache
    })
}

#[test]
fn bodies_that_are_discarded_say_why() {
    let large = async |_: &Setup, body: ResponseBody<Body>, feeder: Feed| {
        feeder.data(vec![b'x'; 2 << 20]);
        feeder.end();
        body.collect().await.unwrap();
    };
    let broken = async |_: &Setup, body: ResponseBody<Body>, feeder: Feed| {
        feeder.data("half");
        drop(body);
        settle().await;
        feeder.fail();
    };
    let left = async |_: &Setup, body, _: Feed| drop::<ResponseBody<Body>>(body);
    let purged = async |setup: &Setup, body: ResponseBody<Body>, feeder: Feed| {
        setup.cache.clear();
        feeder.end();
        body.collect().await.unwrap();
    };
    for (seen, reason) in [
        (fill(true, large), "body-too-large"),
        (fill(true, broken), "body-incomplete"),
        (fill(false, left), "body-incomplete"),
        (fill(true, purged), "invalidated"),
    ] {
        let discarded = format!("discarded reason={reason}");
        let told = ["forwarded reason=uri-miss status=200", &discarded];
        let events: Vec<_> = seen
            .events
            .iter()
            .filter(|told| !told.starts_with("purged"))
            .collect();
        assert_eq!(events, told.each_ref());
        assert_eq!(seen.stats.not_stored(), 1);
        agrees(&seen);
    }
}

#[test]
fn body_that_is_stored_without_its_client_is_told_like_another() {
    let seen = fill(true, async |_: &Setup, body, feeder: Feed| {
        drop(body);
        settle().await;
        feeder.data("body");
    });
    let told = [
        "forwarded reason=uri-miss status=200",
        "stored body_bytes=4",
    ];
    assert_eq!(seen.events, told);
    agrees(&seen);
}

#[test]
fn followers_are_told() {
    let seen = fill(
        true,
        async |setup: &Setup, body: ResponseBody<Body>, feeder: Feed| {
            let follower = open(setup).await;
            feeder.data("body");
            feeder.end();
            body.collect().await.unwrap();
            follower.collect().await.unwrap();
        },
    );
    let told = [
        "forwarded reason=uri-miss status=200",
        "collapsed reason=uri-miss",
        "stored body_bytes=4",
    ];
    assert_eq!(seen.events, told);
    assert_eq!(seen.stats.collapsed(), 1);
    agrees(&seen);
}

#[test]
fn validations_in_the_background_are_told() {
    let window = [
        ("cache-control", "max-age=60, stale-while-revalidate=30"),
        FRESH[1],
    ];
    let seen = watch(async {
        let setup = Setup::shared(Origin::new(move |_, calls| {
            response(if calls == 0 { 200 } else { 304 }, &window, Body::empty())
        }));
        setup.get("/a").await;
        setup.clock.advance(61);
        setup.get("/a").await;
        settle().await;
        setup.cache
    });
    let told = [
        "forwarded reason=uri-miss status=200",
        "stored body_bytes=0",
        "stale-hit ttl=-1 detail=stale-while-revalidate",
        "refresh",
        "forwarded reason=stale status=304",
    ];
    assert_eq!(seen.events, told);
    assert_eq!(seen.stats.background_validations(), 1);
    agrees(&seen);
}
