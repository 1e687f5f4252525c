//! Responses the cache makes itself.

use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use larder_policy::fields::CacheStatus;
use larder_policy::{Answer, Policy, Representation, RequestHead, Serving};

use crate::body::ResponseBody;
use crate::entry::Entry;

/// Answers a request from a stored response: 200, 304, 206 or 416.
pub(crate) fn from_entry<C: Body>(
    policy: &Policy,
    request: &RequestHead<'_>,
    entry: &Entry,
    serving: Serving,
    status: &CacheStatus,
) -> Response<ResponseBody<C>> {
    let stored = Representation::new(&entry.head, entry.entity_tag(), entry.body.len() as u64);
    let answer = policy.answer(request, &stored);
    let (code, headers) = policy.answer_head(answer, request, &stored, serving.age(), status);
    let body = match answer {
        Answer::Full if *request.method() != http::Method::HEAD => entry.body.clone(),
        Answer::Partial(range) => {
            let first = usize::try_from(range.first()).unwrap_or(usize::MAX);
            let last = usize::try_from(range.last()).unwrap_or(usize::MAX);
            entry.body.slice(first..=last)
        }
        _ => bytes::Bytes::new(),
    };
    with_parts(code, headers, ResponseBody::stored(body))
}

/// 504 for `only-if-cached` without a usable stored response (RFC 9111 section 5.2.1.7), and 502
/// for an inner service that says 304 to an unconditional request.
pub(crate) fn local<C: Body>(code: StatusCode) -> Response<ResponseBody<C>> {
    with_parts(code, HeaderMap::new(), ResponseBody::empty())
}

fn with_parts<C: Body>(
    code: StatusCode,
    headers: HeaderMap,
    body: ResponseBody<C>,
) -> Response<ResponseBody<C>> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    *response.headers_mut() = headers;
    response
}
