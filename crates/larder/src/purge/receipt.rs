//! [`Receipt`]: that a purge has happened.

use std::time::SystemTime;

use super::what::Purge;

/// That a purge has happened: it took effect before this was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    purge: Purge,
    position: u64,
    time: SystemTime,
}

impl Receipt {
    pub(super) const fn new(purge: Purge, position: u64, time: SystemTime) -> Self {
        Self {
            purge,
            position,
            time,
        }
    }

    /// What was purged, and how.
    pub const fn purge(&self) -> &Purge {
        &self.purge
    }

    /// Its stamp: the position of the purge in the order of all purges of this cache. Whatever was
    /// begun before it and depends on what it names is not served any more, or is stale if it was
    /// [soft](Purge::is_soft).
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// When it took effect here, by the [clock](crate::CacheBuilder::clock) of the cache.
    #[must_use]
    pub const fn effective_at(&self) -> SystemTime {
        self.time
    }
}
