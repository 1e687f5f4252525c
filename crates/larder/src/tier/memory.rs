//! The memory tier: stored responses by primary key, in one of the [engines](Engine).
//!
//! The seam to an engine is synchronous and small: get, change, clear. Freshness is not the engine's
//! business, so it runs no timers.

use std::sync::Arc;

use crate::entry::Entry;
use crate::stamps::Stamps;
use crate::tier::engine::Engine;
use crate::tier::held::{Change, Held, Key, Usage, Weighed};
use crate::variants::{VariantLimits, Variants};

/// Encoded primary keys to the stored responses under them. Keys are compared in full; the hash is
/// seeded per process.
#[derive(Debug)]
pub(crate) struct MemoryTier {
    engine: Engine<Variants>,
    limits: VariantLimits,
}

impl MemoryTier {
    pub(crate) fn new(engine: Engine<Variants>, limits: VariantLimits) -> Self {
        Self { engine, limits }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<Held<Variants>>> {
        self.engine.get(key)
    }

    /// Stores a response, superseding the variant with the same selecting fields. `false`: it came
    /// late.
    pub(crate) fn store(&self, key: Key, entry: &Arc<Entry>, stamps: &Stamps) -> bool {
        let mut stands = false;
        self.change(key, |old| {
            let new = Arc::clone(entry);
            let variants = match old {
                Some(old) => old.with(new, self.limits, stamps),
                None => Variants::of(new),
            };
            stands = variants.contains(entry);
            Change::Put(variants)
        });
        stands
    }

    /// Puts `new` where `old` stands, if it still stands there: what was purged or superseded
    /// meanwhile is not brought back.
    pub(crate) fn replace(&self, key: &[u8], old: &Arc<Entry>, new: Arc<Entry>, stamps: &Stamps) {
        self.change(Arc::from(key), |found| match found {
            Some(found) if found.contains(old) => {
                Change::Put(self.instead(found, old, new, stamps))
            }
            _ => Change::None,
        });
    }

    /// Stores `new`, in the place of `old` if that still stands there.
    pub(crate) fn supersede(&self, key: Key, old: &Arc<Entry>, new: Arc<Entry>, stamps: &Stamps) {
        self.change(key, |found| {
            Change::Put(match found {
                Some(found) => self.instead(found, old, new, stamps),
                None => Variants::of(new),
            })
        });
    }

    fn instead(
        &self,
        found: &Variants,
        old: &Arc<Entry>,
        new: Arc<Entry>,
        stamps: &Stamps,
    ) -> Variants {
        match found.without(old) {
            Some(rest) => rest.with(new, self.limits, stamps),
            None => Variants::of(new),
        }
    }

    /// Removes one stored response.
    pub(crate) fn remove(&self, key: &[u8], entry: &Arc<Entry>) {
        self.change(Arc::from(key), |found| match found {
            Some(found) if found.contains(entry) => match found.without(entry) {
                Some(rest) => Change::Put(rest),
                None => Change::Remove,
            },
            _ => Change::None,
        });
    }

    fn change(&self, key: Key, decide: impl FnOnce(Option<&Variants>) -> Change<Variants>) {
        self.engine.change(key, decide);
    }

    pub(crate) fn clear(&self) {
        self.engine.clear();
    }

    /// Every stored response with its key; not those that are stored meanwhile.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Key, &Arc<Entry>)) {
        self.engine
            .for_each(|held| held.iter().for_each(|entry| visit(&held.key, entry)));
    }

    /// Settles the engine's books and counts.
    pub(crate) fn usage(&self) -> Usage {
        self.engine.usage()
    }
}

impl Weighed for Variants {
    fn weight(&self) -> usize {
        Self::weight(self)
    }

