//! Records by their positions.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use larder::shared::{LogPosition, StoreError};
use tokio::time::sleep;

use crate::client::{Answer, Command};
use crate::seconds::expiry;
use crate::shared::Shared;

/// What stands at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A record.
    Record(Bytes),
    /// The record that belongs here is lost.
    Mark,
}

impl Item {
    pub(super) fn to_bytes(&self) -> Bytes {
        match self {
            Self::Record(record) => {
                let mut bytes = BytesMut::with_capacity(1 + record.len());
                bytes.put_u8(b'r');
                bytes.put_slice(record);
                bytes.freeze()
            }
            Self::Mark => Bytes::from_static(b"-"),
        }
    }

    /// What is no record is as good as lost.
    fn of(answer: Answer) -> Option<Self> {
        let mut value = answer.found()?.value?;
        Some(if value.first() == Some(&b'r') {
            Self::Record(value.split_off(1))
        } else {
            Self::Mark
        })
    }
}

/// Records one after the other.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) records: Vec<(LogPosition, Bytes)>,
    /// The record after the last one is lost.
    pub(super) is_broken: bool,
}

/// Reads the records after one position and up to another. Waits for those that are about to be written.
pub(super) async fn chain(
    shared: &Shared,
    after: LogPosition,
    upto: LogPosition,
) -> Result<Chain, StoreError> {
    let mut chain = Chain::default();
    let mut last = after.bits();
    while last < upto.bits() {
        let end = last.saturating_add(BATCH).min(upto.bits());
        for (position, item) in items(shared, last + 1, end).await? {
            let item = match item {
                Some(item) => item,
                None => awaited(shared, position).await?,
            };
            let Item::Record(record) = item else {
                chain.is_broken = true;
                return Ok(chain);
            };
            chain.records.push((position, record));
        }
        last = end;
    }
    Ok(chain)
}

/// The oldest position from which on nothing is lost, up to the newest, of which it is known that it is
/// there.
pub(super) async fn walk_back(
    shared: &Shared,
    newest: LogPosition,
) -> Result<LogPosition, StoreError> {
    let end = newest
        .bits()
        .saturating_sub(shared.settings.longest_replay.into());
    let (mut oldest, mut last) = (newest, newest.bits());
    while last > end {
        let first = last.saturating_sub(BATCH - 1).max(end + 1);
        for (position, item) in items(shared, first, last).await?.into_iter().rev() {
            match item {
                Some(Item::Record(_)) => oldest = position,
                // What comes after it is whole.
                Some(Item::Mark) => return Ok(position),
                None => return Ok(oldest),
            }
        }
        last = first - 1;
    }
    Ok(oldest)
}

/// The first position from this one on where something stands.
pub(super) async fn walk_on(
    shared: &Shared,
    from: LogPosition,
    newest: LogPosition,
) -> Result<LogPosition, StoreError> {
    let mut first = from.bits();
    while first < newest.bits() {
        let last = first.saturating_add(BATCH - 1).min(newest.bits());
        let items = items(shared, first, last).await?;
        if let Some((position, _)) = items.into_iter().find(|(_, item)| item.is_some()) {
            return Ok(position);
        }
        first = last + 1;
    }
    Ok(newest)
}

/// What stands from one position to another.
pub(super) async fn items(
    shared: &Shared,
    first: u64,
    last: u64,
) -> Result<Vec<(LogPosition, Option<Item>)>, StoreError> {
    let positions = || (first..=last).map(LogPosition::from_bits);
    let get = |at| Command::get(shared.names.record(at));
    let commands = positions().map(get).collect();
    let answers = shared
        .client
        .exchange_all(shared.log_route(), commands)
        .await?;
    Ok(positions().zip(answers.into_iter().map(Item::of)).collect())
}

/// A record that is not there yet. When it has been waited for long enough it is lost, for everybody.
pub(super) async fn awaited(shared: &Shared, position: LogPosition) -> Result<Item, StoreError> {
    let mut pause = Duration::from_millis(2);
    loop {
        let waited = shared.log.waited_for(position);
        let left = shared.settings.gap_wait.saturating_sub(waited);
        if left.is_zero() {
            break;
        }
        sleep(pause.min(left)).await;
        pause *= 2;
        if let Some(item) = item(shared, position).await? {
            return Ok(item);
        }
    }
    let lasts = expiry(shared.settings.retain);
    let mark = Command::set(shared.names.record(position), Item::Mark.to_bytes(), lasts);
    let commands = [
        mark.where_absent(),
        Command::get(shared.names.record(position)),
    ];
    let [marked, standing] = shared.client.exchange(shared.log_route(), commands).await?;
    if marked.is_done()? {
        tracing::warn!(%position, "a record of a purge is missing: all that is stored counts as purged");
    }
    Ok(Item::of(standing).unwrap_or(Item::Mark))
}

async fn item(shared: &Shared, position: LogPosition) -> Result<Option<Item>, StoreError> {
    let at = position.bits();
    Ok(items(shared, at, at)
        .await?
        .pop()
        .and_then(|(_, item)| item))
}

/// Records that are asked for in one exchange.
const BATCH: u64 = 128;
