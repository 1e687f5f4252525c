//! How often an answer allocates, counted exactly. Fails when a hit allocates more than it may.

use std::fmt::Debug;
use std::time::Duration;

use allocation_counter::measure;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use larder::{Cache, CacheLayer, RoutePolicy};
use larder_axum::Cached;
use larder_benches::{bytes_of, direct, handler, poll_once, read, request, routed};
use larder_testing::FakeStore;
use tower::{Layer, Service};

fn main() {
    let get = || request(Method::GET, PATH);
    let layer = || CacheLayer::new(Cache::builder().build());
    let small = || layer().layer(direct(bytes_of(2 << 10)));
    println!("| answer | allocations | at most |\n|---|---:|---:|");
    at_most(4, "called directly, 2 KiB", &small(), get);
    let large = layer().layer(direct(bytes_of(1 << 20)));
    at_most(4, "called directly, 1 MiB", &large, get);
    at_most(4, "called directly, HEAD", &small(), || {
        request(Method::HEAD, PATH)
    });
    at_most(4, "called directly, 304", &small(), || {
        with_field("if-none-match", "\"33a64df551425fcc\"")
    });
    at_most(6, "called directly, 206", &small(), || {
        with_field("range", "bytes=0-99")
    });
    let annotated = handler(bytes_of(2 << 10)).cached(&Cache::builder().build(), route());
    let bare = routed(handler(bytes_of(2 << 10)));
    let around = layer().layer(bare.clone());
    at_most(4, "around the router", &around, get);
    let handled = count(&bare, get);
    println!("| bare handler | {handled} | |");
    at_most(handled + 5, "on the route", &routed(annotated), get);
    shared();
}

/// Of nodes that share a store within the process: with a response in memory, and one that keeps nothing
/// there. What the store itself allocates is counted too: 2.
fn shared() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let store = FakeStore::new();
    let node = |max_bytes| {
        let cache = Cache::builder().max_bytes(max_bytes).shared(store.clone());
        let cache = cache.build();
        let layer = CacheLayer::new(cache.clone());
        (cache, layer.layer(direct(bytes_of(2 << 10))))
    };
    let get = || request(Method::GET, PATH);
    let (writer, reader) = runtime.block_on(async {
        let (writer, reader) = (node(64 << 20), node(0));
        wait_until(|| writer.0.is_joined() && reader.0.is_joined()).await;
        read(&writer.1, get()).await;
        let written = || writer.0.shared_stats().map_or(0, |stats| stats.written());
        wait_until(|| written() == 1).await;
        (writer.1, reader.1)
    });
    let _within = runtime.enter();
    at_most(2, "called directly, with a shared store", &writer, get);
    at_most(MOST_FROM_STORE, "found in a shared store", &reader, get);
}

async fn wait_until(check: impl Fn() -> bool) {
    while !check() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn route() -> RoutePolicy {
    RoutePolicy::obey()
}

fn with_field(name: &'static str, value: &'static str) -> Request<Body> {
    let mut request = request(Method::GET, PATH);
    let value = HeaderValue::from_static(value);
    request.headers_mut().insert(name, value);
    request
}

fn at_most<S, C>(most: u64, name: &str, service: &S, request: impl Fn() -> Request<Body>)
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone,
    S::Error: Debug,
    C: http_body::Body<Data = Bytes, Error: Debug>,
{
    let counted = count(service, request);
    println!("| {name} | {counted} | {most} |");
    assert!(counted <= most, "{name}: {counted} allocations");
}

/// Allocations from the call to the end of the body, of the third request of its kind: the first is
/// a miss, and a hit of the engine's may tidy up.
fn count<S, C>(service: &S, request: impl Fn() -> Request<Body>) -> u64
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone,
    S::Error: Debug,
    C: http_body::Body<Data = Bytes, Error: Debug>,
{
    poll_once(service, larder_benches::request(Method::GET, PATH));
    poll_once(service, request());
    let asked = request();
    measure(|| {
        poll_once(service, asked);
    })
    .count_total
}

/// The fields and names of the response, itself, the request's own work, and two of the store.
const MOST_FROM_STORE: u64 = 17;
const PATH: &str = "/products/42?currency=eur";
