//! Rewrites of a request field that keep its meaning (RFC 9111 section 4.1).
//!
//! | Field | Rewrite |
//! |---|---|
//! | Accept-Charset, -Encoding, -Language | as Accept, and in lower case |
//! | Accept, Prefer | as Cache-Control, and no whitespace around `;` |
//! | Cache-Control, Pragma | no whitespace around `,`, no empty members |
//! | Cookie | lines joined by `; `, ends trimmed (RFC 9113 section 8.2.3) |
//! | any other | lines joined by `, `, ends trimmed |
//!
//! Quoted strings stay as they are. Members keep their order: a server may rank by it.

use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, COOKIE, HeaderName,
    PRAGMA,
};

use super::bytes::KeyBuf;

/// Appends the value of a field in normal form. Returns false and appends nothing if it is absent.
pub(super) fn normalise(name: &HeaderName, headers: &HeaderMap, out: &mut KeyBuf) -> bool {
    let Some(syntax) = Syntax::of(name) else {
        return merge(name, headers, out);
    };
    let start = out.len();
    let mut list = List::new(syntax, out);
    let mut present = false;
    for line in headers.get_all(name) {
        if present {
            list.next_line();
        }
        list.line(line.as_bytes());
        present = true;
    }
    list.finish();
    if syntax.folds
        && let Some(value) = out.get_mut(start..)
    {
        value.make_ascii_lowercase();
    }
    present
}

/// Whether nothing is known of a field's syntax that would let two values mean the same.
pub(super) fn is_opaque(name: &HeaderName) -> bool {
    Syntax::of(name).is_none()
}

/// Appends the lines of a field as one value, its ends trimmed. Returns false and appends nothing
/// if it is absent.
pub(super) fn merge(name: &HeaderName, headers: &HeaderMap, out: &mut KeyBuf) -> bool {
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    let start = out.len();
    let mut lines = headers.get_all(name).iter();
    let Some(first) = lines.next() else {
        return false;
    };
    out.extend_from_slice(first.as_bytes().trim_ascii_start());
    for line in lines {
        out.extend_from_slice(separator);
        out.extend_from_slice(line.as_bytes());
    }
    trim_end(out, start);
    true
}

/// How the value of a known field may be rewritten.
#[derive(Clone, Copy)]
struct Syntax {
    /// Members carry `;` parameters with optional whitespace around the `;`.
    parameters: bool,
    /// Every part is case-insensitive and nothing is quoted.
    folds: bool,
}

impl Syntax {
    fn of(name: &HeaderName) -> Option<Self> {
        match *name {
            ACCEPT_CHARSET | ACCEPT_ENCODING | ACCEPT_LANGUAGE => Some(Self {
                parameters: true,
                folds: true,
            }),
            ACCEPT => Some(Self {
                parameters: true,
                folds: false,
            }),
            CACHE_CONTROL | PRAGMA => Some(Self {
                parameters: false,
                folds: false,
            }),
            _ if name == "prefer" => Some(Self {
                parameters: true,
                folds: false,
            }),
            _ => None,
        }
    }
}

/// A comma list being copied to the end of `out` in normal form.
struct List<'a> {
    syntax: Syntax,
    out: &'a mut KeyBuf,
    start: usize,
    quoted: bool,
}

impl<'a> List<'a> {
    fn new(syntax: Syntax, out: &'a mut KeyBuf) -> Self {
        let start = out.len();
        Self {
            syntax,
            out,
            start,
            quoted: false,
        }
    }

    fn line(&mut self, mut rest: &[u8]) {
        loop {
            rest = if self.quoted {
                self.quoted_text(rest)
            } else {
                self.text(rest)
            };
            let Some((special, after)) = rest.split_first() else {
                return;
            };
            match special {
                b'"' => {
                    self.quoted = !self.quoted;
                    self.out.push(b'"');
                }
                b',' => self.comma(),
                b';' => self.semicolon(),
                _ if self.at_boundary() => {}
                _ => self.out.push(*special),
            }
            rest = after;
        }
    }

