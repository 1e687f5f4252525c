//! Memory that an engine needs beyond keys and bodies, and how far it goes above its bound.
//!
//! Each engine is measured in a process of its own: what another one left behind counts for nothing.

use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use larder::MemoryEngine;
use larder_engines::{Kind, Store, key_of};

use crate::{cache, in_use, resident};

/// Runs in the process of its own, if this is one.
pub fn measure_one() -> bool {
    let mut args = std::env::args().skip_while(|arg| arg != OF_ONE).skip(1);
    let Some(kind) = args.next() else {
        return false;
    };
    let numbers: Vec<u64> = args.map(|arg| arg.parse().expect("a number")).collect();
    let kind = Kind::ALL[kind.parse::<usize>().expect("a number")];
    let told = match numbers[..] {
        [entries, body] => footprint(kind, entries, body),
        [rounds] => bound(kind, rounds),
        [entries, body, _] => whole(kind, entries, body),
        _ => panic!("arguments of none"),
    };
    println!("{told}");
    true
}

pub fn print_footprint(quick: bool) {
    let entries = if quick { 20_000 } else { 1_000_000 };
    println!(
        "\n| bytes for an entry, beyond its key and body | 200 bytes: counted | RSS | 2 KiB: counted | RSS |"
    );
    println!("|---|---:|---:|---:|---:|");
    for (at, kind) in Kind::ALL.iter().enumerate() {
        let small = in_own_process(at, &[entries, 200]);
        let large = in_own_process(at, &[entries, 2 << 10]);
        println!("| {} | {small} | {large} |", kind.name());
    }
}

pub fn print_bound(quick: bool) {
    let rounds = if quick { 5_000 } else { 300_000 };
    println!(
        "\n| bytes held, × the bound of 64 MiB | at most, while bodies grow | after, by its own count | after a burst of 4 threads | RSS at most |"
    );
    println!("|---|---:|---:|---:|---:|");
    for (at, kind) in Kind::ALL.iter().enumerate() {
        println!("| {} | {} |", kind.name(), in_own_process(at, &[rounds]));
    }
}

/// Fails when an entry takes more than it may.
pub fn print_whole(quick: bool) {
    let entries = if quick { 20_000 } else { 1_000_000 };
    println!(
        "\n| bytes for a response in the cache | key, fields and body | counted | RSS | of the target, 1.15 × and 350 |"
    );
    println!("|---|---:|---:|---:|---:|");
    for (at, engine) in ["GreedyDual", "moka"].into_iter().enumerate() {
        for body in [200, 2 << 10] {
            let told = in_own_process(at, &[entries, body, 0]);
            println!("| {engine}, body of {body} | {told} |");
        }
    }
}

fn whole(kind: Kind, entries: u64, body: u64) -> String {
    let engine = if kind == Kind::GreedyDual {
        MemoryEngine::GreedyDual
    } else {
        MemoryEngine::Moka
    };
    let [payload, counted, rss] = cache::footprint(engine, entries, body);
    let target = payload as f64 * 1.15 + 350.0;
    if kind == Kind::GreedyDual {
        assert!(
            counted <= payload + MOST_BEYOND,
            "{counted} bytes for {payload}"
        );
    }
    format!(
        "{payload} | {counted} | {rss} | {:.2} ×",
        rss as f64 / target
    )
}

fn in_own_process(kind: usize, numbers: &[u64]) -> String {
    let this = std::env::current_exe().expect("a path");
    let args = numbers.iter().map(u64::to_string);
    let output = Command::new(this)
        .arg(OF_ONE)
        .arg(kind.to_string())
        .args(args)
        .output();
    let output = output.expect("it starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn footprint(kind: Kind, entries: u64, body: u64) -> String {
    let (counted, rss) = (in_use(), resident());
    let store = kind.store(u64::MAX / 4, entries);
    for number in 0..entries {
        let body = vec![1; body as usize];
        store.put(Arc::from(key_of(number)), body.len(), Bytes::from(body));
    }
    let (keys, _) = store.usage();
    assert_eq!(keys, entries);
    let payload = body + key_of(0).len() as u64;
    let each = |more: u64| (more / entries).saturating_sub(payload);
    format!("{} | {}", each(in_use() - counted), each(resident() - rss))
}

/// Bodies from 1 to 64 KiB, each round a little larger; then a burst.
fn bound(kind: Kind, rounds: u64) -> String {
    let (counted, rss) = (in_use(), resident());
    let store = kind.store(BOUND, BOUND / (32 << 10));
    let put = |store: &dyn Store, number: u64, body: u64| {
        let body = vec![1; body as usize];
        store.put(
            Arc::from(key_of(number)),
            body.len() + ENTRY,
            Bytes::from(body),
        );
    };
    let (mut most, mut most_resident) = (0, 0);
    for round in 0..rounds {
        put(&*store, round % 50_000, 1024 + 63 * 1024 * round / rounds);
        store.get(&key_of(round * 7 % 50_000));
        most = most.max(in_use() - counted);
        if round % 64 == 0 {
            most_resident = most_resident.max(resident() - rss);
        }
    }
    let (_, bytes) = store.usage();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &*store;
            scope.spawn(move || {
                for number in 0..rounds / 30 {
                    put(store, 1_000_000 + number * 4 + thread, 64 << 10);
                }
            });
        }
    });
    let burst = in_use() - counted;
    let part = |bytes: u64| format!("{:.3}", bytes as f64 / BOUND as f64);
    format!(
        "{} | {} | {} | {}",
        part(most),
        part(bytes),
        part(burst),
        part(most_resident)
    )
}

const BOUND: u64 = 64 << 20;
/// What an entry weighs beyond key and body: about what it takes.
const ENTRY: usize = 300;
/// The book-keeping, the head and its fields, and what an allocator is asked for beyond that.
const MOST_BEYOND: u64 = 400;
const OF_ONE: &str = "--of-one";
