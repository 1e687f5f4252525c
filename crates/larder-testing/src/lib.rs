//! Tests for applications behind a [`larder`] cache: to be run in the application's own test suite.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::body::Body;
//! use axum::http::{HeaderMap, Request};
//! use axum::{Router, routing::get};
//! use larder::{Cache, Key, RoutePolicy};
//! use larder_axum::Cached;
//! use larder_testing::{KeyCover, assert_key_covers};
//!
//! async fn greet(fields: HeaderMap) -> &'static str {
//!     let german = fields.get("accept-language").is_some_and(|field| field == "de");
//!     if german { "Guten Tag" } else { "Good day" }
//! }
//!
//! fn app(key: Key) -> Router {
//!     let policy = RoutePolicy::shared(Duration::from_secs(60)).key(key);
//!     Router::new().route("/greeting", get(greet).cached(&Cache::builder().build(), policy))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let request = || Request::get("/greeting").body(Body::empty()).unwrap();
//! // Calls the handler again with this header field and that one, and panics if an answer changes.
//! assert_key_covers(app(Key::new().languages(["en", "de"])), request()).await;
//!
//! let report = KeyCover::new().check(app(Key::new()), request()).await.unwrap();
//! assert!(report.to_string().contains("header `accept-language` changes the answer of /greeting"));
//! # }
//! ```
//!
//! | | finds |
//! |---|---|
//! | [`assert_key_covers`] | what changes a route's answer and is not part of its key |
//! | [`assert_no_leak`] | what one user gets that was made for another |
//! | [`assert_layer_order`] | sessions, CORS, compression and authentication on the wrong side of the cache |
//!
//! Each is also a builder with settings ([`KeyCover`], [`NoLeak`], [`LayerOrder`]), whose `check`
//! returns a report instead of panicking.
//!
//! An application is any `Service<Request<B>, Response = Response<C>>` that can be cloned, with the
//! cache somewhere in it: the whole stack, as it serves clients. Requests are sent without content.
//! Bodies are read to their end, so endless ones (server-sent events) cannot be tested.
//!
//! [`FakeStore`] is a shared store for tests of several nodes: within the process, with paused time, and
//! with whatever can go wrong with a server and the ways to it.
//!
//! # How it asks
//!
//! A request with a [`larder::Probe`] among its extensions passes the cache, which neither looks for
//! a stored response nor keeps what comes back, and says in the response what it would have done.
//! What is compared is what left the inner service, so layers outside the cache (compression, CORS)
//! are no matter.

mod answer;
mod app;
mod cover_report;
mod difference;
mod fake;
mod key_cover;
mod layer_order;
mod layer_report;
mod leak_report;
mod no_leak;
mod perturb;
mod typical;
mod untestable;
mod user;

pub use cover_report::{CoverReport, Missing};
pub use fake::{Counts, FakeLink, FakeSide, FakeStore, Side, Snapshot};
pub use key_cover::{KeyCover, assert_key_covers};
pub use layer_order::{LayerOrder, assert_layer_order};
pub use layer_report::{LayerKind, LayerReport, Misplaced};
pub use leak_report::{Leak, LeakReport};
pub use no_leak::{NoLeak, assert_no_leak};
pub use untestable::Untestable;
pub use user::User;
