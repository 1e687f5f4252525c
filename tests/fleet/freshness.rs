//! Stale responses that are shared: validated by one node for all, and served where that is allowed.

use futures_util::future::join_all;
use http::StatusCode;
use larder::{CacheLayer, EarlyRefresh, Purge, SharedSettings};
use larder_testing::FakeStore;
use larder_tests::response;
use tokio::time::{Instant, sleep};

use crate::node::{Node, settle};
use crate::site::{Site, millis, secs};

/// Says 304 to whoever knows the entity tag.
fn unchanged(cache_control: &'static str) -> Site {
    Site::new(move |asked| {
        let status = match asked.field("if-none-match") {
            "\"v1\"" => 304,
            _ => 200,
        };
        let fields = [
            ("cache-control", cache_control),
            ("etag", "\"v1\""),
            ("cache-tag", "a"),
        ];
        response(status, &fields, if status == 200 { "body" } else { "" })
    })
}

async fn nodes(site: &Site, store: &FakeStore, count: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(site.node(store.link()).ready().await);
    }
    nodes
}

async fn all(nodes: &[Node]) -> Vec<(String, String)> {
    join_all(nodes.iter().map(|node| node.told("/a"))).await
}

#[tokio::test(start_paused = true)]
async fn within_the_stale_window_one_node_validates_for_all() {
    let site = unchanged("max-age=60, stale-while-revalidate=60");
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 10).await;
    nodes[0].get("/a").await;
    settle().await;
    all(&nodes).await;
    assert_eq!(site.calls(), 1);
    sleep(secs(70)).await;
    site.takes(millis(100));
    let begun = Instant::now();
    for (body, told) in all(&nodes).await {
        assert_eq!(body, "body");
        assert!(told.contains("hit; ttl=-1"), "{told}");
    }
    assert_eq!(begun.elapsed(), millis(0));
    sleep(secs(1)).await;
    assert_eq!(site.calls(), 2);
    assert_eq!(site.last().field("if-none-match"), "\"v1\"");
    // It freshened what all have.
    for (_, told) in all(&nodes).await {
        assert_eq!(told, "larder; hit; ttl=59");
    }
    assert_eq!(site.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_one_node_validates_is_fresh_for_all() {
    let site = unchanged("max-age=60");
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 10).await;
    nodes[0].get("/a").await;
    settle().await;
    all(&nodes).await;
    sleep(secs(61)).await;
    site.takes(millis(100));
    let begun = Instant::now();
    for (body, _) in all(&nodes).await {
        assert_eq!(body, "body");
    }
    assert!(begun.elapsed() <= millis(250), "{:?}", begun.elapsed());
    assert_eq!(site.calls(), 2);
    assert_eq!(site.last().field("if-none-match"), "\"v1\"");
}

#[tokio::test(start_paused = true)]
async fn node_without_anything_validates_what_another_stored() {
    let site = unchanged("max-age=60");
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 2).await;
    nodes[0].get("/a").await;
    sleep(secs(61)).await;
    let (body, told) = nodes[1].told("/a").await;
    assert_eq!(body, "body");
    assert_eq!(told, "larder; fwd=stale; fwd-status=304; ttl=60");
    assert_eq!(site.last().field("if-none-match"), "\"v1\"");
    settle().await;
    let (_, told) = nodes[0].told("/a").await;
    assert_eq!(told, "larder; hit; ttl=60; detail=shared");
    assert_eq!(site.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_another_node_stored_stands_in_where_the_handler_fails() {
    let site = Site::new(|asked| match asked.before {
        0 => response(
            200,
            &[("cache-control", "max-age=60, stale-if-error=600")],
            "body",
        ),
        _ => response(503, &[], "down"),
    });
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 3).await;
    nodes[0].get("/a").await;
    sleep(secs(70)).await;
    for node in &nodes[1..] {
        let reply = node.get("/a").await;
        assert_eq!((reply.status, reply.text()), (StatusCode::OK, "body"));
        let told = reply.field("cache-status");
        assert!(told.contains("detail=stale-if-error"), "{told}");
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_about_to_expire_is_refreshed_by_one_node_for_all() {
    let site = unchanged("max-age=60");
    let store = FakeStore::new();
    let mut nodes = Vec::new();
    for _ in 0..10 {
        let early = |layer: CacheLayer| layer.with_early_refresh(EarlyRefresh::after_percent(80));
        let node = site.node_with(store.link(), SharedSettings::new(), early);
        nodes.push(node.ready().await);
    }
    nodes[0].get("/a").await;
    settle().await;
    all(&nodes).await;
    sleep(secs(50)).await;
    site.takes(millis(100));
    for (_, told) in all(&nodes).await {
        assert!(told.starts_with("larder; hit; ttl="), "{told}");
    }
    sleep(secs(1)).await;
    assert_eq!(site.calls(), 2);
    for (_, told) in all(&nodes).await {
        assert_eq!(told, "larder; hit; ttl=59");
    }
}

#[tokio::test(start_paused = true)]
async fn soft_purges_reach_all_nodes_with_their_windows_and_hard_ones_end_them() {
    let site = unchanged("max-age=600, stale-while-revalidate=30");
    let store = FakeStore::new();
    let nodes = nodes(&site, &store, 4).await;
    nodes[0].get("/a").await;
    settle().await;
    all(&nodes[..3]).await;
    let receipt = nodes[1].cache.purge(Purge::tag("a").soft());
    receipt.await.unwrap().everywhere(secs(1)).await.unwrap();
    sleep(secs(10)).await;
    site.takes(millis(500));
    // One that has it, and one that finds it in the store.
    for node in [&nodes[0], &nodes[3]] {
        let (body, told) = node.told("/a").await;
        assert_eq!(body, "body");
        assert!(told.contains("hit; ttl=-10"), "{told}");
    }
    let receipt = nodes[2].cache.purge(Purge::tag("a")).await.unwrap();
    receipt.everywhere(secs(1)).await.unwrap();
    site.takes(millis(0));
    let calls = site.calls();
    let (_, told) = nodes[3].told("/a").await;
    assert_eq!(told, "larder; fwd=uri-miss; stored");
    assert_eq!(site.calls(), calls + 1);
}

/// The window of a soft purge begins at the purge, also for who learns of it late.
#[tokio::test(start_paused = true)]
async fn window_of_a_soft_purge_is_not_longer_where_it_is_known_late() {
    let site = unchanged("max-age=600, stale-while-revalidate=30");
    let store = FakeStore::new();
    let link = store.link();
    let one = site.node(store.link()).ready().await;
    let other = site.node(link.clone()).ready().await;
    one.get("/a").await;
    settle().await;
    other.get("/a").await;
    link.cut();
    one.cache.purge(Purge::tag("a").soft()).await.unwrap();
    sleep(secs(20)).await;
    link.heal();
    sleep(secs(3)).await;
    site.takes(secs(1));
    let (_, told) = other.told("/a").await;
    assert!(told.contains("hit; ttl=-23"), "{told}");
}
