//! [`Journal`]: the log, and all that can happen to it.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::fleet::record::Record;
use crate::shared::{Batch, Extent, LogPosition};
use crate::truth::{Known, Truth};

#[derive(Debug, Default)]
pub(crate) struct Journal {
    state: State,
    /// What there is after a failover, and since when.
    replica: (State, u64),
    /// A position is never given twice, whatever is lost: two records of the same millisecond on both sides
    /// of a failover would be taken for the same.
    given: HashSet<LogPosition>,
    known: BTreeMap<LogPosition, Known>,
    /// Of its clock, in milliseconds.
    pub(crate) ahead: i64,
    /// It keeps so many records.
    retains: usize,
}

#[derive(Debug, Default, Clone)]
struct State {
    records: BTreeMap<LogPosition, Bytes>,
    newest: LogPosition,
    /// Those too that were trimmed.
    history: Vec<(u64, Record)>,
}

impl Journal {
    pub(crate) fn new(retains: usize) -> Self {
        Self {
            retains,
            ..Self::default()
        }
    }

    fn millis(&self, truth: &Truth) -> u64 {
        (10_000_000 + truth.now).saturating_add_signed(self.ahead)
    }

    pub(crate) fn picture(&self) -> String {
        let records: Vec<_> = self.state.records.keys().map(ToString::to_string).collect();
        format!("{} up to {}", records.join(" "), self.state.newest)
    }

    pub(crate) fn newest(&self) -> LogPosition {
        self.state.newest
    }

    pub(crate) fn known_by(&self, position: LogPosition) -> Known {
        self.known.get(&position).copied().unwrap_or_default()
    }

    pub(crate) fn extent(&self, anchor: LogPosition, truth: &Truth) -> Extent {
        Extent {
            oldest: self.state.records.keys().next().copied(),
            newest: self.state.newest,
            is_anchored: self.state.records.contains_key(&anchor),
            now: SystemTime::UNIX_EPOCH + Duration::from_millis(self.millis(truth)),
        }
    }

    pub(crate) fn read(&self, after: LogPosition, limit: usize) -> Batch {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let mut later = self.state.records.range(range);
        let records = later.by_ref().take(limit);
        Batch {
            records: records.map(|(at, record)| (*at, record.clone())).collect(),
            is_anchored: self.state.records.contains_key(&after),
            reaches_end: later.next().is_none(),
        }
    }

    pub(crate) fn append(&mut self, record: &Bytes, truth: &mut Truth) -> LogPosition {
        let position = self.state.newest.above(self.millis(truth));
        self.add(position, record, truth)
    }

    pub(crate) fn restart(
        &mut self,
        above: LogPosition,
        record: &Bytes,
        truth: &mut Truth,
    ) -> Option<LogPosition> {
        let position = above.above(self.millis(truth));
        (self.state.newest <= above).then(|| self.add(position, record, truth))
    }

    fn add(&mut self, mut position: LogPosition, bytes: &Bytes, truth: &mut Truth) -> LogPosition {
        while !self.given.insert(position) {
            position = position.above(0);
        }
        let event = truth.next();
        let record = Record::decode(bytes).expect("nodes write what can be read");
        self.known.insert(position, truth.covered(&record));
        self.state.history.push((event, record));
        self.state.records.insert(position, bytes.clone());
        self.state.newest = position;
        self.trim(self.retains);
        position
    }

    pub(crate) fn trim(&mut self, keep: usize) {
        while self.state.records.len() > keep {
            self.state.records.pop_first();
        }
    }

    /// The stream is gone: it begins anew with the next record, by the clock. Nobody can hear from it until
    /// somebody restarts it, so that nothing is lost in silence.
    pub(crate) fn forget(&mut self) {
        self.state.records.clear();
        self.state.newest = LogPosition::START;
    }

    pub(crate) fn replicate(&mut self, truth: &Truth) {
        self.replica = (self.state.clone(), truth.now);
    }

    pub(crate) fn lag(&self, truth: &Truth) -> u64 {
        truth.now - self.replica.1
    }

    pub(crate) fn fail_over(&mut self, truth: &mut Truth) {
        self.state = self.replica.0.clone();
        truth.lost(&self.state.history);
    }
}
