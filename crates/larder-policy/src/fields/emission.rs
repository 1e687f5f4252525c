//! `Cache-Control` as sent, built so that what contradicts itself does not compile.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use http::HeaderValue;
use sfv::{DictSerializer, KeyRef};

use super::cache_control::{FieldNames, ResponseDirectives};
use super::time::DeltaSeconds;
use super::value::ValueText;

/// What a response tells caches: text for `Cache-Control` and the fields derived from it.
///
/// [`Self::public`] and [`Self::private`] start a [`CacheControlBuilder`], which converts into this
/// type; the others are complete as they are.
///
/// ```
/// # use std::time::Duration;
/// use larder_policy::fields::CacheControl;
///
/// let control: CacheControl = CacheControl::public()
///     .max_age(Duration::from_secs(600))
///     .stale_while_revalidate(Duration::from_secs(30))
///     .into();
/// assert_eq!(control.header_value(), "public, max-age=600, stale-while-revalidate=30");
/// assert_eq!(control.surrogate_value(), "max-age=600+30");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheControl {
    directives: ResponseDirectives,
}

impl CacheControl {
    /// Every cache may store the response.
    pub fn public() -> CacheControlBuilder<PublicResponse> {
        CacheControlBuilder::new(ResponseDirectives {
            public: true,
            ..Default::default()
        })
    }

    /// Only the user's own cache may store the response.
    pub fn private() -> CacheControlBuilder<PrivateResponse> {
        let private = FieldNames::All;
        CacheControlBuilder::new(ResponseDirectives {
            private,
            ..Default::default()
        })
    }

    /// No cache may store the response.
    #[must_use]
    pub fn no_store() -> Self {
        Self {
            directives: ResponseDirectives {
                no_store: true,
                ..Default::default()
            },
        }
    }

    /// Caches may store the response but must validate it before every use.
    #[must_use]
    pub fn no_cache() -> Self {
        let no_cache = FieldNames::All;
        Self {
            directives: ResponseDirectives {
                no_cache,
                ..Default::default()
            },
        }
    }

    /// As [`Self::no_cache`], and only the user's own cache may store the response.
    #[must_use]
    pub fn private_no_cache() -> Self {
        let Self { directives } = Self::no_cache();
        Self {
            directives: ResponseDirectives {
                private: FieldNames::All,
                ..directives
            },
        }
    }

    /// Intermediaries must not transform the content.
    #[must_use]
    pub fn no_transform(mut self) -> Self {
        self.directives.no_transform = true;
        self
    }

    /// The directives, as a cache would read them from [`Self::header_value`].
    #[must_use]
    pub fn directives(&self) -> &ResponseDirectives {
        &self.directives
    }

