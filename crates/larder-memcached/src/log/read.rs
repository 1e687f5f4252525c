//! Reading the log.

use larder::shared::{Batch, Extent, LogPosition, StoreError};

use super::chain::{Chain, awaited, chain, items, walk_back, walk_on};
use super::lock::lock;
use crate::client::{Answer, Command, number};
use crate::seconds::expiry;
use crate::shared::Shared;

/// The records after a position. Where that is not in the log, the oldest that there are.
pub(crate) async fn read(
    shared: &Shared,
    after: LogPosition,
    limit: usize,
) -> Result<Batch, StoreError> {
    let (newest, is_there) = look(shared, after).await?;
    let Some(newest) = newest else {
        return Ok(Batch::default());
    };
    let upto = |from: LogPosition| {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        LogPosition::from_bits(from.bits().saturating_add(limit)).min(newest)
    };
    if is_there && is_near(after, newest) {
        let Chain { records, is_broken } = chain(shared, after, upto(after)).await?;
        return Ok(Batch {
            // What comes before a record that is lost is whole. The next read begins at the loss.
            is_anchored: !is_broken || !records.is_empty(),
            reaches_end: !is_broken && upto(after) == newest,
            records,
        });
    }
    settle(shared, newest).await?;
    let oldest = oldest(shared, newest, false).await?;
    let before = LogPosition::from_bits(oldest.bits().saturating_sub(1)).max(after);
    let mut end = upto(before);
    let mut found = chain(shared, before, end).await?;
    if found.is_broken && found.records.is_empty() {
        // It begins with a mark.
        end = upto(oldest);
        found = chain(shared, oldest, end).await?;
    }
    Ok(Batch {
        is_anchored: false,
        reaches_end: !found.is_broken && end == newest,
        records: found.records,
    })
}

/// What the log has.
pub(crate) async fn extent(shared: &Shared, anchor: LogPosition) -> Result<Extent, StoreError> {
    let (newest, is_there) = look(shared, anchor).await?;
    let now = shared
        .log
        .clock
        .now(&shared.client, shared.log_route())
        .await;
    let Some(newest) = newest else {
        return Ok(Extent {
            oldest: None,
            newest: LogPosition::START,
            is_anchored: false,
            now,
        });
    };
    settle(shared, newest).await?;
    let is_anchored =
        is_there && is_near(anchor, newest) && !chain(shared, anchor, newest).await?.is_broken;
    Ok(Extent {
        oldest: Some(oldest(shared, newest, is_anchored).await?),
        newest,
        is_anchored,
        now,
    })
}

/// The position of the newest record, and whether there is one at the anchor, which is kept alive.
async fn look(
    shared: &Shared,
    anchor: LogPosition,
) -> Result<(Option<LogPosition>, bool), StoreError> {
    let touch = Command::touch(shared.names.record(anchor), expiry(shared.settings.retain));
    let commands = [Command::get(shared.names.counter()), touch];
    let [counter, there] = shared.client.exchange(shared.log_route(), commands).await?;
    let newest = position(counter);
    if let Some(newest) = newest {
        shared.log.saw(newest);
    }
    Ok((newest, there.is_done()?))
}

/// What the counter says. One that holds no number, or one that no counter can have come to, is none: it
/// is made anew as if it were not there.
pub(super) fn position(counter: Answer) -> Option<LogPosition> {
    let position = number(&counter.found()?.value?).map(LogPosition::from_bits)?;
    let is_possible = position > LogPosition::START && position.millis() < LATEST;
    is_possible.then_some(position)
}

/// Whether a position can be in the same log: one that began anew is farther away.
fn is_near(anchor: LogPosition, newest: LogPosition) -> bool {
    let distance = newest.bits().checked_sub(anchor.bits());
    anchor > LogPosition::START && distance.is_some_and(|distance| distance <= FARTHEST)
}

/// Sees to it that something stands where the counter is.
async fn settle(shared: &Shared, newest: LogPosition) -> Result<(), StoreError> {
    let at = newest.bits();
    let is_there = items(shared, at, at)
        .await?
        .iter()
        .any(|(_, item)| item.is_some());
    if !is_there {
        awaited(shared, newest).await?;
    }
    Ok(())
}

/// The oldest record from which on all are there. To find it costs as many look-ups as there are records,
/// so it is done once; from then on it is enough to see how far records have expired. Losses in between are
/// found by whoever reads there.
async fn oldest(
    shared: &Shared,
    newest: LogPosition,
    is_anchored: bool,
) -> Result<LogPosition, StoreError> {
    let known = lock(&shared.log.oldest).filter(|known| is_anchored && *known <= newest);
    let oldest = match known {
        Some(known) => walk_on(shared, known, newest).await?,
        None => walk_back(shared, newest).await?,
    };
    *lock(&shared.log.oldest) = Some(oldest);
    Ok(oldest)
}

/// A counter that begins anew is led 2^20 farther for each millisecond that has passed.
const FARTHEST: u64 = 1 << 16;
/// In milliseconds since the epoch: the year 2248. Half of what a position can hold.
const LATEST: u64 = 1 << 43;
