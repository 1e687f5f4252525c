//! What must be kept of a response to answer the later questions.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, ETAG, HeaderName, HeaderValue, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use crate::Refinement;
use crate::fields::{DateField, EntityTag, copy_values, date_of, number_value};
use crate::key::{MethodClass, Selection};
use crate::lines::{Lines, Value};
use crate::nanos::{NanoTime, Nanos, Window};
use crate::serving::Serving;
use crate::template::{LINE_BYTES, Template};
use crate::use_rules::{RuleBits, UseRules};

/// When a request left and its response head came (RFC 9111 section 4.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "two instants, and the RFC names no third"
)]
pub struct Exchange {
    /// Just before the inner service was called: its working time counts as age.
    pub request_time: SystemTime,
    /// When the response head arrived.
    pub response_time: SystemTime,
}

/// The head of a stored response, with everything that was worked out when it was stored.
///
/// The fields are ready to send: they have room for `Age` and `Cache-Status`, so that an answer copies a map,
/// overwrites two values and never grows it. [`pack`](Self::pack) keeps them in less memory.
#[derive(Debug, Clone)]
pub struct StoredHead {
    pub(crate) status: StatusCode,
    pub(crate) lines: Lines,
    pub(crate) class: MethodClass,
    pub(crate) response_time: NanoTime,
    pub(crate) initial_age: Nanos,
    pub(crate) lifetime: Nanos,
    pub(crate) stale_while_revalidate: Window,
    pub(crate) stale_if_error: Window,
    pub(crate) use_rules: RuleBits,
    pub(crate) date: NanoTime,
    pub(crate) selection: Selection,
    pub(crate) rare: Option<Box<Rare>>,
}

/// What few responses have. All have room for this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rare {
    pub(crate) groups: Vec<String>,
    /// The `Cache-Control` lines the inner service sent, where clients are told another.
    pub(crate) origin_cache_control: Option<Vec<HeaderValue>>,
    /// Lines with tags that clients are not told.
    pub(crate) untold: Vec<(HeaderName, HeaderValue)>,
    /// What the handler said of this response alone.
    pub(crate) refinement: Refinement,
}

impl Rare {
    /// As a head has it.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

impl StoredHead {
    /// The status code.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stored header fields, with placeholders for `Age` and `Cache-Status`. Cost: a new map.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        self.lines.to_map()
    }

    /// As [`headers`](Self::headers), for what is copied often: with what `lasting` has for a value that
    /// other responses may have too, such as one that is nobody's to count.
    pub fn headers_with(
        &self,
        lasting: impl FnMut(&HeaderValue) -> Option<HeaderValue>,
    ) -> HeaderMap {
        self.lines.to_map_with(lasting)
    }

    /// The same head with the values that are its own, and its tail, in another piece of memory: `place` is
    /// given the bytes, and says where they are.
    #[must_use]
    pub fn in_place(&self, place: impl FnOnce(Vec<u8>) -> Bytes) -> Self {
        Self {
            lines: self.lines.in_place(place),
            ..self.clone()
        }
    }

    /// About what the map of [`headers`](Self::headers) takes, its values apart, in bytes.
    #[must_use]
    pub fn map_bytes(&self) -> usize {
        self.lines.len().saturating_mul(LINE_BYTES)
    }

    /// Which method's responses this is one of.
    #[must_use]
    pub const fn class(&self) -> MethodClass {
        self.class
    }

    /// When the response says it was made, else when it came.
    #[must_use]
    pub fn date(&self) -> SystemTime {
        self.date.get()
    }

    /// The selecting header fields (RFC 9111 section 4.1).
    #[must_use]
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The cache groups of the response (RFC 9875).
    #[must_use]
    pub fn groups(&self) -> &[String] {
        self.rare.as_ref().map_or(&[], |rare| &rare.groups)
    }

    /// What the handler said of this response alone ([`Policy::refined`](crate::Policy::refined)).
    pub fn refinement(&self) -> Refinement {
        let rare = self.rare.as_ref();
        rare.map(|rare| rare.refinement).unwrap_or_default()
    }

    /// The `Cache-Control` lines the inner service sent, where clients are told another.
    pub(crate) fn origin_cache_control(&self) -> Option<&[HeaderValue]> {
        self.rare.as_ref()?.origin_cache_control.as_deref()
    }

    /// Lines with tags that clients are not told.
    pub(crate) fn untold(&self) -> &[(HeaderName, HeaderValue)] {
        self.rare.as_ref().map_or(&[], |rare| &rare.untold)
    }

