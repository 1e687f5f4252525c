//! How long a purge takes to the last of fifty nodes on one Redis of this machine, and how long a thousand
//! clients of them wait for something that nobody has.
//!
//! ```text
//! cargo run --release -p larder-tests --example fleet
//! ```

use std::time::{Duration, Instant};

use axum::body::Body;
use futures_util::future::join_all;
use http::{Request, Response};
use larder::{Cache, CacheLayer, Policy, Purge, SharedSettings};
use larder_redis::RedisTier;
use larder_servers::{Kind, Redis};
use larder_tests::get;
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};

const NODES: usize = 50;
const CLIENTS: usize = 20;
const PURGES: usize = 500;
const TAKES: Duration = Duration::from_millis(150);

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Redis::options().kind(kind).start().await;
        println!("{kind:?}, {NODES} nodes:");
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            let tier = RedisTier::connect(server.url()).await.unwrap();
            let builder = Cache::builder().shared_with(tier, SharedSettings::new());
            let cache = builder.build();
            while !cache.is_joined() {
                sleep(Duration::from_millis(1)).await;
            }
            nodes.push(cache);
        }
        purges(&nodes).await;
        cold(&nodes).await;
    }
}

/// From the call until it is applied on the last of the others.
async fn purges(nodes: &[Cache]) {
    let applied = |node: &Cache| node.shared_stats().map_or(0, |stats| stats.applied());
    let mut times = Vec::new();
    for number in 0..PURGES {
        let by = number % NODES;
        let others = nodes.iter().enumerate().filter(|(node, _)| *node != by);
        let others: Vec<_> = others.map(|(_, node)| (node, applied(node))).collect();
        let begun = Instant::now();
        let _ = nodes[by].purge(Purge::tag(format!("t{number}")));
        for (node, before) in others {
            while applied(node) == before {
                tokio::task::yield_now().await;
            }
        }
        times.push(begun.elapsed());
        sleep(Duration::from_millis(2)).await;
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "  a purge is applied on the last node after {:?} (p50), {:?} (p99), {:?} (max) of {PURGES}",
        at(50),
        at(99),
        at(100)
    );
}

/// From the first request until the last client has its response.
async fn cold(nodes: &[Cache]) {
    for round in 0..5 {
        let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let path = format!("/cold/{round}");
        let mut clients = Vec::new();
        let begun = Instant::now();
        for node in nodes {
            let calls = std::sync::Arc::clone(&calls);
            let inner = service_fn(move |_: Request<Body>| {
                calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                async {
                    sleep(TAKES).await;
                    let response = Response::builder().header("cache-control", "max-age=60");
                    Ok::<_, std::convert::Infallible>(response.body(Body::from("cold")).unwrap())
                }
            });
            let service = CacheLayer::new(node.clone())
                .with_policy(Policy::shared())
                .layer(inner);
            for _ in 0..CLIENTS {
                let asked = service.clone().oneshot(get(&path));
                clients.push(tokio::spawn(asked));
            }
        }
        let answers = join_all(clients).await;
        let took = begun.elapsed();
        assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
        let calls = calls.load(std::sync::atomic::Ordering::SeqCst);
        println!(
            "  {CLIENTS} clients each on something cold that takes {TAKES:?}: {calls} call(s), the last client after {took:?}"
        );
    }
}
