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
pub(crate) mod record;
mod settings;
mod trust;
mod writes;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::HeaderName;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use self::ahead::Ahead;
use self::breaker::Breaker;
pub use self::counts::SharedStats;
use self::counts::{Counts, Did, Queue};
use self::frame::Codec;
pub(crate) use self::order::LANES;
use self::order::Order;
pub(crate) use self::outbox::Acknowledged;
use self::outbox::{Outbox, lane_of};
pub(crate) use self::parts::SharedParts;
pub(crate) use self::record::Purged;
use self::record::Record;
pub use self::settings::{SharedSettings, ShortSecret};
use self::trust::Trust;
use self::writes::Writes;
use crate::buffer::budget::Budget;
use crate::cache::Cache;
use crate::shared::{
    EntryStore, InvalidationLog, LogPosition, NodeId, Pending, StoreError, StoreErrorKind,
};
use crate::shim::{AtomicBool, AtomicU64, Mutex, Ordering, lock};
use crate::sight::Sight;
use crate::stamps::Manner;

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
    /// What the store's clock was when it was last looked at.
    store_clock: Mutex<Option<(SystemTime, Instant)>>,
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
            store_clock: Mutex::default(),
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

    /// The local position that is as good as a position of the log; `None`: nobody knows.
    pub(crate) fn local(&self, cache: &Cache, born: LogPosition) -> Option<u64> {
        let order = lock(&self.order);
        order.local(born, cache.shared().stamps.position())
    }

    /// Purges here, and sees to it that all others do.
    pub(crate) fn purge(
        self: &Arc<Self>,
        cache: &Cache,
        what: Purged,
        manner: Manner,
    ) -> (u64, Ticket) {
        let lane = lane_of(manner);
        let mut order = lock(&self.order);
        let local = cache.stamp(&what, manner);
        let number = order.purged(lane, local);
        self.outbox.push(number, what, self.to_store(cache, manner));
        drop(order);
        let fleet = Arc::clone(self);
        let ticket = Ticket {
            fleet,
            lane,
            number,
        };
        (local, ticket)
    }

    /// Applies a record of the log.
    fn apply(&self, cache: &Cache, position: LogPosition, record: &[u8]) {
        let record = Record::decode(record).unwrap_or_else(|| {
            self.counts.add(Did::RecordUnreadable);
            tracing::warn!(target: "larder", %position, "a purge in the log cannot be read: everything is purged");
            Record::everything(NOBODY, 0)
        });
        let manner = self.of_store(cache, record.manner);
        let mut order = lock(&self.order);
        if position <= order.applied() {
            return;
        }
        let local = if record.node == self.node {
            let lane = lane_of(manner);
            self.outbox.told(lane, position);
            order.told(lane, record.upto)
        } else {
            self.counts.add(Did::Applied);
            Some(cache.stamp(&record.what, manner))
        };
        order.apply(position, local);
        self.applied.store(position.bits(), Ordering::Release);
        drop(order);
        let is_own = record.node == self.node;
        if !is_own && record.what == Purged::Everything && manner == Manner::Hard {
            cache.forget_memory();
        }
        cache.settle();
    }

    /// What was born before a position is not known: what was stored elsewhere before it is dead, and here
    /// everything is, since purges before it may have been missed.
    fn skip_to(&self, cache: &Cache, position: LogPosition) {
        let mut order = lock(&self.order);
        cache.stamp(&Purged::Everything, Manner::Hard);
        order.begin_at(position);
        self.applied.store(position.bits(), Ordering::Release);
        drop(order);
        cache.forget_memory();
    }

    /// How many milliseconds the store's clock is ahead of this node's, which tells this time now. What
    /// happens to this node's clock meanwhile is no matter.
    pub(crate) fn offset(&self, own: SystemTime) -> i64 {
        let Some((looked, at)) = *lock(&self.store_clock) else {
            return 0;
        };
        let of_store = looked.checked_add(at.elapsed()).unwrap_or(looked);
        match of_store.duration_since(own) {
            Ok(ahead) => i64::try_from(ahead.as_millis()).unwrap_or_default(),
            Err(behind) => -i64::try_from(behind.duration().as_millis()).unwrap_or_default(),
        }
    }

    /// The store's clock told this time at a moment.
    fn set_clock(&self, of_store: SystemTime, at: Instant) {
        *lock(&self.store_clock) = Some((of_store, at));
    }

    /// A time of this node in a manner, as a time of the store.
    fn to_store(&self, cache: &Cache, manner: Manner) -> Manner {
        shifted(manner, self.offset(cache.shared().clock.now()))
    }

    fn of_store(&self, cache: &Cache, manner: Manner) -> Manner {
        let offset = self.offset(cache.shared().clock.now());
        shifted(manner, offset.saturating_neg())
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

fn shifted(manner: Manner, by: i64) -> Manner {
    match manner {
        Manner::Hard => Manner::Hard,
        Manner::Soft(since) => Manner::Soft(since.saturating_add_signed(by)),
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
