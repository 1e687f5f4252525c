//! The way of a write: forwarded, and what it changed is dropped before its response is released.

use std::future::poll_fn;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use larder_policy::BypassReason;
use larder_policy::fields::{CacheStatus, ForwardReason};
use tower_service::Service;

use crate::body::ResponseBody;
use crate::context::Context;
use crate::job::Sent;
use crate::keep::relay;
use crate::stamps::{Manner, Named};
use crate::trace::{self, Outcome};

/// Forwards a request of another method, or one that a header field gives another; its success may
/// invalidate (RFC 9111 section 4.4).
pub(crate) async fn drive_unsafe<S, B, C>(
    context: Arc<Context>,
    mut inner: S,
    request: Request<B>,
    bypass: Option<BypassReason>,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    let sent = Sent::of(&context, &request);
    let route = context
        .route_in_key(request.extensions())
        .map(str::to_owned);
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let result = inner.call(request).await;
    let reason = bypass.map_or(ForwardReason::Method, |_| ForwardReason::Bypass);
    let response =
        result.inspect_err(|_| trace::answered(&context.cache, Outcome::Failed { reason }))?;
    invalidate(&context, &sent, route.as_deref(), &response);
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

/// Before the response is released, so that whoever saw it sees its effect.
fn invalidate<C>(context: &Context, sent: &Sent, route: Option<&str>, response: &Response<C>) {
    let head = sent.head();
    let (status, headers) = (response.status(), response.headers());
    let (cache, mut named) = (&context.cache, Vec::new());
    for target in context.policy.write_targets(&head) {
        let what = context.policy.invalidation(&head, &target, status, headers);
        let Some(what) = what else { continue };
        for target in what.targets() {
            cache.urls_into(&target, route, &mut named);
        }
        let naming = &cache.shared().naming;
        let groups = what.groups().iter();
        named.extend(groups.map(|group| Named::One(naming.group(&target, group))));
    }
    if !named.is_empty() {
        trace::invalidated(cache, named.len());
        cache.purge_named(&named, Manner::Hard);
    }
}
