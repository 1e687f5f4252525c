//! Purges, what was begun before and after them, and sweeps that forget them.

use std::sync::{Arc, Mutex, PoisonError};

use shuttle::future::{block_on, spawn};

use crate::chance::{below, linger, one_in};
use crate::names::Names;
use crate::schedules::seen;
use crate::stamps::{Hold, Life, Manner, Named, Seen, Stamps};

/// Some purges of two names, one by one, both together or everything, hard and soft; fills of what
/// has none, one or both of them; readers; and sweeps.
///
/// # Panics
///
/// When what was purged is alive after the purge has returned, or stale for a shorter time; and when
/// something is dead or stale that nobody purged, although a sweep saw it or it was held.
pub fn purges() {
    let joint = one_in(2);
    // As many as there can be, with that of everything: no work is ever given up. Or fewer.
    let all = 3 + u64::from(joint);
    let limit = if one_in(3) { 1 } else { all };
    let world = Arc::new(World {
        stamps: Stamps::new(limit),
        joint,
        gives_up: limit < all,
        ledger: Mutex::default(),
    });
    let tasks = (0..2).map(|_| spawn(purger(Arc::clone(&world))));
    let tasks = tasks.chain((0..2).map(|_| spawn(filler(Arc::clone(&world)))));
    let tasks = tasks.chain((0..2).map(|_| spawn(reader(Arc::clone(&world)))));
    let tasks: Vec<_> = tasks.collect();
    block_on(async {
        for task in tasks {
            task.await.expect("nobody aborts it");
        }
    });
    for item in world.note(|ledger| ledger.items.clone()) {
        world.look(&item);
    }
}

struct World {
    stamps: Stamps,
    /// Both names are purged together, too.
    joint: bool,
    /// Work that takes long is given up.
    gives_up: bool,
    /// A lock of the standard library: what is noted here must not be a point where others go on.
    ledger: Mutex<Ledger>,
}

/// What is known from outside. Whatever happens has a place in one order.
#[derive(Default)]
struct Ledger {
    order: u64,
    purges: Vec<Purge>,
    items: Vec<Arc<Item>>,
    stored: Vec<Arc<Item>>,
}

#[derive(Clone)]
struct Purge {
    /// None is everything.
    named: Option<Named>,
    soft: bool,
    begun: u64,
    returned: Option<u64>,
}

/// Something that is on its way into the store, or was.
struct Item {
    names: Names,
    seen: Seen,
    /// Before and after it took its position.
    born: (u64, u64),
    hold: Mutex<Option<Hold>>,
    /// It was taken out of the store again, so no sweep looks at it.
    gone: Mutex<bool>,
}

impl Item {
    fn is_safe(&self, world: &World) -> bool {
        let stored = world.note(|ledger| ledger.stored.iter().any(|item| item.is(self)));
        // Given up it may be stored all the same, and is dead.
        (stored || locked(&self.hold).is_some()) && !world.gives_up && !*locked(&self.gone)
    }

    fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Ledger {
    fn next(&mut self) -> u64 {
        self.order += 1;
        self.order
    }
}

impl World {
    fn note<T>(&self, note: impl FnOnce(&mut Ledger) -> T) -> T {
        note(&mut locked(&self.ledger))
    }

    fn now(&self) -> u64 {
        self.note(Ledger::next)
    }

    fn purge(&self) {
        let named = match below(if self.joint { 6 } else { 5 }) {
            0 if one_in(2) => None,
            0..3 => Some(Named::One(1)),
            3..5 => Some(Named::One(2)),
            _ => Named::all(vec![1, 2]),
        };
        let (soft, begun) = (one_in(2), self.now());
        let purge = Purge {
            named: named.clone(),
            soft,
            begun,
            returned: None,
        };
        let id = self.note(|ledger| {
            ledger.purges.push(purge);
            ledger.purges.len() - 1
        });
        let manner = if soft {
            Manner::Soft(begun)
        } else {
            Manner::Hard
        };
        match named {
            None => self.stamps.purge_all(manner),
            Some(named) => self.stamps.purge(&[named], manner),
        };
        self.note(|ledger| {
            let now = ledger.next();
            ledger.purges[id].returned = Some(now);
        });
        seen("purged");
    }