    /// Lines are members of one list; a quoted string left open goes on in the next line.
    fn next_line(&mut self) {
        if self.quoted {
            self.out.extend_from_slice(b", ");
        } else {
            self.comma();
        }
    }

    fn finish(self) {
        trim_end(self.out, self.start);
        if !self.quoted && self.out.len() > self.start && self.out.last() == Some(&b',') {
            self.out.pop();
        }
    }

    /// Copies up to the closing quote and returns what follows, the quote included.
    fn quoted_text<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let mut escaped = false;
        let end = text.iter().position(|byte| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        });
        self.copy(text, end)
    }

    /// Copies up to a character that may mean something and returns what follows.
    fn text<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let parameters = self.syntax.parameters;
        let end = text.iter().position(|byte| match byte {
            b' ' | b'\t' | b',' | b'"' => true,
            b';' => parameters,
            _ => false,
        });
        self.copy(text, end)
    }

    fn copy<'t>(&mut self, text: &'t [u8], end: Option<usize>) -> &'t [u8] {
        let (copied, rest) = text
            .split_at_checked(end.unwrap_or(text.len()))
            .unwrap_or((text, b""));
        self.out.extend_from_slice(copied);
        rest
    }

    fn comma(&mut self) {
        trim_end(self.out, self.start);
        if self.out.len() > self.start && self.out.last() != Some(&b',') {
            self.out.push(b',');
        }
    }

    fn semicolon(&mut self) {
        trim_end(self.out, self.start);
        self.out.push(b';');
    }

    /// Whether whitespace here would lead a member or a parameter.
    fn at_boundary(&self) -> bool {
        self.out.len() == self.start
            || self.out.last() == Some(&b',')
            || (self.syntax.parameters && self.out.last() == Some(&b';'))
    }
}

