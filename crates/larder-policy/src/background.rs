//! Question 4 without a client waiting: what a background validation sends, and what its response
//! means (RFC 9111 section 4.3.1).

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName,
    IF_MATCH, IF_UNMODIFIED_SINCE, PRAGMA, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, StatusCode};

use crate::Policy;
use crate::assembly::connection_options;
use crate::key::{Key, is_unkeyed_input};
use crate::policy::Mode;
use crate::stored::StoredHead;
use crate::validation::Validation;

impl Policy {
    /// The fields of a validation request for `stored` that no client waits for. `triggering` are
    /// the fields of the request that was answered from it meanwhile; the method and the target URI
    /// are those of that request, and there is no content.
    ///
    /// | Mode | Fields |
    /// |---|---|
    /// | [`Shared`](Mode::Shared) | of the triggering request only what is part of the key: `Host`, and `X-Forwarded-Host` and its kind unless they are [trusted](Self::with_trusted_forwarding) |
    /// | [`Private`](Mode::Private) | all of the triggering request, which the partition covers, but its conditions and ranges, its cache directives, and what is meant for one connection |
    ///
    /// Then come the selecting fields as they were recorded (RFC 9111 section 4.1), and the stored
    /// validators as in [`condition`](Self::condition). What is stored for all is thereby never asked
    /// for with one client's credentials: `Authorization` and `Cookie` are sent only if `Vary` names
    /// them, and then with the recorded values, which every client it is served to sends too.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use http::{HeaderMap, Method, StatusCode, Uri};
    /// use larder_policy::key::MethodClass;
    /// use larder_policy::{Admission, Exchange, Policy, RequestHead};
    ///
    /// let (policy, now) = (Policy::shared(), SystemTime::UNIX_EPOCH);
    /// let mut triggering = HeaderMap::new();
    /// triggering.insert("host", "example.com".parse().unwrap());
    /// triggering.insert("authorization", "Bearer secret".parse().unwrap());
    /// let (method, uri) = (Method::GET, Uri::from_static("/news"));
    /// let request = RequestHead::new(&method, &uri, &triggering, false);
    /// let mut response = HeaderMap::new();
    /// response.insert("cache-control", "public, max-age=60".parse().unwrap());
    /// response.insert("etag", "\"a\"".parse().unwrap());
    /// let times = Exchange { request_time: now, response_time: now };
    /// let (class, status) = (MethodClass::Get, StatusCode::OK);
    /// let Admission::Store(stored) = policy.admit(class, &request, status, &response, times) else {
    ///     panic!("public lets it be stored")
    /// };
    ///
    /// let fields = policy.background_fields(&stored, &triggering);
    /// assert_eq!(fields.len(), 2);
    /// assert_eq!(fields["host"], "example.com");
    /// assert_eq!(fields["if-none-match"], "\"a\"");
    /// ```
    #[must_use]
    pub fn background_fields(&self, stored: &StoredHead, triggering: &HeaderMap) -> HeaderMap {
        let mut headers = match self.mode {
            Mode::Shared => self.fields_of_the_key(triggering),
            Mode::Private => self.fields_of_the_user(triggering),
        };
        stored.selection().restore(&mut headers);
        self.condition(stored, &mut headers);
        headers
    }

    /// As [`background_fields`](Self::background_fields), on a route with declared inputs: in
    /// [`Shared`](Mode::Shared) mode the declared ones go too, in [`Private`](Mode::Private) mode
    /// the fields that the inner service is not to see stay away.
    #[must_use]
    pub fn declared_background_fields(
        &self,
        key: &Key,
        stored: &StoredHead,
        triggering: &HeaderMap,
    ) -> HeaderMap {
        let mut headers = match self.mode {
            Mode::Shared => {
                let mut declared = key.declared_fields(triggering);
                if key.forwards_all() {
                    declared.extend(self.fields_of_the_key(triggering));
                }
                declared
            }
            Mode::Private => {
                let mut own = self.fields_of_the_user(triggering);
                let declared = key.declared_fields(triggering);
                // All lines of a field are left, or none is.
                for name in declared.keys() {
                    if !own.contains_key(name) {
                        for line in declared.get_all(name) {
                            own.append(name.clone(), line.clone());
                        }
                    }
                }
                own
            }
        };
        stored.selection().restore(&mut headers);
        self.condition(stored, &mut headers);
        headers
    }

