//! [`Pair`]: two nodes, and their links to the store.

use larder::SharedSettings;
use larder_testing::{FakeLink, FakeStore, Side};
use tokio::time::sleep;

use crate::node::{App, Node, settle};
use crate::site::millis;

pub(crate) struct Pair {
    pub(crate) store: FakeStore,
    pub(crate) links: [FakeLink; 2],
    pub(crate) one: Node,
    pub(crate) other: Node,
}

pub(crate) async fn pair(app: &App) -> Pair {
    pair_with(app, SharedSettings::new()).await
}

pub(crate) async fn pair_with(app: &App, settings: SharedSettings) -> Pair {
    let store = FakeStore::new();
    let links = [store.link(), store.link()];
    let make = |link: &FakeLink| Node::with(app, link.clone(), settings.clone(), |cache| cache);
    Pair {
        one: make(&links[0]).ready().await,
        other: make(&links[1]).ready().await,
        store,
        links,
    }
}

impl Pair {
    /// Both have what stands at a path.
    pub(crate) async fn get(&self, path: &str) {
        self.one.get(path).await;
        settle().await;
        self.other.get(path).await;
    }

    /// What `other` is told of a path that `one` has, where `one` changes it so long after `other` looked
    /// into the store, and before the answer of the store is there: that says what was there 40 milliseconds
    /// ago. With it what comes of `then`, once all know of the change.
    pub(crate) async fn change_while_looking<T>(
        &self,
        app: &App,
        after: u64,
        then: impl AsyncFnOnce() -> T,
    ) -> (String, T) {
        self.one.get("/a").await;
        settle().await;
        self.links[1].side(Side::Entries).delay_replies(millis(40));
        let change = async {
            sleep(millis(after)).await;
            let receipt = self.one.change(app, "/a").await.unwrap();
            receipt.everywhere(millis(15)).await.unwrap();
            then().await
        };
        let ((body, _), then) = tokio::join!(self.other.told("/a"), change);
        (body, then)
    }
}
