//! [`Key`]: the inputs of a route that its responses depend on, declared.
//!
//! ```text
//! declared   = kind [ route ] *header *cookie *extension   ; after the other extras
//! kind       = "d" / "f"              ; the inner service sees these inputs only / everything
//! route      = "r" field              ; the route's own name in the place of the path
//! header     = "h" field field        ; name, value
//! cookie     = "k" field field        ; name, value; one for each time it is sent
//! extension  = "x" field field        ; name, value
//! ```
//!
//! Parts are sorted by name, so the order of declaration does not matter.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use http::header::{COOKIE, HeaderName, HeaderValue};
use http::{Extensions, HeaderMap};

use super::cookies::cookies;
use super::encode::{KeyBuf, Sink, push_field};
use super::input::InputKind;
use super::key_error::KeyError;
use super::normaliser::Normaliser;
use super::part::{KeyPart, PartWriter};
use super::query_rule::{NamePattern, Names, QueryBuf, QueryRule};
use super::target::Target;

/// The inputs that the responses of a route depend on.
///
/// They are the primary key of what is stored, and, unless it is to [see
/// everything](Self::forward_all), all that the inner service sees: undeclared parameters, cookies,
/// credentials and other fields are taken away before it is called. A key that forgets an input then
/// gives everybody the same page, in development, and never one user's page to another.
///
/// ```
/// use larder_policy::key::Key;
///
/// let key = Key::new()
///     .query(["page", "sort"])
///     .header("x-api-version")
///     .cookie("theme");
/// assert!(key.check().is_ok());
/// ```
///
/// Without any declaration it is made of the path and the query, byte for byte.
///
/// # What passes all the same
///
/// Fields that are no input of the response in the sense of HTTP, or of the key anyway, reach the
/// inner service undeclared:
///
/// | | |
/// |---|---|
/// | the target | `Host` |
/// | conditions and ranges | `If-None-Match`, `If-Modified-Since`, `If-Range`, `Range`: a 304 or 206 is never stored as a response |
/// | for caches and proxies on the way | `Cache-Control`, `Pragma`, `Via`, `CDN-Loop`, `Max-Forwards`, `TE`, `Connection` |
/// | tracing | `traceparent`, `tracestate`, `b3` and `X-B3-*`, `X-Request-Id`, `Request-Id`, `X-Correlation-Id`, `X-Cloud-Trace-Context`, `X-Amzn-Trace-Id`, `uber-trace-id` |
/// | with [trusted forwarding](crate::Policy::with_trusted_forwarding) | `Forwarded`, `X-Forwarded-Host` and their kind |
/// | in a partition of one user | `Authorization`, `Cookie` |
///
/// [`neutral`](Self::neutral) adds to the list.
#[derive(Clone, Default)]
#[must_use = "a key does nothing until a route has it"]
pub struct Key {
    pub(super) by_route: bool,
    pub(super) query: QueryRule,
    pub(super) headers: Vec<HeaderPart>,
    pub(super) cookies: Vec<Box<str>>,
    pub(super) extensions: Vec<ExtensionPart>,
    pub(super) neutral: Vec<HeaderName>,
    pub(super) forward_all: bool,
    error: Option<KeyError>,
}

#[derive(Clone, Debug)]
pub(super) struct HeaderPart {
    pub(super) name: HeaderName,
    pub(super) normaliser: Normaliser,
}

#[derive(Clone)]
pub(super) struct ExtensionPart {
    name: Box<str>,
    of: TypeId,
    has: fn(&Extensions) -> bool,
    read: Arc<ReadExtension>,
}

type ReadExtension = dyn Fn(&Extensions, &mut PartWriter) -> bool + Send + Sync;

impl Key {
    /// The path and the exact query.
    pub fn new() -> Self {
        Self::default()
    }

    /// The route instead of the path: all paths that lead to the route share what is stored. Only
    /// for handlers that do not look at the path, such as the page of a single-page application.
    /// Where the layer does not know the route's name, it is the path all the same.
    pub fn route() -> Self {
        Self {
            by_route: true,
            ..Self::default()
        }
    }

