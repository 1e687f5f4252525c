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
//! assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "fresh bread");
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
//!               leader or follower ─▶ inner service ─▶ admission ─▶ fill ─▶ memory tier
//!                             │                                      │
//!                             └────────── body, as it arrives ◀──────┘
//! ```
//!
//! # Who waits for whom
//!
//! Of the requests for a key that has to be fetched one leads, and the others follow: the inner
//! service is called once. A follower gets the leader's response only if it could have reused it as a
//! stored response (RFC 9111 section 4); a response that is not for others lets the followers go at
//! once, and its key is remembered, so that the next requests do not queue.
//!
//! The leader's fate is not its followers': when its client leaves, the fill goes on; when it panics
//! or fails before there is a head, one of them leads next. All who read a body read it from a buffer
//! at their own pace, while it arrives.
//!
//! | a stored response is | and | then |
//! |---|---|---|
//! | fresh | | it is served |
//! | fresh, and about to expire | [`EarlyRefresh`] is on | it is served, and validated in the background |
//! | stale, within `stale-while-revalidate` or [grace](Policy::with_grace) | | it is served, and validated in the background |
//! | stale | the inner service is slower than the [soft timeout](CacheLayer::with_soft_timeout) | it is served if `stale-if-error` or grace let it, and the fill goes on |
//! | stale | the inner service fails, or exceeds the [hard timeout](CacheLayer::with_hard_timeout) | it is served if `stale-if-error` or grace let it; nobody tries again [for a moment](CacheBuilder::retry_refresh_after) |
//! | too old for that | | it is validated first, by one request for all |
//!
//! Work that no client waits for is bounded in [number](CacheBuilder::max_background) and in
//! [time](CacheBuilder::finish_within), bodies on their way into the store in
//! [bytes](CacheBuilder::max_fill_bytes).
//!
//! # What a response depends on
//!
//! Without an annotation responses are told apart by URL and `Vary`, as RFC 9111 has it. A
//! [`RoutePolicy`] declares inputs ([`Key`]), and on a miss the inner service sees those only:
//! undeclared parameters, cookies, credentials and other fields are taken away, and so are the
//! [types](CacheBuilder::identity) that say who asks. What a key forgets cannot shape a response, and
//! what was withheld does not keep one from being stored. [`RoutePolicy::per_user`] and its kind keep
//! a copy for each identity that the application's own authentication put into the request's
//! extensions, and none for nobody.
//!
//! Where narrowing is switched off, or something comes in another way, a [`Finding`] tells:
//! [`RoutePolicy::tripwire`] searches what is about to be shared for the caller's identity,
//! [`RoutePolicy::verify`] checks hits against the inner service, and
//! [`RoutePolicy::cardinality_budget`] names inputs that have no end.
//!
//! # Purges
//!
//! The application says what it changed: by [tag](RoutePolicy::tag_with), URL, path with all below it,
//! identity, or everything.
//!
//! ```
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{Empty, Full};
//! use larder::{Cache, CacheLayer, Purge, RoutePolicy};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let page = service_fn(|_: Request<Empty<Bytes>>| async {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("bread, 3 €")))
//! # });
//! let cache = Cache::builder().build();
//! let route = RoutePolicy::shared(Duration::from_secs(3600))
//!     .stale_while_revalidate(Duration::from_secs(30))
//!     .tag("products")
//!     .tag_with(|request| request.uri().path().strip_prefix("/products/").map(str::to_owned));
//! let service = CacheLayer::new(cache.clone()).with_route_policy(route).layer(page);
//! let get = || Request::get("/products/42").body(Empty::new()).unwrap();
//! let told = async || -> Result<String, Box<dyn std::error::Error>> {
//!     let response = service.clone().oneshot(get()).await?;
//!     Ok(response.headers()["cache-status"].to_str()?.to_owned())
//! };
//!
//! assert_eq!(told().await?, "larder; fwd=uri-miss; stored");
//! assert_eq!(told().await?, "larder; hit; ttl=3600");
//! // The price of product 42 has changed.
//! let receipt = cache.purge(Purge::tag("42"));
//! assert!(receipt.position() > 0);
//! assert_eq!(told().await?, "larder; fwd=uri-miss; stored");
//! // All prices may have, by a little: served stale while each is fetched anew.
//! cache.purge(Purge::tag("products").soft());
//! assert_eq!(told().await?, "larder; hit; ttl=0; detail=soft-purged");
//! # Ok(())
//! # }
//! ```
//!
//! - A [`Receipt`] promises that the purge has happened: whoever asks from then on gets nothing that was
//!   begun before it and is named by it, not even from a fill that was under way. [Several
//!   nodes](#several-nodes) are told, and the receipt says when they know.
//! - A [soft](Purge::soft) purge makes stale instead: the stale windows begin, and what has none is
//!   validated before its next use.
//! - A purge costs the same whatever it hits. What is remembered of purges is
//!   [bounded](CacheBuilder::max_purge_records); what they made dead leaves the memory when something
//!   new takes its place, or when it is swept. Names are kept as hashes of 64 bits, keyed for each
//!   cache: should two be the same, one more request is forwarded, and nothing old is served.
//! - [`Cache::estimate`] tells what a purge would hit, [`Stats`] and events what was purged and swept.
//! - Tags come from the route ([`RoutePolicy::tag`]), from the handler ([`CacheHint`]), and from header
//!   fields ([`TagFields`]).
//! - Nobody outside can purge, but by writes (RFC 9111 section 4.4) that the inner service confirms. A
//!   write drops what HTTP says, and what its [`InvalidateLayer`] names beyond that. One whose client
//!   hangs up is [finished](CacheLayer::with_finish_on_disconnect), and a client that says `no-cache`
//!   has a stored response validated only where it [may](CacheLayer::with_forced_refresh).
//!
//! # Several nodes
//!
//! Processes that give their caches one store, on Redis, Valkey or Memcached, share what they have stored and
//! what they purge, and call the inner service once for all of them:
//!
//! ```
//! use larder::shared::{EntryStore, InvalidationLog};
//! use larder::{Cache, NotEverywhere, Purge, SharedSettings};
//! use std::time::Duration;
//!
//! /// `store` is `larder_redis::RedisTier`, `larder_memcached::MemcachedTier`, or your own.
//! fn node(store: impl EntryStore + InvalidationLog) -> Cache {
//!     let settings = SharedSettings::new().fail_open(Duration::from_secs(10));
//!     Cache::builder().shared_with(store, settings).build()
//! }
//!
//! async fn price_has_changed(cache: &Cache) -> Result<usize, NotEverywhere> {
//!     // Gone on this node.
//!     let receipt = cache.purge(Purge::tag("product:42"));
//!     // It stands in the log: within the bound it is gone on all nodes that hear from the store.
//!     let receipt = receipt.await?;
//!     // All nodes that are there have said so; how many they are.
//!     receipt.everywhere(Duration::from_secs(1)).await
//! }
//! ```
//!
//! The memory of each process stays in front: a hit there costs what it costs without a store, and waits for
//! nothing. On a miss the store is read; what is found is told as `hit; detail=shared`, and is in memory
//! from then on. Only what may be stored is shared, partitions under keys of their own; names stand in the
//! store as hashes, bodies as they are. Nodes have to agree on what makes a key: the routes' annotations,
//! the identities, and the authority that clients name, as they do behind one load balancer.
//!
//! What cannot be agreed on is fetched: no failure of a store becomes an error of a request, or a wait
//! longer than the settings below. How purges stay in order is told in [`shared`].
//!
//! | [`SharedSettings`] | default | |
//! |---|---|---|
//! | [`bound`](SharedSettings::bound) | 2 s, at least 100 ms | after it all nodes that hear from the log know a purge that the log has |
//! | [`fail_open`](SharedSettings::fail_open), [`fail_closed`](SharedSettings::fail_closed) | 30 s | how much longer a node that hears nothing trusts what it has; then it is stale |
//! | [`read_within`](SharedSettings::read_within) | 50 ms | what a request waits for the store to read |
//! | [`lease_within`](SharedSettings::lease_within) | 100 ms | what one waits that would be the one to fetch for all |
//! | [`lease_for`](SharedSettings::lease_for) | 5 s | how long other nodes wait for the one that fetches |
//! | [`write_within`](SharedSettings::write_within) | 250 ms | what a write to the store may take; a request that purges waits so long at most |
//! | [`max_queued_bytes`](SharedSettings::max_queued_bytes) | 32 MiB | responses that wait to be written; more are not |
//! | [`max_queued_purges`](SharedSettings::max_queued_purges) | 10,000 names | purges that wait for the store to come back; more become a purge of everything |
//! | [`max_known_purges`](SharedSettings::max_known_purges) | 100,000 records, 16 bytes each | what is remembered of the log; what is older in the store is fetched again |
//! | [`secret`](SharedSettings::secret) | none | signs what is stored, so that who writes to the store makes nobody serve it |
//!
//! [`Cache::is_joined`] tells when a node knows the log, for a probe of readiness; [`Cache::shared_stats`] and
//! the metric `larder_shared_total` count what was shared, and what failed:
//!
//! | `what` | [`SharedStats`] | counts |
//! |---|---|---|
//! | `hit`, `miss` | `hits`, `misses` | responses that were found in the store and used; looks that found nothing |
//! | `dead`, `unreadable` | `dead`, `unreadable` | values that had been purged; values that cannot be read, or are not of their key |
//! | `written`, `dropped`, `write-lost` | `written`, `dropped`, `writes_lost` | responses that reached the store; that were not written since too much waited; writes of any kind that failed |
//! | `lease-won`, `lease-busy` | `leases_won`, `leases_busy` | times that this node was the one to fetch; that it found another at it |
//! | `failed`, `skipped` | `failures`, `skipped` | calls that failed or took too long; calls that were not made, after five failures in a row, for 1 second to 30 |
//! | `appended`, `applied` | `appended`, `applied` | records of own purges that the log has; records of others' |
//! | `log-failed` | `log_failures` | times that the log could not be read or appended to |
//! | `log-skipped`, `log-restarted` | `log_skips`, `log_restarts` | times that records were missing; that the log had been emptied or had gone back. Everything was fetched again |
//! | `record-unreadable` | `unreadable_records` | records that could not be read, each of which purged everything |
//!
//! # What is there before anybody asks
//!
//! | who begins | | |
//! |---|---|---|
//! | the application has a value | [`Cache::put`] | stores it as if a handler had just answered with it, under the same key and the same rules |
//! | a message broker or a database tells of changes | [`Cache::follow`] | puts and purges in its order |
//! | the application starts | [`Cache::warm`] | sends requests through the service, so that what may be stored is |
//! | time passes | [`Cache::keep_fresh`] | validates the responses to named requests before they expire |
//!
//! Where a value is read and put while others write and purge, a [`Fence`] that is taken before it is
//! read keeps what is old from coming after its purge.
//!
//! # Runtime
//!
//! Collapsing, background work and bodies that do not come at once need a tokio runtime, with
//! timers (`enable_time` or `enable_all`) for anything to be limited in time. Without a runtime
//! requests are forwarded one by one, and only bodies that are there at once are stored.
//!
//! What HTTP says is in [`policy`]; this crate carries its answers out. Which rules apply is a
//! [`Policy`]; what differs at a route is a [`RoutePolicy`].
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `metrics` | no | the counters and histograms below, through the `metrics` facade |
//!
//! | metric | kind | labels | counts |
//! |---|---|---|---|
//! | `larder_requests_total` | counter | `outcome`, `reason` | requests that were answered |
//! | `larder_responses_total` | counter | `outcome` (`stored`, `not-stored`), `reason` | responses of the inner service, and values that were put |
//! | `larder_background_validations_total` | counter | | validations that no client waited for |
//! | `larder_verifications_total` | counter | `verdict` | hits that were checked |
//! | `larder_invalidations_total` | counter | | writes that invalidated something |
//! | `larder_purges_total` | counter | `manner` (`hard`, `soft`) | purges |
//! | `larder_sweeps_total` | counter | | sweeps |
//! | `larder_puts_total` | counter | `outcome` (`stored`, `refused`), `reason` | values that were put |
//! | `larder_shared_total` | counter | `what`, [as above](#several-nodes) | what came of a [shared store](CacheBuilder::shared) |
//! | `larder_feed_events_total` | counter | `kind` (`put`, `refused`, `purge`, `lost`, `error`, `broke`) | what came of feeds |
//! | `larder_hit_ttl_seconds` | histogram | | the freshness that hits had left |
//! | `larder_stored_body_bytes` | histogram | | lengths of the bodies that were stored |
//!
//! Every decision is also a `tracing` event of level `DEBUG` and target `larder`; what somebody should
//! look at, such as a [`Finding`] or a feed that broke, is one of level `INFO` or `WARN`. The inner
//! service works in a span `fill`, which follows from the span of every request that waited for it.

