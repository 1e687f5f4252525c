//! What one node stores the others use, and what one purges is gone for all.

use std::time::Duration;

use larder_testing::FakeStore;

use crate::node::{App, Node, settle};

async fn two(app: &App) -> (FakeStore, Node, Node) {
    let store = FakeStore::new();
    let one = Node::new(app, store.link()).ready().await;
    let other = Node::new(app, store.link()).ready().await;
    (store, one, other)
}

#[tokio::test(start_paused = true)]
async fn what_one_node_stored_the_other_serves() {
    let app = App::new();
    let (_store, one, other) = two(&app).await;
    let (body, told) = one.told("/a").await;
    assert_eq!((&*body, &*told), ("/a 1 ", "larder; fwd=uri-miss; stored"));
    settle().await;
    let (body, told) = other.told("/a").await;
    assert_eq!(
        (&*body, &*told),
        ("/a 1 ", "larder; hit; ttl=3600; detail=shared")
    );
    let (_, told) = other.told("/a").await;
    assert_eq!(told, "larder; hit; ttl=3600");
    assert_eq!(app.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_one_node_purged_is_gone_on_the_other() {
    let app = App::new();
    let (_store, one, other) = two(&app).await;
    one.get("/a").await;
    settle().await;
    other.get("/a").await;
    let receipt = one.change(&app, "/a");
    let nodes = receipt
        .await
        .unwrap()
        .everywhere(Duration::from_secs(1))
        .await;
    assert_eq!(nodes, Ok(2));
    for node in [&other, &one] {
        let (body, _) = node.told("/a").await;
        assert_eq!(body, "/a 2 ");
        settle().await;
    }
    assert_eq!(app.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_many_nodes_one_fetches() {
    let app = App::new();
    app.takes(Duration::from_millis(150));
    let store = FakeStore::new();
    let mut nodes = Vec::new();
    for _ in 0..20 {
        nodes.push(Node::new(&app, store.link()).ready().await);
    }
    let asked = nodes.iter().map(|node| node.told("/a"));
    let answers = futures_util::future::join_all(asked).await;
    assert_eq!(app.calls(), 1);
    for (body, _) in answers {
        assert_eq!(body, "/a 1 ");
    }
}
