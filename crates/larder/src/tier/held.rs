//! What an engine holds, and what it is told to do with it.

use std::ops::Deref;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use papaya::HashMap;
use rapidhash::fast::RandomState;

pub(crate) type Key = Arc<[u8]>;

/// Where reads look: a concurrent hash map whose readers neither lock nor write. It holds weakly: it
/// frees what it drops in batches, late, and bodies are too large to wait for that. Their memory goes
/// when the engine lets go of them.
pub(crate) type Index<V> = HashMap<Key, Weak<Held<V>>, RandomState>;

/// What can be held under a key.
pub(crate) trait Weighed: Send + Sync + 'static {
    /// In bytes, its key apart.
    fn weight(&self) -> usize;

    /// How many stored responses it is.
    fn responses(&self) -> usize;
}

/// What is to become of a key.
pub(crate) enum Change<V> {
    None,
    Put(V),
    Remove,
}

/// A value with its key and what an engine notes of it.
#[derive(Debug)]
pub(crate) struct Held<V> {
    pub(crate) key: Key,
    value: V,
    uses: AtomicU8,
    place: AtomicU32,
}

impl<V: Weighed> Held<V> {
    pub(crate) fn new(key: Key, value: V) -> Self {
        Self {
            key,
            value,
            uses: AtomicU8::new(0),
            place: AtomicU32::new(u32::MAX),
        }
    }

    /// `None`: too much for any store.
    pub(crate) fn weight(&self) -> Option<u32> {
        weight_of(&self.key, &self.value)
    }
}

/// What a value takes with its key, in bytes. `None`: too much for any store.
pub(crate) fn weight_of<V: Weighed>(key: &Key, value: &V) -> Option<u32> {
    u32::try_from(key.len().saturating_add(value.weight())).ok()
}

impl<V> Held<V> {
    /// It was read. Nothing is written once it is known to be read often.
    pub(crate) fn used(&self) {
        let uses = self.uses.load(Ordering::Relaxed);
        if uses < MAX_USES {
            self.uses.store(uses + 1, Ordering::Relaxed);
        }
    }

    /// How often it was read since somebody last asked, up to a few times.
    pub(crate) fn uses(&self) -> u8 {
        self.uses.load(Ordering::Relaxed)
    }

    pub(crate) fn set_uses(&self, uses: u8) {
        self.uses.store(uses, Ordering::Relaxed);
    }

    /// Where the engine has it in its books.
    pub(crate) fn place(&self) -> u32 {
        self.place.load(Ordering::Relaxed)
    }

    pub(crate) fn set_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }
}

impl<V> Deref for Held<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

/// How much is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) keys: u64,
    pub(crate) responses: u64,
    pub(crate) bytes: u64,
}

/// Reads beyond these are not counted.
const MAX_USES: u8 = 3;
