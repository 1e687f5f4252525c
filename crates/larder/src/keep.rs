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
    let limits = context.cache.shared().limits;
    let length = refuse(&parts, limits)
        .map_or_else(|| announced_length(&parts.headers, &body), Err)
        .and_then(|length| within_limit(length, fetch.class, limits));
    let admission = length.map_or_else(Admission::Skip, |_| {
        let (code, headers) = (parts.status, &parts.headers);
        context
            .policy
            .admit(fetch.class, request, code, headers, arrived.times)
    });
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
    let announced = length.unwrap_or_default();
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

/// What is known before the policy is asked: an opt-out, and a head beyond the limits.
fn refuse(parts: &response::Parts, limits: Limits) -> Option<SkipReason> {
    if parts.extensions.get::<DoNotStore>().is_some() {
        Some(SkipReason::OptedOut)
    } else if is_too_large(&parts.headers, limits) {
        Some(SkipReason::HeadersTooLarge)
    } else {
        None
    }
}

/// More than may be stored of a head.
pub(crate) fn is_too_large(headers: &HeaderMap, limits: Limits) -> bool {
    let bytes: usize = headers
        .iter()
        .map(|(n, v)| n.as_str().len() + v.len())
        .sum();
    bytes > limits.max_header_bytes || headers.len() > MAX_FIELD_LINES
}

/// The length the body claims to have: what `Content-Length` says, else what the body itself says.
/// A `Content-Length` that is repeated or not a number cannot be the length of anything.
fn announced_length<C: Body>(headers: &HeaderMap, body: &C) -> Result<Option<u64>, SkipReason> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (lines.next(), lines.next()) {
        (None, _) => return Ok(body.size_hint().exact()),
        (Some(line), None) => line.to_str().ok().filter(|text| is_digits(text)),
        (Some(_), Some(_)) => None,
    };
    length
        .and_then(|digits| digits.parse().ok())
        .map(Some)
        .ok_or(SkipReason::BodyIncomplete)
}

/// Digits only: Rust would read `+5` too.
fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The length that HEAD announces is not that of a body to be stored.
fn within_limit(
    length: Option<u64>,
    class: MethodClass,
    limits: Limits,
) -> Result<Option<u64>, SkipReason> {
    match length {
        Some(bytes) if class == MethodClass::Get && bytes > limits.max_body_bytes => {
            Err(SkipReason::BodyTooLarge)
        }
        length => Ok(length),
    }
}

/// A header map holds about 24,000 lines; far below that something is wrong with the response.
const MAX_FIELD_LINES: usize = 1024;
