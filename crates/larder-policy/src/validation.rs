//! Question 4: validate a stored response, and freshen it on 304 (RFC 9111 section 4.3, section
//! 3.2).

use std::time::SystemTime;

use http::header::{
    DATE, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{Method, StatusCode};

use crate::assembly::{is_updatable, last_modified, received_fields};
use crate::fields::{
    CACHE_GROUPS, DateField, date_field, http_date, select, single_entity_tag, split_list,
};
use crate::key::{Selection, Vary};
use crate::reason::SkipReason;
use crate::stored::{Exchange, StoredHead};
use crate::{Policy, RequestHead};

/// What a response to a validation request means for the stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validation {
    /// 500, 502, 503 or 504: serve the stored response if [`Policy::serves_on_failure`] lets it,
    /// else relay. Keep the stored response either way. Without a client waiting also what says
    /// nothing of the stored response ([`Policy::validated_unattended`]).
    Failed,
    /// 304 that confirms the stored response: freshen it and answer from it.
    Freshen,
    /// 304 that does not speak of this stored response: drop it and ask again without conditions.
    Mismatch,
    /// Another 5xx: relay it and keep the stored response.
    Relay,
    /// Anything else answers the request and supersedes the stored response.
    Replace,
}

/// A stored response after a 304.
#[derive(Debug)]
pub struct Freshened {
    head: Box<StoredHead>,
    skip: Option<SkipReason>,
}

impl Freshened {
    /// The freshened head, to answer this request from.
    #[must_use]
    pub fn into_head(self) -> Box<StoredHead> {
        self.head
    }

    /// Why the freshened head is not to be stored, if it is not.
    #[must_use]
    pub const fn skip(&self) -> Option<SkipReason> {
        self.skip
    }

    /// The response itself forbids storing now: answer once, then delete what is stored. When only
    /// this request was in the way (its `no-store` or its credentials), what is stored stays as it
    /// was.
    #[must_use]
    pub const fn forbids_stored(&self) -> bool {
        !matches!(
            self.skip,
            None | Some(
                SkipReason::Authorization | SkipReason::Cookie | SkipReason::RequestNoStore
            )
        )
    }
}

impl Policy {
    /// Turns the fields of a request into those of a validation request for `stored`: the client's
    /// own conditions and ranges go, the stored validators come. Without a validator the result is
    /// an ordinary request.
    pub fn condition(&self, stored: &StoredHead, headers: &mut HeaderMap) {
        self.uncondition(headers);
        if stored.entity_tag().is_some()
            && let Some(tag) = stored.etag_value()
        {
            headers.insert(IF_NONE_MATCH, tag.to_value());
        }
        if let Some(modified) = stored.last_modified_value() {
            headers.insert(IF_MODIFIED_SINCE, modified.to_value());
        }
    }

    /// Removes conditions and ranges, so that a full response comes back.
    pub fn uncondition(&self, headers: &mut HeaderMap) {
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE, IF_RANGE] {
            headers.remove(name);
        }
    }

    /// What does the response to a validation request mean?
    #[must_use]
    pub fn validated(
        &self,
        stored: &StoredHead,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Validation {
        match status.as_u16() {
            304 if confirms(stored, headers) => Validation::Freshen,
            304 => Validation::Mismatch,
            500 | 502 | 503 | 504 => Validation::Failed,
            505..=599 | 501 => Validation::Relay,
            _ => Validation::Replace,
        }
    }

    /// Freshens a stored response with the fields of a 304 that confirmed it: stored lines of each
    /// field in the 304 are replaced, all else is kept, and policy, selecting fields, groups and
    /// age are worked out anew from this exchange.
    #[must_use]
    pub fn freshen(
        &self,
        stored: &StoredHead,
        request: &RequestHead<'_>,
        not_modified: &HeaderMap,
        times: Exchange,
    ) -> Freshened {
        let mut headers = received_fields(stored);
        self.update_fields(&mut headers, not_modified, times.response_time);
        let field = select(&headers, &self.target_list);
        let lifetime = self.freshness_lifetime(&field, stored.status, &headers, times);
        let (vary, undeclared) = match self.selecting(request, &headers) {
            Ok(vary) => (vary, None),
            Err(reason) => (Vary::Any, Some(reason)),
        };
        let skip = if undeclared.is_some() {
            undeclared
        } else if self.connection_names_caching_field(not_modified) {
            Some(SkipReason::ConnectionField)
        } else {
            self.refuse(request, stored.status, &headers, &field, lifetime, &vary)
        };
        let selection = Selection::of(vary.names(), request.headers);
        let skip = skip.or_else(|| self.refuse_selection(&selection));
        let head = self.assemble(
            stored.class,
            stored.status,
            &headers,
            &field,
            lifetime,
            selection,
            times,
        );
        Freshened {
            head: Box::new(head),
            skip,
        }
    }

    /// The fields of a 304 that tell what is stored, how long it may be used and by what it can be
    /// purged. The others may be about who asked: see [`is_of_client`](Self::is_of_client).
    #[must_use]
    pub fn impersonal(&self, not_modified: &HeaderMap) -> HeaderMap {
        let mut kept = HeaderMap::new();
        for (name, line) in not_modified {
            let ours = self.target_list.contains(name) || self.tag_fields.has(name);
            if ours || IMPERSONAL.contains(name) {
                kept.append(name.clone(), line.clone());
            }
        }
        kept
    }

    /// What a 200 to a forwarded HEAD says about a stored GET response (RFC 9111 section 4.3.5).
    #[must_use]
    pub fn head_agrees(&self, stored: &StoredHead, method: &Method, headers: &HeaderMap) -> bool {
        *method == Method::HEAD
            && AGREEING.iter().all(|name| {
                let slot = *name == http::header::ETAG && stored.has_etag_slot();
                let kept = if slot {
                    None
                } else {
                    stored.lines.get_all(name).next()
                };
                match (headers.get(name), kept) {
                    (None, _) => true,
                    (Some(new), Some(old)) => new.as_bytes() == old.as_bytes(),
                    // A length that was worked out from the body is in the stored fields too.
                    (Some(_), None) => false,
                }
            })
    }

    /// RFC 9111 section 3.2.
    fn update_fields(
        &self,
        headers: &mut HeaderMap,
        not_modified: &HeaderMap,
        response_time: SystemTime,
    ) {
        let options: Vec<&[u8]> = not_modified
            .get_all(http::header::CONNECTION)
            .iter()
            .flat_map(|value| split_list(value.as_bytes()))
            .collect();
        let updates = |name: &http::HeaderName| {
            let of_connection = |o: &&[u8]| o.eq_ignore_ascii_case(name.as_str().as_bytes());
            is_updatable(name, self.store_set_cookie) && !options.iter().any(of_connection)
        };
        for name in not_modified.keys().filter(|name| updates(name)) {
            headers.remove(name);
            for line in not_modified.get_all(name) {
                headers.append(name.clone(), line.clone());
            }
        }
        if !matches!(
            date_field(not_modified, &DATE, response_time),
            DateField::Valid(_)
        ) {
            headers.insert(DATE, http_date(response_time));
        }
    }
}

