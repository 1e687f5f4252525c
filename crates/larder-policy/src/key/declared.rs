//! [`Key`]: the inputs of a route that its responses depend on, declared.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use http::Extensions;
use http::header::{HeaderName, HeaderValue};

use super::coding::Codings;
use super::key_error::KeyError;
use super::language::Languages;
use super::normaliser::Normaliser;
use super::part::{KeyPart, PartWriter};
use super::query_rule::{NamePattern, Names, QueryRule};

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
    pub(super) error: Option<KeyError>,
}

#[derive(Clone, Debug)]
pub(super) struct HeaderPart {
    pub(super) name: HeaderName,
    pub(super) normaliser: Normaliser,
    /// A single line that is not rewritten counts as it was sent, its ends trimmed.
    pub(super) is_opaque: bool,
    /// What its encoding begins with.
    pub(super) prefix: Box<[u8]>,
}

#[derive(Clone)]
pub(super) struct ExtensionPart {
    pub(super) name: Box<str>,
    pub(super) of: TypeId,
    pub(super) remove: fn(&mut Extensions),
    /// Read as the type itself says.
    pub(super) is_key_part: bool,
    pub(super) read: Arc<ReadExtension>,
}

pub(super) type ReadExtension = dyn Fn(&Extensions, &mut PartWriter) -> bool + Send + Sync;

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

    /// A header field, in a normal form that means the same (RFC 9111 section 4.1), its lines merged;
    /// absent differs from empty. That is also what the inner service sees.
    pub fn header(self, name: impl AsRef<str>) -> Self {
        self.add_header("header", name.as_ref(), Normaliser::AsSent)
    }

    /// A header field whose letters count in lower case. That is also what the inner service sees.
    pub fn header_lowercase(self, name: impl AsRef<str>) -> Self {
        self.add_header("header_lowercase", name.as_ref(), Normaliser::LowerCase)
    }

    /// A header field that says yes or no: `1`, `true`, `yes`, `on` and `?1` are yes, in any case; all
    /// else, and its absence, is no. The inner service sees `1` or `0`.
    pub fn header_flag(self, name: impl AsRef<str>) -> Self {
        self.add_header("header_flag", name.as_ref(), Normaliser::Flag)
    }

    /// `Accept-Language`, negotiated to one of the languages that the application has, the first
    /// being the default (RFC 4647 section 3.4, weights by RFC 9110 section 12.5.4). That one is also
    /// what the inner service sees.
    ///
    /// ```
    /// use larder_policy::key::Key;
    ///
    /// assert!(Key::new().languages(["en", "de", "pt-BR"]).check().is_ok());
    /// let wrong = Key::new().languages(["en", "english!"]).check();
    /// assert!(wrong.unwrap_err().to_string().contains("english!"));
    /// ```
    pub fn languages<T: AsRef<str>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        match Languages::new(tags) {
            Ok(known) => {
                let normaliser = Normaliser::Languages(known);
                self.add_header("languages", "accept-language", normaliser)
            }
            Err(error) => {
                self.fail(KeyError::new("languages", error));
                self
            }
        }
    }

    /// `Accept-Encoding`, negotiated to one of the content codings that the application makes, the
    /// best first, or to `identity` (RFC 9110 section 12.5.3). That one is also what the inner
    /// service sees.
    pub fn encodings<T: AsRef<str>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        match Codings::new(names) {
            Ok(known) => {
                let normaliser = Normaliser::Codings(known);
                self.add_header("encodings", "accept-encoding", normaliser)
            }
            Err(error) => {
                self.fail(KeyError::new("encodings", error));
                self
            }
        }
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
        self.add_extension::<T>(T::NAME, true, |extensions, out| {
            let part = extensions.get::<T>();
            part.inspect(|part| part.write(out)).is_some()
        })
    }

    /// What a function reads off the `T` in the request's extensions. The inner service sees all of
    /// the `T`, and the key has only what is read: read everything that responses depend on.
    pub fn extension_with<T: Send + Sync + 'static>(
        self,
        name: &str,
        read: impl Fn(&T) -> String + Send + Sync + 'static,
    ) -> Self {
        self.add_extension::<T>(name, false, move |extensions, out| {
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

    /// The inner service sees undeclared fields, cookies and extensions too. The key is the same, and
    /// nothing but the rules of HTTP keeps what it forgets from being served to the wrong user.
    /// Parameters that do not count are taken away and declared values rewritten all the same.
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

    fn add_header(mut self, setting: &'static str, name: &str, normaliser: Normaliser) -> Self {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            self.fail(KeyError::header(setting, name));
            return self;
        };
        let order = |part: &HeaderPart| part.name.as_str().cmp(name.as_str());
        match self.headers.binary_search_by(order) {
            Ok(_) => self.fail(KeyError::repeated(setting, name.as_str())),
            Err(at) => {
                let part = HeaderPart::new(name, normaliser);
                self.headers.insert(at, part);
            }
        }
        self
    }

    fn add_extension<T: Send + Sync + 'static>(
        mut self,
        name: &str,
        is_key_part: bool,
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
                    remove: |extensions| drop(extensions.remove::<T>()),
                    is_key_part,
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

    pub(super) fn fail(&mut self, error: KeyError) {
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
