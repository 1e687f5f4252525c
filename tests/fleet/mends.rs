//! What once went wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use larder::shared::{Batch, Extent, InvalidationLog, LogPosition, NodeId, Pending};
use larder::{Cache, Purge, SharedSettings};
use larder_testing::{FakeLink, FakeStore, Side};
use larder_tests::request;
use tokio::time::{Instant, sleep, timeout};

use crate::node::{App, Node, settle};
use crate::site::{Site, Watch, millis, secs};

/// The purge was trimmed before the new node could read any of the log.
#[tokio::test(start_paused = true)]
async fn new_node_that_was_cut_off_does_not_keep_what_it_fetched_before_records_that_are_gone() {
    let (app, store) = (App::new(), FakeStore::new());
    let one = Node::new(&app, store.link()).ready().await;
    let link = store.link();
    link.cut();
    let late = Node::new(&app, link.clone());
    assert_eq!(late.told("/a").await.0, "/a 1 ");
    one.change(&app, "/a").await.unwrap();
    store.trim_log(1);
    link.heal();
    let late = late.ready().await;
    assert_eq!(late.told("/a").await.0, "/a 2 ");
}

/// The log began with the purge, so that the node never read it.
#[tokio::test(start_paused = true)]
async fn purge_before_the_log_is_known_does_not_make_all_that_others_store_look_old() {
    let (app, store) = (App::new(), FakeStore::new());
    let link = store.link();
    link.delay(millis(10));
    let one = Node::new(&app, link.clone());
    tokio::task::yield_now().await;
    link.delay(millis(0));
    one.cache.purge(Purge::tag("deployment")).await.unwrap();
    let first = store.records();
    assert_eq!(first.len(), 1);
    let one = one.ready().await;
    assert_eq!(store.records()[..1], first);
    let other = Node::new(&app, store.link()).ready().await;
    sleep(secs(3)).await;
    other.change(&app, "/a").await.unwrap();
    settle().await;
    other.get("/a").await;
    settle().await;
    let (_, told) = one.told("/a").await;
    assert_eq!(told, "larder; hit; ttl=3600; detail=shared");
}

#[tokio::test(start_paused = true)]
async fn own_purge_of_everything_does_not_drop_what_was_stored_since_when_the_log_tells_of_it() {
    let (app, store) = (App::new(), FakeStore::new());
    let link = store.link();
    let one = Node::new(&app, link.clone()).ready().await;
    link.cut();
    one.cache.clear();
    one.get("/a").await;
    link.heal();
    sleep(secs(3)).await;
    let stats = one.cache.shared_stats().unwrap();
    assert_eq!((stats.appended(), stats.queued_purges()), (1, 0));
    let (_, told) = one.told("/a").await;
    assert_eq!(told, "larder; hit; ttl=3597");
}

/// The connection did not break, and what this node had read is still there.
#[tokio::test(start_paused = true)]
async fn purge_that_the_log_lost_without_a_word_is_appended_again() {
    let (app, store) = (App::new(), FakeStore::polled(secs(1)));
    let one = Node::new(&app, store.link()).ready().await;
    let other = Node::new(&app, store.link()).ready().await;
    other.get("/a").await;
    sleep(secs(1)).await;
    let before = store.records().last().unwrap().0;
    let receipt = one.change(&app, "/a").await.unwrap();
    store.rewind_log(before);
    sleep(secs(2)).await;
    assert_eq!(receipt.everywhere(millis(1)).await, Ok(2));
    assert_eq!(other.told("/a").await.0, "/a 2 ");
}

/// What is each client's own is not fetched by one client after the other.
#[tokio::test(start_paused = true)]
async fn private_responses_of_many_nodes_do_not_wait_for_one_another() {
    let site = Site::with(&[("cache-control", "private, max-age=60")]);
    site.takes(millis(150));
    let store = FakeStore::new();
    let mut nodes = Vec::new();
    for _ in 0..20 {
        nodes.push(site.node(store.link()).ready().await);
    }
    let begun = Instant::now();
    let asked = nodes.iter().map(|node| {
        let request = request("GET", "/me", &[("cookie", "session=1")]);
        node.send(request)
    });
    join_all(asked).await;
    assert_eq!(site.calls(), 20);
    assert!(begun.elapsed() <= millis(400), "{:?}", begun.elapsed());
}

