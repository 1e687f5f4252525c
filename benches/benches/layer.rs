//! What a cache costs and saves around a handler that costs next to nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{HeaderMap, Method, Request};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{client, server};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use larder::{Cache, CacheLayer, CacheService, ResponseBody, RoutePolicy};
use larder_axum::Cached;
use larder_benches::{
    Case, Response, Rounds, STREAMED, bytes_of, direct, handler, poll_once, read, request,
    requests, routed, streamed,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

fn main() {
    let rounds = Rounds::from_args();
    for (name, length) in [("hit 2 KiB", 2 << 10), ("hit 50 KiB", 50 << 10)] {
        rounds.group(name, || hit_cases(length));
    }
    rounds.group("hit 2 KiB of JSON", json_cases);
    rounds.group("hit by body", body_cases);
    rounds.group("hit by entries", || entry_cases(rounds.is_quick()));
    rounds.group("miss 50 KiB streamed", || miss_cases(misses));
    rounds.group("miss 50 KiB streamed over TCP", || {
        miss_cases(misses_on_wire)
    });
}

/// Where the layer stands, beside the bare handler.
fn hit_cases(length: usize) -> Vec<Case<'static>> {
    let body = bytes_of(length);
    let layer = || CacheLayer::new(Cache::builder().build()).with_cardinality_budget(u64::MAX);
    let bare = routed(handler(body.clone()));
    let annotated = handler(body.clone()).cached(&Cache::builder().build(), RoutePolicy::obey());
    let layered = handler(body.clone()).layer(layer());
    let every_route = routed(handler(body.clone())).layer(layer());
    let around = layer().layer(bare.clone());
    vec![
        hits("bare handler", bare, length),
        hits("`.cached(…)` on the route", routed(annotated), length),
        hits("`.layer(…)` on the route", routed(layered), length),
        hits("`Router::layer`", every_route, length),
        hits("around the router", around, length),
        hits("called directly", layer().layer(direct(body)), length),
    ]
}

/// The same beside a handler that writes what it sends.
fn json_cases() -> Vec<Case<'static>> {
    let product = serde_json::json!({"id": 42, "name": "Jar", "price": 12.5, "tags": ["a", "b"]});
    let products = Arc::new(vec![product; 38]);
    let handler = get(move || {
        let products = Arc::clone(&products);
        async move {
            let fields = [("cache-control", "max-age=600"), ("etag", "\"33a64df5\"")];
            (fields, axum::Json(&*products).into_response()).into_response()
        }
    });
    let bare = routed(handler.clone());
    let length = poll_once(&bare, request(Method::GET, PATH));
    let layer = || CacheLayer::new(Cache::builder().build()).with_cardinality_budget(u64::MAX);
    vec![
        hits("bare handler", bare.clone(), length),
        hits(
            "`.layer(…)` on the route",
            routed(handler.layer(layer())),
            length,
        ),
        hits("around the router", layer().layer(bare), length),
    ]
}

fn body_cases() -> Vec<Case<'static>> {
    [("2 KiB", 2 << 10), ("50 KiB", 50 << 10), ("1 MiB", 1 << 20)]
        .into_iter()
        .map(|(name, length)| {
            let cache = Cache::builder().max_bytes(64 << 20).build();
            let service = CacheLayer::new(cache).layer(direct(bytes_of(length)));
            hits(name, service, length)
        })
        .collect()
}

fn hits<S, C>(name: &'static str, service: S, length: usize) -> Case<'static>
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone + 'static,
    S::Error: std::fmt::Debug,
    C: http_body::Body<Data = Bytes>,
    C::Error: std::fmt::Debug,
{
    let mut request = requests(PATH);
    for _ in 0..2 {
        assert_eq!(poll_once(&service, request()), length);
    }
    Case::with_input(name, request, move |request| poll_once(&service, request))
}

/// How much of the cost of a hit is the memory that a large store is spread over: one key asked for
/// again and again, keys at random, and the same responses in a plain map.
fn entry_cases(quick: bool) -> Vec<Case<'static>> {
    let sizes = if quick {
        [1, 10, 100]
    } else {
        [1, 10_000, 1_000_000]
    };
    let mut cases = Vec::new();
    for entries in sizes {
        let service = filled(entries);
        let (same_kept, random_kept) = {
            let kept = responses(&service, entries);
            (Arc::clone(&kept), kept)
        };
        let (same, random) = (service.clone(), service);
        let key = path_of(entries / 2);
        cases.push(Case::with_input(
            format!("{entries} entries, one key"),
            requests(&key),
            move |request| poll_once(&same, request),
        ));
        let mut paths = random_paths(entries);
        cases.push(Case::with_input(
            format!("{entries} entries, random keys"),
            move || request(Method::GET, &paths()),
            move |request| poll_once(&random, request),
        ));
        cases.push(Case::with_input(
            format!("{entries} entries, one key, a map of responses"),
            requests(&key),
            move |request| answer(&same_kept, &request),
        ));
        let mut paths = random_paths(entries);
        cases.push(Case::with_input(
            format!("{entries} entries, random keys, a map of responses"),
            move || request(Method::GET, &paths()),
            move |request| answer(&random_kept, &request),
        ));
    }
    cases
}

