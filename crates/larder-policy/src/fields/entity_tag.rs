//! Entity tags (RFC 9110 section 8.8.3) and `If-None-Match` (section 13.1.2).

use http::HeaderMap;
use http::header::{ETAG, IF_NONE_MATCH};

use super::list::trim_ows;

/// An entity tag, such as `"v2"` or `W/"v2"`.
#[derive(Debug, Copy, Clone)]
pub struct EntityTag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Parses one entity tag with nothing around it. `W/` is case-sensitive, and a backslash is a
    /// byte like any other.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (tag, rest) = Self::take(value)?;
        tag.filter(|_| rest.is_empty())
    }

    /// Takes the quoted text a value starts with, and returns what follows it. The tag is `None` if
    /// the text holds bytes no tag may hold.
    fn take(value: &'a [u8]) -> Option<(Option<Self>, &'a [u8])> {
        let (weak, rest) = match value {
            [b'W', b'/', b'"', rest @ ..] => (true, rest),
            [b'"', rest @ ..] => (false, rest),
            _ => return None,
        };
        let end = rest.iter().position(|&byte| byte == b'"')?;
        let (opaque, rest) = rest.split_at_checked(end)?;
        let valid = opaque
            .iter()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
        let tag = valid.then_some(Self { weak, opaque });
        Some((tag, rest.get(1..).unwrap_or_default()))
    }

    /// Whether the tag starts with `W/`.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The bytes between the quotes.
    #[must_use]
    pub fn opaque(&self) -> &'a [u8] {
        self.opaque
    }

    /// Strong comparison: neither tag is weak, and the opaque bytes are equal (RFC 9110 section
    /// 8.8.3.2).
    #[must_use]
    pub fn strong_eq(&self, other: &EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison: the opaque bytes are equal.
    #[must_use]
    pub fn weak_eq(&self, other: &EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

/// The entity tag of a response. `None` if the field is absent, repeated or malformed: it is then
/// no validator.
pub(crate) fn single_entity_tag(headers: &HeaderMap) -> Option<EntityTag<'_>> {
    let mut lines = headers.get_all(ETAG).iter();
    let tag = EntityTag::parse(trim_ows(lines.next()?.as_bytes()));
    tag.filter(|_| lines.next().is_none())
}

/// Whether `If-None-Match` names the stored response, by weak comparison. `None` if it is absent.
///
/// `*` matches anything, but only when it is all the field says. Members that are not entity tags
/// are skipped. Tags may hold commas, so they are told apart by their quotes.
pub(crate) fn if_none_match(headers: &HeaderMap, stored: Option<EntityTag<'_>>) -> Option<bool> {
    let lines = headers.get_all(IF_NONE_MATCH);
    let mut values = lines.iter().map(|line| trim_ows(line.as_bytes()));
    if values.next()? == b"*" && values.next().is_none() {
        return Some(true);
    }
    let matches = |stored: EntityTag<'_>| {
        let mut tags = lines.iter().flat_map(|line| Tags {
            rest: line.as_bytes(),
        });
        tags.any(|tag| tag.weak_eq(&stored))
    };
    Some(stored.is_some_and(matches))
}

