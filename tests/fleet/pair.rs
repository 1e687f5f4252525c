//! [`Pair`]: two nodes, and their links to the store.

use larder::SharedSettings;
use larder_testing::{FakeLink, FakeStore};

use crate::node::{App, Node};

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
