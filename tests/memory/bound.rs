//! What is stored never takes more than the memory it was given, whatever its size.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, ETAG};
use http::{Request, Response};
use larder::{Cache, CacheLayer};
use larder_tests::{Reply, get};
use tower::{Layer, ServiceExt, service_fn};

use crate::in_use;
use crate::scene::alone;

#[test]
fn growing_bodies_never_take_more_than_the_memory_there_is() {
    stays_within(true, 1, |round| 100 + round * (256 << 10) / ROUNDS);
}

#[test]
fn small_bodies_never_take_more_than_the_memory_there_is() {
    stays_within(true, 1, |_| 10);
}

#[test]
fn small_bodies_that_are_read_never_take_more_than_the_memory_there_is() {
    stays_within(false, 2, |_| 10);
    stays_within(false, 6, |_| 10);
}

/// Each round another key, or one of a while ago again, asked for so many times; with a body of so many
/// bytes, and an entity tag or none.
fn stays_within(tagged: bool, times: usize, length: fn(usize) -> usize) {
    let _alone = alone();
    let before = in_use();
    let cache = Cache::builder().max_bytes(MAX_BYTES as u64).build();
    let answer = move |request: Request<Body>| {
        let length: usize = request.uri().query().unwrap().parse().unwrap();
        let mut response = Response::builder().header(CACHE_CONTROL, "max-age=600");
        if tagged {
            response = response.header(ETAG, format!("\"{length}\""));
        }
        let response = response.body(Body::from(Bytes::from(vec![b'x'; length])));
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    };
    let layer = CacheLayer::new(cache.clone()).with_cardinality_budget(u64::MAX);
    let service = layer.layer(service_fn(answer));
    for round in 0..ROUNDS {
        let key = if round % 3 == 0 { round / 2 } else { round };
        let path = format!("/pages/{key}?{}", length(round));
        for _ in 0..times {
            let answer = async {
                let response = service.clone().oneshot(get(&path)).await.unwrap();
                Reply::read(response).await
            };
            answer.now_or_never().expect("nothing waits");
        }
        let more = in_use() - before;
        assert!(
            more <= MAX_BYTES + MAX_BYTES / 10,
            "{more} bytes in round {round}"
        );
    }
    // So much was stored that something had to go, and what there is is used.
    assert!(cache.stats().bytes() > MAX_BYTES as u64 * 9 / 10);
}

const MAX_BYTES: i64 = 16 << 20;
const ROUNDS: usize = if cfg!(debug_assertions) {
    40_000
} else {
    1_000_000
};
