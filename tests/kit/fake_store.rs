//! [`FakeStore`]: what goes wrong when it is told to. What it does when nothing does is in `tests/tiers`.

use std::time::Duration;

use larder::shared::{
    EntryStore, InvalidationLog, Leased, LogPosition, NodeId, StoreErrorKind, Wish,
};
use larder_testing::FakeStore;
use tokio::time::Instant;

use crate::calls::{SECOND, append, key, kind, lease, put, record};

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
async fn a_log_that_breaks_off_says_that_there_is_more() {
    let store = FakeStore::new();
    let mut after = append(&store, "one").await;
    append(&store, "two").await;
    append(&store, "three").await;
    store.read_at_most(Some(1));
    for reaches_end in [false, true] {
        let batch = store.read(after, 10, Duration::ZERO).await.unwrap();
        assert_eq!((batch.records.len(), batch.is_anchored), (1, true));
        assert_eq!(batch.reaches_end, reaches_end);
        after = batch.records[0].0;
    }
    store.read_at_most(None);
    let batch = store.read(LogPosition::START, 10, Duration::ZERO).await;
    assert_eq!(batch.unwrap().records.len(), 3);
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
