//! Own purges, and those that the log tells of, in one order.

use std::sync::Arc;
use std::time::SystemTime;

use super::counts::Did;
use super::outbox::lane_of;
use super::record::{Purged, Record};
use super::{Fleet, NOBODY, Ticket};
use crate::shared::LogPosition;
use crate::shim::{Ordering, lock};
use crate::stamps::{Manner, Stamps};

/// What came of a record of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It purged everything, and nothing that is stored here is of use any more.
    Everything,
    /// It was applied before.
    Nothing,
    Something,
}

impl Fleet {
    /// Purges here, where it is `now`, and sees to it that all others do.
    pub(crate) fn purge(
        self: &Arc<Self>,
        stamps: &Stamps,
        now: SystemTime,
        what: Purged,
        manner: Manner,
    ) -> (u64, Ticket) {
        let lane = lane_of(manner);
        let mut order = lock(&self.order);
        let local = what.stamp(stamps, manner);
        let number = order.purged(lane, local);
        let manner = self.store_clock.to_store(manner, now);
        self.outbox.push(number, what, manner);
        drop(order);
        let fleet = Arc::clone(self);
        let ticket = Ticket {
            fleet,
            lane,
            number,
        };
        (local, ticket)
    }

    /// Applies a record of the log here, where it is `now`.
    pub(crate) fn apply(
        &self,
        stamps: &Stamps,
        now: SystemTime,
        position: LogPosition,
        record: &[u8],
    ) -> Applied {
        let record = Record::decode(record).unwrap_or_else(|| {
            self.counts.add(Did::RecordUnreadable);
            tracing::warn!(target: "larder", %position, "a purge in the log cannot be read: everything is purged");
            Record::everything(NOBODY, 0)
        });
        let manner = self.store_clock.of_store(record.manner, now);
        let is_own = record.node == self.node;
        let mut order = lock(&self.order);
        if position <= order.applied() {
            return Applied::Nothing;
        }
        let local = if is_own {
            let lane = lane_of(manner);
            self.outbox.told(lane, position);
            order.told(lane, record.upto)
        } else {
            self.counts.add(Did::Applied);
            Some(record.what.stamp(stamps, manner))
        };
        order.apply(position, local);
        self.applied.store(position.bits(), Ordering::Release);
        drop(order);
        if !is_own && record.what == Purged::Everything && manner == Manner::Hard {
            Applied::Everything
        } else {
            Applied::Something
        }
    }

    /// What was born before a position is not known: what was stored elsewhere before it is dead, and here
    /// everything is, since purges before it may have been missed.
    pub(crate) fn skip_to(&self, stamps: &Stamps, position: LogPosition) {
        let mut order = lock(&self.order);
        Purged::Everything.stamp(stamps, Manner::Hard);
        order.begin_at(position);
        self.applied.store(position.bits(), Ordering::Release);
        drop(order);
    }

    /// The local position that is as good as a position of the log; `None`: nobody knows.
    pub(crate) fn local(&self, stamps: &Stamps, born: LogPosition) -> Option<u64> {
        let order = lock(&self.order);
        order.local(born, stamps.position())
    }
}
