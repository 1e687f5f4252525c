//! A cache that shares a store with others: what the store tells of purges is applied here, and the other
//! way round; what is stored here is written there, and read where it is missing here.
//!
//! ```text
//! purge ─▶ stamps ─▶ outbox ─▶ log ─▶ follower of each node ─▶ stamps
//! fill ─▶ memory ─▶ writes ─▶ store ─▶ consultation of a node that has nothing ─▶ memory
//! ```
//!
//! Nothing here is on the way of a hit but one look at how long ago the log was [heard](trust).

mod ahead;
mod announce;
mod append;
mod breaker;
mod consult;
mod counts;
mod course;
mod follow;
pub(crate) mod found;
pub(crate) mod frame;
pub(crate) mod held;
pub(crate) mod order;
mod outbox;
mod parts;
mod purging;
pub(crate) mod record;
mod settings;
mod store_clock;
mod trust;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use self::ahead::Ahead;
use self::breaker::Breaker;
pub use self::counts::SharedStats;
use self::counts::{Counts, Did, Queue};
use self::frame::Codec;
pub(crate) use self::order::LANES;
use self::order::Order;
pub(crate) use self::outbox::Acknowledged;
use self::outbox::Outbox;
pub(crate) use self::parts::SharedParts;
pub(crate) use self::record::Purged;
pub use self::settings::{SharedSettings, ShortSecret};
use self::store_clock::StoreClock;
use self::trust::Trust;
use self::writes::Writes;
use crate::buffer::budget::Budget;
use crate::cache::Cache;
use crate::shared::{
    EntryStore, InvalidationLog, LogPosition, NodeId, Pending, StoreError, StoreErrorKind,
};
use crate::shim::{AtomicBool, AtomicU64, Mutex, Ordering};
use crate::sight::Sight;

#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) entries: Arc<dyn EntryStore>,
    pub(crate) log: Arc<dyn InvalidationLog>,
    pub(crate) settings: SharedSettings,
    pub(crate) node: NodeId,
    order: Mutex<Order>,
    /// What the order has applied.
    applied: AtomicU64,
    /// There is a runtime in which the work goes on.
    is_started: AtomicBool,
    /// The log was read to its end once.
    is_ready: AtomicBool,
    pub(crate) trust: Trust,
    pub(crate) store_clock: StoreClock,
    breaker: Breaker,
    codec: Codec,
    /// Which fields select among the variants of a primary key, as far as that is known.
    rules: Rules,
    writes: Writes,
    ahead: Option<Ahead>,
    pub(crate) outbox: Outbox,
    pub(crate) counts: Counts,
    /// Of what waits to be written.
    pub(crate) queued: Arc<Budget>,
    /// There is something new to be told to others.
    news: Notify,
}

type Rules = moka::sync::Cache<[u8; 32], Arc<[HeaderName]>>;

/// So many primary keys with variants are remembered.
const MAX_RULES: u64 = 10_000;

/// Who appends what is no node's own.
const NOBODY: NodeId = NodeId::from_bits(0);

/// An own purge, on its way to all.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) lane: usize,
    pub(crate) number: u64,
}

impl Fleet {
    pub(crate) fn new(
        entries: Arc<dyn EntryStore>,
        log: Arc<dyn InvalidationLog>,
        settings: SharedSettings,
        codec: Codec,
    ) -> Self {
        let node = NodeId::from_bits(fastrand::u64(1..));
        Self {
            entries,
            log,
            node,
            order: Mutex::new(Order::new(settings.max_known_purges)),
            applied: AtomicU64::new(0),
            is_started: AtomicBool::new(false),
            is_ready: AtomicBool::new(false),
            trust: Trust::new(settings.bound.saturating_add(settings.fail_open)),
            store_clock: StoreClock::default(),
            breaker: Breaker::default(),
            codec,
            rules: Rules::new(MAX_RULES),
            writes: Writes::new(),
            ahead: Ahead::new(settings.fetch_ahead),
            outbox: Outbox::new(node, settings.max_queued_purges),
            counts: Counts::default(),
            queued: Arc::new(Budget::new(settings.max_queued_bytes)),
            news: Notify::new(),
            settings,
        }
    }

    /// Begins the work that goes on for as long as the cache is there.
    pub(crate) fn start(self: &Arc<Self>, cache: &Cache) {
        let runtime = Handle::try_current().ok();
        let Some(runtime) = runtime.filter(|_| cache.shared().timer.works()) else {
            tracing::error!(
                target: "larder",
                "a cache that shares a store has to be built within a tokio runtime with timers (enable_time, or enable_all): nothing is shared"
            );
            return;
        };
        self.is_started.store(true, Ordering::Release);
        runtime.spawn(follow::follow(cache.weak(), Arc::clone(self)));
        runtime.spawn(append::append(cache.weak(), Arc::clone(self)));
        if let Some(works) = self.writes.begin() {
            runtime.spawn(writes::write(cache.weak(), Arc::clone(self), works));
        }
        if self.ahead.is_some() {
            runtime.spawn(ahead::fetch_ahead(cache.weak(), Arc::clone(self)));
        }
        runtime.spawn(announce::announce(cache.weak(), Arc::clone(self)));
    }

    /// What is known of purges now: to be asked before the inner service is.
    pub(crate) fn sight(&self) -> Sight {
        Sight {
            position: self.applied(),
            moment: self.trust.now(),
        }
    }

    /// The last position of the log that was applied; the start, as long as the log was not read to its
    /// end.
    pub(crate) fn applied(&self) -> LogPosition {
        if self.is_ready() {
            LogPosition::from_bits(self.applied.load(Ordering::Acquire))
        } else {
            LogPosition::START
        }
    }

    /// Own purges are appended to the log.
    pub(crate) fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Asks the store for something, unless it has failed too often lately.
    pub(crate) async fn ask<'a, T>(
        &'a self,
        question: impl FnOnce() -> Pending<'a, T>,
        within: Duration,
    ) -> Result<T, Option<StoreErrorKind>> {
        if !self.breaker.lets_through() {
            self.counts.add(Did::Skipped);
            return Err(None);
        }
        let error = match limited(question(), within).await {
            Ok(answer) => {
                self.breaker.succeeded();
                return Ok(answer);
            }
            Err(error) => error,
        };
        self.counts.add(Did::Failed);
        tracing::debug!(target: "larder", %error, "the shared store failed");
        match error.kind() {
            // It answered, and nobody waited.
            StoreErrorKind::Protocol | StoreErrorKind::Refused => self.breaker.succeeded(),
            StoreErrorKind::TimedOut | StoreErrorKind::Unreachable => {
                if self.breaker.failed() {
                    tracing::warn!(
                        target: "larder", %error,
                        "the shared store fails again and again: it is not asked for a while"
                    );
                }
            }
        }
        Err(Some(error.kind()))
    }

    pub(crate) fn stats(&self) -> SharedStats {
        self.counts.snapshot(Queue {
            bytes: self.queued.reserved(),
            purges: self.outbox.len() as u64,
        })
    }
}

/// With an end.
pub(crate) async fn limited<T>(asked: Pending<'_, T>, within: Duration) -> Result<T, StoreError> {
    match timeout(within, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError::new(
            StoreErrorKind::TimedOut,
            format!("no answer within {within:?}"),
        )),
    }
}
