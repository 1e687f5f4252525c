//! Question 3: keep this response? (RFC 9111 section 3, section 3.5)

use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, CONTENT_ENCODING, CONTENT_RANGE,
    HeaderName, ORIGIN, SET_COOKIE,
};
use http::{HeaderMap, StatusCode};

use crate::fields::{FieldNames, PolicyField, select, split_list};
use crate::freshness::Lifetime;
use crate::key::{MethodClass, Selection, Vary};
use crate::policy::{ErrorStatuses, Mode};
use crate::reason::SkipReason;
use crate::status::{is_heuristically_cacheable, is_never_stored, is_understood};
use crate::stored::{Exchange, StoredHead};
use crate::{Policy, RequestHead};

/// The answer to question 3. The body has conditions of its own: it must end cleanly, agree with
/// `Content-Length` and keep within the limits.
#[derive(Debug)]
#[non_exhaustive]
pub enum Admission {
    /// Do not store, and why.
    Skip(SkipReason),
    /// Store this head with the body.
    Store(Box<StoredHead>),
}

impl Policy {
    /// Is the response to this request to be stored?
    #[must_use]
    pub fn admit(
        &self,
        class: MethodClass,
        request: &RequestHead<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        times: Exchange,
    ) -> Admission {
        let field = select(headers, &self.target_list);
        let lifetime = self.freshness_lifetime(&field, status, headers, times);
        let vary = match self.selecting(request, headers) {
            Ok(vary) => vary,
            Err(reason) => return Admission::Skip(reason),
        };
        let refused = self
            .refuse(request, status, headers, &field, lifetime, &vary)
            .or_else(|| refuse_range(request, status, headers));
        if let Some(reason) = refused {
            return Admission::Skip(reason);
        }
        let selection = Selection::of(vary.names(), request.headers);
        if let Some(reason) = self.refuse_selection(&selection) {
            return Admission::Skip(reason);
        }
        let stored = self.assemble(class, status, headers, &field, lifetime, selection, times);
        let useless = stored.lifetime().is_zero()
            && stored.stale_while_revalidate().is_zero()
            && stored.stale_if_error().is_zero()
            && !stored.has_validator();
        if useless {
            Admission::Skip(SkipReason::Useless)
        } else {
            Admission::Store(Box::new(stored))
        }
    }

    /// Whether a response is for that client alone whose request it answers: credentials came with
    /// the request, and no directive lets others have what came of them (RFC 9111 section 3.5, and
    /// the same for cookies, unless the policy shares those).
    #[must_use]
    pub fn is_of_client(&self, request: &RequestHead<'_>, headers: &HeaderMap) -> bool {
        let field = select(headers, &self.target_list);
        let refused = self.refuse_credentials(request, headers, &field);
        matches!(
            refused,
            Some(SkipReason::Authorization | SkipReason::Cookie)
        )
    }

    /// The rows of RFC 9111 section 3 in order; the first "no" is the reason. All but the one about
    /// ranges, which does not apply to a response that is whole already.
    pub(crate) fn refuse(
        &self,
        request: &RequestHead<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        field: &PolicyField,
        lifetime: Lifetime,
        vary: &Vary,
    ) -> Option<SkipReason> {
        self.refuse_status(status, field, lifetime)
            .or_else(|| self.refuse_directives(request, status, field))
            .or_else(|| self.refuse_credentials(request, headers, field))
            .or_else(|| {
                let vague = matches!(vary, Vary::Any) || vary.names().len() > self.max_vary_names;
                if self.connection_names_caching_field(headers) {
                    Some(SkipReason::ConnectionField)
                } else {
                    vague.then_some(SkipReason::Vary)
                }
            })
            .or_else(|| self.refuse_freshness(status, field, lifetime))
    }

    pub(crate) fn refuse_selection(&self, selection: &Selection) -> Option<SkipReason> {
        (selection.encoded().len() > self.max_vary_bytes).then_some(SkipReason::Vary)
    }

    fn refuse_status(
        &self,
        status: StatusCode,
        field: &PolicyField,
        lifetime: Lifetime,
    ) -> Option<SkipReason> {
        let code = status.as_u16();
        let stated = lifetime.explicit || field.directives.public;
        let permitted = match code {
            _ if is_never_stored(code) => false,
            _ if is_heuristically_cacheable(status) => true,
            200..=399 => stated,
            _ => match &self.error_statuses {
                ErrorStatuses::Default => false,
                ErrorStatuses::Explicit => stated,
                ErrorStatuses::Listed(listed, _) => listed.contains(&status),
            },
        };
        if permitted {
            return None;
        }
        Some(if code == 206 {
            SkipReason::Partial
        } else {
            SkipReason::Status
        })
    }

