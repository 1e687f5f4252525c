//! Validating a stored response that nobody waits for: stale ones while they are served, and fresh
//! ones shortly before they expire.

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body::Body;
use larder_policy::RequestHead;
use larder_policy::key::MethodClass;
use tower_service::Service;

use crate::body_error::BoxError;
use crate::context::Context;
use crate::drive::forward;
use crate::entry::Entry;
use crate::flights::Boarded;
use crate::job::{Fetch, Job, Sent};
use crate::trace;
use crate::turn::Turn;

/// Starts the validation of a stored response, on the occasion of a request that it answered.
pub(crate) fn refresh<S, B, C>(
    context: &Arc<Context>,
    inner: S,
    request: &Request<B>,
    fetch: Fetch,
    mut turn: Turn,
) where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    let Some(place) = context.cache.shared().background.place() else {
        return;
    };
    let (method, uri, fields) = (request.method(), request.uri(), request.headers());
    let credentials = RequestHead::new(method, uri, fields, false).credentials();
    let request = unattended(context, request, turn.entry());
    let sent = Sent::of(context, &request);
    let mut job = Job::new(Arc::clone(context), sent, fetch);
    (job.unattended, job.credentials) = (true, credentials);
    match job.board() {
        Boarded::Lead(leader) => job.leader = Some(leader),
        // It is being fetched already.
        _ => return,
    }
    trace::refreshing(&context.cache);
    context.cache.shared().background.run(place, async move {
        turn.begin();
        if let Ok(answer) = forward(inner, job, request).await {
            answer.into_body().arrived().await;
        }
        drop(turn);
    });
}

/// A request for the same response that no client made: nothing of the triggering request goes with
/// it but what says which response is meant, and what the application's own layers put there: since
/// that may be who asks, the response is stored only if one to the triggering request could be.
fn unattended<B: Default>(context: &Context, triggering: &Request<B>, entry: &Entry) -> Request<B> {
    let mut request = Request::new(B::default());
    *request.method_mut() = match entry.head.class() {
        MethodClass::Head => Method::HEAD,
        _ => Method::GET,
    };
    *request.uri_mut() = triggering.uri().clone();
    *request.version_mut() = triggering.version();
    *request.extensions_mut() = triggering.extensions().clone();
    let policy = &context.policy;
    *request.headers_mut() = policy.background_fields(&entry.head, triggering.headers());
    request
}
