//! [`InvalidateLayer`]: writes that purge what they change.

use std::fmt;
use std::sync::Arc;

use http::{Extensions, Uri};
use larder_policy::Policy;
use tower_layer::Layer;

use super::rules::Rules;
use super::service::InvalidateService;
use crate::cache::Cache;
use crate::framework::Framework;
use crate::purge::Purge;
use crate::view::{RequestView, ResponseView};

/// Purges what writes change, when they succeed. Goes around the service that does the writing,
/// inside or outside of a [`CacheLayer`](crate::CacheLayer) or without any.
///
/// A write is a request whose method is not known to be [safe](Policy::with_safe_methods); one that a
/// field such as `X-HTTP-Method-Override` may make another counts as one. When it is answered with 2xx
/// or 3xx, this is purged before the response is released, so that whoever saw the response sees
/// its effect:
///
/// - what HTTP demands: its URL, those that `Location` and `Content-Location` name, and the groups of
///   `Cache-Group-Invalidation` (RFC 9111 section 4.4, RFC 9875);
/// - what the layer's function names. It is not called otherwise.
///
/// A response that is being fetched at this moment is not stored, as with [`Cache::purge`]. Other
/// answers, errors of the service and panics purge nothing.
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::{BodyExt, Empty, Full};
/// use larder::{Cache, CacheLayer, InvalidateLayer, RoutePolicy};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Infallible> {
/// let answer = |_: Request<Empty<Bytes>>| async {
///     Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("done")))
/// };
/// let cache = Cache::builder().build();
/// let catalogue = RoutePolicy::shared(Duration::from_secs(60)).tag("products");
/// let reads = ServiceBuilder::new()
///     .layer(CacheLayer::new(cache.clone()).with_route_policy(catalogue))
///     .service_fn(answer);
/// let writes = ServiceBuilder::new()
///     .layer(InvalidateLayer::new(cache.clone(), |_request, _response| ["products"]))
///     .service_fn(answer);
///
/// let list = || Request::get("/products").body(Empty::new()).unwrap();
/// reads.clone().oneshot(list()).await?.into_body().collect().await.unwrap();
/// assert_eq!(reads.clone().oneshot(list()).await?.headers()["cache-status"], "larder; hit; ttl=60");
///
/// writes.oneshot(Request::put("/products/42").body(Empty::new()).unwrap()).await?;
/// let next = reads.oneshot(list()).await?;
/// assert_eq!(next.headers()["cache-status"], "larder; fwd=uri-miss; stored");
/// # Ok(())
/// # }
/// ```
///
/// Costs a copy of the head of each write, and a box; other requests pass as they are.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct InvalidateLayer {
    rules: Rules,
}

impl InvalidateLayer {
    /// A layer that purges from `cache` also what `changed` names: tags, in an array, a vector or a
    /// set, or any [`Purge`]. It sees the request as it came to the layer, and the response as it will
    /// be released; its body is yet to come. It should not panic: the write is done by then, and what
    /// it would have named is not purged.
    pub fn new<P>(
        cache: Cache,
        changed: impl Fn(&RequestView<'_>, &ResponseView<'_>) -> P + Send + Sync + 'static,
    ) -> Self
    where
        P: Into<Purge>,
    {
        Self {
            rules: Rules {
                cache,
                changed: Arc::new(move |request, response| changed(request, response).into()),
                finish_on_disconnect: true,
                framework: Framework::default(),
                policy: Arc::new(Policy::shared()),
            },
        }
    }

    /// Replaces the rules of HTTP, of which those of invalidation matter here: which methods are
    /// [safe](Policy::with_safe_methods), and what of a response is gone by. Default:
    /// [`Policy::shared`].
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.rules.policy = Arc::new(policy);
        self
    }

    /// Lets a write that has come to the service run to its end although its client has left, so that
    /// what it changes is purged. Default: yes; see
    /// [`CacheLayer::with_finish_on_disconnect`](crate::CacheLayer::with_finish_on_disconnect).
    pub fn with_finish_on_disconnect(mut self, finish: bool) -> Self {
        self.rules.finish_on_disconnect = finish;
        self
    }

    /// Tells where the URI stands that the client asked for, when the request's own has been
    /// shortened by a router. `None` means the request's own.
    pub fn with_target(mut self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.rules.framework.target = find;
        self
    }

    /// Tells where the name of the route stands, such as `/products/{id}`: for
    /// [`RequestView::param`], and for URLs of routes that [go by their name](crate::Key::route).
    pub fn with_route_name(mut self, find: fn(&Extensions) -> Option<&str>) -> Self {
        self.rules.framework.route = find;
        self
    }
}

impl<S> Layer<S> for InvalidateLayer {
    type Service = InvalidateService<S>;

    fn layer(&self, inner: S) -> InvalidateService<S> {
        InvalidateService::new(inner, self.rules.clone())
    }
}

impl fmt::Debug for InvalidateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidateLayer")
            .field("policy", &self.rules.policy)
            .finish_non_exhaustive()
    }
}
