//! The target URI of a request (RFC 9110 section 7.1, RFC 9112 section 3.3).
//!
//! | Part | Normalised | Why |
//! |---|---|---|
//! | scheme | lower case | case-insensitive, RFC 3986 section 3.1 |
//! | host | lower case | case-insensitive, RFC 3986 section 3.2.2 |
//! | port | empty, or the known scheme's own: dropped | RFC 9110 section 4.2.3 |
//! | path, query | not at all | routers match the raw path, so `/%66oo` may be another resource |

use std::error::Error;
use std::fmt;

use http::{HeaderValue, Uri};

use super::bytes::KeyBuf;
use super::encode::{KEY_FORMAT, push_field, push_lower_field};

/// The target URI of a request, borrowed from it.
///
/// Scheme and host are kept as they were sent and put in lower case when encoded. Two targets are
/// equal when they encode equally.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    scheme: Option<&'a str>,
    /// ASCII, as [`HOST_BYTES`] allows it.
    host: Option<&'a [u8]>,
    port: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    /// Whether the host is known to have no upper-case letter.
    is_lower: bool,
}

/// What an authority says.
#[derive(Clone, Copy)]
struct Authority<'a> {
    host: &'a [u8],
    port: Option<&'a str>,
    is_lower: bool,
}

impl<'a> Target<'a> {
    /// Works out the target URI of a request.
    ///
    /// The authority of the request target (absolute form or `:authority`) goes before `Host`.
    /// `default_scheme` is the scheme of a request that does not say: an HTTP/1.1 server cannot see
    /// one. Without it the scheme stays unknown and no port is taken to be a default.
    ///
    /// A request with several `Host` lines is for the caller to refuse. One without any authority,
    /// as HTTP/1.0 allows, has a target without one.
    ///
    /// # Errors
    ///
    /// [`TargetError`] says why the request has no trustworthy target. It must bypass the cache.
    // What is passed on in parts is written to memory and read again: inlined, it is not.
    #[inline(always)]
    pub fn from_request(
        uri: &'a Uri,
        host: Option<&'a HeaderValue>,
        default_scheme: Option<&'a str>,
    ) -> Result<Self, TargetError> {
        let scheme = uri.scheme_str().or(default_scheme);
        let of_uri = match uri.authority() {
            Some(authority) => Some(host_and_port(authority.as_str().as_bytes(), scheme)?),
            None => None,
        };
        let of_host = match host {
            Some(value) => Some(host_and_port(value.as_bytes(), scheme)?),
            None => None,
        };
        if let (Some(a), Some(b)) = (of_uri, of_host)
            && !(a.host.eq_ignore_ascii_case(b.host) && a.port == b.port)
        {
            return Err(TargetError::AuthorityMismatch);
        }
        Ok(Self::at(scheme, of_uri.or(of_host), uri))
    }

    /// The target that `Host` alone would give, whatever the authority of the request target.
    pub(crate) fn with_host(
        uri: &'a Uri,
        host: &'a HeaderValue,
        default_scheme: Option<&'a str>,
    ) -> Result<Self, TargetError> {
        let scheme = uri.scheme_str().or(default_scheme);
        let authority = host_and_port(host.as_bytes(), scheme)?;
        Ok(Self::at(scheme, Some(authority), uri))
    }

    #[inline]
    fn at(scheme: Option<&'a str>, authority: Option<Authority<'a>>, uri: &'a Uri) -> Self {
        let path = uri.path();
        Self {
            scheme,
            host: authority.map(|authority| authority.host),
            port: authority.and_then(|authority| authority.port),
            path: if path.is_empty() { "/" } else { path },
            query: uri.query(),
            is_lower: authority.is_some_and(|authority| authority.is_lower),
        }
    }

    /// A target from the parts of another: nothing is checked.
    pub(crate) fn of(
        scheme: Option<&'a str>,
        authority: Option<(&'a str, Option<&'a str>)>,
        path: &'a str,
        query: Option<&'a str>,
    ) -> Self {
        let (host, port) = authority.unzip();
        Self {
            scheme,
            host: host.map(str::as_bytes),
            port: port.flatten(),
            path,
            query,
            is_lower: false,
        }
    }

    /// The same target with another path and query.
    pub(super) const fn with(mut self, path: &'a str, query: Option<&'a str>) -> Self {
        (self.path, self.query) = (path, query);
        self
    }

