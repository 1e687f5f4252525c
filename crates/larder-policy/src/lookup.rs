//! Question 1: may the cache take part? (RFC 9111 section 4, section 5.2.1)

use http::Method;
use http::header::HOST;

use crate::invalidation::is_safe;
use crate::key::{KeyBuf, KeyParts, MethodClass, Partition, Target, TargetError};
use crate::reason::BypassReason;
use crate::{Policy, RequestHead};

/// The answer to question 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lookup {
    /// Forward without lookup and store nothing.
    Bypass(BypassReason),
    /// Not a method this cache answers. Forward; the response may invalidate
    /// ([`Policy::invalidation`]) when the method is not known to be safe.
    Forward,
    /// Look for a stored response of this class; HEAD is also answered from GET's.
    Use(MethodClass),
}

impl Policy {
    /// May the cache take part in this request?
    #[must_use]
    #[inline]
    pub fn lookup(&self, request: &RequestHead<'_>) -> Lookup {
        if request.has_override() {
            return Lookup::Bypass(BypassReason::Override);
        }
        let class = match *request.method {
            Method::GET => MethodClass::Get,
            Method::HEAD => MethodClass::Head,
            Method::QUERY if self.query_method => MethodClass::Query,
            Method::CONNECT => return Lookup::Bypass(BypassReason::Upgrade),
            _ => return Lookup::Forward,
        };
        match self.bypass(request) {
            Some(reason) => Lookup::Bypass(reason),
            None => Lookup::Use(class),
        }
    }

    #[inline]
    fn bypass(&self, request: &RequestHead<'_>) -> Option<BypassReason> {
        let uri_bytes = request.uri.path_and_query().map_or(0, |p| p.as_str().len());
        if request.has_content() && *request.method != Method::QUERY {
            Some(BypassReason::Content)
        } else if request.wants_upgrade() {
            Some(BypassReason::Upgrade)
        } else if request.has_precondition() {
            Some(BypassReason::Conditional)
        } else if request.host_repeated() {
            Some(BypassReason::InvalidHost)
        } else if uri_bytes > self.max_uri_bytes {
            Some(BypassReason::UriTooLong)
        } else {
            None
        }
    }

    /// The target URI of a request, normalised as far as a key may be.
    ///
    /// # Errors
    ///
    /// The reason to bypass: `Host` is not an authority, or names another one than the target URI.
    #[inline]
    pub fn target<'a>(&self, request: &RequestHead<'a>) -> Result<Target<'a>, BypassReason> {
        Target::from_request(request.uri, request.host, self.default_scheme).map_err(|e| match e {
            TargetError::AuthorityMismatch => BypassReason::AuthorityMismatch,
            _ => BypassReason::InvalidHost,
        })
    }

    /// Every target URI that a write may have meant. Nearly always one; a request whose `Host`
    /// contradicts its target, or that has several, changed one of them, and who can say which.
    #[must_use]
    pub fn write_targets<'a>(&self, request: &RequestHead<'a>) -> Vec<Target<'a>> {
        if !request.host_repeated()
            && let Ok(target) = self.target(request)
        {
            return vec![target];
        }
        let of_uri = request.uri.authority().is_some().then_some(None);
        let of_hosts = request.headers.get_all(HOST).iter().map(Some);
        let target = |host| match host {
            None => Target::from_request(request.uri, None, self.default_scheme),
            Some(host) => Target::with_host(request.uri, host, self.default_scheme),
        };
        of_uri
            .into_iter()
            .chain(of_hosts)
            .filter_map(|host| target(host).ok())
            .collect()
    }

    /// Encodes the primary key (RFC 9111 section 2) of a request into `out`; that of a QUERY with its
    /// content (RFC 10008).
    #[inline]
    pub fn key_into(
        &self,
        class: MethodClass,
        request: &RequestHead<'_>,
        target: &Target<'_>,
        partition: &Partition,
        out: &mut KeyBuf,
    ) {
        if class != MethodClass::Query && !self.has_unkeyed(request) {
            return KeyParts::encode_plain_into(class, target, partition, out);
        }
        let parts = self.parts(class, request, target, partition, true);
        parts.encode_into(out);
    }

    /// The request has fields that the inner service may take for a part of the URL.
    const fn has_unkeyed(&self, request: &RequestHead<'_>) -> bool {
        request.has_forwarding() && !self.trusted_forwarding
    }

    /// `forwards`: the inner service sees `X-Forwarded-Host` and its kind.
    pub(crate) fn parts<'a>(
        &self,
        class: MethodClass,
        request: &RequestHead<'a>,
        target: &Target<'a>,
        partition: &'a Partition,
        forwards: bool,
    ) -> KeyParts<'a> {
        let mut parts = KeyParts::new(class, target).partition(partition);
        if class == MethodClass::Query
            && let Some(content) = request.content
        {
            parts = parts.content(content);
        }
        if forwards && self.has_unkeyed(request) {
            parts = parts.unkeyed(request.headers);
        }
        parts
    }

    /// The client wants a stored response or 504, whatever the reason for not having one (RFC 9111
    /// section 5.2.1.7). That holds for safe methods: an unsafe request has to be written through.
    #[must_use]
    pub fn only_if_cached(&self, request: &RequestHead<'_>) -> bool {
        request.directives.only_if_cached
            && !request.has_override()
            && is_safe(request.method, &self.safe_methods)
    }
}
