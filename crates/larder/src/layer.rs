//! [`CacheLayer`]: puts a cache in front of a service.

use std::fmt;
use std::sync::Arc;

use http::{Extensions, Uri};
use larder_policy::Policy;
use larder_policy::key::Partition;
use tower_layer::Layer;

use crate::cache::Cache;
use crate::context::Context;
use crate::route_policy::RoutePolicy;
use crate::service::CacheService;

/// Answers requests from a [`Cache`] in front of any `Service<Request<B>, Response = Response<C>>`.
///
/// By default it obeys the inner service's own `Cache-Control` as a careful shared cache does
/// ([`Policy::shared`]).
///
/// # Inside nested routers
///
/// The key is made of the request's URI. A router that strips a prefix before it calls the layer
/// hides part of it, so tell the layer where the whole URI is: [`with_target`](Self::with_target),
/// or `larder_axum::layer`, which does so for axum.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct CacheLayer {
    pub(crate) context: Context,
}

impl CacheLayer {
    /// A layer that obeys RFC 9111 with the defaults of [`Policy::shared`].
    pub fn new(cache: Cache) -> Self {
        let policy = Arc::new(Policy::shared());
        Self {
            context: Context {
                cache,
                policy,
                target: |_| None,
                partition: None,
            },
        }
    }

    /// Replaces the rules.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.context.policy = Arc::new(policy);
        self
    }

    /// Applies a route's annotation to the present rules.
    pub fn with_route_policy(self, route: RoutePolicy) -> Self {
        let policy = route.apply(Policy::clone(&self.context.policy));
        self.with_policy(policy)
    }

    /// Gives every identity a copy of its own. `identify` reads what the application's own
    /// authentication put among the request's extensions, never a raw header field; requests for
    /// which it finds nobody bypass the cache. Goes with [`Policy::private`].
    ///
    /// ```
    /// use larder::policy::key::Partition;
    /// use larder::{Cache, CacheLayer, Policy};
    ///
    /// #[derive(Clone)]
    /// struct UserId(u64);
    ///
    /// let layer = CacheLayer::new(Cache::builder().build())
    ///     .with_policy(Policy::private())
    ///     .with_partition(|extensions| {
    ///         let UserId(id) = extensions.get()?;
    ///         Partition::of("user", &id.to_be_bytes()).ok()
    ///     });
    /// # drop(layer);
    /// ```
    pub fn with_partition(
        mut self,
        identify: impl Fn(&Extensions) -> Option<Partition> + Send + Sync + 'static,
    ) -> Self {
        self.context.partition = Some(Arc::new(identify));
        self
    }

    /// Tells where the URI stands that the client asked for, when the request's own has been
    /// shortened by a router. `None` means the request's own.
    pub fn with_target(mut self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.context.target = find;
        self
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(inner, self.context.clone())
    }
}

impl fmt::Debug for CacheLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer")
            .field("policy", &self.context.policy)
            .finish_non_exhaustive()
    }
}
