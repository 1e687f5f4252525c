//! Whatever the ways to the store do: nothing that was purged is fresh for longer than it may be.

use std::time::Duration;

use larder::SharedSettings;
use larder_testing::{FakeStore, Side};
use tokio::time::sleep;

use crate::scene::{Scene, faults, mend};
use crate::site::{millis, secs};

const BOUND: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn who_fails_closed_misses_no_purge_for_longer_than_the_bound() {
    for (what, fault) in faults() {
        let scene = Scene::new(SharedSettings::new().fail_closed().bound(BOUND)).await;
        fault(&scene.link);
        // What was under way arrives, or does not.
        sleep(millis(600)).await;
        let last = scene.lasts().await;
        assert!(last <= BOUND, "{what}: {last:?}");
        // It does serve meanwhile.
        assert!(last >= BOUND / 4, "{what}: {last:?}");
        mend(&scene.link);
        sleep(secs(40)).await;
        scene.is_well("/new").await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_fails_open_misses_no_purge_for_longer_than_the_bound_and_what_was_allowed() {
    for (what, fault) in faults() {
        let settings = SharedSettings::new().fail_open(secs(10)).bound(BOUND);
        let scene = Scene::new(settings).await;
        fault(&scene.link);
        // What was under way arrives, or does not.
        sleep(millis(600)).await;
        let last = scene.lasts().await;
        assert!(last <= BOUND + secs(10), "{what}: {last:?}");
        assert!(last >= secs(10), "{what}: {last:?}");
    }
}

/// What comes late tells of when it was asked for.
#[tokio::test(start_paused = true)]
async fn bound_counts_from_when_the_log_was_asked_and_not_from_its_answer() {
    let scene = Scene::new(SharedSettings::new().fail_closed().bound(BOUND)).await;
    let log = scene.link.side(Side::Log);
    log.delay_replies(millis(450));
    sleep(secs(3)).await;
    let reads = scene.link.counts().reads;
    while scene.link.counts().reads == reads {
        sleep(millis(1)).await;
    }
    // The log has waited for half a second, and has answered that there is nothing.
    sleep(millis(550)).await;
    let cut = async {
        sleep(millis(410)).await;
        log.cut();
    };
    let (last, ()) = tokio::join!(scene.lasts(), cut);
    assert!(last >= secs(1) && last <= BOUND, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn log_that_is_polled_keeps_the_bound_too() {
    let store = FakeStore::polled(millis(300));
    let scene = Scene::on(store, SharedSettings::new().fail_closed().bound(BOUND)).await;
    assert!(scene.lasts().await <= millis(310));
    sleep(secs(1)).await;
    let scene = Scene::on(
        FakeStore::polled(millis(300)),
        SharedSettings::new().fail_closed().bound(BOUND),
    )
    .await;
    scene.link.cut();
    assert!(scene.lasts().await <= BOUND);
}
