//! What an answer copies, made ready for what is read often: the fields as one map, and for what several
//! threads read at once a copy for each.
//!
//! To copy a field value or a body is to count it. Threads that count one thing wait for one another,
//! and the more of them there are the longer.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use crossbeam_utils::CachePadded;
use http::HeaderMap;
use once_cell::race::OnceBox;

use crate::buffer::budget::{Budget, Reservation};
use crate::stripe::{self, STRIPES};

/// Fields and body of an answer.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) fields: HeaderMap,
    pub(crate) body: Bytes,
}

/// What answers can be prepared of.
pub(crate) trait Prepare {
    fn reads(&self) -> &Reads;

    /// What was made ready, or the room for it, if there is any.
    fn ready_if_any(&self) -> Option<&Ready>;

    /// The room for it.
    fn room_for_ready(&self) -> &Ready;

    /// What the fields take, in bytes, and what a copy takes beyond them.
    fn bytes(&self) -> (usize, usize);

    /// Fields and body, counted together with those of everybody else.
    fn prepare(&self) -> Prepared;

    /// Fields and body which are counted apart.
    fn prepare_apart(&self) -> Prepared;

    /// What an answer copies, if it is ready.
    #[inline]
    fn ready(&self, budget: &Arc<Budget>) -> Option<&Prepared>
    where
        Self: Sized,
    {
        match self.ready_if_any().and_then(|ready| ready.0.get()) {
            Some(made) => Some(made.mine(self, budget)),
            None => self.make_ready(budget),
        }
    }

    #[cold]
    fn make_ready(&self, budget: &Arc<Budget>) -> Option<&Prepared>
    where
        Self: Sized,
    {
        let is_often = self.reads().is_often();
        is_often.then(|| self.room_for_ready().make(self, budget))?
    }
}

/// How often a stored response was read, up to a few times.
#[derive(Debug, Default)]
pub(crate) struct Reads(AtomicU8);

impl Reads {
    /// Often enough to be made ready; counts if not.
    fn is_often(&self) -> bool {
        let reads = self.0.load(Ordering::Relaxed);
        if reads < OFTEN {
            self.0.store(reads + 1, Ordering::Relaxed);
        }
        reads >= OFTEN
    }
}

/// An answer that was prepared, once it was asked for often enough and there is room for it.
#[derive(Debug, Default)]
pub(crate) struct Ready(OnceBox<Made>);

#[derive(Debug)]
struct Made {
    first: Prepared,
    heat: AtomicU8,
    /// Which stripes ask, a bit for each.
    askers: AtomicU32,
    copies: OnceLock<Copies>,
    _room: Reservation,
}

#[derive(Debug)]
struct Copies([OnceLock<Box<CachePadded<(Prepared, Reservation)>>>; STRIPES]);

impl Ready {
    fn make(&self, of: &impl Prepare, budget: &Arc<Budget>) -> Option<&Prepared> {
        let (fields, _) = of.bytes();
        let room = reserve(budget, fields.saturating_add(size_of::<Made>()))?;
        let made = self.0.get_or_init(|| {
            Box::new(Made {
                first: of.prepare(),
                heat: AtomicU8::new(0),
                askers: AtomicU32::new(0),
                copies: OnceLock::new(),
                _room: room,
            })
        });
        Some(&made.first)
    }
}

impl Made {
    #[inline]
    fn mine(&self, of: &impl Prepare, budget: &Arc<Budget>) -> &Prepared {
        if let Some(copies) = self.copies.get() {
            return copies.mine(of, budget).unwrap_or(&self.first);
        }
        if is_sampled() {
            self.heat_up();
        }
        &self.first
    }

    #[cold]
    fn heat_up(&self) {
        let bit = 1 << (stripe::mine() % STRIPES);
        let askers = self.askers.fetch_or(bit, Ordering::Relaxed) | bit;
        let heat = self.heat.load(Ordering::Relaxed).saturating_add(1);
        self.heat.store(heat, Ordering::Relaxed);
        if heat >= HOT && askers.count_ones() > 1 {
            self.copies
                .get_or_init(|| Copies(array::from_fn(|_| OnceLock::new())));
        }
    }
}

impl Copies {
    #[inline]
    fn mine(&self, of: &impl Prepare, budget: &Arc<Budget>) -> Option<&Prepared> {
        let copy = self.0.get(stripe::mine())?;
        match copy.get() {
            Some(copy) => Some(&copy.0),
            None => make_copy(copy, of, budget),
        }
    }
}

