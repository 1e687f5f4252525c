//! What is fetched to its end without a client, and for how long.

use std::time::Duration;

use http::Response;
use larder_tests::{Client, Crowd, Feed, Slow, fed_first, get, response, settle};
use tokio::time::sleep;

use crate::collapse::FRESH;

const SECOND: Duration = Duration::from_secs(1);

/// A cache in front of a service whose first body is fed by hand.
fn fed(max_background: usize) -> (Crowd, Feed) {
    let (answer, feeder) = fed_first(&[FRESH]);
    let origin = Slow::new(move |seen, before| std::future::ready(Ok(answer(&seen, before))));
    let crowd = Crowd::with_cache(origin, |cache| cache.max_background(max_background));
    (crowd, feeder)
}

/// A client leaves in the middle of a body. Whether the body is still read after so long.
async fn is_read_on(crowd: &Crowd, feeder: &Feed, later: Duration) -> bool {
    let client = crowd.open(get("/a")).await.unwrap().unwrap();
    feeder.data("half");
    settle().await;
    drop(client);
    sleep(later).await;
    !feeder.is_abandoned()
}

#[tokio::test(start_paused = true)]
async fn body_that_nobody_reads_is_read_to_its_end_for_a_bounded_time() {
    for (later, goes_on) in [(59, true), (71, false)] {
        let (crowd, feeder) = fed(1);
        assert_eq!(is_read_on(&crowd, &feeder, later * SECOND).await, goes_on);
        let next = crowd.get("/a");
        settle().await;
        feeder.data(" full");
        feeder.end();
        let (next, hit) = (next.reply().await, crowd.get("/a").reply().await);
        let text = if goes_on { "half full" } else { "call 2" };
        assert_eq!((next.text(), hit.text()), (text, text));
        assert!(hit.is_hit());
    }
}

#[tokio::test(start_paused = true)]
async fn work_beyond_the_limit_ends_with_its_client() {
    let (origin, _gate) = Slow::gated(|_, _| response(200, &[FRESH], "body"));
    let crowd = Crowd::with_cache(origin, |cache| cache.max_background(3));
    let clients = crowd.send_all(10, |client| get(&format!("/{client}")));
    settle().await;
    clients.iter().for_each(Client::leave);
    settle().await;
    let counts = crowd.origin.counts();
    assert_eq!((counts.inside, counts.dropped), (3, 7));
}

#[tokio::test(start_paused = true)]
async fn body_beyond_the_limit_of_background_work_ends_with_its_client() {
    let (crowd, feeder) = fed(0);
    assert!(!is_read_on(&crowd, &feeder, SECOND).await);
    let (crowd, feeder) = fed(1);
    assert!(is_read_on(&crowd, &feeder, SECOND).await);
    // The place is free again once it is done.
    feeder.end();
    settle().await;
    assert!(crowd.get("/a").reply().await.is_hit());
}

/// A stored response that has expired, before a body that is fed by hand.
async fn expired(set: impl FnOnce(larder::CacheLayer) -> larder::CacheLayer) -> (Crowd, Feed) {
    let stale = (
        "cache-control",
        "max-age=60, stale-while-revalidate=60, stale-if-error=600",
    );
    let (answer, feeder) = fed_first(&[stale]);
    let origin = Slow::new(move |seen, before| {
        let answer: Response<_> = match before {
            0 => response(200, &[stale], "old"),
            _ => answer(&seen, before),
        };
        async {
            sleep(SECOND).await;
            Ok(answer)
        }
    });
    let crowd = Crowd::with(
        origin,
        |cache| cache.max_background(1),
        |layer| set(layer.with_finish_on_disconnect(false)),
    );
    assert!(crowd.get("/a").reply().await.is_stored());
    (crowd, feeder)
}

#[tokio::test(start_paused = true)]
async fn validation_in_the_background_needs_no_client_for_its_body() {
    let (crowd, feeder) = expired(|layer| layer).await;
    crowd.clock.advance(61);
    assert_eq!(crowd.get("/a").reply().await.text(), "old");
    sleep(2 * SECOND).await;
    feeder.data("new ");
    sleep(2 * SECOND).await;
    feeder.data("body");
    feeder.end();
    settle().await;
    let hit = crowd.get("/a").reply().await;
    assert_eq!(
        (hit.text(), hit.field("cache-status")),
        ("new body", "larder; hit; ttl=60")
    );
    assert_eq!(crowd.origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn fill_behind_a_stale_answer_needs_no_client_for_its_body() {
    let (crowd, feeder) = expired(|layer| layer.with_soft_timeout(SECOND / 2)).await;
    crowd.clock.advance(130);
    let stale = crowd.get("/a").reply().await;
    assert_eq!(stale.text(), "old");
    sleep(2 * SECOND).await;
    feeder.data("new ");
    sleep(2 * SECOND).await;
    feeder.data("body");
    feeder.end();
    settle().await;
    let hit = crowd.get("/a").reply().await;
    assert_eq!(
        (hit.text(), hit.field("cache-status")),
        ("new body", "larder; hit; ttl=60")
    );
    assert_eq!(crowd.origin.calls(), 2);
}
