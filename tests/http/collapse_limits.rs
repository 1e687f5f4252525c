//! How many may wait, for how long, and for how much.

use std::time::Duration;

use bytes::Bytes;
use larder_tests::{Crowd, Feed, Reply, Slow, fed_first, get, replies, response, settle};
use tokio::time::sleep;

use crate::collapse::{FOLLOWER, FRESH, LEADER, told};

const SECOND: Duration = Duration::from_secs(1);

/// What a follower is told that waited in vain.
const WAITED: &str = "larder; fwd=uri-miss; stored; collapsed=?0";

/// A cache in front of a service whose first body is fed by hand.
fn fed(set: impl FnOnce(larder::CacheBuilder) -> larder::CacheBuilder) -> (Crowd, Feed) {
    let (answer, feeder) = fed_first(&[FRESH]);
    let origin = Slow::new(move |seen, before| std::future::ready(Ok(answer(&seen, before))));
    (Crowd::with_cache(origin, set), feeder)
}

fn bytes(count: usize) -> Bytes {
    Bytes::from(vec![b'x'; count])
}

#[tokio::test(start_paused = true)]
async fn followers_beyond_the_limit_go_forward_at_once() {
    let (origin, gate) = Slow::gated(|_, _| response(200, &[FRESH], "body"));
    let crowd = Crowd::with_cache(origin, |cache| cache.max_followers(5));
    let clients = crowd.send_all(10, |_| get("/a"));
    settle().await;
    assert_eq!(crowd.origin.counts().inside, 1 + 4);
    // Who leaves makes room.
    clients[1].leave();
    settle().await;
    let late = crowd.send_all(2, |_| get("/a"));
    settle().await;
    assert_eq!(crowd.origin.counts().inside, 1 + 4 + 1);
    gate.open(6);
    let stayed = clients
        .into_iter()
        .enumerate()
        .filter(|(client, _)| *client != 1);
    let stayed = stayed.map(|(_, client)| client).chain(late);
    let replies = replies(stayed.collect()).await;
    assert!(replies.iter().all(|reply| reply.text() == "body"));
    assert_eq!((told(&replies, LEADER), told(&replies, FOLLOWER)), (6, 5));
}

#[tokio::test(start_paused = true)]
async fn followers_go_forward_when_they_have_waited_long_enough() {
    let (origin, gate) = Slow::gated(|_, before| response(200, &[FRESH], before.to_string()));
    let crowd = Crowd::with_cache(origin, |cache| cache.collapse_timeout(3 * SECOND));
    let leader = crowd.get("/a");
    settle().await;
    let followers = crowd.send_all(10, |_| get("/a"));
    sleep(2 * SECOND).await;
    let late = crowd.get("/a");
    sleep(SECOND / 2).await;
    assert_eq!(crowd.origin.counts().inside, 1);
    sleep(SECOND).await;
    assert_eq!(crowd.origin.counts().inside, 11);
    gate.open(11);
    let followers = replies(followers).await;
    assert_eq!(told(&followers, WAITED), 10);
    assert!(followers.iter().all(|reply| reply.text() != "0"));
    assert_eq!(leader.reply().await.field("cache-status"), LEADER);
    assert_eq!(late.reply().await.field("cache-status"), FOLLOWER);
}

#[tokio::test(start_paused = true)]
async fn followers_wait_as_long_as_it_takes_for_the_body() {
    let (crowd, feeder) = fed(|cache| cache.collapse_timeout(3 * SECOND));
    let clients = crowd.send_all(10, |_| get("/a"));
    for piece in ["a", "b", "c"] {
        sleep(3600 * SECOND / 2).await;
        feeder.data(piece);
    }
    feeder.end();
    let replies = replies(clients).await;
    assert!(replies.iter().all(|reply| reply.text() == "abc"));
    assert_eq!(crowd.origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn response_without_room_in_the_budget_is_everybodys_own() {
    let (crowd, feeder) = fed(|cache| cache.max_fill_bytes(100));
    feeder.data(bytes(101));
    let leader = crowd.open(get("/a")).await.unwrap().unwrap();
    // The budget is short now; that says nothing about the key.
    assert_eq!(crowd.cache.stats().uncacheable(), 0);
    let followers = crowd.send_all(10, |_| get("/a"));
    settle().await;
    feeder.data("the rest");
    feeder.end();
    let leader = Reply::read(leader).await;
    let status = "larder; fwd=uri-miss; detail=fill-budget";
    assert_eq!(
        (leader.body.len(), leader.field("cache-status")),
        (109, status)
    );
    let followers = replies(followers).await;
    assert!(
        followers
            .iter()
            .all(|reply| reply.text().starts_with("call "))
    );
    assert!(crowd.get("/a").reply().await.is_hit());
}

#[tokio::test(start_paused = true)]
async fn body_that_outgrows_the_budget_flows_on_and_harms_no_other() {
    let (first, first_feeder) = fed_first(&[FRESH]);
    let (second, second_feeder) = fed_first(&[FRESH]);
    let origin = Slow::new(move |seen, before| {
        let answer = match seen.uri.path() {
            "/a" => first(&seen, before),
            _ => second(&seen, before),
        };
        std::future::ready(Ok(answer))
    });
    let crowd = Crowd::with_cache(origin, |cache| cache.max_fill_bytes(100));
    let readers = crowd.send_all(10, |_| get("/a"));
    let others = crowd.send_all(10, |_| get("/b"));
    settle().await;
    first_feeder.data(bytes(60));
    second_feeder.data(bytes(40));
    settle().await;
    assert_eq!(crowd.cache.stats().fill_bytes(), 100);
    first_feeder.data(bytes(60));
    settle().await;
    assert_eq!(crowd.cache.stats().uncacheable(), 0);
    let late = crowd.get("/a").reply().await;
    assert_eq!((late.text(), late.is_stored()), ("call 3", true));
    second_feeder.data(bytes(50));
    first_feeder.data(bytes(1_000));
    first_feeder.end();
    second_feeder.end();
    for (clients, length) in [(readers, 1_120), (others, 90)] {
        let replies = replies(clients).await;
        assert!(replies.iter().all(|reply| reply.body.len() == length));
    }
    assert!(crowd.get("/b").reply().await.is_hit());
    let stats = crowd.cache.stats();
    assert_eq!((stats.not_stored(), stats.uncacheable()), (1, 0));
    assert_eq!((stats.fills(), stats.fill_bytes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn body_that_outgrows_the_limit_is_read_by_who_has_it_and_late_comers_go_forward() {
    let (crowd, feeder) = fed(|cache| cache.max_body_bytes(1_000));
    let readers = crowd.send_all(10, |_| get("/a"));
    settle().await;
    feeder.data(bytes(1_000));
    settle().await;
    assert_eq!(crowd.origin.calls(), 1);
    assert_eq!(crowd.cache.stats().fill_bytes(), 1_000);
    feeder.data(bytes(1));
    settle().await;
    let stats = crowd.cache.stats();
    assert_eq!((stats.fills(), stats.not_stored()), (0, 1));
    assert_eq!((stats.uncacheable(), stats.fill_bytes()), (1, 0));
    assert_eq!(crowd.get("/a").reply().await.text(), "call 2");
    feeder.data(bytes(99_000));
    feeder.end();
    let replies = replies(readers).await;
    assert!(replies.iter().all(|reply| reply.body.len() == 100_001));
}
