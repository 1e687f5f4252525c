//! The leader fails: its handler panics, errs or takes too long, or its body breaks off.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use larder_tests::{
    Client, Crowd, Down, Gate, Reply, Slow, fed_first, get, is_broken, replies, response, settle,
};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tower::timeout::Timeout;

use crate::collapse::FRESH;

const SECOND: Duration = Duration::from_secs(1);

/// Fails as told at the first calls, and answers the later ones with `body`.
fn failing(first: usize, fail: fn() -> Result<(), Down>) -> Crowd {
    Crowd::new(Slow::new(move |_, before| async move {
        sleep(SECOND).await;
        if before < first {
            fail()?;
        }
        Ok(response(200, &[FRESH], "body"))
    }))
}

/// A leader and so many followers.
fn led(crowd: &Crowd, followers: usize) -> (Client, Vec<Client>) {
    (crowd.get("/a"), crowd.send_all(followers, |_| get("/a")))
}

fn assert_right(replies: &[Reply]) {
    assert!(replies.iter().all(|reply| reply.text() == "body"));
}

#[tokio::test(start_paused = true)]
async fn panic_reaches_the_leader_and_one_follower_takes_over() {
    let crowd = failing(1, || panic!("a bug of the handler"));
    let (leader, followers) = led(&crowd, 1_000);
    assert!(leader.is_panic().await);
    assert_right(&replies(followers).await);
    let counts = crowd.origin.counts();
    assert_eq!((counts.calls, counts.overlap), (2, 1));
    assert!(crowd.get("/a").reply().await.is_hit());
}

