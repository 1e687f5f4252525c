//! Whatever the store and the ways to it do: no request fails, none waits for it, and nothing that was
//! purged is fresh for longer than it may be.

use std::time::Duration;

use larder::SharedSettings;
use larder_testing::{FakeLink, FakeStore, Side};
use tokio::time::{Instant, sleep};

use crate::node::{App, Node, settle};
use crate::site::{millis, secs};

const BOUND: Duration = Duration::from_secs(2);

/// One whose link does what it should, and one whose link does not. Both have the first version.
struct Scene {
    app: App,
    store: FakeStore,
    good: Node,
    bad: Node,
    link: FakeLink,
}

impl Scene {
    async fn new(settings: SharedSettings) -> Self {
        Self::on(FakeStore::new(), settings).await
    }

    async fn on(store: FakeStore, settings: SharedSettings) -> Self {
        let app = App::new();
        let link = store.link();
        let make = |link| Node::with(&app, link, settings.clone(), |cache| cache);
        let good = make(store.link()).ready().await;
        let bad = make(link.clone()).ready().await;
        good.get("/a").await;
        settle().await;
        assert_eq!(bad.told("/a").await.0, "/a 1 ");
        sleep(secs(1)).await;
        Self {
            app,
            store,
            good,
            bad,
            link,
        }
    }

    /// What the bad one answers, and how long that took.
    async fn asks(&self, path: &str) -> (String, Duration) {
        let begun = Instant::now();
        let (body, _) = self.bad.told(path).await;
        (body, begun.elapsed())
    }

    /// How long after a purge was acknowledged the bad one goes on serving what is older.
    async fn lasts(&self) -> Duration {
        self.good.change(&self.app, "/a").await.unwrap();
        let acknowledged = Instant::now();
        let mut last = Duration::ZERO;
        while acknowledged.elapsed() < secs(60) {
            let at = acknowledged.elapsed();
            let (body, told) = self.bad.told("/a").await;
            if body == "/a 1 " {
                assert!(!told.contains("ttl=-"), "{told}");
                last = at;
            }
            sleep(millis(10)).await;
        }
        last
    }

    /// They share again.
    async fn is_well(&self, path: &str) {
        let calls = self.app.calls();
        self.good.get(path).await;
        settle().await;
        let (_, told) = self.bad.told(path).await;
        assert_eq!(told, "larder; hit; ttl=3600; detail=shared");
        assert_eq!(self.app.calls(), calls + 1);
    }
}

fn faults() -> Vec<(&'static str, fn(&FakeLink))> {
    vec![
        ("cut", FakeLink::cut),
        ("freeze", FakeLink::freeze),
        ("delay", |link| link.delay(secs(2))),
        ("delay of replies", |link| link.delay_replies(secs(2))),
        ("lost replies", |link| link.lose_replies(true)),
        ("cut log", |link| link.side(Side::Log).cut()),
        ("frozen log", |link| link.side(Side::Log).freeze()),
        ("log that loses replies", |link| {
            link.side(Side::Log).lose_replies(true);
        }),
        ("log that is slow", |link| {
            link.side(Side::Log).delay_replies(secs(2));
        }),
    ]
}

fn mend(link: &FakeLink) {
    link.heal();
    link.thaw();
    link.delay(Duration::ZERO);
    link.delay_replies(Duration::ZERO);
    link.lose_replies(false);
}

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
