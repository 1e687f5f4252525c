//! Question 5: what does an unsafe request invalidate? (RFC 9111 section 4.4, RFC 9875)
//!
//! | Invalidated | When |
//! |---|---|
//! | the target URI | always; MUST |
//! | Location, Content-Location | one valid value, same scheme, host and port; a MAY we take, unless the operator declines |
//! | Cache-Group-Invalidation groups | a MAY we take, unless the operator declines |
//!
//! All of it only for a 2xx or 3xx response to a method not known to be safe. References are
//! resolved by RFC 3986 section 5 and lose their fragment.

use std::borrow::Cow;

use fluent_uri::component::{Authority, Scheme};
use fluent_uri::pct_enc::EStr;
use fluent_uri::{Uri, UriRef};
use http::header::{CONTENT_LOCATION, HeaderName, LOCATION};
use http::{HeaderMap, Method, StatusCode};

use crate::fields::invalidated_groups;
use crate::key::{Target, without_default_port};
use crate::policy::Follow;
use crate::{Policy, RequestHead};

/// What one response to an unsafe request invalidates. Do it before the response is released.
///
/// Every URL and every group belongs to the origin of the request: nothing else can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    scheme: Option<String>,
    authority: Option<(String, Option<String>)>,
    urls: Vec<Url>,
    groups: Vec<String>,
}

/// The part of a URL after its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    path: String,
    query: Option<String>,
}

impl Invalidation {
    /// The URLs, the target URI first. Use [`Target::url_bytes`] of each: every variant, method
    /// class and partition goes.
    pub fn targets(&self) -> impl Iterator<Item = Target<'_>> {
        let authority = self.authority.as_ref();
        let authority = authority.map(|(host, port)| (host.as_str(), port.as_deref()));
        let scheme = self.scheme.as_deref();
        self.urls
            .iter()
            .map(move |url| Target::of(scheme, authority, &url.path, url.query.as_deref()))
    }

    /// The cache groups, to be taken within [`Target::origin_bytes`] of any of the targets.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
}

impl Policy {
    /// What does the response to this request invalidate? `None` when nothing.
    ///
    /// A request that asks for another method in a header field, such as
    /// `X-HTTP-Method-Override: DELETE`, counts as that method: the application may honour it.
    #[must_use]
    pub fn invalidation(
        &self,
        request: &RequestHead<'_>,
        target: &Target<'_>,
        status: StatusCode,
        response: &HeaderMap,
    ) -> Option<Invalidation> {
        let method = self.method_meant(request);
        let safe = &self.safe_methods;
        invalidated(&method, target, status, response, safe, self.follow)
    }

    /// Is this a write: may its success [invalidate](Self::invalidation) anything? `false` also for
    /// CONNECT: what goes through a tunnel is not of its target.
    #[must_use]
    pub fn is_write(&self, request: &RequestHead<'_>) -> bool {
        !is_safe(&self.method_meant(request), &self.safe_methods)
    }

    /// The method that the application may go by.
    fn method_meant<'a>(&self, request: &RequestHead<'a>) -> Cow<'a, Method> {
        if request.has_override()
            && is_safe(request.method, &self.safe_methods)
            && let Some(asked) = overriding(request.headers)
        {
            Cow::Owned(asked)
        } else {
            Cow::Borrowed(request.method)
        }
    }
}

/// What the response to a request invalidates; `None` for a safe method or an error.
///
/// `safe` lists the methods known to be safe beyond those of RFC 9110 section 9.2.1 and QUERY.
pub(crate) fn invalidated(
    method: &Method,
    target: &Target<'_>,
    status: StatusCode,
    response: &HeaderMap,
    safe: &[Method],
    follow: Follow,
) -> Option<Invalidation> {
    if is_safe(method, safe) || !(status.is_success() || status.is_redirection()) {
        return None;
    }
    let mut urls = vec![Url {
        path: target.path().into(),
        query: target.query().map(Into::into),
    }];
    if follow.locations {
        for name in [LOCATION, CONTENT_LOCATION] {
            if let Some(url) = located(&name, response, target)
                && !urls.contains(&url)
            {
                urls.push(url);
            }
        }
    }
    Some(Invalidation {
        scheme: target.scheme().map(Into::into),
        authority: target
            .host()
            .map(|host| (host.into(), target.port().map(Into::into))),
        urls,
        groups: if follow.groups {
            invalidated_groups(response)
        } else {
            Vec::new()
        },
    })
}

