//! [`Cache`]: the handle users keep.

use std::hash::BuildHasher;
use std::sync::Arc;

use larder_policy::key::KeyBuf;
use rapidhash::fast::RandomState;

use crate::clock::Clock;
use crate::entry::Entry;
use crate::stamps::Stamps;
use crate::stats::{Counters, Stats};
use crate::tier::MemoryTier;
use crate::variants::VariantLimits;

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
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) limits: Limits,
    pub(crate) memory: MemoryTier,
    pub(crate) stamps: Stamps,
    url_hasher: RandomState,
}

/// What the user set; see [`CacheBuilder`] for units and defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_body_bytes: u64,
    pub(crate) max_header_bytes: usize,
    pub(crate) max_key_bytes: usize,
}

impl Cache {
    /// Starts a cache with the defaults of [`CacheBuilder`].
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// What the cache did so far, and what it holds. Cost: settles the memory engine's books and
    /// walks over the stored responses, so it is for a dashboard and not for every request.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.snapshot(self.shared.memory.usage())
    }

    /// Forgets every stored response. What is being fetched at this moment is delivered but not
    /// stored.
    pub fn clear(&self) {
        self.shared.stamps.purge_all();
        self.shared.memory.clear();
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stores a response, unless what it depends on was purged since its fill began.
    pub(crate) fn store(&self, key: Arc<[u8]>, entry: Entry) -> bool {
        let Shared { memory, stamps, .. } = self.shared();
        let live = entry.is_live(stamps);
        if live {
            memory.store(key, Arc::new(entry), stamps);
        }
        live
    }

    /// The hash by which a URL is purged: of host, port, path and query, whatever the scheme, the
    /// method, the partition and the variant.
    pub(crate) fn url_hash(&self, encoded_url: &KeyBuf) -> u64 {
        self.shared.url_hasher.hash_one(encoded_url.as_slice())
    }
}

/// Settings of a [`Cache`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder {
    clock: Clock,
    max_body_bytes: u64,
    max_bytes: u64,
    max_header_bytes: usize,
    max_key_bytes: usize,
    max_variants: usize,
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            max_body_bytes: 1 << 20,
            max_bytes: 64 << 20,
            max_header_bytes: 64 << 10,
            max_key_bytes: 16 << 10,
            max_variants: 64,
        }
    }
}

impl CacheBuilder {
    /// Memory for stored responses, in bytes: keys, heads, bodies and about 400 bytes of
    /// book-keeping each. Default: 64 MiB. With 0 nothing is kept. While many threads store at once
    /// it can be exceeded for moments, and what is still being fetched comes on top, at most
    /// [`max_body_bytes`](Self::max_body_bytes) each.
    pub fn max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Largest body that is stored, in bytes. Larger ones stream through. Default: 1 MiB.
    pub fn max_body_bytes(self, max_body_bytes: u64) -> Self {
        Self {
            max_body_bytes,
            ..self
        }
    }

    /// Largest header section that is stored, in bytes of names and values. Default: 64 KiB.
    pub fn max_header_bytes(self, max_header_bytes: usize) -> Self {
        Self {
            max_header_bytes,
            ..self
        }
    }

    /// Longest encoded key, in bytes; requests beyond it bypass the cache. Default: 16 KiB.
    pub fn max_key_bytes(self, max_key_bytes: usize) -> Self {
        Self {
            max_key_bytes,
            ..self
        }
    }

    /// Most variants (RFC 9111 section 4.1) of one key; the oldest goes first. All variants of a
    /// key together take at most a quarter of [`max_bytes`](Self::max_bytes). Default: 64.
    pub fn max_variants(self, max_variants: usize) -> Self {
        Self {
            max_variants: max_variants.max(1),
            ..self
        }
    }

    /// Where the time comes from. Default: the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Makes the cache. Nothing is allocated ahead.
    #[must_use]
    pub fn build(self) -> Cache {
        let bytes = usize::try_from(self.max_bytes / 4).unwrap_or(usize::MAX);
        let variants = VariantLimits {
            count: self.max_variants,
            bytes,
        };
        Cache {
            shared: Arc::new(Shared {
                clock: self.clock,
                counters: Counters::default(),
                limits: Limits {
                    max_body_bytes: self.max_body_bytes.min(self.max_bytes),
                    max_header_bytes: self.max_header_bytes,
                    max_key_bytes: self.max_key_bytes,
                },
                memory: MemoryTier::new(self.max_bytes, variants),
                stamps: Stamps::new(),
                url_hasher: RandomState::new(),
            }),
        }
    }
}
