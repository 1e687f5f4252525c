//! What comes in small pieces of large buffers, as from a connection, is stored without them.

use std::convert::Infallible;
use std::future::ready;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderValue, Request, Response};
use larder::{Cache, CacheLayer, Policy, TagFields};
use larder_tests::{Reply, get};
use tower::{Layer, ServiceExt, service_fn};

use crate::in_use;
use crate::scene::alone;

#[test]
fn stored_responses_do_not_keep_the_buffers_they_came_in() {
    assert_kept_apart(|_| from_a_buffer());
}

#[test]
fn stored_responses_whose_values_nobody_shares_do_not_keep_the_buffers_they_came_in() {
    assert_kept_apart(|path| {
        let mut buffer = vec![b' '; BUFFER];
        let policy = format!("script-src 'nonce-{path}'");
        buffer[..policy.len()].copy_from_slice(policy.as_bytes());
        let buffer = Bytes::from(buffer);
        let value = HeaderValue::from_maybe_shared(buffer.slice(..policy.len())).unwrap();
        let mut response = from_a_buffer();
        let fields = response.headers_mut();
        fields.insert(CACHE_TAG, fields[CONTENT_TYPE].clone());
        fields.insert(CONTENT_SECURITY_POLICY, value);
        response
    });
}

fn assert_kept_apart(answer: fn(&str) -> Response<Body>) {
    let _alone = alone();
    let before = in_use();
    let cache = Cache::builder().max_bytes(1 << 30).build();
    let policy = Policy::shared().with_tag_fields(TagFields::default());
    let layer = CacheLayer::new(cache.clone()).with_policy(policy);
    let service = layer.layer(service_fn(move |request: Request<Body>| {
        ready(Ok::<_, Infallible>(answer(request.uri().path())))
    }));
    for round in 0..ROUNDS {
        let response = service.clone().oneshot(get(&format!("/{round}")));
        let answer = async { Reply::read(response.await.unwrap()).await };
        answer.now_or_never().expect("nothing waits");
    }
    assert_eq!(cache.stats().responses(), ROUNDS);
    let more = u64::try_from(in_use() - before).unwrap();
    assert!(more < ROUNDS * BUFFER as u64 / 4, "{more} bytes");
}

fn from_a_buffer() -> Response<Body> {
    let mut buffer = vec![b' '; BUFFER];
    let parts = ["max-age=600", "application/json", "\"etag\"", "the body"];
    for (at, part) in parts.iter().enumerate() {
        buffer[at * 100..][..part.len()].copy_from_slice(part.as_bytes());
    }
    let buffer = Bytes::from(buffer);
    let part = |at: usize| buffer.slice(at * 100..).slice(..parts[at].len());
    let value = |at| HeaderValue::from_maybe_shared(part(at)).unwrap();
    Response::builder()
        .header(CACHE_CONTROL, value(0))
        .header(CONTENT_TYPE, value(1))
        .header(ETAG, value(2))
        .body(Body::from(part(3)))
        .unwrap()
}

const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
const ROUNDS: u64 = 1000;
const BUFFER: usize = 16 << 10;