mod active;
mod admit;
mod alone;
mod around;
mod asked;
mod background;
mod berth;
mod body;
mod body_error;
mod budgets;
mod buffer;
mod builder;
mod bypass;
mod cache;
mod cardinality;
mod clock;
mod collapse;
mod consult;
mod context;
mod deliver;
mod digest;
mod distinct;
mod drive;
mod early;
mod entry;
mod errand;
mod extension_types;
mod fetching;
mod fill;
mod filling;
mod finding;
mod fleet;
mod flights;
mod forced;
mod forward;
mod framework;
mod freshen;
mod future;
mod hint;
mod identity;
mod inputs;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod job;
mod keep;
mod known_keys;
mod landing;
mod layer;
mod look;
mod marks;
mod named;
mod names;
mod naming;
mod narrow;
mod node;
mod opt_out;
mod place;
mod plan;
mod planning;
mod probe;
mod probed;
mod probing;
mod pump;
mod purge;
mod query;
mod ready;
mod record;
mod refresh;
mod renew;
mod reply;
mod reuse;
mod route_policy;
#[cfg(test)]
mod samples;
mod sent;
mod service;
mod shadow;
pub mod shared;
mod shim;
mod sight;
mod stale;
mod stamps;
mod stats;
mod stripe;
mod suspicion;
mod tagging;
mod templates;
mod tier;
mod timer;
mod trace;
mod tripwire;
mod turn;
mod turns;
mod variants;
mod verdict;
mod verifier;
mod verify;
mod view;
mod write;

