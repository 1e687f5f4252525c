//! Purge stamps: a purge is one number, whatever it hits.
//!
//! Every purge has a position in one order. A stored response carries `born`, the position that had
//! been applied *before* its fill called the inner service; it is dead when its URL, its partition, or everything,
//! was purged later than that. So a fill that was under way during a purge cannot bring the old
//! state back, and there is no list of stored responses to keep.
//!
//! A hit pays one load and one comparison unless something was purged since its last check.

use std::num::NonZeroU64;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use papaya::HashMap;

/// Most URLs and partitions with a stamp of their own. Beyond it the older half is forgotten and everything born
/// before the newest forgotten stamp counts as purged: extra misses, never an old response.
const MAX_NAMES: usize = 100_000;

/// The names by which a stored response can be purged, as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) url: u64,
    /// `None` for what is kept for all.
    pub(crate) partition: Option<NonZeroU64>,
}

#[derive(Debug)]
pub(crate) struct Stamps {
    /// Position of the last applied purge. A purge publishes it last.
    applied: AtomicU64,
    /// Everything born before this is dead.
    floor: AtomicU64,
    names: HashMap<u64, u64>,
    order: Mutex<()>,
}

impl Stamps {
    pub(crate) fn new() -> Self {
        // Positions start at 1, so that an entry's `checked_at` of 0 means "never".
        Self {
            applied: AtomicU64::new(1),
            floor: AtomicU64::new(0),
            names: HashMap::new(),
            order: Mutex::new(()),
        }
    }

    /// The position that a fill starting now is born at.
    pub(crate) fn position(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Kills every stored response of these URLs or partitions that was born before now. Returns the
    /// position of the purge.
    pub(crate) fn purge(&self, names: impl IntoIterator<Item = u64>) -> u64 {
        self.in_order(|position| {
            let stamps = self.names.pin();
            for name in names {
                stamps.insert(name, position);
            }
            if stamps.len() > MAX_NAMES {
                self.forget_older_half();
            }
        })
    }

    /// Kills every stored response that was born before now.
    pub(crate) fn purge_all(&self) -> u64 {
        self.in_order(|position| {
            self.floor.store(position, Ordering::Release);
            self.names.pin().clear();
        })
    }

    /// Whether a stored response of these names is still alive; `checked_at` is its memory of the last
    /// answer.
    pub(crate) fn is_live(&self, born: u64, names: Names, checked_at: &AtomicU64) -> bool {
        let applied = self.applied.load(Ordering::Acquire);
        checked_at.load(Ordering::Relaxed) == applied
            || self.check(born, names, applied, checked_at)
    }

    #[cold]
    fn check(&self, born: u64, names: Names, applied: u64, checked_at: &AtomicU64) -> bool {
        let stamps = self.names.pin();
        let stamp_of = |name: u64| stamps.get(&name).copied().unwrap_or(0);
        let of_partition = names.partition.map_or(0, |name| stamp_of(name.get()));
        let stamp = stamp_of(names.url).max(of_partition);
        let live = born >= stamp.max(self.floor.load(Ordering::Acquire));
        if live {
            checked_at.store(applied, Ordering::Relaxed);
        }
        live
    }

    /// Purges are applied one after the other: a reader that sees a position has to see every stamp
    /// up to it.
    fn in_order(&self, apply: impl FnOnce(u64)) -> u64 {
        let _order = self
            .order
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let position = self.applied.load(Ordering::Relaxed) + 1;
        apply(position);
        self.applied.store(position, Ordering::Release);
        position
    }

    fn forget_older_half(&self) {
        let stamps = self.names.pin();
        let mut positions: Vec<u64> = stamps.values().copied().collect();
        let middle = positions.len() / 2;
        let (_, &mut median, _) = positions.select_nth_unstable(middle);
        self.floor.fetch_max(median, Ordering::AcqRel);
        stamps.retain(|_, position| *position > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_url(url: u64) -> Names {
        Names {
            url,
            partition: None,
        }
    }

    fn is_live(stamps: &Stamps, born: u64, url: u64) -> bool {
        stamps.is_live(born, of_url(url), &AtomicU64::new(0))
    }

    #[test]
    fn purge_kills_what_was_born_before_it_and_nothing_else() {
        let stamps = Stamps::new();
        let before = stamps.position();
        stamps.purge([7]);
        assert!(!is_live(&stamps, before, 7));
        assert!(is_live(&stamps, before, 8));
        assert!(is_live(&stamps, stamps.position(), 7));
    }

    #[test]
    fn purge_of_a_partition_kills_what_is_in_it_whatever_its_url() {
        let stamps = Stamps::new();
        let before = stamps.position();
        let names = |url, partition: Option<u64>| Names {
            url,
            partition: partition.and_then(NonZeroU64::new),
        };
        stamps.purge([9]);
        let live = |names| stamps.is_live(before, names, &AtomicU64::new(0));
        assert!(!live(names(1, Some(9))) && !live(names(2, Some(9))));
        assert!(live(names(1, Some(8))) && live(names(1, None)));
    }

    #[test]
    fn an_answer_is_remembered_until_the_next_purge() {
        let stamps = Stamps::new();
        let checked_at = AtomicU64::new(0);
        let born = stamps.position();
        assert!(stamps.is_live(born, of_url(7), &checked_at));
        stamps.purge([7]);
        assert!(!stamps.is_live(born, of_url(7), &checked_at));
    }

    #[test]
    fn purge_all_kills_every_url() {
        let stamps = Stamps::new();
        let before = stamps.position();
        stamps.purge_all();
        assert!(!is_live(&stamps, before, 1));
        assert!(is_live(&stamps, stamps.position(), 1));
    }

    #[test]
    fn forgotten_stamps_only_cost_misses() {
        let stamps = Stamps::new();
        let before = stamps.position();
        for url in 0..=MAX_NAMES as u64 {
            stamps.purge([url]);
        }
        assert!(stamps.names.len() <= MAX_NAMES / 2 + 1);
        assert!((0..=MAX_NAMES as u64).all(|url| !is_live(&stamps, before, url)));
        assert!(is_live(&stamps, stamps.position(), 0));
    }
}
