//! Purge stamps: a purge is one number, whatever it hits.
//!
//! Every purge has a position in one order. A stored response carries the position that had been
//! applied *before* its fill called the inner service; it is dead when something that it is named by
//! was purged hard later than that, and stale when it was purged soft. So a fill that was under way
//! during a purge cannot bring the old state back, and there is no list of stored responses to keep.
//!
//! A hit pays one load and one comparison unless something was purged since its last check. Then a
//! filter tells, in nearly all cases, that it was nothing of its own.
//!
//! # What is forgotten
//!
//! A sweep looks at everything that is stored and drops what is dead. After it the purges up to its
//! beginning concern nothing any more, and are forgotten, but for those that work in progress still
//! [holds](Hold). What nobody vouched for, because the sweep did not see it, counts as dead: an extra
//! miss, never an old response.

mod filter;
mod holds;
mod seen;
mod stamp;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use crossbeam_utils::CachePadded;
use papaya::{Guard, HashMap};
// Where keys crowd together the map of purges has no end of growing, so they are hashed by what spreads
// all keys well, whatever its seed.
use rapidhash::quality as spreading;

use self::filter::Filter;
pub(crate) use self::holds::Hold;
use self::holds::Holds;
pub(crate) use self::seen::Seen;
use self::stamp::Stamp;
pub(crate) use self::stamp::{Manner, Named};
use crate::names::Names;
use crate::shim::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, fence, lock};

/// Fewer records than this are not worth a sweep.
const FEW: u64 = 1024;

/// The map of purges keeps what it has replaced until so much of that has come together that it is worth
/// a look whether somebody still reads it, in each thread by itself. Its tables are few and large: that
/// would be many times what it holds. So whoever makes a purge looks after so many.
const GIVE_BACK_EVERY: u64 = 1024;

/// The name that everything has, of which only soft purges are remembered. A hash may be the same, as
/// it may be that of any other name.
const EVERYTHING: u64 = 0;

#[derive(Debug)]
pub(crate) struct Stamps {
    /// Position of the last applied purge. A purge publishes it last.
    applied: CachePadded<AtomicU64>,
    /// What was not vouched for at this position or later is dead.
    floor: AtomicU64,
    filter: OnceLock<Filter>,
    by_name: HashMap<u64, Stamp, spreading::RandomState>,
    /// Written by every purge: apart from what hits read.
    order: CachePadded<Mutex<()>>,
    holds: Arc<Holds>,
    /// How many purges of what has several names are remembered beside those of one name.
    joint: AtomicU64,
    max_records: u64,
    /// What is stored elsewhere goes by them too: nothing is forgotten before it has to be.
    lasts: bool,
    /// With so many a sweep is due.
    due_at: AtomicU64,
    /// One sweep at a time.
    sweeping: Mutex<()>,
    /// Somebody is about to sweep.
    asked: AtomicBool,
}

/// What purges made of a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Dead,
    /// Since a time in milliseconds since the epoch.
    Stale(u64),
    Live,
}

impl Stamps {
    pub(crate) fn new(max_records: u64) -> Self {
        Self {
            applied: CachePadded::new(AtomicU64::new(1)),
            floor: AtomicU64::new(0),
            filter: OnceLock::new(),
            by_name: HashMap::with_hasher(spreading::RandomState::new()),
            order: CachePadded::default(),
            holds: Arc::default(),
            joint: AtomicU64::new(0),
            max_records,
            lasts: false,
            due_at: AtomicU64::new(FEW.min(max_records)),
            sweeping: Mutex::new(()),
            asked: AtomicBool::new(false),
        }
    }

    /// The same for what shares a store with others.
    pub(crate) fn lasting(max_records: u64) -> Self {
        Self {
            lasts: true,
            due_at: AtomicU64::new(max_records.max(1)),
            ..Self::new(max_records)
        }
    }

