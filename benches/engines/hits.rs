//! What a hit costs, by how much is stored, beside what the memory itself costs; and an insert.

use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use larder_benches::{Case, Rounds, watch};
use larder_engines::{Kind, Store, key_of};
use rapidhash::fast::RandomState;

pub fn run(rounds: &Rounds) {
    let sizes: &[u64] = if rounds.is_quick() {
        &[1, 1_000]
    } else {
        &[1, 10_000, 1_000_000]
    };
    for &entries in sizes {
        // Both at once, since it takes long to fill a million.
        let group = format!("a hit among {entries}");
        if rounds.runs(&group) {
            let stores = Kind::ALL.map(|kind| (kind.name(), filled(kind, entries)));
            rounds.group(&format!("{group}, one key"), || {
                cases(&stores, entries, |_| 0)
            });
            rounds.group(&format!("{group}, keys at random"), || {
                cases(&stores, entries, at_random)
            });
        }
    }
    rounds.group("an insert that evicts, of 100,000", || {
        inserts(rounds.is_quick())
    });
}

/// Numbers without a pattern that a processor could learn.
fn at_random(entries: u64) -> u64 {
    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(1) };
    }
    STATE.with(|state| {
        let next = state
            .get()
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.set(next);
        (next >> 33) % entries
    })
}

pub fn filled(kind: Kind, entries: u64) -> Box<dyn Store> {
    let store = kind.store(u64::MAX / 4, entries);
    for number in 0..entries {
        store.put(Arc::from(key_of(number)), 1, Bytes::new());
    }
    store.usage();
    store
}

fn cases<'a>(
    stores: &'a [(String, Box<dyn Store>)],
    entries: u64,
    pick: fn(u64) -> u64,
) -> Vec<Case<'a>> {
    let boxes: Vec<Box<[u8; 64]>> = (0..entries).map(|_| Box::new([1; 64])).collect();
    let plain: HashMap<Arc<[u8]>, Arc<[u8; 64]>, RandomState> = (0..entries)
        .map(|number| (Arc::from(key_of(number)), Arc::new([1; 64])))
        .collect();
    let mut cases = vec![
        Case::new("boxes in a Vec", move |iterations| {
            timed(iterations, || black_box(boxes[pick(entries) as usize][0]))
        }),
        Case::new("a HashMap, its keys and values boxed", move |iterations| {
            timed(iterations, || {
                plain
                    .get(&key_of(pick(entries))[..])
                    .map(|found| Arc::clone(found)[0])
            })
        }),
    ];
    cases.extend(stores.iter().map(|(name, store)| {
        Case::new(name, move |iterations| {
            timed(iterations, || store.get(&key_of(pick(entries))))
        })
    }));
    cases
}

fn timed<T>(iterations: u64, mut run: impl FnMut() -> T) -> std::time::Duration {
    let start = watch();
    for _ in 0..iterations {
        black_box(run());
    }
    watch() - start
}

fn inserts(quick: bool) -> Vec<Case<'static>> {
    let entries = if quick { 1_000 } else { 100_000 };
    let weight = 1_000;
    let cases = Kind::ALL.map(|kind| {
        let store = kind.store(entries * weight, entries);
        let mut number = 0;
        let mut put = move || {
            number += 1;
            let key = key_of(number);
            store.put(Arc::from(key), weight as usize - key.len(), Bytes::new());
        };
        (0..entries * 2).for_each(|_| put());
        Case::new(kind.name(), move |iterations| timed(iterations, &mut put))
    });
    cases.into()
}
