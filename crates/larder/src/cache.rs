//! [`Cache`]: the handle users keep.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use rapidhash::fast::RandomState;

use crate::background::Background;
use crate::buffer::budget::Budget;
use crate::clock::Clock;
use crate::entry::Entry;
use crate::extension_types::ExtensionTypes;
use crate::finding::Findings;
use crate::known_keys::KnownKeys;
use crate::landing::Flights;
use crate::marks::Marks;
use crate::naming::Naming;
use crate::stamps::Stamps;
use crate::stats::{Counters, Stats, Usage};
use crate::tier::MemoryTier;
use crate::timer::Timer;

/// A store of responses, shared by every [`CacheLayer`](crate::CacheLayer) made from it. Cloning is
/// cheap and gives another handle to the same store.
///
/// ```
/// use larder::Cache;
///
/// let cache = Cache::builder().max_bytes(256 << 20).max_body_bytes(4 << 20).build();
/// assert_eq!(cache.stats().hits(), 0);
/// cache.clear();
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) background: Background,
    /// Of the bytes that are on their way into the store.
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) findings: Findings,
    pub(crate) flights: Arc<Flights>,
    pub(crate) hasher: RandomState,
    /// Types that say who asks.
    pub(crate) identities: ExtensionTypes,
    /// Those of all routes.
    pub(crate) keys: KnownKeys,
    pub(crate) limits: Limits,
    pub(crate) marks: Marks,
    pub(crate) memory: MemoryTier,
    pub(crate) naming: Naming,
    /// Types that no response depends on.
    pub(crate) neutral_extensions: ExtensionTypes,
    pub(crate) stamps: Stamps,
    pub(crate) timer: Arc<Timer>,
    /// Of what is delivered and not kept.
    pub(crate) unlimited: Arc<Budget>,
}

impl Shared {
    /// The hash by which a primary key is remembered that is not stored.
    pub(crate) fn mark_of(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }
}

/// What the user set; see [`CacheBuilder`](crate::CacheBuilder) for units and defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) collapse_timeout: Duration,
    pub(crate) max_body_bytes: u64,
    pub(crate) max_header_bytes: usize,
    pub(crate) max_key_bytes: usize,
    pub(crate) retry_refresh_after: Duration,
}

impl Cache {
    /// What the cache did so far, and what it holds. Cost: settles the memory engine's books and
    /// walks over the stored responses, so it is for a dashboard and not for every request.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Shared { memory, .. } = self.shared();
        let (keys, responses, bytes) = memory.usage();
        self.shared.counters.snapshot(Usage {
            bytes,
            findings: self.shared.findings.count(),
            fills: self.shared.flights.len() as u64,
            fill_bytes: self.shared.budget.reserved(),
            keys,
            responses,
            purge_records: self.shared.stamps.records(),
            uncacheable: self.shared.marks.len(self.shared.clock.now()),
        })
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The same for all handles to the same store.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stores a response, in the place of another if that still stands there, unless what it depends
    /// on was purged since its fill began.
    pub(crate) fn store(
        &self,
        key: Arc<[u8]>,
        entry: &Arc<Entry>,
        supersedes: Option<&Arc<Entry>>,
    ) -> Placed {
        let Shared { memory, stamps, .. } = self.shared();
        if !entry.is_live(stamps) {
            return Placed::Dead;
        }
        match supersedes {
            Some(old) => memory.supersede(key, old, Arc::clone(entry), stamps),
            None if !memory.store(key, entry, stamps) => return Placed::Late,
            None => {}
        }
        Placed::Stands
    }
}

/// What came of a response that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// What it depends on was purged since its fill began.
    Dead,
    /// A more recent one stands there, and stays.
    Late,
    Stands,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody outside can know which keys have the same hash.
    #[test]
    fn hashes_are_keyed_anew_for_each_cache() {
        let caches: Vec<_> = (0..4).map(|_| Cache::builder().build()).collect();
        let mut hashes: Vec<_> = caches
            .iter()
            .map(|cache| cache.shared().mark_of(b"key"))
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), caches.len());
    }
}
