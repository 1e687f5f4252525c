//! Fifty nodes with twenty clients each that all want the same at once, and nobody has it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use larder_benches::read;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::ask::two_threads;
use crate::stand::{App, Service, cache, get, quantile, redis, tagged, tier};

pub fn print(quick: bool) {
    let runtime = two_threads();
    let Some(server) = redis(&runtime) else {
        return;
    };
    let (nodes, turns) = if quick { (5, 2) } else { (50, 21) };
    let app = App {
        takes: HANDLER,
        ..App::of(2 << 10)
    };
    let services: Vec<Service> = runtime.block_on(async {
        let mut services = Vec::new();
        for _ in 0..nodes {
            let cache = cache(tier(&server).await, 1 << 20).await;
            services.push(app.behind(&cache, tagged(0)));
        }
        services
    });
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for turn in 0..turns {
        let times = runtime.block_on(all_at_once(&services, turn));
        first.push(times.iter().copied().fold(f64::MAX, f64::min));
        last.push(times.iter().copied().fold(0.0, f64::max));
    }
    println!("\n| {nodes} nodes, {CLIENTS} clients each, a handler of {HANDLER:?} | |\n|---|---:|");
    println!(
        "| calls of the handler for each key | {:.2} |",
        app.calls() as f64 / turns as f64
    );
    let (first, median) = (quantile(&mut first, 0.5), quantile(&mut last, 0.5));
    println!(
        "| the first client, ms | {first:.0} |\n| the last client, ms: median | {median:.0} |"
    );
    println!("| … longest | {:.0} |", quantile(&mut last, 1.0));
    assert_eq!(app.calls(), turns as u64, "not one call for each key");
}

/// Milliseconds of each client.
async fn all_at_once(services: &[Service], turn: usize) -> Vec<f64> {
    let start = Arc::new(Barrier::new(services.len() * CLIENTS));
    let mut tasks = JoinSet::new();
    for service in services {
        for _ in 0..CLIENTS {
            let (service, start) = (service.clone(), Arc::clone(&start));
            tasks.spawn(async move {
                start.wait().await;
                let begun = Instant::now();
                assert_eq!(read(&service, get("cold", turn)).await, 2 << 10);
                begun.elapsed().as_secs_f64() * 1e3
            });
        }
    }
    let mut times = Vec::new();
    while let Some(time) = tasks.join_next().await {
        times.push(time.expect("an answer"));
    }
    times
}

const CLIENTS: usize = 20;
const HANDLER: Duration = Duration::from_millis(150);
