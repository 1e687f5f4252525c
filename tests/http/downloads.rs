//! Downloads far larger than what may be stored, or held.

use std::convert::Infallible;
use std::pin::pin;

use allocation_counter::measure;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use larder_tests::{Origin, Setup, get, response};
use tower::ServiceExt;

const GIBIBYTE: u64 = 1 << 30;
const PIECE: Bytes = Bytes::from_static(&[b'x'; 64 << 10]);

/// A body that is made while it is read.
fn download() -> Body {
    let pieces = (0..GIBIBYTE / PIECE.len() as u64).map(|_| {
        // Memory of its own, as a file's would be.
        Ok::<_, Infallible>(Bytes::copy_from_slice(&PIECE))
    });
    Body::from_stream(stream::iter(pieces))
}

/// Reads a download to its end. The most bytes of it that were on their way into the store.
async fn read(setup: &Setup) -> u64 {
    let answer = setup.service.clone().oneshot(get("/a")).await.unwrap();
    let mut body = pin!(answer.into_body());
    let (mut bytes, mut most) = (0_u64, 0);
    while let Some(frame) = body.frame().await {
        bytes += frame.unwrap().into_data().unwrap().len() as u64;
        // Statistics cost more than a piece.
        if bytes < 4 << 20 || bytes.is_multiple_of(64 << 20) {
            most = most.max(setup.cache.stats().fill_bytes());
        }
    }
    assert_eq!(bytes, GIBIBYTE);
    most
}

#[test]
fn gibibyte_passes_in_flat_memory_whether_or_not_it_may_be_stored() {
    for (control, most_held) in [("no-store", 0), ("max-age=60", (1 << 20) + (64 << 10))] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let origin =
            Origin::new(move |_, _| response(200, &[("cache-control", control)], download()));
        let setup = Setup::shared(origin);
        let mut most = 0;
        let peak = measure(|| most = runtime.block_on(read(&setup))).bytes_max;
        assert!(most <= most_held, "{control}: {most} bytes held");
        assert!(peak < 4 << 20, "{control}: {peak} bytes at once");
        assert_eq!(setup.cache.stats().responses(), 0);
    }
}
