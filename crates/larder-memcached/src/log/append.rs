//! Writing to the log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder::shared::{LogPosition, StoreError, StoreErrorKind};
use tokio::time::{Instant, sleep};

use super::chain::Item;
use super::read::position;
use crate::client::{Command, Status};
use crate::seconds::expiry;
use crate::shared::Shared;

/// Appends a record: takes a position, then stores it there. Both happen though the caller goes away in
/// between, because a position without a record costs all nodes what they have stored.
pub(crate) async fn append(
    shared: &Arc<Shared>,
    record: &Bytes,
) -> Result<LogPosition, StoreError> {
    fits(record)?;
    let (shared, record) = (Arc::clone(shared), record.clone());
    to_its_end(async move { appended(&shared, record).await }).await
}

/// Appends a record above a position, unless the log is above it.
pub(crate) async fn restart(
    shared: &Arc<Shared>,
    above: LogPosition,
    record: &Bytes,
) -> Result<Option<LogPosition>, StoreError> {
    fits(record)?;
    let (shared, record) = (Arc::clone(shared), record.clone());
    to_its_end(async move { restarted(&shared, above, record).await }).await
}

/// Records are read many at a time.
fn fits(record: &Bytes) -> Result<(), StoreError> {
    if record.len() <= LONGEST_RECORD {
        return Ok(());
    }
    let what = format!("a record of more than {LONGEST_RECORD} bytes");
    Err(StoreError::new(StoreErrorKind::Refused, what))
}

async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.map_err(|error| {
        let what = "the runtime is shutting down";
        StoreError::new(StoreErrorKind::Unreachable, what).with_source(error)
    })?
}

async fn appended(shared: &Shared, record: Bytes) -> Result<LogPosition, StoreError> {
    let record = Item::Record(record).to_bytes();
    for _ in 0..ATTEMPTS {
        let seed = shared.log.seed(LogPosition::START).bits();
        let count = Command::count(shared.names.counter(), seed);
        let [counter] = shared.client.exchange(shared.log_route(), [count]).await?;
        let at = match counter.status {
            Status::Done => position(counter),
            _ => return counter.is_done().and(Err(lost())),
        };
        let at = at.ok_or_else(lost)?;
        shared.log.saw(at);
        if store(shared, at, &record).await? {
            return Ok(at);
        }
    }
    // Each position was taken: the counter went back in time. A log that goes on above is another one.
    restarted_with(shared, shared.log.seed(LogPosition::START), &record)
        .await?
        .ok_or_else(lost)
}

async fn restarted(
    shared: &Shared,
    above: LogPosition,
    record: Bytes,
) -> Result<Option<LogPosition>, StoreError> {
    restarted_with(shared, above, &Item::Record(record).to_bytes()).await
}

async fn restarted_with(
    shared: &Shared,
    above: LogPosition,
    record: &Bytes,
) -> Result<Option<LogPosition>, StoreError> {
    let mut above = above;
    for _ in 0..ATTEMPTS {
        let name = shared.names.counter();
        let [counter] = shared
            .client
            .exchange(shared.log_route(), [Command::get(name.clone())])
            .await?;
        let version = (counter.status == Status::Done).then_some(counter.cas);
        if position(counter).is_some_and(|at| at > above) {
            return Ok(None);
        }
        let at = shared.log.seed(above);
        let raise = Command::set(name, at.bits().to_string().into(), NEVER);
        let raise = match version {
            Some(version) => raise.where_version(version),
            None => raise.where_absent(),
        };
        let [raised] = shared.client.exchange(shared.log_route(), [raise]).await?;
        if !raised.is_done()? {
            continue;
        }
        shared.log.saw(at);
        if store(shared, at, record).await? {
            return Ok(Some(at));
        }
        above = at;
    }
    Err(lost())
}

/// Stores a record; `false`: something stands there, be it a mark of those who waited for it. A connection
/// that breaks just then is no reason to leave the place empty, as long as it is waited for.
async fn store(shared: &Shared, at: LogPosition, record: &Bytes) -> Result<bool, StoreError> {
    let began = Instant::now();
    loop {
        match store_once(shared, at, record).await {
            Err(error) if error.kind() != StoreErrorKind::Refused => {
                if began.elapsed() >= shared.settings.gap_wait {
                    return Err(error);
                }
                sleep(RETRY_AFTER).await;
            }
            stored => return stored,
        }
    }
}

async fn store_once(shared: &Shared, at: LogPosition, record: &Bytes) -> Result<bool, StoreError> {
    let name = shared.names.record(at);
    let set = Command::set(name, record.clone(), expiry(shared.settings.retain));
    let [stored] = shared
        .client
        .exchange(shared.log_route(), [set.where_absent()])
        .await?;
    stored.is_done()
}

fn lost() -> StoreError {
    let what = "the counter of the log changed each time it was read";
    StoreError::new(StoreErrorKind::Refused, what)
}

const ATTEMPTS: usize = 8;
const RETRY_AFTER: Duration = Duration::from_millis(10);
/// In bytes; a purge has some tens.
const LONGEST_RECORD: usize = 64 << 10;
/// An item that does not expire.
const NEVER: u32 = 0;