    fn responses(&self) -> usize {
        self.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use crate::tier::MemoryEngine;

    const LIMITS: VariantLimits = VariantLimits {
        count: 4,
        bytes: 1 << 20,
    };

    fn entry(stamps: &Stamps, body: usize) -> Arc<Entry> {
        Arc::new(samples::entry(vec![0; body].into(), stamps.position()))
    }

    fn key(number: usize) -> Key {
        Arc::from(number.to_be_bytes())
    }

    fn tiers(max_bytes: u64) -> [MemoryTier; 2] {
        [MemoryEngine::GreedyDual, MemoryEngine::Moka]
            .map(|choice| MemoryTier::new(Engine::new(choice, max_bytes), LIMITS))
    }

    /// What can be found, what is counted and what is alive is the same.
    fn assert_settled(tier: &MemoryTier, max_bytes: u64) {
        let usage = tier.usage();
        let (mut found, mut bytes) = (0, 0);
        tier.engine.for_each(|held| {
            found += 1;
            bytes += u64::from(held.weight().unwrap());
            assert!(tier.get(&held.key).is_some());
        });
        assert_eq!((usage.keys, usage.bytes), (found, bytes));
        assert!(usage.bytes <= max_bytes);
    }

    #[test]
    fn index_holds_what_the_engine_holds_after_much_eviction() {
        let stamps = Stamps::new(1 << 10);
        for tier in tiers(100_000) {
            for number in 0..5_000 {
                tier.store(key(number % 700), &entry(&stamps, 500), &stamps);
                tier.get(&key(number % 13));
            }
            assert_settled(&tier, 100_000);
            assert!(tier.usage().bytes > 90_000);
        }
    }

    #[test]
    fn index_holds_what_the_engine_holds_after_concurrent_changes() {
        let stamps = Stamps::new(1 << 10);
        for tier in tiers(60_000) {
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (tier, stamps) = (&tier, &stamps);
                    scope.spawn(move || {
                        for round in 0..2_000 {
                            let key = key((round * (thread + 1)) % 90);
                            let new = entry(stamps, 300);
                            tier.store(Arc::clone(&key), &new, stamps);
                            tier.get(&key);
                            if round % 3 == 0 {
                                tier.remove(&key, &new);
                            }
                        }
                    });
                }
            });
            assert_settled(&tier, 60_000);
        }
    }

    #[test]
    fn entry_heavier_than_the_whole_store_is_not_kept() {
        let stamps = Stamps::new(1 << 10);
        for tier in tiers(1_000) {
            tier.store(key(1), &entry(&stamps, 5_000), &stamps);
            assert_eq!(tier.usage(), Usage::default());
            assert!(tier.get(&key(1)).is_none());
        }
    }

    #[test]
    fn entry_that_grows_too_heavy_goes_with_what_it_supersedes() {
        let stamps = Stamps::new(1 << 10);
        for tier in tiers(3_000) {
            tier.store(key(1), &entry(&stamps, 10), &stamps);
            tier.store(key(1), &entry(&stamps, 5_000), &stamps);
            assert_eq!(tier.usage(), Usage::default());
            assert!(tier.get(&key(1)).is_none());
        }
    }

    #[test]
    fn memory_of_what_is_no_longer_stored_is_given_back() {
        let stamps = Stamps::new(1 << 10);
        for tier in tiers(100_000) {
            let mut once_stored = Vec::new();
            for number in 0..500 {
                let entry = entry(&stamps, 10_000);
                once_stored.push(Arc::downgrade(&entry));
                tier.store(key(number % 40), &entry, &stamps);
                drop(entry);
                tier.usage();
                let alive = once_stored.iter().filter(|entry| entry.strong_count() > 0);
                let alive = alive.count();
                assert!(
                    alive <= 9,
                    "{alive} of 10,000 bytes each are alive after {number}"
                );
            }
        }
    }

    #[test]
    fn cleared_store_is_empty() {
        let stamps = Stamps::new(1 << 10);
        for tier in tiers(100_000) {
            tier.store(key(1), &entry(&stamps, 10), &stamps);
            assert!(tier.get(&key(1)).is_some());
            tier.clear();
            assert!(tier.get(&key(1)).is_none());
            assert_eq!(tier.usage(), Usage::default());
            tier.store(key(1), &entry(&stamps, 10), &stamps);
            assert!(tier.get(&key(1)).is_some());
        }
    }
}
