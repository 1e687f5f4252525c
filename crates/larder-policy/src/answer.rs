//! Answering from a stored response: 200, 304, 206 or 416 (RFC 9110 sections 13 to 15).

use std::time::Duration;

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_RANGE, LAST_MODIFIED,
};
use http::{HeaderMap, Method, StatusCode};

use crate::fields::{
    ByteRange, CacheStatus, DateField, EntityTag, RangeRequest, content_range, date_field, date_of,
    if_none_match, number_value, parse_http_date, parse_range, unsatisfied_range,
};
use crate::stored::{StoredHead, single};
use crate::{Policy, RequestHead};

/// Which answer a stored response gives to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The stored status with the whole body (none for HEAD).
    Full,
    /// 304: the client has it already.
    NotModified,
    /// 206 with these bytes of the body.
    Partial(ByteRange),
    /// 416: no byte of the body is in the range.
    Unsatisfiable,
}

/// A stored response as a whole: its head, and what is known of its body.
#[derive(Debug, Clone, Copy)]
pub struct Representation<'a> {
    head: &'a StoredHead,
    entity_tag: Option<&'a HeaderValue>,
    body_bytes: u64,
    fields: Option<&'a HeaderMap>,
}

impl<'a> Representation<'a> {
    /// `entity_tag` is the value that belongs in the `ETag` slot, for a head that has one.
    #[must_use]
    pub const fn new(
        head: &'a StoredHead,
        entity_tag: Option<&'a HeaderValue>,
        body_bytes: u64,
    ) -> Self {
        Self {
            head,
            entity_tag,
            body_bytes,
            fields: None,
        }
    }

    /// With the map of [`StoredHead::headers`], that was made before and has the entity tag in its slot:
    /// an answer copies it.
    #[must_use]
    pub const fn with_fields(self, fields: Option<&'a HeaderMap>) -> Self {
        Self { fields, ..self }
    }

    /// The entity tag that clients see: the inner service's own, or the one made from the body.
    fn tag(&self) -> Option<EntityTag<'a>> {
        let made = || {
            self.entity_tag
                .and_then(|value| EntityTag::parse(value.as_bytes()))
        };
        self.head.entity_tag().or_else(made)
    }
}

impl Policy {
    /// Which answer does a stored response give to this request?
    #[must_use]
    #[inline]
    pub fn answer(&self, request: &RequestHead<'_>, stored: &Representation<'_>) -> Answer {
        let conditional = request.is_conditional() || request.has_range();
        if !conditional || !stored.head.status.is_success() {
            return Answer::Full;
        }
        let (head, tag) = (stored.head, stored.tag());
        if not_modified(request, head, tag) {
            return Answer::NotModified;
        }
        let ranged = request.has_range()
            && *request.method == Method::GET
            && head.status == StatusCode::OK
            && if_range_holds(request, head, tag);
        if !ranged {
            return Answer::Full;
        }
        match parse_range(request.headers, stored.body_bytes) {
            RangeRequest::One(range) => Answer::Partial(range),
            RangeRequest::Unsatisfiable => Answer::Unsatisfiable,
            _ => Answer::Full,
        }
    }

    /// The head of an answer: gives its status, and puts its fields in the place of those in
    /// `headers`. Cost for [`Answer::Full`]: one clone of the stored map and two values.
    #[inline]
    pub fn answer_head(
        &self,
        answer: Answer,
        request: &RequestHead<'_>,
        stored: &Representation<'_>,
        age: Duration,
        status: &CacheStatus,
        headers: &mut HeaderMap,
    ) -> StatusCode {
        let lines = &stored.head.lines;
        *headers = stored.fields.unwrap_or_else(|| lines.common()).clone();
        if stored.fields.is_none() {
            lines.fill_places(headers);
        }
        let member = self.cache_status.then(|| status.member(&self.name));
        let mut room = stored.head.use_rules;
        if stored.fields.is_some() {
            room = room.without_etag_slot();
        }
        room.fill_room(headers, age, member, stored.entity_tag);
        match answer {
            Answer::Full => stored.head.status,
            Answer::NotModified => {
                shape_not_modified(headers);
                StatusCode::NOT_MODIFIED
            }
            Answer::Partial(range) => {
                shape_partial(headers, request, range, stored.body_bytes);
                StatusCode::PARTIAL_CONTENT
            }
            Answer::Unsatisfiable => {
                shape_unsatisfiable(headers, stored.body_bytes);
                StatusCode::RANGE_NOT_SATISFIABLE
            }
        }
    }
}

