//! [`PutError`]: why a value was not stored that was to be.

use std::error::Error;
use std::fmt;

use larder_policy::{BypassReason, SkipReason};

use crate::probed::NotLookedUp;

/// Why nothing was stored; see [`Cache::put`](crate::Cache::put). The message says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PutError {
    /// Something the value is named by (a tag, its URL, its partition, everything) was purged since its
    /// [`Fence`](crate::Fence) was taken, or the fence is not of this cache.
    Invalidated,
    /// The request has a method whose responses are not stored.
    Method,
    /// No cache takes part in such a request: what was stored would be found by nobody.
    NotLookedUp(BypassReason),
    /// The response may not be stored.
    NotStorable(SkipReason),
    /// What stands there is more recent: by its `Date`, or because its fill began, or its fence was
    /// taken, after the fence of this value.
    Outdated,
}

impl PutError {
    /// The stable token, in events and metric labels: that of the reason where there is one, else
    /// `invalidated`, `method` or `outdated`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalidated => SkipReason::Invalidated.as_str(),
            Self::Method => SkipReason::Method.as_str(),
            Self::NotLookedUp(reason) => reason.as_str(),
            Self::NotStorable(reason) => reason.as_str(),
            Self::Outdated => "outdated",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Invalidated => "take a new fence and read the value again",
            Self::Method => {
                "put the answer to a GET or HEAD, or to a QUERY where the route's policy has query_method"
            }
            Self::NotLookedUp(reason) => request_advice(reason),
            Self::NotStorable(reason) => response_advice(reason),
            Self::Outdated => "nothing is to be done: what is stored is newer",
        }
    }
}

const fn request_advice(reason: BypassReason) -> &'static str {
    match reason {
        BypassReason::AuthorityMismatch | BypassReason::InvalidHost => {
            "give the request one Host field, and the same authority in its URI or none"
        }
        BypassReason::Content => {
            "put the content of a QUERY into the request's extensions, by way of QueryContentLayer"
        }
        BypassReason::Identity => {
            "put the identity for whom the value is into the request's extensions"
        }
        BypassReason::InvalidKey => "correct the key of the route's policy: Key::check says what",
        BypassReason::KeyTooLong => "shorten the URL, or raise CacheBuilder::max_key_bytes",
        BypassReason::UriTooLong => "shorten the URL, or raise Policy::with_max_uri_bytes",
        _ => "make the request a plain GET for the URL, without the field that keeps caches out",
    }
}

const fn response_advice(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NoFreshness | SkipReason::Useless => {
            "give the response a Cache-Control with max-age, or the policy a lifetime"
        }
        SkipReason::NoStore | SkipReason::Private => {
            "leave it out of the response's Cache-Control, or put it on a route of that user"
        }
        SkipReason::CacheControlMalformed => "correct the response's Cache-Control",
        SkipReason::SetCookie => "leave Set-Cookie out of the response",
        SkipReason::Authorization | SkipReason::Cookie | SkipReason::UndeclaredExtension => {
            "leave credentials out of the request, and what was made of them"
        }
        SkipReason::RequestNoStore => "leave no-store out of the request's Cache-Control",
        SkipReason::BodyTooLarge => "put less, or raise CacheBuilder::max_body_bytes",
        SkipReason::HeadersTooLarge => "send fewer fields, or raise CacheBuilder::max_header_bytes",
        SkipReason::BodyIncomplete => "leave Content-Length out of the response, or correct it",
        SkipReason::Status | SkipReason::Partial | SkipReason::MustUnderstand => {
            "put a complete response with status 200, or one whose status the policy stores"
        }
        SkipReason::Vary | SkipReason::UndeclaredVary => {
            "let the response's Vary name few fields, and those that the route's key declares"
        }
        SkipReason::Cardinality => {
            "put fewer distinct keys, or raise the route's cardinality_budget"
        }
        SkipReason::OptedOut => {
            "leave DoNotStore, or the CacheHint that says so, out of the response's extensions"
        }
        SkipReason::TooManyTags => {
            "give it fewer and shorter tags: CacheHint::tag says how many there may be"
        }
        _ => "see SkipReason for what the word means",
    }
}

impl From<SkipReason> for PutError {
    fn from(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Invalidated => Self::Invalidated,
            reason => Self::NotStorable(reason),
        }
    }
}

impl From<NotLookedUp> for PutError {
    fn from(reason: NotLookedUp) -> Self {
        match reason {
            NotLookedUp::Bypass(reason) => Self::NotLookedUp(reason),
            NotLookedUp::Method => Self::Method,
        }
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not stored ({}): {}", self.as_str(), self.advice())
    }
}

impl Error for PutError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_says_why_and_what_to_do() {
        let told = PutError::NotLookedUp(BypassReason::Identity).to_string();
        assert_eq!(
            told,
            "not stored (no-identity): put the identity for whom the value is into the request's extensions"
        );
        let told = PutError::from(SkipReason::NoFreshness).to_string();
        assert!(
            told.contains("no-freshness") && told.contains("max-age"),
            "{told}"
        );
        assert_eq!(
            PutError::from(SkipReason::Invalidated),
            PutError::Invalidated
        );
    }
}