/// Whether a method is known to be safe (RFC 9110 section 9.2.1): by its standard, or by `safe`. CONNECT
/// is not, but it has no target resource that it could change.
pub(crate) fn is_safe(method: &Method, safe: &[Method]) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::OPTIONS
            | Method::TRACE
            | Method::QUERY
            | Method::CONNECT
    ) || safe.contains(method)
}

/// The method that an override field asks for. One that cannot be read is not known to be safe.
fn overriding(headers: &HeaderMap) -> Option<Method> {
    let mut values = OVERRIDES.iter().flat_map(|name| headers.get_all(*name));
    let first = values.next()?.as_bytes().trim_ascii().to_ascii_uppercase();
    let several = values.next().is_some();
    Some(
        Method::from_bytes(&first)
            .ok()
            .filter(|_| !several)
            .unwrap_or(Method::POST),
    )
}

/// The URL a field names, if it names exactly one and that one is of the target's origin.
fn located(name: &HeaderName, response: &HeaderMap, target: &Target<'_>) -> Option<Url> {
    let mut lines = response.get_all(name).iter();
    let line = lines.next()?.to_str().ok()?;
    if lines.next().is_some() {
        return None;
    }
    let reference = UriRef::parse(line.trim_ascii()).ok()?;
    if !same_origin(&reference, target) {
        return None;
    }
    let resolved = resolve(&reference, target)?;
    let path = resolved.path().as_str();
    Some(Url {
        path: if path.is_empty() { "/" } else { path }.into(),
        query: resolved.query().map(|query| query.as_str().into()),
    })
}

/// Whether a reference stays within the target's origin (RFC 9110 section 4.3.1).
///
/// A target whose scheme is unknown is taken to have the reference's, if that is `http` or `https`.
fn same_origin(reference: &UriRef<&str>, target: &Target<'_>) -> bool {
    let scheme = reference.scheme().map(Scheme::as_str);
    let same_scheme = match (scheme, target.scheme()) {
        (Some(scheme), Some(of_target)) => scheme.eq_ignore_ascii_case(of_target),
        (Some(scheme), None) => {
            scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
        }
        (None, _) => true,
    };
    let same_authority = match reference.authority() {
        Some(authority) => same_authority(authority, scheme, target),
        None => scheme.is_none(),
    };
    same_scheme && same_authority
}

fn same_authority(authority: Authority<'_>, scheme: Option<&str>, target: &Target<'_>) -> bool {
    let scheme = scheme.or_else(|| target.scheme());
    let port = authority.port().map(EStr::as_str);
    !authority.has_userinfo()
        && target
            .host()
            .is_some_and(|host| host.eq_ignore_ascii_case(authority.host()))
        && without_default_port(scheme, port) == without_default_port(scheme, target.port())
}

/// Resolves a reference that is known to be of the target's origin: only the path and the query of
/// the result count, so the base stands for any origin.
///
/// A target path with characters that RFC 3986 does not allow cannot be a base; it is not needed
/// for references that bring their own path.
fn resolve(reference: &UriRef<&str>, target: &Target<'_>) -> Option<Uri<String>> {
    let rooted = reference.has_authority() || reference.path().is_absolute();
    let mut base = String::from("http://origin");
    if !rooted {
        base.push_str(target.path());
        if let Some(query) = target.query() {
            base.push('?');
            base.push_str(query);
        }
    }
    let base = Uri::parse(base).ok()?;
    reference.resolve_against(&base).ok()
}

