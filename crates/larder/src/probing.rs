//! The way of a [`Probe`]: straight to the inner service, with a report in the response.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use larder_policy::fields::{CacheStatus, ForwardReason};
use larder_policy::{Exchange, RequestHead, SkipReason};
use tower_service::Service;

use crate::body::{ResponseBody, poll_inner};
use crate::body_error::BoxError;
use crate::context::Context;
use crate::job::Job;
use crate::keep::note;
use crate::plan::Plan;
use crate::planning::unstored;
use crate::probe::Probe;
use crate::probed::{NotLookedUp, Probed, Told};
use crate::sent::credentials;

/// Forwards a request that asks about the cache.
pub(crate) async fn probed<S, B, C>(
    context: Arc<Context>,
    mut inner: S,
    request: Request<B>,
    probe: Probe,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>>,
    B: Body,
    C: Body,
    C::Error: Into<BoxError>,
{
    let content = !request.body().is_end_stream();
    let (parts, body) = request.into_parts();
    let asked = Request::from_parts(parts, ());
    let route = context.route_of(&asked).into();
    let is_identified = context.identify.is_some() && context.partition(asked.extensions()).is_ok();
    let job = job(&context, &asked, content);
    let request = match &job {
        Ok((_, narrowed)) if probe.narrows() => narrowed.clone(),
        _ => asked.clone(),
    };
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let response = inner.call(request.map(|()| body)).await?;

    let now = context.cache.shared().clock.now();
    let times = Exchange {
        request_time: now,
        response_time: now,
    };
    let (mut parts, body) = response.into_parts();
    let (lookup, admitted) = match job {
        Ok((job, narrowed)) => {
            let named = job.names_of_request(narrowed.extensions());
            let admitted = job.admit(&named, &parts, &body, times);
            (Ok(job.fetch.key), admitted)
        }
        Err(reason) => (Err(reason), Err(SkipReason::OptedOut)),
    };
    let admitted = admitted.map(|admitted| admitted.head.selection().clone());
    let limit = context.cache.shared().limits.max_body_bytes;
    let (read, body) = if asked.method() == Method::HEAD {
        // Whatever a handler sends there is no content (RFC 9110 section 9.3.2).
        (Ok(Bytes::new()), ResponseBody::empty())
    } else {
        read(body, limit).await
    };
    let told = Told {
        route,
        key: context.key.clone(),
        is_partitioned: context.identify.is_some(),
        is_identified,
        lookup,
        asked: asked.into_parts().0.headers,
        status: parts.status,
        headers: parts.headers.clone(),
        admitted: match read {
            Ok(_) => admitted,
            Err(reason) => admitted.and(Err(reason)),
        },
        body: read.ok(),
        inner: parts.extensions.remove(),
    };
    parts.extensions.insert(Probed::new(told));
    let status = CacheStatus::forward(ForwardReason::Bypass).detail(DETAIL);
    note(&context.policy, &mut parts.headers, &status);
    Ok(Response::from_parts(parts, body))
}

/// What would be forwarded on a miss, and the request narrowed for it.
pub(crate) fn job(
    context: &Arc<Context>,
    asked: &Request<()>,
    content: bool,
) -> Result<(Job, Request<()>), NotLookedUp> {
    let uri = context.target_of(asked);
    let head = RequestHead::new(asked.method(), uri, asked.headers(), content);
    let fetch = unstored(context, &head, asked.extensions()).map_err(|plan| match plan {
        Plan::Bypass(reason) | Plan::Unsafe(Some(reason)) => NotLookedUp::Bypass(reason),
        _ => NotLookedUp::Method,
    })?;
    let mut narrowed = asked.clone();
    let credentials = credentials(context, &narrowed);
    let job = Job::narrowed(Arc::clone(context), &mut narrowed, fetch, credentials);
    job.sent.give_back(&mut narrowed);
    Ok((job, narrowed))
}

/// Reads a body to its end, if it is not larger than what may be stored. With the body to go on
/// with.
async fn read<C>(body: C, limit: u64) -> (Result<Bytes, SkipReason>, ResponseBody<C>)
where
    C: Body,
    C::Error: Into<BoxError>,
{
    let mut body = Box::pin(body);
    let (mut chunks, mut bytes) = (Vec::new(), 0);
    loop {
        let reason = match poll_fn(|cx| poll_inner(body.as_mut(), cx)).await {
            None => break,
            Some(Err(_)) => SkipReason::BodyIncomplete,
            Some(Ok(frame)) => {
                let chunk = frame.into_data().unwrap_or_default();
                bytes += chunk.len() as u64;
                chunks.push(chunk);
                if bytes <= limit {
                    continue;
                }
                SkipReason::BodyTooLarge
            }
        };
        return (Err(reason), ResponseBody::rest(chunks, body));
    }
    let whole = Bytes::from(chunks.concat());
    (Ok(whole.clone()), ResponseBody::stored(whole))
}

const DETAIL: &str = "probe";
