//! How long a purge is under way to the last of fifty nodes.

use std::thread;
use std::time::{Duration, Instant};

use larder::{Cache, Purge};
use tokio::runtime::Runtime;

use crate::ask::two_threads;
use crate::stand::{cache, quantile, redis, tier};

pub fn print(quick: bool) {
    let runtime = two_threads();
    let Some(server) = redis(&runtime) else {
        return;
    };
    let (nodes, turns) = if quick { (5, 5) } else { (50, 500) };
    let nodes: Vec<Cache> = runtime.block_on(async {
        let mut caches = Vec::new();
        for _ in 0..nodes {
            caches.push(cache(tier(&server).await, 1 << 20).await);
        }
        caches
    });
    println!(
        "\n| a purge, {} nodes, ms | median | 99 % | longest |",
        nodes.len()
    );
    println!("|---|---:|---:|---:|");
    let mut last: Vec<f64> = (0..turns).map(|turn| applied(&nodes, turn)).collect();
    row("to the last node", &mut last);
    let mut known = Vec::new();
    for turn in 0..turns {
        known.push(everywhere(&runtime, &nodes, turn));
    }
    row("until it is known to be everywhere", &mut known);
}

fn row(name: &str, times: &mut [f64]) {
    let [median, nearly, most] = [0.5, 0.99, 1.0].map(|part| quantile(times, part));
    println!("| {name} | {median:.2} | {nearly:.2} | {most:.2} |");
}

/// Milliseconds from before the call until the last of the others has applied it.
fn applied(nodes: &[Cache], turn: usize) -> f64 {
    let applied = |cache: &Cache| cache.shared_stats().map_or(0, |stats| stats.applied());
    let purging = &nodes[turn % nodes.len()];
    let expected: Vec<u64> = nodes.iter().map(|node| applied(node) + 1).collect();
    // None before it is over with the last.
    pause(turn);
    let start = Instant::now();
    purging.purge(Purge::tag(format!("of:{turn}")));
    for (node, expected) in nodes.iter().zip(expected) {
        while applied(node) < expected && !std::ptr::eq(node, purging) {
            assert!(start.elapsed() < Duration::from_secs(10), "it never came");
            // Longer sleeps are rounded up by more than what is measured.
            thread::sleep(Duration::from_micros(20));
        }
    }
    start.elapsed().as_secs_f64() * 1e3
}

fn everywhere(runtime: &Runtime, nodes: &[Cache], turn: usize) -> f64 {
    pause(turn);
    runtime.block_on(async {
        let start = Instant::now();
        let receipt = nodes[turn % nodes.len()].purge(Purge::tag(format!("all:{turn}")));
        let known = receipt.everywhere(Duration::from_secs(10)).await;
        assert_eq!(known.expect("all nodes answer"), nodes.len());
        start.elapsed().as_secs_f64() * 1e3
    })
}

/// Long enough for announcements and the like, and not in step with them.
fn pause(turn: usize) {
    thread::sleep(Duration::from_millis(20 + turn as u64 * 7 % 13));
}
