//! Flights: one leader fetches, its followers wait.
//!
//! Requests for the same key that cannot be answered from the store meet in [`Flights`]. The first
//! becomes the leader; those after it follow until the leader has landed, and those after that are
//! told at once what it landed with, until the leader is gone. A leader that goes without landing
//! (an error, a panic, nobody who wants it finished) frees its followers: one of them leads next.
//!
//! ```text
//!               land                    leader dropped
//! in the air ─────────▶ landed ────────────────────────────▶ not in the map
//!      │    leader dropped
//!      └────────────────▶ lost ──▶ its followers board again
//! ```

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rapidhash::fast::RandomState;
use slab::Slab;

use crate::shim::{Mutex, MutexGuard, lock};

const SHARDS: usize = 16;

/// All flights under way: by key, with a mark `M` that tells whether a flight may still be
/// joined, and ending in a landing `L`.
#[derive(Debug)]
pub(crate) struct Flights<K, M, L> {
    shards: [Mutex<Shard<K, M, L>>; SHARDS],
    hasher: RandomState,
    max_followers: usize,
}

type Shard<K, M, L> = HashMap<K, Arc<Flight<M, L>>, RandomState>;

/// What a request becomes.
#[derive(Debug)]
pub(crate) enum Boarded<K, M, L>
where
    K: Hash + Eq + Clone,
{
    Follow(Follower<M, L>),
    /// As many follow already as may.
    Full,
    Lead(Leader<K, M, L>),
}

impl<K, M, L> Flights<K, M, L>
where
    K: Hash + Eq + Clone,
{
    pub(crate) fn new(max_followers: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::default())),
            hasher: RandomState::new(),
            max_followers,
        }
    }

    /// Joins the flight for a key, if it may still be joined, or starts one with this mark.
    pub(crate) fn board(
        self: &Arc<Self>,
        key: &K,
        mark: M,
        may_join: impl FnOnce(&M) -> bool,
    ) -> Boarded<K, M, L> {
        let mut shard = self.shard(key);
        match shard.entry(key.clone()) {
            Entry::Occupied(found) if may_join(&found.get().mark) => {
                let follower = Follower::join(found.get(), self.max_followers);
                follower.map_or(Boarded::Full, Boarded::Follow)
            }
            entry => {
                let flight = Arc::new(Flight::new(mark));
                entry.insert_entry(Arc::clone(&flight));
                Boarded::Lead(Leader {
                    flights: Arc::clone(self),
                    key: key.clone(),
                    flight,
                })
            }
        }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, M, L>> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        lock(self.shards.get(index).unwrap_or(first))
    }

    /// Keys that are being fetched.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

/// The one that fetches. Until it is dropped, those who board follow it.
#[derive(Debug)]
pub(crate) struct Leader<K, M, L>
where
    K: Hash + Eq + Clone,
{
    flights: Arc<Flights<K, M, L>>,
    key: K,
    flight: Arc<Flight<M, L>>,
}

impl<K, M, L> Leader<K, M, L>
where
    K: Hash + Eq + Clone,
{
    /// Tells the followers, present and to come, what came of it. The first landing counts.
    pub(crate) fn land(&self, landing: L) {
        self.flight.end(Phase::Landed(landing));
    }

    /// Tells the followers what came of it; nobody joins any more.
    pub(crate) fn conclude(self, landing: L) {
        self.leave();
        self.land(landing);
    }

    fn leave(&self) {
        let mut shard = self.flights.shard(&self.key);
        let found = shard.get(&self.key);
        // A flight that could no longer be joined has been replaced by another.
        if found.is_some_and(|found| Arc::ptr_eq(found, &self.flight)) {
            shard.remove(&self.key);
        }
    }

    pub(crate) fn flight(&self) -> &Arc<Flight<M, L>> {
        &self.flight
    }
}

impl<K, M, L> Drop for Leader<K, M, L>
where
    K: Hash + Eq + Clone,
{
    fn drop(&mut self) {
        self.leave();
        self.flight.end(Phase::Lost);
    }
}

#[derive(Debug)]
pub(crate) struct Flight<M, L> {
    mark: M,
    state: Mutex<State<L>>,
}

#[derive(Debug)]
struct State<L> {
    phase: Phase<L>,
    /// One for each follower that has not taken what it is told, with its waker once it waits.
    waiting: Slab<Option<Waker>>,
}

#[derive(Debug)]
enum Phase<L> {
    InAir,
    Landed(L),
    Lost,
}

