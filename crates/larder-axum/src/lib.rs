//! Route annotations for [`larder`] on axum.

use axum::Router;
use axum::extract::OriginalUri;
use axum::routing::MethodRouter;
use http::{Extensions, Uri};
use larder::{Cache, CacheLayer, RoutePolicy};

/// A [`CacheLayer`] that keys on the URI the client asked for, also inside nested routers.
pub fn layer(cache: &Cache) -> CacheLayer {
    CacheLayer::new(cache.clone()).with_target(original_uri)
}

fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|original| &original.0)
}

/// `.cached(…)` on routes and routers.
pub trait Cached: Sized {
    /// Answers from `cache` as `policy` says.
    #[must_use]
    fn cached(self, cache: &Cache, policy: RoutePolicy) -> Self;
}

impl<S> Cached for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn cached(self, cache: &Cache, policy: RoutePolicy) -> Self {
        self.layer(layer(cache).with_route_policy(policy))
    }
}

impl<S> Cached for MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn cached(self, cache: &Cache, policy: RoutePolicy) -> Self {
        self.layer(layer(cache).with_route_policy(policy))
    }
}
