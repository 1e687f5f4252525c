//! What the store lost, or has as it was, or as nobody wrote it: nothing old comes of it.

use larder::SharedSettings;
use larder_testing::FakeStore;
use tokio::time::sleep;

use crate::node::{Node, settle};
use crate::scene::Scene;
use crate::site::{millis, secs};

/// What a log does of which the records are lost, and what a node that was cut off meanwhile makes of it.
#[tokio::test(start_paused = true)]
async fn log_that_lost_records_leaves_nothing_old() {
    let losses: [(&str, fn(&FakeStore)); 5] = [
        ("flushed", FakeStore::flush),
        ("forgotten", FakeStore::forget_log),
        ("trimmed", |store| store.trim_log(1)),
        ("rewound", |store| store.rewind_log(store.records()[0].0)),
        ("trimmed to nothing", |store| store.trim_log(0)),
    ];
    for is_cut in [false, true] {
        for (what, loss) in losses {
            let scene = Scene::new(SharedSettings::new()).await;
            if is_cut {
                scene.link.cut();
            }
            scene.good.change(&scene.app, "/a").await.unwrap();
            scene.good.change(&scene.app, "/b").await.unwrap();
            loss(&scene.store);
            sleep(millis(2)).await;
            scene.good.change(&scene.app, "/c").await.unwrap();
            sleep(secs(2)).await;
            scene.link.heal();
            sleep(secs(3)).await;
            assert_eq!(scene.asks("/a").await.0, "/a 2 ", "{what} {is_cut}");
            sleep(secs(31)).await;
            scene.is_well("/new").await;
        }
    }
}

/// A server that restarts from an old dump has old values and an old log.
#[tokio::test(start_paused = true)]
async fn store_of_yesterday_brings_nothing_back() {
    for is_cut in [false, true] {
        let scene = Scene::new(SharedSettings::new()).await;
        let dump = scene.store.snapshot();
        scene.good.change(&scene.app, "/a").await.unwrap();
        sleep(secs(60)).await;
        if is_cut {
            scene.link.cut();
        }
        scene.store.restore(&dump);
        assert!(!scene.store.keys().is_empty());
        sleep(secs(2)).await;
        scene.link.heal();
        sleep(secs(2)).await;
        let new = Node::new(&scene.app, scene.store.link()).ready().await;
        for node in [&scene.good, &scene.bad, &new] {
            assert_eq!(node.told("/a").await.0, "/a 2 ", "{is_cut}");
            settle().await;
        }
        sleep(secs(31)).await;
        scene.is_well("/new").await;
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_are_not_what_they_should_be_are_misses() {
    let scene = Scene::new(SharedSettings::new()).await;
    let key = scene.store.keys()[0];
    scene.good.get("/b").await;
    settle().await;
    let of_other = scene.store.keys().into_iter().find(|other| *other != key);
    let of_other = scene.store.value(&of_other.unwrap()).unwrap();
    let value = scene.store.value(&key).unwrap();
    let mut bad: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"x".to_vec(),
        vec![0; 10_000],
        of_other.to_vec(),
        [&value[..], b"x"].concat(),
    ];
    let step = (value.len() / 25).max(1);
    bad.extend(
        (0..value.len())
            .step_by(step)
            .map(|end| value[..end].to_vec()),
    );
    for at in (0..value.len()).step_by(step) {
        let mut bytes = value.to_vec();
        bytes[at] ^= 0x10;
        bad.push(bytes);
    }
    let count = bad.len();
    for bytes in bad {
        scene.store.corrupt(&key, bytes);
        let node = Node::new(&scene.app, scene.store.link()).ready().await;
        let calls = scene.app.calls();
        assert_eq!(node.told("/a").await.0, "/a 1 ");
        assert_eq!(scene.app.calls(), calls + 1);
        settle().await;
        let stats = node.cache.shared_stats().unwrap();
        assert_eq!(
            (stats.hits(), stats.unreadable()),
            (0, stats.unreadable().max(1))
        );
    }
    assert!(count > 50, "{count}");
}

/// A record that nobody can read may have named anything.
#[tokio::test(start_paused = true)]
async fn record_that_cannot_be_read_purges_everything() {
    use larder::shared::InvalidationLog;
    let scene = Scene::new(SharedSettings::new()).await;
    let record = bytes::Bytes::from("of another version");
    scene.store.append(&record).await.unwrap();
    settle().await;
    scene.app.change("/a");
    assert_eq!(scene.asks("/a").await.0, "/a 2 ");
    assert_eq!(
        scene.bad.cache.shared_stats().unwrap().unreadable_records(),
        1
    );
}