    /// The value of a `Cache-Control` field (RFC 9111 section 5.2).
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        let mut text = ValueText::default();
        for (name, argument) in self.members() {
            text.start_member();
            text.push(name);
            if let Some(seconds) = argument {
                text.push("=");
                text.push_number(seconds);
            }
        }
        text.finish()
    }

    /// The value of a targeted field such as `CDN-Cache-Control` (RFC 9213): a dictionary.
    #[must_use]
    pub fn targeted_value(&self) -> HeaderValue {
        let mut dictionary = DictSerializer::new();
        for (name, argument) in self.members() {
            let Ok(key) = KeyRef::from_str(name) else {
                continue;
            };
            match argument {
                None => dictionary.bare_item(key, true),
                Some(seconds) => dictionary.bare_item(key, seconds),
            };
        }
        let text = dictionary.finish().unwrap_or_default();
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The value of a `Surrogate-Control` field (Edge Architecture Specification 1.0).
    ///
    /// That field has few words, and where they do not suffice the stricter one is written:
    /// `no-store` for a response that is private or must be understood, and a lifetime of zero for
    /// one that must be validated or has no lifetime. The number after `+` is the
    /// `stale-while-revalidate` window.
    #[must_use]
    pub fn surrogate_value(&self) -> HeaderValue {
        let directives = &self.directives;
        if directives.no_store || !directives.private.is_absent() {
            return HeaderValue::from_static("no-store");
        }
        let mut text = ValueText::default();
        let lifetime = directives
            .s_maxage
            .or(directives.max_age)
            .unwrap_or_default();
        text.push("max-age=");
        text.push_number(lifetime.as_secs());
        if let Some(window) = directives.stale_while_revalidate {
            text.push("+");
            text.push_number(window.as_secs());
        }
        text.finish()
    }

    /// The directives present with their arguments, in the order they are written.
    fn members(&self) -> impl Iterator<Item = (&'static str, Option<u32>)> {
        let d = &self.directives;
        let flag = |present: bool, name| present.then_some((name, None));
        let seconds = |value: Option<DeltaSeconds>, name| {
            value.map(|seconds| (name, Some(seconds.as_secs())))
        };
        [
            flag(d.must_understand, "must-understand"),
            flag(d.no_store, "no-store"),
            flag(!d.private.is_absent(), "private"),
            flag(d.public, "public"),
            flag(!d.no_cache.is_absent(), "no-cache"),
            seconds(d.max_age, "max-age"),
            seconds(d.s_maxage, "s-maxage"),
            seconds(d.stale_while_revalidate, "stale-while-revalidate"),
            seconds(d.stale_if_error, "stale-if-error"),
            flag(d.must_revalidate, "must-revalidate"),
            flag(d.proxy_revalidate, "proxy-revalidate"),
            flag(d.immutable, "immutable"),
            flag(d.no_transform, "no-transform"),
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Display for CacheControl {
    /// Writes the text of [`CacheControl::header_value`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.header_value().to_str().unwrap_or_default())
    }
}

impl<Audience, Lifetime, Staleness> From<CacheControlBuilder<Audience, Lifetime, Staleness>>
    for CacheControl
{
    fn from(builder: CacheControlBuilder<Audience, Lifetime, Staleness>) -> Self {
        Self {
            directives: builder.directives,
        }
    }
}

/// A response that may be stored, and on what terms.
///
/// The parameters remember what has been said, so that a method which would contradict it does not
/// exist. Durations are cut to whole seconds and to [`DeltaSeconds::MAX`].
///
/// | Method | Needs |
/// |---|---|
/// | `s_maxage`, `proxy_revalidate` | a public response |
/// | `immutable` | a lifetime |
/// | `must_revalidate` | no stale window |
/// | `stale_while_revalidate`, `stale_if_error` | no `must_revalidate` |
///
/// ```compile_fail,E0599
/// # use std::time::Duration;
/// # use larder_policy::fields::CacheControl;
/// // A response that must be revalidated is never served stale.
/// CacheControl::public().must_revalidate().stale_if_error(Duration::from_secs(60));
/// ```
///
/// ```compile_fail,E0599
/// # use std::time::Duration;
/// # use larder_policy::fields::CacheControl;
/// // Shared caches do not store a private response.
/// CacheControl::private().s_maxage(Duration::from_secs(60));
/// ```
///
/// ```compile_fail,E0599
/// # use larder_policy::fields::CacheControl;
/// // Immutable means: while fresh.
/// CacheControl::public().immutable();
/// ```
///
/// ```compile_fail,E0599
/// # use std::time::Duration;
/// # use larder_policy::fields::CacheControl;
/// // What is not stored has no lifetime.
/// CacheControl::no_store().max_age(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CacheControlBuilder<Audience, Lifetime = (), Staleness = ()> {
    directives: ResponseDirectives,
    state: PhantomData<(Audience, Lifetime, Staleness)>,
}

/// State of a [`CacheControlBuilder`]: every cache may store the response.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum PublicResponse {}

/// State of a [`CacheControlBuilder`]: only the user's own cache may store the response.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum PrivateResponse {}

/// State of a [`CacheControlBuilder`]: the response has a freshness lifetime.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum WithLifetime {}

/// State of a [`CacheControlBuilder`]: the response must not be served stale.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum NeverStale {}

/// State of a [`CacheControlBuilder`]: the response may be served stale for some time.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum MaybeStale {}

impl<Audience, Lifetime, Staleness> CacheControlBuilder<Audience, Lifetime, Staleness> {
    fn new(directives: ResponseDirectives) -> Self {
        Self {
            directives,
            state: PhantomData,
        }
    }

    fn with<L, S>(
        mut self,
        change: impl FnOnce(&mut ResponseDirectives),
    ) -> CacheControlBuilder<Audience, L, S> {
        change(&mut self.directives);
        CacheControlBuilder::new(self.directives)
    }

    /// The response is fresh for this long in every cache.
    pub fn max_age(
        self,
        lifetime: Duration,
    ) -> CacheControlBuilder<Audience, WithLifetime, Staleness> {
        self.with(|directives| directives.max_age = Some(lifetime.into()))
    }

    /// Intermediaries must not transform the content.
    pub fn no_transform(self) -> Self {
        self.with(|directives| directives.no_transform = true)
    }

    /// Only a cache that knows the status code may store the response.
    ///
    /// Caches that do not know this directive are told `no-store`, as RFC 9111 section 5.2.2.3
    /// recommends; those that do ignore that `no-store`.
    pub fn must_understand(self) -> Self {
        self.with(|directives| {
            directives.must_understand = true;
            directives.no_store = true;
        })
    }
}

impl<Lifetime, Staleness> CacheControlBuilder<PublicResponse, Lifetime, Staleness> {
    /// The response is fresh for this long in shared caches, whatever `max_age` says.
    ///
    /// It also forbids shared caches to serve the response stale (RFC 9111 section 5.2.2.10), so
    /// that a stale window remains for private caches only. For stale windows prefer `max_age`.
    pub fn s_maxage(
        self,
        lifetime: Duration,
    ) -> CacheControlBuilder<PublicResponse, WithLifetime, Staleness> {
        self.with(|directives| directives.s_maxage = Some(lifetime.into()))
    }

    /// Shared caches must not serve the response stale; a stale window is for private caches only.
    pub fn proxy_revalidate(self) -> Self {
        self.with(|directives| directives.proxy_revalidate = true)
    }
}

impl<Audience, Staleness> CacheControlBuilder<Audience, WithLifetime, Staleness> {
    /// The response does not change while it is fresh (RFC 8246).
    pub fn immutable(self) -> Self {
        self.with(|directives| directives.immutable = true)
    }
}

impl<Audience, Lifetime> CacheControlBuilder<Audience, Lifetime, ()> {
    /// No cache may serve the response stale.
    pub fn must_revalidate(self) -> CacheControlBuilder<Audience, Lifetime, NeverStale> {
        self.with(|directives| directives.must_revalidate = true)
    }

    /// For this long after expiry it may be served while it is validated (RFC 5861 section 3).
    pub fn stale_while_revalidate(
        self,
        window: Duration,
    ) -> CacheControlBuilder<Audience, Lifetime, MaybeStale> {
        self.with(|directives| directives.stale_while_revalidate = Some(window.into()))
    }

    /// For this long after expiry it may be served when validation fails (RFC 5861 section 4).
    pub fn stale_if_error(
        self,
        window: Duration,
    ) -> CacheControlBuilder<Audience, Lifetime, MaybeStale> {
        self.with(|directives| directives.stale_if_error = Some(window.into()))
    }
}

impl<Audience, Lifetime> CacheControlBuilder<Audience, Lifetime, MaybeStale> {
    /// For this long after expiry it may be served while it is validated (RFC 5861 section 3).
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        self.with(|directives| directives.stale_while_revalidate = Some(window.into()))
    }

    /// For this long after expiry it may be served when validation fails (RFC 5861 section 4).
    pub fn stale_if_error(self, window: Duration) -> Self {
        self.with(|directives| directives.stale_if_error = Some(window.into()))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};
    use proptest::prelude::*;

    use super::super::targeted::parse_targeted;
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn assert_text(control: impl Into<CacheControl>, field: &str, targeted: &str, surrogate: &str) {
        let control = control.into();
        assert_eq!(control.header_value(), field);
        assert_eq!(control.to_string(), field);
        assert_eq!(control.targeted_value(), targeted);
        assert_eq!(control.surrogate_value(), surrogate);
        assert_read_back(&control).unwrap();
    }

    /// What is sent is what a cache reads, from either kind of field.
    fn assert_read_back(control: &CacheControl) -> Result<(), TestCaseError> {
        let read = ResponseDirectives::parse([control.header_value()].iter());
        prop_assert_eq!(&read, control.directives());
        let name = HeaderName::from_static("cdn-cache-control");
        let headers = HeaderMap::from_iter([(name.clone(), control.targeted_value())]);
        let read = parse_targeted(&headers, &name);
        prop_assert_eq!(read.as_ref(), Some(control.directives()));
        Ok(())
    }

    #[test]
    fn each_directive_is_written() {
        assert_text(CacheControl::no_store(), "no-store", "no-store", "no-store");
        assert_text(
            CacheControl::no_cache(),
            "no-cache",
            "no-cache",
            "max-age=0",
        );
        let control = CacheControl::private_no_cache().no_transform();
        let text = "private, no-cache, no-transform";
        assert_text(control, text, text, "no-store");
        assert_text(CacheControl::public(), "public", "public", "max-age=0");
        let control = CacheControl::public().max_age(secs(5));
        assert_text(
            control,
            "public, max-age=5",
            "public, max-age=5",
            "max-age=5",
        );
        let control = CacheControl::public()
            .s_maxage(secs(600))
            .max_age(secs(5))
            .proxy_revalidate();
        let text = "public, max-age=5, s-maxage=600, proxy-revalidate";
        assert_text(control, text, text, "max-age=600");
        let control = CacheControl::public()
            .max_age(secs(600))
            .stale_while_revalidate(secs(30))
            .stale_if_error(secs(60))
            .no_transform();
        let text =
            "public, max-age=600, stale-while-revalidate=30, stale-if-error=60, no-transform";
        assert_text(control, text, text, "max-age=600+30");
        let control = CacheControl::private()
            .max_age(secs(9))
            .must_revalidate()
            .immutable();
        let text = "private, max-age=9, must-revalidate, immutable";
        assert_text(control, text, text, "no-store");
    }

    #[test]
    fn must_understand_tells_other_caches_not_to_store() {
        let control = CacheControl::public().max_age(secs(9)).must_understand();
        let text = "must-understand, no-store, public, max-age=9";
        assert_text(control, text, text, "no-store");
    }

    #[test]
    fn the_last_duration_counts_and_durations_are_whole_and_bounded() {
        let control = CacheControl::public()
            .max_age(secs(1))
            .max_age(Duration::from_millis(2_999))
            .stale_if_error(secs(1))
            .stale_if_error(Duration::MAX);
        let text = "public, max-age=2, stale-if-error=2147483648";
        assert_text(control, text, text, "max-age=2");
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_back(
            private: bool,
            understood: bool,
            untransformed: bool,
            immutable: bool,
            s_maxage: Option<u64>,
            age: u64,
            staleness in prop::option::of((any::<u32>(), prop::option::of(any::<u32>()))),
        ) {
            let control: CacheControl = if private {
                let control = CacheControl::private().max_age(secs(age));
                let control = if immutable { control.immutable() } else { control };
                let control = if untransformed { control.no_transform() } else { control };
                let control = if understood { control.must_understand() } else { control };
                control.must_revalidate().into()
            } else {
                let control = CacheControl::public().max_age(secs(age));
                let control = match s_maxage {
                    Some(age) => control.s_maxage(secs(age)).proxy_revalidate(),
                    None => control,
                };
                match staleness {
                    None => control.into(),
                    Some((window, None)) => {
                        control.stale_while_revalidate(secs(window.into())).into()
                    }
                    Some((window, Some(errors))) => control
                        .stale_if_error(secs(errors.into()))
                        .stale_while_revalidate(secs(window.into()))
                        .into(),
                }
            };
            assert_read_back(&control)?;
        }
    }
}