impl<M, L> Flight<M, L> {
    fn new(mark: M) -> Self {
        let state = State {
            phase: Phase::InAir,
            waiting: Slab::new(),
        };
        Self {
            mark,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn mark(&self) -> &M {
        &self.mark
    }

    /// Somebody waits, or is about to take what was waited for.
    pub(crate) fn has_followers(&self) -> bool {
        let state = lock(&self.state);
        !matches!(state.phase, Phase::Lost) && !state.waiting.is_empty()
    }

    /// The first end counts.
    fn end(&self, phase: Phase<L>) {
        let mut state = lock(&self.state);
        if !matches!(state.phase, Phase::InAir) {
            return;
        }
        state.phase = phase;
        let woken: Vec<Waker> = state
            .waiting
            .iter_mut()
            .filter_map(|(_, w)| w.take())
            .collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// One that waits: resolves to what the leader landed with, or `None` if it never did. It keeps its
/// place until it is dropped.
#[derive(Debug)]
pub(crate) struct Follower<M, L> {
    flight: Arc<Flight<M, L>>,
    place: usize,
}

impl<M, L> Follower<M, L> {
    fn join(flight: &Arc<Flight<M, L>>, limit: usize) -> Option<Self> {
        let mut state = lock(&flight.state);
        if state.waiting.len() >= limit {
            return None;
        }
        let place = state.waiting.insert(None);
        drop(state);
        Some(Self {
            flight: Arc::clone(flight),
            place,
        })
    }

    pub(crate) fn flight(&self) -> &Arc<Flight<M, L>> {
        &self.flight
    }
}

impl<M, L: Clone> Future for Follower<M, L> {
    type Output = Option<L>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<L>> {
        let mut state = lock(&self.flight.state);
        match &state.phase {
            Phase::Lost => Poll::Ready(None),
            Phase::Landed(landing) => Poll::Ready(Some(landing.clone())),
            Phase::InAir => {
                if let Some(waker) = state.waiting.get_mut(self.place) {
                    match waker {
                        Some(waker) => waker.clone_from(cx.waker()),
                        None => *waker = Some(cx.waker().clone()),
                    }
                }
                Poll::Pending
            }
        }
    }
}

impl<M, L> Drop for Follower<M, L> {
    fn drop(&mut self) {
        lock(&self.flight.state).waiting.try_remove(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Few = Flights<&'static str, u32, &'static str>;

    fn flights(limit: usize) -> Arc<Few> {
        Arc::new(Flights::new(limit))
    }

    fn lead(flights: &Arc<Few>) -> Leader<&'static str, u32, &'static str> {
        match flights.board(&"key", 0, |_| true) {
            Boarded::Lead(leader) => leader,
            other => panic!("{other:?}"),
        }
    }

    fn follow(flights: &Arc<Few>) -> Follower<u32, &'static str> {
        match flights.board(&"key", 0, |_| true) {
            Boarded::Follow(follower) => follower,
            other => panic!("{other:?}"),
        }
    }

    fn poll(follower: &mut Follower<u32, &'static str>) -> Poll<Option<&'static str>> {
        Pin::new(follower).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn followers_learn_what_the_leader_landed_with_before_and_after() {
        let flights = flights(9);
        let leader = lead(&flights);
        let mut early = follow(&flights);
        assert_eq!(poll(&mut early), Poll::Pending);
        leader.land("response");
        leader.land("another");
        assert_eq!(poll(&mut early), Poll::Ready(Some("response")));
        assert_eq!(poll(&mut follow(&flights)), Poll::Ready(Some("response")));
        drop(leader);
        assert_eq!(flights.len(), 0);
        drop(lead(&flights));
    }

    #[test]
    fn flight_has_followers_until_its_followers_have_taken_what_came_of_it() {
        let flights = flights(9);
        let leader = lead(&flights);
        assert!(!leader.flight().has_followers());
        let mut follower = follow(&flights);
        leader.land("response");
        assert!(leader.flight().has_followers());
        assert_eq!(poll(&mut follower), Poll::Ready(Some("response")));
        assert!(leader.flight().has_followers());
        drop(follower);
        assert!(!leader.flight().has_followers());
    }

    #[test]
    fn leader_that_goes_without_landing_frees_its_followers() {
        let flights = flights(9);
        let leader = lead(&flights);
        let mut follower = follow(&flights);
        assert!(leader.flight().has_followers());
        drop(leader);
        assert_eq!(poll(&mut follower), Poll::Ready(None));
        drop(lead(&flights));
    }

    #[test]
    fn followers_are_limited_and_leave_their_place() {
        let flights = flights(1);
        let leader = lead(&flights);
        let follower = follow(&flights);
        assert!(matches!(flights.board(&"key", 0, |_| true), Boarded::Full));
        drop(follower);
        assert!(!leader.flight().has_followers());
        drop(follow(&flights));
    }

    #[test]
    fn flight_that_may_not_be_joined_is_replaced_and_leaves_its_successor_alone() {
        let flights = flights(9);
        let old = lead(&flights);
        let Boarded::Lead(new) = flights.board(&"key", 1, |mark| *mark > 0) else {
            panic!("the old flight may not be joined")
        };
        drop(old);
        let mut follower = follow(&flights);
        assert_eq!(*follower.flight().mark(), 1);
        new.land("new");
        assert_eq!(poll(&mut follower), Poll::Ready(Some("new")));
    }
}
