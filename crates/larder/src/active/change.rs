//! [`Change`]: what a feed tells a cache.

use std::fmt;

use bytes::Bytes;
use http::{Request, Response};

use super::fence::Fence;
use super::put::bare;
use super::put_error::PutError;
use super::stored::Stored;
use crate::cache::Cache;
use crate::layer::CacheLayer;
use crate::purge::Purge;
use crate::route_policy::RoutePolicy;

/// One thing that happened where the data is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// The feed may have missed something: nobody knows what is out of date, so everything is purged.
    Lost,
    /// Something was deleted, or changed in a way that the feed does not tell.
    Purge(Purge),
    /// A new value.
    Put(Box<Put>),
}

impl From<Put> for Change {
    fn from(put: Put) -> Self {
        Self::Put(Box::new(put))
    }
}

impl From<Purge> for Change {
    fn from(purge: Purge) -> Self {
        Self::Purge(purge)
    }
}

/// A value that is to be put into a cache by a [feed](Cache::follow): what [`Cache::put`] takes, kept
/// until then.
#[derive(Clone)]
#[must_use = "a value is put once a feed has it"]
pub struct Put {
    request: Request<()>,
    response: Response<Bytes>,
    route: Route,
    fence: Option<Fence>,
}

#[derive(Clone)]
enum Route {
    Layer(Box<CacheLayer>),
    Policy(Box<RoutePolicy>),
}

impl Put {
    /// A value for a route annotated with `policy`; see [`Cache::put`].
    pub fn new<B>(
        request: &Request<B>,
        response: Response<impl Into<Bytes>>,
        policy: RoutePolicy,
    ) -> Self {
        Self::on(request, response, Route::Policy(Box::new(policy)))
    }

    /// A value for what is behind a layer, which has to be one of the cache that follows; see
    /// [`CacheLayer::put`].
    pub fn through<B>(
        layer: CacheLayer,
        request: &Request<B>,
        response: Response<impl Into<Bytes>>,
    ) -> Self {
        Self::on(request, response, Route::Layer(Box::new(layer)))
    }

    fn on<B>(request: &Request<B>, response: Response<impl Into<Bytes>>, route: Route) -> Self {
        Self {
            request: bare(request),
            response: response.map(Into::into),
            route,
            fence: None,
        }
    }

    /// The value was read after this [fence](Cache::fence) was taken. Default: it is as of the moment
    /// at which the feed had it from its source.
    pub fn since(self, fence: Fence) -> Self {
        Self {
            fence: Some(fence),
            ..self
        }
    }

    /// Puts it, with a fence for a value that has none.
    pub(super) fn carry_out(self, cache: &Cache, fence: &Fence) -> Result<Stored, PutError> {
        let layer = match self.route {
            Route::Layer(layer) => *layer,
            Route::Policy(policy) => cache.route(&policy),
        };
        let fence = self.fence.as_ref().unwrap_or(fence);
        layer.put_bare(&self.request, self.response, Some(fence))
    }
}

impl fmt::Debug for Put {
    /// Leaves fields and content out: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("method", self.request.method())
            .field("path", &self.request.uri().path())
            .finish_non_exhaustive()
    }
}