/// Between two looks at the clock of the store.
#[tokio::test(start_paused = true)]
async fn response_that_was_stored_while_a_clock_was_ahead_expires_in_time() {
    let site = Site::with(&[("cache-control", "max-age=30")]);
    let store = FakeStore::new();
    let watch = Watch::new();
    let settings = SharedSettings::new();
    let one = site.node_by(
        watch.clock(),
        store.link(),
        settings,
        |cache| cache,
        |layer| layer,
    );
    let one = one.ready().await;
    sleep(secs(1)).await;
    watch.set(3600);
    one.get("/a").await;
    sleep(secs(25)).await;
    let other = site.node(store.link()).ready().await;
    let (_, told) = other.told("/a").await;
    assert_eq!(told, "larder; hit; ttl=5; detail=shared");
}

/// It was not announced before the next look, half a bound later.
#[tokio::test(start_paused = true)]
async fn node_that_has_just_joined_is_waited_for() {
    let (app, store) = (App::new(), FakeStore::new());
    let one = Node::new(&app, store.link()).ready().await;
    sleep(secs(1)).await;
    let link = store.link();
    link.delay(millis(5));
    let _late = Node::new(&app, link).ready().await;
    settle().await;
    let receipt = one.change(&app, "/a").await.unwrap();
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(2));
}

/// What is to be validated was found in the store, and taken for an answer.
#[tokio::test(start_paused = true)]
async fn what_is_to_be_validated_is_no_answer_when_it_comes_from_the_store() {
    let site = Site::with(&[("cache-control", "max-age=60, stale-while-revalidate=60")]);
    let store = FakeStore::new();
    let one = site.node(store.link()).ready().await;
    one.get("/a").await;
    sleep(secs(61)).await;
    one.get("/a").await;
    settle().await;
    assert_eq!(site.calls(), 2);
    assert_eq!(one.told("/a").await.1, "larder; hit; ttl=60");
}

/// The store gave the lease, and the node that asked did not hear of it, or did not wait for the answer.
#[tokio::test(start_paused = true)]
async fn lease_of_a_node_that_does_not_know_of_it_is_given_back() {
    for hears in [false, true] {
        let site = Site::with(&[("cache-control", "private")]);
        let store = FakeStore::new();
        let link = store.link();
        let make = |link| {
            site.node_with(link, SharedSettings::new(), |layer| {
                layer.with_finish_on_disconnect(false)
            })
        };
        let one = make(link.clone()).ready().await;
        let other = make(store.link()).ready().await;
        let delay = if hears { 90 } else { 150 };
        link.side(Side::Entries).delay_replies(millis(delay));
        let patience = if hears { millis(50) } else { secs(1) };
        let answered = timeout(patience, one.get("/a")).await.is_ok();
        assert_eq!(answered, !hears);
        sleep(secs(1)).await;
        assert_eq!(store.counts().leases, 1);
        let begun = Instant::now();
        other.get("/a").await;
        assert_eq!(begun.elapsed(), millis(0));
    }
}

/// Reads of which the record before is never there, as from a replica that lags behind.
#[derive(Debug)]
struct Lagging(FakeLink);

impl InvalidationLog for Lagging {
    fn extent(&self, anchor: LogPosition) -> Pending<'_, Extent> {
        self.0.extent(anchor)
    }

    fn read(&self, after: LogPosition, limit: usize, wait: Duration) -> Pending<'_, Batch> {
        Box::pin(async move {
            let batch = self.0.read(after, limit, wait.min(millis(0))).await?;
            Ok(Batch {
                is_anchored: false,
                ..batch
            })
        })
    }

    fn append<'a>(&'a self, record: &'a Bytes) -> Pending<'a, LogPosition> {
        self.0.append(record)
    }

    fn restart<'a>(
        &'a self,
        above: LogPosition,
        record: &'a Bytes,
    ) -> Pending<'a, Option<LogPosition>> {
        self.0.restart(above, record)
    }

    fn announce(&self, node: NodeId, applied: LogPosition, lasts: Duration) -> Pending<'_, ()> {
        self.0.announce(node, applied, lasts)
    }

    fn nodes(&self) -> Pending<'_, Vec<larder::shared::Node>> {
        self.0.nodes()
    }
}

#[tokio::test(start_paused = true)]
async fn log_that_contradicts_itself_is_not_asked_without_a_pause() {
    let store = FakeStore::new();
    let (entries, link) = (Arc::new(store.link()), store.link());
    let log = Arc::new(Lagging(link.clone()));
    let cache = Cache::builder()
        .shared_parts(entries, log, SharedSettings::new())
        .build();
    sleep(secs(60)).await;
    assert!(!cache.is_joined());
    let reads = link.counts().reads;
    assert!((60..400).contains(&reads), "{reads}");
}
