//! Stale responses are served while one request validates them (RFC 5861 section 3).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::Request;
use larder::{CacheBuilder, CacheLayer, Policy};
use larder_tests::{Reply, Setup, get, request, response, stack};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower::{ServiceExt, service_fn};

use crate::scene::{Outcome, Scene, millis, secs, settle};
use crate::stale::Down;

pub(crate) const WINDOW: &str = "max-age=60, stale-while-revalidate=30";
pub(crate) const ETAG: (&str, &str) = ("etag", "\"a\"");

/// A 200 at the first call, and after a second this status at every other.
pub(crate) async fn revalidated(says: &'static str, status: u16, call: usize) -> Outcome {
    let fields = [("cache-control", says), ETAG];
    if call == 0 {
        return Ok(response(200, &fields, "call 1"));
    }
    sleep(secs(1)).await;
    let body = if status == 304 {
        String::new()
    } else {
        format!("call {}", call + 1)
    };
    Ok(response(status, &fields, body))
}

/// With a response stored by this `Cache-Control` so long ago; every other call takes a second.
pub(crate) async fn stored(says: &'static str, status: u16, age: u64) -> Scene {
    stored_with(says, status, age, |cache| cache, |layer| layer).await
}

pub(crate) async fn stored_with(
    says: &'static str,
    status: u16,
    age: u64,
    cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
    layer: impl FnOnce(CacheLayer) -> CacheLayer,
) -> Scene {
    let scene = Scene::with(move |call| revalidated(says, status, call), cache, layer);
    assert!(scene.get().await.is_stored());
    sleep(secs(age)).await;
    scene
}

