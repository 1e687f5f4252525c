//! The memory tier: the one place that knows the memory engine.
//!
//! The seam is synchronous and small: get, store, replace, remove, clear. Freshness is not the
//! engine's business, so it runs no timers.
//!
//! Two structures hold the same stored responses. Reads go to an **index**, a concurrent hash map
//! whose readers neither lock nor write. What is kept is for **moka** to say: it weighs, admits and
//! evicts, and its eviction listener takes from the index what it drops. Moka is told of every
//! eighth read only, since its bookkeeping for one costs several times the read itself; which
//! entries are popular shows in a sample just as well.
//!
//! The index holds its responses weakly: it frees what it drops in batches, late, and bodies are too
//! large to wait for that. Their memory goes when moka lets go of them.
//!
//! Every change of a key happens under moka's lock for that key, in both at once, so they cannot
//! come to hold different responses for good. What moka drops later is removed from the index only
//! if it is still the same.

use std::cell::Cell;
use std::sync::{Arc, Weak};

use moka::ops::compute::Op;
use moka::sync::Cache as Engine;
use papaya::HashMap;
use rapidhash::fast::RandomState;

use crate::entry::Entry;
use crate::stamps::Stamps;
use crate::variants::{VariantLimits, Variants};

type Key = Arc<[u8]>;
type Index = HashMap<Key, Weak<Variants>, RandomState>;

/// Of so many reads moka is told of one.
const SAMPLE: u8 = 8;

/// Encoded primary keys to the stored responses under them. Keys are compared in full; the hash is
/// seeded per process.
#[derive(Debug)]
pub(crate) struct MemoryTier {
    engine: Engine<Key, Arc<Variants>, RandomState>,
    index: Arc<Index>,
    limits: VariantLimits,
}

