//! What becomes of a body whose client has left.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use larder::{Cache, CacheLayer, ResponseBody};
use larder_tests::{Feed, Reply, Setup, feed, get, response, settle, settled};
use tower::{Layer, ServiceExt};
use tower_test::mock;

use crate::bodies::{FRESH, fed, fed_origin, next, open};

/// A cache that fetches nothing on without a client, before an origin whose first body is fed by
/// hand.
fn letting_go(fields: &[(&str, &str)]) -> (Setup, Feed) {
    let (origin, feeder) = fed_origin(fields);
    let layer = |cache| CacheLayer::new(cache).with_finish_on_disconnect(false);
    (Setup::with_layer(origin, layer), feeder)
}

const HALF: [(&str, &str); 2] = [FRESH, ("content-length", "8")];
const WHOLE: [(&str, &str); 2] = [FRESH, ("content-length", "4")];

/// Opens a body, of which half comes, and reads as much as says `read`.
async fn half(setup: &Setup, feeder: &Feed, read: bool) -> ResponseBody<Body> {
    let mut body = open(setup).await;
    feeder.data("half");
    if read {
        assert_eq!(next(&mut body).await.unwrap(), "half");
    }
    body
}

#[tokio::test]
async fn body_is_fetched_to_its_end_and_stored_without_its_client() {
    for fields in [&HALF[..1], &HALF] {
        for read in [false, true] {
            let (setup, feeder) = fed(fields);
            drop(half(&setup, &feeder, read).await);
            settle().await;
            assert!(!feeder.is_abandoned());
            assert!(setup.stored("/a").await.is_none());
            feeder.data("rest");
            settle().await;
            feeder.end();
            settle().await;
            assert_eq!(setup.stored("/a").await.unwrap().text(), "halfrest");
            assert_eq!(setup.origin.calls(), 1);
        }
    }
}

#[tokio::test]
async fn body_is_let_go_with_its_client_if_it_is_not_to_be_finished() {
    for fields in [&HALF[..1], &HALF] {
        for read in [false, true] {
            let (setup, feeder) = letting_go(fields);
            drop(half(&setup, &feeder, read).await);
            settle().await;
            assert!(feeder.is_abandoned());
            assert_eq!(setup.cache.stats().not_stored(), 1);
            assert_eq!(setup.get("/a").await.text(), "call 2");
        }
    }
}

#[tokio::test]
async fn body_that_ends_badly_after_its_client_left_is_not_stored() {
    let endings: [fn(Feed); 3] = [
        |feeder| feeder.fail(),
        Feed::end,
        |feeder| feeder.data("too much"),
    ];
    for end in endings {
        let (setup, feeder) = fed(&HALF);
        drop(half(&setup, &feeder, true).await);
        settle().await;
        end(feeder);
        settle().await;
        assert_eq!(setup.cache.stats().not_stored(), 1);
        assert_eq!(setup.get("/a").await.text(), "call 2");
    }
}

/// A server stops reading at the announced length, without asking for the end.
#[tokio::test]
async fn body_that_is_all_there_is_stored_though_its_end_is_slow_to_come() {
    for (setup, feeder) in [fed(&WHOLE), letting_go(&WHOLE)] {
        drop(half(&setup, &feeder, true).await);
        settle().await;
        assert!(feeder.is_abandoned());
        assert_eq!(setup.stored("/a").await.unwrap().text(), "half");
    }
}

#[tokio::test]
async fn body_of_which_there_is_more_than_was_announced_is_not_stored() {
    for (setup, feeder) in [fed(&WHOLE), letting_go(&WHOLE)] {
        let body = half(&setup, &feeder, true).await;
        feeder.data("more");
        drop(body);
        settle().await;
        assert!(feeder.is_abandoned());
        assert_eq!(setup.cache.stats().not_stored(), 1);
        assert_eq!(setup.get("/a").await.text(), "call 2");
    }
}

