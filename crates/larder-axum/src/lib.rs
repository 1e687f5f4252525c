//! Route annotations for [`larder`] on axum.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use larder::{Cache, RoutePolicy};
//! use larder_axum::Cached;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let cache = Cache::builder().build();
//! let minute = Duration::from_secs(60);
//! let app: Router = Router::new()
//!     // The annotation gives the lifetime.
//!     .route("/products", get(|| async { "…" }).cached(&cache, RoutePolicy::shared(minute)))
//!     // The handler's own Cache-Control does.
//!     .route("/news", get(|| async { "…" }).layer(larder_axum::layer(&cache)));
//!
//! let request = || Request::get("/products").body(Body::empty()).unwrap();
//! let first = app.clone().oneshot(request()).await.unwrap();
//! // What is stored is stored at the end of the body.
//! axum::body::to_bytes(first.into_body(), usize::MAX).await.unwrap();
//! let response = app.oneshot(request()).await.unwrap();
//! assert_eq!(response.headers()["cache-status"], "larder; hit; ttl=60");
//! # }
//! ```
//!
//! # A whole router, and routes that opt out
//!
//! [`Cached::cached`] and [`layer`] also go around a whole router; [`Uncached::uncached`] takes a
//! route out again. A single response opts out by carrying [`larder::DoNotStore`], in axum
//! `(Extension(DoNotStore), …)`.
//!
//! # Where to put it
//!
//! Authentication belongs outside the cache, so that it sees every request; compression as well,
//! unless encoded variants are to be stored.

mod annotate;
mod routed;

pub use annotate::{Cached, Uncached, layer, query_content};

/// The example of the project's README is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
