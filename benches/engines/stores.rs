//! The engines, as the memory tier uses them: keys of bytes, a value behind an `Arc`, a weight.

use std::sync::Arc;

use bytes::Bytes;
use larder::internals::Memory;
use moka::sync::Cache as Moka;
use quick_cache::sync::{Cache as Quick, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use rapidhash::fast::SeedableState;

type Key = Arc<[u8]>;

/// A memory engine.
pub trait Store: Send + Sync {
    /// The length of what is there.
    fn get(&self, key: &[u8]) -> Option<usize>;

    /// Puts something there that weighs so much and the key.
    fn put(&self, key: Key, weight: usize, body: Bytes);

    /// Keys and bytes, after the engine has settled its books.
    fn usage(&self) -> (u64, u64);
}

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The index, with GreedyDual-Size over it.
    GreedyDual,
    /// The index, with moka told of one read of so many.
    Sampled(u8),
    /// Moka as it is.
    Moka,
    /// Quick cache as it is, in so many shards at most.
    Quick(usize),
}

impl Kind {
    /// Those that are compared.
    pub const ALL: [Self; 4] = [
        Self::GreedyDual,
        Self::Sampled(8),
        Self::Moka,
        Self::Quick(8),
    ];

    /// In a table.
    pub fn name(self) -> String {
        match self {
            Self::GreedyDual => "index and GreedyDual".to_owned(),
            Self::Sampled(sample) => format!("index and moka, 1/{sample}"),
            Self::Moka => "moka".to_owned(),
            Self::Quick(shards) => format!("quick_cache, {shards} shards"),
        }
    }

    /// A store that is expected to hold so many.
    pub fn store(self, max_bytes: u64, entries: u64) -> Box<dyn Store> {
        match self {
            Self::GreedyDual => Box::new(Memory::greedy_dual(max_bytes)),
            Self::Sampled(sample) => Box::new(Memory::moka(max_bytes, sample)),
            Self::Moka => Box::new(moka(max_bytes)),
            Self::Quick(shards) => Box::new(quick(max_bytes, entries, shards)),
        }
    }
}

/// The key with this number, as long as encoded keys are.
pub fn key_of(number: u64) -> [u8; KEY_BYTES] {
    let mut key = *b"\x01https\x0cshop.example\x13/products/________";
    key[KEY_BYTES - 8..].copy_from_slice(&number.to_be_bytes());
    key
}

const KEY_BYTES: usize = 38;

struct Value {
    weight: u32,
    body: Bytes,
}

impl Value {
    fn new(key: &Key, weight: usize, body: Bytes) -> Arc<Self> {
        let weight = u32::try_from(weight + key.len()).unwrap_or(u32::MAX);
        Arc::new(Self { weight, body })
    }
}

impl Store for Memory {
    fn get(&self, key: &[u8]) -> Option<usize> {
        Self::get(self, key)
    }

    fn put(&self, key: Key, weight: usize, body: Bytes) {
        Self::put(self, key, weight, body);
    }

    fn usage(&self) -> (u64, u64) {
        Self::usage(self)
    }
}

fn moka(max_bytes: u64) -> Moka<Key, Arc<Value>, SeedableState<'static>> {
    Moka::builder()
        .max_capacity(max_bytes)
        .weigher(|_, value: &Arc<Value>| value.weight)
        .build_with_hasher(SeedableState::fixed())
}

impl Store for Moka<Key, Arc<Value>, SeedableState<'static>> {
    fn get(&self, key: &[u8]) -> Option<usize> {
        Self::get(self, key).map(|value| value.body.len())
    }

    fn put(&self, key: Key, weight: usize, body: Bytes) {
        let value = Value::new(&key, weight, body);
        self.insert(key, value);
    }

    fn usage(&self) -> (u64, u64) {
        self.run_pending_tasks();
        (self.entry_count(), self.weighted_size())
    }
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Key, Arc<Value>> for ByWeight {
    fn weight(&self, _: &Key, value: &Arc<Value>) -> u64 {
        u64::from(value.weight)
    }
}

type QuickStore = Quick<Key, Arc<Value>, ByWeight, SeedableState<'static>>;

fn quick(max_bytes: u64, entries: u64, shards: usize) -> QuickStore {
    let options = OptionsBuilder::new()
        .shards(shards)
        .weight_capacity(max_bytes)
        .estimated_items_capacity(usize::try_from(entries).expect("entries of a test"))
        .build()
        .expect("both are set");
    Quick::with_options(
        options,
        ByWeight,
        SeedableState::fixed(),
        DefaultLifecycle::default(),
    )
}

impl Store for QuickStore {
    fn get(&self, key: &[u8]) -> Option<usize> {
        Self::get(self, key).map(|value| value.body.len())
    }

    fn put(&self, key: Key, weight: usize, body: Bytes) {
        let value = Value::new(&key, weight, body);
        self.insert(key, value);
    }

    fn usage(&self) -> (u64, u64) {
        (self.len() as u64, self.weight())
    }
}
