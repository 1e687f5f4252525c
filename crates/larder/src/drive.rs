//! The way of a request that memory does not answer, top to bottom: follow whoever is asking already,
//! else take what another node has, else forward it.

use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::body_error::BoxError;
use crate::consult::Due;
use crate::context::Context;
use crate::forward::forward;
use crate::job::{Fetch, Job};
use crate::refresh::refresh;
use crate::sent::credentials;
use crate::timer::after;

/// Fetches what is not stored, or validates what is, unless another request does so already.
pub(crate) async fn drive<S, B, C>(
    context: Arc<Context>,
    inner: S,
    mut request: Request<B>,
    fetch: Box<Fetch>,
    berth: Arc<Berth>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    let credentials = credentials(&context, &request);
    let caller = context.caller(&request);
    let mut job = Job::narrowed(context, &mut request, fetch, credentials);
    job.caller = caller;
    // One for the whole request, however often it goes on waiting for something else.
    let soft = job.context.filling.soft_timeout.map(after);
    if let Some(response) = job.collapse(&berth, soft).await {
        return Ok(response);
    }
    // What another node answers needs no room for what the inner service would.
    if soft.is_none()
        && let Some((response, due)) = job.consult(request.extensions()).await
    {
        begin(&job, inner, request, due);
        return Ok(response);
    }
    let twin = soft
        .filter(|_| job.stands_in().is_some())
        .map(|_| job.twin());
    // On its own: one that follows needs little memory, and many follow.
    let mut forward = Box::pin(consult_or_forward(inner, job, request));
    let (Some(soft), Some(twin)) = (soft, twin) else {
        return forward.await;
    };
    match twin.timer().timeout_at(soft, &mut forward).await {
        Ok(response) => response,
        Err(_) => finish_behind(twin, forward).await,
    }
}

/// The inner service is slow: answers from the stored response, and goes on behind the client's
/// back.
async fn finish_behind<F, C, E>(twin: Job, forward: F) -> F::Output
where
    F: Future<Output = Result<Response<ResponseBody<C>>, E>> + Send + 'static,
    C: Send + 'static,
    E: Send + 'static,
{
    let background = &twin.context.cache.shared().background;
    let (Some((entry, serving)), Some(place)) = (twin.stands_in(), background.place()) else {
        return forward.await;
    };
    twin.set_answered(true);
    background.run(place, async move {
        if let Ok(answer) = forward.await {
            answer.into_body().arrived().await;
        }
    });
    Ok(twin.stale_from(&entry, serving, None, "soft-timeout"))
}

/// Answers with what another node has, or else with what the inner service has.
async fn consult_or_forward<S, B, C>(
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
    if let Some((answer, due)) = job.consult(request.extensions()).await {
        begin(&job, inner, request, due);
        return Ok(answer);
    }
    forward(inner, job, request).await
}

/// Begins the validation of what another node has stored, if one is due.
fn begin<S, B, C>(job: &Job, inner: S, mut request: Request<B>, due: Due)
where
    S: Service<Request<B>, Response = Response<C>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    if let Some((fetch, turn)) = due {
        job.sent.give_back(&mut request);
        refresh(&job.context, inner, &request, fetch, turn);
    }
}
