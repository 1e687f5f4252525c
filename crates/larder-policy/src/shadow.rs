//! Shadow requests: made to find out whether a stored response still is what its client would have
//! got, and which inputs it depends on that its key has not.

use http::header::{AUTHORIZATION, COOKIE, EXPECT, HOST, HeaderName, TRAILER, UPGRADE};
use http::{HeaderMap, Uri};

use crate::Policy;
use crate::key::{InputKind, Key, for_each_cookie, is_always_neutral, is_unkeyed_input};
use crate::policy::Mode;

impl Policy {
    /// The fields of a request for what a client was answered from the store with: all of the
    /// client's, the declared ones as the inner service sees them on a miss, but its conditions and
    /// ranges, its cache directives, and what is meant for one connection.
    #[must_use]
    pub fn shadow_fields(&self, key: Option<&Key>, client: &HeaderMap) -> HeaderMap {
        let mut headers = self.fields_of_the_user(client);
        self.uncondition(&mut headers);
        match key {
            Some(key) => key.rewritten(headers, client),
            None => headers,
        }
    }

    /// Calls `each` with kind, name and value of every field, cookie and query parameter of a
    /// request that its primary key has not, once for each time that it was sent. `key` is what is
    /// declared, if anything.
    ///
    /// Left out is what no response depends on ([`Key`] has the list), what is meant for one
    /// connection, and in a partition of one user `Authorization` and `Cookie`, which it covers.
    pub fn for_each_unkeyed(
        &self,
        key: Option<&Key>,
        target: &Uri,
        headers: &HeaderMap,
        mut each: impl FnMut(InputKind, &[u8], &[u8]),
    ) {
        for (name, line) in headers {
            if !self.is_settled(key, name) {
                each(InputKind::Header, name.as_str().as_bytes(), line.as_bytes());
            }
        }
        if self.mode != Mode::Private {
            for_each_cookie(headers, |name, value| {
                if key.is_none_or(|key| !key.declares_cookie(name)) {
                    each(InputKind::Cookie, name, value);
                }
            });
        }
        if let (Some(key), Some(query)) = (key, target.query()) {
            key.for_each_dropped(query, |name, pair| each(InputKind::Query, name, pair));
        }
    }

    /// The primary key has the field, or no response depends on it. Cookies are looked at one by one.
    fn is_settled(&self, key: Option<&Key>, name: &HeaderName) -> bool {
        let forwards = key.is_none_or(Key::forwards_all) && !self.trusted_forwarding;
        *name == HOST
            || *name == COOKIE
            || (*name == AUTHORIZATION && self.mode == Mode::Private)
            || key.is_some_and(|key| key.declares(name) || key.is_neutral(name))
            || is_always_neutral(name)
            || is_of_one_connection(name)
            || (forwards && is_unkeyed_input(name.as_str()))
    }
}

fn is_of_one_connection(name: &HeaderName) -> bool {
    [EXPECT, TRAILER, UPGRADE].contains(name)
        || name.as_str().starts_with("proxy-")
        || ["content-length", "keep-alive", "transfer-encoding"].contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> HeaderMap {
        let lines = [
            ("host", "a.example"),
            ("accept-language", "de"),
            ("accept-language", "en"),
            ("authorization", "Bearer secret"),
            ("cookie", "theme=dark; session=7"),
            ("if-none-match", "\"a\""),
            ("range", "bytes=0-1"),
            ("cache-control", "max-age=5"),
            ("traceparent", "00-1"),
            ("connection", "x-hop, keep-alive"),
            ("x-hop", "1"),
            ("x-forwarded-host", "b.example"),
            ("x-region", "EU"),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn unkeyed(policy: &Policy, key: Option<&Key>) -> Vec<String> {
        let uri = Uri::from_static("/p?a=1&utm_x=2&%75tm_y=3");
        let fields = policy.shadow_fields(key, &headers());
        let mut found = Vec::new();
        policy.for_each_unkeyed(key, &uri, &fields, |kind, name, value| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            found.push(format!("{} {}={}", kind.as_str(), text(name), text(value)));
        });
        found.sort();
        found
    }

    #[test]
    fn without_a_declaration_every_field_and_cookie_is_unkeyed_but_what_no_response_depends_on() {
        let expected = [
            "cookie session=7",
            "cookie theme=dark",
            "header accept-language=de",
            "header accept-language=en",
            "header authorization=Bearer secret",
            "header x-region=EU",
        ];
        assert_eq!(unkeyed(&Policy::shared(), None), expected);
        let trusting = Policy::shared().with_trusted_forwarding(true);
        assert!(unkeyed(&trusting, None).contains(&"header x-forwarded-host=b.example".to_owned()));
    }

    #[test]
    fn declared_inputs_are_keyed_and_others_are_not() {
        let key = Key::new()
            .query_except(["utm_*"])
            .header_lowercase("x-region")
            .cookie("theme")
            .neutral("accept-language");
        let expected = [
            "cookie session=7",
            "header authorization=Bearer secret",
            "header x-forwarded-host=b.example",
            "query utm_x=utm_x=2",
            "query utm_y=%75tm_y=3",
        ];
        assert_eq!(unkeyed(&Policy::shared(), Some(&key)), expected);
        let fields = Policy::shared().shadow_fields(Some(&key), &headers());
        assert_eq!(fields["x-region"], "eu");
    }

    #[test]
    fn partition_of_a_user_covers_the_credentials() {
        let expected = [
            "header accept-language=de",
            "header accept-language=en",
            "header x-region=EU",
        ];
        assert_eq!(unkeyed(&Policy::private(), None), expected);
    }

    #[test]
    fn shadow_has_no_conditions_no_ranges_and_nothing_of_the_connection() {
        let fields = Policy::shared().shadow_fields(None, &headers());
        for name in [
            "if-none-match",
            "range",
            "cache-control",
            "connection",
            "x-hop",
        ] {
            assert!(!fields.contains_key(name), "{name}");
        }
        assert_eq!(fields["authorization"], "Bearer secret");
        assert_eq!(fields["cookie"], "theme=dark; session=7");
    }
}
