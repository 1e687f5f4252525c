//! Validating a stored response that nobody waits for: stale ones while they are served, and fresh
//! ones shortly before they expire.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use larder_policy::RequestHead;
use larder_policy::key::MethodClass;
use tower_service::Service;

use crate::active::{Came, Errand};
use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::context::Context;
use crate::drive::{drive, forward};
use crate::entry::Entry;
use crate::flights::Boarded;
use crate::job::{Fetch, Job, credentials};
use crate::look::STALE_WHILE_REVALIDATE;
use crate::plan::{Plan, plan};
use crate::query::content;
use crate::turn::Turn;
use crate::{reply, trace};

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
        if let Ok(answer) = forward(inner, job, request).await {
            answer.into_body().arrived().await;
        }
        drop(turn);
    });
}

/// Validates a stored response for whoever keeps it fresh, and answers with what comes of that.
pub(crate) async fn renew<S, B, C>(
    context: Arc<Context>,
    inner: S,
    request: Request<B>,
    fetch: Box<Fetch>,
    mut turn: Turn,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    let errand = Errand::of(request.extensions()).cloned();
    // Whoever lent the turn has a place for both.
    let place = (!turn.is_lent()).then(|| context.cache.shared().background.place());
    let led = match place {
        Some(None) => None,
        _ => lead(&context, &request, fetch, turn.entry()),
    };
    let Some((job, renewed)) = led else {
        // Too much is running, or it is being fetched already.
        drop(turn);
        if let Some(errand) = errand {
            errand.note(Came::Busy);
        }
        return answer(context, inner, request).await;
    };
    turn.begin();
    let held = place.flatten().map(|place| (turn, place));
    // Nobody else begins before all of the response is there.
    let _until_its_head = match (&errand, held) {
        (Some(errand), Some(held)) => {
            errand.hold(held);
            None
        }
        (_, held) => held,
    };
    forward(inner, job, renewed).await
}

/// Answers as if a client had asked, without another validation in the background.
async fn answer<S, B, C>(
    context: Arc<Context>,
    inner: S,
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
    let uri = context.target_of(&request);
    let head = RequestHead::new(request.method(), uri, request.headers(), false);
    let fetch = match plan(&context, &head, request.extensions(), false) {
        Plan::Fetch(fetch) => fetch,
        Plan::Serve(entry, serving, detail) => {
            return Ok(reply::hit(&context, &head, &entry, serving, detail));
        }
        Plan::Refresh(entry, serving, _) => {
            let detail = STALE_WHILE_REVALIDATE;
            return Ok(reply::hit(&context, &head, &entry, serving, detail));
        }
        _ => return Ok(reply::local(StatusCode::GATEWAY_TIMEOUT)),
    };
    let berth = Arc::new(Berth::new(context.cache.clone(), false));
    drive(context, inner, request, fetch, berth).await
}

/// The request that validates a stored response without a client, if it leads those for its key.
fn lead<B: Body + Default + 'static>(
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
