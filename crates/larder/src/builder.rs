//! [`CacheBuilder`]: the settings of a cache.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rapidhash::fast::RandomState;

use crate::background::Background;
use crate::buffer::budget::Budget;
use crate::cache::{Cache, Limits, Shared};
use crate::clock::Clock;
use crate::extension_types::{ExtensionType, ExtensionTypes};
use crate::finding::{Finding, Findings, OnFinding};
use crate::fleet::SharedSettings;
use crate::fleet::parts::SharedParts;
use crate::flights::Flights;
use crate::known_keys::KnownKeys;
use crate::marks::Marks;
use crate::naming::Naming;
use crate::node;
use crate::shared::{EntryStore, InvalidationLog};
use crate::stamps::Stamps;
use crate::stats::Counters;
use crate::templates::Templates;
use crate::tier::engine::Engine;
use crate::tier::{MemoryEngine, MemoryTier};
use crate::timer::Timer;
use crate::variants::VariantLimits;

impl Cache {
    /// Starts a cache with the defaults of [`CacheBuilder`].
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }
}

/// Settings of a [`Cache`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder {
    clock: Clock,
    identities: Vec<ExtensionType>,
    neutral_extensions: Vec<ExtensionType>,
    on_finding: Option<Arc<OnFinding>>,
    collapse_timeout: Duration,
    finish_within: Duration,
    max_background: usize,
    max_body_bytes: u64,
    max_bytes: u64,
    max_fill_bytes: u64,
    max_followers: usize,
    max_header_bytes: usize,
    max_key_bytes: usize,
    max_purge_records: Option<u64>,
    max_uncacheable: usize,
    max_variants: usize,
    memory_engine: MemoryEngine,
    retry_refresh_after: Duration,
    shared: Option<SharedParts>,
    uncacheable_for: Duration,
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("max_bytes", &self.max_bytes)
            .field("max_body_bytes", &self.max_body_bytes)
            .finish_non_exhaustive()
    }
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            identities: Vec::new(),
            neutral_extensions: Vec::new(),
            on_finding: None,
            collapse_timeout: Duration::from_secs(10),
            finish_within: Duration::from_secs(60),
            max_background: 1024,
            max_body_bytes: 1 << 20,
            max_bytes: 64 << 20,
            max_fill_bytes: 64 << 20,
            max_followers: 100_000,
            max_header_bytes: 64 << 10,
            max_key_bytes: 16 << 10,
            max_purge_records: None,
            max_uncacheable: 16 << 10,
            max_variants: 64,
            memory_engine: MemoryEngine::default(),
            retry_refresh_after: Duration::from_secs(1),
            shared: None,
            uncacheable_for: Duration::from_secs(30),
        }
    }
}

