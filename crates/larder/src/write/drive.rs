//! The way of a write through a cache: forwarded.

use std::future::poll_fn;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use larder_policy::BypassReason;
use larder_policy::fields::{CacheStatus, ForwardReason};
use tower_service::Service;

use super::pending::PendingWrite;
use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::context::Context;
use crate::keep::relay;
use crate::trace::{self, Outcome};

/// Forwards a request of another method, or one that a header field gives another; its success may
/// invalidate (RFC 9111 section 4.4).
pub(crate) async fn drive_unsafe<S, B, C>(
    context: Arc<Context>,
    mut inner: S,
    request: Request<B>,
    bypass: Option<BypassReason>,
    berth: Arc<Berth>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let mut write = pending(&context, &request);
    if write.is_some() {
        berth.set_writing();
    }
    let result = inner.call(request).await;
    let reason = bypass.map_or(ForwardReason::Method, |_| ForwardReason::Bypass);
    let response = result.inspect_err(|_| {
        write.iter_mut().for_each(PendingWrite::failed);
        trace::answered(&context.cache, Outcome::Failed { reason });
    })?;
    if let Some(write) = &mut write {
        write.answered(response.status(), response.headers());
        write.recorded().await;
    }
    let status = response.status().as_u16();
    let (outcome, said) = match bypass {
        Some(bypass) => (
            Outcome::Bypassed(bypass),
            CacheStatus::forward(reason).detail(bypass.as_str()),
        ),
        None => (
            Outcome::Forwarded { reason, status },
            CacheStatus::forward(reason),
        ),
    };
    trace::answered(&context.cache, outcome);
    Ok(relay(&context.policy, response, &said))
}

fn pending<B>(context: &Context, request: &Request<B>) -> Option<PendingWrite> {
    let Context { cache, policy, .. } = context;
    let uri = context.target_of(request);
    let route = context.route_in_key(request.extensions());
    PendingWrite::of(cache, policy, request, uri, route)
}