/// RFC 9111 section 4.3.4 for the one stored response whose validators were sent.
fn confirms(stored: &StoredHead, not_modified: &HeaderMap) -> bool {
    let tag = single_entity_tag(not_modified);
    let modified = last_modified(not_modified);
    let stored_modified = stored.last_modified_value();
    let same_modified = modified.is_some()
        && modified.map(http::HeaderValue::as_bytes)
            == stored_modified.map(|value| value.as_bytes());
    match (tag, stored.entity_tag()) {
        (Some(new), Some(old)) if !new.is_weak() => new.strong_eq(&old),
        (Some(new), Some(old)) => new.weak_eq(&old),
        (Some(_), None) => same_modified,
        // Every condition we sent came from this one stored response, so a bare 304 can only mean
        // it; some in-process file services send those.
        (None, _) => modified.is_none() || same_modified,
    }
}

const IMPERSONAL: [http::HeaderName; 10] = [
    http::header::AGE,
    http::header::CACHE_CONTROL,
    CACHE_GROUPS,
    http::header::CONNECTION,
    DATE,
    http::header::ETAG,
    http::header::EXPIRES,
    LAST_MODIFIED,
    http::header::PRAGMA,
    http::header::VARY,
];

const AGREEING: [http::HeaderName; 3] = [
    http::header::ETAG,
    LAST_MODIFIED,
    http::header::CONTENT_LENGTH,
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Uri;
    use http::header::SET_COOKIE;

    use super::*;
    use crate::Admission;
    use crate::key::MethodClass;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(n, v): &(&'static str, &'static str)| (n.parse().unwrap(), v.parse().unwrap());
        fields.iter().map(pair).collect()
    }

    fn freshened(
        policy: &Policy,
        status: StatusCode,
        first: &HeaderMap,
        second_request: &HeaderMap,
        not_modified: &HeaderMap,
    ) -> Freshened {
        let (method, uri, fields) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
        let request = RequestHead::new(&method, &uri, &fields, false);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let times = Exchange {
            request_time: now,
            response_time: now,
        };
        let admission = policy.admit(MethodClass::Get, &request, status, first, times);
        let Admission::Store(stored) = admission else {
            panic!("{admission:?}")
        };
        let request = RequestHead::new(&method, &uri, second_request, false);
        policy.freshen(&stored, &request, not_modified, times)
    }

    #[test]
    fn cookie_of_a_304_is_kept_only_where_cookies_are_stored() {
        let (ok, plain) = (StatusCode::OK, HeaderMap::new());
        let not_modified = map(&[("set-cookie", "a=2"), ("set-cookie", "b=2")]);
        let first = map(&[("cache-control", "max-age=60"), ("set-cookie", "a=1")]);
        let keeps = freshened(&Policy::conformance(), ok, &first, &plain, &not_modified);
        let kept = keeps.head.headers();
        let cookies = kept.get_all(SET_COOKIE);
        assert_eq!(cookies.iter().collect::<Vec<_>>(), ["a=2", "b=2"]);
        let first = map(&[("cache-control", "max-age=60")]);
        let drops = freshened(&Policy::shared(), ok, &first, &plain, &not_modified);
        assert!(!drops.head.headers().contains_key(SET_COOKIE));
    }

    #[test]
    fn range_of_the_request_does_not_keep_a_404_from_being_freshened() {
        let first = map(&[("cache-control", "max-age=60"), ("etag", "\"v\"")]);
        let range = map(&[("range", "bytes=0-1")]);
        let (status, confirmed) = (StatusCode::NOT_FOUND, map(&[("etag", "\"v\"")]));
        let freshened = freshened(&Policy::shared(), status, &first, &range, &confirmed);
        assert_eq!(freshened.skip(), None);
    }
}
