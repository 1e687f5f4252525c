//! The way of a request that the cache takes no part in.

use std::future::poll_fn;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use larder_policy::fields::{CacheStatus, ForwardReason};
use larder_policy::{BypassReason, Policy};
use tower_service::Service;

use crate::body::ResponseBody;
use crate::keep::relay;

/// Forwards a request without lookup and stores nothing.
pub(crate) async fn bypass<S, B, C>(
    mut inner: S,
    request: Request<B>,
    policy: Arc<Policy>,
    reason: BypassReason,
) -> Result<Response<ResponseBody<C>>, S::Error>
where
    S: Service<Request<B>, Response = Response<C>>,
    C: Body,
{
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    let response = inner.call(request).await?;
    let status = CacheStatus::forward(ForwardReason::Bypass).detail(reason.as_str());
    Ok(relay(&policy, response, &status))
}
