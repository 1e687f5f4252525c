//! Building a [`StoredHead`]: which fields are kept, and what is worked out ahead of time
//! (RFC 9111 section 3.1).

use std::time::Duration;

use http::header::{
    AGE, CACHE_CONTROL, CACHE_STATUS, CONNECTION, DATE, ETAG, HeaderName, HeaderValue,
    LAST_MODIFIED, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, StatusCode};

use crate::Policy;
use crate::fields::{
    CACHE_GROUPS, DateField, DeltaSeconds, PolicyField, TagFields, cache_groups, date_field,
    http_date, split_list, strip_member,
};
use crate::freshness::{Lifetime, initial_age, response_date};
use crate::key::{MethodClass, Selection};
use crate::lines::Lines;
use crate::policy::Mode;
use crate::reason::SkipReason;
use crate::stored::{Exchange, Rare, StoredHead, single};
use crate::use_rules::{UseRules, drop_last};

impl Policy {
    /// Turns a response head into a stored one. Says nothing about whether it may be stored.
    #[expect(
        clippy::too_many_arguments,
        reason = "one caller for storing, one for freshening"
    )]
    pub(crate) fn assemble(
        &self,
        class: MethodClass,
        status: StatusCode,
        received: &HeaderMap,
        field: &PolicyField,
        lifetime: Lifetime,
        selection: Selection,
        times: Exchange,
    ) -> StoredHead {
        let date = response_date(received, times.response_time);
        let mut headers = received.clone();
        self.strip(&mut headers, field);
        let untold = self.withhold_names(&mut headers, received);
        if !matches!(
            date_field(&headers, &DATE, times.response_time),
            DateField::Valid(_)
        ) {
            headers.insert(DATE, http_date(times.response_time));
        }
        let origin_cache_control = self.tell_clients(&mut headers, field);
        let (headers, room) = self.with_room(headers, class, status);
        let (revalidate, error) = self.stale_windows(field);
        let rare = Rare {
            groups: cache_groups(received),
            origin_cache_control,
            untold,
            refinement: self.refinement,
        };
        StoredHead {
            status,
            lines: Lines::new(headers),
            class,
            response_time: times.response_time.into(),
            initial_age: initial_age(received, date, times).into(),
            lifetime: lifetime.value.into(),
            stale_while_revalidate: revalidate.into(),
            stale_if_error: error.into(),
            use_rules: self.use_rules(field, revalidate, error, room).into(),
            date: date.into(),
            selection,
            rare: rare.boxed(),
        }
    }

    /// Removes what must not be stored: the connection's own fields, and fields that the response
    /// lets only its first receiver, or only a validated answer, have.
    fn strip(&self, headers: &mut HeaderMap, field: &PolicyField) {
        for name in connection_options(headers) {
            headers.remove(name);
        }
        for name in NEVER_STORED {
            headers.remove(name);
        }
        headers.remove(AGE);
        strip_member(headers, &self.name);
        for name in field.directives.no_cache.names() {
            headers.remove(name);
        }
        if self.mode == Mode::Shared {
            for name in field.directives.private.names() {
                headers.remove(name);
            }
        }
        if !self.store_set_cookie {
            headers.remove(SET_COOKIE);
        }
    }

    /// The lines with tags and groups that are not sent to clients: they are kept apart, for whoever
    /// purges, and for a 304 that replaces some of them.
    fn withhold_names(
        &self,
        headers: &mut HeaderMap,
        received: &HeaderMap,
    ) -> Vec<(HeaderName, HeaderValue)> {
        self.tag_fields.strip_from(headers);
        let mut untold = Vec::new();
        let groups = Some(CACHE_GROUPS).filter(|name| !self.tag_fields.has(name));
        for name in self.tag_fields.names().chain(&groups) {
            if !headers.contains_key(name) {
                let lines = received.get_all(name).iter();
                untold.extend(lines.map(|line| (name.clone(), line.clone())));
            }
        }
        untold
    }

    /// The fields with placeholders that an answer overwrites, those before all others, where an
    /// answer finds them without looking. Also returns what room was made.
    fn with_room(
        &self,
        fields: HeaderMap,
        class: MethodClass,
        status: StatusCode,
    ) -> (HeaderMap, UseRules) {
        let upstream_status = fields.contains_key(CACHE_STATUS);
        let etag_slot = self.generate_etag
            && class == MethodClass::Get
            && status == StatusCode::OK
            && !fields.contains_key(ETAG);
        let mut headers = HeaderMap::with_capacity(fields.keys_len().saturating_add(3));
        headers.insert(AGE, HeaderValue::from_static("0"));
        if self.cache_status && !upstream_status {
            headers.insert(CACHE_STATUS, HeaderValue::from_static(""));
        }
        if etag_slot {
            headers.insert(ETAG, HeaderValue::from_static(""));
        }
        headers.extend(fields);
        if self.cache_status && upstream_status {
            headers.append(CACHE_STATUS, HeaderValue::from_static(""));
        }
        let room = UseRules {
            etag_slot,
            status_slot: self.cache_status,
            upstream_status,
            ..UseRules::default()
        };
        (headers, room)
    }

    fn stale_windows(&self, field: &PolicyField) -> (Duration, Duration) {
        let window = |stated: Option<DeltaSeconds>, route: Option<Duration>| {
            stated
                .map(DeltaSeconds::as_duration)
                .or(route)
                .unwrap_or_default()
        };
        (
            window(
                field.directives.stale_while_revalidate,
                self.stale_while_revalidate,
            ),
            window(field.directives.stale_if_error, self.stale_if_error),
        )
    }

    fn use_rules(
        &self,
        field: &PolicyField,
        revalidate: Duration,
        error: Duration,
        room: UseRules,
    ) -> UseRules {
        let directives = &field.directives;
        let no_cache = directives.no_cache.is_unqualified();
        let window = !revalidate.is_zero() || !error.is_zero();
        let implied =
            directives.s_maxage.is_some() && !(self.explicit_window_beats_s_maxage && window);
        let shared_only = self.mode == Mode::Shared && (directives.proxy_revalidate || implied);
        UseRules {
            no_cache,
            stale_forbidden: no_cache || directives.must_revalidate || shared_only,
            immutable: directives.immutable,
            ..room
        }
    }
}