const OVERRIDES: [&str; 3] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::key::KeyBuf;

    type Request = (&'static str, Option<&'static str>, Option<&'static str>);

    fn response(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn with_target<T>((uri, host, scheme): Request, f: impl FnOnce(&Target<'_>) -> T) -> T {
        let uri: http::Uri = uri.parse().unwrap();
        let host = host.map(HeaderValue::from_static);
        f(&Target::from_request(&uri, host.as_ref(), scheme).unwrap())
    }

    fn url(target: &Target<'_>) -> KeyBuf {
        let mut out = KeyBuf::new();
        target.url_bytes(&mut out);
        out
    }

    fn post(request: Request, lines: &[(&'static str, &str)]) -> Invalidation {
        let response = response(lines);
        with_target(request, |target| {
            let status = StatusCode::CREATED;
            invalidated(
                &Method::POST,
                target,
                status,
                &response,
                &[],
                Follow::default(),
            )
            .unwrap()
        })
    }

    /// Whether a POST answered with this Location drops what the GET stored.
    fn drops(write: Request, location: &str, read: Request) -> bool {
        let invalidation = post(write, &[("location", location)]);
        let read = with_target(read, url);
        invalidation.targets().any(|target| url(&target) == read)
    }

    #[test]
    fn only_success_and_redirection_of_unsafe_methods_invalidate() {
        let made = |method: &str, status: u16| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let safe = [Method::from_bytes(b"PROPFIND").unwrap()];
            let status = StatusCode::from_u16(status).unwrap();
            with_target(("/a", None, None), |target| {
                let none = HeaderMap::new();
                invalidated(&method, target, status, &none, &safe, Follow::default()).is_some()
            })
        };
        for method in ["POST", "PUT", "DELETE", "PATCH", "MKCOL", "get", "X"] {
            assert!(
                made(method, 200) && made(method, 204) && made(method, 303),
                "{method}"
            );
            assert!(
                !made(method, 404) && !made(method, 500) && !made(method, 101),
                "{method}"
            );
        }
        for method in [
            "GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "CONNECT", "PROPFIND",
        ] {
            assert!(!made(method, 200), "{method}");
        }
    }

    #[test]
    fn target_uri_comes_first() {
        let invalidation = post(("/a?b", Some("h"), None), &[("location", "/c")]);
        let paths: Vec<_> = invalidation
            .targets()
            .map(|t| t.path().to_owned())
            .collect();
        assert_eq!(paths, ["/a", "/c"]);
        assert_eq!(invalidation.targets().next().unwrap().query(), Some("b"));
    }

    #[test]
    fn location_drops_what_a_get_stored() {
        let origin = ("/a", Some("h"), None);
        let https = ("/a", Some("h:443"), Some("https"));
        let absolute = ("http://H:80/a", Some("h"), None);
        for (write, location, read) in [
            (origin, "/b", ("/b", Some("H"), None)),
            (origin, "/b", ("http://h/b", None, None)),
            (origin, "/b", ("https://h:443/b", Some("h"), None)),
            (origin, "http://h/b", ("/b", Some("h"), None)),
            (origin, "https://h:443/b", ("/b", Some("h"), None)),
            (origin, "//H/b", ("/b", Some("h"), None)),
            (absolute, "/b", ("http://h/b", None, None)),
            (absolute, "/b", ("/b", Some("h:80"), None)),
            (
                absolute,
                "HTTP://h:80/b#top",
                ("/b", Some("h"), Some("http")),
            ),
            (https, "https://H/b", ("https://h/b", Some("h"), None)),
            (https, "https://h:/b", ("/b", Some("h"), Some("https"))),
            (https, "//h:443/b", ("/b", Some("h"), None)),
            (("/x/y?z", Some("h"), None), "b", ("/x/b", Some("h"), None)),
            (("/x/y?z", Some("h"), None), "../b", ("/b", Some("h"), None)),
            (
                ("/x/y?z", Some("h"), None),
                "?b",
                ("/x/y?b", Some("h"), None),
            ),
            (("/x/y?z", Some("h"), None), "?", ("/x/y?", Some("h"), None)),
            (origin, "http://h", ("/", Some("h"), None)),
            (origin, "http://h?q", ("/?q", Some("h"), None)),
            (origin, "/%7eb", ("/%7eb", Some("h"), None)),
            (("/a", None, None), "/b", ("/b", None, None)),
            (("/{a}", Some("h"), None), "/b", ("/b", Some("h"), None)),
            (
                ("/a", Some("[::1]:81"), None),
                "http://[::1]:81/b",
                ("/b", Some("[::1]:81"), None),
            ),
        ] {
            assert!(
                drops(write, location, read),
                "{write:?} {location} {read:?}"
            );
        }
    }

    #[test]
    fn other_origins_are_never_named() {
        let https = ("https://h/a", None, None);
        let unknown = ("/a", Some("h"), None);
        for (write, location) in [
            (https, "http://h/b"),
            (https, "https://i/b"),
            (https, "https://h:444/b"),
            (https, "https://h.i/b"),
            (https, "//i/b"),
            (https, "//h:80/b"),
            (https, "ftp://h/b"),
            (https, "https:/b"),
            (https, "https://user@h/b"),
            (unknown, "http://i/b"),
            (unknown, "http://h:8080/b"),
            (unknown, "https://h:80/b"),
            (unknown, "ftp://h/b"),
            (unknown, "//i/b"),
            (("/a", Some("h:8080"), None), "http://h/b"),
            (("/a", None, None), "http://h/b"),
            (("/a", None, None), "//h/b"),
        ] {
            assert_eq!(
                post(write, &[("location", location)]).targets().count(),
                1,
                "{location}"
            );
        }
    }

    #[test]
    fn unreadable_or_repeated_references_are_ignored() {
        let origin = ("/a", Some("h"), None);
        for location in [
            "/b c",
            "http://[h/b",
            "/%zz",
            "/\u{e9}",
            "http://h:x/b",
            "{}",
            ":",
        ] {
            assert_eq!(
                post(origin, &[("location", location)]).targets().count(),
                1,
                "{location}"
            );
        }
        let twice = [("location", "/b"), ("location", "/c")];
        assert_eq!(post(origin, &twice).targets().count(), 1);
        let relative = post(("/{a}", Some("h"), None), &[("location", "b")]);
        assert_eq!(relative.targets().count(), 1);
    }

    #[test]
    fn content_location_counts_and_no_url_comes_twice() {
        let origin = ("/a", Some("h"), None);
        let both = [("location", "/b"), ("content-location", "/c")];
        assert_eq!(post(origin, &both).targets().count(), 3);
        let same = [("location", "/a"), ("content-location", "http://h/a")];
        assert_eq!(post(origin, &same).targets().count(), 1);
    }

    #[test]
    fn groups_come_from_the_field() {
        let lines = [("cache-group-invalidation", "\"a\", \"b\"")];
        assert_eq!(post(("/a", None, None), &lines).groups(), ["a", "b"]);
        assert!(post(("/a", None, None), &[]).groups().is_empty());
    }

    #[test]
    fn operator_may_decline_what_is_optional() {
        let lines = response(&[("location", "/b"), ("cache-group-invalidation", "\"a\"")]);
        let (method, uri, fields) = (Method::PUT, http::Uri::from_static("/a"), HeaderMap::new());
        let request = RequestHead::new(&method, &uri, &fields, false);
        let counts = |policy: Policy| {
            with_target(("/a", None, None), |target| {
                let made = policy.invalidation(&request, target, StatusCode::OK, &lines);
                made.map(|made| (made.targets().count(), made.groups().len()))
            })
        };
        let all = Policy::shared;
        assert_eq!(counts(all()), Some((2, 1)));
        assert_eq!(
            counts(all().with_location_invalidation(false)),
            Some((1, 1))
        );
        assert_eq!(counts(all().with_group_invalidation(false)), Some((2, 0)));
    }

    #[test]
    fn method_override_makes_a_get_unsafe() {
        let made = |lines: &[(&'static str, &str)]| {
            let (method, uri, headers) =
                (Method::GET, http::Uri::from_static("/a"), response(lines));
            let request = RequestHead::new(&method, &uri, &headers, false);
            let target = Target::from_request(&uri, None, None).unwrap();
            let none = HeaderMap::new();
            let policy = Policy::shared();
            let made = policy.invalidation(&request, &target, StatusCode::OK, &none);
            assert_eq!(policy.is_write(&request), made.is_some());
            made.is_some()
        };
        assert!(made(&[("x-http-method-override", "delete")]));
        assert!(made(&[
            ("x-method-override", "GET"),
            ("x-http-method", "GET")
        ]));
        assert!(made(&[("x-http-method", "@")]));
        assert!(!made(&[("x-http-method-override", "GET")]));
        assert!(!made(&[("x-original-url", "/b")]));
        assert!(!made(&[]));
    }

    proptest! {
        #[test]
        fn any_location_stays_within_the_origin(
            location in "(https?:|ftp:)?(//)?[hi@:80\\[\\]]{0,4}[/?#.a%\\PC]{0,8}",
            scheme in proptest::option::of(prop_oneof![Just("http"), Just("https")]),
        ) {
            let made = post(("/a/b?c", Some("h"), scheme), &[("location", &location)]);
            for target in made.targets() {
                prop_assert_eq!(target.host(), Some("h"));
                prop_assert_eq!(target.scheme(), scheme);
                prop_assert!(target.path().starts_with('/'));
            }
        }
    }
}