    fn refuse_directives(
        &self,
        request: &RequestHead<'_>,
        status: StatusCode,
        field: &PolicyField,
    ) -> Option<SkipReason> {
        let directives = &field.directives;
        if request.directives.no_store {
            return Some(SkipReason::RequestNoStore);
        }
        if directives.malformed {
            return Some(SkipReason::CacheControlMalformed);
        }
        if directives.must_understand && !is_understood(status) {
            return Some(SkipReason::MustUnderstand);
        }
        if self.override_origin && self.route_lifetime.is_some() {
            return None;
        }
        if directives.no_store && !directives.must_understand {
            return Some(SkipReason::NoStore);
        }
        if self.mode == Mode::Shared && directives.private.is_unqualified() {
            return Some(SkipReason::Private);
        }
        None
    }

    fn refuse_credentials(
        &self,
        request: &RequestHead<'_>,
        headers: &HeaderMap,
        field: &PolicyField,
    ) -> Option<SkipReason> {
        let directives = &field.directives;
        if self.mode == Mode::Shared {
            let s_maxage = directives.s_maxage.is_some();
            let lifts_authorization = directives.public || directives.must_revalidate || s_maxage;
            if request.has_authorization() && !lifts_authorization {
                return Some(SkipReason::Authorization);
            }
            let lifts_cookie = directives.public || s_maxage || field.targeted;
            if request.has_cookie() && !self.share_cookie_requests && !lifts_cookie {
                return Some(SkipReason::Cookie);
            }
        }
        let stripped = excluded_by(&directives.no_cache, &SET_COOKIE)
            || (self.mode == Mode::Shared && excluded_by(&directives.private, &SET_COOKIE));
        let sets_cookie = headers.contains_key(SET_COOKIE) && !stripped;
        (sets_cookie && !self.store_set_cookie).then_some(SkipReason::SetCookie)
    }

    fn refuse_freshness(
        &self,
        status: StatusCode,
        field: &PolicyField,
        lifetime: Lifetime,
    ) -> Option<SkipReason> {
        let private = self.mode == Mode::Private && !field.directives.private.is_absent();
        let reason_to_store = lifetime.explicit
            || field.directives.public
            || private
            || is_heuristically_cacheable(status);
        (!reason_to_store).then_some(SkipReason::NoFreshness)
    }

    /// A response whose `Connection` names a field that caching depends on was tampered with, or is
    /// about to be misread by somebody.
    pub(crate) fn connection_names_caching_field(&self, headers: &HeaderMap) -> bool {
        let targeted = self.target_list.iter().map(HeaderName::as_str);
        let tags = self.tag_fields.names().map(HeaderName::as_str);
        let names = || {
            let own = CACHING_FIELDS.into_iter().chain(targeted.clone());
            own.chain(tags.clone())
        };
        headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|line| split_list(line.as_bytes()))
            .any(|member| names().any(|name| member.eq_ignore_ascii_case(name.as_bytes())))
    }
}

/// Row 12: the answer to a range request is kept only when it is the whole representation. Without
/// a range request `Content-Range` means nothing in a 200 (RFC 9110 section 14.4).
fn refuse_range(
    request: &RequestHead<'_>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<SkipReason> {
    let ranged = request.has_range() || request.has_if_range();
    let whole = status == StatusCode::OK && !headers.contains_key(CONTENT_RANGE);
    (ranged && !whole).then_some(SkipReason::Partial)
}

fn excluded_by(names: &FieldNames, field: &HeaderName) -> bool {
    names.names().contains(field)
}

/// `Vary`, with `Origin` added where the response reflects it without saying so, and
/// `Accept-Encoding` where the content is coded: who left it out would hand one client's coding to
/// another that cannot read it.
pub(crate) fn selecting_fields(headers: &HeaderMap) -> Vary {
    let mut vary = Vary::from_headers(headers);
    let reflects_origin = headers
        .get(ACCESS_CONTROL_ALLOW_ORIGIN)
        .is_some_and(|origin| origin.as_bytes() != b"*");
    if reflects_origin {
        vary.add(ORIGIN);
    }
    if headers.contains_key(CONTENT_ENCODING) {
        vary.add(ACCEPT_ENCODING);
    }
    vary
}