/// The entity tags of one line.
struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tags<'a> {
    type Item = EntityTag<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let member = trim_ows(self.rest);
            let (tag, after) = EntityTag::take(member).unwrap_or((None, member));
            let comma = after
                .iter()
                .position(|&byte| byte == b',')
                .unwrap_or(after.len());
            let (between, rest) = after.split_at_checked(comma).unwrap_or_default();
            self.rest = rest.get(1..).unwrap_or_default();
            if let Some(tag) = tag
                && trim_ows(between).is_empty()
            {
                return Some(tag);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn tag(value: &str) -> EntityTag<'_> {
        EntityTag::parse(value.as_bytes()).unwrap()
    }

    #[test]
    fn tags_are_quoted_bytes() {
        for (value, weak, opaque) in [
            ("\"\"", false, ""),
            ("\"v2\"", false, "v2"),
            ("W/\"v2\"", true, "v2"),
            ("\"a,b\"", false, "a,b"),
            ("\"a\\\"", false, "a\\"),
            ("\"W/\"", false, "W/"),
            ("\"\u{e9}\"", false, "\u{e9}"),
        ] {
            assert_eq!(tag(value).is_weak(), weak, "{value}");
            assert_eq!(tag(value).opaque(), opaque.as_bytes(), "{value}");
        }
        for value in [
            "",
            "\"",
            "v2",
            "'v2'",
            "w/\"v2\"",
            "W\"v2\"",
            "W/v2",
            "W/ \"v2\"",
            "W/",
            "\"v2",
            "v2\"",
            "\"a b\"",
            "\"a\tb\"",
            "\"a\"b\"",
            "\"a\\\"b\"",
            "\"a\u{7f}\"",
            " \"a\"",
            "\"a\" ",
            "\"a\", \"b\"",
            "*",
        ] {
            assert!(EntityTag::parse(value.as_bytes()).is_none(), "{value}");
        }
    }

    /// The table of RFC 9110 section 8.8.3.2.
    #[test]
    fn comparison_is_strong_or_weak() {
        for (a, b, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "W/\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
            ("\"a\"", "\"A\"", false, false),
        ] {
            assert_eq!(tag(a).strong_eq(&tag(b)), strong, "{a} {b}");
            assert_eq!(tag(a).weak_eq(&tag(b)), weak, "{a} {b}");
        }
    }

    #[test]
    fn a_response_has_one_tag_or_none() {
        let mut headers = HeaderMap::new();
        assert!(single_entity_tag(&headers).is_none());
        headers.insert(ETAG, HeaderValue::from_static(" W/\"a\"\t"));
        assert_eq!(single_entity_tag(&headers).unwrap().opaque(), b"a");
        headers.append(ETAG, HeaderValue::from_static("W/\"a\""));
        assert!(single_entity_tag(&headers).is_none());
        headers.insert(ETAG, HeaderValue::from_static("a"));
        assert!(single_entity_tag(&headers).is_none());
    }

    #[test]
    fn if_none_match_is_told_apart_by_quotes() {
        for (lines, stored, expected) in [
            (&[][..], Some("\"a\""), None),
            (&[""], Some("\"a\""), Some(false)),
            (&["\"a\""], Some("\"a\""), Some(true)),
            (&["\"a\""], Some("W/\"a\""), Some(true)),
            (&["W/\"a\""], Some("\"a\""), Some(true)),
            (&["\"b\""], Some("\"a\""), Some(false)),
            (&["\"b\", \"a\""], Some("\"a\""), Some(true)),
            (&["\"b\",W/\"a\" , \"c\""], Some("\"a\""), Some(true)),
            (&["\"b\"", "\"a\""], Some("\"a\""), Some(true)),
            (&["\"b,a\""], Some("\"a\""), Some(false)),
            (&["\"b,a\""], Some("\"b,a\""), Some(true)),
            (&["\"b, \"a\""], Some("\"a\""), Some(false)),
            (&["\"b\\\", \"a\""], Some("\"a\""), Some(true)),
            (&[",, \"a\" ,"], Some("\"a\""), Some(true)),
            (&["b, \"a\""], Some("\"a\""), Some(true)),
            (&["w/\"a\""], Some("\"a\""), Some(false)),
            (&["\"a\"b"], Some("\"a\""), Some(false)),
            (&["\"a\" \"b\""], Some("\"a\""), Some(false)),
            (&["\"a\""], None, Some(false)),
            (&["*"], None, Some(true)),
            (&[" * "], Some("\"a\""), Some(true)),
            (&["*, \"b\""], Some("\"a\""), Some(false)),
            (&["*", "*"], Some("\"a\""), Some(false)),
            (&["\"b\"", "*"], Some("\"a\""), Some(false)),
            (&["*, \"a\""], Some("\"a\""), Some(true)),
            (&["\"*\""], Some("\"a\""), Some(false)),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_NONE_MATCH, HeaderValue::from_static(line));
            }
            assert_eq!(
                if_none_match(&headers, stored.map(tag)),
                expected,
                "{lines:?} {stored:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value: Vec<u8>) {
            let _ = EntityTag::parse(&value);
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value)]);
                let _ = if_none_match(&headers, Some(tag("\"a\"")));
            }
        }

        #[test]
        fn every_tag_of_a_list_is_found(
            opaque in prop::collection::vec("[!#-~]{0,6}", 1..6),
            index: prop::sample::Index,
        ) {
            let tags: Vec<_> = opaque.iter().map(|opaque| format!("\"{opaque}\"")).collect();
            let value = HeaderValue::try_from(tags.join(", ")).unwrap();
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value)]);
            let stored = tag(index.get::<String>(&tags));
            prop_assert_eq!(if_none_match(&headers, Some(stored)), Some(true));
        }
    }
}
