//! Comma-separated lists (RFC 9110 section 5.6.1) that may hold quoted strings.

use std::borrow::Cow;

use http::HeaderValue;

/// Splits a list field at the commas outside quoted strings.
///
/// Members come out without surrounding whitespace, and empty ones are skipped. A quoted string
/// that never ends reaches to the end of the value; [`ListMembers::has_unterminated_quote`] tells.
pub(crate) fn split_list(value: &[u8]) -> ListMembers<'_> {
    ListMembers {
        rest: value,
        unterminated: false,
    }
}

/// The members of one list; see [`split_list`].
#[derive(Debug, Clone)]
pub(crate) struct ListMembers<'a> {
    rest: &'a [u8],
    unterminated: bool,
}

impl ListMembers<'_> {
    /// Whether a quoted string was still open at the end of what has been read so far.
    pub(crate) fn has_unterminated_quote(&self) -> bool {
        self.unterminated
    }
}

impl<'a> Iterator for ListMembers<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let member = trim_ows(self.take_member());
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}

impl<'a> ListMembers<'a> {
    /// Takes everything up to the next comma that separates, and the comma itself.
    fn take_member(&mut self) -> &'a [u8] {
        let mut quoted = false;
        let mut escaped = false;
        let end = self.rest.iter().position(|&byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b',' if !quoted => return true,
                _ => {}
            }
            false
        });
        let Some((member, rest)) = end.and_then(|end| self.rest.split_at_checked(end)) else {
            self.unterminated |= quoted;
            return std::mem::take(&mut self.rest);
        };
        self.rest = rest.get(1..).unwrap_or_default();
        member
    }
}

/// Joins the lines of a list field in order (RFC 9110 section 5.3). One line is not copied.
pub(crate) fn combine<'a>(mut lines: impl Iterator<Item = &'a HeaderValue>) -> Cow<'a, [u8]> {
    let mut combined = Cow::Borrowed(lines.next().map_or(&b""[..], HeaderValue::as_bytes));
    for line in lines {
        let combined = combined.to_mut();
        combined.extend_from_slice(b", ");
        combined.extend_from_slice(line.as_bytes());
    }
    combined
}

/// Strips optional whitespace (spaces and tabs) from both ends.
pub(crate) fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether the bytes are a token (RFC 9110 section 5.6.2): at least one byte, all of them `tchar`.
pub(crate) fn is_token(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().copied().all(is_tchar)
}

/// Whether the byte may stand in a token.
pub(crate) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;

    use super::*;

    fn members(value: &str) -> Vec<&str> {
        split_list(value.as_bytes())
            .map(|member| std::str::from_utf8(member).unwrap())
            .collect()
    }

    #[test]
    fn commas_outside_quotes_separate() {
        for (value, expected) in [
            ("", &[][..]),
            (" , ,\t,", &[]),
            ("a", &["a"]),
            (" a ,\tb\t,, c ", &["a", "b", "c"]),
            (r#"a="b, c", d"#, &[r#"a="b, c""#, "d"]),
            (r#"a="\", b", c"#, &[r#"a="\", b""#, "c"]),
            (r#"a="\\", b"#, &[r#"a="\\""#, "b"]),
            (r"a\, b", &[r"a\", "b"]),
            ("a='b, c'", &["a='b", "c'"]),
            (r#"a="b, c"#, &[r#"a="b, c"#]),
        ] {
            assert_eq!(members(value), expected, "{value}");
        }
    }

    #[test]
    fn an_unterminated_quote_is_seen() {
        for (value, expected) in [
            ("a, b", false),
            (r#"a="b""#, false),
            (r#"a="b"#, true),
            (r#"a="b\""#, true),
            (r#"a=", b"#, true),
            (r#"a="", ""#, true),
            (r#"a="""#, false),
        ] {
            let mut members = split_list(value.as_bytes());
            members.by_ref().for_each(drop);
            assert_eq!(members.has_unterminated_quote(), expected, "{value}");
        }
    }

    #[test]
    fn lines_combine_in_order() {
        let mut headers = HeaderMap::new();
        let combined = |headers: &HeaderMap| combine(headers.get_all("x").iter()).into_owned();
        assert_eq!(combined(&headers), b"");
        headers.append("x", HeaderValue::from_static("a=\"1"));
        assert!(matches!(
            combine(headers.get_all("x").iter()),
            Cow::Borrowed(b"a=\"1")
        ));
        headers.append("x", HeaderValue::from_static("2\""));
        headers.append("x", HeaderValue::from_static(""));
        assert_eq!(combined(&headers), b"a=\"1, 2\", ");
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trim_ows(b" \t a b\t "), b"a b");
        assert_eq!(trim_ows(b" \t "), b"");
        assert_eq!(trim_ows(b"\x0ba\r"), b"\x0ba\r");
    }

    #[test]
    fn tokens_have_no_separators() {
        for token in ["a", "max-age", "!#$%&'*+-.^_`|~09azAZ"] {
            assert!(is_token(token.as_bytes()), "{token}");
        }
        for other in [
            "", " a", "a b", "a,b", "a;b", "a=b", "\"a\"", "a/b", "a\\", "é", "a\x7f",
        ] {
            assert!(!is_token(other.as_bytes()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn members_are_trimmed_parts_of_the_value(value: Vec<u8>) {
            for member in split_list(&value) {
                prop_assert!(!member.is_empty());
                prop_assert_eq!(trim_ows(member), member);
                prop_assert!(value.windows(member.len()).any(|window| window == member));
            }
        }

        #[test]
        fn quoted_members_survive_joining(texts in prop::collection::vec("[ -~]{0,8}", 0..6)) {
            let quote = |text: &String| {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            };
            let expected: Vec<_> = texts.iter().map(quote).collect();
            let joined = expected.join(" ,");
            prop_assert_eq!(members(&joined), expected);
        }
    }
}
