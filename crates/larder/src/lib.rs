//! HTTP response caching for tower services, by RFC 9111 and safe for APIs with logged-in users.
//!
//! [`CacheLayer`] goes around any `Service<Request<B>, Response = Response<C>>` and answers from a
//! [`Cache`] what the service's own `Cache-Control` lets it:
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Empty, Full};
//! use larder::{Cache, CacheLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), std::convert::Infallible> {
//! let news = service_fn(|_: Request<Empty<Bytes>>| async {
//!     let response = Response::builder().header("cache-control", "max-age=60");
//!     Ok::<_, std::convert::Infallible>(response.body(Full::<Bytes>::from("fresh bread")).unwrap())
//! });
//! let cache = Cache::builder().max_bytes(256 << 20).build();
//! let service = ServiceBuilder::new().layer(CacheLayer::new(cache.clone())).service(news);
//!
//! let request = || Request::get("http://example.com/news").body(Empty::new()).unwrap();
//! let first = service.clone().oneshot(request()).await?;
//! assert_eq!(first.headers()["cache-status"], "larder; fwd=uri-miss; stored");
//! // A response is stored once its body has been read to the end.
//! first.into_body().collect().await?;
//!
//! let second = service.clone().oneshot(request()).await?;
//! assert_eq!(second.headers()["cache-status"], "larder; hit; ttl=60");
//! assert_eq!(cache.stats().hits(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a request
//!
//! ```text
//! request ─▶ lookup (may we?) ─▶ key ─▶ memory tier ─▶ decision ─▶ response      a hit: no await, no spawn
//!                                           │ miss / stale
//!                                           ▼
//!                          inner service ─▶ admission ─▶ fill ─▶ memory tier
//! ```
//!
//! What HTTP says is in [`policy`]; this crate carries its answers out. Which rules apply is a
//! [`Policy`]; what differs at a route is a [`RoutePolicy`].
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `metrics` | no | counters `larder_requests_total`, `larder_responses_total` (by `outcome` and `reason`), `larder_invalidations_total` and histograms `larder_hit_ttl_seconds`, `larder_stored_body_bytes` through the `metrics` facade |
//!
//! Every decision is also a `tracing` event of level `DEBUG` and target `larder`.

mod background;
mod berth;
mod body;
mod body_error;
mod budget;
mod buffer;
mod builder;
mod bypass;
mod cache;
mod clock;
mod collapse;
mod context;
mod deliver;
mod drive;
mod early;
mod engine;
mod entry;
mod fill;
mod filling;
mod flights;
mod freshen;
mod future;
mod job;
mod keep;
mod landing;
mod layer;
mod look;
mod marks;
mod opt_out;
mod pump;
mod refresh;
mod reply;
mod route_policy;
mod service;
mod shim;
mod stale;
mod stamps;
mod stats;
mod tier;
mod timer;
mod trace;
mod turns;
mod variants;
mod write;

pub use body::ResponseBody;
pub use body_error::BodyError;
pub use builder::CacheBuilder;
pub use cache::Cache;
pub use clock::Clock;
pub use early::EarlyRefresh;
pub use future::ResponseFuture;
pub use larder_policy as policy;
pub use larder_policy::Policy;
pub use larder_policy::fields::CacheControl;
pub use layer::CacheLayer;
pub use opt_out::DoNotStore;
pub use route_policy::RoutePolicy;
pub use service::CacheService;
pub use stats::Stats;
