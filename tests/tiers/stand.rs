//! [`Stand`]: a store that is set up for a test.

use std::sync::Arc;
use std::time::Duration;

use larder::shared::{EntryStore, InvalidationLog};

/// Most stores are both.
pub(crate) trait Both: EntryStore + InvalidationLog {}

impl<T: EntryStore + InvalidationLog> Both for T {}

/// How a node of a test reaches the store.
pub(crate) type Node = Arc<dyn Both>;

/// A store of its own for each test, with what a test does to it behind the back of its nodes.
pub(crate) trait Stand: Sized {
    /// In what this store is weaker or slower than others.
    const LIMITS: Limits;

    /// `None`: there is no such server here.
    async fn set_up() -> Option<Self>;

    /// Another node, with connections of its own.
    async fn node(&self) -> Node;

    /// Deletes the log.
    async fn forget_log(&self);

    /// Drops all records but so many of the newest. `false`: this log never loses so much.
    async fn trim_log(&self, keep: usize) -> bool;

    /// Drops everything.
    async fn flush(&self);
}

/// In what a store is weaker or slower than others, as its documentation says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The unit in which it measures how long something is kept.
    pub(crate) tick: Duration,
    /// It tells who has a lease.
    pub(crate) knows_holder: bool,
    /// Of so many values that are stored under one key at once, each is written or outrun.
    pub(crate) puts_at_once: usize,
    /// A position's milliseconds are the time at which it was given, not only of the first one.
    pub(crate) positions_are_times: bool,
    /// A read of the log waits for the next record.
    pub(crate) waits: bool,
}

impl Limits {
    pub(crate) const NONE: Self = Self {
        tick: Duration::from_millis(50),
        knows_holder: true,
        puts_at_once: 40,
        positions_are_times: true,
        waits: true,
    };
}