impl MemoryTier {
    pub(crate) fn new(max_bytes: u64, limits: VariantLimits) -> Self {
        let index = Arc::new(Index::with_hasher(RandomState::new()));
        let dropped_from = Arc::clone(&index);
        let engine = Engine::builder()
            .max_capacity(max_bytes)
            .weigher(weigh)
            .eviction_listener(move |key, dropped, _| {
                let same = |_: &Key, held: &Weak<Variants>| held.as_ptr() == Arc::as_ptr(&dropped);
                // An `Err` means that the key holds something newer by now.
                let _ = dropped_from.pin().remove_if(&*key, same);
            })
            .build_with_hasher(RandomState::new());
        Self {
            engine,
            index,
            limits,
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<Variants>> {
        let found = self.index.pin().get(key)?.upgrade()?;
        if is_sampled() {
            self.engine.get(key);
        }
        Some(found)
    }

    /// Stores a response, superseding the variant with the same selecting fields. `false`: it came
    /// late.
    pub(crate) fn store(&self, key: Key, entry: &Arc<Entry>, stamps: &Stamps) -> bool {
        let mut stands = false;
        self.change(key, |old| {
            let new = Arc::clone(entry);
            let variants = match old {
                Some(old) => old.with(new, self.limits, stamps),
                None => Variants::default().with(new, self.limits, stamps),
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
                let rest = found.without(old).unwrap_or_default();
                Change::Put(rest.with(new, self.limits, stamps))
            }
            _ => Change::None,
        });
    }

    /// Stores `new`, in the place of `old` if that still stands there.
    pub(crate) fn supersede(&self, key: Key, old: &Arc<Entry>, new: Arc<Entry>, stamps: &Stamps) {
        self.change(key, |found| {
            let rest = found.and_then(|found| found.without(old));
            let rest = rest.unwrap_or_default();
            Change::Put(rest.with(new, self.limits, stamps))
        });
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

    fn change(&self, key: Key, decide: impl FnOnce(Option<&Variants>) -> Change) {
        let of_index = Arc::clone(&key);
        self.engine.entry(key).and_compute_with(|old| {
            let old = old.map(moka::Entry::into_value);
            let index = self.index.pin();
            match decide(old.as_deref()) {
                Change::None => Op::Nop,
                Change::Put(variants) => {
                    let variants = Arc::new(variants);
                    index.insert(of_index, Arc::downgrade(&variants));
                    Op::Put(variants)
                }
                Change::Remove => {
                    index.remove(&of_index);
                    Op::Remove
                }
            }
        });
    }

    pub(crate) fn clear(&self) {
        // In this order what is stored meanwhile is in both, or in neither.
        self.index.pin().clear();
        self.engine.invalidate_all();
        self.engine.run_pending_tasks();
    }

    /// Every stored response with its key; not those that are stored meanwhile.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Key, &Arc<Entry>)) {
        for (key, held) in &self.index.pin() {
            if let Some(variants) = held.upgrade() {
                variants.iter().for_each(|entry| visit(key, entry));
            }
        }
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

enum Change {
    None,
    Put(Variants),
    Remove,
}

fn is_sampled() -> bool {
    thread_local! {
        static READS: Cell<u8> = const { Cell::new(0) };
    }
    READS.with(|reads| {
        let count = reads.get().wrapping_add(1);
        reads.set(count);
        count % SAMPLE == 0
    })
}

fn weigh(key: &Key, variants: &Arc<Variants>) -> u32 {
    u32::try_from(key.len() + variants.weight()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;
    use http::{HeaderMap, Method, StatusCode, Uri};
    use larder_policy::key::MethodClass;
    use larder_policy::{Admission, Exchange, Policy, RequestHead};

    use super::*;
    use crate::entry::Birth;
    use crate::fleet::Sight;
    use crate::names::Names;

    const LIMITS: VariantLimits = VariantLimits {
        count: 4,
        bytes: 1 << 20,
    };

    fn entry(stamps: &Stamps, body: usize) -> Arc<Entry> {
        let (method, uri, fields) = (Method::GET, Uri::from_static("/"), HeaderMap::new());
        let request = RequestHead::new(&method, &uri, &fields, false);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let times = Exchange {
            request_time: now,
            response_time: now,
        };
        let mut response = HeaderMap::new();
        response.insert("cache-control", "max-age=60".parse().unwrap());
        let policy = Policy::shared();
        let admission = policy.admit(MethodClass::Get, &request, StatusCode::OK, &response, times);
        let Admission::Store(head) = admission else {
            panic!("storable")
        };
        let birth = Birth {
            position: stamps.position(),
            names: Names::of_request(&[]),
            time: now,
            sight: Sight::default(),
        };
        let body = Bytes::from(vec![0; body]);
        Arc::new(Entry::new(*head, body, birth, Duration::ZERO))
    }

    fn key(number: usize) -> Key {
        Arc::from(number.to_be_bytes())
    }

    #[test]
    fn index_holds_what_the_engine_holds_after_much_eviction() {
        let stamps = Stamps::new(1 << 10);
        let tier = MemoryTier::new(100_000, LIMITS);
        for number in 0..5_000 {
            tier.store(key(number % 700), &entry(&stamps, 500), &stamps);
            tier.get(&key(number % 13));
        }
        tier.engine.run_pending_tasks();
        let index = tier.index.pin();
        assert_eq!(index.len() as u64, tier.engine.entry_count());
        for (key, held) in &tier.engine {
            assert!(
                index
                    .get(&*key)
                    .is_some_and(|found| found.as_ptr() == Arc::as_ptr(&held))
            );
        }
        assert!(tier.engine.weighted_size() <= 100_000);
    }

    #[test]
    fn index_holds_what_the_engine_holds_after_concurrent_changes() {
        let stamps = Stamps::new(1 << 10);
        let tier = MemoryTier::new(60_000, LIMITS);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (tier, stamps) = (&tier, &stamps);
                scope.spawn(move || {
                    for round in 0..2_000 {
                        let key = key((round * (thread + 1)) % 90);
                        let new = entry(stamps, 300);
                        tier.store(Arc::clone(&key), &new, stamps);
                        if round % 3 == 0 {
                            tier.remove(&key, &new);
                        }
                    }
                });
            }
        });
        tier.engine.run_pending_tasks();
        assert_eq!(tier.index.len() as u64, tier.engine.entry_count());
    }

    #[test]
    fn entry_heavier_than_the_whole_store_is_not_kept() {
        let stamps = Stamps::new(1 << 10);
        let tier = MemoryTier::new(1_000, LIMITS);
        tier.store(key(1), &entry(&stamps, 5_000), &stamps);
        tier.engine.run_pending_tasks();
        assert!(tier.get(&key(1)).is_none());
        assert_eq!(tier.index.len(), 0);
    }

    #[test]
    fn memory_of_what_is_no_longer_stored_is_given_back() {
        let stamps = Stamps::new(1 << 10);
        let tier = MemoryTier::new(100_000, LIMITS);
        let mut once_stored = Vec::new();
        for number in 0..500 {
            let entry = entry(&stamps, 10_000);
            once_stored.push(Arc::downgrade(&entry));
            tier.store(key(number % 40), &entry, &stamps);
            tier.engine.run_pending_tasks();
            let alive = once_stored
                .iter()
                .filter(|entry| entry.strong_count() > 0)
                .count();
            assert!(
                alive <= 12,
                "{alive} of 10,000 bytes each are alive after {number}"
            );
        }
    }

    #[test]
    fn cleared_store_is_empty() {
        let stamps = Stamps::new(1 << 10);
        let tier = MemoryTier::new(100_000, LIMITS);
        tier.store(key(1), &entry(&stamps, 10), &stamps);
        assert!(tier.get(&key(1)).is_some());
        tier.clear();
        assert!(tier.get(&key(1)).is_none());
    }
}
