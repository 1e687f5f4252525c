//! A node that does not hear from the log, and is to trust nothing for longer than the bound.

use std::time::Duration;

use larder::SharedSettings;
use larder_testing::{FakeLink, FakeStore, Side};
use tokio::time::sleep;

use crate::node::{App, Node, settle};

const BOUND: Duration = Duration::from_secs(1);

/// Two nodes, and the link of the second.
async fn two(app: &App) -> (Node, Node, FakeLink) {
    let store = FakeStore::new();
    let node = |link: FakeLink| {
        let settings = SharedSettings::new().bound(BOUND).fail_closed();
        Node::with(app, link, settings, |cache| cache).ready()
    };
    let link = store.link();
    (node(store.link()).await, node(link.clone()).await, link)
}

/// The store still gives what others have stored. Whether that was purged nobody can tell.
#[tokio::test(start_paused = true)]
async fn what_others_stored_is_no_more_trusted_than_what_is_stored_here() {
    let app = App::new();
    let (one, blind, link) = two(&app).await;
    one.get("/a").await;
    settle().await;
    link.side(Side::Log).cut();
    sleep(3 * BOUND).await;
    one.change(&app, "/a").await.unwrap();
    assert_eq!(blind.told("/a").await.0, "/a 2 ");
    let stats = blind.cache.shared_stats().unwrap();
    assert!(
        stats.hits() + stats.dead() + stats.misses() > 0,
        "the store was asked"
    );
}

/// What is being fetched was begun before the purge that the node has not heard of.
#[tokio::test(start_paused = true)]
async fn who_comes_late_to_a_long_fetch_does_not_get_it_as_fresh() {
    let app = App::new();
    app.takes(5 * BOUND);
    let (one, blind, link) = two(&app).await;
    link.cut();
    let first = tokio::spawn({
        let blind = blind.clone();
        async move { blind.told("/a").await }
    });
    sleep(2 * BOUND).await;
    one.change(&app, "/a").await.unwrap();
    sleep(BOUND + BOUND / 2).await;
    let (late, _) = blind.told("/a").await;
    assert_eq!(late, "/a 2 ");
    assert_eq!(first.await.unwrap().0, "/a 1 ");
}

/// It was begun before the purge that the node has not heard of, and is no news because it took long.
#[tokio::test(start_paused = true)]
async fn what_took_longer_than_the_bound_is_not_fresh_when_it_is_stored() {
    let app = App::new();
    app.takes(5 * BOUND);
    let (one, blind, link) = two(&app).await;
    link.cut();
    let first = tokio::spawn({
        let blind = blind.clone();
        async move { blind.told("/a").await }
    });
    sleep(2 * BOUND).await;
    one.change(&app, "/a").await.unwrap();
    assert_eq!(first.await.unwrap().0, "/a 1 ");
    app.takes(Duration::ZERO);
    assert_eq!(blind.told("/a").await.0, "/a 2 ");
}

/// What it fetches itself is good for as long as the bound, so that a store that is down does not leave the
/// application without a cache.
#[tokio::test(start_paused = true)]
async fn what_is_fetched_while_the_log_is_silent_is_used_within_the_bound() {
    let app = App::new();
    let (_, blind, link) = two(&app).await;
    link.cut();
    sleep(10 * BOUND).await;
    for round in 1..=5 {
        for _ in 0..10 {
            blind.get("/a").await;
        }
        assert_eq!(app.calls(), round);
        sleep(BOUND + BOUND / 2).await;
    }
}

/// The longer a store is down, the longer nobody asks it: but not once the log is heard again.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_there_again_is_asked_again_at_once() {
    let app = App::new();
    let (one, other, link) = two(&app).await;
    link.cut();
    for number in 0..200 {
        other.get(&format!("/{number}")).await;
        sleep(BOUND).await;
    }
    link.heal();
    sleep(BOUND).await;
    one.get("/a").await;
    settle().await;
    let (_, told) = other.told("/a").await;
    assert_eq!(told, "larder; hit; ttl=3600; detail=shared");
}