    /// Only these parameters of the query count; the others are taken away. A `*` at the end of a
    /// name stands for any ending. Byte for byte, in the order and as often as they come.
    pub fn query<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.query.names = Names::Only(self.patterns("query", names));
        self
    }

    /// All parameters of the query count but these, which are taken away, such as `utm_*`.
    pub fn query_except<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.query.names = Names::Except(self.patterns("query_except", names));
        self
    }

    /// No parameter counts; the query is taken away.
    pub fn no_query(mut self) -> Self {
        self.query.names = Names::Only(Vec::new());
        self
    }

    /// The order of parameters with different names does not count: they are sorted by name before
    /// the inner service sees them. Those with the same name keep their order.
    pub fn sorted_query(mut self) -> Self {
        self.query.sorted = true;
        self
    }

    /// A header field, in a normal form that means the same (RFC 9111 section 4.1); absent differs
    /// from empty.
    pub fn header(self, name: impl AsRef<str>) -> Self {
        self.add_header("header", name.as_ref(), Normaliser::AsSent)
    }

    /// A header field whose letters count in lower case. That is also what the inner service sees.
    pub fn header_lowercase(self, name: impl AsRef<str>) -> Self {
        self.add_header("header_lowercase", name.as_ref(), Normaliser::LowerCase)
    }

    /// A header field that counts as what `rewrite` makes of its value, lines merged; `None` is
    /// absent. That is also what the inner service sees.
    pub fn header_with(
        self,
        name: impl AsRef<str>,
        rewrite: impl Fn(Option<&[u8]>) -> Option<HeaderValue> + Send + Sync + 'static,
    ) -> Self {
        let normaliser = Normaliser::With(Arc::new(rewrite));
        self.add_header("header_with", name.as_ref(), normaliser)
    }

    /// A single cookie; the inner service sees no other. Names are case-sensitive.
    pub fn cookie(mut self, name: &str) -> Self {
        if name.is_empty() || name.contains(['=', ';']) || name.trim() != name {
            self.fail(KeyError::cookie(name));
        } else if let Err(at) = self.cookies.binary_search_by(|known| (**known).cmp(name)) {
            self.cookies.insert(at, name.into());
        }
        self
    }

    /// What the application put into the request's extensions as a `T`; absent differs from
    /// whatever a `T` writes.
    pub fn extension<T: KeyPart>(self) -> Self {
        self.add_extension::<T>(T::NAME, |extensions, out| {
            let part = extensions.get::<T>();
            part.inspect(|part| part.write(out)).is_some()
        })
    }

    /// What a function reads off the `T` in the request's extensions.
    pub fn extension_with<T: Send + Sync + 'static>(
        self,
        name: &str,
        read: impl Fn(&T) -> String + Send + Sync + 'static,
    ) -> Self {
        self.add_extension::<T>(name, move |extensions, out| {
            let part = extensions.get::<T>();
            part.inspect(|part| out.text(&read(part))).is_some()
        })
    }

    /// One more field that passes undeclared: the responses do not depend on it.
    pub fn neutral(mut self, name: impl AsRef<str>) -> Self {
        match HeaderName::from_bytes(name.as_ref().as_bytes()) {
            Ok(name) => self.neutral.push(name),
            Err(_) => self.fail(KeyError::header("neutral", name.as_ref())),
        }
        self
    }

    /// The inner service sees the request as it is. The key is the same, and nothing but the rules
    /// of HTTP keeps what it forgets from being served to the wrong user.
    pub fn forward_all(mut self) -> Self {
        self.forward_all = true;
        self
    }

    /// Whether every name that was declared can be one.
    ///
    /// # Errors
    ///
    /// The first that cannot, with the setting it was given to. A layer with such a key bypasses
    /// every request.
    pub fn check(&self) -> Result<(), KeyError> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// Whether the inner service sees everything.
    #[must_use]
    pub const fn forwards_all(&self) -> bool {
        self.forward_all
    }

    /// Whether the route counts instead of the path.
    #[must_use]
    pub const fn is_by_route(&self) -> bool {
        self.by_route
    }

    /// The target as the key has it: with the query that is left, and the route in the place of the
    /// path if that was chosen and is known.
    #[must_use]
    pub fn target<'a>(
        &self,
        target: &Target<'a>,
        route: Option<&'a str>,
        query: &'a mut QueryBuf,
    ) -> Target<'a> {
        let route = route.filter(|_| self.by_route);
        let path = route.unwrap_or_else(|| target.path());
        target.with(path, self.query.apply(target.query(), query))
    }

    /// Appends what was declared to a primary key.
    pub fn encode_into(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        route: Option<&str>,
        out: &mut KeyBuf,
    ) {
        out.put(if self.forward_all { b"f" } else { b"d" });
        if self.by_route && route.is_some() {
            out.put(b"r");
        }
        self.for_each_part(headers, extensions, |kind, name, value| {
            out.put(match kind {
                InputKind::Header => b"h",
                InputKind::Cookie => b"k",
                _ => b"x",
            });
            push_field(out, Some(name.as_bytes()));
            push_field(out, value);
        });
    }

    /// Every declared field, cookie and extension with its value in this request. `None` is absent.
    pub fn for_each_part(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        mut each: impl FnMut(InputKind, &str, Option<&[u8]>),
    ) {
        let mut value = KeyBuf::new();
        for part in &self.headers {
            value.clear();
            let present = part.normaliser.write(&part.name, headers, &mut value);
            let value = present.then_some(value.as_slice());
            each(InputKind::Header, part.name.as_str(), value);
        }
        for name in &self.cookies {
            let mut present = false;
            for (_, value) in cookies(headers).filter(|(sent, _)| *sent == name.as_bytes()) {
                present = true;
                each(InputKind::Cookie, name, Some(value.unwrap_or_default()));
            }
            if !present {
                each(InputKind::Cookie, name, None);
            }
        }
        for part in &self.extensions {
            let mut out = PartWriter::default();
            let present = (part.read)(extensions, &mut out);
            let value = present.then_some(out.as_bytes());
            each(InputKind::Extension, &part.name, value);
        }
    }

    /// How many of a request's extensions are declared.
    #[must_use]
    pub fn extensions_in(&self, extensions: &Extensions) -> usize {
        let mut found: Vec<TypeId> = Vec::new();
        for part in &self.extensions {
            if (part.has)(extensions) && !found.contains(&part.of) {
                found.push(part.of);
            }
        }
        found.len()
    }

    /// Whether a field is a declared input.
    #[must_use]
    pub fn declares(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|part| part.name == name)
    }

    /// Whether all that is left of the cookies of a narrowed request is part of the key.
    pub(crate) fn has_all_cookies(&self) -> bool {
        let single = !self.cookies.is_empty() && !self.forward_all;
        single || self.declares(&COOKIE)
    }

    fn add_header(mut self, setting: &'static str, name: &str, normaliser: Normaliser) -> Self {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            self.fail(KeyError::header(setting, name));
            return self;
        };
        let order = |part: &HeaderPart| part.name.as_str().cmp(name.as_str());
        match self.headers.binary_search_by(order) {
            Ok(_) => self.fail(KeyError::repeated(setting, name.as_str())),
            Err(at) => self.headers.insert(at, HeaderPart { name, normaliser }),
        }
        self
    }

    fn add_extension<T: Send + Sync + 'static>(
        mut self,
        name: &str,
        read: impl Fn(&Extensions, &mut PartWriter) -> bool + Send + Sync + 'static,
    ) -> Self {
        match self
            .extensions
            .binary_search_by(|part| (*part.name).cmp(name))
        {
            Ok(_) => self.fail(KeyError::repeated("extension", name)),
            Err(at) => {
                let part = ExtensionPart {
                    name: name.into(),
                    of: TypeId::of::<T>(),
                    has: |extensions| extensions.get::<T>().is_some(),
                    read: Arc::new(read),
                };
                self.extensions.insert(at, part);
            }
        }
        self
    }

    fn patterns<N: AsRef<str>>(
        &mut self,
        setting: &'static str,
        names: impl IntoIterator<Item = N>,
    ) -> Vec<NamePattern> {
        let mut patterns = Vec::new();
        for name in names {
            let name = name.as_ref();
            if name.is_empty() || name.trim_end_matches('*').contains('*') || name.ends_with("**") {
                self.fail(KeyError::parameter(setting, name));
            }
            patterns.push(NamePattern::new(name));
        }
        patterns
    }

    fn fail(&mut self, error: KeyError) {
        self.error.get_or_insert(error);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extensions: Vec<_> = self.extensions.iter().map(|part| &part.name).collect();
        f.debug_struct("Key")
            .field("by_route", &self.by_route)
            .field("query", &self.query)
            .field("headers", &self.headers)
            .field("cookies", &self.cookies)
            .field("extensions", &extensions)
            .field("neutral", &self.neutral)
            .field("forward_all", &self.forward_all)
            .field("error", &self.error)
            .finish()
    }
}
