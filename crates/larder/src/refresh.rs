//! Validating a stored response that nobody waits for: stale ones while they are served, and fresh
//! ones shortly before they expire.

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body::Body;
use larder_policy::key::MethodClass;
use tower_service::Service;

use crate::body_error::BoxError;
use crate::context::Context;
use crate::drive::forward;
use crate::entry::Entry;
use crate::flights::Boarded;
use crate::job::{Fetch, Job, credentials};
use crate::query::content;
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
    let credentials = credentials(context, request);
    let caller = context.caller(request);
    let mut request = unattended(context, request, turn.entry());
    let mut job = Job::narrowed(Arc::clone(context), &mut request, fetch, credentials);
    (job.unattended, job.caller) = (true, caller);
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
fn unattended<B: Body + Default + 'static>(
    context: &Context,
    triggering: &Request<B>,
    entry: &Entry,
) -> Request<B> {
    let mut request = Request::new(content::again::<B>(triggering.extensions()));
    *request.method_mut() = match entry.head.class() {
        MethodClass::Head => Method::HEAD,
        MethodClass::Query => Method::QUERY,
        _ => Method::GET,
    };
    *request.uri_mut() = triggering.uri().clone();
    *request.version_mut() = triggering.version();
    *request.extensions_mut() = triggering.extensions().clone();
    let (policy, fields) = (&context.policy, triggering.headers());
    *request.headers_mut() = match &context.key {
        Some(key) => policy.declared_background_fields(key, &entry.head, fields),
        None => policy.background_fields(&entry.head, fields),
    };
    content::describe(&mut request, fields);
    request
}
