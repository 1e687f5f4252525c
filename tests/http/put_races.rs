//! Values that are put while something is being fetched.

use std::sync::Arc;

use larder::{Purge, PutError, RoutePolicy};
use larder_tests::{Reply, feed, get, request, response};
use tokio::sync::Notify;
use tokio::time::sleep;
use tower::ServiceExt;

use crate::put::value;
use crate::scene::{Scene, secs, settle};

fn minute() -> RoutePolicy {
    RoutePolicy::shared(secs(60))
}

/// A handler that takes ten seconds.
fn slow(policy: RoutePolicy) -> Scene {
    let handler = |calls| async move {
        sleep(secs(10)).await;
        Ok(response(200, &[], format!("call {calls}")))
    };
    Scene::with_layer(handler, |layer| layer.with_route_policy(policy))
}

fn put(scene: &Scene, body: &str) {
    let put = scene.cache.put(&get("/a"), value(&[], body), &minute());
    put.unwrap();
}

#[tokio::test(start_paused = true)]
async fn fill_that_began_before_a_put_does_not_overwrite_it() {
    for pause in [0, 5] {
        let scene = slow(minute());
        let (fetched, ()) = tokio::join!(scene.timed(), async {
            sleep(secs(pause)).await;
            put(&scene, "put");
            // Whoever comes now does not wait.
            let (hit, took) = scene.timed().await;
            assert_eq!((hit.text(), took), ("put", secs(0)));
        });
        assert_eq!((fetched.0.text(), fetched.1), ("call 0", secs(10)));
        assert_eq!(scene.get().await.text(), "put", "{pause}");
        assert_eq!((scene.calls(), scene.cache.stats().responses()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_fill_get_it_although_something_is_put() {
    let scene = slow(minute());
    let (waiting, ()) = tokio::join!(scene.many(5), async {
        sleep(secs(5)).await;
        put(&scene, "put");
    });
    for (reply, took) in waiting {
        assert_eq!((reply.text(), took), ("call 0", secs(10)));
    }
    assert_eq!((scene.get().await.text(), scene.calls()), ("put", 1));
}

#[tokio::test(start_paused = true)]
async fn leader_that_fails_after_a_put_leaves_its_followers_what_was_put() {
    let handler = |calls| async move {
        sleep(secs(10)).await;
        match calls {
            0 => Err(crate::stale::Down),
            _ => Ok(response(200, &[], "fetched")),
        }
    };
    let scene = Scene::with_layer(handler, |layer| layer.with_route_policy(minute()));
    let send = || scene.send(get("/a"));
    let (leader, follower, ()) = tokio::join!(send(), send(), async {
        sleep(secs(5)).await;
        put(&scene, "put");
    });
    assert!(leader.is_err());
    assert_eq!(follower.unwrap().text(), "put");
    assert_eq!(scene.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn body_that_arrives_during_a_put_is_delivered_and_does_not_overwrite_it() {
    let go_on = Arc::new(Notify::new());
    let wait = Arc::clone(&go_on);
    let handler = move |_| {
        let wait = Arc::clone(&wait);
        async move {
            let (feeder, body) = feed();
            feeder.data("half ");
            tokio::spawn(async move {
                wait.notified().await;
                feeder.data("old");
                feeder.end();
            });
            Ok(response(200, &[], body))
        }
    };
    let scene = Scene::with_layer(handler, |layer| layer.with_route_policy(minute()));
    let slow = scene.service.clone().oneshot(get("/a")).await.unwrap();
    sleep(secs(1)).await;
    put(&scene, "put");
    assert_eq!(scene.get().await.text(), "put");
    go_on.notify_one();
    assert_eq!(Reply::read(slow).await.text(), "half old");
    settle().await;
    assert_eq!((scene.get().await.text(), scene.calls()), ("put", 1));
}

#[tokio::test(start_paused = true)]
async fn fill_that_began_after_a_put_takes_its_place() {
    let scene = slow(minute());
    put(&scene, "put");
    sleep(secs(60)).await;
    assert_eq!(scene.get().await.text(), "call 0");
    assert_eq!(scene.get().await.text(), "call 0");
    // At the moment of a put, as far as the clock can tell, but after a purge of it.
    put(&scene, "put");
    scene.cache.purge(Purge::everything());
    assert_eq!(scene.get().await.text(), "call 1");
    assert_eq!((scene.get().await.text(), scene.calls()), ("call 1", 2));
}

/// The handler confirms what it is asked about, or not, ten seconds later.
fn validating(confirms: bool) -> Scene {
    let handler = move |calls: usize| async move {
        let told = [("cache-control", "max-age=60"), ("etag", "\"old\"")];
        if calls == 0 {
            return Ok(response(200, &told, "call 0"));
        }
        sleep(secs(10)).await;
        let status = if confirms { 304 } else { 200 };
        let body = if confirms {
            String::new()
        } else {
            format!("call {calls}")
        };
        Ok(response(status, &told, body))
    };
    let policy = minute().stale_while_revalidate(secs(30));
    Scene::with_layer(handler, |layer| layer.with_route_policy(policy))
}

#[tokio::test(start_paused = true)]
async fn validation_that_began_before_a_put_does_not_overwrite_it() {
    for confirms in [false, true] {
        // In the background at 70 seconds, on the way of a request at 100.
        for age in [70, 100] {
            let scene = validating(confirms);
            scene.get().await;
            sleep(secs(age)).await;
            let (reply, ()) = tokio::join!(scene.get(), async {
                sleep(secs(5)).await;
                put(&scene, "put");
            });
            let expected = if confirms || age == 70 {
                "call 0"
            } else {
                "call 1"
            };
            assert_eq!(reply.text(), expected);
            sleep(secs(10)).await;
            assert_eq!(scene.calls(), 2);
            assert_eq!(scene.get().await.text(), "put", "{confirms} {age}");
            assert_eq!(scene.cache.stats().responses(), 1);
        }
    }
}

/// The put is confirmed by a 304, and the fill that began before it ends after that.
#[tokio::test(start_paused = true)]
async fn put_that_was_confirmed_is_still_newer_than_a_fill_from_before_it() {
    let handler = |calls: usize| async move {
        if calls == 0 {
            sleep(secs(100)).await;
            return Ok(response(200, &[], "old"));
        }
        Ok(response(304, &[("etag", "\"new\"")], ""))
    };
    let policy = minute().stale_while_revalidate(secs(30));
    let scene = Scene::with(
        handler,
        |cache| cache.collapse_timeout(secs(1)),
        |layer| layer.with_route_policy(policy.clone()),
    );
    let (old, ()) = tokio::join!(scene.get(), async {
        sleep(secs(5)).await;
        let new = value(&[("etag", "\"new\"")], "put");
        let _ = scene.cache.put(&get("/a"), new, &policy).unwrap();
        // Later than its stale windows: validated on the way of a request that waited long enough.
        sleep(secs(92)).await;
        assert_eq!(scene.get().await.text(), "put");
        assert_eq!(scene.calls(), 2);
    });
    assert_eq!(old.text(), "old");
    assert_eq!((scene.get().await.text(), scene.calls()), ("put", 2));
}

#[tokio::test(start_paused = true)]
async fn value_older_than_what_stands_there_by_its_date_is_refused() {
    let scene = slow(minute());
    scene.get().await;
    let date = |offset: i64| {
        let clock = larder_tests::TestClock::default();
        // The scene began ten seconds ago.
        clock.date(offset + 10)
    };
    let old = value(&[("date", &date(-3))], "old");
    let put = scene.cache.put(&get("/a"), old, &minute());
    assert_eq!(put.unwrap_err(), PutError::Outdated);
    assert_eq!(scene.get().await.text(), "call 0");
    // Dates have no fraction: of the same second what comes later counts.
    let new = value(&[("date", &date(0))], "new");
    assert!(scene.cache.put(&get("/a"), new, &minute()).is_ok());
    assert_eq!(scene.get().await.text(), "new");
}

#[tokio::test(start_paused = true)]
async fn value_is_refused_where_a_fill_began_after_its_fence() {
    let scene = slow(minute());
    let fence = scene.cache.fence();
    sleep(secs(1)).await;
    assert_eq!(scene.get().await.text(), "call 0");
    let put = |fence| {
        scene
            .cache
            .put_since(fence, &get("/a"), value(&[], "put"), &minute())
    };
    assert_eq!(put(&fence).unwrap_err(), PutError::Outdated);
    assert_eq!(scene.get().await.text(), "call 0");
    assert!(put(&scene.cache.fence()).is_ok());
    assert_eq!(scene.get().await.text(), "put");
}

#[tokio::test(start_paused = true)]
async fn put_is_in_no_variants_way() {
    let policy = RoutePolicy::obey();
    let handler = |calls| async move {
        sleep(secs(10)).await;
        let told = [("cache-control", "max-age=60"), ("vary", "accept")];
        Ok(response(200, &told, format!("call {calls}")))
    };
    let scene = Scene::with_layer(handler, |layer| layer.with_route_policy(policy.clone()));
    let (html, ()) = tokio::join!(scene.get_with(&[("accept", "text/html")]), async {
        sleep(secs(5)).await;
        let asked = request("GET", "/a", &[("accept", "image/png")]);
        let told = [("cache-control", "max-age=60"), ("vary", "accept")];
        let _ = scene
            .cache
            .put(&asked, value(&told, "png"), &policy)
            .unwrap();
    });
    assert_eq!(html.text(), "call 0");
    for (accept, body) in [("text/html", "call 0"), ("image/png", "png")] {
        assert_eq!(scene.get_with(&[("accept", accept)]).await.text(), body);
    }
    assert_eq!(scene.calls(), 1);
}
