//! A stored response stands in for a failure, for those who wait as for the one that asked.

use larder::{CacheBuilder, CacheLayer, Policy, RoutePolicy};
use larder_tests::{Reply, response};
use tokio::time::sleep;

use crate::refresh::{ETAG, revalidated};
use crate::scene::{Outcome, Scene, millis, secs};
use crate::stale::Down;

const WINDOW: &str = "max-age=60, stale-if-error=30";

/// After a second a response with this status, or none.
async fn fails(status: Option<u16>) -> Outcome {
    sleep(secs(1)).await;
    status.map_or(Err(Down), |status| Ok(response(status, &[], "failed")))
}

/// With a response stored so long ago, before a handler that fails from then on.
async fn failing(
    says: &'static str,
    status: Option<u16>,
    age: u64,
    layer: impl FnOnce(CacheLayer) -> CacheLayer,
) -> Scene {
    let handler = move |call| async move {
        if call == 0 {
            revalidated(says, 200, 0).await
        } else {
            fails(status).await
        }
    };
    let scene = Scene::with_layer(handler, layer);
    scene.get().await;
    sleep(secs(age)).await;
    scene
}

const FAILURES: [Option<u16>; 5] = [Some(500), Some(502), Some(503), Some(504), None];

async fn all(scene: &Scene, count: usize) -> Vec<Result<Reply, Down>> {
    let asked = (0..count).map(|_| scene.send(larder_tests::get("/a")));
    futures_util::future::join_all(asked).await
}

#[tokio::test(start_paused = true)]
async fn one_failure_is_stood_in_for_to_all_who_waited() {
    for status in FAILURES {
        let scene = failing(WINDOW, status, 65, |layer| layer).await;
        for (reply, took) in scene.many(100).await {
            let failed = status.map_or(String::new(), |status| format!(" fwd-status={status};"));
            let told = format!("larder; fwd=stale;{failed} ttl=-6; detail=stale-if-error");
            assert_eq!(reply.field("cache-status"), told);
            assert_eq!((reply.text(), reply.field("age")), ("call 1", "66"));
            assert_eq!(took, secs(1));
        }
        assert_eq!(scene.calls(), 2);
        let stats = scene.cache.stats();
        assert_eq!((stats.stale_hits(), stats.errors()), (100, 0));
        assert_eq!((stats.responses(), stats.fills()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn window_ends_and_then_the_failure_itself_is_the_answer() {
    for (status, age, stands_in) in [
        (Some(503), 89, true),
        (Some(503), 90, false),
        (None, 89, true),
        (None, 90, false),
    ] {
        let scene = failing(WINDOW, status, age, |layer| layer).await;
        for answer in all(&scene, 10).await {
            match answer {
                Ok(reply) if stands_in => assert_eq!(reply.text(), "call 1"),
                Ok(reply) => assert_eq!((reply.status.as_u16(), reply.text()), (503, "failed")),
                Err(Down) => assert!(!stands_in && status.is_none()),
            }
        }
        assert_eq!(scene.cache.stats().responses(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_stands_in_where_that_is_forbidden() {
    let window = "stale-if-error=30";
    for says in [
        "max-age=60, must-revalidate",
        "max-age=60, proxy-revalidate",
        "max-age=60, no-cache",
        "s-maxage=60",
    ] {
        let says: &'static str = format!("{says}, {window}").leak();
        for status in FAILURES {
            let scene = failing(says, status, 65, |layer| layer).await;
            for answer in all(&scene, 10).await {
                let failed = answer.map(|reply| reply.status.as_u16());
                assert_eq!(failed, status.ok_or(Down), "{says}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn annotation_and_operator_open_the_window() {
    let annotated = |layer: CacheLayer| {
        layer.with_route_policy(RoutePolicy::shared(secs(60)).stale_if_error(secs(30)))
    };
    let operator = |layer: CacheLayer| {
        layer.with_policy(Policy::shared().with_stale_on_failure(Some(secs(30))))
    };
    let layers: [fn(CacheLayer) -> CacheLayer; 2] = [annotated, operator];
    for layer in layers {
        for (age, status) in [(89, 200), (90, 503)] {
            let scene = failing("max-age=60", Some(503), age, layer).await;
            assert_eq!(scene.get().await.status, status, "{age}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn response_purged_while_the_service_fails_does_not_stand_in() {
    for status in FAILURES {
        let scene = failing(WINDOW, status, 65, |layer| layer).await;
        let (answers, ()) = tokio::join!(all(&scene, 10), async {
            sleep(millis(500)).await;
            scene.cache.clear();
        });
        for answer in answers {
            let failed = answer.map(|reply| reply.status.as_u16());
            assert_eq!(failed, status.ok_or(Down));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failing_service_is_asked_once_in_each_pause() {
    let pause = |cache: CacheBuilder| cache.retry_refresh_after(secs(4));
    let handler = |call| async move {
        if call == 0 {
            return revalidated(WINDOW, 200, 0).await;
        }
        Ok(response(503, &[ETAG], "failed"))
    };
    let scene = Scene::with(handler, pause, |layer| layer);
    scene.get().await;
    sleep(secs(60)).await;
    for _ in 0..28 {
        for (reply, took) in scene.many(20).await {
            assert_eq!((reply.text(), took), ("call 1", secs(0)));
        }
        sleep(secs(1)).await;
    }
    assert_eq!(scene.calls(), 1 + 28 / 4);
}
