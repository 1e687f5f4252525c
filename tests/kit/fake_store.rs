//! [`FakeStore`]: what goes wrong when it is told to. What it does when nothing does is in `tests/tiers`.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use larder::shared::{
    EntryKey, EntryStore, InvalidationLog, Lease, Leased, LogPosition, NodeId, Outcome, Put,
    StoreError, StoreErrorKind, Token, Wish,
};
use larder_testing::{FakeStore, Side};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn key(byte: u8) -> EntryKey {
    EntryKey::new([byte; 32])
}

fn put(key: EntryKey, value: &'static str) -> Put {
    Put {
        key,
        value: Bytes::from(value),
        rule: None,
        born: LogPosition::START,
        keep: 60 * SECOND,
        lease: None,
    }
}

fn lease(byte: u8) -> Lease {
    Lease {
        token: Token::from_bytes([byte; 16]),
        born: LogPosition::START,
        lasts: 10 * SECOND,
    }
}

fn record(text: &'static str) -> Bytes {
    Bytes::from(text)
}

async fn append(log: &impl InvalidationLog, text: &'static str) -> LogPosition {
    log.append(&record(text)).await.unwrap()
}

fn kind<T>(result: Result<T, StoreError>) -> StoreErrorKind {
    let Err(error) = result else {
        panic!("it did what it was asked");
    };
    error.kind()
}

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
async fn a_full_store_refuses_what_writes_and_goes_on_reading() {
    let store = FakeStore::new();
    store.put(&put(key(1), "first")).await.unwrap();
    store.fill_up();
    let refused = StoreErrorKind::Refused;
    let lease = lease(1);
    assert_eq!(kind(store.put(&put(key(2), "second")).await), refused);
    assert_eq!(kind(store.append(&record("one")).await), refused);
    assert_eq!(
        kind(store.restart(LogPosition::START, &record("one")).await),
        refused
    );
    let node = NodeId::from_bits(1);
    assert_eq!(
        kind(store.announce(node, LogPosition::START, SECOND).await),
        refused
    );
    assert_eq!(
        kind(store.get(&key(2), Wish::ReadOrLease(&lease)).await),
        refused
    );
    let found = store.get(&key(1), Wish::ReadOrLease(&lease)).await.unwrap();
    assert_eq!(found.primary.unwrap(), "first");
    store.remove(&key(1)).await.unwrap();
    store.make_room();
    let found = store.get(&key(1), Wish::ReadOrLease(&lease)).await.unwrap();
    assert_eq!((found.primary, found.leased), (None, Leased::Won));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgets_entries_forgets_leases_and_not_the_log() {
    let store = FakeStore::new();
    let at = append(&store, "one").await;
    store.put(&put(key(1), "first")).await.unwrap();
    store
        .get(&key(2), Wish::ReadOrLease(&lease(1)))
        .await
        .unwrap();
    store.forget_entries();
    assert_eq!(store.keys(), []);
    let found = store
        .get(&key(2), Wish::ReadOrLease(&lease(2)))
        .await
        .unwrap();
    assert_eq!(found.leased, Leased::Won);
    assert!(store.extent(at).await.unwrap().is_anchored);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_deleted_begins_anew_by_the_clock() {
    let store = FakeStore::new();
    let first = append(&store, "one").await;
    store.put(&put(key(1), "first")).await.unwrap();
    store.forget_log();
    let extent = store.extent(first).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, LogPosition::START));
    assert!(!extent.is_anchored);
    store.set_clock_back(3600 * SECOND);
    assert!(append(&store, "two").await < first);
    assert!(store.value(&key(1)).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_does_not_turn_the_order_round() {
    let store = FakeStore::new();
    let first = append(&store, "one").await;
    let before = store.now();
    store.set_clock_back(3600 * SECOND);
    assert_eq!(store.now(), before - 3600 * SECOND);
    let second = append(&store, "two").await;
    assert_eq!(second, first.above(0));
    store.set_clock_ahead(3600 * SECOND);
    let third = append(&store, "three").await;
    assert_eq!(third, LogPosition::new(second.millis() + 3_600_000, 0));
    store.set_clock_back(Duration::ZERO);
    assert_eq!(store.now(), before);
}

#[tokio::test(start_paused = true)]
async fn a_trimmed_log_knows_its_newest_position_and_a_rewound_one_does_not() {
    let store = FakeStore::new();
    let first = append(&store, "one").await;
    let second = append(&store, "two").await;
    let third = append(&store, "three").await;
    store.trim_log(1);
    let extent = store.extent(second).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (Some(third), third));
    assert!(!extent.is_anchored);
    store.trim_log(0);
    let extent = store.extent(third).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, third));
    store.rewind_log(first);
    assert_eq!(store.extent(first).await.unwrap().newest, first);
    assert_eq!(append(&store, "other two").await, second);
}

#[tokio::test(start_paused = true)]
async fn a_restart_from_an_old_dump_brings_back_what_was() {
    let store = FakeStore::new();
    let first = append(&store, "one").await;
    store.put(&put(key(1), "first")).await.unwrap();
    let snapshot = store.snapshot();
    append(&store, "two").await;
    store.remove(&key(1)).await.unwrap();
    store.put(&put(key(2), "second")).await.unwrap();
    store.restore(&snapshot);
    assert_eq!(store.records(), [(first, record("one"))]);
    assert_eq!(store.keys(), [key(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_seed_says_what_is_evicted() {
    let left = async |seed| {
        let store = FakeStore::new();
        for byte in 0..20 {
            store.put(&put(key(byte), "value")).await.unwrap();
        }
        store.evict(15, seed);
        store.keys()
    };
    let keys = left(1).await;
    assert_eq!(keys.len(), 5);
    assert_eq!(left(1).await, keys);
    assert_ne!(left(2).await, keys);
}

#[tokio::test(start_paused = true)]
async fn hostile_bytes_stand_where_they_were_put_and_expire_as_what_stood_there() {
    let store = FakeStore::new();
    store.put(&put(key(1), "first")).await.unwrap();
    store.corrupt(&key(1), "hostile");
    store.corrupt(&key(2), "more of it");
    assert_eq!(store.value(&key(1)).unwrap(), "hostile");
    tokio::time::advance(60 * SECOND).await;
    assert_eq!(store.keys(), [key(2)]);
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

#[tokio::test(start_paused = true)]
async fn a_polled_store_does_not_wait() {
    let store = FakeStore::polled(SECOND);
    let began = Instant::now();
    let batch = store
        .read(LogPosition::START, 10, 60 * SECOND)
        .await
        .unwrap();
    assert_eq!(
        (batch.records, began.elapsed()),
        (Vec::new(), Duration::ZERO)
    );
    assert_eq!(store.link().poll_every(), Some(SECOND));
}