#[tokio::test(start_paused = true)]
async fn stale_response_is_served_at_once_while_one_request_validates() {
    for (status, body) in [(304, "call 1"), (200, "call 2")] {
        let scene = stored(WINDOW, status, 65).await;
        let stale = scene.many_at_once(100, "larder; hit; ttl=-5").await;
        assert_eq!((stale.text(), stale.field("age")), ("call 1", "65"));
        sleep(millis(500)).await;
        assert_eq!(scene.calls(), 2);
        scene.many_at_once(100, "larder; hit; ttl=-5").await;
        sleep(millis(501)).await;
        let fresh = scene.many_at_once(100, "larder; hit; ttl=59").await;
        assert_eq!((fresh.text(), fresh.field("age")), (body, "1"));
        assert_eq!(scene.calls(), 2);
        assert_eq!(scene.cache.stats().background_validations(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn window_counts_from_expiry_and_includes_its_ends() {
    for (age, told, calls) in [
        (59, "larder; hit; ttl=1", 1),
        (60, "larder; hit; ttl=0", 2),
        (90, "larder; hit; ttl=-30", 2),
    ] {
        let scene = stored(WINDOW, 304, age).await;
        scene.many_at_once(2, told).await;
        settle().await;
        assert_eq!(scene.calls(), calls, "{age}");
    }
    let scene = stored(WINDOW, 304, 90).await;
    sleep(millis(1)).await;
    assert_eq!(scene.timed().await.1, secs(1));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_window_everybody_waits_for_one_validation() {
    for (status, body) in [(304, "call 1"), (200, "call 2")] {
        let scene = stored(WINDOW, status, 91).await;
        let answers = scene.many(100).await;
        assert_eq!(scene.calls(), 2);
        assert_eq!(scene.asked(1).headers["if-none-match"], "\"a\"");
        for (reply, took) in &answers {
            assert_eq!((reply.text(), *took), (body, secs(1)));
        }
        let told = "larder; fwd=stale; collapsed";
        let collapsed = |(reply, _): &&(Reply, _)| reply.field("cache-status") == told;
        assert_eq!(answers.iter().filter(collapsed).count(), 99);
        assert_eq!(scene.cache.stats().background_validations(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn validation_outside_the_window_is_the_one_that_began_within_it() {
    let says = "max-age=60, stale-while-revalidate=1";
    for (status, body) in [(304, "call 1"), (200, "call 2")] {
        let scene = stored(says, status, 61).await;
        scene.many_at_once(1, "larder; hit; ttl=-1").await;
        sleep(millis(250)).await;
        for (reply, took) in scene.many(100).await {
            assert_eq!((reply.text(), took), (body, millis(750)));
            assert_eq!(reply.field("cache-status"), "larder; fwd=stale; collapsed");
        }
        assert_eq!(scene.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_forbids_stale_use_forbids_serving_while_validating() {
    let over = Policy::shared().with_explicit_windows_over_s_maxage(true);
    let window = "stale-while-revalidate=30";
    for (policy, says, served) in [
        (Policy::shared(), "max-age=60, must-revalidate", false),
        (Policy::shared(), "max-age=60, proxy-revalidate", false),
        (Policy::shared(), "s-maxage=60", false),
        (Policy::shared(), "max-age=60, no-cache", false),
        (Policy::shared(), "max-age=60, no-cache=\"x-own\"", true),
        (over.clone(), "s-maxage=60", true),
        (over.clone(), "s-maxage=60, must-revalidate", false),
        (over, "s-maxage=60, proxy-revalidate", false),
    ] {
        let says: &'static str = format!("{says}, {window}").leak();
        let layer = |layer: CacheLayer| layer.with_policy(policy);
        let scene = stored_with(says, 304, 65, |cache| cache, layer).await;
        let waits = scene.timed().await.1;
        assert_eq!(waits == secs(0), served, "{says}");
        assert_eq!(scene.cache.stats().stale_hits(), u64::from(served));
        settle().await;
        assert_eq!(scene.calls(), 2, "{says}");
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_wants_a_stored_response_starts_no_validation() {
    let asked = [("cache-control", "only-if-cached")];
    for (age, status) in [(65, 200), (91, 504)] {
        let scene = stored(WINDOW, 304, age).await;
        assert_eq!(scene.get_with(&asked).await.status, status);
        settle().await;
        assert_eq!(scene.calls(), 1);
        assert_eq!(scene.cache.stats().background_validations(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_wants_a_stored_response_does_not_wait_for_a_validation() {
    let scene = stored(WINDOW, 304, 91).await;
    let (validated, refused) = tokio::join!(scene.get(), async {
        sleep(millis(500)).await;
        scene.get_with(&[("cache-control", "only-if-cached")]).await
    });
    assert_eq!(
        (validated.status.as_u16(), refused.status.as_u16()),
        (200, 504)
    );
    assert_eq!(scene.calls(), 2);
}

#[test]
fn without_a_runtime_the_stale_response_is_served_and_nothing_begins() {
    use futures_util::FutureExt;
    let fields = [("cache-control", WINDOW), ETAG];
    let setup = Setup::shared(larder_tests::Origin::ok(&fields));
    setup.get("/a").now_or_never().unwrap();
    setup.clock.advance(65);
    for _ in 0..2 {
        let stale = setup.get("/a").now_or_never().unwrap();
        assert_eq!(stale.field("cache-status"), "larder; hit; ttl=-5");
    }
    assert_eq!(setup.origin.calls(), 1);
    assert_eq!(setup.cache.stats().background_validations(), 0);
}

#[tokio::test(start_paused = true)]
async fn validation_beyond_the_limit_of_background_work_is_not_begun() {
    let none = |cache: CacheBuilder| cache.max_background(0);
    let scene = stored_with(WINDOW, 304, 65, none, |layer| layer).await;
    scene.many_at_once(2, "larder; hit; ttl=-5").await;
    settle().await;
    assert_eq!(scene.calls(), 1);
    assert_eq!(scene.cache.stats().background_validations(), 0);
    assert_eq!(scene.cache.stats().fills(), 0);

    let one = |cache: CacheBuilder| cache.max_background(1);
    let scene = stored_with(WINDOW, 200, 0, one, |layer| layer).await;
    scene.send(get("/b")).await.unwrap();
    sleep(secs(65)).await;
    for (path, calls) in [("/a", 3), ("/b", 3)] {
        let stale = scene.send(get(path)).await.unwrap();
        assert!(
            stale
                .field("cache-status")
                .starts_with("larder; hit; ttl=-")
        );
        settle().await;
        assert_eq!(scene.calls(), calls);
    }
    sleep(secs(1)).await;
    scene.send(get("/b")).await.unwrap();
    sleep(secs(2)).await;
    assert_eq!(scene.calls(), 4);
    assert!(
        scene
            .send(get("/b"))
            .await
            .unwrap()
            .field("cache-status")
            .contains("ttl=5")
    );
}

#[tokio::test(start_paused = true)]
async fn head_has_the_stored_response_to_get_validated_by_a_get() {
    for (status, body) in [(304, "call 1"), (200, "call 2")] {
        let scene = stored(WINDOW, status, 65).await;
        let stale = scene.send(request("HEAD", "/a", &[])).await.unwrap();
        assert_eq!(stale.field("cache-status"), "larder; hit; ttl=-5");
        assert_eq!((stale.text(), stale.field("content-length")), ("", "6"));
        sleep(secs(2)).await;
        assert_eq!(scene.asked(1).method, "GET");
        let fresh = scene.get().await;
        assert_eq!((fresh.is_hit(), fresh.text()), (true, body));
    }
}

#[tokio::test(start_paused = true)]
async fn stored_response_to_head_is_validated_by_a_head() {
    let scene = Scene::new(|call| revalidated(WINDOW, 200, call));
    let head = || scene.send(request("HEAD", "/a", &[]));
    assert!(head().await.unwrap().is_stored());
    sleep(secs(65)).await;
    head().await.unwrap();
    sleep(secs(2)).await;
    assert_eq!((scene.asked(1).method.as_str(), scene.calls()), ("HEAD", 2));
    assert!(head().await.unwrap().is_hit());
}

#[tokio::test(start_paused = true)]
async fn each_variant_is_validated_by_a_request_of_its_own() {
    let scene = Scene::new(|call| async move {
        let mut reply = revalidated(WINDOW, 200, call).await?;
        reply
            .headers_mut()
            .insert("vary", "accept".parse().unwrap());
        Ok(reply)
    });
    let each = ["a/a", "b/b"];
    for accept in each {
        scene.get_with(&[("accept", accept)]).await;
    }
    sleep(secs(65)).await;
    for accept in each.repeat(3) {
        assert!(scene.get_with(&[("accept", accept)]).await.is_hit());
    }
    sleep(secs(2)).await;
    assert_eq!(scene.calls(), 4);
    for (accept, body) in each.into_iter().zip(["call 3", "call 4"]) {
        let fresh = scene.get_with(&[("accept", accept)]).await;
        assert_eq!((fresh.is_hit(), fresh.text()), (true, body));
    }
}

#[tokio::test(start_paused = true)]
async fn clients_own_condition_is_met_from_the_stale_response() {
    let scene = stored(WINDOW, 200, 65).await;
    let met = scene.get_with(&[("if-none-match", "\"a\"")]).await;
    assert_eq!((met.status.as_u16(), met.text()), (304, ""));
    assert_eq!(met.field("cache-status"), "larder; hit; ttl=-5");
    settle().await;
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn among_threads_too_one_request_validates() {
    let gate = Arc::new(Semaphore::new(0));
    let calls = Arc::<AtomicUsize>::default();
    let (opened, counted) = (Arc::clone(&gate), Arc::clone(&calls));
    let inner = service_fn(move |_: Request<Body>| {
        let (gate, call) = (Arc::clone(&opened), counted.fetch_add(1, Ordering::SeqCst));
        async move {
            if call > 0 {
                gate.acquire().await.unwrap().forget();
            }
            Ok::<_, Down>(response(200, &[("cache-control", WINDOW)], "body"))
        }
    });
    let (cache, clock, service) = stack(inner, Policy::shared());
    for round in 1..=20 {
        let first = service.clone().oneshot(get("/a")).await.unwrap();
        Reply::read(first).await;
        clock.advance(65);
        let hits = (0..100).map(|_| {
            let asked = service.clone().oneshot(get("/a"));
            tokio::spawn(async { Reply::read(asked.await.unwrap()).await })
        });
        for hit in futures_util::future::join_all(hits).await {
            assert_eq!(hit.unwrap().field("cache-status"), "larder; hit; ttl=-5");
        }
        assert_eq!(cache.stats().background_validations(), round);
        gate.add_permits(1);
        while cache.stats().stored() == round {
            tokio::task::yield_now().await;
        }
        assert_eq!(calls.load(Ordering::SeqCst) as u64, 1 + round);
    }
}
