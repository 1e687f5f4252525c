//! [`FakeLink`]: how one node reaches a fake store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use larder::shared::{
    Batch, EntryKey, EntryStore, Extent, Found, InvalidationLog, LogPosition, News, Node, NodeId,
    Outcome, Pending, Put, Token, Wish,
};

use super::counts::Counts;
use super::store::FakeStore;
use super::way::{Faults, Way};

/// The link of one node to a [`FakeStore`], with faults on command. Clones are the same link.
///
/// The methods that change it are for both sides; [`side`](Self::side) has the same for one. They hold
/// for calls that are already on their way too: a cut ends them, of those that a freeze meets, the
/// answer waits.
#[derive(Debug, Clone)]
pub struct FakeLink(Arc<Inner>);

/// One of the two sides of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store has these two")]
pub enum Side {
    /// Values and leases.
    Entries,
    /// Purges and nodes.
    Log,
}

/// One side of a [`FakeLink`].
#[derive(Debug, Clone)]
pub struct FakeSide(FakeLink, Side);

#[derive(Debug)]
struct Inner {
    store: FakeStore,
    entries: Way,
    log: Way,
    counts: Mutex<Counts>,
}

impl FakeStore {
    /// A link to it, for one node.
    #[must_use]
    pub fn link(&self) -> FakeLink {
        FakeLink::new(self.clone())
    }
}

impl FakeLink {
    pub(super) fn new(store: FakeStore) -> Self {
        Self(Arc::new(Inner {
            store,
            entries: Way::default(),
            log: Way::default(),
            counts: Mutex::default(),
        }))
    }

    /// The store that it leads to.
    #[must_use]
    pub fn store(&self) -> FakeStore {
        self.0.store.clone()
    }

    /// One side alone.
    #[must_use]
    pub fn side(&self, side: Side) -> FakeSide {
        FakeSide(self.clone(), side)
    }

    /// The calls that were made over it, also those that failed or were dropped.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All calls fail at once, as [unreachable](larder::shared::StoreErrorKind::Unreachable).
    pub fn cut(&self) {
        self.set(|faults| faults.is_cut = true);
    }

    /// The end of [`cut`](Self::cut).
    pub fn heal(&self) {
        self.set(|faults| faults.is_cut = false);
    }

    /// No call is answered, and no new one arrives.
    pub fn freeze(&self) {
        self.set(|faults| faults.is_frozen = true);
    }

    /// The end of [`freeze`](Self::freeze): what waits arrives, or is answered.
    pub fn thaw(&self) {
        self.set(|faults| faults.is_frozen = false);
    }

    /// Calls arrive so much later; one that is dropped before never does.
    pub fn delay(&self, by: Duration) {
        self.set(|faults| faults.requests = by);
    }

    /// Calls do at once what they do, and are answered so much later: with what was true then.
    pub fn delay_replies(&self, by: Duration) {
        self.set(|faults| faults.replies = by);
    }

    /// Calls do what they do, and then fail as unreachable.
    pub fn lose_replies(&self, lose: bool) {
        self.set(|faults| faults.loses_replies = lose);
    }

    fn set(&self, how: impl Fn(&mut Faults)) {
        self.0.entries.set(&how);
        self.0.log.set(&how);
    }

