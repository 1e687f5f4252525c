//! Validating a stored response that nobody waits for: stale ones while they are served, and fresh
//! ones shortly before they expire.

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body::Body;
use larder_policy::key::MethodClass;
use tower_service::Service;

use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::context::Context;
use crate::entry::Entry;
use crate::flights::Boarded;
use crate::forward::forward;
use crate::job::{Fetch, Job};
use crate::query::content;
use crate::sent::credentials;
use crate::trace;
use crate::turn::Turn;

/// Starts the validation of a stored response, on the occasion of a request that it answered.
pub(crate) fn refresh<S, B, C>(
    context: &Arc<Context>,
    inner: S,
    request: &Request<B>,
    fetch: Box<Fetch>,
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
    let Some((mut job, request)) = lead(context, request, fetch, turn.entry()) else {
        return;
    };
    // Whoever wanted to know what comes of the triggering request has been answered.
    job.errand = None;
    context.cache.shared().background.run(place, async move {
        turn.begin();
        if let Ok(answer) = validate(inner, job, request).await {
            answer.into_body().arrived().await;
        }
        drop(turn);
    });
}

/// Answers with what another node has that is news, or else with what comes of a validation.
pub(crate) async fn validate<S, B, C>(
    inner: S,
    mut job: Job,
    request: Request<B>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    // It is not to be validated again: nothing is ever due without a client.
    if let Some((answer, _)) = job.consult(request.extensions()).await {
        return Ok(answer);
    }
    forward(inner, job, request).await
}

/// The request that validates a stored response without a client, if it leads those for its key.
pub(crate) fn lead<B: Body + Default + 'static>(
    context: &Arc<Context>,
    request: &Request<B>,
    fetch: Box<Fetch>,
    entry: &Entry,
) -> Option<(Job, Request<B>)> {
    let credentials = credentials(context, request);
    let caller = context.caller(request);
    let mut request = unattended(context, request, entry);
    let mut job = Job::narrowed(Arc::clone(context), &mut request, fetch, credentials);
    (job.unattended, job.caller) = (true, caller);
    let Boarded::Lead(leader) = job.board() else {
        return None;
    };
    job.leader = Some(leader);
    trace::refreshing(&context.cache);
    Some((job, request))
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
