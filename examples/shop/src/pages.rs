//! Pages that show one thing each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;

use crate::catalogue::Catalogue;

/// Says itself how long it may be kept.
pub async fn news() -> impl IntoResponse {
    static EDITION: AtomicU32 = AtomicU32::new(0);
    let edition = EDITION.fetch_add(1, Ordering::Relaxed) + 1;
    (
        [(header::CACHE_CONTROL, "public, max-age=30")],
        Json(json!({ "edition": edition, "headline": "Larder opens" })),
    )
}

/// Must never be kept.
pub async fn basket() -> impl IntoResponse {
    (
        [(header::CACHE_CONTROL, "no-store")],
        Json(json!({ "items": [] })),
    )
}

/// Artificially slow. Says how often it was made.
pub async fn report(State(catalogue): State<Arc<Catalogue>>) -> impl IntoResponse {
    tokio::time::sleep(crate::SLOW).await;
    Json(json!({ "sold": 12_345, "times_made": catalogue.report_made() }))
}

pub async fn posts() -> impl IntoResponse {
    Json(json!(["Why we cache", "Why we purge"]))
}

/// Inside a cached router, and not cached.
pub async fn drafts() -> impl IntoResponse {
    Json(json!(["Unfinished"]))
}
