//! [`Counts`]: how often a store was asked for what.

use larder::shared::{Found, Leased, StoreError, Wish};

/// How often something was asked for: of a [`FakeLink`](crate::FakeLink), the calls that its node made,
/// of which some may have failed; of a [`FakeStore`](crate::FakeStore), those that arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Values read, with or without a wish for a lease.
    pub gets: u64,
    /// Those among them that wished for a lease.
    pub wishes: u64,
    /// Those among them that won it.
    pub leases: u64,
    /// Values stored.
    pub puts: u64,
    /// Values dropped.
    pub removes: u64,
    /// Leases given back without a value.
    pub releases: u64,
    /// Questions for the extent of the log.
    pub extents: u64,
    /// Reads of the log.
    pub reads: u64,
    /// Records appended.
    pub appends: u64,
    /// Restarts of the log.
    pub restarts: u64,
    /// Nodes announced.
    pub announcements: u64,
    /// Questions for the nodes.
    pub rolls: u64,
}

impl Counts {
    /// All calls.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.gets
            + self.puts
            + self.removes
            + self.releases
            + self.extents
            + self.reads
            + self.appends
            + self.restarts
            + self.announcements
            + self.rolls
    }

    pub(super) fn count_get(&mut self, wish: Wish<'_>) {
        self.gets += 1;
        self.wishes += u64::from(wish.lease().is_some());
    }

    pub(super) fn count_won(&mut self, found: &Result<Found, StoreError>) {
        let is_won = matches!(found, Ok(found) if found.leased == Leased::Won);
        self.leases += u64::from(is_won);
    }
}