    /// The scheme, if the request or the configuration names one.
    #[must_use]
    pub const fn scheme(&self) -> Option<&'a str> {
        self.scheme
    }

    /// The host without its port, if the request names one.
    #[must_use]
    pub fn host(&self) -> Option<&'a str> {
        self.host.and_then(|host| std::str::from_utf8(host).ok())
    }

    /// The port, unless it is the scheme's own.
    #[must_use]
    pub const fn port(&self) -> Option<&'a str> {
        self.port
    }

    /// The path as it was sent, `/` if it was empty.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The query as it was sent. `/a?` has an empty one, `/a` has none.
    #[must_use]
    pub const fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// Appends the bytes under which everything stored for this URL is invalidated: every method
    /// class, variant and partition (RFC 9111 section 4.4).
    ///
    /// One resource may be reached with its scheme known (absolute form, HTTP/2) and unknown
    /// (HTTP/1.1 origin form), so the scheme is left out, and with it the ports 80 and 443. Two
    /// URLs that differ in nothing else are invalidated together: too much costs a miss, too little
    /// would serve what a write has replaced.
    pub fn url_bytes(&self, out: &mut KeyBuf) {
        out.extend_from_slice(&[KEY_FORMAT, b'U']);
        self.push_web_origin(out);
        push_field(out, Some(self.path.as_bytes()));
        push_field(out, self.query.map(str::as_bytes));
    }

    /// Appends the bytes that stand for the origin, the scope of cache groups (RFC 9875 section 2).
    ///
    /// As in [`Target::url_bytes`] the scheme is left out.
    pub fn origin_bytes(&self, out: &mut KeyBuf) {
        out.extend_from_slice(&[KEY_FORMAT, b'O']);
        self.push_web_origin(out);
    }

    /// Appends the part of a primary key that this target makes.
    #[inline]
    pub(super) fn encode(&self, out: &mut KeyBuf) {
        push_lower_field(out, self.scheme.map(str::as_bytes));
        if self.is_lower {
            push_field(out, self.host);
        } else {
            push_lower_field(out, self.host);
        }
        push_field(out, self.port.map(str::as_bytes));
        push_field(out, Some(self.path.as_bytes()));
        push_field(out, self.query.map(str::as_bytes));
    }

    fn push_web_origin(&self, out: &mut KeyBuf) {
        push_lower_field(out, self.host);
        let port = self.port.filter(|port| !matches!(*port, "80" | "443"));
        push_field(out, port.map(str::as_bytes));
    }
}

impl PartialEq for Target<'_> {
    fn eq(&self, other: &Self) -> bool {
        same_text(self.scheme, other.scheme)
            && same_bytes(self.host, other.host)
            && self.port == other.port
            && self.path == other.path
            && self.query == other.query
    }
}

impl Eq for Target<'_> {}

/// Why a request has no trustworthy target URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// The request target and `Host` name different authorities.
    AuthorityMismatch,
    /// The authority or `Host` is not a host with an optional port.
    InvalidHost,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorityMismatch => "the request target and Host name different authorities",
            Self::InvalidHost => "the authority is not a host with an optional port",
        })
    }
}

impl Error for TargetError {}

/// The port that matters under `scheme`: not an empty one, nor the scheme's own.
pub(crate) fn without_default_port<'a>(
    scheme: Option<&str>,
    port: Option<&'a str>,
) -> Option<&'a str> {
    let own = match scheme {
        Some(scheme) if scheme.eq_ignore_ascii_case("http") => "80",
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "443",
        _ => "",
    };
    port.filter(|port| !port.is_empty() && *port != own)
}

/// Splits `host [":" port]`. User information, percent-encoding and empty hosts are refused: no
/// honest client sends them, and frameworks disagree about what they mean.
#[inline(always)]
fn host_and_port<'a>(
    authority: &'a [u8],
    scheme: Option<&str>,
) -> Result<Authority<'a>, TargetError> {
    let seen = authority.iter().fold(0, |seen, &b| seen | host_class(b));
    if seen & NOT_IN_HOSTS == 0 && !authority.is_empty() {
        return Ok(Authority {
            host: authority,
            port: None,
            is_lower: seen & UPPER == 0,
        });
    }
    split(authority, scheme)
}

/// The same of what is more than a name.
#[cold]
fn split<'a>(authority: &'a [u8], scheme: Option<&str>) -> Result<Authority<'a>, TargetError> {
    let authority = std::str::from_utf8(authority).map_err(|_| TargetError::InvalidHost)?;
    let end = if authority.starts_with('[') {
        authority.find(']').map(|at| at.saturating_add(1))
    } else {
        authority.bytes().position(|byte| !host_byte(byte))
    };
    let (host, rest) = authority
        .split_at_checked(end.unwrap_or(authority.len()))
        .ok_or(TargetError::InvalidHost)?;
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port),
        None if rest.is_empty() => None,
        None => return Err(TargetError::InvalidHost),
    };
    if !valid_host(host) || !port.is_none_or(valid_port) {
        return Err(TargetError::InvalidHost);
    }
    Ok(Authority {
        host: host.as_bytes(),
        port: without_default_port(scheme, port),
        is_lower: false,
    })
}

