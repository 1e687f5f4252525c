//! `.invalidates(…)` on routes and routers.

use axum::Router;
use axum::routing::MethodRouter;
use larder::{Cache, InvalidateLayer, Purge, RequestView, ResponseView};

use crate::routed;

/// An [`InvalidateLayer`] that goes by the URI that the client asked for also inside a nested router,
/// and knows the route by its name in the router, so that
/// [`RequestView::param`] finds the parameters of the path.
pub fn invalidate_layer<P>(
    cache: &Cache,
    changed: impl Fn(&RequestView<'_>, &ResponseView<'_>) -> P + Send + Sync + 'static,
) -> InvalidateLayer
where
    P: Into<Purge>,
{
    InvalidateLayer::new(cache.clone(), changed)
        .with_target(routed::original_uri)
        .with_route_name(routed::route_name)
}

/// Says what the writes of a route change, or of every route of a router.
///
/// ```
/// use std::time::Duration;
///
/// use axum::body::Body;
/// use axum::extract::Path;
/// use axum::routing::{get, put};
/// use axum::{Router, http::Request};
/// use larder::{Cache, RoutePolicy};
/// use larder_axum::{Cached, Invalidates};
/// use tower::ServiceExt;
///
/// async fn product(Path(id): Path<u64>) -> String {
///     format!("product {id}")
/// }
///
/// async fn edit(Path(_): Path<u64>) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let cache = Cache::builder().build();
/// let tagged = RoutePolicy::shared(Duration::from_secs(60))
///     .tag_with(|request| request.param("id").map(|id| format!("product:{id}")));
/// let edit = put(edit).invalidates(&cache, |request, _response| {
///     request.param("id").map(|id| [format!("product:{id}")])
/// });
/// let app: Router = Router::new()
///     .route("/products/{id}", get(product).cached(&cache, tagged.clone()))
///     .route("/products/{id}/reviews", get(product).cached(&cache, tagged))
///     .route("/admin/products/{id}", edit);
///
/// let send = async |method: &str, path: &str| {
///     let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
///     let response = app.clone().oneshot(request).await.unwrap();
///     let status = response.headers().get("cache-status").cloned();
///     axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
///     status
/// };
/// for path in ["/products/42", "/products/42/reviews", "/products/43"] {
///     send("GET", path).await;
///     assert_eq!(send("GET", path).await.unwrap(), "larder; hit; ttl=60");
/// }
/// send("PUT", "/admin/products/42").await;
/// for path in ["/products/42", "/products/42/reviews"] {
///     assert_eq!(send("GET", path).await.unwrap(), "larder; fwd=uri-miss; stored");
/// }
/// assert_eq!(send("GET", "/products/43").await.unwrap(), "larder; hit; ttl=60");
/// # }
/// ```
///
/// # Where to put it
///
/// As with all layers in axum it is around what is in the route or the router so far:
/// `put(edit).invalidates(…).get(show)` and `get(show).put(edit).invalidates(…)` do the same, since
/// reads pass untouched, and `get(show).invalidates(…).put(edit)` says nothing of `edit`.
///
/// Before or after [`cached`](crate::Cached::cached) makes no difference: a write passes through both,
/// and each invalidates its URL. Authentication may be inside or outside: what is refused is no
/// success, and purges nothing.
pub trait Invalidates: Sized {
    /// Purges from `cache` what `changed` names, and what HTTP demands, when a write succeeds and
    /// before its response is released; see [`InvalidateLayer`].
    #[must_use]
    fn invalidates<P>(
        self,
        cache: &Cache,
        changed: impl Fn(&RequestView<'_>, &ResponseView<'_>) -> P + Send + Sync + 'static,
    ) -> Self
    where
        P: Into<Purge>;
}

impl<S> Invalidates for MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn invalidates<P>(
        self,
        cache: &Cache,
        changed: impl Fn(&RequestView<'_>, &ResponseView<'_>) -> P + Send + Sync + 'static,
    ) -> Self
    where
        P: Into<Purge>,
    {
        self.layer(invalidate_layer(cache, changed))
    }
}

impl<S> Invalidates for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn invalidates<P>(
        self,
        cache: &Cache,
        changed: impl Fn(&RequestView<'_>, &ResponseView<'_>) -> P + Send + Sync + 'static,
    ) -> Self
    where
        P: Into<Purge>,
    {
        self.layer(invalidate_layer(cache, changed))
    }
}
