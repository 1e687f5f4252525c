//! The log of purges, on a store that knows no lists and cannot push.
//!
//! # What stands where
//!
//! A counter (`:inv`) has the position of the newest record, and each record stands under its position
//! (`:r:<position>`). To append is to add one to the counter, and then to store the record where the
//! counter was led to. To read is to ask for the counter, and for each position between what was read and
//! where it stands: positions have no holes, so nothing can be missed unseen. That is one look-up for each
//! poll and one for each record. Stamps by tag, which Memcached is often used with, would cost a second
//! exchange for each tagged response that is read.
//!
//! A counter that was evicted, or that of a server that started anew, begins at the time in milliseconds,
//! with 20 bits below, so above all that was: the distance tells readers that it is another log.
//!
//! # What is missing
//!
//! A record that is not there where the counter says so is about to be written, or never will be, or was
//! evicted. It is waited for, for a short time; then whoever waited writes a mark in its place. So all nodes
//! agree that it is lost, and drop what they have ([`Batch::is_anchored`](larder::shared::Batch)); and a
//! writer that was only slow finds the mark, and appends its record once more. This is safe: the counter
//! had grown before, so what is stored from then on was fetched after the purge.
//!
//! # What is kept
//!
//! Records expire. The one after which a node reads is touched by each poll, so that it stays as long as
//! there are nodes, and tells that the log is the one that it was.

mod append;
mod chain;
mod clock;
mod nodes;
mod read;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use larder::shared::LogPosition;
use tokio::time::Instant;

pub(crate) use self::append::{append, restart};
use self::clock::Clock;
pub(crate) use self::nodes::{announce, nodes};
pub(crate) use self::read::{extent, read};

/// What a node knows of the log.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// The greatest position that was seen.
    highest: AtomicU64,
    /// The record that is waited for, and since when.
    gap: Mutex<Option<(LogPosition, Instant)>>,
    /// The record that was found to be the oldest.
    oldest: Mutex<Option<LogPosition>>,
    clock: Clock,
}

impl LogState {
    fn saw(&self, position: LogPosition) {
        self.highest.fetch_max(position.bits(), Ordering::Relaxed);
    }

    /// Where a counter begins: at the present, and in a later millisecond than this position and all that
    /// was seen, in case that this node's clock is behind. Where in the millisecond is drawn, so that two
    /// logs that begin in the same one are not taken for each other.
    fn seed(&self, above: LogPosition) -> LogPosition {
        let highest = LogPosition::from_bits(self.highest.load(Ordering::Relaxed)).max(above);
        let millis = since_epoch().as_millis().try_into().unwrap_or(u64::MAX);
        let millis = highest.millis().saturating_add(1).max(millis);
        LogPosition::new(millis, fastrand::u64(..SEEDS))
    }

    /// How long a record has been waited for.
    fn waited_for(&self, position: LogPosition) -> Duration {
        let mut gap = lock(&self.gap);
        match *gap {
            Some((at, since)) if at == position => since.elapsed(),
            _ => {
                *gap = Some((position, Instant::now()));
                Duration::ZERO
            }
        }
    }
}

/// Half of what can be counted in a millisecond.
const SEEDS: u64 = 1 << 19;

fn since_epoch() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}

/// What is guarded here is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
