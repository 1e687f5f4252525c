//! `Cache-Control` as received (RFC 9111 section 5.2).
//!
//! | Input | Meaning |
//! |---|---|
//! | `max-age="60"`, `no-cache=set-cookie` | token and quoted arguments mean the same |
//! | `max-age=x`, `max-age`, `max-age = 60` | present, with lifetime 0 |
//! | `max-age=60, max-age=90` | lifetime 0 |
//! | `private="not a name"`, `private=""` | as `private` |
//! | `stale-if-error=x` | ignored |
//! | `x="no-store"`, `frobnicate` | ignored |
//! | `x="`, `no store`, `max-age=60; y` | malformed: see [`ResponseDirectives::is_malformed`] |

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::directive::{Argument, Directive};
use super::list::{combine, split_list};
use super::time::DeltaSeconds;

/// Which fields of a response a `no-cache` or `private` directive is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldNames {
    /// The directive is absent.
    #[default]
    None,
    /// The directive is unqualified: it is about the whole response.
    All,
    /// The directive is about the named fields only.
    Named(Vec<HeaderName>),
}

impl FieldNames {
    /// Whether the directive is absent.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Whether the directive is about the whole response.
    #[must_use]
    pub fn is_unqualified(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The fields named, none unless the directive is qualified.
    #[must_use]
    pub fn names(&self) -> &[HeaderName] {
        match self {
            Self::Named(names) => names,
            Self::None | Self::All => &[],
        }
    }

    /// A directive with these names; without the qualification if there are none or one is invalid.
    ///
    /// An apostrophe may stand in a field name, but where it does somebody quoted a list with
    /// apostrophes: taking that for a name would leave the field they meant unprotected.
    pub(super) fn from_names<'a>(names: impl Iterator<Item = &'a [u8]>) -> Self {
        let names = names
            .map(|name| {
                HeaderName::from_bytes(name)
                    .ok()
                    .filter(|_| !name.contains(&b'\''))
            })
            .collect::<Option<Vec<_>>>();
        names
            .filter(|names| !names.is_empty())
            .map_or(Self::All, Self::Named)
    }

    fn from_argument(argument: &Argument<'_>) -> Self {
        match argument {
            Argument::Text(text) => Self::from_names(split_list(text)),
            Argument::Absent | Argument::Invalid | Argument::Garbage => Self::All,
        }
    }

    /// Adds what another occurrence of the directive says.
    fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::All, _) | (_, Self::None) => {}
            (Self::Named(names), Self::Named(more)) => names.extend(more),
            (_, other) => *self = other,
        }
    }
}

/// The directives of a response (RFC 9111 section 5.2.2, RFC 5861, RFC 8246).
///
/// Everything a field can say is one of these values; text that is not valid becomes the most
/// restrictive of them, never an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseDirectives {
    pub(crate) max_age: Option<DeltaSeconds>,
    pub(crate) s_maxage: Option<DeltaSeconds>,
    pub(crate) no_store: bool,
    pub(crate) no_cache: FieldNames,
    pub(crate) private: FieldNames,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    pub(crate) no_transform: bool,
    pub(crate) immutable: bool,
    pub(crate) stale_while_revalidate: Option<DeltaSeconds>,
    pub(crate) stale_if_error: Option<DeltaSeconds>,
    pub(crate) malformed: bool,
}

