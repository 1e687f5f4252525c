//! Responses the cache makes itself.

use http::{HeaderMap, Response, StatusCode};
use larder_policy::fields::CacheStatus;
use larder_policy::{Answer, Policy, Representation, RequestHead, Serving, StoredHead};

use crate::body::ResponseBody;
use crate::buffer::reader::Reader;
use crate::context::Context;
use crate::entry::Entry;
use crate::ready::Prepare as _;
use crate::trace::{self, Outcome};

/// A hit: answers a request from a stored response without forwarding it. `detail` tells what lets
/// a stale one be served.
#[inline(always)]
pub(crate) fn hit<C>(
    context: &Context,
    head: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
    detail: &'static str,
) -> Response<ResponseBody<C>> {
    let ttl = serving.ttl();
    answered(context, serving, detail);
    let mut status = CacheStatus::hit(ttl);
    if serving.is_stale() && entry.stale_since().is_some() {
        status = status.detail(SOFT_PURGED);
    }
    from_entry(context, head, entry, serving, &status)
}

/// The same from what another node has stored.
pub(crate) fn shared_hit<C>(
    context: &Context,
    head: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
    detail: &'static str,
) -> Response<ResponseBody<C>> {
    let ttl = serving.ttl();
    answered(context, serving, detail);
    let status = CacheStatus::hit(ttl).detail(SHARED);
    from_entry(context, head, entry, serving, &status)
}

#[inline(always)]
fn answered(context: &Context, serving: Serving, detail: &'static str) {
    let ttl = serving.ttl();
    if serving.is_stale() {
        trace::answered(&context.cache, Outcome::StaleHit { ttl, detail });
    } else {
        trace::hit(&context.cache, ttl);
    }
}

const SHARED: &str = "shared";
const SOFT_PURGED: &str = "soft-purged";

/// Answers a request from a response whose body is still arriving.
pub(crate) fn from_stream<C>(
    policy: &Policy,
    request: &RequestHead<'_>,
    head: &StoredHead,
    reader: Reader,
    serving: Serving,
    status: &CacheStatus,
) -> Response<ResponseBody<C>> {
    let arriving = Representation::new(head, None, 0);
    let body = ResponseBody::shared(reader, None);
    let head = |headers: &mut HeaderMap| {
        policy.answer_head(
            Answer::Full,
            request,
            &arriving,
            serving.age(),
            status,
            headers,
        )
    };
    with_head(body, head)
}

/// Answers a request from a stored response: 200, 304, 206 or 416.
#[inline(always)]
pub(crate) fn from_entry<C>(
    context: &Context,
    request: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
    status: &CacheStatus,
) -> Response<ResponseBody<C>> {
    let policy = &context.policy;
    let ready = entry.ready(&context.cache.shared().ready);
    let body_bytes = ready.map_or_else(|| entry.body_bytes(), |ready| ready.body.len());
    let stored = Representation::new(&entry.head, entry.entity_tag(), body_bytes as u64);
    let stored = stored.with_fields(ready.map(|ready| &ready.fields));
    let answer = policy.answer(request, &stored);
    let whole = || ready.map_or_else(|| entry.body(), |ready| ready.body.clone());
    let body = match answer {
        Answer::Full if *request.method() != http::Method::HEAD => whole(),
        Answer::Partial(range) => {
            let first = usize::try_from(range.first()).unwrap_or(usize::MAX);
            let last = usize::try_from(range.last()).unwrap_or(usize::MAX);
            whole().slice(first..=last)
        }
        _ => bytes::Bytes::new(),
    };
    with_head(ResponseBody::stored(body), |headers| {
        policy.answer_head(answer, request, &stored, serving.age(), status, headers)
    })
}

/// 403 for a client whose `no-cache` is refused, 504 for `only-if-cached` without a usable stored
/// response (RFC 9111 section 5.2.1.7), and 502 for an inner service that says 304 to an unconditional
/// request.
pub(crate) fn local<C>(code: StatusCode) -> Response<ResponseBody<C>> {
    with_head(ResponseBody::empty(), |_| code)
}

/// `head` puts the fields where they belong, and gives the status: a head that is made elsewhere first
/// would have to be moved there.
#[inline(always)]
fn with_head<C>(
    body: ResponseBody<C>,
    head: impl FnOnce(&mut HeaderMap) -> StatusCode,
) -> Response<ResponseBody<C>> {
    let mut response = Response::new(body);
    let code = head(response.headers_mut());
    *response.status_mut() = code;
    response
}
