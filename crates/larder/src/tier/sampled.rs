//! Moka as an engine: an index for reads, and moka to say what is kept.
//!
//! Reads go to the index. Moka weighs, admits and evicts, and its eviction listener takes from the
//! index what it drops. Moka is told of every eighth read only, since its bookkeeping for one costs
//! several times the read itself; which entries are popular shows in a sample just as well.
//!
//! Every change of a key happens under moka's lock for that key, in both at once, so they cannot
//! come to hold different responses for good. What moka drops later is removed from the index only
//! if it is still the same.

use std::cell::Cell;
use std::sync::{Arc, Weak};

use moka::ops::compute::Op;
use moka::sync::Cache;
use rapidhash::fast::RandomState;

use crate::tier::held::{Change, Held, Index, Key, Usage, Weighed};

#[derive(Debug)]
pub(crate) struct Sampled<V: Weighed> {
    engine: Cache<Key, Arc<Held<V>>, RandomState>,
    index: Arc<Index<V>>,
    sample: u8,
}

impl<V: Weighed> Sampled<V> {
    /// Of so many reads moka is told of one.
    pub(crate) fn new(max_bytes: u64, sample: u8) -> Self {
        let index = Arc::new(Index::with_hasher(RandomState::new()));
        let dropped_from = Arc::clone(&index);
        let engine = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, held: &Arc<Held<V>>| held.weight().unwrap_or(u32::MAX))
            .eviction_listener(move |key, dropped, _| {
                let same = |_: &Key, held: &Weak<Held<V>>| held.as_ptr() == Arc::as_ptr(&dropped);
                // An `Err` means that the key holds something newer by now.
                let _ = dropped_from.pin().remove_if(&*key, same);
            })
            .build_with_hasher(RandomState::new());
        Self {
            engine,
            index,
            sample,
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<Held<V>>> {
        let found = self.index.pin().get(key)?.upgrade()?;
        if self.is_sampled() {
            self.engine.get(key);
        }
        Some(found)
    }

    pub(crate) fn change(&self, key: Key, decide: impl FnOnce(Option<&V>) -> Change<V>) {
        let of_index = Arc::clone(&key);
        self.engine.entry(key).and_compute_with(|old| {
            let old = old.map(moka::Entry::into_value);
            let index = self.index.pin();
            match decide(old.as_deref().map(|held| &**held)) {
                Change::None => Op::Nop,
                Change::Put(value) => {
                    let held = Arc::new(Held::new(Arc::clone(&of_index), value));
                    index.insert(of_index, Arc::downgrade(&held));
                    Op::Put(held)
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

    pub(crate) fn index(&self) -> &Index<V> {
        &self.index
    }

    pub(crate) fn usage(&self) -> Usage {
        self.engine.run_pending_tasks();
        let responses = self.engine.iter().map(|(_, held)| held.responses() as u64);
        Usage {
            responses: responses.sum(),
            keys: self.engine.entry_count(),
            bytes: self.engine.weighted_size(),
        }
    }

    fn is_sampled(&self) -> bool {
        thread_local! {
            static READS: Cell<u8> = const { Cell::new(0) };
        }
        READS.with(|reads| {
            let count = reads.get().wrapping_add(1);
            reads.set(count);
            count % self.sample == 0
        })
    }
}

/// Of so many reads moka is told of one.
pub(crate) const SAMPLE: u8 = 8;
