//! [`LogState`]: what a node knows of the log.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::shared::LogPosition;
use tokio::time::Instant;

use super::clock::{Clock, since_epoch};
use super::lock::lock;

/// What a node knows of the log.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// The greatest position that was seen.
    highest: AtomicU64,
    /// The record that is waited for, and since when.
    gap: Mutex<Option<(LogPosition, Instant)>>,
    /// The record that was found to be the oldest.
    pub(super) oldest: Mutex<Option<LogPosition>>,
    pub(super) clock: Clock,
}

impl LogState {
    pub(super) fn saw(&self, position: LogPosition) {
        self.highest.fetch_max(position.bits(), Ordering::Relaxed);
    }

    /// Where a counter begins: at the present, and in a later millisecond than this position and all that
    /// was seen, in case that this node's clock is behind. Where in the millisecond is drawn, so that two
    /// logs that begin in the same one are not taken for each other.
    pub(super) fn seed(&self, above: LogPosition) -> LogPosition {
        let highest = LogPosition::from_bits(self.highest.load(Ordering::Relaxed)).max(above);
        let millis = since_epoch().as_millis().try_into().unwrap_or(u64::MAX);
        let millis = highest.millis().saturating_add(1).max(millis);
        LogPosition::new(millis, fastrand::u64(..SEEDS))
    }

    /// How long a record has been waited for.
    pub(super) fn waited_for(&self, position: LogPosition) -> Duration {
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
