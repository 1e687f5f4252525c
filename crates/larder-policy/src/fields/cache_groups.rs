//! Cache groups (RFC 9875): stored responses of one origin that are invalidated together.
//!
//! Names are case-sensitive and mean nothing beyond their origin. At most 64 names are taken from a
//! field, and names of more than 128 characters are not taken at all: RFC 9875 requires 32 of each.

use http::{HeaderMap, HeaderName};
use sfv::{List, ListEntry, Parser};

use super::list::combine;

/// The groups a response belongs to: its `Cache-Groups` field.
///
/// None if the field is not a list of strings. Parameters are ignored.
#[must_use]
pub fn cache_groups(headers: &HeaderMap) -> Vec<String> {
    groups(headers, &CACHE_GROUPS)
}

/// The groups a response invalidates: its `Cache-Group-Invalidation` field.
///
/// None if the field is not a list of strings. It is for the caller to ignore the field in
/// responses to safe methods.
#[must_use]
pub fn invalidated_groups(headers: &HeaderMap) -> Vec<String> {
    groups(headers, &CACHE_GROUP_INVALIDATION)
}

fn groups(headers: &HeaderMap, field: &HeaderName) -> Vec<String> {
    let value = combine(headers.get_all(field).iter());
    let Ok(members) = Parser::new(&value).parse::<List>() else {
        return Vec::new();
    };
    let names = members.iter().map(|member| match member {
        ListEntry::Item(item) => item.bare_item.as_string(),
        ListEntry::InnerList(_) => None,
    });
    let Some(names) = names.collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let names = names.into_iter().map(sfv::StringRef::as_str);
    names
        .filter(|name| name.len() <= MAX_LENGTH)
        .take(MAX_GROUPS)
        .map(str::to_owned)
        .collect()
}

/// The field of [`cache_groups`].
pub(crate) const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");

const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");

const MAX_GROUPS: usize = 64;
const MAX_LENGTH: usize = 128;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                "cache-groups",
                HeaderValue::from_bytes(line.as_bytes()).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn groups_are_lists_of_strings() {
        for (lines, expected) in [
            (&[][..], &[][..]),
            (&["\"a\""], &["a"]),
            (&["\"a\", \"b\";x=1;y"], &["a", "b"]),
            (&["\"a\"", "\"A\""], &["a", "A"]),
            (&["\"a, \\\"b\\\"\""], &["a, \"b\""]),
            (&["\"\""], &[""]),
            (&[""], &[]),
            (&["a"], &[]),
            (&["\"a\", b"], &[]),
            (&["\"a\", 1"], &[]),
            (&["\"a\", (\"b\")"], &[]),
            (&["\"a\","], &[]),
            (&["\"a\" \"b\""], &[]),
            (&["\"a\"", "\"b"], &[]),
            (&["\"\u{e9}\""], &[]),
            (&["'a'"], &[]),
        ] {
            assert_eq!(cache_groups(&headers(lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_fields_are_not_mixed_up() {
        let mut headers = headers(&["\"a\""]);
        assert!(invalidated_groups(&headers).is_empty());
        headers.insert(
            "cache-group-invalidation",
            HeaderValue::from_static("\"b\""),
        );
        assert_eq!(invalidated_groups(&headers), ["b"]);
        assert_eq!(cache_groups(&headers), ["a"]);
    }

    #[test]
    fn excess_is_dropped() {
        let many: Vec<_> = (0..100).map(|number| format!("\"{number}\"")).collect();
        let groups = cache_groups(&headers(&[&many.join(", ")]));
        assert_eq!(groups.len(), MAX_GROUPS);
        assert_eq!(groups.last().unwrap(), "63");
        let (fits, long) = ("f".repeat(MAX_LENGTH), "l".repeat(MAX_LENGTH + 1));
        let groups = cache_groups(&headers(&[&format!("\"{long}\", \"{fits}\", \"a\"")]));
        assert_eq!(groups, [fits.as_str(), "a"]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert("cache-groups", value);
                let groups = cache_groups(&headers);
                prop_assert!(groups.len() <= MAX_GROUPS);
            }
        }
    }
}