/// What stands before the port: up to a bracket or the first byte that no name may hold.
fn valid_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(literal) => literal
            .strip_suffix(']')
            .is_some_and(|ip| !ip.is_empty() && ip.bytes().all(|b| b == b':' || host_byte(b))),
        None => !host.is_empty(),
    }
}

fn host_byte(byte: u8) -> bool {
    host_class(byte) & NOT_IN_HOSTS == 0
}

#[inline]
fn host_class(byte: u8) -> u8 {
    let class = HOST_BYTES.get(usize::from(byte));
    class.copied().unwrap_or(NOT_IN_HOSTS)
}

const NOT_IN_HOSTS: u8 = 1;
const UPPER: u8 = 2;

/// `unreserved` and `sub-delims` of RFC 3986, but no comma: several hosts in one value.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "worked out by the compiler, which would say so"
)]
static HOST_BYTES: [u8; 256] = {
    let mut classes = [NOT_IN_HOSTS; 256];
    let mut at = 0;
    while at < classes.len() {
        let byte = at as u8;
        let other = matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        );
        if byte.is_ascii_uppercase() {
            classes[at] = UPPER;
        } else if other || byte.is_ascii_alphanumeric() {
            classes[at] = 0;
        }
        at += 1;
    }
    classes
};

fn valid_port(port: &str) -> bool {
    port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

fn same_bytes(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        (None, None) => true,
        _ => false,
    }
}

