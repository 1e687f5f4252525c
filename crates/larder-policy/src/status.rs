//! What a status code says about storing (RFC 9110 section 15.1, RFC 9111 section 3).

use http::StatusCode;

use crate::policy::{ErrorStatuses, Policy};

/// Statuses whose definition lets a cache guess a lifetime (RFC 9110 section 15.1, RFC 7725).
pub(crate) fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 451 | 501
    )
}

/// Interim and partial responses, 304, and those RFC 6585 forbids; and those that speak of request
/// fields which are in no key.
pub(crate) const fn is_never_stored(code: u16) -> bool {
    let no_entry = matches!(code, 100..=199 | 206 | 304 | 428 | 429 | 431 | 511);
    no_entry || matches!(code, 401 | 407 | 412 | 416 | 417 | 421 | 425)
}

/// Statuses whose caching requirements are implemented here (RFC 9111 section 5.2.2.3).
pub(crate) fn is_understood(status: StatusCode) -> bool {
    is_heuristically_cacheable(status) || matches!(status.as_u16(), 302 | 303 | 307)
}

/// An annotation's lifetime is for successes and permanent redirects; errors need their opt-in.
pub(crate) fn route_lifetime_applies(policy: &Policy, status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308)
        || matches!(&policy.error_statuses, ErrorStatuses::Listed(l, _) if l.contains(&status))
}
