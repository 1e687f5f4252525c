//! [`Scanner`]: a search through one body.

use std::fmt;

use crate::tripwire::matcher::{Matcher, Search};
use crate::tripwire::unescape::{Unescape, escape_in};

/// Searches a body that comes in chunks: as it is, and for what it stands for once its escapes are
/// undone.
pub(super) struct Scanner {
    matcher: Matcher,
    arrived: u64,
    as_it_is: Search,
    /// From the first escape on; up to there both are the same.
    undone: Option<(Unescape, Search)>,
    found: Option<u64>,
}

impl Scanner {
    pub(super) fn new(matcher: Matcher) -> Self {
        Self {
            as_it_is: Search::new(&matcher),
            matcher,
            arrived: 0,
            undone: None,
            found: None,
        }
    }

    /// Searches the next chunk of the body. Whether a string has been found.
    pub(super) fn scan(&mut self, chunk: &[u8]) -> bool {
        if self.found.is_some() {
            return true;
        }
        if self.undone.is_none() && escape_in(chunk).is_some() {
            self.undone = Some((Unescape::at(self.arrived), self.as_it_is.clone()));
        }
        self.arrived += chunk.len() as u64;
        self.found = self.as_it_is.next(&self.matcher, chunk, self.arrived);
        self.search_undone(|unescape, give| unescape.feed(chunk, give));
        self.found.is_some()
    }

    /// The body has ended. Whether a string has been found.
    pub(super) fn finish(&mut self) -> bool {
        self.found = self.found.or_else(|| self.as_it_is.finish());
        self.search_undone(|unescape, give| unescape.finish(give));
        let undone = self.undone.as_ref();
        let last = undone.and_then(|(_, search)| search.finish());
        self.found = self.found.or(last);
        self.found.is_some()
    }

    /// Whether a string is in this text. The search starts anew before it and after it.
    pub(super) fn is_in(&mut self, text: &[u8]) -> bool {
        self.reset();
        let found = self.scan(text) || self.finish();
        self.reset();
        found
    }

    /// Where in the body the string ends that was found.
    pub(super) fn found(&self) -> Option<u64> {
        self.found
    }

    fn search_undone(&mut self, read: impl FnOnce(&mut Unescape, &mut dyn FnMut(&[u8], u64))) {
        let (matcher, found) = (&self.matcher, &mut self.found);
        if let Some((unescape, search)) = &mut self.undone {
            read(unescape, &mut |piece, end| {
                *found = found.or_else(|| search.next(matcher, piece, end));
            });
        }
    }

    fn reset(&mut self) {
        self.as_it_is = Search::new(&self.matcher);
        (self.arrived, self.undone, self.found) = (0, None, None);
    }
}

impl fmt::Debug for Scanner {
    /// The automaton would give the strings away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanner").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tripwire::IdentityStrings;
    use crate::tripwire::unescape::tests::{text, text_of, unescaped};

    fn scanner<const N: usize>(strings: [&str; N]) -> Scanner {
        IdentityStrings::from_iter(strings).scanner().unwrap()
    }

    fn is_found<const N: usize>(strings: [&str; N], body: &str) -> bool {
        let found = in_chunks(&mut scanner(strings), [body.as_bytes()]);
        for size in 1..body.len() {
            let again = in_chunks(&mut scanner(strings), body.as_bytes().chunks(size));
            assert_eq!(again, found, "{body} in chunks of {size}");
        }
        found
    }

