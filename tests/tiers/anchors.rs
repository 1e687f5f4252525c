//! A log says what it has lost.

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{Leased, LogPosition, NodeId, Wish};

use crate::kit::{MINUTE, append, key, lease, leased, put, value};
use crate::stand::Stand;

const START: LogPosition = LogPosition::START;

pub(crate) async fn a_record_that_is_there_is_an_anchor_and_no_other_position_is(
    stand: &impl Stand,
) {
    let (here, there) = (stand.node().await, stand.node().await);
    let first = append(&*here, "one").await;
    let last = append(&*here, "two").await;
    for anchor in [first, last] {
        let extent = there.extent(anchor).await.unwrap();
        assert!(extent.is_anchored);
        assert_eq!((extent.oldest, extent.newest), (Some(first), last));
        assert!(
            there
                .read(anchor, 10, Duration::ZERO)
                .await
                .unwrap()
                .is_anchored
        );
    }
    let before = LogPosition::from_bits(first.bits() - 1);
    let beyond = LogPosition::from_bits(last.bits() + 1);
    for nowhere in [before, beyond, LogPosition::new(last.millis() + 1_000, 0)] {
        let extent = there.extent(nowhere).await.unwrap();
        assert!(!extent.is_anchored, "{nowhere}");
        assert_eq!((extent.oldest, extent.newest), (Some(first), last));
        let batch = there.read(nowhere, 10, Duration::ZERO).await.unwrap();
        assert!(!batch.is_anchored, "{nowhere}: {batch:?}");
        assert_eq!(batch.records.len(), if nowhere == before { 2 } else { 0 });
    }
}

pub(crate) async fn a_read_after_a_record_that_was_trimmed_is_not_anchored(stand: &impl Stand) {
    let node = stand.node().await;
    let first = append(&*node, "one").await;
    let second = append(&*node, "two").await;
    let third = append(&*node, "three").await;
    if !stand.trim_log(1).await {
        return;
    }
    for (gone, anchored) in [(first, false), (second, false), (third, true)] {
        let extent = node.extent(gone).await.unwrap();
        assert_eq!((extent.oldest, extent.newest), (Some(third), third));
        assert_eq!(extent.is_anchored, anchored, "{gone}");
        let batch = node.read(gone, 10, Duration::ZERO).await.unwrap();
        assert_eq!(batch.is_anchored, anchored, "{gone}");
    }
    let batch = node.read(first, 10, Duration::ZERO).await.unwrap();
    assert_eq!(batch.records, [(third, Bytes::from("three"))]);

    if !stand.trim_log(0).await {
        return;
    }
    let extent = node.extent(third).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, third));
    assert!(!extent.is_anchored);
    assert!(append(&*node, "four").await > third);
}

pub(crate) async fn a_deleted_log_has_no_anchor_and_no_records(stand: &impl Stand) {
    let node = stand.node().await;
    append(&*node, "one").await;
    let last = append(&*node, "two").await;
    node.put(&put(key(1), "a value")).await.unwrap();
    stand.forget_log().await;
    let extent = node.extent(last).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, START));
    assert!(!extent.is_anchored);
    for after in [START, last] {
        let batch = node.read(after, 10, Duration::ZERO).await.unwrap();
        assert_eq!(batch.records, []);
    }
    let batch = node.read(last, 10, Duration::ZERO).await.unwrap();
    assert!(!batch.is_anchored);
    assert_eq!(value(&node, &key(1)).await.unwrap(), "a value");

    // It grows again, and what it had is not there.
    let next = append(&*node, "three").await;
    let extent = node.extent(last).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (Some(next), next));
    assert!(!extent.is_anchored || next == last, "{extent:?}");
}

pub(crate) async fn a_flushed_store_has_nothing(stand: &impl Stand) {
    let node = stand.node().await;
    let last = append(&*node, "one").await;
    let (first, second) = (lease(1), lease(2));
    node.put(&put(key(1), "a value")).await.unwrap();
    let wish = Wish::ReadOrLease(&first);
    assert_eq!(leased(&node, &key(2), wish).await, Leased::Won);
    let id = NodeId::from_bits(1);
    node.announce(id, last, MINUTE).await.unwrap();
    stand.flush().await;
    let extent = node.extent(last).await.unwrap();
    assert_eq!((extent.oldest, extent.newest), (None, START));
    assert!(!extent.is_anchored);
    assert_eq!(value(&node, &key(1)).await, None);
    assert_eq!(node.nodes().await.unwrap(), []);
    let wish = Wish::ReadOrLease(&second);
    assert_eq!(leased(&node, &key(2), wish).await, Leased::Won);
    // All goes on.
    node.put(&put(key(1), "another")).await.unwrap();
    assert_eq!(value(&node, &key(1)).await.unwrap(), "another");
}

pub(crate) async fn a_wait_during_which_the_log_is_deleted_does_not_end_anchored(
    stand: &impl Stand,
) {
    let node = stand.node().await;
    let last = append(&*node, "one").await;
    let waiting = tokio::spawn({
        let node = node.clone();
        async move { node.read(last, 10, Duration::from_millis(500)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stand.forget_log().await;
    let mut batch = waiting.await.unwrap().unwrap();
    if node.poll_every().is_some() {
        // It was back before.
        batch = node.read(last, 10, Duration::ZERO).await.unwrap();
    }
    assert!(!batch.is_anchored && batch.records.is_empty(), "{batch:?}");
}
