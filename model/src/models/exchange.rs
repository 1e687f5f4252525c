//! What requests for one response share: the flights, the store, the purges, and a tally of what was
//! asked of the handler and what went wrong.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::content::content;
use super::reading::Stream;
use crate::buffer::budget::Budget;
use crate::chance::one_in;
use crate::flights::{self, Boarded, Flights};
use crate::runtime::Handle;
use crate::schedules::seen;
use crate::shim::{self, AtomicU64, Ordering, lock};

pub(super) type Flight = flights::Flight<Mark, Landing>;
pub(super) type Follower = flights::Follower<Mark, Landing>;
pub(super) type Leader = flights::Leader<(), Mark, Landing>;

#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) id: u64,
    /// The purge that came last before it.
    pub(super) born: u64,
}

#[derive(Clone)]
pub(super) enum Landing {
    Alone,
    Failed,
    Stored(Entry),
    /// With the purge that came last before it.
    Streaming(u64, Arc<Stream>),
}

/// A stored response.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) born: u64,
    /// The call of the handler that it came from.
    pub(super) version: u64,
    pub(super) body: Bytes,
}

pub(super) struct World {
    flights: Arc<Flights<(), Mark, Landing>>,
    pub(super) budget: Arc<Budget>,
    pub(super) runtime: Handle,
    /// Bodies are finished although nobody reads them.
    pub(super) finishes: bool,
    store: shim::Mutex<Option<Entry>>,
    /// The purge that came last.
    position: AtomicU64,
    /// A lock of the standard library: what is noted here must not be a point where others go on.
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    flights: u64,
    calls: u64,
    /// What keeps a call from ending in the store.
    faults: u64,
    /// How long the body of each call is, once it is known.
    bytes: Vec<Option<u64>>,
}

impl World {
    pub(super) fn any() -> Arc<Self> {
        let limit = if one_in(4) { 1 } else { usize::MAX };
        Arc::new(Self {
            flights: Arc::new(Flights::new(limit)),
            budget: Arc::new(Budget::new(u64::MAX)),
            runtime: Handle::default(),
            finishes: one_in(2),
            store: shim::Mutex::new(None),
            position: AtomicU64::new(0),
            tally: Mutex::default(),
        })
    }

    fn tally<T>(&self, note: impl FnOnce(&mut Tally) -> T) -> T {
        note(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::SeqCst)
    }

    pub(super) fn is_live(&self, born: u64) -> bool {
        born >= self.position()
    }

    pub(super) fn purge(&self) {
        self.position.fetch_add(1, Ordering::SeqCst);
        seen("purged");
    }

    pub(super) fn board(&self) -> Boarded<(), Mark, Landing> {
        let born = self.position();
        let id = self.tally(|tally| {
            tally.flights += 1;
            tally.flights
        });
        let is_live = |mark: &Mark| self.is_live(mark.born);
        self.flights.board(&(), Mark { id, born }, is_live)
    }

    pub(super) fn look(&self) -> Option<Entry> {
        let entry = lock(&self.store).clone();
        entry.filter(|entry| self.is_live(entry.born))
    }

    /// `false`: a purge has overtaken it.
    pub(super) fn publish(&self, entry: Entry) -> bool {
        let live = self.is_live(entry.born);
        if live {
            let bytes = entry.body.len() as u64;
            self.tally(|tally| tally.bytes[place(entry.version)] = Some(bytes));
            *lock(&self.store) = Some(entry);
        } else {
            self.fault("overtaken");
        }
        live
    }

    /// A leader calls the handler: the number of the call.
    pub(super) fn call(&self) -> u64 {
        self.tally(|tally| {
            tally.calls += 1;
            tally.bytes.push(None);
            tally.calls - 1
        })
    }

    pub(super) fn fault(&self, what: &'static str) {
        seen(what);
        self.tally(|tally| tally.faults += 1);
    }

    /// A stored response answers a request that came after this purge.
    pub(super) fn audit_hit(&self, entry: &Entry, asked: u64) {
        assert!(entry.born >= asked, "an answer from before a purge");
        let bytes = entry.body.len() as u64;
        let stored = self.tally(|tally| tally.bytes[place(entry.version)]);
        assert_eq!(stored, Some(bytes));
        assert!(
            entry.body == content(entry.version, 0, bytes),
            "other bytes"
        );
    }

    pub(super) fn audit_end(&self) {
        assert_eq!(self.flights.len(), 0, "flights that nobody leads");
        assert_eq!(self.budget.reserved(), 0, "reserved by nobody");
        let purges = self.position();
        let (calls, faults) = self.tally(|tally| (tally.calls, tally.faults));
        assert!(
            calls <= 1 + faults + purges,
            "{calls} calls, {faults} faults"
        );
    }
}

fn place(version: u64) -> usize {
    usize::try_from(version).expect("few calls")
}