fn trim_end(out: &mut KeyBuf, start: usize) {
    while out.len() > start && matches!(out.last(), Some(b' ' | b'\t')) {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    fn normal(name: &HeaderName, lines: &[&str]) -> Option<String> {
        let mut out = KeyBuf::from_slice(b", ");
        let present = normalise(name, &headers(name, lines), &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        let value = text.strip_prefix(", ").unwrap();
        assert!(present || value.is_empty());
        present.then(|| value.to_owned())
    }

    #[test]
    fn list_fields_lose_whitespace_and_empty_members() {
        let cases: [(&HeaderName, &[&str], &str); 15] = [
            (&ACCEPT_ENCODING, &["gzip, deflate , br"], "gzip,deflate,br"),
            (&ACCEPT_ENCODING, &["gzip", "br"], "gzip,br"),
            (
                &ACCEPT_ENCODING,
                &[",, GZip ,,\tBR ; Q=0.5 ,"],
                "gzip,br;q=0.5",
            ),
            (&ACCEPT_ENCODING, &["", "", "gzip", ""], "gzip"),
            (&ACCEPT_ENCODING, &[" , "], ""),
            (&ACCEPT_LANGUAGE, &["de-DE, en;q=0.5"], "de-de,en;q=0.5"),
            (&ACCEPT_LANGUAGE, &["en;q=0.5, de-DE"], "en;q=0.5,de-de"),
            (&ACCEPT_CHARSET, &["UTF-8 ;q=1"], "utf-8;q=1"),
            (
                &ACCEPT,
                &["Text/HTML ; Level=\"A , B ; c\" , */*"],
                "Text/HTML;Level=\"A , B ; c\",*/*",
            ),
            (&ACCEPT, &[r#"a/b;c="\" , ", d/e"#], r#"a/b;c="\" , ",d/e"#),
            (&ACCEPT, &[r#"a/b;c="\\" , d/e"#], r#"a/b;c="\\",d/e"#),
            (&ACCEPT, &["a/b;c=\"open ,", " d"], "a/b;c=\"open ,,  d"),
            (
                &CACHE_CONTROL,
                &["no-cache , max-age=0 ; x"],
                "no-cache,max-age=0 ; x",
            ),
            (&CACHE_CONTROL, &["a=\",\","], "a=\",\""),
            (&ACCEPT, &["\","], "\","),
        ];
        for (name, lines, expected) in cases {
            assert_eq!(
                normal(name, lines).as_deref(),
                Some(expected),
                "{name}: {lines:?}"
            );
        }
    }

    #[test]
    fn unknown_fields_are_merged_and_trimmed_only() {
        let name = HeaderName::from_static("x-flags");
        assert_eq!(
            normal(&name, &[" a ,  B ;c\t"]).as_deref(),
            Some("a ,  B ;c")
        );
        assert_eq!(normal(&name, &["a", "b"]).as_deref(), Some("a, b"));
        assert_ne!(normal(&name, &["a,b"]), normal(&name, &["a, b"]));
        assert_ne!(normal(&name, &["A"]), normal(&name, &["a"]));
    }

    #[test]
    fn cookie_lines_are_joined_as_http2_asks() {
        assert_eq!(
            normal(&COOKIE, &["a=1", "b=2"]),
            normal(&COOKIE, &["a=1; b=2"])
        );
        assert_ne!(
            normal(&COOKIE, &["a=1; b=2"]),
            normal(&COOKIE, &["b=2; a=1"])
        );
    }

    #[test]
    fn absent_is_not_empty() {
        for name in [ACCEPT, COOKIE, HeaderName::from_static("x-flags")] {
            assert_eq!(normal(&name, &[]), None);
            assert_eq!(normal(&name, &[""]).as_deref(), Some(""));
        }
    }

    #[test]
    fn meaning_is_kept_apart() {
        for (a, b) in [
            ("gzip, br", "br, gzip"),
            ("gzip;q=1", "gzip;q=0"),
            ("gzip", "gzip;q=1"),
            ("gzip br", "gzip, br"),
            ("gzipbr", "gzip br"),
        ] {
            assert_ne!(
                normal(&ACCEPT_ENCODING, &[a]),
                normal(&ACCEPT_ENCODING, &[b]),
                "{a} {b}"
            );
        }
        assert_ne!(
            normal(&ACCEPT, &["a/b;c=\"x y\""]),
            normal(&ACCEPT, &["a/b;c=\"x  y\""])
        );
        assert_ne!(normal(&ACCEPT, &["a/b;c=X"]), normal(&ACCEPT, &["a/b;c=x"]));
    }

    fn lines() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[aB;,=\" \\t\\\\]{0,8}", 1..4)
    }

    /// The members of a list by another route: merge, then split where no quote is open.
    fn members(merged: &str) -> Vec<String> {
        let (mut members, mut quoted, mut escaped) = (vec![String::new()], false, false);
        for c in merged.chars() {
            match c {
                ',' if !quoted => {
                    members.push(String::new());
                    continue;
                }
                '"' if !escaped => quoted = !quoted,
                _ => {}
            }
            escaped = quoted && c == '\\' && !escaped;
            members.last_mut().unwrap().push(c);
        }
        let trimmed = members
            .iter()
            .map(|member| member.trim_matches([' ', '\t']).to_owned());
        trimmed.filter(|member| !member.is_empty()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn normal_form_is_its_own_normal_form(lines in lines()) {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            for name in [ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, COOKIE, PRAGMA] {
                let once = normal(&name, &lines).unwrap();
                prop_assert_eq!(normal(&name, &[&once]), Some(once));
            }
        }

        #[test]
        fn members_survive(lines in lines()) {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let normal = normal(&CACHE_CONTROL, &lines).unwrap();
            prop_assert_eq!(members(&normal), members(&lines.join(", ")));
        }

        #[test]
        fn any_bytes_have_a_normal_form(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                for name in [ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, COOKIE] {
                    let headers = HeaderMap::from_iter([(name.clone(), value.clone())]);
                    prop_assert!(normalise(&name, &headers, &mut KeyBuf::new()));
                }
            }
        }
    }
}