impl ResponseDirectives {
    /// Reads the `Cache-Control` lines of a response.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self::parse(headers.get_all(CACHE_CONTROL).iter())
    }

    /// Reads the lines of one field, as if they were joined in order.
    #[must_use]
    pub fn parse<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> Self {
        let value = combine(lines);
        let mut directives = Self::default();
        let mut members = split_list(&value);
        for member in members.by_ref() {
            match Directive::parse(member) {
                Some(directive) => directives.add(&directive),
                None => directives.malformed = true,
            }
        }
        directives.malformed |= members.has_unterminated_quote();
        directives
    }

    fn add(&mut self, directive: &Directive<'_>) {
        let argument = &directive.argument;
        self.malformed |= *argument == Argument::Garbage;
        match directive.name() {
            b"max-age" => merge_lifetime(&mut self.max_age, argument),
            b"s-maxage" => merge_lifetime(&mut self.s_maxage, argument),
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache.merge(FieldNames::from_argument(argument)),
            b"private" => self.private.merge(FieldNames::from_argument(argument)),
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"no-transform" => self.no_transform = true,
            b"immutable" => self.immutable = true,
            b"stale-while-revalidate" => merge_window(&mut self.stale_while_revalidate, argument),
            b"stale-if-error" => merge_window(&mut self.stale_if_error, argument),
            _ => {}
        }
    }

    /// The freshness lifetime for every cache, zero if its argument is invalid.
    #[must_use]
    pub fn max_age(&self) -> Option<DeltaSeconds> {
        self.max_age
    }

    /// The freshness lifetime for shared caches, zero if its argument is invalid.
    #[must_use]
    pub fn s_maxage(&self) -> Option<DeltaSeconds> {
        self.s_maxage
    }

    /// Whether the response must not be stored.
    #[must_use]
    pub fn no_store(&self) -> bool {
        self.no_store
    }

    /// What must be validated before every reuse.
    #[must_use]
    pub fn no_cache(&self) -> &FieldNames {
        &self.no_cache
    }

    /// What a shared cache must not store.
    #[must_use]
    pub fn private(&self) -> &FieldNames {
        &self.private
    }

    /// Whether the response may be stored although it would not be otherwise.
    #[must_use]
    pub fn public(&self) -> bool {
        self.public
    }

    /// Whether no cache may reuse the response once stale.
    #[must_use]
    pub fn must_revalidate(&self) -> bool {
        self.must_revalidate
    }

    /// Whether no shared cache may reuse the response once stale.
    #[must_use]
    pub fn proxy_revalidate(&self) -> bool {
        self.proxy_revalidate
    }

    /// Whether only a cache that knows the status code may store the response.
    #[must_use]
    pub fn must_understand(&self) -> bool {
        self.must_understand
    }

    /// Whether the content must not be transformed.
    #[must_use]
    pub fn no_transform(&self) -> bool {
        self.no_transform
    }

    /// Whether the response does not change while it is fresh (RFC 8246).
    #[must_use]
    pub fn immutable(&self) -> bool {
        self.immutable
    }

    /// For how long after expiry it may be served while it is validated (RFC 5861 section 3).
    #[must_use]
    pub fn stale_while_revalidate(&self) -> Option<DeltaSeconds> {
        self.stale_while_revalidate
    }

    /// For how long after expiry it may be served when validation fails (RFC 5861 section 4).
    #[must_use]
    pub fn stale_if_error(&self) -> Option<DeltaSeconds> {
        self.stale_if_error
    }

    /// Whether part of the field is garbage, such as a quote that never ends. What it was meant to
    /// say is unknown, so the response should not be stored.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }
}

/// Records a lifetime. An invalid one counts as zero, and so do two that differ.
pub(super) fn merge_lifetime(slot: &mut Option<DeltaSeconds>, argument: &Argument<'_>) {
    merge_equal(slot, argument.seconds().unwrap_or(DeltaSeconds::ZERO));
}

/// Records a stale window, unless it is invalid. Two that differ count as zero.
pub(super) fn merge_window(slot: &mut Option<DeltaSeconds>, argument: &Argument<'_>) {
    if let Some(window) = argument.seconds() {
        merge_equal(slot, window);
    }
}

fn merge_equal(slot: &mut Option<DeltaSeconds>, value: DeltaSeconds) {
    let differs = slot.is_some_and(|earlier| earlier != value);
    *slot = Some(if differs { DeltaSeconds::ZERO } else { value });
}

#[cfg(test)]
mod tests {
    use http::header::PRAGMA;
    use proptest::prelude::*;

    use super::super::request_directives::{MaxStale, RequestDirectives};
    use super::*;

    fn values(lines: &[&str]) -> Vec<HeaderValue> {
        lines
            .iter()
            .map(|line| HeaderValue::from_bytes(line.as_bytes()).unwrap())
            .collect()
    }

