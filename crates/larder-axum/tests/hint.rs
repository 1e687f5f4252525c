//! A hint that a handler returns with its response.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use larder::{Cache, Purge, RoutePolicy};
use larder_axum::{CacheHint, Cached};
use tower::ServiceExt;

const SECS: fn(u64) -> Duration = Duration::from_secs;

fn app(answer: fn() -> Response) -> (Router, Cache) {
    let cache = Cache::builder().build();
    let route = get(move || async move { answer() }).cached(&cache, RoutePolicy::shared(SECS(60)));
    (Router::new().route("/a", route), cache)
}

/// What `Cache-Status` says of the next request.
async fn next(app: &Router) -> String {
    let request = Request::get("/a").body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let told = response.headers()["cache-status"]
        .to_str()
        .unwrap()
        .to_owned();
    to_bytes(response.into_body(), usize::MAX).await.unwrap();
    told
}

const STORED: &str = "larder; fwd=uri-miss; stored";

#[tokio::test]
async fn response_goes_by_the_hint_that_is_returned_with_it() {
    let (app, cache) = app(|| {
        let hint = CacheHint::new().tag("brand:7").max_age(SECS(10));
        (hint, Json(7)).into_response()
    });
    assert_eq!(next(&app).await, STORED);
    assert_eq!(next(&app).await, "larder; hit; ttl=10");
    cache.purge(Purge::tag("brand:7"));
    assert_eq!(next(&app).await, STORED);
}

#[tokio::test]
async fn several_hints_count_together() {
    let (app, cache) = app(|| {
        let inner = (CacheHint::new().tags(["a", "b"]).max_age(SECS(20)), "body").into_response();
        let outer = CacheHint::new().tag("c").max_age(SECS(10));
        let another = larder::CacheHint::new().max_age(SECS(30));
        (StatusCode::OK, outer, CacheHint::from(another), inner).into_response()
    });
    for tag in ["a", "b", "c"] {
        assert_eq!(next(&app).await, STORED);
        assert_eq!(next(&app).await, "larder; hit; ttl=10");
        cache.purge(Purge::tag(tag));
    }
    assert_eq!(next(&app).await, STORED);
}

#[tokio::test]
async fn one_hint_suffices_for_nothing_to_be_stored() {
    let (app, cache) = app(|| {
        let inner = (CacheHint::new().do_not_store(), "body").into_response();
        let outer = CacheHint::new().and(CacheHint::new().stale_if_error(SECS(5)));
        let outer = outer.stale_while_revalidate(SECS(5)).max_age(SECS(10));
        (outer, inner).into_response()
    });
    assert_eq!(next(&app).await, "larder; fwd=uri-miss; detail=opted-out");
    assert_eq!(cache.stats().responses(), 0);
}
