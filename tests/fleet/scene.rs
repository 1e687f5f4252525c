//! [`Scene`]: a node whose link does what it should, and one whose link does not.

use std::time::Duration;

use larder::SharedSettings;
use larder_testing::{FakeLink, FakeStore, Side};
use tokio::time::{Instant, sleep};

use crate::node::{App, Node, settle};
use crate::site::{millis, secs};

/// One whose link does what it should, and one whose link does not. Both have the first version.
pub(crate) struct Scene {
    pub(crate) app: App,
    pub(crate) store: FakeStore,
    pub(crate) good: Node,
    pub(crate) bad: Node,
    pub(crate) link: FakeLink,
}

impl Scene {
    pub(crate) async fn new(settings: SharedSettings) -> Self {
        Self::on(FakeStore::new(), settings).await
    }

    pub(crate) async fn on(store: FakeStore, settings: SharedSettings) -> Self {
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
    pub(crate) async fn asks(&self, path: &str) -> (String, Duration) {
        let begun = Instant::now();
        let (body, _) = self.bad.told(path).await;
        (body, begun.elapsed())
    }

    /// How long after a purge was acknowledged the bad one goes on serving what is older.
    pub(crate) async fn lasts(&self) -> Duration {
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
    pub(crate) async fn is_well(&self, path: &str) {
        let calls = self.app.calls();
        self.good.get(path).await;
        settle().await;
        let (_, told) = self.bad.told(path).await;
        assert_eq!(told, "larder; hit; ttl=3600; detail=shared");
        assert_eq!(self.app.calls(), calls + 1);
    }
}

pub(crate) fn faults() -> Vec<(&'static str, fn(&FakeLink))> {
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

pub(crate) fn mend(link: &FakeLink) {
    link.heal();
    link.thaw();
    link.delay(Duration::ZERO);
    link.delay_replies(Duration::ZERO);
    link.lose_replies(false);
}
