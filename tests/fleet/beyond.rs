//! Values that are sound and say to be born where the log has not come to.

use larder::SharedSettings;
use larder::shared::{LogPosition, frame_born};
use larder_testing::{FakeStore, Side};
use larder_tests::reborn;
use tokio::time::sleep;

use crate::node::{App, Node, settle};
use crate::scene::Scene;
use crate::site::{millis, secs};

const FAR: LogPosition = LogPosition::from_bits(u64::MAX);

#[tokio::test(start_paused = true)]
async fn a_sound_value_of_a_future_that_never_came_kept_its_key_from_being_shared() {
    let store = FakeStore::new();
    let app = App::new();
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(Node::new(&app, store.link()).ready().await);
    }
    nodes[0].get("/a").await;
    settle().await;
    let key = store.keys()[0];
    let frame = store.value(&key).unwrap();
    let born = frame_born(&frame).unwrap();
    // Where it was born it is as good as before.
    assert_eq!(reborn(&frame, born).unwrap(), frame);
    store.corrupt(&key, reborn(&frame, FAR).unwrap());
    nodes[1].get("/a").await;
    assert_eq!(app.calls(), 2);
    // The log is read meanwhile, and tells of no such position.
    sleep(secs(5)).await;
    assert_eq!(nodes[1].cache.shared_stats().unwrap().unreadable(), 0);
    nodes[2].get("/a").await;
    settle().await;
    assert_eq!(
        nodes[3].told("/a").await.1,
        "larder; hit; ttl=3600; detail=shared"
    );
    assert_eq!(app.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_sound_rule_of_a_future_that_never_came_is_replaced() {
    let store = FakeStore::new();
    let app = App::new();
    app.set_fields(&[
        ("cache-control", "max-age=3600"),
        ("vary", "accept-language"),
    ]);
    let (one, other) = (
        Node::new(&app, store.link()).ready().await,
        Node::new(&app, store.link()).ready().await,
    );
    one.get("/a").await;
    settle().await;
    let rule = store.keys().into_iter().find(|key| key.variant().is_none());
    let rule = rule.unwrap();
    let frame = store.value(&rule).unwrap();
    store.corrupt(&rule, reborn(&frame, FAR).unwrap());
    // As a rule it is good.
    assert!(other.told("/a").await.1.ends_with("detail=shared"));
    sleep(secs(5)).await;
    assert_eq!(store.value(&rule), None);
    one.change(&app, "/a").await.unwrap();
    one.get("/a").await;
    settle().await;
    let born = frame_born(&store.value(&rule).unwrap());
    assert!(born < Some(FAR));
}

/// Else each purge would cost as many fills as there are nodes that have not heard of it. What tells them that
/// the log is at its end may have been on its way when the purge was made.
#[tokio::test(start_paused = true)]
async fn what_another_node_stored_before_this_one_heard_of_the_purge_stays() {
    let scene = Scene::new(SharedSettings::new()).await;
    scene.link.side(Side::Log).delay_replies(millis(300));
    let dead = || scene.bad.cache.shared_stats().unwrap().dead();
    let before = dead();
    for round in 0..20 {
        let path = format!("/{round}");
        scene.good.change(&scene.app, "/a").await.unwrap();
        scene.good.get(&path).await;
        settle().await;
        scene.bad.get(&path).await;
        sleep(millis(70)).await;
    }
    assert!(dead() > before + 10);
    sleep(secs(5)).await;
    assert_eq!(scene.store.counts().removes, 0);
}