/// RFC 9110 section 13.2.2, steps 3 and 4, and RFC 9111 section 4.3.2.
fn not_modified(
    request: &RequestHead<'_>,
    stored: &StoredHead,
    tag: Option<EntityTag<'_>>,
) -> bool {
    if !request.is_conditional() {
        return false;
    }
    if let Some(matched) = if_none_match(request.headers, tag) {
        return matched;
    }
    let DateField::Valid(since) = date_field(
        request.headers,
        &IF_MODIFIED_SINCE,
        stored.response_time.get(),
    ) else {
        return false;
    };
    let modified = match date_of(
        stored.lines.get_all(&LAST_MODIFIED),
        stored.response_time.get(),
    ) {
        DateField::Valid(modified) => modified,
        DateField::Absent | DateField::Invalid => stored.date(),
    };
    modified <= since
}

/// RFC 9110 section 13.1.5: strong entity tag, or the identical date when that is strong.
fn if_range_holds(
    request: &RequestHead<'_>,
    stored: &StoredHead,
    tag: Option<EntityTag<'_>>,
) -> bool {
    if !request.has_if_range() {
        return true;
    }
    let Some(condition) = single(request.headers, &IF_RANGE) else {
        return false;
    };
    if let Some(wanted) = EntityTag::parse(condition.as_bytes()) {
        return tag.is_some_and(|tag| tag.strong_eq(&wanted));
    }
    let modified = stored
        .last_modified_value()
        .filter(|value| value.as_bytes() == condition.as_bytes());
    modified
        .and_then(|value| parse_http_date(value.as_bytes(), stored.response_time.get()))
        .is_some_and(|modified| modified + Duration::from_secs(1) <= stored.date())
}

/// RFC 9110 section 15.4.5.
fn shape_not_modified(headers: &mut HeaderMap) {
    for name in [
        CONTENT_TYPE,
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_RANGE,
    ] {
        headers.remove(name);
    }
    for name in DIGESTS {
        headers.remove(name);
    }
    if headers.contains_key(ETAG) {
        headers.remove(LAST_MODIFIED);
    }
}

/// RFC 9110 section 15.3.7: with `If-Range` the client has the representation's other fields.
fn shape_partial(headers: &mut HeaderMap, request: &RequestHead<'_>, range: ByteRange, total: u64) {
    if request.has_if_range() {
        for name in [
            CONTENT_TYPE,
            CONTENT_ENCODING,
            CONTENT_LANGUAGE,
            LAST_MODIFIED,
        ] {
            headers.remove(name);
        }
    }
    for name in DIGESTS {
        headers.remove(name);
    }
    headers.insert(CONTENT_RANGE, content_range(range, total));
    headers.insert(CONTENT_LENGTH, number_value(range.len()));
}

/// RFC 9110 section 15.5.17.
fn shape_unsatisfiable(headers: &mut HeaderMap, total: u64) {
    for name in [
        CONTENT_TYPE,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        ETAG,
        LAST_MODIFIED,
    ] {
        headers.remove(name);
    }
    for name in DIGESTS {
        headers.remove(name);
    }
    headers.insert(CONTENT_RANGE, unsatisfied_range(total));
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
}

/// Digests of the content as sent (RFC 9530): wrong for any part of it.
const DIGESTS: [HeaderName; 2] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
];
