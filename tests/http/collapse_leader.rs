//! The leader's fate is not its followers': its client may leave at any moment.

use std::pin::Pin;
use std::task::Poll;

use larder_tests::{Crowd, Reply, Slow, fed_first, get, poll_once, replies, response, settle};
use tokio::task::yield_now;
use tower::ServiceExt;

use crate::collapse::{FOLLOWER, FRESH, streamed};

/// A service with several waits before it is ready, before its head and in its body.
fn steps(finish: bool) -> Crowd {
    let origin = Slow::new(|_, _| async {
        for _ in 0..3 {
            yield_now().await;
        }
        Ok(response(200, &[FRESH], streamed(5).0))
    });
    Crowd::with_layer(origin.ready_after(2), |layer| {
        layer.with_finish_on_disconnect(finish)
    })
}

/// A client that is polled by hand.
type Leader = Pin<Box<dyn Future<Output = Reply>>>;

fn leader(crowd: &Crowd) -> Leader {
    let response = crowd.service.clone().oneshot(get("/a"));
    Box::pin(async { Reply::read(response.await.unwrap()).await })
}

/// Polls at most so many times, and lets the others go a step after each. Whether it is done.
async fn polled(leader: &mut Leader, times: usize) -> bool {
    for _ in 0..times {
        if let Poll::Ready(reply) = poll_once(leader) {
            assert_eq!(reply.body, streamed(5).1);
            return true;
        }
        yield_now().await;
    }
    false
}

/// What is left when everything is over: one call's response, and nothing under way.
async fn assert_stored_by_one_call(crowd: &Crowd) {
    let hit = crowd.get("/a").reply().await;
    assert!(hit.is_hit() && hit.body == streamed(5).1);
    let (counts, stats) = (crowd.origin.counts(), crowd.cache.stats());
    assert_eq!((counts.calls, counts.inside, counts.dropped), (1, 0, 0));
    assert_eq!(
        (stats.stored(), stats.fills(), stats.fill_bytes()),
        (1, 0, 0)
    );
}

/// The leader is polled `before` times, followed by so many, polled `after` times more and dropped.
/// `None`: it was done before anybody came. Else whether it was done before it was dropped.
async fn leave(finish: bool, followers: usize, before: usize, after: usize) -> Option<bool> {
    let crowd = steps(finish);
    let mut leader = leader(&crowd);
    if polled(&mut leader, before).await {
        return None;
    }
    let followers = crowd.send_all(followers, |_| get("/a"));
    settle().await;
    let done = polled(&mut leader, after).await;
    drop(leader);
    let followers = replies(followers).await;
    let right = followers.iter().all(|reply| reply.body == streamed(5).1);
    assert!(right, "{finish} {before} {after}");
    assert_stored_by_one_call(&crowd).await;
    Some(done)
}

#[tokio::test(start_paused = true)]
async fn leader_that_leaves_at_any_await_is_finished_for_its_followers() {
    for finish in [true, false] {
        let mut awaits = 0;
        while let Some(false) = leave(finish, 200, 1, awaits).await {
            awaits += 1;
        }
        assert!(awaits > 4, "only {awaits} awaits");
    }
}

#[tokio::test(start_paused = true)]
async fn followers_may_come_and_the_leader_leave_at_any_two_awaits() {
    for finish in [true, false] {
        let mut before = 0;
        while leave(finish, 3, before, 0).await.is_some() {
            let mut after = 1;
            while let Some(false) = leave(finish, 3, before, after).await {
                after += 1;
            }
            before += 1;
        }
        assert!(before > 4, "only {before} awaits");
    }
}

#[tokio::test(start_paused = true)]
async fn leader_that_leaves_at_any_await_is_finished_though_nobody_follows() {
    for polls in 1.. {
        let crowd = steps(true);
        let mut leader = leader(&crowd);
        let done = polled(&mut leader, polls).await;
        drop(leader);
        settle().await;
        if crowd.origin.counts().calls == 0 {
            // It only stood in line for the inner service.
            assert_eq!((polls <= 2, crowd.cache.stats().fills()), (true, 0));
            continue;
        }
        assert_stored_by_one_call(&crowd).await;
        if done {
            assert!(polls > 4, "only {polls} awaits");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn leader_that_leaves_unfollowed_is_dropped_if_so_configured() {
    let (mut cut_short, mut dropped) = (0, 0);
    for polls in 1.. {
        let crowd = steps(false);
        let mut leader = leader(&crowd);
        if polled(&mut leader, polls).await {
            assert!(cut_short > 4, "only {cut_short} awaits");
            assert_eq!(dropped, 3);
            return;
        }
        drop(leader);
        settle().await;
        let (counts, stats) = (crowd.origin.counts(), crowd.cache.stats());
        assert_eq!(counts.inside, 0);
        assert_eq!((stats.fills(), stats.fill_bytes()), (0, 0));
        // The whole body may have come before the client left.
        let stored = stats.stored() == 1;
        cut_short += usize::from(!stored);
        dropped += counts.dropped;
        let next = crowd.get("/a").reply().await;
        assert_eq!((next.is_hit(), next.body), (stored, streamed(5).1));
        let calls = counts.calls + usize::from(!stored);
        assert_eq!(crowd.origin.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn follower_that_has_yet_to_be_woken_keeps_the_body_coming() {
    let (answer, feeder) = fed_first(&[FRESH]);
    let (origin, gate) = Slow::gated(answer);
    let crowd = Crowd::with_layer(origin, |layer| layer.with_finish_on_disconnect(false));
    let (mut first, mut second) = (leader(&crowd), leader(&crowd));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    gate.open(1);
    assert!(poll_once(&mut first).is_pending());
    drop(first);
    settle().await;
    feeder.data("body");
    feeder.end();
    settle().await;
    let Poll::Ready(reply) = poll_once(&mut second) else {
        panic!("the body is complete")
    };
    assert_eq!(reply.field("cache-status"), FOLLOWER);
    assert_eq!((reply.text(), crowd.origin.calls()), ("body", 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_leave_on_many_threads_harm_nobody() {
    for round in 0..50 {
        let crowd = steps(false);
        let clients = crowd.send_all(200, |_| get("/a"));
        let (leaving, staying): (Vec<_>, Vec<_>) = clients
            .into_iter()
            .enumerate()
            .partition(|(client, _)| client % 3 == 0);
        for (client, leaving) in &leaving {
            leaving.leave();
            if client % 2 == 0 {
                yield_now().await;
            }
        }
        let staying = staying.into_iter().map(|(_, client)| client).collect();
        let right = replies(staying)
            .await
            .iter()
            .all(|reply| reply.body == streamed(5).1);
        assert!(right, "{round}");
        assert!(crowd.origin.calls() <= 1 + leaving.len(), "{round}");
    }
}
