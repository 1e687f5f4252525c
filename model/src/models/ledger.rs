//! What is known from outside of flights and of those aboard.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::flights::{self, Boarded, Flights};
use crate::schedules::seen;
use crate::shim::{AtomicU64, Ordering};

pub(super) type Leader = flights::Leader<Key, Mark, Landing>;
pub(super) type Follower = flights::Follower<Mark, Landing>;

/// Keys all hash alike: they share a shard, whatever seed the hasher has, so that a schedule means
/// the same when it is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub(super) usize);

impl Hash for Key {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) id: u64,
    pub(super) key: Key,
    /// The purge that came last before it.
    pub(super) born: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Landing {
    pub(super) flight: u64,
    pub(super) nth: u32,
}

pub(super) struct World {
    pub(super) flights: Arc<Flights<Key, Mark, Landing>>,
    pub(super) limit: usize,
    /// The purge that came last.
    pub(super) position: AtomicU64,
    /// A lock of the standard library: what is noted here must not be a point where others go on.
    ledger: Mutex<Ledger>,
}

/// Who is aboard for sure: noted after the begin, struck off before the end.
#[derive(Default)]
pub(super) struct Ledger {
    flights: u64,
    pub(super) leading: Vec<Mark>,
    /// Each with a number of its own, and the flight.
    pub(super) following: HashMap<usize, u64>,
    /// The first landing of a flight, noted before it.
    pub(super) landed: HashMap<u64, u32>,
    /// Nobody may join these any more: noted after their end.
    gone: HashSet<u64>,
    /// Requests that may be aboard, by key: noted before they board, struck off after they left.
    pub(super) present: HashMap<usize, usize>,
    begun: usize,
}

pub(super) struct Snapshot {
    pub(super) gone: HashSet<u64>,
    pub(super) present: usize,
    pub(super) begun: usize,
}

impl World {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            flights: Arc::new(Flights::new(limit)),
            limit,
            position: AtomicU64::new(0),
            ledger: Mutex::default(),
        })
    }

    pub(super) fn note<T>(&self, note: impl FnOnce(&mut Ledger) -> T) -> T {
        note(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn board(&self, key: Key) -> Boarded<Key, Mark, Landing> {
        let born = self.position.load(Ordering::SeqCst);
        let id = self.note(|ledger| {
            ledger.flights += 1;
            ledger.flights
        });
        let is_live = |mark: &Mark| mark.born >= self.position.load(Ordering::SeqCst);
        self.flights.board(&key, Mark { id, key, born }, is_live)
    }

    pub(super) fn snapshot(&self, key: Key) -> Snapshot {
        self.note(|ledger| Snapshot {
            gone: ledger.gone.clone(),
            present: ledger.present.get(&key.0).copied().unwrap_or(0),
            begun: ledger.begun,
        })
    }

    pub(super) fn audit_end(&self) {
        assert_eq!(self.flights.len(), 0, "flights that nobody leads");
        self.note(|ledger| {
            assert!(ledger.leading.is_empty() && ledger.following.is_empty());
            assert!(ledger.present.values().all(|present| *present == 0));
        });
    }
}

/// A request that may be aboard.
pub(super) struct Present {
    world: Arc<World>,
    key: Key,
}

impl Present {
    pub(super) fn new(world: &Arc<World>, key: Key) -> Self {
        world.note(|ledger| {
            *ledger.present.entry(key.0).or_default() += 1;
            ledger.begun += 1;
        });
        let world = Arc::clone(world);
        Self { world, key }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let key = self.key.0;
        self.world
            .note(|ledger| *ledger.present.entry(key).or_default() -= 1);
    }
}

pub(super) struct LeaderSeat {
    world: Arc<World>,
    leader: Option<Leader>,
    mark: Mark,
}

impl LeaderSeat {
    pub(super) fn new(world: &Arc<World>, leader: Leader) -> Self {
        let mark = *leader.flight().mark();
        world.note(|ledger| ledger.leading.push(mark));
        // Nobody else goes on between this and the next line.
        let position = world.position.load(Ordering::SeqCst);
        let leading = world.note(|ledger| ledger.leading.clone());
        let (live, dead): (Vec<Mark>, _) = leading
            .iter()
            .filter(|other| other.key == mark.key)
            .partition(|other| other.born >= position);
        assert!(live.len() <= 1, "two lead for the same key");
        if !live.is_empty() && !dead.is_empty() {
            seen("replaced");
        }
        Self {
            world: Arc::clone(world),
            leader: Some(leader),
            mark,
        }
    }

    fn leader(&self) -> &Leader {
        self.leader.as_ref().expect("it has not concluded")
    }

    pub(super) fn land(&self, nth: u32) {
        let flight = self.mark.id;
        self.world
            .note(|ledger| *ledger.landed.entry(flight).or_insert(nth));
        self.leader().land(Landing { flight, nth });
    }

    pub(super) fn conclude(&mut self) {
        let (flight, nth) = (self.mark.id, 0);
        self.world.note(|ledger| {
            ledger.landed.insert(flight, nth);
            ledger.leading.retain(|mark| mark.id != flight);
        });
        let leader = self.leader.take().expect("it concludes once");
        leader.conclude(Landing { flight, nth });
        self.world.note(|ledger| ledger.gone.insert(flight));
    }

    pub(super) fn is_followed(&self) -> bool {
        let mine = |ledger: &mut Ledger| -> Vec<usize> {
            let following = ledger.following.iter();
            let mine = following.filter(|(_, flight)| **flight == self.mark.id);
            mine.map(|(follower, _)| *follower).collect()
        };
        let before = self.world.note(mine);
        let followed = self.leader().flight().has_followers();
        let after = self.world.note(mine);
        let stayed = before.iter().any(|follower| after.contains(follower));
        assert!(followed || !stayed, "a follower that nobody knows of");
        followed
    }
}

impl Drop for LeaderSeat {
    fn drop(&mut self) {
        let id = self.mark.id;
        self.world
            .note(|ledger| ledger.leading.retain(|mark| mark.id != id));
        drop(self.leader.take());
        self.world.note(|ledger| ledger.gone.insert(id));
    }
}

pub(super) struct FollowerSeat {
    pub(super) world: Arc<World>,
    pub(super) mark: Mark,
    follower: Option<Follower>,
    serial: usize,
}

impl FollowerSeat {
    pub(super) fn new(world: &Arc<World>, follower: Follower) -> Self {
        let mark = *follower.flight().mark();
        let (serial, follow) = world.note(|ledger| {
            ledger.begun += 1;
            ledger.following.insert(ledger.begun, mark.id);
            let follow = ledger.following.values().filter(|id| **id == mark.id);
            (ledger.begun, follow.count())
        });
        assert!(follow <= world.limit, "more follow than may");
        Self {
            world: Arc::clone(world),
            mark,
            follower: Some(follower),
            serial,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Landing>> {
        let follower = self.follower.as_mut().expect("it has not left");
        Pin::new(follower).poll(cx)
    }
}

impl Drop for FollowerSeat {
    fn drop(&mut self) {
        let serial = self.serial;
        self.world.note(|ledger| ledger.following.remove(&serial));
        drop(self.follower.take());
    }
}
