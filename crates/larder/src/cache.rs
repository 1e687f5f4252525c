//! [`Cache`]: the handle users keep.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use larder_policy::key::KeyBuf;
use rapidhash::fast::RandomState;

use crate::background::Background;
use crate::buffer::budget::Budget;
use crate::clock::Clock;
use crate::entry::Entry;
use crate::landing::Flights;
use crate::marks::Marks;
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
    pub(crate) flights: Arc<Flights>,
    pub(crate) hasher: RandomState,
    pub(crate) limits: Limits,
    pub(crate) marks: Marks,
    pub(crate) memory: MemoryTier,
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
            fills: self.shared.flights.len() as u64,
            fill_bytes: self.shared.budget.reserved(),
            keys,
            responses,
            uncacheable: self.shared.marks.len(self.shared.clock.now()),
        })
    }

    /// Forgets every stored response. What is being fetched at this moment is delivered but not
    /// stored.
    pub fn clear(&self) {
        self.shared.stamps.purge_all();
        self.shared.memory.clear();
        self.shared.marks.forget_all();
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
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
    ) -> bool {
        let Shared { memory, stamps, .. } = self.shared();
        let (live, entry) = (entry.is_live(stamps), Arc::clone(entry));
        match supersedes.filter(|_| live) {
            Some(old) => memory.supersede(key, old, entry, stamps),
            None if live => memory.store(key, entry, stamps),
            None => {}
        }
        live
    }

    /// The hash by which a URL is purged: of host, port, path and query, whatever the scheme, the
    /// method, the partition and the variant.
    pub(crate) fn url_hash(&self, encoded_url: &KeyBuf) -> u64 {
        self.shared.hasher.hash_one(encoded_url.as_slice())
    }
}