#[tokio::test]
async fn body_that_proves_too_large_is_let_go_when_nobody_reads_it() {
    let (origin, feeder) = fed_origin(&[FRESH]);
    let setup = Setup::with_cache(origin, |cache| cache.max_body_bytes(10));
    drop(half(&setup, &feeder, true).await);
    feeder.data("largest");
    settle().await;
    assert!(feeder.is_abandoned());
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

#[tokio::test]
async fn response_that_was_all_there_is_stored_though_nobody_reads_it() {
    for finish in [true, false] {
        let (origin, feeder) = fed_origin(&[FRESH]);
        let layer = |cache| CacheLayer::new(cache).with_finish_on_disconnect(finish);
        let setup = Setup::with_layer(origin, layer);
        feeder.data("all");
        feeder.end();
        drop(open(&setup).await);
        assert_eq!(setup.stored("/a").await.unwrap().text(), "all");
    }
}

#[tokio::test]
async fn client_that_leaves_does_not_take_the_body_from_another() {
    let (setup, feeder) = letting_go(&[FRESH]);
    let first = half(&setup, &feeder, true).await;
    let second = open(&setup).await;
    drop(first);
    settle().await;
    assert!(!feeder.is_abandoned());
    feeder.data("rest");
    feeder.end();
    let read = second.collect().await.unwrap().to_bytes();
    assert_eq!(read, "halfrest");
    assert_eq!(setup.stored("/a").await.unwrap().text(), "halfrest");
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test]
async fn client_that_comes_after_another_left_reads_the_same_body() {
    let (setup, feeder) = fed(&[FRESH]);
    drop(half(&setup, &feeder, true).await);
    settle().await;
    let mut late = open(&setup).await;
    assert_eq!(next(&mut late).await.unwrap(), "half");
    feeder.data("rest");
    feeder.end();
    assert_eq!(next(&mut late).await.unwrap(), "rest");
    assert_eq!(next(&mut late).await, None);
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn body_is_given_up_when_it_takes_too_long_without_a_client() {
    let (setup, feeder) = fed(&[FRESH]);
    drop(half(&setup, &feeder, true).await);
    for _ in 0..59 {
        settle().await;
        tokio::time::advance(Duration::from_secs(1)).await;
        feeder.data("drop");
    }
    settle().await;
    assert!(!feeder.is_abandoned());
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(1)).await;
        feeder.data("drop");
        settle().await;
    }
    assert!(feeder.is_abandoned());
    assert_eq!(setup.cache.stats().not_stored(), 1);
}

#[tokio::test]
async fn bodies_without_a_client_take_places_in_the_background() {
    let (origin, feeder) = fed_origin(&[FRESH]);
    let setup = Setup::with_cache(origin, |cache| cache.max_background(0));
    drop(half(&setup, &feeder, true).await);
    settle().await;
    assert!(feeder.is_abandoned());
    assert_eq!(setup.get("/a").await.text(), "call 2");
}

#[tokio::test]
async fn client_that_leaves_does_not_take_the_body_from_those_who_are_about_to_read_it() {
    let (inner, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    let cache = Cache::builder().build();
    let service = CacheLayer::new(cache.clone()).with_finish_on_disconnect(false);
    let service = service.layer(inner);
    let mut first = Box::pin(service.clone().oneshot(get("/a")));
    let mut second = Box::pin(service.clone().oneshot(get("/a")));
    assert!(settled(&mut first).await.is_none());
    assert!(settled(&mut second).await.is_none());
    let (feeder, body) = feed();
    let (_, send) = handle.next_request().await.unwrap();
    send.send_response(response(200, &[FRESH], body));
    let head = settled(&mut first).await.unwrap();
    drop(head);
    settle().await;
    assert!(!feeder.is_abandoned());
    feeder.data("whole");
    feeder.end();
    let reply = Reply::read(second.await.unwrap()).await;
    assert_eq!(reply.text(), "whole");
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=uri-miss; collapsed"
    );
    assert_eq!(cache.stats().stored(), 1);
}
