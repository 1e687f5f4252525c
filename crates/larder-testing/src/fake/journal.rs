//! The log of a fake store: a stream as Redis has them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder::shared::{Batch, Extent, LogPosition, Node, NodeId};
use tokio::time::Instant;

use super::shelf::later;

#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    records: BTreeMap<LogPosition, Bytes>,
    /// Of the newest record, be it forgotten.
    newest: LogPosition,
    nodes: BTreeMap<NodeId, (LogPosition, Instant)>,
}

impl Journal {
    pub(super) fn extent(&self, anchor: LogPosition, now: SystemTime) -> Extent {
        Extent {
            oldest: self.records.keys().next().copied(),
            newest: self.newest,
            is_anchored: self.records.contains_key(&anchor),
            now,
        }
    }

    pub(super) fn read(&self, after: LogPosition, limit: usize) -> Batch {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let mut later = self.records.range(range);
        let records = later.by_ref().take(limit);
        Batch {
            records: records.map(|(at, record)| (*at, record.clone())).collect(),
            is_anchored: self.records.contains_key(&after),
            reaches_end: later.next().is_none(),
        }
    }

    pub(super) fn append(&mut self, record: &Bytes, now: SystemTime) -> LogPosition {
        self.add(self.newest.above(millis(now)), record)
    }

    pub(super) fn restart(
        &mut self,
        above: LogPosition,
        record: &Bytes,
        now: SystemTime,
    ) -> Option<LogPosition> {
        (self.newest <= above).then(|| self.add(above.above(millis(now)), record))
    }

    pub(super) fn announce(
        &mut self,
        node: NodeId,
        applied: LogPosition,
        lasts: Duration,
        now: Instant,
    ) {
        self.nodes.insert(node, (applied, later(now, lasts)));
    }

    pub(super) fn nodes(&self, now: Instant) -> Vec<Node> {
        let there = self.nodes.iter().filter(|(_, (_, until))| *until > now);
        there
            .map(|(&id, &(applied, _))| Node { id, applied })
            .collect()
    }

    /// The stream is deleted: it begins anew with the next record, by the clock.
    pub(super) fn forget(&mut self) {
        *self = Self {
            nodes: std::mem::take(&mut self.nodes),
            ..Self::default()
        };
    }

    pub(super) fn forget_nodes(&mut self) {
        self.nodes.clear();
    }

    pub(super) fn trim(&mut self, keep: usize) {
        while self.records.len() > keep {
            self.records.pop_first();
        }
    }

    pub(super) fn rewind(&mut self, to: LogPosition) {
        self.records.retain(|position, _| *position <= to);
        self.newest = self.newest.min(to);
    }

    pub(super) fn records(&self) -> Vec<(LogPosition, Bytes)> {
        self.read(LogPosition::START, usize::MAX).records
    }

    fn add(&mut self, position: LogPosition, record: &Bytes) -> LogPosition {
        self.records.insert(position, record.clone());
        self.newest = position;
        position
    }
}

fn millis(now: SystemTime) -> u64 {
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
}
