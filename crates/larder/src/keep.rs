//! What becomes of a response of the inner service: stored while it streams, or relayed.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::{HeaderMap, Response, response};
use http_body::Body;
use larder_policy::fields::CacheStatus;
use larder_policy::key::MethodClass;
use larder_policy::{Admission, Exchange, Policy, RequestHead, SkipReason};

use crate::body::ResponseBody;
use crate::cache::Limits;
use crate::entry::Birth;
use crate::fill::Fill;
use crate::layer::Context;
use crate::opt_out::DoNotStore;
use crate::service::Fetch;
use crate::trace;

/// A response of the inner service, and when it was asked for.
pub(crate) struct Arrived<C> {
    pub(crate) response: Response<C>,
    pub(crate) birth: Birth,
    pub(crate) times: Exchange,
}

/// Relays a response to its client and stores it on the way, if it may be stored.
pub(crate) fn keep<C: Body>(
    context: &Context,
    request: &RequestHead<'_>,
    fetch: &Fetch,
    arrived: Arrived<C>,
    status: CacheStatus,
) -> Response<ResponseBody<C>> {
    let (mut parts, body) = arrived.response.into_parts();
    let announced = announced_length(&parts.headers, &body);
    let limits = context.cache.shared().limits;
    let body_bytes = announced.filter(|_| fetch.class == MethodClass::Get);
    let admission = if let Some(reason) = refuse(&parts, body_bytes, limits) {
        Admission::Skip(reason)
    } else {
        let (code, headers) = (parts.status, &parts.headers);
        context
            .policy
            .admit(fetch.class, request, code, headers, arrived.times)
    };
    let head = match admission {
        Admission::Store(head) => head,
        Admission::Skip(reason) => {
            trace::skipped(&context.cache, reason);
            note(
                &context.policy,
                &mut parts.headers,
                &status.detail(reason.as_str()),
            );
            return Response::from_parts(parts, ResponseBody::inner(body));
        }
        _ => return Response::from_parts(parts, ResponseBody::inner(body)),
    };
    note(&context.policy, &mut parts.headers, &status.stored());
    if let Some(told) = head.downstream() {
        parts.headers.insert(CACHE_CONTROL, told.clone());
    }
    let key = Arc::clone(&fetch.key);
    let fill = Fill::new(context.cache.clone(), key, arrived.birth, head, announced);
    let body = if fetch.class == MethodClass::Head {
        fill.finish();
        ResponseBody::inner(body)
    } else {
        ResponseBody::filling(body, fill)
    };
    Response::from_parts(parts, body)
}

/// Relays a response that is nobody else's business.
pub(crate) fn relay<C: Body>(
    policy: &Policy,
    mut response: Response<C>,
    status: &CacheStatus,
) -> Response<ResponseBody<C>> {
    note(policy, response.headers_mut(), status);
    response.map(ResponseBody::inner)
}

fn note(policy: &Policy, headers: &mut HeaderMap, status: &CacheStatus) {
    if policy.writes_cache_status() {
        status.append(headers, policy.name());
    }
}

/// What is known before the policy is asked: an opt-out, and sizes beyond the limits.
fn refuse(parts: &response::Parts, announced: Option<u64>, limits: Limits) -> Option<SkipReason> {
    let header_bytes: usize = parts
        .headers
        .iter()
        .map(|(n, v)| n.as_str().len() + v.len())
        .sum();
    if parts.extensions.get::<DoNotStore>().is_some() {
        Some(SkipReason::OptedOut)
    } else if header_bytes > limits.max_header_bytes || parts.headers.len() > MAX_FIELD_LINES {
        Some(SkipReason::HeadersTooLarge)
    } else if announced.is_some_and(|bytes| bytes > limits.max_body_bytes) {
        Some(SkipReason::BodyTooLarge)
    } else {
        None
    }
}

/// The length the body claims to have: what `Content-Length` says, else what the body itself says.
fn announced_length<C: Body>(headers: &HeaderMap, body: &C) -> Option<u64> {
    match headers.get(CONTENT_LENGTH) {
        Some(value) => value.to_str().ok().and_then(|text| text.parse().ok()),
        None => body.size_hint().exact(),
    }
}

/// A header map holds about 24,000 lines; far below that something is wrong with the response.
const MAX_FIELD_LINES: usize = 1024;
