//! What the cache did, counted without a recorder.
//!
//! Counters are striped over cache lines by thread, so that two threads that count hits do not
//! fight over one.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::stripe::{self, STRIPES};

/// Things that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Bypass,
    Collapsed,
    Error,
    ForwardedMethod,
    Hit,
    Invalidation,
    Miss,
    NotStored,
    Purge,
    Put,
    PutRefused,
    Refresh,
    RefreshRefused,
    Refused,
    StaleHit,
    Stored,
    Sweep,
    Validated,
    ValidationReplaced,
    Verified,
    VerifiedStale,
    VerifyFailed,
    WrongKey,
}

const EVENTS: usize = Event::WrongKey as usize + 1;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    stripes: [CachePadded<[AtomicU64; EVENTS]>; STRIPES],
}

impl Counters {
    pub(crate) fn add(&self, event: Event) {
        let counter = self
            .stripes
            .get(stripe::mine())
            .and_then(|cells| cells.get(event as usize));
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn total(&self, event: Event) -> u64 {
        let cell = |cells: &CachePadded<[AtomicU64; EVENTS]>| {
            cells
                .get(event as usize)
                .map_or(0, |c| c.load(Ordering::Relaxed))
        };
        self.stripes.iter().map(cell).sum()
    }

    pub(crate) fn snapshot(&self, usage: Usage) -> Stats {
        Stats {
            fills: usage.fills,
            fill_bytes: usage.fill_bytes,
            uncacheable: usage.uncacheable,
            background_validations: self.total(Event::Refresh),
            bypasses: self.total(Event::Bypass),
            bytes: usage.bytes,
            collapsed: self.total(Event::Collapsed),
            errors: self.total(Event::Error),
            findings: usage.findings,
            forwarded_methods: self.total(Event::ForwardedMethod),
            hits: self.total(Event::Hit),
            invalidations: self.total(Event::Invalidation),
            keys: usage.keys,
            misses: self.total(Event::Miss),
            not_stored: self.total(Event::NotStored),
            purge_records: usage.purge_records,
            purges: self.total(Event::Purge),
            puts: self.total(Event::Put),
            puts_refused: self.total(Event::PutRefused),
            refresh_refusals: self.total(Event::RefreshRefused),
            refusals: self.total(Event::Refused),
            responses: usage.responses,
            stale_hits: self.total(Event::StaleHit),
            stored: self.total(Event::Stored),
            sweeps: self.total(Event::Sweep),
            validations: self.total(Event::Validated),
            validations_replaced: self.total(Event::ValidationReplaced),
            verified: self.total(Event::Verified),
            verified_stale: self.total(Event::VerifiedStale),
            verify_failures: self.total(Event::VerifyFailed),
            wrong_keys: self.total(Event::WrongKey),
        }
    }
}

/// What a cache holds now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    pub(crate) findings: u64,
    pub(crate) fills: u64,
    pub(crate) fill_bytes: u64,
    pub(crate) keys: u64,
    pub(crate) purge_records: u64,
    pub(crate) responses: u64,
    pub(crate) uncacheable: u64,
}

/// Totals since the cache was made, and what it holds now. What the `metrics` feature counts as well has
/// the same numbers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    background_validations: u64,
    bypasses: u64,
    bytes: u64,
    collapsed: u64,
    errors: u64,
    findings: u64,
    fills: u64,
    fill_bytes: u64,
    forwarded_methods: u64,
    hits: u64,
    invalidations: u64,
    keys: u64,
    misses: u64,
    not_stored: u64,
    purge_records: u64,
    purges: u64,
    puts: u64,
    puts_refused: u64,
    refresh_refusals: u64,
    refusals: u64,
    responses: u64,
    stale_hits: u64,
    stored: u64,
    sweeps: u64,
    uncacheable: u64,
    validations: u64,
    validations_replaced: u64,
    verified: u64,
    verified_stale: u64,
    verify_failures: u64,
    wrong_keys: u64,
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        impl Stats {
            $($(#[$doc])*
            #[must_use]
            pub const fn $name(&self) -> u64 {
                self.$name
            })+
        }
    };
}

getters! {
    /// Validations that no client waited for.
    background_validations,
    /// Requests the cache took no part in.
    bypasses,
    /// Bytes held: keys, heads, bodies and book-keeping.
    bytes,
    /// Requests answered from a response that another request was fetching.
    collapsed,
    /// Forwarded requests that ended in an error of the inner service.
    errors,
    /// How often something was found that is probably a mistake; see [`Finding`](crate::Finding).
    findings,
    /// Responses being fetched now that others may wait for.
    fills,
    /// Bytes held now of bodies that are being fetched.
    fill_bytes,
    /// Requests forwarded because of their method.
    forwarded_methods,
    /// Requests answered from a fresh stored response.
    hits,
    /// Writes that invalidated something: by their success, or because nobody knows what came of
    /// them. Counted by each layer on their way.
    invalidations,
    /// Primary keys held.
    keys,
    /// Requests forwarded because nothing stored matched.
    misses,
    /// Responses that were not stored.
    not_stored,
    /// Purges remembered now, one for each thing that was named, and one more where that is several tags
    /// at once; see [`CacheBuilder::max_purge_records`](crate::CacheBuilder::max_purge_records).
    purge_records,
    /// Calls of [`Cache::purge`](crate::Cache::purge), and writes for which the function of an
    /// [`InvalidateLayer`](crate::InvalidateLayer) named something.
    purges,
    /// Responses that the application [put](crate::Cache::put) there; they count as stored too.
    puts,
    /// Responses that the application tried to put there and that were not stored.
    puts_refused,
    /// `no-cache` requests answered with 403; see
    /// [`CacheLayer::with_forced_refresh`](crate::CacheLayer::with_forced_refresh).
    refresh_refusals,
    /// `only-if-cached` requests answered with 504.
    refusals,
    /// Stored responses held.
    responses,
    /// Requests answered from a stale stored response.
    stale_hits,
    /// Responses stored.
    stored,
    /// How often everything stored was searched for what purges made dead; see
    /// [`CacheBuilder::max_purge_records`](crate::CacheBuilder::max_purge_records).
    sweeps,
    /// Keys remembered now whose responses were not for others.
    uncacheable,
    /// Stored responses freshened by a 304.
    validations,
    /// Validations that brought a new response instead of a 304.
    validations_replaced,
    /// Hits that were checked and found to be what the inner service gives; see
    /// [`Verify`](crate::Verify).
    verified,
    /// Hits that were checked and found stale within their lifetime.
    verified_stale,
    /// Checks of hits that came to nothing: the inner service failed or took too long, the body was too
    /// large, or what was served was purged meanwhile.
    verify_failures,
    /// Hits that were checked and found to depend on an input that is not in the key.
    wrong_keys,
}
