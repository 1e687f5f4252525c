//! [`Cache`]: the handle users keep.

use std::hash::BuildHasher;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use larder_policy::key::{KeyBuf, Partition, Target};
use rapidhash::fast::RandomState;

use crate::background::Background;
use crate::buffer::budget::Budget;
use crate::clock::Clock;
use crate::digest::PartitionDigest;
use crate::entry::Entry;
use crate::extension_types::ExtensionTypes;
use crate::finding::Findings;
use crate::landing::Flights;
use crate::marks::Marks;
use crate::purge::{Purge, Receipt, What};
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
    pub(crate) limits: Limits,
    pub(crate) marks: Marks,
    pub(crate) memory: MemoryTier,
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
            uncacheable: self.shared.marks.len(self.shared.clock.now()),
        })
    }

    /// Drops what a purge names, for all who ask from now on: when this returns, no stored response
    /// that was begun before is served any more, and what is being fetched at this moment is
    /// delivered to those who wait for it and not stored. Costs the same for one stored response and
    /// for a million.
    ///
    /// ```
    /// use larder::{Cache, KeyPart, PartWriter, Purge};
    ///
    /// #[derive(Clone)]
    /// struct UserId(u64);
    ///
    /// impl KeyPart for UserId {
    ///     const NAME: &'static str = "user";
    ///
    ///     fn write(&self, out: &mut PartWriter) {
    ///         out.number(self.0);
    ///     }
    /// }
    ///
    /// let cache = Cache::builder().build();
    /// // A user logs out.
    /// cache.purge(Purge::identity(&UserId(7)));
    /// ```
    pub fn purge(&self, purge: Purge) -> Receipt {
        let stamps = &self.shared.stamps;
        let position = match purge.into_what() {
            What::Everything => {
                let position = stamps.purge_all();
                self.shared.memory.clear();
                self.shared.marks.forget_all();
                tracing::debug!(target: "larder", outcome = "purged");
                position
            }
            What::Nothing => stamps.position(),
            What::Partition(partition) => {
                tracing::debug!(target: "larder", outcome = "purged", partition = %PartitionDigest::of(&partition));
                let hash = self.partition_hash(&partition);
                stamps.purge(hash.map(NonZeroU64::get))
            }
        };
        Receipt::new(position)
    }

    /// Forgets every stored response. What is being fetched at this moment is delivered but not
    /// stored.
    pub fn clear(&self) {
        self.purge(Purge::everything());
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
    pub(crate) fn url_hash(&self, target: &Target<'_>) -> u64 {
        let mut url = KeyBuf::new();
        target.url_bytes(&mut url);
        self.shared.hasher.hash_one(url.as_slice())
    }

    /// The hash by which a partition is purged; what is kept for all has none.
    pub(crate) fn partition_hash(&self, partition: &Partition) -> Option<NonZeroU64> {
        let mut bytes = KeyBuf::new();
        partition.encode_into(&mut bytes);
        let hash = || {
            self.shared
                .hasher
                .hash_one((b"partition", bytes.as_slice()))
        };
        let hash = (!partition.is_shared()).then(hash)?;
        NonZeroU64::new(hash).or(Some(NonZeroU64::MIN))
    }
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
