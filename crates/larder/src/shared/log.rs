//! [`InvalidationLog`]: the part of a shared store that carries purges to all nodes, in one order.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::Pending;
use super::position::LogPosition;

/// An ordered log of purges that all nodes append to and read.
///
/// A node that has read up to a position knows of all purges up to there, and a response that was fetched
/// then is dead to everybody once something that it is named by is appended later. So the order must hold:
/// what is appended gets a greater position than everything before, and whoever reads after a position
/// gets all that is retained after it, in order. A log may forget from its beginning; it should retain
/// what is needed for as long as responses are stored, or those are fetched again.
///
/// What cannot hold is found out: each read says whether the record at which it began is still there
/// ([`Batch::is_anchored`]). A log that lost it, was emptied, or went back in time is
/// [restarted](Self::restart), and everything that was stored before is dead.
///
/// The cache cuts off calls that exceed their deadline.
pub trait InvalidationLog: fmt::Debug + Send + Sync + 'static {
    /// What the log has, and whether it has the record at `anchor`. Asked for at each beginning, and every
    /// few seconds.
    fn extent(&self, anchor: LogPosition) -> Pending<'_, Extent>;

    /// The records after a position, at most `limit`. Where there are none it waits for the first, at
    /// most this long (a log that cannot wait returns early, and is asked again after
    /// [`poll_every`](Self::poll_every)).
    fn read(&self, after: LogPosition, limit: usize, wait: Duration) -> Pending<'_, Batch>;

    /// Appends a record. Returns once the log has it.
    fn append<'a>(&'a self, record: &'a Bytes) -> Pending<'a, LogPosition>;

    /// Appends a record at a position above this one, and not before the present time, so that all later
    /// positions are greater than it. `None`: the log has got a record above it by itself.
    fn restart<'a>(
        &'a self,
        above: LogPosition,
        record: &'a Bytes,
    ) -> Pending<'a, Option<LogPosition>>;

    /// Tells others that this node is there, and how far it has read, for so long.
    fn announce(&self, node: NodeId, applied: LogPosition, lasts: Duration) -> Pending<'_, ()>;

    /// The nodes that are there.
    fn nodes(&self) -> Pending<'_, Vec<Node>>;

    /// For a log that cannot wait in [`read`](Self::read): how often it is asked. `None`: it waits.
    fn poll_every(&self) -> Option<Duration> {
        None
    }
}

/// What a log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores make them")]
pub struct Extent {
    /// The oldest record that is retained; `None`: there is no record.
    pub oldest: Option<LogPosition>,
    /// The position of the newest record, be it forgotten.
    pub newest: LogPosition,
    /// The record that was asked for is there.
    pub is_anchored: bool,
    /// The time by the clock of the store.
    pub now: SystemTime,
}

/// Records as they were read.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "stores make them")]
pub struct Batch {
    /// In order.
    pub records: Vec<(LogPosition, Bytes)>,
    /// At a time after the records were read, the record after which they come was still there: so
    /// nothing between is missing. After the [start](LogPosition::START) no record stands, and either
    /// answer will do.
    pub is_anchored: bool,
    /// When they were read there was no record after the last of them; where there are none, none after the
    /// position. Whoever gets fewer than the limit need not have got all: a log may break off before a record
    /// that is lost, or that is still being written. As long as this is false a node does not trust what it
    /// knows for longer than before (the bound of its settings), and reads on at once.
    pub reaches_end: bool,
}

/// Which node of a fleet: drawn anew for each cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

impl NodeId {
    /// A node by its number.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its number.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A node that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores make them")]
pub struct Node {
    /// Which.
    pub id: NodeId,
    /// How far it has read.
    pub applied: LogPosition,
}