    /// What does the response to a validation request without a client waiting mean? As
    /// [`validated`](Self::validated), except that these statuses count as [`Validation::Failed`],
    /// so that the stored response stays and its stale windows run on:
    ///
    /// | Mode | Statuses |
    /// |---|---|
    /// | [`Shared`](Mode::Shared) | 400, 401, 403, 407, 408, 421, 425, 428, 429, 431 |
    /// | [`Private`](Mode::Private) | 401, 403, 407, 408, 425, 429 |
    ///
    /// RFC 9111 section 4.3.3 lets any other full response replace the stored one, because it answers
    /// the client's request. These speak of the request that was made up, not of the resource: a
    /// shared cache left out what a client would have sent
    /// ([`background_fields`](Self::background_fields)), so the inner service may miss credentials or
    /// a field it requires. In a private partition nothing of that was left out, but credentials may
    /// have run out, and 408, 425 and 429 speak of the moment. If the resource really answers so
    /// now, the first client that has to wait for validation finds out.
    #[must_use]
    pub fn validated_unattended(
        &self,
        stored: &StoredHead,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Validation {
        let of_the_request: &[u16] = match self.mode {
            Mode::Shared => &[400, 401, 403, 407, 408, 421, 425, 428, 429, 431],
            Mode::Private => &[401, 403, 407, 408, 425, 429],
        };
        if of_the_request.contains(&status.as_u16()) {
            Validation::Failed
        } else {
            self.validated(stored, status, headers)
        }
    }

    fn fields_of_the_key(&self, triggering: &HeaderMap) -> HeaderMap {
        let keyed = triggering.iter().filter(|(name, _)| self.is_keyed(name));
        let mut headers = HeaderMap::new();
        for (name, line) in keyed {
            headers.append(name, line.clone());
        }
        headers
    }

    pub(crate) fn fields_of_the_user(&self, triggering: &HeaderMap) -> HeaderMap {
        let mut headers = triggering.clone();
        for name in connection_options(triggering) {
            // Without these the response would be another resource's or another user's.
            if !self.is_keyed(&name) && name != AUTHORIZATION && name != COOKIE {
                headers.remove(name);
            }
        }
        for name in triggering.keys() {
            if name.as_str().starts_with("proxy-") {
                headers.remove(name);
            }
        }
        for name in OF_ONE_REQUEST {
            headers.remove(name);
        }
        headers
    }

    /// The field is part of the primary key.
    fn is_keyed(&self, name: &HeaderName) -> bool {
        *name == HOST || (!self.trusted_forwarding && is_unkeyed_input(name.as_str()))
    }
}

/// Fields of one connection or one hop, fields about content, and what a client asks of caches.
/// `condition` removes the other conditions and ranges.
const OF_ONE_REQUEST: [HeaderName; 12] = [
    CACHE_CONTROL,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    IF_MATCH,
    IF_UNMODIFIED_SINCE,
    HeaderName::from_static("keep-alive"),
    PRAGMA,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::{Method, Uri};

    use super::*;
    use crate::key::MethodClass;
    use crate::{Admission, Exchange, RequestHead};

    type Lines = &'static [(&'static str, &'static str)];

    fn map(lines: Lines) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    /// A response to a request with these fields.
    fn stored(policy: &Policy, request: Lines, response: Lines) -> StoredHead {
        let (method, uri, fields) = (Method::GET, Uri::from_static("/a"), map(request));
        let request = RequestHead::new(&method, &uri, &fields, false);
        let now = SystemTime::UNIX_EPOCH;
        let times = Exchange {
            request_time: now,
            response_time: now,
        };
        let (class, status) = (MethodClass::Get, StatusCode::OK);
        let admission = policy.admit(class, &request, status, &map(response), times);
        let Admission::Store(stored) = admission else {
            panic!("{admission:?}")
        };
        *stored
    }

    const PLAIN: Lines = &[("cache-control", "public, max-age=60")];

    #[test]
    fn shared_request_has_only_what_the_key_has() {
        let policy = Policy::shared();
        let triggering = map(&[
            ("host", "example.com"),
            ("host", "again.example"),
            ("x-forwarded-host", "a"),
            ("x-forwarded-host", "b"),
            ("forwarded", "host=a"),
            ("x-forwarded-for", "192.0.2.1"),
            ("authorization", "Bearer secret"),
            ("cookie", "a=1"),
            ("user-agent", "test"),
            ("accept", "*/*"),
            ("accept-encoding", "gzip"),
            ("cache-control", "no-cache"),
            ("if-none-match", "\"mine\""),
            ("range", "bytes=0-1"),
            ("connection", "close"),
            ("traceparent", "00-1-2-00"),
        ]);
        let stored = stored(&policy, &[], PLAIN);
        let expected = map(&[
            ("host", "example.com"),
            ("host", "again.example"),
            ("x-forwarded-host", "a"),
            ("x-forwarded-host", "b"),
            ("forwarded", "host=a"),
        ]);
        assert_eq!(policy.background_fields(&stored, &triggering), expected);
        let trusting = policy.with_trusted_forwarding(true);
        let hosts = map(&[("host", "example.com"), ("host", "again.example")]);
        assert_eq!(trusting.background_fields(&stored, &triggering), hosts);
    }

    #[test]
    fn recorded_credentials_are_sent_and_never_those_of_the_triggering_request() {
        let policy = Policy::shared();
        let says: Lines = &[
            ("cache-control", "public, max-age=60"),
            ("vary", "authorization, cookie, accept-language"),
        ];
        let recorded: Lines = &[("authorization", "Basic cmVj"), ("cookie", "recorded=1")];
        let triggering = map(&[
            ("authorization", "Bearer secret"),
            ("cookie", "secret=1"),
            ("cookie", "secret=2"),
            ("accept-language", "de"),
        ]);
        let with = stored(&policy, recorded, says);
        assert_eq!(policy.background_fields(&with, &triggering), map(recorded));
        let without = stored(&policy, &[], says);
        let fields = policy.background_fields(&without, &triggering);
        assert_eq!(fields, HeaderMap::new());
    }

    #[test]
    fn private_request_is_the_users_own_without_what_was_meant_for_one_exchange() {
        let policy = Policy::private();
        let triggering = map(&[
            ("host", "example.com"),
            ("authorization", "Bearer mine"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-tenant", "7"),
            ("connection", "close, X-Hop"),
            (
                "connection",
                "host, authorization, cookie, x-forwarded-host",
            ),
            ("x-forwarded-host", "a"),
            ("x-hop", "1"),
            ("keep-alive", "5"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("upgrade", "h2c"),
            ("transfer-encoding", "chunked"),
            ("content-length", "0"),
            ("expect", "100-continue"),
            ("proxy-authorization", "Basic YQ=="),
            ("proxy-connection", "close"),
            ("cache-control", "max-age=0"),
            ("pragma", "no-cache"),
            ("if-none-match", "\"mine\""),
            ("if-modified-since", "Fri, 15 Jan 2027 08:00:00 GMT"),
            ("if-match", "\"mine\""),
            ("if-unmodified-since", "Fri, 15 Jan 2027 08:00:00 GMT"),
            ("range", "bytes=0-1"),
            ("if-range", "\"mine\""),
        ]);
        let expected = map(&[
            ("host", "example.com"),
            ("authorization", "Bearer mine"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-tenant", "7"),
            ("x-forwarded-host", "a"),
        ]);
        let stored = stored(&policy, &[], PLAIN);
        assert_eq!(policy.background_fields(&stored, &triggering), expected);
    }

    #[test]
    fn private_request_selects_the_stored_response() {
        let policy = Policy::private();
        let says: Lines = &[
            ("cache-control", "max-age=60"),
            ("vary", "accept, x-hop, te"),
        ];
        let stored = stored(&policy, &[("accept", "a/b"), ("x-hop", "1")], says);
        let triggering = map(&[
            ("accept", "c/d"),
            ("accept-language", "de"),
            ("connection", "x-hop"),
            ("x-hop", "2"),
            ("te", "trailers"),
        ]);
        let expected = map(&[("accept", "a/b"), ("accept-language", "de"), ("x-hop", "1")]);
        let fields = policy.background_fields(&stored, &triggering);
        assert_eq!(fields, expected);
        assert!(stored.selection().matches(&fields));
    }

    #[test]
    fn stored_validators_are_sent_whatever_vary_names() {
        let modified = "Fri, 15 Jan 2027 08:00:00 GMT";
        for policy in [Policy::shared(), Policy::private()] {
            let stored = stored(
                &policy,
                &[("if-none-match", "\"theirs\""), ("range", "bytes=5-")],
                &[
                    ("cache-control", "max-age=60"),
                    ("vary", "if-none-match, range"),
                    ("etag", "W/\"a\""),
                    ("last-modified", "Fri, 15 Jan 2027 08:00:00 GMT"),
                ],
            );
            let triggering = map(&[("if-none-match", "\"mine\""), ("range", "bytes=0-1")]);
            let fields = policy.background_fields(&stored, &triggering);
            assert_eq!(fields.len(), 2, "{fields:?}");
            assert_eq!(fields["if-none-match"], "W/\"a\"");
            assert_eq!(fields["if-modified-since"], modified);
        }
    }

    #[test]
    fn unattended_responses_that_speak_of_the_request_are_failures() {
        let shared = [400, 401, 403, 407, 408, 421, 425, 428, 429, 431];
        let private = [401, 403, 407, 408, 425, 429];
        for (policy, failures) in [
            (Policy::shared(), shared.as_slice()),
            (Policy::private(), private.as_slice()),
        ] {
            let stored = stored(&policy, &[], PLAIN);
            for code in 100..1000 {
                let status = StatusCode::from_u16(code).unwrap();
                let fields = map(&[("etag", "\"other\"")]);
                let attended = policy.validated(&stored, status, &fields);
                let unattended = policy.validated_unattended(&stored, status, &fields);
                if failures.contains(&code) {
                    assert_eq!(attended, Validation::Replace, "{code}");
                    assert_eq!(unattended, Validation::Failed, "{code}");
                } else {
                    assert_eq!(unattended, attended, "{code}");
                }
            }
        }
    }
}
