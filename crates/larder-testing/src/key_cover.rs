//! [`assert_key_covers`]: does the key have every input that the answer depends on?

use std::fmt;

use http::header::{HeaderName, HeaderValue};
use http::{Request, Response};
use http_body::Body;
use larder::policy::key::{Input, InputKind};
use larder::{Probe, Probed};
use tower::Service;

use crate::answer::{Compare, OF_THE_MOMENT};
use crate::app::App;
use crate::cover_report::{CoverReport, Missing};
use crate::perturb::{Further, Identity, Perturbed};
use crate::untestable::{Untestable, or_panic};

/// Asks an application for the same again and again, each time with one input of the request
/// changed, and panics if an answer changes although the cache would not tell the two requests apart.
/// The content of the request is dropped. See [`KeyCover`] for what is tried, and for settings.
///
/// # Panics
///
/// If the key misses an input: names it. If the test can show nothing: the route has no cache, its
/// answer is not stored or differs from one time to the next, or the application fails.
pub async fn assert_key_covers<S, B, C>(app: S, request: Request<B>)
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    S::Error: fmt::Debug,
    B: Default,
    C: Body,
    C::Error: fmt::Debug,
{
    KeyCover::new().assert(app, request).await;
}

/// [`assert_key_covers`] with settings.
///
/// # What is tried
///
/// | | |
/// |---|---|
/// | each header field of the request | changed, taken away |
/// | typical ones: `Accept`, `Accept-Encoding`, `Accept-Language`, `Authorization`, `DNT`, `Forwarded`, `Origin`, `Referer`, `Save-Data`, `Sec-CH-UA-Mobile`, `Sec-Fetch-Dest`, `User-Agent`, `X-API-Key`, `X-Forwarded-For`, `-Host`, `-Port`, `-Prefix`, `-Proto`, `X-Host`, `X-Real-IP`, `X-Requested-With`, `X-Tenant-Id` | each with one or a few values |
/// | each cookie | changed, taken away; one that nobody knows added |
/// | each parameter of the query | changed, taken away; one that nobody knows added |
/// | [identities](Self::identity) | changed, taken away |
/// | [further](Self::header) values | set |
///
/// That makes some 50 calls of the handler. Inputs that the key declares are not tried, nor are `Host`, conditions and ranges, fields for
/// caches, tracing, and fields that override the method.
///
/// A handler that knows languages, tenants or flags by other names than the typical values is only
/// found out with those: give one of each.
///
/// # What is compared
///
/// The status, all header fields but those of the moment (`Age`, `Cache-Status`, `Date`,
/// `Request-Id`, `Server-Timing`, `traceparent`, `tracestate`, `X-Correlation-Id`, `X-Request-Id`)
/// and the body, as they left the inner service.
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until `assert` or `check`"]
pub struct KeyCover {
    compare: Compare,
    further: Further,
    withheld: Vec<HeaderName>,
    wrong: Option<Untestable>,
}

impl Default for KeyCover {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyCover {
    /// The settings of [`assert_key_covers`].
    pub fn new() -> Self {
        Self {
            compare: Compare::but(&OF_THE_MOMENT),
            further: Further::default(),
            withheld: Vec::new(),
            wrong: None,
        }
    }

    /// A header field of responses that does not count.
    pub fn ignore_header(mut self, name: impl AsRef<str>) -> Self {
        let ignored = self.compare.ignore_header(name.as_ref());
        self.wrong = self.wrong.or_else(|| ignored.err());
        self
    }

    /// How bodies are compared: the function says whether two are the same. Default: byte by byte.
    pub fn compare_body_with(
        mut self,
        same: impl Fn(&[u8], &[u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.compare.compare_body_with(same);
        self
    }

    /// Puts an identity into the extensions of every request, and tries another, and none. For
    /// applications whose authentication is not part of what is tested; else give a
    /// [field](Self::header) with another user's credentials.
    pub fn identity<T: Clone + Send + Sync + 'static>(mut self, one: T, other: T) -> Self {
        self.further.identities.push(Identity::new(one, other));
        self
    }

    /// Tries one more value of a header field.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let parsed = HeaderName::try_from(name).ok();
        if let Some(field) = parsed.zip(HeaderValue::try_from(value.as_ref()).ok()) {
            self.further.headers.push(field);
        } else {
            let wrong = Untestable::setting("header", name, "or its value cannot be sent");
            self.wrong.get_or_insert(wrong);
        }
        self
    }

