//! So many answers of one kind and nothing else, for a profiler:
//! `valgrind --tool=callgrind --toggle-collect='*poll_once*' target/release/examples/hits direct 20000`
//! (or `around`, `route`, `bare`; `harness` for a service that answers with nothing; `shared` for hits in
//! memory of a node that shares a store, `from-store` for those in the store by a node that keeps nothing
//! in memory, `from-store-to-memory` by one whose memory is full of others; `plain-key` and
//! `declared-key`; `forward` for what is not stored, `forward-fixed-tags`
//! and `forward-tags` with 10 tags; `miss` and `bare-miss` for a streamed response of 50 KiB).

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Request};
use larder::{Cache, CacheLayer, Key, KeyPart, PartWriter, RoutePolicy};
use larder_benches::{
    Response, bytes_of, direct, handler, poll_once, read, request, routed, streamed,
};
use larder_testing::FakeStore;
use tower::{Layer, Service, service_fn};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let answers = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let layer = CacheLayer::new(Cache::builder().build());
    let body = bytes_of(2 << 10);
    match kind.as_str() {
        "shared" => shared(answers, 64 << 20),
        "from-store" => shared(answers, 2 << 10),
        "from-store-to-memory" => shared(answers, 64 << 10),
        "harness" => {
            let nothing = service_fn(|_: Request<Body>| {
                std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())))
            });
            repeat(answers, &nothing);
        }
        "bare" => repeat(answers, &routed(handler(body))),
        "route" => repeat(answers, &routed(handler(body).layer(layer))),
        "around" => repeat(answers, &layer.layer(routed(handler(body)))),
        "plain-key" => repeat_keyed(answers, &layer.layer(direct(body))),
        "declared-key" => {
            let route = RoutePolicy::per_user::<UserId>(Duration::from_secs(600));
            let query = Key::new().query(["currency", "page", "sort"]);
            let key = query.header("x-region").header("x-api-version");
            let layer = layer.with_route_policy(route.key(key));
            repeat_keyed(answers, &layer.layer(direct(body)));
        }
        "forward" => forward(answers, layer),
        "forward-tags" => {
            let route = RoutePolicy::shared(Duration::from_secs(600));
            let route = route.tag_with(|request| {
                let path = request.uri().path().to_owned();
                (0..10).map(move |tag| format!("{tag}:{path}"))
            });
            forward(answers, layer.with_route_policy(route));
        }
        "forward-fixed-tags" => {
            let route = RoutePolicy::shared(Duration::from_secs(600));
            let tags = (0..10).map(|tag| format!("products-of:{tag}"));
            let route = tags.fold(route, |route, tag| route.tag(&tag));
            forward(answers, layer.with_route_policy(route));
        }
        "miss" => miss(answers, &layer.layer(streaming())),
        "bare-miss" => miss(answers, &streaming()),
        _ => repeat(answers, &layer.layer(direct(body))),
    }
}

fn repeat<S, C>(answers: u64, service: &S)
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone,
    S::Error: std::fmt::Debug,
    C: http_body::Body<Data = Bytes>,
    C::Error: std::fmt::Debug,
{
    for _ in 0..answers {
        poll_once(service, request(Method::GET, PATH));
    }
}

const PATH: &str = "/products/42?currency=eur";

/// Forwarded each time, and not stored.
fn forward(answers: u64, layer: CacheLayer) {
    let handler = service_fn(|_: Request<Body>| {
        let mut response = Response::new(Body::from(bytes_of(2 << 10)));
        let value = HeaderValue::from_static("no-store");
        response.headers_mut().insert(CACHE_CONTROL, value);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    repeat(answers, &layer.with_collapsing(false).layer(handler));
}

/// Of a node whose store is within the process. With less memory than a response takes, all are found
/// there.
fn shared(answers: u64, max_bytes: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let store = FakeStore::new();
    let node = |max_bytes| {
        let cache = Cache::builder().max_bytes(max_bytes).shared(store.clone());
        let cache = cache.build();
        let layer = CacheLayer::new(cache.clone()).with_cardinality_budget(u64::MAX);
        (cache, layer.layer(direct(bytes_of(2 << 10))))
    };
    let path = |n: u64| format!("/products/{:04}?currency=eur", n % 1_000);
    let service = runtime.block_on(async {
        let (writer, service) = node(64 << 20);
        wait_until(|| writer.is_joined()).await;
        for number in 0..1_000 {
            read(&service, request(Method::GET, &path(number))).await;
        }
        let stats = || writer.shared_stats().expect("a store");
        wait_until(|| stats().written() == 1_000).await;
        let (reader, service) = node(max_bytes);
        wait_until(|| reader.is_joined()).await;
        service
    });
    runtime.block_on(async {
        if max_bytes > 1 << 20 {
            read(&service, request(Method::GET, &path(0))).await;
            for _ in 0..answers {
                poll_once(&service, request(Method::GET, &path(0)));
            }
            return;
        }
        for number in 0..answers {
            read(&service, request(Method::GET, &path(number))).await;
        }
    });
}

async fn wait_until(check: impl Fn() -> bool) {
    while !check() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// With everything in the request that the declared key is made of.
fn repeat_keyed<S, C>(answers: u64, service: &S)
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone,
    S::Error: std::fmt::Debug,
    C: http_body::Body<Data = Bytes>,
    C::Error: std::fmt::Debug,
{
    for _ in 0..answers {
        let path = "/products/42?currency=eur&page=2&sort=name";
        let mut request = request(Method::GET, path);
        for (name, value) in [("x-region", "eu-west"), ("x-api-version", "2026-11-23")] {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
        request.extensions_mut().insert(UserId(7));
        poll_once(service, request);
    }
}

#[derive(Clone)]
struct UserId(u64);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0);
    }
}

fn streaming() -> Router {
    routed(get(|| async { streamed("max-age=600") }))
}

/// A new key each time.
fn miss<S, C>(answers: u64, service: &S)
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone,
    S::Error: std::fmt::Debug,
    C: http_body::Body<Data = Bytes>,
    C::Error: std::fmt::Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    for answer in 0..answers {
        let request = request(Method::GET, &format!("/products/{answer:08}"));
        runtime.block_on(read(service, request));
    }
}
