//! Every "no" has a name (DESIGN promise: every decision can be read).
//!
//! Why a request was forwarded is [`ForwardReason`](crate::fields::ForwardReason), in the words of
//! RFC 9211 section 2.2. The enums here say more: why the cache did not take part
//! ([`BypassReason`]) and why a response was not stored ([`SkipReason`]). Their
//! `as_str` tokens are what `Cache-Status` carries in `detail`, what logs print and what
//! metrics use as labels, so they are stable.

use std::fmt;

/// Why the cache did not take part in a request at all: no lookup, no storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BypassReason {
    /// `Host` and the target URI name different authorities.
    AuthorityMismatch,
    /// `If-Match` or `If-Unmodified-Since`, which a cache must not evaluate
    /// (RFC 9110 section 13.1.1).
    Conditional,
    /// A GET or HEAD that carries content (RFC 9110 section 9.3.1 gives it no meaning).
    Content,
    /// Partitioned route, and the application supplied no identity.
    Identity,
    /// `Host` is missing where it is needed, repeated, or not an authority.
    InvalidHost,
    /// The encoded key is longer than the limit.
    KeyTooLong,
    /// A header that overrides the method or the URL, such as `X-Original-URL`.
    Override,
    /// The route's key cannot be one ([`Key::check`](crate::key::Key::check)).
    InvalidKey,
    /// `CONNECT`, or a request to upgrade the connection.
    Upgrade,
    /// The target URI is longer than the limit.
    UriTooLong,
}

impl BypassReason {
    /// The stable token: in `Cache-Status: …; detail=`, logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorityMismatch => "authority-mismatch",
            Self::Conditional => "conditional",
            Self::Content => "request-content",
            Self::Identity => "no-identity",
            Self::InvalidHost => "invalid-host",
            Self::KeyTooLong => "key-too-long",
            Self::Override => "override-header",
            Self::InvalidKey => "invalid-key",
            Self::Upgrade => "upgrade",
            Self::UriTooLong => "uri-too-long",
        }
    }
}

impl fmt::Display for BypassReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a response was not stored (RFC 9111 section 3 and our stricter defaults).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// The request has `Authorization` and nothing in the response lifts the bar of
    /// RFC 9111 section 3.5.
    Authorization,
    /// The body ended early, or its length is not the one `Content-Length` gave.
    BodyIncomplete,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// `Cache-Control` (or the targeted field) could not be parsed: fail closed.
    CacheControlMalformed,
    /// The body is coded, and a route that searches its bodies cannot read it.
    CodedBody,
    /// More distinct keys than the route's budget, and nobody asked for this one before.
    Cardinality,
    /// `Connection` names a field that caching depends on.
    ConnectionField,
    /// The request has `Cookie` and the response does not say it may be shared.
    Cookie,
    /// Too many bytes of responses are on their way into the store already.
    FillBudget,
    /// The header section is larger than the limit.
    HeadersTooLarge,
    /// Something this response depends on was invalidated while it was being fetched.
    Invalidated,
    /// A tag of the response is not UTF-8, so that no purge could name it.
    InvalidTag,
    /// Not a method whose responses are stored.
    Method,
    /// `must-understand` with a status this cache does not implement.
    MustUnderstand,
    /// The response says `no-store`.
    NoStore,
    /// Nothing gives the response a freshness lifetime.
    NoFreshness,
    /// The body was not complete at once and there is no tokio runtime to store it from.
    NoRuntime,
    /// The handler or the route opted out.
    OptedOut,
    /// A partial response, or a response to a range request that is not a complete 200.
    Partial,
    /// The response says `private` and the cache is shared.
    Private,
    /// The request says `no-store`.
    RequestNoStore,
    /// The response sets a cookie.
    SetCookie,
    /// The status is never stored, or not without opt-in.
    Status,
    /// The response has more tags than the limits, and one without some of them could not be purged
    /// by those.
    TooManyTags,
    /// The response has a string that gives away who asked for it, and is about to be shared.
    Tripwire,
    /// The request has credentials, and its extensions hold something that is neither declared nor
    /// neutral and may have been made of them.
    UndeclaredExtension,
    /// `Vary` names a field that the route's key does not declare and the inner service has seen.
    UndeclaredVary,
    /// Lifetime zero, no validator and no stale window: it could never be used.
    Useless,
    /// `Vary: *`, or more names or bytes of values than the limits.
    Vary,
}

impl SkipReason {
    /// The stable token: in `Cache-Status: …; detail=`, logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::BodyIncomplete => "body-incomplete",
            Self::BodyTooLarge => "body-too-large",
            Self::CacheControlMalformed => "cache-control-malformed",
            Self::CodedBody => "coded-body",
            Self::Cardinality => "cardinality",
            Self::ConnectionField => "connection-field",
            Self::Cookie => "cookie",
            Self::FillBudget => "fill-budget",
            Self::HeadersTooLarge => "headers-too-large",
            Self::Invalidated => "invalidated",
            Self::InvalidTag => "invalid-tag",
            Self::Method => "method",
            Self::MustUnderstand => "must-understand",
            Self::NoStore => "no-store",
            Self::NoFreshness => "no-freshness",
            Self::NoRuntime => "no-runtime",
            Self::OptedOut => "opted-out",
            Self::Partial => "partial",
            Self::Private => "private",
            Self::RequestNoStore => "request-no-store",
            Self::SetCookie => "set-cookie",
            Self::Status => "status",
            Self::TooManyTags => "too-many-tags",
            Self::Tripwire => "tripwire",
            Self::UndeclaredExtension => "undeclared-extension",
            Self::UndeclaredVary => "undeclared-vary",
            Self::Useless => "useless",
            Self::Vary => "vary",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{CacheName, CacheStatus, ForwardReason};

    #[test]
    fn reasons_not_to_fill_reach_cache_status() {
        for (reason, token) in [
            (SkipReason::Cardinality, "cardinality"),
            (SkipReason::FillBudget, "fill-budget"),
            (SkipReason::NoRuntime, "no-runtime"),
            (SkipReason::CodedBody, "coded-body"),
            (SkipReason::Tripwire, "tripwire"),
            (SkipReason::InvalidTag, "invalid-tag"),
            (SkipReason::TooManyTags, "too-many-tags"),
        ] {
            let status = CacheStatus::forward(ForwardReason::UriMiss).detail(reason.as_str());
            let expected = format!("larder; fwd=uri-miss; detail={token}");
            assert_eq!(status.member(&CacheName::default()), expected);
        }
    }
}
