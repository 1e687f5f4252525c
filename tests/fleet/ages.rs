//! Ages and lifetimes, where no two clocks agree.

use larder::{Purge, SharedSettings};
use larder_testing::FakeStore;
use larder_tests::Reply;
use tokio::time::sleep;

use crate::node::{Node, settle};
use crate::site::{Site, Watch, secs};

const HOUR: i64 = 3600;

fn node(site: &Site, watch: &Watch, store: &FakeStore) -> Node {
    let settings = SharedSettings::new();
    site.node_by(
        watch.clock(),
        store.link(),
        settings,
        |cache| cache,
        |layer| layer,
    )
}

/// Nodes that are an hour ahead, right, and an hour behind.
async fn three(site: &Site, store: &FakeStore) -> [(Node, Watch); 3] {
    let make = async |ahead| {
        let watch = Watch::new();
        watch.set(ahead);
        (node(site, &watch, store).ready().await, watch)
    };
    [make(HOUR).await, make(0).await, make(-HOUR).await]
}

fn ttl(reply: &Reply) -> i64 {
    let status = reply.field("cache-status");
    let (_, ttl) = status.split_once("ttl=").unwrap();
    let digits = ttl.split(';').next().unwrap();
    digits.parse().unwrap()
}

fn age(reply: &Reply) -> i64 {
    reply.field("age").parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn ages_are_right_to_the_second_whatever_the_clocks_of_nodes_say() {
    for of_store in [0, 1, -1] {
        let site = Site::with(&[("cache-control", "max-age=600")]);
        let store = FakeStore::new();
        match of_store {
            1 => store.set_clock_ahead(secs(7200)),
            -1 => store.set_clock_back(secs(7200)),
            _ => {}
        }
        let nodes = three(&site, &store).await;
        for (at, (node, _)) in nodes.iter().enumerate() {
            let path = format!("/{at}");
            node.get(&path).await;
            sleep(secs(100)).await;
            for (other, _) in &nodes {
                let reply = other.get(&path).await;
                assert!((99..=101).contains(&age(&reply)), "{}", age(&reply));
                assert!((499..=501).contains(&ttl(&reply)), "{}", ttl(&reply));
            }
        }
        assert_eq!(site.calls(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_lives_longer_than_its_lifetime_on_any_node() {
    let site = Site::with(&[("cache-control", "max-age=60")]);
    let store = FakeStore::new();
    let nodes = three(&site, &store).await;
    for from in 0..3 {
        let path = format!("/{from}");
        nodes[from].0.get(&path).await;
        sleep(secs(58)).await;
        for (node, _) in &nodes {
            let reply = node.get(&path).await;
            assert!(reply.is_hit() && (1..=3).contains(&ttl(&reply)));
        }
        let calls = site.calls();
        sleep(secs(4)).await;
        for (node, _) in &nodes {
            let reply = node.get(&path).await;
            assert!(
                reply.text() != format!("{path} {calls}"),
                "{}",
                reply.text()
            );
            settle().await;
        }
        assert_eq!(site.calls(), calls + 1);
    }
}

/// The clock of the store too.
#[tokio::test(start_paused = true)]
async fn clocks_that_are_set_do_not_make_what_comes_then_live_longer() {
    let site = Site::with(&[("cache-control", "max-age=60")]);
    let store = FakeStore::new();
    let nodes = three(&site, &store).await;
    for (round, ahead) in [-7200, 7200, 0].into_iter().enumerate() {
        let path = format!("/{round}");
        nodes[1].1.set(ahead);
        nodes[1].0.get(&path).await;
        sleep(secs(30)).await;
        for (node, _) in &nodes {
            let reply = node.get(&path).await;
            assert!((29..=31).contains(&ttl(&reply)), "{round} {}", ttl(&reply));
        }
        sleep(secs(31)).await;
        let fresh = nodes[0].0.get(&path).await;
        assert_eq!(fresh.text(), format!("{path} {}", site.calls()));
        settle().await;
    }
    store.set_clock_ahead(secs(3600));
    // Each looks at it every ten seconds.
    sleep(secs(11)).await;
    nodes[0].0.get("/later").await;
    sleep(secs(30)).await;
    assert!((29..=31).contains(&ttl(&nodes[2].0.get("/later").await)));
}

#[tokio::test(start_paused = true)]
async fn date_and_age_of_the_origin_are_kept() {
    let site = Site::with(&[
        ("cache-control", "max-age=600"),
        ("date", "Fri, 15 Jan 2027 07:59:00 GMT"),
        ("age", "40"),
    ]);
    let store = FakeStore::new();
    let make = async || site.node(store.link()).ready().await;
    let (one, other) = (make().await, make().await);
    let first = one.get("/a").await;
    sleep(secs(10)).await;
    let reply = other.get("/a").await;
    assert_eq!(reply.field("date"), first.field("date"));
    let own = one.get("/a").await;
    assert_eq!(age(&reply), age(&own));
    assert!(age(&reply) >= 50);
    assert_eq!(site.calls(), 1);
}

/// A soft purge says when it was made.
#[tokio::test(start_paused = true)]
async fn windows_of_soft_purges_are_right_whatever_the_clocks_of_nodes_say() {
    let site = Site::with(&[
        ("cache-control", "max-age=600, stale-while-revalidate=30"),
        ("cache-tag", "a"),
    ]);
    for from in 0..3 {
        let store = FakeStore::new();
        let nodes = three(&site, &store).await;
        let made = nodes[from].0.get("/a").await;
        settle().await;
        let (one, other) = (&nodes[(from + 1) % 3].0, &nodes[(from + 2) % 3].0);
        assert_eq!(one.get("/a").await.text(), made.text());
        let receipt = nodes[from].0.cache.purge(Purge::tag("a").soft());
        receipt.await.unwrap().everywhere(secs(1)).await.unwrap();
        sleep(secs(20)).await;
        site.takes(secs(1));
        for node in [one, other] {
            let reply = node.get("/a").await;
            assert_eq!(reply.text(), made.text());
            assert!((-21..=-19).contains(&ttl(&reply)), "{}", ttl(&reply));
        }
        site.takes(secs(0));
    }
}