/// What a cache reads, and what says which bytes it holds.
const CACHING_FIELDS: [&str; 13] = [
    "age",
    "cache-control",
    "cache-groups",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "set-cookie",
    "vary",
];

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, RANGE};
    use http::{HeaderValue, Method, Uri};

    use super::*;

    #[test]
    fn response_is_its_clients_own_unless_it_says_who_else_may_have_it() {
        let (method, uri) = (Method::HEAD, Uri::from_static("/a"));
        let (token, cookie) = ([(AUTHORIZATION, "Bearer 1")], [(COOKIE, "user=1")]);
        let (shared, lenient) = (Policy::shared(), Policy::conformance());
        for (policy, fields, says, own) in [
            (&shared, &[][..], "max-age=9", false),
            (&shared, &token, "max-age=9", true),
            (&shared, &token, "must-revalidate", false),
            (&shared, &token, "public", false),
            (&shared, &cookie, "max-age=9", true),
            (&shared, &cookie, "s-maxage=9", false),
            (&lenient, &token, "max-age=9", true),
            (&lenient, &cookie, "max-age=9", false),
            (&Policy::private(), &token, "max-age=9", false),
        ] {
            let of = |(name, value): &(HeaderName, &'static str)| {
                (name.clone(), HeaderValue::from_static(value))
            };
            let fields: HeaderMap = fields.iter().map(of).collect();
            let says = HeaderMap::from_iter([of(&(CACHE_CONTROL, says))]);
            let request = RequestHead::new(&method, &uri, &fields, false);
            assert_eq!(policy.is_of_client(&request, &says), own, "{says:?}");
        }
    }

    #[test]
    fn content_range_means_a_part_only_to_who_asked_for_one() {
        let (method, uri) = (Method::GET, Uri::from_static("/a"));
        let part = HeaderMap::from_iter([(CONTENT_RANGE, HeaderValue::from_static("bytes 0-1/9"))]);
        let range = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        let (plain, ok, missing) = (HeaderMap::new(), StatusCode::OK, StatusCode::NOT_FOUND);
        let partial = Some(SkipReason::Partial);
        for (request, status, response, reason) in [
            (&plain, ok, &part, None),
            (&range, ok, &plain, None),
            (&range, ok, &part, partial),
            (&range, missing, &plain, partial),
        ] {
            let request = RequestHead::new(&method, &uri, request, false);
            assert_eq!(refuse_range(&request, status, response), reason);
        }
    }

    fn admit(policy: &Policy, fields: &[(&'static str, &'static str)]) -> Admission {
        let (uri, asked, now) = (
            Uri::from_static("/a"),
            HeaderMap::new(),
            SystemTime::UNIX_EPOCH,
        );
        let request = RequestHead::new(&Method::GET, &uri, &asked, false);
        let times = Exchange {
            request_time: now,
            response_time: now,
        };
        let fields = fields.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let headers = HeaderMap::from_iter(fields);
        policy.admit(MethodClass::Get, &request, StatusCode::OK, &headers, times)
    }

    fn skipped(admission: &Admission) -> Option<SkipReason> {
        match admission {
            Admission::Skip(reason) => Some(*reason),
            Admission::Store(_) => None,
        }
    }

    #[test]
    fn connection_naming_a_validator_a_coding_or_a_targeted_field_is_refused() {
        let policy = Policy::conformance();
        for option in [
            "ETag",
            "x, last-modified",
            "content-encoding",
            "CDN-Cache-Control",
            "Cache-Groups",
        ] {
            let fields = [("cache-control", "max-age=60"), ("connection", option)];
            let reason = skipped(&admit(&policy, &fields));
            assert_eq!(reason, Some(SkipReason::ConnectionField), "{option}");
        }
        let others = [
            ("cache-control", "max-age=60"),
            ("connection", "keep-alive, x-a"),
        ];
        assert_eq!(skipped(&admit(&policy, &others)), None);
    }

    #[test]
    fn malformed_validators_do_not_make_an_expired_response_worth_storing() {
        for (name, value) in [
            ("etag", "v1"),
            ("etag", "w/\"v1\""),
            ("last-modified", "yesterday"),
        ] {
            let fields = [("cache-control", "max-age=0"), (name, value)];
            let reason = skipped(&admit(&Policy::shared(), &fields));
            assert_eq!(reason, Some(SkipReason::Useless), "{name}: {value}");
        }
        for (name, value) in [
            ("etag", "W/\"v1\""),
            ("last-modified", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ] {
            let fields = [("cache-control", "max-age=0"), (name, value)];
            assert_eq!(skipped(&admit(&Policy::shared(), &fields)), None, "{name}");
        }
    }
}