impl CacheBuilder {
    /// Memory for stored responses, in bytes: keys, heads, bodies and about 400 bytes of
    /// book-keeping each. Default: 64 MiB. With 0 nothing is kept; a store that is
    /// [shared](Self::shared) is read and written all the same.
    ///
    /// What is still being fetched comes on top, at most
    /// [`max_fill_bytes`](Self::max_fill_bytes); so does what is read often and therefore kept ready to be
    /// copied, at most a thirty-second of this, and what the heads of all responses of a kind have in
    /// common, a few KiB for most and never more than 500.
    pub fn max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// What says which stored responses are kept when there are too many. Default:
    /// [`MemoryEngine::GreedyDual`].
    pub fn memory_engine(self, memory_engine: MemoryEngine) -> Self {
        Self {
            memory_engine,
            ..self
        }
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

    /// How many purges are remembered before what they made dead is searched for and dropped, so that
    /// they can be forgotten; at about 100 bytes each. Those of the same tag, or whatever is named,
    /// count once. That is done in the background, and by whoever purges when there are twice as many.
    /// Default: one for each KiB of [`max_bytes`](Self::max_bytes), and at least 16,384.
    pub fn max_purge_records(self, max_purge_records: u64) -> Self {
        Self {
            max_purge_records: Some(max_purge_records),
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

    /// Memory for bodies that are being fetched, all together, in bytes. A response for which there
    /// is no room streams through and is not stored. Default: 64 MiB.
    pub fn max_fill_bytes(self, max_fill_bytes: u64) -> Self {
        Self {
            max_fill_bytes,
            ..self
        }
    }

    /// Most requests that wait for one and the same response; those beyond go forward by
    /// themselves. Default: 100,000.
    pub fn max_followers(self, max_followers: usize) -> Self {
        Self {
            max_followers,
            ..self
        }
    }

    /// How long a request waits for a response that another is fetching, before it goes forward by
    /// itself. Default: 10 seconds.
    pub fn collapse_timeout(self, collapse_timeout: Duration) -> Self {
        Self {
            collapse_timeout,
            ..self
        }
    }

    /// Most pieces of work at once that no client waits for: validations in the background, and
    /// responses that are fetched and writes that are finished although their client has left. What is
    /// too much is not begun, or ends with its client. Default: 1024.
    pub fn max_background(self, max_background: usize) -> Self {
        Self {
            max_background,
            ..self
        }
    }

    /// How long work may take that no client waits for. Default: 60 seconds.
    pub fn finish_within(self, finish_within: Duration) -> Self {
        Self {
            finish_within,
            ..self
        }
    }

    /// How long nobody tries to validate a stored response again after that failed; meanwhile it is
    /// served as it is, where its stale windows let it. Default: 1 second.
    pub fn retry_refresh_after(self, retry_refresh_after: Duration) -> Self {
        Self {
            retry_refresh_after,
            ..self
        }
    }

    /// How long a key is remembered whose response was not for others, so that its requests do not
    /// wait for one another. A response that is stored ends it. Default: 30 seconds.
    pub fn uncacheable_for(self, uncacheable_for: Duration) -> Self {
        Self {
            uncacheable_for,
            ..self
        }
    }

    /// Most keys that are remembered for [`uncacheable_for`](Self::uncacheable_for), at 8 bytes each,
    /// allocated at the first; later ones take the places of earlier ones. Default: 16,384.
    pub fn max_uncacheable(self, max_uncacheable: usize) -> Self {
        Self {
            max_uncacheable,
            ..self
        }
    }

    /// Declares that a `T` in a request's extensions says who asks. On routes with declared inputs
    /// ([`RoutePolicy::shared`](crate::RoutePolicy::shared)) that keep one copy for all, the inner
    /// service does not see it. Types that a route is partitioned by are known already.
    pub fn identity<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.identities.push(ExtensionType::of::<T>());
        self
    }

    /// Declares that no response depends on the `T` in a request's extensions, such as a connection
    /// pool or the identifier of a request. On routes with declared inputs a response to a request
    /// with credentials (`Authorization`, `Cookie`, or a field whose name says that it may tell who
    /// asks, such as `X-Api-Key`) is not stored while its extensions hold something that is neither declared
    /// nor neutral: it may have been made of the credentials.
    pub fn neutral_extension<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.neutral_extensions.push(ExtensionType::of::<T>());
        self
    }

    /// Is told of every [`Finding`] once. Called where it was found, on the way of a request: it
    /// must not block.
    pub fn on_finding(mut self, tell: impl Fn(&Finding) + Send + Sync + 'static) -> Self {
        self.on_finding = Some(Arc::new(tell));
        self
    }

    /// Shares a store with other caches: what one of them stores all can use, and what one purges is purged
    /// for all. With the defaults of [`SharedSettings`]; a store is made by `larder-redis` or
    /// `larder-memcached`, or is anybody's that implements the traits of [`shared`](crate::shared).
    ///
    /// The memory stays in front of it: a hit costs what it costs without. The cache has to be
    /// [built](Self::build) within a tokio runtime, in which its work for the others goes on.
    pub fn shared<S: EntryStore + InvalidationLog>(self, store: S) -> Self {
        self.shared_with(store, SharedSettings::new())
    }

    /// As [`shared`](Self::shared), with other settings.
    pub fn shared_with<S: EntryStore + InvalidationLog>(
        self,
        store: S,
        settings: SharedSettings,
    ) -> Self {
        let store = Arc::new(store);
        self.shared_parts(Arc::<S>::clone(&store), store, settings)
    }

    /// As [`shared_with`](Self::shared_with), with responses in one store and the invalidation log in
    /// another.
    pub fn shared_parts(
        self,
        entries: Arc<dyn EntryStore>,
        log: Arc<dyn InvalidationLog>,
        settings: SharedSettings,
    ) -> Self {
        let parts = SharedParts::new(entries, log, settings);
        Self {
            shared: Some(parts),
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
        let default = (self.max_bytes >> 10).max(16 << 10);
        let max_purge_records = self.max_purge_records.unwrap_or(default);
        // What the memory has no room for others may have, and have stored.
        let max_body_bytes = match self.shared {
            None => self.max_body_bytes.min(self.max_bytes),
            Some(_) => self.max_body_bytes,
        };
        let limits = Limits {
            collapse_timeout: self.collapse_timeout,
            max_body_bytes,
            max_header_bytes: self.max_header_bytes,
            max_key_bytes: self.max_key_bytes,
            retry_refresh_after: self.retry_refresh_after,
        };
        let (fleet, naming, stamps) = match self.shared {
            None => (None, Naming::default(), Stamps::new(max_purge_records)),
            Some(fleet) => {
                let naming = Naming::common(&fleet.name_key());
                // What others have stored goes by purges that concern nothing here any more.
                let stamps = Stamps::lasting(max_purge_records.max(fleet.max_known_purges()));
                (
                    Some(Arc::new(fleet.build(max_body_bytes, self.max_header_bytes))),
                    naming,
                    stamps,
                )
            }
        };
        let timer = Arc::new(Timer::default());
        let background =
            Background::new(self.max_background, self.finish_within, Arc::clone(&timer));
        let cache = Cache::new(Shared {
            background,
            budget: Arc::new(Budget::new(self.max_fill_bytes)),
            clock: self.clock,
            counters: Counters::default(),
            findings: Findings::new(self.on_finding),
            fleet,
            flights: Arc::new(Flights::new(self.max_followers)),
            hasher: RandomState::new(),
            identities: ExtensionTypes::new(self.identities),
            keys: KnownKeys::default(),
            limits,
            marks: Marks::new(self.max_uncacheable, self.uncacheable_for),
            memory: MemoryTier::new(Engine::new(self.memory_engine, self.max_bytes), variants),
            naming,
            ready: Arc::new(Budget::new(self.max_bytes / READY_PART)),
            neutral_extensions: ExtensionTypes::new(self.neutral_extensions),
            stamps,
            templates: Templates::default(),
            timer,
            unlimited: Arc::new(Budget::new(u64::MAX)),
        });
        node::start(&cache);
        cache
    }
}

/// Of the memory, for what is ready to send: it is not counted where it is stored.
const READY_PART: u64 = 32;
