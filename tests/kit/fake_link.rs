//! [`FakeLink`](larder_testing::FakeLink): what goes wrong on the way of one node, and what is counted there.

use std::time::Duration;

use futures_util::FutureExt as _;
use larder::shared::{EntryStore, InvalidationLog, LogPosition, Outcome, StoreErrorKind, Wish};
use larder_testing::{FakeStore, Side};
use tokio::time::Instant;

use crate::calls::{SECOND, append, key, kind, lease, put, record};

#[tokio::test(start_paused = true)]
async fn a_link_that_is_cut_fails_at_once_and_the_others_do_not() {
    let store = FakeStore::new();
    let (here, there) = (store.link(), store.link());
    here.cut();
    let began = Instant::now();
    let found = here.get(&key(1), Wish::Read).await;
    assert_eq!(kind(found), StoreErrorKind::Unreachable);
    assert_eq!(kind(here.nodes().await), StoreErrorKind::Unreachable);
    there.put(&put(key(1), "there")).await.unwrap();
    here.heal();
    let found = here.get(&key(1), Wish::Read).await.unwrap();
    assert_eq!(found.primary.unwrap(), "there");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn one_side_is_cut_alone() {
    let link = FakeStore::new().link();
    link.side(Side::Log).cut();
    assert!(link.get(&key(1), Wish::Read).await.is_ok());
    assert!(link.nodes().await.is_err());
    link.side(Side::Log).heal();
    link.side(Side::Entries).cut();
    assert!(link.get(&key(1), Wish::Read).await.is_err());
    assert!(link.nodes().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_cut_ends_what_is_on_its_way() {
    let link = FakeStore::new().link();
    let mut waits = link.read(LogPosition::START, 10, 60 * SECOND);
    assert!(waits.as_mut().now_or_never().is_none());
    link.cut();
    let began = Instant::now();
    assert_eq!(kind(waits.await), StoreErrorKind::Unreachable);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_frozen_answers_when_it_is_thawed() {
    let store = FakeStore::new();
    let link = store.link();
    let first = put(key(1), "first");
    link.freeze();
    let mut puts = link.put(&first);
    assert!(puts.as_mut().now_or_never().is_none());
    tokio::time::advance(3600 * SECOND).await;
    assert!(puts.as_mut().now_or_never().is_none());
    assert_eq!(store.value(&key(1)), None);
    link.thaw();
    puts.await.unwrap();
    assert_eq!(store.value(&key(1)).unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn a_freeze_holds_the_answers_of_what_is_on_its_way() {
    let store = FakeStore::new();
    let link = store.link();
    let mut waits = link.read(LogPosition::START, 10, 60 * SECOND);
    assert!(waits.as_mut().now_or_never().is_none());
    link.freeze();
    append(&store, "one").await;
    assert!(waits.as_mut().now_or_never().is_none());
    link.thaw();
    assert_eq!(waits.await.unwrap().records.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_request_arrives_later_and_a_delayed_reply_tells_what_was() {
    let store = FakeStore::new();
    let link = store.link();
    let key = key(1);
    let (first, second) = (put(key, "first"), put(key, "second"));

    link.delay(SECOND);
    let mut puts = link.put(&first);
    assert!(puts.as_mut().now_or_never().is_none());
    drop(puts);
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(store.value(&key), None);
    let began = Instant::now();
    link.put(&first).await.unwrap();
    assert_eq!(began.elapsed(), SECOND);

    link.delay(Duration::ZERO);
    link.delay_replies(SECOND);
    let mut gets = link.get(&key, Wish::Read);
    assert!(gets.as_mut().now_or_never().is_none());
    store.put(&second).await.unwrap();
    assert_eq!(gets.await.unwrap().primary.unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn what_is_done_with_a_lost_reply_is_done() {
    let store = FakeStore::new();
    let link = store.link();
    link.lose_replies(true);
    let lost = link.put(&put(key(1), "first")).await;
    assert_eq!(kind(lost), StoreErrorKind::Unreachable);
    assert_eq!(
        kind(link.append(&record("one")).await),
        StoreErrorKind::Unreachable
    );
    assert_eq!(store.value(&key(1)).unwrap(), "first");
    assert_eq!(store.records().len(), 1);
    link.lose_replies(false);
    assert!(link.nodes().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_link_counts_what_its_node_asked_and_the_store_what_arrived() {
    let store = FakeStore::new();
    let (here, there) = (store.link(), store.link());
    let won = lease(1);
    here.get(&key(1), Wish::ReadOrLease(&won)).await.unwrap();
    there
        .get(&key(1), Wish::ReadOrLease(&lease(2)))
        .await
        .unwrap();
    there.get(&key(1), Wish::Read).await.unwrap();
    there.cut();
    there.append(&record("one")).await.unwrap_err();
    here.put(&put(key(1), "first")).await.unwrap();
    here.release(&key(1), &won.token, Outcome::Failed)
        .await
        .unwrap();

    let (here, there, all) = (here.counts(), there.counts(), store.counts());
    assert_eq!((here.gets, here.wishes, here.leases), (1, 1, 1));
    assert_eq!((here.puts, here.releases, here.calls()), (1, 1, 3));
    assert_eq!((there.gets, there.wishes, there.leases), (2, 1, 0));
    assert_eq!((there.appends, there.calls()), (1, 3));
    assert_eq!(
        (all.gets, all.leases, all.appends, all.calls()),
        (3, 1, 0, 5)
    );
}
