//! [`Counts`]: what came to pass in schedules.

/// What came to pass.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Fresh, from memory.
    pub hits: u64,
    /// Stale, from memory.
    pub stale: u64,
    /// From the shared store.
    pub from_store: u64,
    /// Of a fetch of another.
    pub followed: u64,
    /// Waited, and could not have it.
    pub sent_away: u64,
    /// Fetched and kept.
    pub stored: u64,
    /// Fetched, and purged or outrun meanwhile.
    pub not_stored: u64,
    /// Purges.
    pub purges: u64,
    /// What went wrong.
    pub faults: u64,
}

impl Counts {
    pub(crate) fn serves(&self) -> u64 {
        self.hits + self.from_store + self.followed + self.stale
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.stale += other.stale;
        self.from_store += other.from_store;
        self.followed += other.followed;
        self.sent_away += other.sent_away;
        self.stored += other.stored;
        self.not_stored += other.not_stored;
        self.purges += other.purges;
        self.faults += other.faults;
    }
}
