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
//! # What a handler says itself
//!
//! A handler that knows more of a response than its route does says so in a [`CacheHint`]: tags by
//! which it can be purged, a shorter lifetime, or that this one is not to be stored.
//!
//! # Where to put it
//!
//! Authentication belongs outside the cache, so that it sees every request; compression as well,
//! unless encoded variants are to be stored.
//!
//! # Writes
//!
//! [`Invalidates::invalidates`] says what the writes of a route change, such as the tags of a product:
//! when one succeeds that is purged before its response is released.
//!
//! # Handlers that cannot read what the key does not have
//!
//! A route with a [`RoutePolicy`](larder::RoutePolicy) withholds what its key does not declare when
//! requests come. [`cached_handler`] says so when the handler is compiled: its arguments declare the
//! key, and an argument that reads more, such as `Extension<CurrentUser>` on a route that keeps one
//! copy for all, is an error.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::{Router, body::Body, extract::Path, http::Request};
//! use larder::{Cache, KeyPart, PartWriter};
//! use larder_axum::{Caller, CoveredPolicy, DeclaredQuery, KeyedQuery, cached_handler};
//! use serde::Deserialize;
//! use tower::ServiceExt;
//!
//! #[derive(Deserialize)]
//! struct Filter {
//!     currency: Option<String>,
//! }
//!
//! impl DeclaredQuery for Filter {
//!     const NAMES: &'static [&'static str] = &["currency"];
//! }
//!
//! async fn product(Path(id): Path<u64>, KeyedQuery(filter): KeyedQuery<Filter>) -> String {
//!     format!("product {id} in {}", filter.currency.unwrap_or("EUR".into()))
//! }
//!
//! /// Put into the extensions by the application's own authentication.
//! #[derive(Clone)]
//! struct UserId(u64);
//!
//! impl KeyPart for UserId {
//!     const NAME: &'static str = "user";
//!
//!     fn write(&self, out: &mut PartWriter) {
//!         out.number(self.0);
//!     }
//! }
//!
//! /// Does not compile with `CoveredPolicy::shared`.
//! async fn orders(Caller(user): Caller<UserId>) -> String {
//!     format!("orders of {}", user.0)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let cache = Cache::builder().build();
//! let minute = Duration::from_secs(60);
//! let product = cached_handler(product).cached(&cache, CoveredPolicy::shared(minute));
//! let orders = cached_handler(orders).cached(&cache, CoveredPolicy::per_user::<UserId>(minute));
//! let app: Router = Router::new()
//!     .route("/products/{id}", product)
//!     .route("/me/orders", orders);
//!
//! let mut answers = Vec::new();
//! for path in ["/products/7?currency=USD&utm_source=mail", "/products/7?cb=1&currency=USD"] {
//!     let request = Request::get(path).body(Body::empty()).unwrap();
//!     let response = app.clone().oneshot(request).await.unwrap();
//!     answers.push(response.headers()["cache-status"].clone());
//!     axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
//! }
//! assert_eq!(answers, ["larder; fwd=uri-miss; stored", "larder; hit; ttl=60"]);
//! # }
//! ```
//!
//! [`KeyInput`] has the list of arguments that are covered, and says how an extractor of the
//! application's own becomes one.

mod annotate;
mod covered;
mod hint;
mod invalidates;
mod routed;

pub use annotate::{Cached, Uncached, layer, query_content};
pub use covered::{
    CachedHandler, Caller, CallerRoles, Covered, CoveredPolicy, DeclaredCookie, DeclaredHeader,
    DeclaredQuery, KeyInput, KeyedCookie, KeyedExtension, KeyedHeader, KeyedQuery, PerRoles,
    PerTenant, PerUser, Shared, Whose, cached_handler,
};
pub use hint::CacheHint;
pub use invalidates::{Invalidates, invalidate_layer};

/// The example of the project's README is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