pub use active::{
    Change, Feed, FeedCounts, Fence, Follow, KeepFresh, Progress, Put, PutError, Scheduled, Source,
    SourceFn, SourcePollFn, Stored, Warm, Warmed, source_fn, source_poll_fn,
};
pub use body::ResponseBody;
pub use body_error::BodyError;
pub use builder::CacheBuilder;
pub use cache::Cache;
pub use clock::Clock;
pub use digest::PartitionDigest;
pub use early::EarlyRefresh;
pub use finding::{Finding, FindingKind, Place};
pub use fleet::{SharedSettings, SharedStats, ShortSecret};
pub use forced::ForcedRefresh;
pub use future::ResponseFuture;
pub use hint::CacheHint;
pub use larder_policy as policy;
pub use larder_policy::Policy;
pub use larder_policy::fields::{CacheControl, TagFields, TagSeparator};
pub use larder_policy::key::{Key, KeyPart, PartWriter, RoleSet};
pub use layer::CacheLayer;
pub use opt_out::DoNotStore;
pub use probe::Probe;
pub use probed::Probed;
pub use purge::{Estimate, NotEverywhere, Purge, PurgeError, Receipt};
pub use query::{QueryContentLayer, QueryContentService, QueryFuture, ReplayedBody};
pub use route_policy::RoutePolicy;
pub use service::CacheService;
pub use stats::Stats;
pub use tier::MemoryEngine;
pub use tripwire::IdentityStrings;
pub use verify::Verify;
pub use view::{RequestView, ResponseView};
pub use write::{InvalidateFuture, InvalidateLayer, InvalidateService};