    /// Freshness lifetime (RFC 9111 section 4.2.1).
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.lifetime.get()
    }

    /// How long after expiry the response may be served while it is validated (RFC 5861). Kept to the
    /// millisecond, and to the second beyond 24 days.
    #[must_use]
    pub const fn stale_while_revalidate(&self) -> Duration {
        self.stale_while_revalidate.get()
    }

    /// How long after expiry the response may be served when the inner service fails (RFC 5861). Kept
    /// as [`stale_while_revalidate`](Self::stale_while_revalidate) is.
    #[must_use]
    pub const fn stale_if_error(&self) -> Duration {
        self.stale_if_error.get()
    }

    /// Current age (RFC 9111 section 4.2.3). A clock that stepped back counts as standing still.
    #[must_use]
    #[inline]
    pub fn age(&self, now: SystemTime) -> Duration {
        self.age_at(now.into()).get()
    }

    /// Whole seconds until the response expires; negative once it is stale.
    #[must_use]
    pub fn ttl(&self, now: SystemTime) -> i64 {
        self.serving(now).ttl()
    }

    /// How old the response is, to serve it now whatever its freshness.
    #[must_use]
    #[inline]
    pub fn serving(&self, now: impl Into<NanoTime>) -> Serving {
        Serving::new(self.age_at(now.into()), self.lifetime)
    }

    #[inline]
    const fn age_at(&self, now: NanoTime) -> Nanos {
        let resident = now.since(self.response_time);
        self.initial_age.plus(resident)
    }

    /// What clients are told instead of the inner service's `Cache-Control`, if anything.
    #[must_use]
    pub fn downstream(&self) -> Option<HeaderValue> {
        self.origin_cache_control()
            .and_then(|_| self.lines.get_all(&CACHE_CONTROL).next())
            .map(Value::to_value)
    }

    /// The response has an `ETag` slot that waits for an entity tag made from the body.
    #[must_use]
    #[inline]
    pub const fn has_etag_slot(&self) -> bool {
        self.use_rules.get().etag_slot
    }

    /// The entity tag the inner service gave, if it gave exactly one that is well formed.
    #[must_use]
    pub fn entity_tag(&self) -> Option<EntityTag<'_>> {
        self.etag_value()
            .and_then(|v| EntityTag::parse(v.as_bytes()))
    }

    /// The `ETag` value the inner service gave, to be sent back verbatim.
    pub(crate) fn etag_value(&self) -> Option<Value<'_>> {
        if self.has_etag_slot() {
            None
        } else {
            self.lines.single(&ETAG)
        }
    }

    pub(crate) fn last_modified_value(&self) -> Option<Value<'_>> {
        self.lines.single(&LAST_MODIFIED)
    }

    /// Whether a later request could be validated with what the inner service gave.
    pub(crate) fn has_validator(&self) -> bool {
        let modified = date_of(self.lines.get_all(&LAST_MODIFIED), self.response_time.get());
        self.entity_tag().is_some() || matches!(modified, DateField::Valid(_))
    }

    /// Gives the response the length that its complete body had, so that HEAD and HTTP/1.1 clients
    /// are told it. One that was stated is the same, or the body would not be complete. Statuses
    /// without a body are left alone.
    pub fn complete(&mut self, body_bytes: u64) {
        let bodiless = matches!(
            self.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        if self.class != MethodClass::Head && !bodiless {
            self.lines.insert(CONTENT_LENGTH, number_value(body_bytes));
        }
    }

    /// Lets the head keep nothing but what is its own, in one piece of memory with the parts of `tail`,
    /// such as a small body: the rest of its fields is a template, of which `share` may know another that
    /// is equal, for all that have it.
    ///
    /// Nothing else changes but the order of the fields. Cost: two maps.
    pub fn pack(&mut self, tail: &[&[u8]], share: impl FnOnce(&Template) -> Option<Template>) {
        let rules = self.use_rules;
        self.lines = self.lines.packed(|name| rules.has_room(name), tail, share);
        if let Some(rare) = &mut self.rare {
            let told = rare.origin_cache_control.iter_mut().flatten();
            copy_values(told.chain(rare.untold.iter_mut().map(|(_, value)| value)));
        }
    }

    /// What was [packed](Self::pack) with the head. Cost: shares its memory.
    #[must_use]
    #[inline]
    pub fn tail(&self) -> Bytes {
        self.lines.tail()
    }

    /// The [`tail`](Self::tail) where it is.
    #[must_use]
    #[inline]
    pub fn tail_slice(&self) -> &[u8] {
        self.lines.tail_slice()
    }

    /// Takes a share of the freshness lifetime off it: 0.0 nothing, 0.1 a tenth, 1.0 all. Below 0.0
    /// and NaN count as 0.0, above 1.0 as 1.0.
    ///
    /// With a share drawn anew for each response, those that were stored together do not all expire
    /// together. The stale windows begin at the earlier expiry and are as long as before. Clients are
    /// told what they would have been told: the fields stay as they are. Freshening
    /// ([`Policy::freshen`](crate::Policy::freshen)) works the whole lifetime out again.
    pub fn shorten(&mut self, share: f64) {
        let lifetime = self.lifetime.get();
        let cut = if share >= 1.0 {
            lifetime
        } else if share > 0.0 {
            // Less than the longest `Duration` even when rounded up, so this cannot panic.
            lifetime.mul_f64(share)
        } else {
            Duration::ZERO
        };
        self.lifetime = lifetime.saturating_sub(cut).into();
    }

    /// The same response, usable again only after validation (RFC 9111 section 4.3.5).
    #[must_use]
    pub fn marked_invalid(&self) -> Self {
        let mut marked = self.clone();
        marked.use_rules = RuleBits::from(UseRules {
            invalidated: true,
            ..self.use_rules.get()
        });
        marked
    }

    /// Approximate memory held by the head, in bytes, its [`tail`](Self::tail) apart.
    #[must_use]
    pub fn weight(&self) -> usize {
        let field = |(name, value): (&HeaderName, &HeaderValue)| {
            name.as_str().len() + value.len() + LINE_BYTES
        };
        let untold: usize = self.untold().iter().map(|(n, v)| field((n, v))).sum();
        let groups: usize = self.groups().iter().map(|g| g.len() + 24).sum();
        let rare = self.rare.as_ref().map_or(0, |_| size_of::<Rare>());
        self.lines.weight()
            + untold
            + groups
            + rare
            + self.selection.len_bytes()
            + size_of::<Self>()
    }
}