    fn response(line: &str) -> ResponseDirectives {
        ResponseDirectives::parse(values(&[line]).iter())
    }

    fn request(line: &str) -> RequestDirectives {
        RequestDirectives::parse(values(&[line]).iter())
    }

    fn secs(seconds: u64) -> DeltaSeconds {
        DeltaSeconds::new(seconds)
    }

    fn named(names: &[&'static str]) -> FieldNames {
        FieldNames::Named(
            names
                .iter()
                .map(|name| HeaderName::from_static(name))
                .collect(),
        )
    }

    #[test]
    fn lifetimes_are_read_in_both_forms_and_never_fall_through() {
        for (argument, expected) in [
            ("=60", 60),
            ("=\"60\"", 60),
            ("=\"6\\0\"", 60),
            ("=0060", 60),
            ("=0", 0),
            ("=99999999999999999999", 1 << 31),
            ("", 0),
            ("=", 0),
            ("=\"\"", 0),
            ("=\" 60\"", 0),
            ("='60'", 0),
            ("=-60", 0),
            ("=+60", 0),
            ("=60.5", 0),
            ("=60s", 0),
            ("=a60", 0),
            (" =60", 0),
            ("= 60", 0),
            (" = 60", 0),
            ("= \"60\"", 0),
        ] {
            for name in ["max-age", "MAX-AGE", "s-maxage", "S-MaxAge"] {
                let line = format!("{name}{argument}");
                let read = response(&line);
                let lifetime = if name.len() == 7 {
                    read.max_age()
                } else {
                    read.s_maxage()
                };
                assert_eq!(lifetime, Some(secs(expected)), "{line}");
                assert!(!read.is_malformed(), "{line}");
            }
        }
    }

    #[test]
    fn duplicate_lifetimes_agree_or_are_zero() {
        for (line, expected) in [
            ("max-age=60, max-age=60", 60),
            ("max-age=60, max-age=\"060\"", 60),
            ("max-age=60, max-age=90", 0),
            ("max-age=60, max-age=90, max-age=60", 0),
            ("max-age=60, max-age=90, max-age=90", 0),
            ("max-age=60, max-age=x", 0),
            ("max-age, max-age=60", 0),
        ] {
            assert_eq!(response(line).max_age(), Some(secs(expected)), "{line}");
        }
    }

    #[test]
    fn flags_are_read_whatever_their_argument() {
        type Flag = fn(&ResponseDirectives) -> bool;
        let flags: [(&str, Flag); 9] = [
            ("no-store", ResponseDirectives::no_store),
            ("public", ResponseDirectives::public),
            ("must-revalidate", ResponseDirectives::must_revalidate),
            ("proxy-revalidate", ResponseDirectives::proxy_revalidate),
            ("must-understand", ResponseDirectives::must_understand),
            ("no-transform", ResponseDirectives::no_transform),
            ("immutable", ResponseDirectives::immutable),
            ("no-cache", |read| read.no_cache().is_unqualified()),
            ("private", |read| read.private().is_unqualified()),
        ];
        for (name, flag) in flags {
            let upper = name.to_ascii_uppercase();
            for line in [
                name.to_owned(),
                upper,
                format!("x, ,{name} ,y=1"),
                format!("{name}="),
            ] {
                assert!(flag(&response(&line)), "{line}");
            }
            if !matches!(name, "no-cache" | "private") {
                assert!(flag(&response(&format!("{name}=\"a, b\""))), "{name}");
                assert!(flag(&response(&format!("{name} = 1"))), "{name}");
            }
            for line in [
                format!("x=\"{name}\""),
                format!("x=\"a, {name}, b\""),
                format!("x=\"\\\", {name}\""),
                format!("x{name}"),
                format!("{name}x"),
                format!("x={name}"),
                String::new(),
            ] {
                let read = response(&line);
                assert!(!flag(&read), "{line}");
                assert!(!read.is_malformed(), "{line}");
            }
        }
    }

    #[test]
    fn single_quotes_do_not_quote() {
        assert!(response("x='a, no-store, b'").no_store());
        assert!(response("private='set-cookie'").private().is_unqualified());
        assert!(
            response("private='set-cookie, x-a'")
                .private()
                .is_unqualified()
        );
    }

    #[test]
    fn qualified_directives_name_fields() {
        for (argument, expected) in [
            ("=\"set-cookie\"", named(&["set-cookie"])),
            ("=\"Set-Cookie, X-User\"", named(&["set-cookie", "x-user"])),
            ("=\", Set-Cookie,,\"", named(&["set-cookie"])),
            ("=Set-Cookie", named(&["set-cookie"])),
            ("", FieldNames::All),
            ("=", FieldNames::All),
            ("=\"\"", FieldNames::All),
            ("=\" , \"", FieldNames::All),
            ("=\"a b\"", FieldNames::All),
            ("=\"a, b/c\"", FieldNames::All),
            ("=\"a;b\"", FieldNames::All),
            (" = \"a\"", FieldNames::All),
        ] {
            assert_eq!(
                *response(&format!("private{argument}")).private(),
                expected,
                "{argument}"
            );
            assert_eq!(
                *response(&format!("No-Cache{argument}")).no_cache(),
                expected,
                "{argument}"
            );
        }
        assert_eq!(
            response("no-cache=a, no-cache=b").no_cache().names(),
            named(&["a", "b"]).names()
        );
        assert!(response("no-cache=a, no-cache").no_cache().is_unqualified());
        assert!(response("no-cache, no-cache=a").no_cache().is_unqualified());
        assert!(response("public").no_cache().is_absent());
    }

    #[test]
    fn invalid_stale_windows_are_ignored() {
        for name in ["stale-while-revalidate", "stale-if-error"] {
            for (argument, expected) in [
                ("=30".to_owned(), Some(30)),
                ("=\"30\"".to_owned(), Some(30)),
                (format!("=30, {name}=30"), Some(30)),
                (format!("=30, {name}=31"), Some(0)),
                (format!("=30, {name}=x"), Some(30)),
                (String::new(), None),
                ("=".to_owned(), None),
                ("=-30".to_owned(), None),
                ("= 30".to_owned(), None),
                ("=3.0".to_owned(), None),
            ] {
                let read = response(&format!("max-age=60, {name}{argument}"));
                let window = match name {
                    "stale-if-error" => read.stale_if_error(),
                    _ => read.stale_while_revalidate(),
                };
                assert_eq!(window, expected.map(secs), "{name}{argument}");
                assert_eq!(read.max_age(), Some(secs(60)));
                assert!(!read.is_malformed());
            }
        }
    }

    #[test]
    fn garbage_is_malformed() {
        for line in [
            "max-age=60, x=\"",
            "x=\"a, no-store",
            "max-age=60\"",
            "no store",
            "=60",
            "max-age=60; no-store",
            "public; max-age=60",
            "max-age=60 s-maxage=60",
            "\"no-store\"",
            "x=a\"b\"",
            "x=\"a\"b",
            "max-age=60, \u{e9}",
            "a@b",
        ] {
            assert!(response(line).is_malformed(), "{line}");
        }
        let bytes = HeaderValue::from_bytes(b"max-age=60, \xff").unwrap();
        assert!(ResponseDirectives::parse([bytes].iter()).is_malformed());
        // Bytes beyond ASCII may stand in a quoted string.
        let bytes = HeaderValue::from_bytes(b"max-age=60, x=\"\xff\"").unwrap();
        assert!(!ResponseDirectives::parse([bytes].iter()).is_malformed());
    }

    #[test]
    fn directives_before_and_after_garbage_still_count() {
        let read = response("no-store, a b, private");
        assert!(read.no_store() && read.private().is_unqualified() && read.is_malformed());
    }

    #[test]
    fn lines_are_read_as_one_list() {
        let lines = |lines: &[&str]| ResponseDirectives::parse(values(lines).iter());
        assert_eq!(lines(&[]), ResponseDirectives::default());
        assert_eq!(
            lines(&["public", "max-age=60"]),
            response("public, max-age=60")
        );
        assert_eq!(
            lines(&["max-age=60", "max-age=90"]).max_age(),
            Some(DeltaSeconds::ZERO)
        );
        let split = lines(&["private=\"a", "b\""]);
        assert_eq!(*split.private(), named(&["a", "b"]));
        assert!(!split.is_malformed());
        assert!(lines(&["x=\"a", "no-store"]).is_malformed());
    }

    #[test]
    fn request_directives_are_read() {
        let all = request(
            "no-store, no-cache, only-if-cached, no-transform, max-age=\"1\", min-fresh=2, \
             max-stale=3, stale-if-error=4, unknown",
        );
        assert!(all.no_store() && all.no_cache() && all.only_if_cached() && all.no_transform());
        assert_eq!(all.max_age(), Some(secs(1)));
        assert_eq!(all.min_fresh(), Some(secs(2)));
        assert_eq!(all.max_stale(), Some(MaxStale::AtMost(secs(3))));
        assert_eq!(all.stale_if_error(), Some(secs(4)));
        assert_eq!(
            request("x=\"no-store\", no-storex"),
            RequestDirectives::default()
        );
    }

    #[test]
    fn invalid_request_arguments_restrict_or_are_ignored() {
        for argument in ["", "=", "=x", "=-1", " =1", "=1;"] {
            let read = request(&format!("max-age{argument}, min-fresh{argument}"));
            assert_eq!(read.max_age(), Some(DeltaSeconds::ZERO), "{argument}");
            assert_eq!(read.min_fresh(), Some(DeltaSeconds::MAX), "{argument}");
            let read = request(&format!("stale-if-error{argument}"));
            assert_eq!(read.stale_if_error(), None, "{argument}");
        }
        for (line, expected) in [
            ("max-stale", Some(MaxStale::Any)),
            ("max-stale=5", Some(MaxStale::AtMost(secs(5)))),
            ("max-stale=5, max-stale", Some(MaxStale::AtMost(secs(5)))),
            ("max-stale, max-stale=5", Some(MaxStale::AtMost(secs(5)))),
            ("max-stale=9, max-stale=5", Some(MaxStale::AtMost(secs(5)))),
            ("max-stale=5, max-stale=x", Some(MaxStale::AtMost(secs(5)))),
            ("max-stale=x", None),
            ("max-stale=", None),
            ("max-stale = 5", None),
        ] {
            assert_eq!(request(line).max_stale(), expected, "{line}");
        }
        assert_eq!(
            request("min-fresh=1, min-fresh=9").min_fresh(),
            Some(secs(9))
        );
        assert_eq!(
            request("max-age=1, max-age=9").max_age(),
            Some(DeltaSeconds::ZERO)
        );
    }

    #[test]
    fn pragma_counts_only_without_cache_control() {
        let mut headers = HeaderMap::new();
        headers.insert(
            PRAGMA,
            HeaderValue::from_static("x, No-Cache, no-store, max-age=0"),
        );
        let expected = RequestDirectives {
            no_cache: true,
            ..RequestDirectives::default()
        };
        assert_eq!(RequestDirectives::from_headers(&headers), expected);
        assert_eq!(
            ResponseDirectives::from_headers(&headers),
            ResponseDirectives::default()
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
        assert!(!RequestDirectives::from_headers(&headers).no_cache());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(lines: Vec<Vec<u8>>) {
            let lines: Vec<_> =
                lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
            let _ = ResponseDirectives::parse(lines.iter());
            let _ = RequestDirectives::parse(lines.iter());
        }

        #[test]
        fn no_near_directives_panic(
            line in "((max-age|s-maxage|no-cache|private|x)[ =\"\\\\,a1]{0,6},?){0,5}",
        ) {
            let _ = response(&line);
            let _ = request(&line);
        }

        #[test]
        fn no_store_among_well_formed_members_is_always_seen(
            before in prop::collection::vec(
                "[a-z]{1,5}(=[a-z0-9]{1,5}|=\"[a-z, \\\\]{0,3}[a-z]\")?",
                0..4,
            ),
            after in prop::collection::vec("[a-z]{1,5}(=[a-z0-9]{1,5})?", 0..4),
        ) {
            let line = [before, vec!["no-store".to_owned()], after].concat().join(", ");
            prop_assert!(response(&line).no_store());
        }
    }
}
