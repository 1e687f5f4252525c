//! The log of purges.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder::shared::{Batch, Extent, InvalidationLog, LogPosition};
use larder_memcached::MemcachedTier;

use crate::{start, tier};

pub(crate) async fn append(tier: &MemcachedTier, text: &'static str) -> LogPosition {
    tier.append(&Bytes::from_static(text.as_bytes()))
        .await
        .expect("an answer")
}

pub(crate) async fn read(tier: &MemcachedTier, after: LogPosition) -> Batch {
    tier.read(after, 256, Duration::ZERO)
        .await
        .expect("an answer")
}

pub(crate) async fn extent(tier: &MemcachedTier, anchor: LogPosition) -> Extent {
    tier.extent(anchor).await.expect("an answer")
}

pub(crate) fn texts(batch: &Batch) -> Vec<&str> {
    batch
        .records
        .iter()
        .map(|(_, record)| str::from_utf8(record).expect("text"))
        .collect()
}

#[tokio::test]
async fn records_are_read_in_order_by_all_nodes() {
    let Some((server, first)) = start().await else {
        return;
    };
    let second = tier(&server).await;
    let a = append(&first, "a").await;
    let b = append(&second, "b").await;
    let c = append(&first, "c").await;
    assert!(a < b && b < c);
    for tier in [&first, &second] {
        let batch = read(tier, a).await;
        assert_eq!((texts(&batch), batch.is_anchored), (vec!["b", "c"], true));
        let batch = tier.read(a, 1, Duration::ZERO).await.expect("an answer");
        assert_eq!((texts(&batch), batch.is_anchored), (vec!["b"], true));
        let batch = read(tier, c).await;
        assert_eq!((texts(&batch), batch.is_anchored), (vec![], true));
        // After what never was in it, all that there is.
        let batch = read(tier, LogPosition::START).await;
        assert_eq!(
            (texts(&batch), batch.is_anchored),
            (vec!["a", "b", "c"], false)
        );
    }
}

#[tokio::test]
async fn positions_begin_at_the_present_time() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    let position = append(&tier, "a").await;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after it");
    assert!(now.as_millis().abs_diff(position.millis().into()) < 60_000);
}

#[tokio::test]
async fn an_empty_log_is_restarted_once() {
    let Some((server, first)) = start().await else {
        return;
    };
    let second = tier(&server).await;
    let nothing = extent(&first, LogPosition::START).await;
    assert_eq!((nothing.oldest, nothing.newest), (None, LogPosition::START));
    assert!(!nothing.is_anchored && !read(&first, LogPosition::START).await.is_anchored);
    let record = Bytes::from_static(b"all");
    let restarts = tokio::join!(
        first.restart(LogPosition::START, &record),
        second.restart(LogPosition::START, &record),
    );
    let (one, other) = (
        restarts.0.expect("an answer"),
        restarts.1.expect("an answer"),
    );
    let at = one.or(other).expect("one of them");
    assert!(one.is_none() || other.is_none());
    let found = extent(&second, at).await;
    assert_eq!(
        (found.oldest, found.newest, found.is_anchored),
        (Some(at), at, true)
    );
}

#[tokio::test]
async fn a_restart_is_above_what_was_and_above_the_present() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    let first = append(&tier, "a").await;
    let record = Bytes::from_static(b"all");
    assert_eq!(
        tier.restart(LogPosition::START, &record)
            .await
            .expect("an answer"),
        None
    );
    let future = LogPosition::new(first.millis() + 3_600_000, 5);
    let at = tier
        .restart(future, &record)
        .await
        .expect("an answer")
        .expect("it is above");
    assert!(at > future);
    let next = append(&tier, "b").await;
    assert!(next > at);
    let batch = read(&tier, at).await;
    assert_eq!((texts(&batch), batch.is_anchored), (vec!["b"], true));
    // It is another log than before.
    assert!(!read(&tier, first).await.is_anchored);
}

#[tokio::test]
async fn the_extent_is_what_is_there_without_a_hole() {
    let Some((server, tier)) = start().await else {
        return;
    };
    let mut positions = Vec::new();
    for _ in 0..600 {
        positions.push(append(&tier, "x").await);
    }
    let newest = positions[599];
    let found = extent(&tier, LogPosition::START).await;
    assert_eq!((found.oldest, found.newest), (Some(positions[0]), newest));
    assert!(extent(&tier, positions[3]).await.is_anchored);
    // Records expire from the beginning.
    for lost in &positions[..300] {
        server
            .command(&format!("md larder1:r:{}\r\n", lost.bits()))
            .await;
    }
    let found = extent(&tier, positions[599]).await;
    assert_eq!(
        (found.oldest, found.is_anchored),
        (Some(positions[300]), true)
    );
    let other = crate::tier(&server).await;
    assert_eq!(
        extent(&other, LogPosition::START).await.oldest,
        Some(positions[300])
    );
    assert!(!extent(&other, positions[299]).await.is_anchored);
    let batch = read(&other, positions[299]).await;
    assert_eq!((batch.records.len(), batch.is_anchored), (256, false));
    assert_eq!(batch.records[0].0, positions[300]);
}

#[tokio::test]
async fn what_is_appended_is_appended_though_the_caller_goes_away() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    let before = append(&tier, "a").await;
    let record = Bytes::from_static(b"b");
    let mut appending = tier.append(&record);
    std::future::poll_fn(|context| {
        assert!(appending.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(appending);
    larder_servers::until("it is there", Duration::from_secs(10), || async {
        let batch = read(&tier, before).await;
        (texts(&batch) == ["b"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_time_is_that_of_the_server() {
    let Some((_server, tier)) = start().await else {
        return;
    };
    let found = extent(&tier, LogPosition::START).await;
    let distance = match found.now.duration_since(SystemTime::now()) {
        Ok(ahead) => ahead,
        Err(behind) => behind.duration(),
    };
    assert!(distance < Duration::from_secs(10), "{distance:?}");
}