#[tokio::test(start_paused = true)]
async fn panic_after_the_leader_left_frees_its_followers() {
    let crowd = failing(1, || panic!("a bug of the handler"));
    let (leader, followers) = led(&crowd, 1_000);
    settle().await;
    leader.leave();
    assert_right(&replies(followers).await);
    assert_eq!(crowd.origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn error_reaches_the_leader_and_one_follower_takes_over() {
    let crowd = failing(1, || Err(Down));
    let (leader, followers) = led(&crowd, 1_000);
    assert_eq!(leader.result().await.unwrap_err(), Down);
    assert_right(&replies(followers).await);
    let counts = crowd.origin.counts();
    assert_eq!((counts.calls, counts.overlap), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn followers_of_a_service_that_keeps_failing_try_for_a_bounded_time() {
    let crowd = failing(usize::MAX, || Err(Down));
    let clients = crowd.send_all(100, |_| get("/a"));
    // One after the other at first, then everybody still there by himself.
    for calls in 1..=4 {
        settle().await;
        assert_eq!(crowd.origin.calls(), calls);
        sleep(SECOND).await;
    }
    settle().await;
    assert_eq!(crowd.origin.calls(), 100);
    for client in clients {
        assert_eq!(client.result().await.unwrap_err(), Down);
    }
    // Nobody called twice.
    assert_eq!(crowd.origin.calls(), 100);
    let stats = crowd.cache.stats();
    assert_eq!((stats.errors(), stats.uncacheable()), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn leader_that_times_out_is_finished_for_its_followers() {
    for finish in [true, false] {
        let origin = Slow::second(|_, _| response(200, &[FRESH], "body"));
        let crowd = Crowd::with_layer(origin, |layer| layer.with_finish_on_disconnect(finish));
        let hasty = Timeout::new(crowd.service.clone(), SECOND / 2);
        let leader = tokio::spawn(hasty.oneshot(get("/a")));
        settle().await;
        let followers = crowd.send_all(200, |_| get("/a"));
        let error = leader.await.unwrap().unwrap_err();
        assert!(error.is::<tower::timeout::error::Elapsed>());
        assert_right(&replies(followers).await);
        let counts = crowd.origin.counts();
        assert_eq!((counts.calls, counts.dropped), (1, 0));
        assert!(crowd.get("/a").reply().await.is_hit());
    }
}

#[tokio::test(start_paused = true)]
async fn response_is_stored_although_every_client_timed_out() {
    let crowd = Crowd::new(Slow::second(|_, _| response(200, &[FRESH], "body")));
    let hasty = Timeout::new(crowd.service.clone(), SECOND / 2);
    let all: Vec<_> = (0..100)
        .map(|_| tokio::spawn(hasty.clone().oneshot(get("/a"))))
        .collect();
    for client in all {
        assert!(client.await.unwrap().is_err());
    }
    sleep(SECOND).await;
    assert!(crowd.get("/a").reply().await.is_hit());
    assert_eq!(crowd.origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn handler_that_never_answers_is_dropped_in_the_end() {
    let crowd = Crowd::new(Slow::gated(|_, _| response(200, &[FRESH], "body")).0);
    let leader = crowd.get("/a");
    settle().await;
    leader.leave();
    sleep(59 * SECOND).await;
    assert_eq!(crowd.origin.counts().inside, 1);
    sleep(2 * SECOND).await;
    assert_eq!(crowd.origin.counts().dropped, 1);
    assert_eq!(crowd.cache.stats().fills(), 0);
}

/// Reads until the body breaks off, and tells what came before and how it broke off.
async fn read_broken(
    client: tokio::task::JoinHandle<larder_tests::Answered>,
) -> (Bytes, larder::BodyError) {
    let mut body = client.await.unwrap().unwrap().into_body();
    let mut read = Vec::new();
    loop {
        let frame = timeout(60 * SECOND, body.frame())
            .await
            .expect("nobody hangs");
        match frame.expect("no clean end") {
            Ok(frame) => read.extend_from_slice(&frame.into_data().unwrap()),
            Err(error) => {
                assert!(body.frame().await.is_none());
                return (read.into(), error);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn body_that_breaks_off_breaks_off_for_everybody() {
    for fields in [&[FRESH][..], &[FRESH, ("content-length", "6")]] {
        let (answer, feeder) = fed_first(fields);
        let crowd = Crowd::new(Slow::second(answer));
        let clients: Vec<_> = (0..100).map(|_| crowd.open(get("/a"))).collect();
        feeder.data("half");
        sleep(2 * SECOND).await;
        feeder.fail();
        for client in clients {
            let (read, error) = read_broken(client).await;
            assert_eq!(read, "half");
            assert!(is_broken(&error));
        }
        let stats = crowd.cache.stats();
        assert_eq!(
            (stats.stored(), stats.responses(), stats.fills()),
            (0, 0, 0)
        );
        assert_eq!((stats.not_stored(), stats.fill_bytes()), (1, 0));
        assert_eq!(crowd.origin.calls(), 1);
        let next = crowd.open(get("/a")).await.unwrap().unwrap();
        assert_eq!(
            next.headers()["cache-status"],
            "larder; fwd=uri-miss; stored"
        );
        assert_eq!(crowd.origin.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn body_that_breaks_off_at_once_breaks_off_for_the_leader_only() {
    let (answer, feeder) = fed_first(&[FRESH]);
    let crowd = Crowd::new(Slow::second(answer));
    feeder.data("half");
    feeder.fail();
    let leader = crowd.open(get("/a"));
    let followers = crowd.send_all(100, |_| get("/a"));
    let (read, error) = read_broken(leader).await;
    assert_eq!(read, "half");
    assert!(is_broken(&error));
    // None of them has seen a head yet.
    let replies = replies(followers).await;
    assert!(replies.iter().all(|reply| reply.text() == "call 2"));
    assert_eq!(crowd.origin.calls(), 2);
}

/// A body of two pieces, the second of which comes when `gate` lets it, and panics.
fn panicking(gate: Gate) -> Body {
    Body::from_stream(stream::unfold(0, move |piece| {
        let gate = gate.clone();
        async move {
            if piece > 0 {
                gate.pass().await;
                panic!("a bug of the body");
            }
            Some((Ok::<_, Down>(Bytes::from_static(b"half")), piece + 1))
        }
    }))
}

/// The first body panics, the next one does not.
fn with_panicking_body() -> (Crowd, Gate) {
    let gate = Gate::default();
    let passed = gate.clone();
    let crowd = Crowd::new(Slow::second(move |_, before| match before {
        0 => response(200, &[FRESH], panicking(passed.clone())),
        _ => response(200, &[FRESH], "body"),
    }));
    (crowd, gate)
}

#[tokio::test(start_paused = true)]
async fn panic_of_the_body_breaks_it_off_for_everybody() {
    let (crowd, gate) = with_panicking_body();
    let clients: Vec<_> = (0..100).map(|_| crowd.open(get("/a"))).collect();
    sleep(2 * SECOND).await;
    gate.open(1);
    for client in clients {
        let (read, error) = read_broken(client).await;
        assert_eq!(read, "half");
        assert!(error.to_string().contains("panicked"), "{error}");
    }
    let stats = crowd.cache.stats();
    assert_eq!(
        (stats.stored(), stats.fills(), stats.fill_bytes()),
        (0, 0, 0)
    );
    assert_eq!(crowd.get("/a").reply().await.text(), "body");
    assert_eq!(crowd.origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn panic_of_the_body_before_the_head_is_out_is_one_of_the_handler() {
    let (crowd, gate) = with_panicking_body();
    gate.open(1);
    let (leader, followers) = led(&crowd, 100);
    assert!(leader.is_panic().await);
    assert_right(&replies(followers).await);
    assert_eq!(crowd.origin.calls(), 2);
}
