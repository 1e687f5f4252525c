//! [`Cache`]: the handle users keep.

use std::hash::BuildHasher;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use larder_policy::{NanoTime, Serving};
use rapidhash::fast::RandomState;

use crate::background::Background;
use crate::buffer::budget::Budget;
use crate::clock::Clock;
use crate::entry::Entry;
use crate::extension_types::ExtensionTypes;
use crate::finding::Findings;
use crate::fleet::{Fleet, HeldLease, SharedStats};
use crate::known_keys::KnownKeys;
use crate::landing::Flights;
use crate::marks::Marks;
use crate::naming::Naming;
use crate::sight::{Moment, Sight};
use crate::stamps::Stamps;
use crate::stats::{Counters, Stats, Usage};
use crate::templates::Templates;
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
    /// What is shared with other nodes, if anything is.
    pub(crate) fleet: Option<Arc<Fleet>>,
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
    /// Of what is kept ready to send.
    pub(crate) ready: Arc<Budget>,
    pub(crate) stamps: Stamps,
    pub(crate) templates: Templates,
    pub(crate) timer: Arc<Timer>,
    /// Of what is delivered and not kept.
    pub(crate) unlimited: Arc<Budget>,
}

impl Shared {
    /// How old and how fresh a stored response is, as far as is known here.
    pub(crate) fn serving(&self, entry: &Entry, now: SystemTime) -> Serving {
        self.serving_as_of(entry, now, self.heard())
    }

    /// Up to when all purges are known: to be asked before something is looked up.
    pub(crate) fn heard(&self) -> Moment {
        let fleet = self.fleet.as_ref();
        fleet
            .map(|fleet| fleet.trust.last_heard())
            .unwrap_or_default()
    }

    /// [`serving`](Self::serving), of what was looked up when so much had been heard.
    #[inline]
    pub(crate) fn serving_as_of(
        &self,
        entry: &Entry,
        now: impl Into<NanoTime>,
        heard: Moment,
    ) -> Serving {
        let serving = entry.serving(now);
        if self.fleet.is_none() {
            return serving;
        }
        self.trusted_as_of(serving, entry.sight(), heard)
    }

    /// How fresh something is of which so much was known when it was begun, looked at when so much had been
    /// heard.
    #[inline]
    pub(crate) fn trusted_as_of(&self, serving: Serving, sight: Sight, heard: Moment) -> Serving {
        let Some(fleet) = &self.fleet else {
            return serving;
        };
        match fleet.trust.lapsed_since(heard, sight.moment) {
            None => serving,
            Some(ago) => serving.expired(ago),
        }
    }

    /// What was begun then is still news.
    pub(crate) fn trusts(&self, sight: Sight) -> bool {
        let fleet = self.fleet.as_ref();
        fleet.is_none_or(|fleet| fleet.trust.lapsed(sight.moment).is_none())
    }

    /// What is known of the purges of others now.
    pub(crate) fn sight(&self) -> Sight {
        self.fleet
            .as_ref()
            .map(|fleet| fleet.sight())
            .unwrap_or_default()
    }

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
        let held = memory.usage();
        self.shared.counters.snapshot(Usage {
            bytes: held.bytes,
            findings: self.shared.findings.count(),
            fills: self.shared.flights.len() as u64,
            fill_bytes: self.shared.budget.reserved(),
            keys: held.keys,
            responses: held.responses,
            purge_records: self.shared.stamps.records(),
            uncacheable: self.shared.marks.len(self.shared.clock.now()),
        })
    }

    /// What the cache did with the store that it [shares](crate::CacheBuilder::shared) with others;
    /// `None` if it shares none. Cheap.
    #[must_use]
    pub fn shared_stats(&self) -> Option<SharedStats> {
        let fleet = self.shared().fleet.as_ref()?;
        Some(fleet.stats())
    }

    /// Whether the log of the [shared store](crate::CacheBuilder::shared) was read to its end once: from
    /// then on this cache uses what others stored, and writes what they can use. Until then, and where
    /// nothing is shared, it keeps to itself: `false`.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        let fleet = self.shared().fleet.as_ref();
        fleet.is_some_and(|fleet| fleet.is_ready())
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    /// For work that does not keep the cache.
    pub(crate) fn weak(&self) -> Weak<Shared> {
        Arc::downgrade(&self.shared)
    }

    pub(crate) fn of(weak: &Weak<Shared>) -> Option<Self> {
        let shared = weak.upgrade()?;
        Some(Self { shared })
    }

    /// The same for all handles to the same store.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Others that share a store with this cache are to have a response that was stored here, for so
    /// long after it expired.
    pub(crate) fn share(
        &self,
        key: &Arc<[u8]>,
        entry: &Arc<Entry>,
        lease: Option<HeldLease>,
        windows: Duration,
    ) {
        if let Some(fleet) = &self.shared().fleet {
            fleet.share(key, entry, lease, windows);
        }
    }

    /// A stored response is not to be used any more, by nobody.
    pub(crate) fn forget(&self, key: &[u8], entry: &Arc<Entry>) {
        self.shared().memory.remove(key, entry);
        if let Some(fleet) = &self.shared().fleet {
            fleet.unshare(key, entry);
        }
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
