//! A handler that is read through a cache, and written to.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, Response};
use larder::{
    Cache, CacheBuilder, CacheLayer, CacheService, InvalidateLayer, InvalidateService, RequestView,
    RoutePolicy,
};
use larder_tests::{Origin, Reply, TestClock, get, request, response};
use tower::{Layer, Service, ServiceExt};

/// A handler behind two routes: one for reads, with a cache around it, and one for writes, with none.
pub(crate) struct Shop<S = Origin> {
    pub(crate) cache: Cache,
    pub(crate) inner: S,
    pub(crate) reads: CacheService<S>,
    pub(crate) writes: InvalidateService<S>,
}

/// Each path has a tag, and all have one.
pub(crate) fn tagged() -> RoutePolicy {
    RoutePolicy::shared(Duration::from_secs(60))
        .tag("all")
        .tag_with(|request| [tag_of(request)])
}

fn tag_of(request: &RequestView<'_>) -> String {
    format!("tag:{}", request.uri().path())
}

impl Shop {
    /// Writes are answered so.
    pub(crate) fn answering(
        status: u16,
        fields: &'static [(&str, &str)],
        layer: impl FnOnce(Cache) -> InvalidateLayer,
    ) -> Self {
        let origin = Origin::new(move |seen, calls| match seen.method {
            Method::GET | Method::HEAD => response(200, &[], format!("call {}", calls + 1)),
            _ => response(status, fields, "written"),
        });
        Self::new(origin, layer)
    }
}

impl<S> Shop<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug + Send,
{
    pub(crate) fn new(inner: S, layer: impl FnOnce(Cache) -> InvalidateLayer) -> Self {
        Self::with(inner, |cache| cache, |layer| layer, layer)
    }

    /// With these settings of the cache and of the layer around reads.
    pub(crate) fn with(
        inner: S,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        reads: impl FnOnce(CacheLayer) -> CacheLayer,
        writes: impl FnOnce(Cache) -> InvalidateLayer,
    ) -> Self {
        let clock = TestClock::default().clock();
        let cache = cache(Cache::builder().clock(clock)).build();
        let layer = reads(CacheLayer::new(cache.clone()).with_route_policy(tagged()));
        let (reads, writes) = (layer.layer(inner.clone()), writes(cache.clone()));
        let writes = writes.layer(inner.clone());
        Self {
            cache,
            inner,
            reads,
            writes,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::read(self.reads.clone().oneshot(get(path)).await.unwrap()).await
    }

    pub(crate) async fn write(&self, request: Request<Body>) -> Reply {
        Reply::read(self.writes.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn put(&self, path: &str) -> Reply {
        self.write(request("PUT", path, &[])).await
    }

    /// Has these stored.
    pub(crate) async fn fill(&self, paths: &[&str]) {
        for path in paths {
            self.get(path).await;
            assert!(self.holds(path).await, "{path}");
        }
    }

    /// Whether a response is stored that may be used as it is. The handler is not asked.
    pub(crate) async fn holds(&self, path: &str) -> bool {
        let asked = request("GET", path, &[("cache-control", "only-if-cached")]);
        let reply = self.reads.clone().oneshot(asked).await.unwrap();
        reply.headers().contains_key("cache-status")
    }
}

/// Names tags, whatever is written.
pub(crate) fn purging(tags: &'static [&str]) -> impl FnOnce(Cache) -> InvalidateLayer {
    move |cache| InvalidateLayer::new(cache, |_, _| tags.to_vec())
}
