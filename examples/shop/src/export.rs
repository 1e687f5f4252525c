//! A large response that is made while it is sent.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream;

const LINES: u64 = 640_000;
const LINE: &str = "product,0000,in stock\n";
const LINES_PER_CHUNK: u64 = 1_000;

/// About 14 MB of CSV in chunks. The length is known, so the cache knows from the start that it is
/// too large to keep.
pub async fn products() -> impl IntoResponse {
    let chunk = Bytes::from(LINE.repeat(LINES_PER_CHUNK as usize));
    let chunks =
        (0..LINES / LINES_PER_CHUNK).map(move |_| Ok::<_, std::convert::Infallible>(chunk.clone()));
    let fields = [
        (header::CONTENT_TYPE, "text/csv".to_owned()),
        (
            header::CONTENT_LENGTH,
            (LINES * LINE.len() as u64).to_string(),
        ),
    ];
    (fields, Body::from_stream(stream::iter(chunks)))
}