fn same_text(a: Option<&str>, b: Option<&str>) -> bool {
    same_bytes(a.map(str::as_bytes), b.map(str::as_bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Request = (&'static str, Option<&'static str>, Option<&'static str>);

    fn with_target<T>(
        (uri, host, scheme): Request,
        f: impl FnOnce(Result<Target<'_>, TargetError>) -> T,
    ) -> T {
        let uri: Uri = uri.parse().unwrap();
        let host = host.map(HeaderValue::from_static);
        f(Target::from_request(&uri, host.as_ref(), scheme))
    }

    fn key(request: Request) -> KeyBuf {
        let mut out = KeyBuf::new();
        with_target(request, |target| target.unwrap().encode(&mut out));
        out
    }

    fn url(request: Request) -> KeyBuf {
        let mut out = KeyBuf::new();
        with_target(request, |target| target.unwrap().url_bytes(&mut out));
        out
    }

    fn error(uri: &'static str, host: Option<&'static str>) -> Option<TargetError> {
        let uri: Uri = uri.parse().unwrap();
        let host = host.map(HeaderValue::from_static);
        Target::from_request(&uri, host.as_ref(), Some("https")).err()
    }

    #[test]
    fn spellings_of_one_target_share_a_key() {
        for (a, b) in [
            (("/a", Some("H.com"), None), ("/a", Some("h.COM"), None)),
            (
                ("/a", Some("h:443"), Some("https")),
                ("/a", Some("h"), Some("https")),
            ),
            (
                ("/a", Some("h:80"), Some("HTTP")),
                ("/a", Some("h"), Some("http")),
            ),
            (("/a", Some("h:"), None), ("/a", Some("h"), None)),
            (("http://h/a", None, None), ("/a", Some("h"), Some("http"))),
            (
                ("HTTPS://H:443/a", Some("h"), None),
                ("https://h/a", Some("H:443"), None),
            ),
            (("http://h", None, None), ("http://h/", None, None)),
            (("http://h?q", None, None), ("http://h/?q", None, None)),
            (
                ("https://h/a", None, Some("http")),
                ("https://h/a", None, None),
            ),
        ] {
            assert_eq!(key(a), key(b), "{a:?} {b:?}");
            assert!(with_target(a, |a| with_target(b, |b| a == b)));
        }
    }

    #[test]
    fn different_targets_have_different_keys() {
        for (a, b) in [
            (("/a", None, None), ("/a?", None, None)),
            (("/a", None, None), ("/A", None, None)),
            (("/foo", None, None), ("/%66oo", None, None)),
            (("/a?b=1&c=2", None, None), ("/a?c=2&b=1", None, None)),
            (("/a?b", None, None), ("/a%3Fb", None, None)),
            (("/a", Some("h"), None), ("/a", None, None)),
            (("/a", Some("h"), None), ("/a", Some("h"), Some("http"))),
            (("/a", Some("h:80"), None), ("/a", Some("h"), None)),
            (
                ("/a", Some("h:80"), Some("https")),
                ("/a", Some("h"), Some("https")),
            ),
            (
                ("/a", Some("h:443"), Some("http")),
                ("/a", Some("h"), Some("http")),
            ),
            (
                ("/a", Some("h:1337"), Some("http")),
                ("/a", Some("h"), Some("http")),
            ),
            (("/a", Some("h."), None), ("/a", Some("h"), None)),
            (("http://h/a", None, None), ("https://h/a", None, None)),
        ] {
            assert_ne!(key(a), key(b), "{a:?} {b:?}");
            assert!(!with_target(a, |a| with_target(b, |b| a == b)));
        }
    }

    #[test]
    fn authority_and_host_must_agree() {
        for (uri, host) in [
            ("https://a/", "b"),
            ("https://a/", "a:80"),
            ("https://a:444/", "a"),
            ("https://a/", "a."),
        ] {
            assert_eq!(
                error(uri, Some(host)),
                Some(TargetError::AuthorityMismatch),
                "{uri} {host}"
            );
        }
        assert_eq!(error("https://A:443/", Some("a")), None);
    }

    #[test]
    fn host_is_refused_unless_it_is_a_host_with_a_port() {
        for host in [
            "",
            ":",
            ":80",
            " ",
            "a b",
            "a b:80",
            "user@a",
            "user:pw@a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a,b",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:-1",
            "a:+1",
            "a:8 0",
            "[::1",
            "::1",
            "[]",
            "[::1]a",
            "[::1]:x",
            "a]",
            "a%2fb",
            "a\"b",
            "<a>",
            "a\t",
        ] {
            assert_eq!(
                error("/", Some(host)),
                Some(TargetError::InvalidHost),
                "{host:?}"
            );
        }
        for host in [
            "a",
            "a.b:1",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:8080",
            "a_b",
            "xn--a",
            "a:",
        ] {
            assert_eq!(error("/", Some(host)), None, "{host:?}");
        }
    }

    #[test]
    fn userinfo_in_the_request_target_is_refused() {
        assert_eq!(
            error("https://user@h/", None),
            Some(TargetError::InvalidHost)
        );
        assert_eq!(
            error("https://user@h/", Some("h")),
            Some(TargetError::InvalidHost)
        );
    }

    #[test]
    fn request_without_authority_has_a_target() {
        with_target(("/a", None, None), |target| {
            let target = target.unwrap();
            assert_eq!(
                (target.host(), target.port(), target.scheme()),
                (None, None, None)
            );
            assert_eq!((target.path(), target.query()), ("/a", None));
        });
        assert_eq!(
            with_target(("*", None, None), |target| target.unwrap().path().len()),
            1
        );
    }

    #[test]
    fn url_bytes_do_not_depend_on_whether_the_scheme_is_known() {
        let origin_form = ("/a?b", Some("h"), None);
        for request in [
            ("/a?b", Some("H:443"), Some("https")),
            ("/a?b", Some("h:80"), None),
            ("https://h/a?b", None, None),
            ("http://h/a?b", Some("h"), None),
        ] {
            assert_eq!(url(request), url(origin_form), "{request:?}");
        }
        for request in [
            ("/a", Some("h"), None),
            ("/a?b", Some("i"), None),
            ("/a?b", Some("h:8080"), None),
            ("/a?b", None, None),
            ("/a%3Fb", Some("h"), None),
        ] {
            assert_ne!(url(request), url(origin_form), "{request:?}");
        }
    }

    #[test]
    fn origin_bytes_are_the_same_for_every_path() {
        let origin = |request| {
            let mut out = KeyBuf::new();
            with_target(request, |target| target.unwrap().origin_bytes(&mut out));
            out
        };
        assert_eq!(
            origin(("/a", Some("H"), None)),
            origin(("/b?c", Some("h"), None))
        );
        assert_ne!(
            origin(("/a", Some("h"), None)),
            origin(("/a", Some("h:81"), None))
        );
        assert_ne!(
            origin(("/a", Some("h"), None)),
            url(("/a", Some("h"), None))
        );
    }

    proptest! {
        #[test]
        fn any_host_bytes_give_a_target_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            scheme in proptest::option::of(".{0,6}"),
        ) {
            if let Ok(host) = HeaderValue::from_bytes(&bytes) {
                let uri = Uri::from_static("/a");
                if let Ok(target) = Target::from_request(&uri, Some(&host), scheme.as_deref()) {
                    target.url_bytes(&mut KeyBuf::new());
                    prop_assert!(target.host().is_some_and(|host| !host.is_empty()));
                }
            }
        }

        #[test]
        fn any_uri_gives_a_target_or_an_error(text in "(https?://)?[a-z:@\\[\\]0-9.]{0,12}/?\\PC{0,12}") {
            if let Ok(uri) = text.parse::<Uri>()
                && let Ok(target) = Target::from_request(&uri, None, None)
            {
                target.encode(&mut KeyBuf::new());
                prop_assert!(!target.path().is_empty());
            }
        }
    }
}
