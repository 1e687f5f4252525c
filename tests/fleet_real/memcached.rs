//! The same with Memcached, which is asked for purges now and then and may lose everything.

use std::time::Duration;

use larder_servers::Memcached;

use crate::scene::Scene;
use crate::servers::{BOUND, Way};

const OUTAGE: Duration = Duration::from_millis(1500);

async fn scene() -> Option<(Memcached, Scene)> {
    let server = Memcached::start_or_skip().await?;
    let scene = Scene::through_proxies(server.addr(), |_, addr| Way::memcached(addr)).await;
    Some((server, scene))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            server.pause();
            scene.go_on(OUTAGE).await;
            server.resume();
        })
        .await;
    assert!(scene.sum(|stats| stats.log_failures()) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still() {
    let Some((_server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            let still = scene.stop(1).await;
            scene.go_on(OUTAGE).await;
            scene.go(still);
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_is_cut_off() {
    let Some((_server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            scene.nodes[1].proxy().cut().await;
            scene.go_on(OUTAGE).await;
            assert!(scene.stats(1).queued_purges() > 0);
            scene.nodes[1].proxy().heal().await;
            scene.go_on(BOUND).await;
        })
        .await;
    assert!(scene.stats(1).log_failures() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_hears_nothing() {
    let Some((_server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            scene.nodes[2].proxy().freeze();
            scene.go_on(OUTAGE).await;
            scene.nodes[2].proxy().thaw();
            scene.go_on(BOUND).await;
        })
        .await;
    assert!(scene.stats(2).log_failures() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            server.kill();
            scene.go_on(2 * BOUND).await;
            server.restart().await;
            scene.go_on(BOUND).await;
        })
        .await;
    assert!(scene.breaks() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_flushed() {
    let Some((server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            for _ in 0..3 {
                server.command("flush_all\r\n").await;
                scene.go_on(BOUND / 2).await;
            }
        })
        .await;
    assert!(scene.breaks() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_slow() {
    let Some((_server, scene)) = scene().await else {
        return;
    };
    scene
        .play(async |scene| {
            for node in &scene.nodes {
                node.proxy().delay(Duration::from_secs(2));
            }
            scene.go_on(2 * OUTAGE).await;
            for node in &scene.nodes {
                node.proxy().delay(Duration::ZERO);
            }
        })
        .await;
    assert!(scene.sum(|stats| stats.failures() + stats.skipped()) > 0);
}