    /// The position that a fill starting now is born at.
    pub(crate) fn position(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// For work that goes by the present position for a while.
    pub(crate) fn hold(&self) -> Hold {
        self.holds.hold(|| self.position())
    }

    /// Purges what was begun before now and is named so. Returns the position of the purge.
    pub(crate) fn purge(&self, named: &[Named], manner: Manner) -> u64 {
        self.in_order(|position| {
            let stamps = self.by_name.pin();
            for named in named {
                match named {
                    Named::One(name) => self.stamp(*name, &[], position, manner),
                    Named::All(names) => {
                        // Where it stands already, else under that of the names which the fewest
                        // others go by.
                        let stamp = |name: &u64| stamps.get(name);
                        let joint = |name: &&u64| stamp(name).map_or(0, Stamp::joint);
                        let has = |name: &&u64| stamp(name).is_some_and(|stamp| stamp.has(names));
                        let found = names.iter().find(has);
                        let Some(name) = found.or_else(|| names.iter().min_by_key(joint)) else {
                            continue;
                        };
                        let others: Vec<_> = names.iter().copied().filter(|n| n != name).collect();
                        self.stamp(*name, &others, position, manner);
                    }
                }
            }
        })
    }

    fn stamp(&self, name: u64, others: &[u64], position: u64, manner: Manner) {
        let guard = self.by_name.guard();
        let old = self.by_name.get(&name, &guard);
        let new = old.cloned().unwrap_or_default();
        let new = new.with(others, position, manner);
        let joint = new.joint() - old.map_or(0, Stamp::joint);
        self.by_name.insert(name, new, &guard);
        if position.is_multiple_of(GIVE_BACK_EVERY) {
            guard.flush();
        }
        self.joint.fetch_add(joint, Ordering::Relaxed);
        let filter = self.filter.get_or_init(Filter::new);
        filter.add(name, position);
    }

    /// Purges everything that was begun before now.
    pub(crate) fn purge_all(&self, manner: Manner) -> u64 {
        if manner != Manner::Hard {
            return self.purge(&[Named::One(EVERYTHING)], manner);
        }
        let position = self.in_order(|position| self.floor.store(position, Ordering::Release));
        self.forget(position);
        position
    }

    /// What purges made of what has these names. `seen` is its memory of the last answer.
    pub(crate) fn life(&self, names: &Names, seen: &Seen) -> Life {
        self.life_of(|| names.hashes(), seen)
    }

    /// The same by the hashes of the names, which are asked for where something was purged since.
    pub(crate) fn life_of<H: AsRef<[u64]>>(&self, hashes: impl FnOnce() -> H, seen: &Seen) -> Life {
        let applied = self.applied.load(Ordering::Acquire);
        if seen.at() != applied && !self.look(hashes, seen, applied) {
            return Life::Dead;
        }
        seen.stale_since().map_or(Life::Live, Life::Stale)
    }

    /// Whether a stored response is alive, and remembers what it found.
    #[cold]
    fn look<H: AsRef<[u64]>>(&self, hashes: impl FnOnce() -> H, seen: &Seen, applied: u64) -> bool {
        let at = seen.at();
        if let Some(filter) = self.filter.get()
            && !self.search(filter, hashes().as_ref(), at, seen)
        {
            return false;
        }
        // Who forgets raises the floor first: what was not found for being forgotten is below it.
        fence(Ordering::SeqCst);
        let floor = self.floor.load(Ordering::Acquire);
        // A sweep may have vouched for it meanwhile.
        if seen.at() < floor {
            return false;
        }
        seen.vouch(applied);
        true
    }

    /// Looks for purges after a position, under those names that the filter does not spare: nearly
    /// always none, and the map is not touched.
    fn search(&self, filter: &Filter, hashes: &[u64], at: u64, seen: &Seen) -> bool {
        let named = hashes.iter().chain(&[EVERYTHING]);
        let mut suspects = named.filter(|hash| !filter.spares(**hash, at)).peekable();
        if suspects.peek().is_none() {
            return true;
        }
        let (stamps, known) = (self.by_name.pin(), seen.stale_since());
        let mut first = None;
        for stamp in suspects.filter_map(|hash| stamps.get(hash)) {
            for marks in stamp.of(hashes) {
                if marks.hard > at {
                    return false;
                }
                let since = marks.soft_after(at, known);
                first = first.min(since).or(first).or(since);
            }
        }
        // All at once: who looks at the same time takes what is known for all there is to know.
        if let Some(since) = first {
            seen.expire(since);
        }
        true
    }

    /// Purges are applied one after the other: a reader that sees a position has to see every stamp
    /// up to it.
    fn in_order(&self, apply: impl FnOnce(u64)) -> u64 {
        let _order = lock(&self.order);
        let position = self.applied.load(Ordering::Relaxed) + 1;
        apply(position);
        self.applied.store(position, Ordering::Release);
        position
    }

    /// How many purges are remembered.
    pub(crate) fn records(&self) -> u64 {
        self.by_name.len() as u64 + self.joint.load(Ordering::Relaxed)
    }

    /// So many are remembered that somebody has to sweep, and it is the caller.
    pub(crate) fn asks_for_sweep(&self) -> bool {
        self.is_due() && !self.asked.swap(true, Ordering::Relaxed)
    }

    fn is_due(&self) -> bool {
        self.records() >= self.due_at.load(Ordering::Relaxed)
    }

    /// More than may be: whoever purges has to wait for a sweep.
    pub(crate) fn is_full(&self) -> bool {
        self.records() > self.max_records.saturating_mul(2)
    }

    /// Begins a sweep, after one that is going on. `None`: none is due any more.
    pub(crate) fn begin_sweep(&self) -> Option<Sweep<'_>> {
        let turn = lock(&self.sweeping);
        if !self.is_due() {
            self.asked.store(false, Ordering::Relaxed);
            return None;
        }
        let position = self.position();
        let oldest = self.holds.oldest(|| self.position()).min(position);
        Some(Sweep {
            stamps: self,
            position,
            oldest,
            _turn: turn,
        })
    }

