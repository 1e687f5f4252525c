//! `.cached(…)` and `.uncached()` on routes and routers.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::MethodRouter;
use larder::{Cache, CacheLayer, DoNotStore, QueryContentLayer, RoutePolicy};
use tower::util::MapResponseLayer;

use crate::routed;

/// A [`CacheLayer`] that obeys the handlers' own `Cache-Control`.
///
/// Unlike [`CacheLayer::new`] it keys on the URI that the client asked for also inside a nested
/// router, where axum strips the prefix from the request's, and knows the route by its name in the
/// router.
pub fn layer(cache: &Cache) -> CacheLayer {
    CacheLayer::new(cache.clone())
        .with_target(routed::original_uri)
        .with_target_rewritten(routed::set_original_uri)
        .with_route_name(routed::route_name)
        .with_framework_extensions(routed::framework_extensions)
}

/// Reads the content of QUERY requests (RFC 10008), up to `max_bytes`, so that it can be part of the
/// key. Goes around what is cached: `.cached(&cache, policy.query_method()).layer(query_content(…))`.
#[must_use]
pub fn query_content(max_bytes: usize) -> QueryContentLayer<Body> {
    QueryContentLayer::new(max_bytes, Body::new)
}

/// Annotates a route, or every route of a router.
pub trait Cached {
    /// Answers GET and HEAD from `cache` as `policy` says; other methods pass, and their success
    /// invalidates what is stored for the same URI (RFC 9111 section 4.4).
    #[must_use]
    fn cached(self, cache: &Cache, policy: RoutePolicy) -> Self;
}

impl<S> Cached for MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn cached(self, cache: &Cache, policy: RoutePolicy) -> Self {
        self.layer(layer(cache).with_route_policy(policy))
    }
}

impl<S> Cached for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn cached(self, cache: &Cache, policy: RoutePolicy) -> Self {
        self.layer(layer(cache).with_route_policy(policy))
    }
}

/// Takes a route out of the cache that is around its router.
pub trait Uncached {
    /// No response of this route is stored, whatever its fields say. Where the router around it narrows
    /// requests ([`RoutePolicy::shared`]), that of this route is narrowed all the same.
    #[must_use]
    fn uncached(self) -> Self;
}

impl<S> Uncached for MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn uncached(self) -> Self {
        self.layer(MapResponseLayer::new(do_not_store))
    }
}

impl<S> Uncached for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn uncached(self) -> Self {
        self.layer(MapResponseLayer::new(do_not_store))
    }
}

fn do_not_store(mut response: Response) -> Response {
    response.extensions_mut().insert(DoNotStore);
    response
}