/// The value of a field that must appear once to count.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;
    use crate::{Admission, Policy, RequestHead};

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn stored(lifetime: Duration) -> StoredHead {
        let (method, uri, fields) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
        let request = RequestHead::new(&method, &uri, &fields, false);
        let says = HeaderValue::from_static("stale-while-revalidate=20, stale-if-error=40");
        let response = HeaderMap::from_iter([(CACHE_CONTROL, says)]);
        let times = Exchange {
            request_time: START,
            response_time: START,
        };
        let policy = Policy::shared().with_route_lifetime(lifetime);
        let (class, status) = (MethodClass::Get, StatusCode::OK);
        let Admission::Store(stored) = policy.admit(class, &request, status, &response, times)
        else {
            panic!("the route gives it a lifetime")
        };
        *stored
    }

    #[test]
    fn values_that_clients_are_not_told_do_not_keep_the_buffer_they_came_in() {
        let buffer = Bytes::from(vec![b'x'; 10_000]);
        let mut secret = HeaderValue::from_maybe_shared(buffer.slice(..10)).unwrap();
        secret.set_sensitive(true);
        let mut head = stored(Duration::from_secs(60));
        head.rare = Rare {
            origin_cache_control: Some(vec![secret.clone(), secret.clone()]),
            untold: vec![(ETAG, secret)],
            ..Rare::default()
        }
        .boxed();
        head.pack(&[], |_| None);
        assert!(buffer.is_unique());
        let told = head.origin_cache_control().unwrap().iter();
        let values: Vec<_> = told.chain([&head.untold()[0].1]).collect();
        assert_eq!(values, ["xxxxxxxxxx"; 3]);
        assert!(values.iter().all(|value| value.is_sensitive()));
    }

    fn shortened(lifetime: Duration, share: f64) -> StoredHead {
        let mut stored = stored(lifetime);
        stored.shorten(share);
        stored
    }

    #[test]
    fn share_of_the_lifetime_is_taken_off() {
        let lifetime = Duration::from_secs(3600);
        for (share, left) in [
            (f64::NAN, 3600),
            (f64::NEG_INFINITY, 3600),
            (-0.5, 3600),
            (-0.0, 3600),
            (0.0, 3600),
            (0.25, 2700),
            (0.5, 1800),
            (1.0, 0),
            (1.5, 0),
            (f64::INFINITY, 0),
        ] {
            let stored = shortened(lifetime, share);
            assert_eq!(stored.lifetime(), Duration::from_secs(left), "{share}");
        }
    }

    #[test]
    fn longest_lifetimes_are_shortened_too() {
        let nearly_all = 1.0 - f64::EPSILON / 2.0;
        let tiny = f64::MIN_POSITIVE;
        for share in [tiny, 0.5, nearly_all, 1.0] {
            assert!(shortened(Duration::MAX, share).lifetime() <= Duration::MAX);
        }
        // More than 53 bits: seconds as a floating-point number would leave a rest.
        for lifetime in [Duration::MAX, Duration::new((1 << 40) + 1, 1)] {
            assert_eq!(shortened(lifetime, 1.0).lifetime(), Duration::ZERO);
        }
        assert_eq!(shortened(Duration::MAX, tiny).lifetime(), Duration::MAX);
    }

    #[test]
    fn shortened_response_expires_earlier_and_tells_clients_the_same() {
        let lifetime = Duration::from_secs(60);
        let (whole, short) = (stored(lifetime), shortened(lifetime, 0.5));
        assert_eq!(short.ttl(START), 30);
        assert_eq!(short.age(START), whole.age(START));
        assert_eq!(short.headers(), whole.headers());
        assert_eq!(short.stale_while_revalidate(), Duration::from_secs(20));
        assert_eq!(short.stale_if_error(), Duration::from_secs(40));
    }
}