impl StoredHead {
    /// The tags in the fields of the response, those included that clients do not see.
    ///
    /// # Errors
    ///
    /// Why a response with these tags is not to be stored: [`SkipReason::InvalidTag`] or
    /// [`SkipReason::TooManyTags`].
    pub fn tags(&self, fields: &TagFields) -> Result<Vec<&str>, SkipReason> {
        let told = self
            .lines
            .iter()
            .map(|(name, line)| (name, line.as_bytes()));
        let untold = self.untold().iter();
        let untold = untold.map(|(name, line)| (name, line.as_bytes()));
        fields.tags_of_lines(told.chain(untold))
    }
}

/// The fields that `Connection` names (RFC 9110 section 7.6.1).
pub(crate) fn connection_options(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| split_list(value.as_bytes()))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .collect()
}

/// Brings the head back to what the inner service sent, as far as it was stored.
pub(crate) fn received_fields(stored: &StoredHead) -> HeaderMap {
    let mut headers = stored.headers();
    headers.remove(AGE);
    if stored.has_etag_slot() {
        headers.remove(ETAG);
    }
    if stored.use_rules.get().status_slot {
        drop_last(&mut headers, &CACHE_STATUS);
    }
    if let Some(lines) = stored.origin_cache_control() {
        headers.remove(CACHE_CONTROL);
        for line in lines {
            headers.append(CACHE_CONTROL, line.clone());
        }
    }
    for (name, line) in stored.untold() {
        headers.append(name.clone(), line.clone());
    }
    headers
}

/// Whether a 304's field may replace a stored one (RFC 9111 section 3.2).
pub(crate) fn is_updatable(name: &HeaderName, store_set_cookie: bool) -> bool {
    !NEVER_STORED.contains(name)
        && !matches!(
            name.as_str(),
            "content-encoding" | "content-length" | "content-range"
        )
        && (store_set_cookie || *name != SET_COOKIE)
}

/// A validator that can be compared: one line only.
pub(crate) fn last_modified(headers: &HeaderMap) -> Option<&HeaderValue> {
    single(headers, &LAST_MODIFIED)
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields of one connection or one hop (RFC 9111 section 3.1), and the announcement of trailers,
/// which are not stored either.
const NEVER_STORED: [HeaderName; 10] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHENTICATION_INFO,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
