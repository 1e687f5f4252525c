//! A failed validation leaves the stored response, and the next try waits for a moment.

use axum::body::Body;
use http::{Request, Response};
use larder::{CacheBuilder, CacheLayer, Policy};
use larder_tests::{Broken, feed, get, response};
use tokio::time::sleep;

use crate::refresh::{ETAG, WINDOW, revalidated};
use crate::scene::{Outcome, Scene, millis, secs, settle};
use crate::stale::Down;

const BOTH: &str = "max-age=60, stale-while-revalidate=30, stale-if-error=30";

/// A validation that comes to nothing.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// The body is shorter than announced.
    BodyTooShort,
    BodyBreaksOff,
    Error,
    Panic,
    Status(u16),
    /// It has not begun its response when its time is over.
    Stuck,
}

async fn fails(how: Failure) -> Outcome {
    let fresh = [("cache-control", BOTH), ("content-length", "100")];
    match how {
        Failure::BodyTooShort => Ok(response(200, &fresh, "short")),
        Failure::BodyBreaksOff => {
            let (feeder, body) = feed();
            feeder.data("beginning");
            tokio::spawn(async move {
                sleep(millis(1)).await;
                feeder.fail();
            });
            Ok(response(200, &fresh[..1], body))
        }
        Failure::Error => Err(Down),
        Failure::Panic => panic!("the handler panics"),
        Failure::Status(status) => Ok(response(status, &fresh[..1], "failed")),
        Failure::Stuck => std::future::pending().await,
    }
}

/// With a response stored for a minute; then the handler fails, and with the third call it works
/// again.
async fn failing(
    says: &'static str,
    how: Failure,
    cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
    layer: impl FnOnce(CacheLayer) -> CacheLayer,
) -> Scene {
    let handler = move |call| async move {
        match call {
            0 => revalidated(says, 200, 0).await,
            1 => fails(how).await,
            _ => Ok(response(200, &[("cache-control", says), ETAG], "new")),
        }
    };
    let scene = Scene::with(handler, cache, layer);
    scene.get().await;
    sleep(secs(65)).await;
    scene
}

async fn leaves_the_stored_response(scene: &Scene, how: Failure) {
    let stale = scene.many_at_once(1, "larder; hit; ttl=-5").await;
    assert_eq!(stale.text(), "call 1");
    // Meanwhile the time of a validation that is stuck is over.
    sleep(millis(10)).await;
    assert_eq!(scene.calls(), 2, "{how:?}");
    scene.many_at_once(100, "larder; hit; ttl=-5").await;
    sleep(millis(989)).await;
    let stale = scene.many_at_once(100, "larder; hit; ttl=-5").await;
    assert_eq!(stale.text(), "call 1");
    settle().await;
    assert_eq!(scene.calls(), 2, "{how:?}");
    sleep(millis(11)).await;
    let stale = scene.many_at_once(100, "larder; hit; ttl=-6").await;
    assert_eq!(stale.text(), "call 1");
    settle().await;
    assert_eq!(scene.calls(), 3, "{how:?}");
    assert_eq!(
        scene.many_at_once(1, "larder; hit; ttl=60").await.text(),
        "new"
    );
}

