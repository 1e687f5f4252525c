//! Header fields that frameworks read as if they were part of the target URI.
//!
//! An application that builds links or redirects from `X-Forwarded-Host` answers with what the
//! client wrote there. Unless the field is in the key, one client's poisoned answer is stored for
//! all. So every such field a request carries becomes part of its key.
//!
//! Values count whole and line by line. That includes `Forwarded` (RFC 7239), whose `for` is often
//! different for each client: picking `host` and `proto` out of it would trust every framework to
//! tokenise it as we do.

use http::HeaderMap;
use http::header::HeaderName;
use smallvec::SmallVec;

use super::KeyParts;

impl<'a> KeyParts<'a> {
    /// Adds each line of each field that [`is_unkeyed_input`] names and `headers` holds.
    ///
    /// Behind a proxy that overwrites these fields itself, leave this out.
    #[must_use]
    pub fn unkeyed(self, headers: &'a HeaderMap) -> Self {
        self.add_lines(headers, |name| rank(name.as_str()))
    }

    /// Adds each line of each field of `names` that `headers` holds. Absent fields add nothing.
    #[must_use]
    pub fn unkeyed_among(self, headers: &'a HeaderMap, names: &[HeaderName]) -> Self {
        self.add_lines(headers, |name| names.iter().position(|known| known == name))
    }

    /// Fields join in the order of the list, whatever their order in the request.
    fn add_lines(
        mut self,
        headers: &'a HeaderMap,
        rank: impl Fn(&HeaderName) -> Option<usize>,
    ) -> Self {
        let mut present: SmallVec<[(usize, &'a HeaderName); 8]> = headers
            .keys()
            .filter_map(|name| Some((rank(name)?, name)))
            .collect();
        present.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, name) in present {
            for line in headers.get_all(name) {
                self = self.unkeyed_line(name.as_str(), line.as_bytes());
            }
        }
        self
    }
}

/// Whether frameworks are known to read this field as if it were part of the target URI. Field
/// names are in lower case, as [`HeaderName`] keeps them.
///
/// `X-Forwarded-For` and its kin are not among them: they name the client, not the resource.
#[must_use]
pub fn is_unkeyed_input(name: &str) -> bool {
    rank(name).is_some()
}

fn rank(name: &str) -> Option<usize> {
    // Most fields of most requests start with neither letter.
    if !name.starts_with(['c', 'f', 'x']) {
        return None;
    }
    UNKEYED_INPUTS.iter().position(|known| *known == name)
}

const UNKEYED_INPUTS: [&str; 23] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-path",
    "x-forwarded-pathbase",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-host",
    "x-http-host-override",
    "x-original-host",
    "x-original-prefix",
    "x-original-proto",
    "x-scheme",
    "x-script-name",
    "x-url-scheme",
    "cf-visitor",
    "cloudfront-forwarded-proto",
    "front-end-https",
];

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::super::{KeyBuf, MethodClass, Target};
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    fn key(lines: &[(&'static str, &str)], names: Option<&[HeaderName]>) -> KeyBuf {
        let (uri, headers) = (Uri::from_static("/a"), headers(lines));
        let target = Target::from_request(&uri, None, None).unwrap();
        let parts = KeyParts::new(MethodClass::Get, &target);
        let mut out = KeyBuf::new();
        match names {
            Some(names) => parts.unkeyed_among(&headers, names).encode_into(&mut out),
            None => parts.unkeyed(&headers).encode_into(&mut out),
        }
        out
    }

    #[test]
    fn every_listed_field_joins_the_key() {
        for name in UNKEYED_INPUTS {
            assert!(is_unkeyed_input(name), "{name}");
            assert_ne!(key(&[(name, "evil")], None), key(&[], None), "{name}");
            assert_ne!(
                key(&[(name, "evil")], None),
                key(&[(name, "")], None),
                "{name}"
            );
        }
    }

    #[test]
    fn list_has_no_name_twice() {
        for name in UNKEYED_INPUTS {
            let mut same = UNKEYED_INPUTS.iter().filter(|other| **other == name);
            assert!(same.next().is_some() && same.next().is_none(), "{name}");
        }
    }

    #[test]
    fn other_fields_add_nothing() {
        let others = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-request-id", "7"),
            ("cookie", "a=b"),
        ];
        assert_eq!(key(&others, None), key(&[], None));
    }

    #[test]
    fn order_in_the_request_does_not_matter() {
        let a = [("x-host", "a"), ("forwarded", "for=b")];
        let b = [("forwarded", "for=b"), ("x-host", "a")];
        assert_eq!(key(&a, None), key(&b, None));
    }

    #[test]
    fn lines_count_one_by_one_and_in_order() {
        let lines = |a, b| key(&[("x-host", a), ("x-host", b)], None);
        assert_ne!(lines("a", "b"), lines("b", "a"));
        assert_ne!(lines("a", "b"), key(&[("x-host", "a, b")], None));
        assert_ne!(lines("a", "bc"), lines("ab", "c"));
    }

    #[test]
    fn value_of_one_field_is_not_that_of_another() {
        assert_ne!(
            key(&[("x-host", "a")], None),
            key(&[("x-forwarded-host", "a")], None)
        );
    }

    #[test]
    fn operator_may_list_fields() {
        let names = [HeaderName::from_static("x-tenant-host")];
        assert_ne!(key(&[("x-tenant-host", "a")], Some(&names)), key(&[], None));
        assert_eq!(key(&[("x-host", "a")], Some(&names)), key(&[], None));
    }
}
