//! What a cache knows that shares a store with others: how far it knows of their purges and how that stands to
//! its own, what waits to be written, and how the store is asked. It knows nothing of the cache.
//!
//! ```text
//! purge ─▶ stamps ─▶ outbox ─▶ log ─▶ order and stamps of each node
//! fill ─▶ memory ─▶ writes ─▶ store ─▶ memory of a node that has nothing, and consults it
//! ```
//!
//! The work that goes on by itself is the [`node`](crate::node)'s. Nothing here is on the way of a hit but one
//! look at how long ago the log was [heard](trust).

mod ahead;
mod ask;
mod beyond;
mod breaker;
pub(crate) mod counts;
pub(crate) mod course;
pub(crate) mod frame;
mod limited;
mod order;
mod outbox;
pub(crate) mod parts;
pub(crate) mod purging;
pub(crate) mod record;
mod settings;
mod sharing;
mod store_clock;
mod trust;
pub(crate) mod writes;

use std::sync::Arc;

use http::header::HeaderName;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::ahead::Ahead;
use self::beyond::Beyond;
use self::breaker::Breaker;
pub use self::counts::SharedStats;
use self::counts::{Counts, Queue};
use self::frame::Codec;
pub(crate) use self::limited::limited;
pub(crate) use self::order::LANES;
use self::order::Order;
pub(crate) use self::outbox::Acknowledged;
use self::outbox::Outbox;
pub(crate) use self::record::Purged;
pub use self::settings::{SharedSettings, ShortSecret};
use self::store_clock::StoreClock;
use self::trust::Trust;
pub(crate) use self::writes::HeldLease;
use self::writes::Writes;
use crate::buffer::budget::Budget;
use crate::shared::{EntryStore, InvalidationLog, LogPosition, NodeId};
use crate::shim::{AtomicBool, AtomicU64, Mutex, Ordering};
use crate::sight::{Moment, Sight};

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
    pub(crate) codec: Codec,
    /// Which fields select among the variants of a primary key, as far as that is known.
    pub(crate) rules: Rules,
    pub(crate) writes: Writes,
    pub(crate) ahead: Option<Ahead>,
    beyond: Beyond,
    pub(crate) outbox: Outbox,
    pub(crate) counts: Counts,
    /// Of what waits to be written.
    pub(crate) queued: Arc<Budget>,
    /// There is something new to be told to others.
    pub(crate) news: Notify,
}

type Rules = moka::sync::Cache<[u8; 32], Arc<[HeaderName]>>;

/// So many primary keys with variants are remembered.
const MAX_RULES: u64 = 10_000;

/// Who appends what is no node's own.
pub(crate) const NOBODY: NodeId = NodeId::from_bits(0);

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
            beyond: Beyond::default(),
            outbox: Outbox::new(node, settings.max_queued_purges),
            counts: Counts::default(),
            queued: Arc::new(Budget::new(settings.max_queued_bytes)),
            news: Notify::new(),
            settings,
        }
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
            self.read_upto()
        } else {
            LogPosition::START
        }
    }

    /// Up to where the log was read.
    pub(crate) fn read_upto(&self) -> LogPosition {
        LogPosition::from_bits(self.applied.load(Ordering::Acquire))
    }

    /// The log was read to its end, by a read that began then.
    pub(crate) fn heard(&self, moment: Moment, begun: Instant) {
        self.trust.heard(moment);
        self.outbox.heard(begun);
        if !self.is_ready.swap(true, Ordering::AcqRel) {
            self.news.notify_one();
        }
    }

    /// The log may have lost what it had, but its server is there again: whoever needs it may ask.
    pub(crate) fn joined_again(&self) {
        self.outbox.send_again();
        self.breaker.succeeded();
    }

    /// Own purges are appended to the log.
    pub(crate) fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    pub(crate) fn set_started(&self) {
        self.is_started.store(true, Ordering::Release);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    pub(crate) fn stats(&self) -> SharedStats {
        self.counts.snapshot(Queue {
            bytes: self.queued.reserved(),
            purges: self.outbox.len() as u64,
        })
    }
}
