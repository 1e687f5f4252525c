//! A request head, read once.
//!
//! Every question needs a few request fields. [`RequestHead::new`] walks the header map a single
//! time and remembers what it saw, so that the questions asked later cost a bit test each.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONNECTION,
    CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PRAGMA, RANGE, REFERER, TRANSFER_ENCODING,
    UPGRADE, USER_AGENT,
};
use http::{HeaderMap, Method, Uri};

use crate::fields::RequestDirectives;
use crate::key::{Key, QueryContent, is_unkeyed_input};

/// A borrowed request head with the fields that matter to a cache already noticed.
///
/// ```
/// use http::{HeaderMap, Method, Uri};
/// use larder_policy::RequestHead;
///
/// let (method, uri, headers) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
/// let head = RequestHead::new(&method, &uri, &headers, false);
/// assert!(!head.has_cookie());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) host: Option<&'a HeaderValue>,
    pub(crate) directives: RequestDirectives,
    /// What the content adds to the key of a QUERY request.
    pub(crate) content: Option<&'a QueryContent>,
    /// What the fields were narrowed to, if they were.
    pub(crate) declared: Option<&'a Key>,
    /// Whether `no-cache` is honoured, where that was decided for this request.
    no_cache_honoured: Option<bool>,
    seen: Seen,
}

impl<'a> RequestHead<'a> {
    /// Reads a request head. `uri` is the target URI as the client sent it: a router that strips
    /// prefixes must pass the original. `has_content` says that the request carries a body.
    ///
    /// Cost: one walk over the headers; `Cache-Control` is parsed only when present.
    #[must_use]
    // What is returned would be copied.
    #[inline(always)]
    pub fn new(
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        has_content: bool,
    ) -> Self {
        let mut seen = Seen(if has_content { Seen::CONTENT } else { 0 });
        let mut host = None;
        for (name, value) in headers {
            if *name == HOST {
                if seen.has(Seen::HOST) {
                    seen.0 |= Seen::HOST_REPEATED;
                }
                seen.0 |= Seen::HOST;
                host = Some(value);
            } else {
                seen.0 |= seen_bit(name, value);
            }
        }
        let directives = if seen.has(Seen::CACHE_CONTROL) || seen.has(Seen::PRAGMA) {
            RequestDirectives::from_headers(headers)
        } else {
            RequestDirectives::default()
        };
        Self {
            method,
            uri,
            headers,
            host,
            directives,
            content: None,
            declared: None,
            no_cache_honoured: None,
            seen,
        }
    }

    /// The same request without its `Range` and `If-Range`, as it is forwarded to validate.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.seen.0 &= !(Seen::RANGE | Seen::IF_RANGE);
        self
    }

    /// Which credentials the request has.
    #[must_use]
    pub const fn credentials(&self) -> Credentials {
        Credentials(self.seen.0 & (Seen::AUTHORIZATION | Seen::COOKIE))
    }

    /// The same request, made on the occasion of one with these credentials: they count as its own.
    /// They are not sent, but what the application made of them may be known to the inner service.
    #[must_use]
    pub const fn on_behalf_of(mut self, credentials: Credentials) -> Self {
        self.seen.0 |= credentials.0;
        self
    }

    /// The same QUERY request, with what its content adds to the key (RFC 10008).
    #[must_use]
    pub const fn with_query_content(mut self, content: &'a QueryContent) -> Self {
        self.content = Some(content);
        self
    }

    /// The same request, whose fields are what is left for a route with this key
    /// ([`Policy::narrow`](crate::Policy::narrow)). A cookie that is declared is no credential: the
    /// key has it.
    #[must_use]
    pub fn narrowed_to(mut self, key: &'a Key) -> Self {
        if key.has_all_cookies() {
            self.seen.0 &= !Seen::COOKIE;
        }
        self.declared = Some(key);
        self
    }

    /// The same request, whose `no-cache` is honoured, or is not, whatever the
    /// [`Policy`](crate::Policy) says of the directives of clients. `None`: as the policy says.
    #[must_use]
    pub const fn with_no_cache_honoured(mut self, honoured: Option<bool>) -> Self {
        self.no_cache_honoured = honoured;
        self
    }

    /// What was [decided](Self::with_no_cache_honoured) of this request's `no-cache`.
    #[must_use]
    pub const fn no_cache_honoured(&self) -> Option<bool> {
        self.no_cache_honoured
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.method
    }

    /// The target URI.
    #[must_use]
    pub const fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// All header fields.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The request's cache directives (RFC 9111 section 5.2.1), as sent; whether they are honoured
    /// is the [`Policy`](crate::Policy)'s to say.
    #[must_use]
    pub const fn directives(&self) -> &RequestDirectives {
        &self.directives
    }

    /// `Authorization` is present.
    #[must_use]
    pub const fn has_authorization(&self) -> bool {
        self.seen.has(Seen::AUTHORIZATION)
    }

    /// `Cookie` is present.
    #[must_use]
    pub const fn has_cookie(&self) -> bool {
        self.seen.has(Seen::COOKIE)
    }

    /// `If-None-Match` or `If-Modified-Since` is present: the client may be answered with 304.
    #[must_use]
    pub const fn is_conditional(&self) -> bool {
        self.seen.has(Seen::CONDITIONAL)
    }

    /// `Range` is present.
    #[must_use]
    pub const fn has_range(&self) -> bool {
        self.seen.has(Seen::RANGE)
    }

    pub(crate) const fn has_if_range(&self) -> bool {
        self.seen.has(Seen::IF_RANGE)
    }

    /// `If-Match` or `If-Unmodified-Since`.
    pub(crate) const fn has_precondition(&self) -> bool {
        self.seen.has(Seen::PRECONDITION)
    }

    pub(crate) const fn has_content(&self) -> bool {
        self.seen.has(Seen::CONTENT)
    }

    pub(crate) const fn wants_upgrade(&self) -> bool {
        self.seen.has(Seen::UPGRADE)
    }

    pub(crate) const fn has_override(&self) -> bool {
        self.seen.has(Seen::OVERRIDE)
    }

    /// At least one field that applications read as part of the URL without it being one, such as
    /// `X-Forwarded-Host`.
    pub(crate) const fn has_forwarding(&self) -> bool {
        self.seen.has(Seen::FORWARDING)
    }

    pub(crate) const fn host_repeated(&self) -> bool {
        self.seen.has(Seen::HOST_REPEATED)
    }
}