    /// The position up to which about half of what is remembered happened.
    fn median(&self) -> u64 {
        let mut lasts: Vec<u64> = self.by_name.pin().values().map(Stamp::last).collect();
        let middle = lasts.len() / 2;
        if lasts.is_empty() {
            return 0;
        }
        *lasts.select_nth_unstable(middle).1
    }

    /// Forgets all purges up to a position, and whatever was not vouched for since.
    fn forget(&self, upto: u64) {
        self.floor.fetch_max(upto, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let guard = self.by_name.guard();
        self.by_name.retain(|_, stamp| stamp.last() > upto, &guard);
        guard.flush();
        if self.joint.load(Ordering::Relaxed) > 0 {
            let _order = lock(&self.order);
            let left = self.by_name.values(&guard).map(Stamp::joint).sum();
            self.joint.store(left, Ordering::Relaxed);
        }
    }
}

/// A look at everything that is stored.
#[derive(Debug)]
pub(crate) struct Sweep<'a> {
    stamps: &'a Stamps,
    /// Where it began.
    position: u64,
    /// What is still in use.
    oldest: u64,
    _turn: MutexGuard<'a, ()>,
}

impl Sweep<'_> {
    /// Everything that is stored was asked for its [life](Stamps::life). So many responses that was.
    pub(crate) fn end(self, stored: u64) {
        let Self {
            stamps,
            position,
            oldest,
            ..
        } = self;
        stamps.forget(if stamps.lasts {
            oldest.min(stamps.median())
        } else {
            oldest
        });
        // Work that takes too long is given up: what it brings is not stored.
        if stamps.records() > stamps.max_records {
            stamps.forget(position);
        }
        // As many new ones make up for the work.
        let more = if stamps.lasts {
            u64::MAX
        } else {
            (stored / 4).max(FEW)
        };
        let due_at = (stamps.records().saturating_add(more)).min(stamps.max_records.max(1));
        stamps.due_at.store(due_at, Ordering::Relaxed);
    }
}

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        self.stamps.asked.store(false, Ordering::Relaxed);
    }
}
