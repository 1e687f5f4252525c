//! [`Sight`]: what a node knew of the purges of others.

use crate::shared::LogPosition;

/// What a node knew of purges at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Of the log.
    pub(crate) position: LogPosition,
    pub(crate) moment: Moment,
}

/// A moment, in milliseconds since the cache was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub(crate) const fn millis(self) -> u64 {
        self.0
    }
}
