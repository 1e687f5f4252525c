//! Nodes that come late, and what nodes remember.

use larder::shared::InvalidationLog;
use larder::{Purge, SharedSettings};
use larder_testing::{FakeStore, Side};
use tokio::time::sleep;

use crate::node::{App, Node, settle};
use crate::site::{millis, secs};

#[tokio::test(start_paused = true)]
async fn new_node_uses_nothing_of_others_before_it_has_read_the_log() {
    let (app, store) = (App::new(), FakeStore::new());
    let one = Node::new(&app, store.link()).ready().await;
    one.get("/a").await;
    settle().await;
    let link = store.link();
    link.side(Side::Log).freeze();
    let new = Node::new(&app, link.clone());
    assert!(!new.cache.is_joined());
    let (_, told) = new.told("/a").await;
    assert_eq!(told, "larder; fwd=uri-miss; stored");
    // Nor does it write.
    new.get("/b").await;
    settle().await;
    assert_eq!((link.counts().gets, link.counts().puts), (0, 0));
    link.side(Side::Log).thaw();
    let new = new.ready().await;
    let (_, told) = new.told("/a").await;
    assert_eq!(told, "larder; hit; ttl=3600; detail=shared");
}

#[tokio::test(start_paused = true)]
async fn long_log_is_read_to_its_end_first() {
    let (app, store) = (App::new(), FakeStore::new());
    let one = Node::new(&app, store.link()).ready().await;
    for path in ["/a", "/b"] {
        one.get(path).await;
        settle().await;
    }
    one.change(&app, "/a").await.unwrap();
    settle().await;
    // The application is not asked for it again: what stands in the store is old.
    let record = store.records().last().unwrap().1.clone();
    let mut nothing = record.to_vec();
    // Of a name that nothing has.
    let end = nothing.len();
    nothing[end - 8..].fill(0xEE);
    let nothing = bytes::Bytes::from(nothing);
    for _ in 0..50_000 {
        store.append(&nothing).await.unwrap();
    }
    let link = store.link();
    link.side(Side::Log).delay_replies(millis(5));
    let new = Node::new(&app, link.clone());
    // 50,000 records are 196 reads.
    sleep(millis(500)).await;
    assert!(!new.cache.is_joined());
    assert_eq!(new.told("/a").await.0, "/a 2 ");
    assert_eq!(link.counts().gets, 0);
    let new = new.ready().await;
    link.side(Side::Log).delay_replies(millis(0));
    let (body, told) = new.told("/b").await;
    assert_eq!(
        (&*body, &*told),
        ("/b 1 ", "larder; hit; ttl=3599; detail=shared")
    );
    let other = Node::new(&app, store.link()).ready().await;
    assert_eq!(other.told("/a").await.0, "/a 2 ");
}

#[tokio::test(start_paused = true)]
async fn nodes_that_remember_few_purges_miss_and_are_never_wrong() {
    let (app, store) = (App::new(), FakeStore::new());
    let few = || SharedSettings::new().max_known_purges(10);
    let make = async || {
        let node = Node::with(&app, store.link(), few(), |cache| {
            cache.max_purge_records(10)
        });
        node.ready().await
    };
    let (one, other, third) = (make().await, make().await, make().await);
    for path in ["/a", "/b"] {
        one.get(path).await;
        settle().await;
    }
    one.change(&app, "/a").await.unwrap();
    for at in 0..50 {
        other
            .cache
            .purge(Purge::tag(format!("x{at}")))
            .await
            .unwrap();
        settle().await;
    }
    // What was stored before is not known to be good any more.
    let calls = app.calls();
    assert_eq!(third.told("/b").await.0, "/b 1 ");
    assert_eq!(third.told("/a").await.0, "/a 2 ");
    assert_eq!(app.calls(), calls + 2);
    assert!(third.cache.shared_stats().unwrap().dead() >= 2);
    settle().await;
    // What is stored now is.
    assert!(other.get("/b").await.is_hit());
    assert_eq!(app.calls(), calls + 2);
    let records = third.cache.stats().purge_records();
    assert!(records <= 12, "{records}");
}

/// A day without the log, and with purges.
#[tokio::test(start_paused = true)]
async fn nothing_grows_without_end_where_the_log_cannot_be_reached() {
    let (app, store) = (App::new(), FakeStore::new());
    let link = store.link();
    let settings = SharedSettings::new()
        .max_known_purges(100)
        .max_queued_purges(100);
    let one = Node::with(&app, link.clone(), settings, |cache| cache);
    let one = one.ready().await;
    let other = Node::new(&app, store.link()).ready().await;
    link.cut();
    for at in 0..5000 {
        one.cache.purge(Purge::tag(format!("x{at}")));
        one.cache.purge(Purge::tag(format!("x{at}")).soft());
        if at % 100 == 0 {
            sleep(secs(10)).await;
        }
        let queued = one.cache.shared_stats().unwrap().queued_purges();
        assert!(queued <= 204, "{queued}");
    }
    one.get("/a").await;
    let last = one.change(&app, "/a");
    link.heal();
    sleep(secs(3)).await;
    assert_eq!(last.everywhere(secs(1)).await, Ok(2));
    assert_eq!(one.cache.shared_stats().unwrap().queued_purges(), 0);
    other.get("/a").await;
    settle().await;
    assert_eq!(
        one.told("/a").await.1,
        "larder; hit; ttl=3600; detail=shared"
    );
}
