//! What a stored response takes in the whole cache, filled through the layer.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED};
use http::{Method, Request, Response};
use http_body_util::Full;
use larder::{Cache, CacheLayer, MemoryEngine};
use larder_benches::{poll_once, request};
use tower::{Layer, service_fn};

use crate::{in_use, resident};

/// Bytes for each of so many entries: of key, fields and body; counted by the allocator; of RSS. With
/// bodies of so many bytes and four fields, of which one differs.
pub fn footprint(engine: MemoryEngine, entries: u64, body: u64) -> [u64; 3] {
    let (counted, rss) = (in_use(), resident());
    let cache = Cache::builder()
        .max_bytes(u64::MAX / 4)
        .memory_engine(engine)
        .build();
    let answer = move |request: Request<axum::body::Body>| {
        ready(Ok::<_, Infallible>(response(
            request.uri().path(),
            body as usize,
        )))
    };
    let layer = CacheLayer::new(cache.clone()).with_cardinality_budget(u64::MAX);
    let service = layer.layer(service_fn(answer));
    for number in 0..entries {
        poll_once(&service, request(Method::GET, &path(number)));
    }
    let held = cache.stats().responses();
    assert_eq!(held, entries);
    let first = response(&path(0), body as usize);
    let fields = first
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    let payload = path(0).len() + "httpshop.example".len() + fields.sum::<usize>() + body as usize;
    let each = |after: u64, before: u64| after.saturating_sub(before) / entries;
    [
        payload as u64,
        each(in_use(), counted),
        each(resident(), rss),
    ]
}

fn path(number: u64) -> String {
    format!("/products/{number:08}")
}

fn response(path: &str, body: usize) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(vec![1; body])));
    let tag = format!("\"33a64df5{}\"", path.len());
    let tag = HeaderValue::from_str(&tag).expect("it is visible");
    let modified = HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT");
    response.headers_mut().extend([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=600")),
        (ETAG, tag),
        (LAST_MODIFIED, modified),
    ]);
    response
}
