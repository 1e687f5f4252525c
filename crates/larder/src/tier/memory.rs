//! The memory tier: the one place that knows the memory engine (moka).
//!
//! The seam is synchronous and small: get, store, replace, remove, clear. Freshness is not the
//! engine's business, so it runs no timers.

use std::sync::Arc;

use moka::ops::compute::Op;
use moka::sync::Cache as Engine;
use rapidhash::fast::RandomState;

use crate::entry::Entry;
use crate::stamps::Stamps;
use crate::variants::{VariantLimits, Variants};

/// Encoded primary keys to the stored responses under them. Keys are compared in full; the hash is
/// seeded per process.
#[derive(Debug)]
pub(crate) struct MemoryTier {
    engine: Engine<Box<[u8]>, Arc<Variants>, RandomState>,
    limits: VariantLimits,
}

impl MemoryTier {
    pub(crate) fn new(max_bytes: u64, limits: VariantLimits) -> Self {
        let engine = Engine::builder()
            .max_capacity(max_bytes)
            .weigher(weigh)
            .build_with_hasher(RandomState::new());
        Self { engine, limits }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<Variants>> {
        self.engine.get(key)
    }

    /// Stores a response, superseding the variant with the same selecting fields.
    pub(crate) fn store(&self, key: Box<[u8]>, entry: Arc<Entry>, stamps: &Stamps) {
        self.engine.entry(key).and_compute_with(|old| {
            let variants = match old {
                Some(old) => old.into_value().with(entry, self.limits, stamps),
                None => Variants::default().with(entry, self.limits, stamps),
            };
            Op::Put(Arc::new(variants))
        });
    }

    /// Puts `new` where `old` stands, if it still stands there: what was purged or superseded
    /// meanwhile is not brought back.
    pub(crate) fn replace(&self, key: &[u8], old: &Arc<Entry>, new: Arc<Entry>, stamps: &Stamps) {
        self.engine
            .entry(Box::from(key))
            .and_compute_with(|found| match found {
                Some(found) if found.value().contains(old) => {
                    let rest = found.value().without(old).unwrap_or_default();
                    Op::Put(Arc::new(rest.with(new, self.limits, stamps)))
                }
                _ => Op::Nop,
            });
    }

    /// Removes one stored response.
    pub(crate) fn remove(&self, key: &[u8], entry: &Arc<Entry>) {
        self.engine
            .entry(Box::from(key))
            .and_compute_with(|found| match found {
                Some(found) if found.value().contains(entry) => {
                    match found.value().without(entry) {
                        Some(rest) => Op::Put(Arc::new(rest)),
                        None => Op::Remove,
                    }
                }
                _ => Op::Nop,
            });
    }

    pub(crate) fn clear(&self) {
        self.engine.invalidate_all();
        self.engine.run_pending_tasks();
    }

    /// Settles the engine's books and counts: primary keys, stored responses, bytes.
    pub(crate) fn usage(&self) -> (u64, u64, u64) {
        self.engine.run_pending_tasks();
        let responses = self
            .engine
            .iter()
            .map(|(_, variants)| variants.len() as u64)
            .sum();
        (
            self.engine.entry_count(),
            responses,
            self.engine.weighted_size(),
        )
    }
}

#[expect(clippy::borrowed_box, reason = "the engine's signature")]
fn weigh(key: &Box<[u8]>, variants: &Arc<Variants>) -> u32 {
    u32::try_from(key.len() + variants.weight()).unwrap_or(u32::MAX)
}