    fn in_chunks<'a>(scanner: &mut Scanner, chunks: impl IntoIterator<Item = &'a [u8]>) -> bool {
        chunks.into_iter().any(|chunk| scanner.scan(chunk)) || scanner.finish()
    }

    #[test]
    fn string_is_found_in_every_form_that_bodies_give_it() {
        for body in [
            "ann+a@example.com",
            "<a href='mailto:Ann+A@Example.COM'>",
            "?user=ann%2Ba%40example.com&page=2",
            "?user=ann+a%40example%2ecom",
            "ann&#43;a&#64;example.com",
            "ann&#x2B;a&commat;example&period;com",
            r#"{"user":"ann+a\u0040example.com"}"#,
            r#"{"user":"ann\u002ba@example.com","next":"\/"}"#,
        ] {
            assert!(is_found(["ann+a@example.com"], body), "{body}");
        }
        for (string, body) in [
            ("AT&T/ann", "AT&amp;T/ann"),
            ("AT&T/ann", r"AT&T\/ann"),
            (r"CORP\ann", r#""CORP\\ann""#),
            (r"CORP\new", r"CORP\new"),
            ("Ann Lee", "?name=ann+lee"),
            ("Zoë@b", r"zo\u00eb@b"),
            ("a%4Fb", "a%4Fb"),
            ("50%40", "50%40"),
            ("ann@b%", "ann%40b%"),
        ] {
            assert!(is_found([string], body), "{string} in {body}");
        }
    }

    #[test]
    fn word_is_found_at_its_borders_only() {
        for body in [
            "1042",
            "/users/1042",
            "user_1042",
            r#"{"id":1042}"#,
            "210425 1042",
            "id%201042%20",
            r#"\n1042\n"#,
            "1042\u{e9}",
        ] {
            assert!(is_found(["1042"], body), "{body}");
        }
        for body in [
            "210425",
            "10421042",
            "x1042",
            "1042x",
            "104 2",
            "1\u{30}4",
            "%31042%31",
        ] {
            assert!(!is_found(["1042"], body), "{body}");
        }
        assert!(is_found(["@1042"], "x@1042"));
        assert!(is_found(["1042@"], "1042@x"));
        assert!(!is_found(["@1042"], "@10429"));
    }

    #[test]
    fn needles_that_overlap_are_told_apart() {
        let ids = ["1042", "a1042", "1042b", "042@"];
        for body in ["1042", "a1042", "1042b", "xx-042@", "a1042b@1042"] {
            assert!(is_found(ids, body), "{body}");
        }
        for body in ["aa1042", "1042bb", "a1042b", "042"] {
            assert!(!is_found(ids, body), "{body}");
        }
    }

    #[test]
    fn place_is_where_the_string_ends() {
        for (body, end) in [
            ("x 1042 x", 6),
            ("x 1042", 6),
            ("%40 1042 x", 8),
            ("ann%40b.c x", 9),
            ("x%20ann%40b%2ec", 15),
            ("%zz&#1;ann&#64;b.c", 18),
        ] {
            for size in 1..=body.len() {
                let mut scanner = scanner(["1042", "ann@b.c"]);
                assert!(in_chunks(&mut scanner, body.as_bytes().chunks(size)));
                assert_eq!(scanner.found(), Some(end), "{body} in chunks of {size}");
            }
        }
    }

    #[test]
    fn string_at_any_place_of_a_long_body_is_found() {
        let filler = "<p>210425 and more</p>&nbsp;".repeat(5_000).into_bytes();
        let mut clean = scanner(["1042", "ann@example.com"]);
        assert!(!in_chunks(&mut clean, filler.chunks(4096)));
        for place in [0, 1, 4_090, 4_096, 70_001, filler.len()] {
            for string in ["@ann@example.com!", "/1042/", "ann%40example.com"] {
                let mut body = filler.clone();
                body.splice(place..place, format!(" {string} ").into_bytes());
                let mut scanner = scanner(["1042", "ann@example.com"]);
                assert!(in_chunks(&mut scanner, body.chunks(4096)), "{place}");
            }
        }
    }

    #[test]
    fn short_strings_are_ignored_and_of_long_ones_the_end_is_looked_for() {
        let short = IdentityStrings::new().add("").add("104").add([0xff; 3]);
        assert!(short.is_empty());
        let token = |start: &str| format!("{start}{}", "z1".repeat(128));
        assert!(is_found([&*token("")], &token("")));
        assert!(!is_found([&*token("")], &token("x")));
        assert!(is_found([&*token("eyJhbGciOi")], &token("x")));
        assert!(!is_found([&*token("eyJhbGciOi")], &token("")[1..]));
    }

    #[test]
    fn more_strings_than_can_be_looked_for_are_no_search() {
        let ids = (1000..1016).map(|id| id.to_string());
        let strings = IdentityStrings::from_iter(ids);
        assert!(
            strings
                .scanner()
                .is_some_and(|mut scanner| scanner.is_in(b"1015"))
        );
        let strings = strings.add("x");
        assert!(strings.scanner().is_some());
        assert!(strings.add("1016").scanner().is_none());
    }

    #[test]
    fn longest_strings_make_a_search() {
        let strings = (0..16).map(|which| format!("{which} {}", "ab C".repeat(100)));
        let mut scanner = strings
            .clone()
            .collect::<IdentityStrings>()
            .scanner()
            .unwrap();
        for string in strings {
            assert!(scanner.is_in(string.replace(' ', "+").as_bytes()));
        }
    }

    #[test]
    fn texts_are_searched_one_by_one() {
        let mut scanner = scanner(["1042"]);
        for (text, found) in [("10", false), ("42", false), ("1042", true), ("2", false)] {
            assert_eq!(scanner.is_in(text.as_bytes()), found, "{text}");
        }
        assert!(!scanner.scan(b"x10") && !scanner.scan(b"42") && !scanner.finish());
    }

    #[test]
    fn strings_are_not_told() {
        let strings = IdentityStrings::new()
            .add("secret-token")
            .add("ann@example.com");
        assert_eq!(format!("{strings:?}"), "IdentityStrings { count: 2 }");
        let scanner = strings.scanner().unwrap();
        assert_eq!(format!("{scanner:?}"), "Scanner { .. }");
    }

    /// Whether a string stands by itself in this text.
    fn stands_in(text: &[u8], string: &str) -> bool {
        let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let forms = [string.to_owned(), string.replace(' ', "+")];
        forms.iter().map(String::as_bytes).any(|form| {
            let (first, last) = (is_word(form.first()), is_word(form.last()));
            (0..text.len()).any(|start| {
                let end = start + form.len();
                let same = |part: &[u8]| part.eq_ignore_ascii_case(form);
                let before = start.checked_sub(1).and_then(|before| text.get(before));
                text.get(start..end).is_some_and(same)
                    && !(first && is_word(before))
                    && !(last && is_word(text.get(end)))
            })
        })
    }

    const STRINGS: [&str; 10] = [
        "1042", "a1042", "1042b", "b@b1042", "a@b\\", "%40a", "a b1", "\"1042", "@&@\n", "é1042",
    ];

    /// Parts of these strings, so that they meet often.
    const PARTS: [&str; 16] = [
        "1042", "1042", "10", "42", "a", "b", "@", "%40", "&#64;", "\\u0040", "\\", " ", "+",
        "%20", "%2", "é",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn chunks_are_searched_as_the_whole_is(
            text in prop_oneof![text(), text_of(&PARTS)],
            cuts in prop::collection::vec(0_usize..12, 0..8),
            strings in prop::sample::subsequence(&STRINGS, 1..4),
        ) {
            let (undone, _) = unescaped([&*text]);
            let is_in = |string: &&str| stands_in(&text, string) || stands_in(&undone, string);
            let expected = strings.iter().any(is_in);

            let mut scanner = IdentityStrings::from_iter(&strings).scanner().unwrap();
            let mut chunks = vec![&*text];
            for cut in cuts {
                let last = chunks.pop().unwrap();
                let (first, rest) = last.split_at(cut.min(last.len()));
                chunks.extend([first, rest]);
            }
            prop_assert_eq!(in_chunks(&mut scanner, chunks), expected);
        }
    }
}
