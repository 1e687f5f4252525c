//! Keys, values, leases and records, and waiting for what has to happen.

use std::time::Duration;

use bytes::Bytes;
use larder::shared::{
    EntryKey, Found, InvalidationLog, Lease, Leased, LogPosition, MAGIC, Put, Token, Wish,
};
use tokio::time::{Instant, sleep};

use crate::stand::Node;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// What does not happen within this time does not happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn key(number: u32) -> EntryKey {
    let mut primary = [0xa5; 32];
    primary[..4].copy_from_slice(&number.to_be_bytes());
    EntryKey::new(primary)
}

pub(crate) fn variant(number: u32, variant: u8) -> EntryKey {
    key(number).with_variant([variant; 16])
}

pub(crate) fn at(millis: u64) -> LogPosition {
    LogPosition::new(millis, 0)
}

/// What a value has to begin with, and a text.
pub(crate) fn frame(born: LogPosition, text: &str) -> Bytes {
    let head = [&MAGIC[..], &[1, 0, 0, 0, 0, 0], &born.bits().to_be_bytes()].concat();
    Bytes::from([&head, text.as_bytes()].concat())
}

/// A value that is kept for a minute and was born at the beginning.
pub(crate) fn put(key: EntryKey, value: impl Into<Bytes>) -> Put {
    Put {
        key,
        value: value.into(),
        rule: None,
        born: LogPosition::START,
        keep: MINUTE,
        lease: None,
    }
}

/// The same, born at a position and saying so.
pub(crate) fn put_born(key: EntryKey, born: LogPosition, text: &str) -> Put {
    Put {
        born,
        ..put(key, frame(born, text))
    }
}

/// A lease for a minute.
pub(crate) fn lease(token: u8) -> Lease {
    Lease {
        token: Token::from_bytes([token; 16]),
        born: at(1_000 + u64::from(token)),
        lasts: MINUTE,
    }
}

pub(crate) async fn find(node: &Node, key: &EntryKey) -> Found {
    let found = node.get(key, Wish::Read).await.unwrap();
    assert_eq!(found.leased, Leased::No);
    found
}

/// What stands under exactly this key.
pub(crate) async fn value(node: &Node, key: &EntryKey) -> Option<Bytes> {
    let found = find(node, key).await;
    if key.variant().is_some() {
        found.variant
    } else {
        assert_eq!(found.variant, None);
        found.primary
    }
}

pub(crate) async fn leased(node: &Node, key: &EntryKey, wish: Wish<'_>) -> Leased {
    node.get(key, wish).await.unwrap().leased
}

pub(crate) async fn append(log: &dyn InvalidationLog, record: &'static str) -> LogPosition {
    log.append(&Bytes::from(record)).await.unwrap()
}

/// So many records after a position, however many reads it takes.
pub(crate) async fn records(
    node: &Node,
    mut after: LogPosition,
    count: usize,
) -> Vec<(LogPosition, Bytes)> {
    let mut all = Vec::new();
    until("the records are there", async || {
        let batch = node.read(after, count, Duration::ZERO).await.unwrap();
        after = batch.records.last().map_or(after, |(at, _)| *at);
        all.extend(batch.records);
        all.len() >= count
    })
    .await;
    all
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
