//! What comes of a validation in the background.

use larder::{CacheBuilder, CacheLayer};
use larder_tests::{feed, request, response};
use tokio::time::sleep;

use crate::refresh::{WINDOW, revalidated, stored};
use crate::scene::{Scene, millis, secs, settle};

#[tokio::test(start_paused = true)]
async fn response_that_may_not_be_stored_ends_the_stored_one() {
    let fields = [("cache-control", "no-store")];
    for status in [200, 404, 410, 302] {
        let scene = Scene::new(move |call| async move {
            if call == 0 {
                return revalidated(WINDOW, 200, 0).await;
            }
            Ok(response(status, &fields, "other"))
        });
        scene.get().await;
        sleep(secs(65)).await;
        scene.many_at_once(1, "larder; hit; ttl=-5").await;
        settle().await;
        assert_eq!((scene.calls(), scene.cache.stats().responses()), (2, 0));
        assert_eq!(scene.get().await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn answer_about_something_else_is_asked_for_again_without_conditions() {
    let scene = Scene::new(|call| async move {
        let other = [("cache-control", WINDOW), ("etag", "\"b\"")];
        match call {
            0 => revalidated(WINDOW, 200, 0).await,
            1 => Ok(response(304, &other, "")),
            _ => Ok(response(200, &other, "new")),
        }
    });
    scene.get().await;
    sleep(secs(65)).await;
    scene.get().await;
    settle().await;
    assert_eq!(scene.calls(), 3);
    assert!(!scene.asked(2).headers.contains_key("if-none-match"));
    assert_eq!(
        scene.many_at_once(1, "larder; hit; ttl=60").await.text(),
        "new"
    );
}

#[tokio::test(start_paused = true)]
async fn stale_response_is_served_until_the_body_of_the_new_one_has_ended() {
    for finish in [true, false] {
        let layer = move |layer: CacheLayer| layer.with_finish_on_disconnect(finish);
        let scene = Scene::with_layer(
            |call| async move {
                if call == 0 {
                    return revalidated(WINDOW, 200, 0).await;
                }
                let (feeder, body) = feed();
                feeder.data("new ");
                tokio::spawn(async move {
                    sleep(secs(5)).await;
                    feeder.data("body");
                });
                Ok(response(200, &[("cache-control", WINDOW)], body))
            },
            layer,
        );
        scene.get().await;
        sleep(secs(65)).await;
        for told in ["larder; hit; ttl=-5", "larder; hit; ttl=-7"] {
            let stale = scene.many_at_once(10, told).await;
            assert_eq!((stale.text(), scene.calls() <= 2), ("call 1", true));
            sleep(secs(2)).await;
        }
        sleep(secs(2)).await;
        let fresh = scene.many_at_once(10, "larder; hit; ttl=54").await;
        assert_eq!((fresh.text(), scene.calls()), ("new body", 2));
    }
}

#[tokio::test(start_paused = true)]
async fn purge_during_the_validation_keeps_the_old_state_out() {
    for status in [304, 200] {
        let scene = stored(WINDOW, status, 65).await;
        scene.get().await;
        sleep(millis(500)).await;
        scene.cache.clear();
        sleep(secs(2)).await;
        assert_eq!(scene.cache.stats().responses(), 0, "{status}");

        let scene = stored(WINDOW, 200, 65).await;
        scene.get().await;
        sleep(millis(500)).await;
        scene.send(request("POST", "/a", &[])).await.unwrap();
        assert_eq!(scene.calls(), 3);
        let reply = scene.get().await;
        assert!(reply.is_stored(), "{:?}", reply.headers);
        assert_eq!(reply.text(), "call 4");
        assert_eq!(scene.get().await.text(), "call 4");
    }
}

#[tokio::test(start_paused = true)]
async fn response_that_selects_by_other_fields_takes_the_place_of_the_stored_one() {
    let scene = Scene::new(|call| async move {
        let mut reply = revalidated(WINDOW, 200, call).await?;
        if call == 1 {
            let accept = "accept".parse().unwrap();
            reply.headers_mut().insert("vary", accept);
        }
        Ok(reply)
    });
    scene.get().await;
    sleep(secs(65)).await;
    scene.many_at_once(1, "larder; hit; ttl=-5").await;
    sleep(secs(2)).await;
    assert_eq!((scene.calls(), scene.cache.stats().responses()), (2, 1));
    assert_eq!(scene.get().await.text(), "call 2");
    let other = scene.get_with(&[("accept", "a/b")]).await;
    assert!(other.field("cache-status").contains("fwd=vary-miss"));
}

#[tokio::test(start_paused = true)]
async fn body_that_has_grown_too_large_ends_the_stored_response() {
    let small = |cache: CacheBuilder| cache.max_body_bytes(10);
    for announced in [true, false] {
        let handler = move |call| async move {
            if call == 0 {
                return revalidated(WINDOW, 200, 0).await;
            }
            if announced {
                return Ok(response(200, &[("cache-control", WINDOW)], "eleven bytes"));
            }
            let (feeder, body) = feed();
            feeder.data("eight by");
            tokio::spawn(async move {
                sleep(millis(1)).await;
                feeder.data("eight by");
            });
            Ok(response(200, &[("cache-control", WINDOW)], body))
        };
        let scene = Scene::with(handler, small, |layer| layer);
        scene.get().await;
        sleep(secs(65)).await;
        scene.many_at_once(1, "larder; hit; ttl=-5").await;
        sleep(millis(5)).await;
        assert_eq!((scene.calls(), scene.cache.stats().responses()), (2, 0));
        let stats = scene.cache.stats();
        assert_eq!((stats.fills(), stats.fill_bytes()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn response_dated_earlier_is_the_newer_one_all_the_same() {
    let scene = Scene::new(|call| async move {
        let mut reply = revalidated(WINDOW, 200, call).await?;
        let date = if call == 0 {
            "Fri, 15 Jan 2027 08:00:00 GMT"
        } else {
            "Fri, 15 Jan 2027 07:59:59 GMT"
        };
        reply.headers_mut().insert("date", date.parse().unwrap());
        Ok(reply)
    });
    scene.get().await;
    sleep(secs(65)).await;
    scene.get().await;
    sleep(secs(2)).await;
    assert_eq!(scene.cache.stats().stored(), 2);
    assert_eq!(scene.get().await.text(), "call 2");
}
