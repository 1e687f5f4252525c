//! Another server takes over: under sentinels, and in a cluster. A purge is acknowledged when a replica has
//! it too.

use larder_servers::{Cluster, Kind, Sentinels};

use crate::lost::LOG;
use crate::on_both;
use crate::scene::Scene;
use crate::servers::{BOUND, Way};

on_both!([
    a_master_that_dies_under_sentinels
    a_master_that_is_replaced_under_sentinels
    a_master_with_the_log_that_dies_in_a_cluster
    a_master_without_the_log_that_dies_in_a_cluster
    a_log_that_moves_to_another_master_that_lives
]);

async fn sentinels(kind: Kind) -> Option<(Sentinels, Scene)> {
    let servers = Sentinels::start_or_skip_of(kind).await?;
    let way = |_| Way::sentinel(servers.urls(), servers.master_name());
    let scene = Scene::new(way).await;
    Some((servers, scene))
}

async fn cluster(kind: Kind) -> Option<(Cluster, Scene)> {
    let cluster = Cluster::start_or_skip_of(kind).await?;
    let scene = Scene::new(|_| Way::cluster(cluster.urls())).await;
    Some((cluster, scene))
}

async fn a_master_that_dies_under_sentinels(kind: Kind) {
    let Some((servers, scene)) = sentinels(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            let old = servers.kill_master().await.addr();
            servers.wait_for_new_master(old).await;
            scene.go_on(2 * BOUND).await;
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
}

async fn a_master_that_is_replaced_under_sentinels(kind: Kind) {
    let Some((servers, scene)) = sentinels(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            servers.failover().await;
            scene.go_on(2 * BOUND).await;
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
}

async fn a_master_with_the_log_that_dies_in_a_cluster(kind: Kind) {
    let Some((cluster, scene)) = cluster(kind).await else {
        return;
    };
    scene
        .play(async |scene| {
            cluster.kill_master_of(LOG).await;
            cluster.wait_ok().await;
            scene.go_on(2 * BOUND).await;
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
}

async fn a_master_without_the_log_that_dies_in_a_cluster(kind: Kind) {
    let Some((cluster, scene)) = cluster(kind).await else {
        return;
    };
    let of_log = cluster.master_of(LOG).await.addr();
    let mut keys = ["a", "b", "c", "d", "e", "f"].iter();
    let other = loop {
        let key = keys.next().expect("a key on another master");
        if cluster.master_of(key).await.addr() != of_log {
            break key;
        }
    };
    scene
        .play(async |scene| {
            cluster.kill_master_of(other).await;
            cluster.wait_ok().await;
            scene.go_on(BOUND).await;
        })
        .await;
    assert_eq!(scene.breaks(), 0, "the log went on");
}

/// No connection breaks: whoever reads the log and appends to it has to be told that it moved, or to look.
async fn a_log_that_moves_to_another_master_that_lives(kind: Kind) {
    let Some((cluster, scene)) = cluster(kind).await else {
        return;
    };
    let old = cluster.master_of(LOG).await.addr();
    scene
        .play(async |scene| {
            // A connection that is new is not given up at once.
            scene.go_on(3 * BOUND).await;
            let new = cluster.move_slot_of(LOG).await;
            assert_ne!(new.addr(), old);
            scene.go_on(2 * BOUND).await;
        })
        .await;
    assert_eq!(scene.breaks(), 0, "the log went on");
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
}