    fn count(&self, how: impl FnOnce(&mut Counts)) {
        how(&mut self.0.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// See the methods of [`FakeLink`] by the same names.
impl FakeSide {
    /// All its calls fail at once.
    pub fn cut(&self) {
        self.way().set(|faults| faults.is_cut = true);
    }

    /// The end of [`cut`](Self::cut).
    pub fn heal(&self) {
        self.way().set(|faults| faults.is_cut = false);
    }

    /// None of its calls is answered, and no new one arrives.
    pub fn freeze(&self) {
        self.way().set(|faults| faults.is_frozen = true);
    }

    /// The end of [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.way().set(|faults| faults.is_frozen = false);
    }

    /// Its calls arrive so much later.
    pub fn delay(&self, by: Duration) {
        self.way().set(|faults| faults.requests = by);
    }

    /// Its calls are answered so much later.
    pub fn delay_replies(&self, by: Duration) {
        self.way().set(|faults| faults.replies = by);
    }

    /// Its calls do what they do, and then fail.
    pub fn lose_replies(&self, lose: bool) {
        self.way().set(|faults| faults.loses_replies = lose);
    }

    fn way(&self) -> &Way {
        match self.1 {
            Side::Entries => &self.0.0.entries,
            Side::Log => &self.0.0.log,
        }
    }
}

impl EntryStore for FakeLink {
    fn get<'a>(&'a self, key: &'a EntryKey, wish: Wish<'a>) -> Pending<'a, Found> {
        self.count(|counts| counts.count_get(wish));
        let call = async move {
            let found = self.0.store.get(key, wish).await;
            self.count(|counts| counts.count_won(&found));
            found
        };
        Box::pin(self.0.entries.carry(call))
    }

    fn put<'a>(&'a self, put: &'a Put) -> Pending<'a, ()> {
        self.count(|counts| counts.puts += 1);
        Box::pin(self.0.entries.carry(self.0.store.put(put)))
    }

    fn remove<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        self.count(|counts| counts.removes += 1);
        Box::pin(self.0.entries.carry(self.0.store.remove(key)))
    }

    fn discard<'a>(&'a self, key: &'a EntryKey, born: LogPosition) -> Pending<'a, ()> {
        self.count(|counts| counts.removes += 1);
        Box::pin(self.0.entries.carry(self.0.store.discard(key, born)))
    }

    fn release<'a>(
        &'a self,
        key: &'a EntryKey,
        token: &'a Token,
        outcome: Outcome,
    ) -> Pending<'a, ()> {
        self.count(|counts| counts.releases += 1);
        let call = self.0.store.release(key, token, outcome);
        Box::pin(self.0.entries.carry(call))
    }

    fn tell<'a>(&'a self, key: &'a EntryKey) -> Pending<'a, ()> {
        Box::pin(self.0.entries.carry(self.0.store.tell(key)))
    }

    fn listen(&self) -> Pending<'_, Option<Box<dyn News>>> {
        Box::pin(self.0.entries.carry(self.0.store.listen()))
    }
}

impl InvalidationLog for FakeLink {
    fn extent(&self, anchor: LogPosition) -> Pending<'_, Extent> {
        self.count(|counts| counts.extents += 1);
        Box::pin(self.0.log.carry(self.0.store.extent(anchor)))
    }

    fn read(&self, after: LogPosition, limit: usize, wait: Duration) -> Pending<'_, Batch> {
        self.count(|counts| counts.reads += 1);
        Box::pin(self.0.log.carry(self.0.store.read(after, limit, wait)))
    }

    fn append<'a>(&'a self, record: &'a Bytes) -> Pending<'a, LogPosition> {
        self.count(|counts| counts.appends += 1);
        Box::pin(self.0.log.carry(self.0.store.append(record)))
    }

    fn restart<'a>(
        &'a self,
        above: LogPosition,
        record: &'a Bytes,
    ) -> Pending<'a, Option<LogPosition>> {
        self.count(|counts| counts.restarts += 1);
        Box::pin(self.0.log.carry(self.0.store.restart(above, record)))
    }

    fn announce(&self, node: NodeId, applied: LogPosition, lasts: Duration) -> Pending<'_, ()> {
        self.count(|counts| counts.announcements += 1);
        let call = self.0.store.announce(node, applied, lasts);
        Box::pin(self.0.log.carry(call))
    }

    fn nodes(&self) -> Pending<'_, Vec<Node>> {
        self.count(|counts| counts.rolls += 1);
        Box::pin(self.0.log.carry(self.0.store.nodes()))
    }

    fn poll_every(&self) -> Option<Duration> {
        self.0.store.poll_every()
    }
}