    /// A header field that would change the answer and is withheld on purpose, such as
    /// `X-Forwarded-Host` from a framework that makes links of it: no finding while the handler does
    /// not see it on a miss.
    pub fn withheld(mut self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        if let Ok(parsed) = HeaderName::try_from(name) {
            self.withheld.push(parsed);
        } else {
            let wrong = Untestable::setting("withheld", name, "is not the name of a header field");
            self.wrong.get_or_insert(wrong);
        }
        self
    }

    /// Tries one more cookie, or one more value of it.
    pub fn cookie(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.further.cookies.push((name.into(), value.into()));
        self
    }

    /// Tries one more parameter of the query, or one more value of it, both as they stand in a URI.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.further.parameters.push((name.into(), value.into()));
        self
    }

    /// Tries another path of the same route. For keys [by the route](larder::Key::route).
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.further.paths.push(path.into());
        self
    }

    /// Panics if the key misses an input.
    ///
    /// # Panics
    ///
    /// As [`assert_key_covers`].
    pub async fn assert<S, B, C>(&self, app: S, request: Request<B>)
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
        S::Error: fmt::Debug,
        B: Default,
        C: Body,
        C::Error: fmt::Debug,
    {
        let report = or_panic(self.check(app, request).await);
        assert!(report.is_covered(), "{report}");
    }

    /// Tells what the key misses.
    ///
    /// # Errors
    ///
    /// When the test can show nothing.
    pub async fn check<S, B, C>(
        &self,
        app: S,
        request: Request<B>,
    ) -> Result<CoverReport, Untestable>
    where
        S: Service<Request<B>, Response = Response<C>> + Clone,
        S::Error: fmt::Debug,
        B: Default,
        C: Body,
        C::Error: fmt::Debug,
    {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let (app, mut parts) = (App::new(app), request.into_parts().0);
        self.further.identify(&mut parts);
        let first = app.probed(&parts, Probe::new()).await?;
        self.settled(&first, &app.probed(&parts, Probe::new()).await?)?;
        if let Some(reason) = first.not_stored() {
            return Err(Untestable::not_stored(first.route(), reason));
        }
        let mut missing: Vec<Missing> = Vec::new();
        for Perturbed {
            input,
            parts: other,
        } in self.further.perturbed(&parts)
        {
            if first.has(&input) || missing.iter().any(|found| found.input == input) {
                continue;
            }
            // Whatever a layer outside the cache answers is not the cache's business.
            let Some(answer) = app.probe(&other, Probe::new()).await?.probed else {
                continue;
            };
            let Some(differs) = self.compare.difference(&first, &answer) else {
                continue;
            };
            if !first.would_answer(&answer) && !answer.would_answer(&first) {
                continue;
            }
            self.settled(&first, &app.probed(&parts, Probe::new()).await?)?;
            let seen = app.probed(&parts, Probe::narrowed()).await?;
            let other = app.probed(&other, Probe::narrowed()).await?;
            let withheld = self.compare.difference(&seen, &other).is_none();
            if withheld && self.is_to_be_withheld(&input) {
                continue;
            }
            missing.push(Missing {
                input,
                differs,
                withheld,
            });
        }
        let route = first.route().to_owned();
        Ok(CoverReport { route, missing })
    }

    fn is_to_be_withheld(&self, input: &Input) -> bool {
        let mut names = self.withheld.iter().map(HeaderName::as_str);
        input.kind() == InputKind::Header && names.any(|name| name == input.name())
    }

    /// The same question has the same answer.
    fn settled(&self, first: &Probed, again: &Probed) -> Result<(), Untestable> {
        let different = self.compare.difference(first, again);
        different.map_or(Ok(()), |what| {
            Err(Untestable::not_deterministic(first.route(), &what))
        })
    }
}
