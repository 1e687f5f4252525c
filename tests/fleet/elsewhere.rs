//! What another node has stored answers as what is stored here does.

use larder::{RoutePolicy, SharedSettings};
use larder_testing::FakeStore;
use larder_tests::request;
use tokio::time::sleep;

use crate::node::settle;
use crate::site::{Site, millis, secs};

#[tokio::test(start_paused = true)]
async fn head_is_answered_from_the_get_that_another_node_stored() {
    let site = Site::with(&[("cache-control", "max-age=60")]);
    let store = FakeStore::new();
    let one = site.node(store.link()).ready().await;
    let other = site.node(store.link()).ready().await;
    one.get("/a").await;
    settle().await;
    let reply = other.send(request("HEAD", "/a", &[])).await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; hit; ttl=60; detail=shared"
    );
    assert_eq!((reply.text(), reply.field("content-length")), ("", "4"));
    // And the GET that comes then from the memory.
    let (body, told) = other.told("/a").await;
    assert_eq!((&*body, &*told), ("/a 1", "larder; hit; ttl=60"));
    assert_eq!(site.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn head_validates_the_get_that_another_node_stored() {
    let site = Site::with(&[("cache-control", "max-age=60"), ("etag", "\"v\"")]);
    let store = FakeStore::new();
    let one = site.node(store.link()).ready().await;
    let other = site.node(store.link()).ready().await;
    one.get("/a").await;
    sleep(secs(61)).await;
    let reply = other.send(request("HEAD", "/a", &[])).await;
    assert!(reply.field("cache-status").contains("fwd=stale"));
    assert_eq!(site.last().field("if-none-match"), "\"v\"");
}

#[tokio::test(start_paused = true)]
async fn stale_hit_on_what_another_node_stored_is_counted_as_one_and_starts_its_validation() {
    let field = "max-age=60, stale-while-revalidate=600";
    let site = Site::with(&[("cache-control", field)]);
    let store = FakeStore::new();
    let one = site.node(store.link()).ready().await;
    let other = site.node(store.link()).ready().await;
    one.get("/a").await;
    sleep(secs(70)).await;
    let (body, told) = other.told("/a").await;
    assert_eq!(
        (&*body, &*told),
        ("/a 1", "larder; hit; ttl=-10; detail=shared")
    );
    let stats = other.cache.stats();
    assert_eq!((stats.hits(), stats.stale_hits()), (0, 1));
    settle().await;
    assert_eq!(site.calls(), 2);
    let (body, told) = other.told("/a").await;
    assert_eq!((&*body, &*told), ("/a 2", "larder; hit; ttl=60"));
    // The other nodes have it from there.
    let third = site.node(store.link()).ready().await;
    let (body, told) = third.told("/a").await;
    assert_eq!(
        (&*body, &*told),
        ("/a 2", "larder; hit; ttl=60; detail=shared")
    );
    assert_eq!(site.calls(), 2);
}

/// Two clients of a node, of which one waits for what the other gets from the store.
#[tokio::test(start_paused = true)]
async fn who_waits_for_what_turns_out_stale_is_told_how_stale_it_is() {
    let field = "max-age=60, stale-while-revalidate=600";
    let site = Site::with(&[("cache-control", field)]);
    let store = FakeStore::new();
    let one = site.node(store.link()).ready().await;
    one.get("/a").await;
    sleep(secs(70)).await;
    let link = store.link();
    let other = site.node(link.clone()).ready().await;
    link.delay_replies(millis(20));
    let (first, second) = tokio::join!(other.told("/a"), other.told("/a"));
    assert_eq!(first.1, "larder; hit; ttl=-10; detail=shared");
    assert!(second.1.contains("; collapsed"), "{}", second.1);
    assert!(second.1.contains("; ttl=-10"), "{}", second.1);
}

/// Those that its route gives it, too.
#[tokio::test(start_paused = true)]
async fn store_keeps_a_response_for_as_long_as_its_stale_windows() {
    let hour = secs(3600);
    let windows = [
        RoutePolicy::obey().grace(hour),
        RoutePolicy::obey().stale_if_error(hour),
        RoutePolicy::obey().stale_while_revalidate(hour),
    ];
    for (number, windows) in windows.into_iter().enumerate() {
        let site = Site::with(&[("cache-control", "max-age=60")]);
        let store = FakeStore::new();
        let node = site.node_with(store.link(), SharedSettings::new(), |layer| {
            layer.with_route_policy(windows)
        });
        let node = node.ready().await;
        node.get("/a").await;
        sleep(hour).await;
        assert_eq!(store.keys().len(), 1, "{number}");
        sleep(secs(120)).await;
        assert!(store.keys().is_empty(), "{number}");
    }
}
