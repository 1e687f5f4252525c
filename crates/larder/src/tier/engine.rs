//! The seam between the memory tier and the engines that say what is kept.

use std::sync::Arc;

use crate::tier::choice::MemoryEngine;
use crate::tier::greedy_dual::GreedyDual;
use crate::tier::held::{Change, Held, Index, Key, Usage, Weighed};
use crate::tier::sampled::{SAMPLE, Sampled};

/// One of the engines.
#[derive(Debug)]
pub(crate) enum Engine<V: Weighed> {
    GreedyDual(GreedyDual<V>),
    Sampled(Sampled<V>),
}

impl<V: Weighed> Engine<V> {
    pub(crate) fn new(choice: MemoryEngine, max_bytes: u64) -> Self {
        match choice {
            MemoryEngine::GreedyDual => Self::GreedyDual(GreedyDual::new(max_bytes)),
            MemoryEngine::Moka => Self::Sampled(Sampled::new(max_bytes, SAMPLE)),
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<Held<V>>> {
        match self {
            Self::GreedyDual(engine) => engine.get(key),
            Self::Sampled(engine) => engine.get(key),
        }
    }

    /// Changes what is under a key. Nobody else changes it meanwhile.
    pub(crate) fn change(&self, key: Key, decide: impl FnOnce(Option<&V>) -> Change<V>) {
        match self {
            Self::GreedyDual(engine) => engine.change(key, decide),
            Self::Sampled(engine) => engine.change(key, decide),
        }
    }

    pub(crate) fn clear(&self) {
        match self {
            Self::GreedyDual(engine) => engine.clear(),
            Self::Sampled(engine) => engine.clear(),
        }
    }

    /// Everything that is held; not what is put there meanwhile.
    pub(crate) fn for_each(&self, visit: impl FnMut(&Held<V>)) {
        match self {
            Self::GreedyDual(engine) => each(engine.index(), visit),
            Self::Sampled(engine) => each(engine.index(), visit),
        }
    }

    /// Settles the books and counts.
    pub(crate) fn usage(&self) -> Usage {
        match self {
            Self::GreedyDual(engine) => engine.usage(),
            Self::Sampled(engine) => engine.usage(),
        }
    }
}

fn each<V>(index: &Index<V>, mut visit: impl FnMut(&Held<V>)) {
    for (_, held) in &index.pin() {
        if let Some(held) = held.upgrade() {
            visit(&held);
        }
    }
}