/// Which credentials a request has; by default none. See [`RequestHead::credentials`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credentials(u16);

impl Credentials {
    /// Also those in fields whose names say that they may tell who asks, such as `X-Api-Key` or
    /// `X-Session-Id`. HTTP knows nothing of them; they count once they are [taken for
    /// such](Self::taken_for_authorization).
    #[must_use]
    pub fn with_hints(mut self, headers: &HeaderMap) -> Self {
        if headers.keys().any(hints_at_identity) {
            self.0 |= Seen::HINTED;
        }
        self
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Takes fields that only hint at who asks for `Authorization`.
    #[must_use]
    pub const fn taken_for_authorization(mut self) -> Self {
        if self.0 & Seen::HINTED != 0 {
            self.0 |= Seen::AUTHORIZATION;
        }
        self
    }
}

fn hints_at_identity(name: &HeaderName) -> bool {
    let name = name.as_str();
    HINTS.iter().any(|hint| name.contains(hint))
}

const HINTS: [&str; 14] = [
    "account",
    "api-key",
    "apikey",
    "auth",
    "client-cert",
    "identity",
    "jwt",
    "principal",
    "secret",
    "session",
    "signature",
    "ssl-client",
    "token",
    "user-id",
];

#[derive(Debug, Clone, Copy)]
struct Seen(u16);

impl Seen {
    const AUTHORIZATION: u16 = 1;
    const CACHE_CONTROL: u16 = 1 << 1;
    const CONDITIONAL: u16 = 1 << 2;
    const CONTENT: u16 = 1 << 3;
    const COOKIE: u16 = 1 << 4;
    const FORWARDING: u16 = 1 << 5;
    const HOST: u16 = 1 << 6;
    const HOST_REPEATED: u16 = 1 << 7;
    const IF_RANGE: u16 = 1 << 8;
    const OVERRIDE: u16 = 1 << 9;
    const PRAGMA: u16 = 1 << 10;
    const PRECONDITION: u16 = 1 << 11;
    const RANGE: u16 = 1 << 12;
    const UPGRADE: u16 = 1 << 13;
    /// Of credentials only.
    const HINTED: u16 = 1 << 14;

    const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

#[inline(always)]
fn seen_bit(name: &HeaderName, value: &HeaderValue) -> u16 {
    match *name {
        AUTHORIZATION => Seen::AUTHORIZATION,
        CACHE_CONTROL => Seen::CACHE_CONTROL,
        CONTENT_LENGTH if value.as_bytes() != b"0" => Seen::CONTENT,
        COOKIE => Seen::COOKIE,
        IF_MATCH | IF_UNMODIFIED_SINCE => Seen::PRECONDITION,
        IF_MODIFIED_SINCE | IF_NONE_MATCH => Seen::CONDITIONAL,
        IF_RANGE => Seen::IF_RANGE,
        PRAGMA => Seen::PRAGMA,
        RANGE => Seen::RANGE,
        TRANSFER_ENCODING => Seen::CONTENT,
        UPGRADE => Seen::UPGRADE,
        // What most requests carry besides.
        ACCEPT | ACCEPT_ENCODING | ACCEPT_LANGUAGE | CONNECTION | REFERER | USER_AGENT => 0,
        _ => seen_by_name(name.as_str()),
    }
}

fn seen_by_name(name: &str) -> u16 {
    match name {
        "x-http-method"
        | "x-http-method-override"
        | "x-method-override"
        | "x-original-url"
        | "x-rewrite-url" => Seen::OVERRIDE,
        _ if is_unkeyed_input(name) => Seen::FORWARDING,
        _ => 0,
    }
}
