//! One fill for all nodes, and what becomes of it when something happens to it.

use futures_util::future::join_all;
use larder::{Purge, SharedSettings};
use larder_testing::{FakeLink, FakeStore, Side};
use tokio::time::{Instant, sleep, timeout};

use crate::node::{App, Node, settle};
use crate::site::{Site, millis, secs};

async fn nodes(app: &App, store: &FakeStore, count: usize) -> Vec<(Node, FakeLink)> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        let link = store.link();
        nodes.push((Node::new(app, link.clone()).ready().await, link));
    }
    nodes
}

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_of_fifty_nodes_cost_one_call_and_no_time() {
    let (app, store) = (App::new(), FakeStore::new());
    let nodes = nodes(&app, &store, 50).await;
    app.takes(millis(150));
    let begun = Instant::now();
    let clients = nodes
        .iter()
        .flat_map(|(node, _)| (0..20).map(|_| node.told("/a")));
    let answers = join_all(clients).await;
    assert!(begun.elapsed() < millis(300), "{:?}", begun.elapsed());
    assert!(answers.iter().all(|(body, _)| body == "/a 1 "));
    assert_eq!(app.calls(), 1);
    // No node asked the store for more than one of its clients.
    let wishes = store.counts().wishes;
    assert!(wishes <= 50 * 12, "{wishes}");
}

#[tokio::test(start_paused = true)]
async fn node_that_dies_is_waited_for_as_long_as_its_lease_lasts() {
    let (app, store) = (App::new(), FakeStore::new());
    let mut nodes = nodes(&app, &store, 3).await;
    app.takes(secs(3600));
    let (dying, link) = nodes.pop().unwrap();
    let fill = timeout(millis(100), dying.told("/a")).await;
    assert!(fill.is_err());
    // Nothing of it is heard any more.
    link.cut();
    app.takes(millis(50));
    let begun = Instant::now();
    let answers = join_all(nodes.iter().map(|(node, _)| node.told("/a"))).await;
    assert!(answers.iter().all(|(body, _)| body == "/a 1 "));
    let waited = begun.elapsed();
    assert!(millis(4500) < waited && waited < millis(5300), "{waited:?}");
    assert_eq!(app.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn fill_that_is_given_up_lets_another_node_try_at_once() {
    let site = Site::with(&[("cache-control", "max-age=60")]);
    let store = FakeStore::new();
    let make = async || {
        let settings = SharedSettings::new();
        let node = site.node_with(store.link(), settings, |layer| {
            layer.with_finish_on_disconnect(false)
        });
        node.ready().await
    };
    let (one, other) = (make().await, make().await);
    site.takes(secs(3600));
    assert!(timeout(millis(100), one.told("/a")).await.is_err());
    site.takes(millis(10));
    let begun = Instant::now();
    assert_eq!(other.told("/a").await.0, "/a 2");
    assert!(begun.elapsed() <= millis(120), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_purge_does_not_wait_for_a_fill_of_before_on_another_node() {
    let (app, store) = (App::new(), FakeStore::new());
    let nodes = nodes(&app, &store, 3).await;
    app.takes(secs(3));
    let ask = async |at: usize, after: u64| {
        sleep(millis(after)).await;
        let begun = Instant::now();
        let (body, _) = nodes[at].0.told("/a").await;
        (body, begun.elapsed())
    };
    let purge = async {
        sleep(millis(500)).await;
        app.takes(millis(100));
        app.change("/a");
        let purge = Purge::url("/a").unwrap();
        nodes[1].0.cache.purge(purge).await.unwrap();
    };
    let (first, waiting, late, ()) = tokio::join!(ask(0, 0), ask(1, 100), ask(2, 600), purge);
    assert_eq!(first.0, "/a 1 ");
    // It came before the purge, and may have either.
    assert!(waiting.1 < secs(1), "{:?}", waiting.1);
    assert_eq!(late.0, "/a 2 ");
    assert!(late.1 <= millis(350), "{:?}", late.1);
    settle().await;
    for (node, _) in &nodes {
        assert_eq!(node.told("/a").await.0, "/a 2 ");
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_store_is_down_every_node_fetches_for_itself_and_none_waits() {
    let (app, store) = (App::new(), FakeStore::new());
    let nodes = nodes(&app, &store, 10).await;
    app.takes(millis(150));
    nodes.iter().for_each(|(_, link)| link.cut());
    let begun = Instant::now();
    let clients = nodes
        .iter()
        .flat_map(|(node, _)| (0..5).map(|_| node.told("/a")));
    join_all(clients).await;
    assert_eq!((begun.elapsed(), app.calls()), (millis(150), 10));
    // As far as it is the leases alone: the store does not answer those in time.
    nodes.iter().for_each(|(_, link)| {
        link.heal();
        link.side(Side::Entries).freeze();
    });
    let begun = Instant::now();
    join_all(nodes.iter().map(|(node, _)| node.told("/b"))).await;
    assert_eq!((begun.elapsed(), app.calls()), (millis(250), 20));
}

/// A lease of a node that holds it for ever keeps nobody from his answer for longer than leases last.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_another_node_for_longer_than_a_lease() {
    let (app, store) = (App::new(), FakeStore::new());
    let settings = || SharedSettings::new().lease_for(secs(1));
    let make = async || {
        let node = Node::with(&app, store.link(), settings(), |cache| cache);
        node.ready().await
    };
    let (slow, quick) = (make().await, make().await);
    app.takes(secs(60));
    let held = timeout(millis(1), slow.told("/a"));
    assert!(held.await.is_err());
    app.takes(millis(10));
    let begun = Instant::now();
    assert_eq!(quick.told("/a").await.0, "/a 1 ");
    assert!(begun.elapsed() <= millis(1210), "{:?}", begun.elapsed());
    let purged = quick.cache.purge(Purge::everything()).await;
    assert!(purged.is_ok());
}
