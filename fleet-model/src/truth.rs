//! [`Truth`]: what really happened, in one order, whatever nodes know of it.

use crate::entry::Entry;
use crate::fleet::outbox::lane_of;
use crate::fleet::record::{Purged, Record};
use crate::stamps::Manner;

pub(crate) const KEYS: usize = 3;
pub(crate) const TAGS: u64 = 2;
/// So many purges fit into a set.
pub(crate) const MAX_PURGES: usize = 100;

/// A set of purges, by their numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known(u128);

impl Known {
    pub(crate) fn insert(&mut self, purge: usize) {
        self.0 |= 1 << purge;
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn has(self, purge: usize) -> bool {
        self.0 & (1 << purge) != 0
    }
}

#[derive(Debug)]
pub(crate) struct Purge {
    pub(crate) event: u64,
    pub(crate) node: u64,
    /// Of its manner, of the node.
    pub(crate) number: u64,
    pub(crate) what: Purged,
    pub(crate) manner: Manner,
    /// By the clock of the node.
    pub(crate) wall: i64,
    /// Since when the log has it, or one that says as much.
    pub(crate) logged: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Everything that happens has a number.
    pub(crate) event: u64,
    /// In milliseconds.
    pub(crate) now: u64,
    pub(crate) purges: Vec<Purge>,
    pub(crate) versions: [u64; KEYS],
}

impl Truth {
    pub(crate) fn next(&mut self) -> u64 {
        self.event += 1;
        self.event
    }

    /// What a version of a key is named by: some tags change with it.
    pub(crate) fn names(&self, key: usize) -> Vec<u64> {
        let version = self.versions[key];
        let own = Self::own_name(key);
        match key {
            0 => vec![own, Self::tag(0)],
            1 => vec![own, Self::tag(version % TAGS)],
            _ => vec![own, Self::tag(0), Self::tag(1)],
        }
    }

    pub(crate) fn own_name(key: usize) -> u64 {
        100 + key as u64
    }

    pub(crate) fn tag(tag: u64) -> u64 {
        10 + tag % TAGS
    }

    /// The purges that are done with this record at the latest, if it is appended now.
    pub(crate) fn covered(&mut self, record: &Record) -> Known {
        let mut known = Known::default();
        let now = self.now;
        for (number, purge) in self.purges.iter_mut().enumerate() {
            if says(record, purge) {
                known.insert(number);
                purge.logged.get_or_insert(now);
            }
        }
        known
    }

    /// The log has no more than these.
    pub(crate) fn lost(&mut self, left: &[(u64, Record)]) {
        for purge in &mut self.purges {
            let says =
                |(event, record): &(u64, Record)| *event > purge.event && says(record, purge);
            if !left.iter().any(says) {
                purge.logged = None;
            }
        }
    }

    /// Whether a response may be served: by who knows of these purges, after so long a bound.
    pub(crate) fn check(
        &self,
        entry: &Entry,
        known: Known,
        is_fresh: bool,
        bound: u64,
    ) -> Result<(), String> {
        for (number, purge) in self.purges.iter().enumerate() {
            if purge.event < entry.read_at || !covers(&purge.what, entry) {
                continue;
            }
            let hits = is_fresh || purge.manner == Manner::Hard;
            if hits && known.has(number) {
                return Err(format!("purge {number} was known: {purge:?} {entry:?}"));
            }
            let late = |logged| logged + bound < self.now;
            if is_fresh && purge.logged.is_some_and(late) {
                return Err(format!("purge {number} is overdue: {purge:?} {entry:?}"));
            }
        }
        Ok(())
    }

    /// In a world of wall clocks: a purge that is known, and later than it.
    pub(crate) fn is_past_by_clock(&self, entry: &Entry, known: Known) -> bool {
        let mut purges = self.purges.iter().enumerate();
        purges.any(|(number, purge)| {
            known.has(number) && covers(&purge.what, entry) && purge.wall > entry.wall
        })
    }
}

/// Whether a record tells of a purge that was made before it was appended: it is of the same node, which has
/// no use for it, or kills everything, everywhere.
fn says(record: &Record, purge: &Purge) -> bool {
    let lane = lane_of(purge.manner);
    let is_of_node = record.node.bits() == purge.node;
    let is_of_it = is_of_node && lane_of(record.manner) == lane && record.upto >= purge.number;
    let names_it = match (&record.what, &purge.what) {
        (Purged::Everything, _) => true,
        (Purged::Named(_), Purged::Everything) => false,
        (Purged::Named(told), Purged::Named(made)) => made.iter().all(|made| told.contains(made)),
    };
    record.node.bits() == 0 || (is_of_it && names_it)
}

fn covers(what: &Purged, entry: &Entry) -> bool {
    match what {
        Purged::Everything => true,
        Purged::Named(named) => {
            let hashes = entry.names.hashes();
            named.iter().any(|named| named.covers(hashes))
        }
    }
}
