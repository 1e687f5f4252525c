//! [`CacheService`]: `call` answers a hit at once, hands the rest on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use http::{Request, Response, StatusCode};
use http_body::Body;
use larder_policy::RequestHead;
use tower_service::Service;
use tracing::Instrument;

use crate::around::{Entered, enter};
use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::bypass::bypass;
use crate::context::Context;
use crate::drive::drive;
use crate::future::ResponseFuture;
use crate::look::STALE_WHILE_REVALIDATE;
use crate::plan::Plan;
use crate::planning::plan;
use crate::probe::Probe;
use crate::probing::probed;
use crate::refresh::refresh;
use crate::renew::renew;
use crate::reply;
use crate::trace::{self, Outcome};
use crate::verdict::{check, is_due};
use crate::write::drive_unsafe;

/// The service that [`CacheLayer`](crate::CacheLayer) makes.
///
/// It is always ready: a hit must not wait for the inner service. A request that has to be
/// forwarded readies a clone of the inner service first, so concurrency limits, load shedding and
/// buffers inside the cache see only what is really forwarded.
pub struct CacheService<S> {
    common: Arc<Common<S>>,
}

/// What the clones of a service have in common. Servers and routers clone a service for every
/// request, and a hit is not to pay for a clone of the inner service that it does not call.
struct Common<S> {
    context: Arc<Context>,
    inner: Mutex<S>,
}

impl<S> CacheService<S> {
    pub(crate) fn new(inner: S, context: Context) -> Self {
        let common = Common {
            context: Arc::new(context),
            inner: Mutex::new(inner),
        };
        Self {
            common: Arc::new(common),
        }
    }
}

impl<S: Clone> Common<S> {
    /// An inner service to forward one request to.
    fn inner(&self) -> S {
        let inner = self.inner.lock();
        inner.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S> Clone for CacheService<S> {
    fn clone(&self) -> Self {
        Self {
            common: Arc::clone(&self.common),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for CacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService")
            .field("inner", &self.common.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, C> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<C>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, C>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let context = &self.common.context;
        let entered = enter(&context.cache);
        entered.insert_into(request.extensions_mut());
        let renews = match Probe::of(request.extensions()) {
            None => entered.renews,
            Some(probe) if probe.refreshes() => true,
            Some(probe) => {
                let (context, inner) = (Arc::clone(context), self.common.inner());
                return ResponseFuture::drive(probed(context, inner, request, probe), None);
            }
        };
        let uri = context.target_of(&request);
        let content = !request.body().is_end_stream();
        let head = RequestHead::new(request.method(), uri, request.headers(), content);
        let plan = plan(context, &head, request.extensions(), renews);
        found(context, &entered, renews, &plan);
        match plan {
            Plan::Serve(entry, serving, detail) => {
                if let Some(verifier) = &context.verifier
                    && is_due(context, verifier, &head, &entry, serving)
                {
                    let entry = Arc::clone(&entry);
                    check(context, verifier, self.common.inner(), &request, entry);
                }
                ResponseFuture::answer(reply::hit(context, &head, &entry, serving, detail))
            }
            Plan::Refresh(entry, serving, work) => {
                let (fetch, turn) = *work;
                let detail = STALE_WHILE_REVALIDATE;
                let response = reply::hit(context, &head, &entry, serving, detail);
                refresh(context, self.common.inner(), &request, fetch, turn);
                ResponseFuture::answer(response)
            }
            Plan::Renew(work) => {
                let (fetch, turn) = *work;
                let (context, inner) = (Arc::clone(context), self.common.inner());
                ResponseFuture::drive(renew(context, inner, request, fetch, turn), None)
            }
            Plan::Forbid => refused(context, Outcome::RefreshRefused, StatusCode::FORBIDDEN),
            Plan::Refuse => refused(context, Outcome::Refused, StatusCode::GATEWAY_TIMEOUT),
            Plan::Bypass(reason) => {
                trace::answered(&context.cache, Outcome::Bypassed(reason));
                let policy = Arc::clone(&context.policy);
                let bypassed = bypass(self.common.inner(), request, policy, reason);
                ResponseFuture::drive(bypassed, None)
            }
            Plan::Unsafe(bypass) => {
                let (context, inner) = (Arc::clone(context), self.common.inner());
                let berth = context.berth();
                let driven = drive_unsafe(context, inner, request, bypass, Arc::clone(&berth));
                // What is logged when the client has left belongs to its request all the same.
                ResponseFuture::drive(driven.in_current_span(), Some(berth))
            }
            Plan::Fetch(fetch) => {
                let (context, inner) = (Arc::clone(context), self.common.inner());
                let berth = context.berth();
                let driven = drive(context, inner, request, fetch, Arc::clone(&berth));
                ResponseFuture::drive(driven, Some(berth))
            }
        }
    }
}

/// Tells whoever sent a request through another layer that this one answers it from the store: the
/// other says last how it was answered.
fn found(context: &Context, entered: &Entered, renews: bool, plan: &Plan) {
    if let Some(errand) = entered.errand.as_ref().filter(|_| !renews)
        && let Plan::Serve(_, serving, _) | Plan::Refresh(_, serving, _) = plan
    {
        let now = context.cache.shared().clock.now();
        errand.kept(*serving, now, false);
    }
}

/// The cache answers by itself, without what is stored.
fn refused<S, B, C>(
    context: &Context,
    outcome: Outcome,
    code: StatusCode,
) -> ResponseFuture<S, B, C>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Error: 'static,
    C: Body + 'static,
{
    trace::answered(&context.cache, outcome);
    ResponseFuture::answer(reply::local(code))
}
