//! Whatever the store and the ways to it do: no request fails, none waits for it, and no purge is lost.

use std::time::Duration;

use larder::SharedSettings;
use larder_testing::Side;
use tokio::time::sleep;

use crate::scene::{Scene, faults};
use crate::site::{millis, secs};

#[tokio::test(start_paused = true)]
async fn no_request_waits_for_a_store_that_does_not_answer() {
    for (what, fault) in faults() {
        let scene = Scene::new(SharedSettings::new()).await;
        fault(&scene.link);
        scene.app.takes(millis(30));
        for at in 0..20 {
            let path = format!("/{at}");
            let (body, took) = scene.asks(&path).await;
            assert_eq!(body, format!("{path} 1 "));
            // One question for the lease, and the handler.
            assert!(took <= millis(130), "{what} {at}: {took:?}");
            sleep(millis(300)).await;
        }
        let (_, took) = scene.asks("/a").await;
        assert_eq!(took, Duration::ZERO, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn store_that_is_down_is_left_alone_but_for_a_look_now_and_then() {
    let scene = Scene::new(SharedSettings::new()).await;
    scene.link.side(Side::Entries).cut();
    let before = scene.link.counts();
    for at in 0..1000 {
        scene.asks(&format!("/{at}")).await;
        sleep(millis(60)).await;
    }
    // A minute: after five failures one look each after 1, 2, 4, 8, 16 and 30 seconds.
    let after = scene.link.counts();
    let calls = |counts: larder_testing::Counts| counts.gets + counts.puts + counts.releases;
    let made = calls(after) - calls(before);
    assert!((8..=14).contains(&made), "{made}");
    let stats = scene.bad.cache.shared_stats().unwrap();
    assert!(stats.skipped() >= 900, "{stats:?}");
    assert_eq!(stats.queued_bytes(), 0);
    scene.link.side(Side::Entries).heal();
    sleep(secs(31)).await;
    scene.is_well("/again").await;
}

#[tokio::test(start_paused = true)]
async fn memory_serves_on_while_the_store_is_emptied() {
    let scene = Scene::new(SharedSettings::new()).await;
    scene.store.forget_entries();
    for node in [&scene.good, &scene.bad] {
        assert!(node.get("/a").await.is_hit());
    }
    scene.store.evict(100, 7);
    scene.is_well("/b").await;
}

#[tokio::test(start_paused = true)]
async fn full_store_neither_fails_requests_nor_loses_purges() {
    let scene = Scene::new(SharedSettings::new().fail_closed().bound(BOUND)).await;
    scene.store.fill_up();
    assert_eq!(scene.asks("/b").await.0, "/b 1 ");
    let receipt = scene.good.change(&scene.app, "/a");
    let error = receipt.clone().await.unwrap_err();
    assert!(error.is_local_only());
    sleep(secs(10)).await;
    // The log is read on, so nobody is blind; but the purge is nowhere.
    assert_eq!(scene.asks("/a").await.0, "/a 1 ");
    scene.store.make_room();
    sleep(secs(2)).await;
    assert!(receipt.await.is_ok());
    assert_eq!(scene.asks("/a").await.0, "/a 2 ");
    sleep(secs(31)).await;
    scene.is_well("/c").await;
}

const BOUND: Duration = Duration::from_secs(2);