#[tokio::test(start_paused = true)]
async fn failed_validation_in_the_background_leaves_the_stored_response_and_pauses() {
    let statuses = [500, 502, 503, 504, 400, 401, 403, 429, 431];
    let others = [
        Failure::BodyBreaksOff,
        Failure::BodyTooShort,
        Failure::Error,
        Failure::Panic,
    ];
    for how in statuses.map(Failure::Status).into_iter().chain(others) {
        for says in [WINDOW, BOTH] {
            let scene = failing(says, how, |cache| cache, |layer| layer).await;
            leaves_the_stored_response(&scene, how).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn validation_that_takes_too_long_leaves_the_stored_response_and_pauses() {
    let limit = millis(10);
    let hard = |layer: CacheLayer| layer.with_hard_timeout(limit);
    let scene = failing(WINDOW, Failure::Stuck, |cache| cache, hard).await;
    leaves_the_stored_response(&scene, Failure::Stuck).await;
    let within = |cache: CacheBuilder| cache.finish_within(limit);
    let scene = failing(WINDOW, Failure::Stuck, within, |layer| layer).await;
    leaves_the_stored_response(&scene, Failure::Stuck).await;
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_leave_a_partitions_stored_response() {
    use larder::policy::key::Partition;
    for status in [401, 403, 429] {
        let private = |layer: CacheLayer| {
            layer
                .with_policy(Policy::private())
                .with_partition(|_| Partition::of("user", b"1").ok())
        };
        let how = Failure::Status(status);
        let scene = failing(WINDOW, how, |cache| cache, private).await;
        leaves_the_stored_response(&scene, how).await;
    }
}

#[tokio::test(start_paused = true)]
async fn length_of_the_pause_is_a_setting() {
    for pause in [0, 7] {
        let set = |cache: CacheBuilder| cache.retry_refresh_after(secs(pause));
        let how = Failure::Status(503);
        let scene = failing(WINDOW, how, set, |layer| layer).await;
        scene.get().await;
        settle().await;
        assert_eq!(scene.calls(), 2);
        if pause > 0 {
            sleep(secs(pause) - millis(2)).await;
            scene.get().await;
            settle().await;
            assert_eq!(scene.calls(), 2);
        }
        scene.get().await;
        settle().await;
        assert_eq!(scene.calls(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_that_a_client_waited_for_nobody_tries_for_a_moment() {
    for how in [Failure::Status(503), Failure::Error] {
        let says = "max-age=60, stale-if-error=30";
        let scene = failing(says, how, |cache| cache, |layer| layer).await;
        let stood_in = scene.get().await;
        assert_eq!((stood_in.text(), scene.calls()), ("call 1", 2));
        scene.many_at_once(100, "larder; hit; ttl=-5").await;
        sleep(millis(999)).await;
        scene.many_at_once(100, "larder; hit; ttl=-5").await;
        assert_eq!(scene.calls(), 2);
        sleep(millis(1)).await;
        assert_eq!((scene.get().await.text(), scene.calls()), ("new", 3));
    }
}

#[tokio::test(start_paused = true)]
async fn pause_holds_back_nobody_whom_the_stored_response_cannot_serve() {
    for says in [
        "max-age=60",
        "max-age=60, stale-if-error=30, must-revalidate",
        "max-age=60, stale-if-error=5",
    ] {
        let how = Failure::Status(503);
        let scene = failing(says, how, |cache| cache, |layer| layer).await;
        sleep(millis(1)).await;
        assert_eq!(scene.get().await.status, 503, "{says}");
        assert_eq!(
            (scene.get().await.text(), scene.calls()),
            ("new", 3),
            "{says}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn broken_body_of_a_validation_reaches_nobody_but_those_who_joined_it() {
    let says = "max-age=60, stale-while-revalidate=5";
    let handler = move |call| async move {
        if call == 0 {
            return revalidated(says, 200, 0).await;
        }
        let (feeder, body) = feed();
        feeder.data("beginning");
        tokio::spawn(async move {
            sleep(secs(2)).await;
            feeder.fail();
        });
        Ok(response(200, &[("cache-control", says)], body))
    };
    let scene = Scene::new(handler);
    scene.get().await;
    sleep(secs(65)).await;
    scene.many_at_once(1, "larder; hit; ttl=-5").await;
    sleep(secs(1)).await;
    let request: Request<Body> = get("/a");
    let joined: Response<_> = tower::ServiceExt::oneshot(scene.service.clone(), request)
        .await
        .unwrap();
    let told = joined.headers()["cache-status"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(told, "larder; fwd=stale; collapsed");
    let read = http_body_util::BodyExt::collect(joined.into_body()).await;
    assert!(larder_tests::is_broken(&read.unwrap_err()), "{Broken}");
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn clients_who_joined_a_refused_validation_ask_for_themselves() {
    let says = "max-age=60, stale-while-revalidate=1";
    let handler = move |call| async move {
        match call {
            0 => revalidated(says, 200, 0).await,
            1 => {
                sleep(secs(1)).await;
                Ok(response(401, &[], "who are you?"))
            }
            _ => Ok(response(200, &[("cache-control", "private")], "yours")),
        }
    };
    let scene = Scene::new(handler);
    scene.get().await;
    sleep(secs(61)).await;
    scene.many_at_once(1, "larder; hit; ttl=-1").await;
    sleep(millis(500)).await;
    let own = [("authorization", "Bearer mine")];
    let reply = scene.get_with(&own).await;
    assert_eq!((reply.text(), scene.calls()), ("yours", 3));
    assert!(!scene.asked(1).headers.contains_key("authorization"));
    assert_eq!(scene.asked(2).headers["authorization"], "Bearer mine");
}
