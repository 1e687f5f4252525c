//! [`Birth`]: where a fill stands.

use std::time::SystemTime;

use crate::names::Names;
use crate::sight::Sight;
use crate::stamps::{Life, Seen, Stamps};

/// Where a fill stands in the order of purges, by what names it can be purged, and when it began.
#[derive(Debug, Clone)]
pub(crate) struct Birth {
    pub(crate) position: u64,
    pub(crate) names: Names,
    pub(crate) time: SystemTime,
    pub(crate) sight: Sight,
}

impl Birth {
    /// Nothing that the response depends on was purged since, not even softly.
    pub(crate) fn is_current(&self, stamps: &Stamps) -> bool {
        self.life(stamps) == Life::Live
    }

    pub(crate) fn is_live(&self, stamps: &Stamps) -> bool {
        self.life(stamps) != Life::Dead
    }

    fn life(&self, stamps: &Stamps) -> Life {
        stamps.life(&self.names, &Seen::new(self.position))
    }
}
