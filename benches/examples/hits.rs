//! So many answers of one kind and nothing else, for a profiler:
//! `valgrind --tool=callgrind target/release/examples/hits direct 20000`.

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request};
use larder::{Cache, CacheLayer};
use larder_benches::{bytes_of, direct, handler, poll_once, request, routed};
use tower::{Layer, Service};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let answers = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let layer = CacheLayer::new(Cache::builder().build());
    let body = bytes_of(2 << 10);
    match kind.as_str() {
        "bare" => repeat(answers, &routed(handler(body))),
        "route" => repeat(answers, &routed(handler(body).layer(layer))),
        "around" => repeat(answers, &layer.layer(routed(handler(body)))),
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
        poll_once(service, request(Method::GET, "/products/42?currency=eur"));
    }
}