type Copy = OnceLock<Box<CachePadded<(Prepared, Reservation)>>>;

#[cold]
fn make_copy<'a>(copy: &'a Copy, of: &impl Prepare, budget: &Arc<Budget>) -> Option<&'a Prepared> {
    let (fields, more) = of.bytes();
    let room = reserve(budget, fields.saturating_add(more))?;
    let copy = copy.get_or_init(|| Box::new(CachePadded::new((of.prepare_apart(), room))));
    Some(&copy.0)
}

fn reserve(budget: &Arc<Budget>, bytes: usize) -> Option<Reservation> {
    let bytes = u64::try_from(bytes).ok()?;
    let mut room = budget.has(bytes).then(|| budget.open())?;
    room.grow(bytes).then_some(room)
}

/// Some of the answers of each thread are: to note each would be a place that all write to.
#[inline]
fn is_sampled() -> bool {
    thread_local! {
        static ANSWERS: Cell<u8> = const { Cell::new(0) };
    }
    let count = |answers: &Cell<u8>| {
        answers
            .replace(answers.get().wrapping_add(1))
            .is_multiple_of(SAMPLE)
    };
    ANSWERS.try_with(count).unwrap_or(false)
}

/// Answers from the same stored response before it is made ready.
const OFTEN: u8 = 3;

/// One answer of so many is noted.
const SAMPLE: u8 = 64;

/// So many answers that were noted, of more than one thread, before there is a copy for each.
const HOT: u8 = 32;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    #[derive(Default)]
    struct Source {
        ready: Ready,
        reads: Reads,
        copies: AtomicUsize,
    }

    impl Prepare for Source {
        fn reads(&self) -> &Reads {
            &self.reads
        }

        fn ready_if_any(&self) -> Option<&Ready> {
            Some(&self.ready)
        }

        fn room_for_ready(&self) -> &Ready {
            &self.ready
        }

        fn bytes(&self) -> (usize, usize) {
            (100, 10)
        }

        fn prepare(&self) -> Prepared {
            prepared("first")
        }

        fn prepare_apart(&self) -> Prepared {
            self.copies.fetch_add(1, Ordering::Relaxed);
            prepared("copy")
        }
    }

    fn prepared(body: &'static str) -> Prepared {
        Prepared {
            fields: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    impl Source {
        /// The last of so many answers on a thread of its own.
        fn ask(&self, times: usize, budget: &Arc<Budget>) -> Option<Bytes> {
            let ask = || self.ready(budget).map(|ready| ready.body.clone());
            let asked = || (0..times).fold(None, |_, _| ask());
            thread::scope(|scope| scope.spawn(asked).join().unwrap())
        }
    }

    const MANY: usize = HOT as usize * SAMPLE as usize;

    #[test]
    fn what_is_read_often_is_ready_while_there_is_room() {
        let (source, budget) = (Source::default(), Arc::new(Budget::new(1000)));
        assert_eq!(source.ask(OFTEN.into(), &budget), None);
        assert_eq!(budget.reserved(), 0);
        assert_eq!(source.ask(1, &budget).unwrap(), "first");
        let reserved = budget.reserved();
        assert!(reserved >= 100);

        let (other, full) = (Source::default(), Arc::new(Budget::new(reserved - 1)));
        assert_eq!(other.ask(100, &full), None);
        assert_eq!(full.reserved(), 0);

        drop(source);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn each_of_several_threads_that_read_much_has_a_copy() {
        let (source, budget) = (Source::default(), Arc::new(Budget::new(10_000)));
        // One thread alone needs none, however much it reads.
        assert_eq!(source.ask(2 * MANY, &budget).unwrap(), "first");
        let alone = budget.reserved();
        let second = source.ask(2 * MANY, &budget).unwrap();
        let third = source.ask(1, &budget).unwrap();
        assert_eq!((second, third), ("copy".into(), "copy".into()));
        assert_eq!(source.copies.load(Ordering::Relaxed), 2);
        assert_eq!(budget.reserved(), alone + 2 * 110);
        drop(source);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn threads_share_what_there_is_no_room_to_copy() {
        let (source, budget) = (Source::default(), Arc::new(Budget::new(10_000)));
        source.ask(2 * MANY, &budget);
        let mut rest = budget.open();
        assert!(rest.grow(10_000 - budget.reserved()));
        assert_eq!(source.ask(2 * MANY, &budget).unwrap(), "first");
        assert_eq!(source.copies.load(Ordering::Relaxed), 0);
    }
}