    fn sweep(&self) {
        let Some(sweep) = self.stamps.begin_sweep() else {
            return;
        };
        seen("swept");
        let stored = self.note(|ledger| ledger.stored.clone());
        for item in &stored {
            if self.look(item) == Life::Dead {
                self.note(|ledger| ledger.stored.retain(|other| !other.is(item)));
            }
        }
        sweep.end(stored.len() as u64);
        if self.gives_up {
            seen("given up");
        }
    }

    /// What became of it, which is checked.
    fn look(&self, item: &Item) -> Life {
        let (before, safe) = (self.now(), item.is_safe(self));
        let life = self.stamps.life(&item.names, &item.seen);
        let safe = safe && item.is_safe(self);
        let purges = self.note(|ledger| ledger.purges.clone());
        let hits = |purge: &&Purge| {
            let named = purge.named.as_ref();
            named.is_none_or(|named| named.covers(item.names.hashes()))
        };
        let (soft, hard): (Vec<_>, Vec<_>) =
            purges.iter().filter(hits).partition(|purge| purge.soft);
        // These have returned, and came after it for sure.
        let done = |purge: &&&Purge| {
            purge.begun > item.born.1 && purge.returned.is_some_and(|returned| returned < before)
        };
        // These may have come after it.
        let may = |purge: &&&Purge| purge.returned.is_none_or(|returned| returned > item.born.0);
        let since = soft
            .iter()
            .filter(done)
            .filter_map(|purge| purge.returned)
            .min();
        match life {
            Life::Dead => {
                let purged = hard.iter().any(|purge| may(&purge));
                assert!(purged || !safe, "dead, and nobody purged it");
                seen(if purged { "dead" } else { "forgotten" });
            }
            Life::Stale(found) => {
                assert!(!hard.iter().any(|purge| done(&purge)), "stale, not dead");
                assert!(
                    soft.iter().any(|purge| may(&purge)),
                    "stale, and nobody purged it"
                );
                assert!(
                    since.is_none_or(|since| found < since),
                    "stale for too short a time"
                );
                seen("stale");
            }
            Life::Live => {
                assert!(
                    !hard.iter().any(|purge| done(&purge)),
                    "alive after a purge"
                );
                assert!(since.is_none(), "fresh after a soft purge");
                seen("live");
            }
        }
        life
    }
}

async fn purger(world: Arc<World>) {
    for _ in 0..=below(4) {
        linger(4).await;
        world.purge();
        if world.stamps.is_full() || world.stamps.asks_for_sweep() {
            world.sweep();
        }
    }
}

async fn filler(world: Arc<World>) {
    for _ in 0..=below(2) {
        linger(3).await;
        let hold = world.stamps.hold();
        let before = world.now();
        let born = world.stamps.position();
        let names: &[u64] = [&[1][..], &[2], &[1, 2], &[]][below(4)];
        let item = Arc::new(Item {
            names: Names::of_request(names),
            seen: Seen::new(born),
            born: (before, world.now()),
            hold: Mutex::new(Some(hold)),
            gone: Mutex::new(false),
        });
        world.note(|ledger| ledger.items.push(Arc::clone(&item)));
        linger(5).await;
        seen("held");
        if world.look(&item) == Life::Dead {
            seen("not stored");
        } else {
            world.note(|ledger| ledger.stored.push(Arc::clone(&item)));
            seen("stored");
        }
        let hold = locked(&item.hold).take();
        drop(hold);
        if one_in(3) {
            linger(3).await;
            *locked(&item.gone) = true;
            world.note(|ledger| ledger.stored.retain(|other| !other.is(&item)));
        }
    }
}

async fn reader(world: Arc<World>) {
    for _ in 0..6 {
        linger(3).await;
        let items = world.note(|ledger| ledger.items.clone());
        if !items.is_empty() {
            world.look(&items[below(items.len())]);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