/// A layer around a service that never fails.
trait Hits:
    Service<Request<Body>, Response = http::Response<ResponseBody<Body>>, Error = Infallible>
{
}

impl<S> Hits for S where
    S: Service<Request<Body>, Response = http::Response<ResponseBody<Body>>, Error = Infallible>
{
}

/// A layer with so many stored responses of 200 bytes, all reached through it.
fn filled(entries: u64) -> impl Hits + Clone {
    let cache = Cache::builder().max_bytes(16 << 30).build();
    let origin = service_fn(|_: Request<Body>| async {
        let mut response = Response::new(Body::from(bytes_of(200)));
        let field = HeaderValue::from_static("max-age=86400");
        response.headers_mut().insert(CACHE_CONTROL, field);
        Ok::<_, Infallible>(response)
    });
    let layer = CacheLayer::new(cache.clone()).with_cardinality_budget(u64::MAX);
    let service = layer.layer(origin);
    for entry in 0..entries {
        let stored = poll_once(&service, request(Method::GET, &path_of(entry)));
        assert_eq!(stored, 200);
    }
    assert_eq!(cache.stats().keys(), entries);
    service
}

type Responses = Arc<HashMap<Box<str>, Arc<(HeaderMap, Bytes)>, rapidhash::fast::RandomState>>;

/// The same responses in a plain map, each with memory of its own.
fn responses(service: &(impl Hits + Clone), entries: u64) -> Responses {
    let kept = (0..entries).map(|entry| {
        let path = path_of(entry);
        let answer = service.clone().oneshot(request(Method::GET, &path));
        let response = answer.now_or_never().expect("a hit").expect("an answer");
        let (head, body) = response.into_parts();
        let mut fields = head.headers;
        for value in fields.values_mut() {
            *value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        }
        let body = body.collect().now_or_never().expect("a stored body");
        let body = body.expect("a whole body").to_bytes();
        let body = Bytes::copy_from_slice(&body);
        (path.into_boxed_str(), Arc::new((fields, body)))
    });
    Arc::new(kept.collect())
}

/// Answers as a cache would that looks at nothing but the path.
fn answer(responses: &Responses, request: &Request<Body>) -> usize {
    let kept = responses.get(request.uri().path()).expect("stored");
    let (fields, body) = &**kept;
    let mut response = Response::new(Body::from(body.clone()));
    *response.headers_mut() = fields.clone();
    let length = response.body().size_hint().lower();
    usize::try_from(length).expect("200 bytes")
}

fn path_of(entry: u64) -> String {
    format!("/products/{entry:08}")
}

fn random_paths(entries: u64) -> impl FnMut() -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        path_of(state % entries)
    }
}

type Miss = fn(&'static str, Inner) -> Case<'static>;
type Inner = BoxCloneSyncService<Request<Body>, Response, Infallible>;

/// A response of 50 KiB that comes in pieces of 4 KiB, with the handler waiting between them.
fn miss_cases(misses: Miss) -> Vec<Case<'static>> {
    let layer = || CacheLayer::new(Cache::builder().build()).with_cardinality_budget(u64::MAX);
    let route = |field| get(move || async move { streamed(field) });
    let around = |field| layer().layer(routed(route(field)));
    let boxed = |layered: CacheService<Router>| {
        let boxed = ServiceExt::<Request<Body>>::map_response(layered, |r| r.map(Body::new));
        BoxCloneSyncService::new(boxed)
    };
    vec![
        misses(
            "bare handler",
            BoxCloneSyncService::new(routed(route("max-age=600"))),
        ),
        misses("around the router, stored", boxed(around("max-age=600"))),
        misses("around the router, not stored", boxed(around("no-store"))),
        misses(
            "on the route, stored",
            BoxCloneSyncService::new(routed(route("max-age=600").layer(layer()))),
        ),
    ]
}

fn misses(name: &'static str, service: Inner) -> Case<'static> {
    let runtime = runtime();
    Case::with_input(name, new_keys(), move |request| {
        assert_eq!(runtime.block_on(read(&service, request)), STREAMED);
    })
}

/// The same through a server and a client of HTTP/1.1, which share a thread.
fn misses_on_wire(name: &'static str, service: Inner) -> Case<'static> {
    let runtime = runtime();
    let client = runtime.block_on(connect(service));
    let client = service_fn(move |request| {
        let client = Arc::clone(&client);
        async move { client.lock().await.send_request(request).await }
    });
    Case::with_input(name, new_keys(), move |request| {
        assert_eq!(runtime.block_on(read(&client, request)), STREAMED);
    })
}

async fn connect(service: Inner) -> Arc<Mutex<SendRequest<Body>>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let service = service.map_request(|request: Request<Incoming>| request.map(Body::new));
        let served = server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        served.await.expect("an orderly end");
    });
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (client, connection) = client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("an HTTP/1.1 connection");
    tokio::spawn(connection);
    Arc::new(Mutex::new(client))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime")
}

/// GET of one path after the other.
fn new_keys() -> impl FnMut() -> Request<Body> {
    let mut entry = 0;
    move || {
        entry += 1;
        request(Method::GET, &path_of(entry))
    }
}

const PATH: &str = "/products/42?currency=eur";
