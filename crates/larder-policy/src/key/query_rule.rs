//! Which parameters of a query are part of a key, and reach the inner service.
//!
//! A query is split at `&` only. Names are compared in decoded form (`+` is a space, percent-encoding
//! is undone), values are never touched: what is kept is kept byte for byte, with all its
//! repetitions, so `a` differs from `a=` and `a=1&a=2` from `a=2&a=1`. `;` separates nothing: in
//! `a=1;b=2` the value of `a` is `1;b=2`, whole, whatever a framework makes of it.

use std::borrow::Cow;
use std::fmt;
use std::iter::once;

use memchr::{memchr, memchr_iter, memchr2};
use percent_encoding::percent_decode;
use smallvec::SmallVec;

use super::bytes::QueryBuf;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QueryRule {
    pub(super) names: Names,
    pub(super) sorted: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    #[default]
    All,
    Except(Vec<NamePattern>),
    Only(Vec<NamePattern>),
}

/// A parameter name, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamePattern {
    text: Box<str>,
    first: Option<u8>,
    is_prefix: bool,
    /// Could be taken for a name that has to be decoded.
    looks_coded: bool,
}

impl NamePattern {
    /// A `*` at the end stands for any ending.
    pub(super) fn new(pattern: &str) -> Self {
        let (text, is_prefix) = match pattern.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (pattern, false),
        };
        Self {
            first: text.bytes().next(),
            looks_coded: is_prefix || text.contains(['%', '+']),
            text: text.into(),
            is_prefix,
        }
    }

    /// Whether all names are its own that are the other's.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.matches(other.text.as_bytes()) && (self.is_prefix || !other.is_prefix)
    }

    fn matches(&self, name: &[u8]) -> bool {
        // Most do not begin alike, and that is cheaper to see.
        (name.first().copied() == self.first && name == self.text.as_bytes())
            || (self.is_prefix && name.starts_with(self.text.as_bytes()))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any_ending = if self.is_prefix { "*" } else { "" };
        write!(f, "{}{any_ending}", self.text)
    }
}

impl QueryRule {
    /// The query stays as it is.
    pub(super) fn is_exact(&self) -> bool {
        self.names == Names::All && !self.sorted
    }

    /// Whether a parameter of this decoded name is kept.
    pub(super) fn keeps(&self, name: &[u8]) -> bool {
        let any = |patterns: &[NamePattern]| patterns.iter().any(|pattern| pattern.matches(name));
        match &self.names {
            Names::All => true,
            Names::Except(patterns) => !any(patterns),
            Names::Only(patterns) => any(patterns),
        }
    }

    /// What is left of a query. `None` when no parameter is, and when there is no query. Nothing is
    /// copied where all of it is.
    pub(super) fn apply<'a>(
        &self,
        query: Option<&'a str>,
        out: &'a mut QueryBuf,
    ) -> Option<&'a str> {
        let query = query?;
        if self.is_exact() || self.leaves_all(query) {
            return Some(query);
        }
        let kept = pairs(query).filter(|pair| self.keeps_pair(pair));
        out.clear();
        if self.sorted {
            let mut kept: SmallVec<[Pair<'_>; 8]> = kept.collect();
            kept.sort_by(|a, b| a.decoded_name().cmp(&b.decoded_name()));
            kept.iter().for_each(|pair| push(pair, out));
        } else {
            kept.for_each(|pair| push(&pair, out));
        }
        let text = std::str::from_utf8(out).ok();
        text.filter(|text| !text.is_empty())
    }

    /// Says no too often rather than too seldom: what is copied is right all the same.
    fn leaves_all(&self, query: &str) -> bool {
        // A coded name is none that is allowed, as long as nothing in what is allowed looks coded.
        let tells_itself = matches!(&self.names, Names::Only(names) if !any_looks_coded(names));
        if !tells_itself && memchr2(b'%', b'+', query.as_bytes()).is_some() {
            return false;
        }
        let bytes = query.as_bytes();
        let mut start = 0;
        for end in memchr_iter(b'&', bytes).chain(once(bytes.len())) {
            let pair = bytes.get(start..end).unwrap_or_default();
            let name = pair.iter().position(|byte| *byte == b'=');
            let name = name.and_then(|end| pair.get(..end)).unwrap_or(pair);
            if pair.is_empty() || !self.keeps(name) {
                return false;
            }
            start = end.saturating_add(1);
        }
        !self.sorted || is_sorted(query)
    }

    fn keeps_pair(&self, pair: &Pair<'_>) -> bool {
        if pair.is_plain {
            self.keeps(pair.name())
        } else {
            self.keeps(&pair.decoded_name())
        }
    }
}

fn any_looks_coded(names: &[NamePattern]) -> bool {
    names.iter().any(|name| name.looks_coded)
}

fn is_sorted(query: &str) -> bool {
    pairs(query).is_sorted_by(|a, b| a.decoded_name() <= b.decoded_name())
}

/// A parameter as it was sent.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    text: &'a [u8],
    name: usize,
    /// The name is what it says.
    is_plain: bool,
}

impl<'a> Pair<'a> {
    fn name(&self) -> &'a [u8] {
        self.text.get(..self.name).unwrap_or(self.text)
    }

    /// All of it.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    pub(super) fn decoded_name(&self) -> Cow<'a, [u8]> {
        if self.is_plain {
            return Cow::Borrowed(self.name());
        }
        let spaced: Vec<u8> = self
            .name()
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        Cow::Owned(percent_decode(&spaced).collect())
    }
}

/// The parameters of a query. Empty ones are left out.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = Pair<'_>> {
    let mut rest = query.as_bytes();
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (pair, after) = split(rest);
            rest = after;
            if !pair.text.is_empty() {
                return Some(pair);
            }
        }
        None
    })
}

/// Takes the first parameter off a query.
fn split(query: &[u8]) -> (Pair<'_>, &[u8]) {
    let end = memchr2(b'=', b'&', query).unwrap_or(query.len());
    let (name, after) = query.split_at_checked(end).unwrap_or((query, &[]));
    let is_plain = memchr2(b'%', b'+', name).is_none();
    let (name, value) = (name.len(), memchr(b'&', after));
    let end = name.saturating_add(value.unwrap_or(after.len()));
    let (text, rest) = query.split_at_checked(end).unwrap_or((query, &[]));
    let pair = Pair {
        text,
        name,
        is_plain,
    };
    (pair, rest.get(1..).unwrap_or_default())
}

fn push(pair: &Pair<'_>, out: &mut QueryBuf) {
    if !out.is_empty() {
        out.push(b'&');
    }
    out.extend_from_slice(pair.text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(names: &[&str]) -> Vec<NamePattern> {
        names.iter().map(|name| NamePattern::new(name)).collect()
    }

    fn only(names: &[&str]) -> QueryRule {
        QueryRule {
            names: Names::Only(patterns(names)),
            sorted: false,
        }
    }

    fn except(names: &[&str]) -> QueryRule {
        QueryRule {
            names: Names::Except(patterns(names)),
            sorted: false,
        }
    }

    fn applied(rule: &QueryRule, query: &str) -> Option<String> {
        let mut out = QueryBuf::new();
        rule.apply(Some(query), &mut out).map(str::to_owned)
    }

    #[test]
    fn allowed_parameters_stay_byte_for_byte_with_their_repetitions() {
        let rule = only(&["a", "b"]);
        for (query, kept) in [
            ("a=1&x=2&b=3", Some("a=1&b=3")),
            ("b=3&a=1", Some("b=3&a=1")),
            ("a=1&a=2&a", Some("a=1&a=2&a")),
            ("a=&b", Some("a=&b")),
            ("a=%41+b&&x", Some("a=%41+b")),
            ("A=1&ab=2", None),
            ("", None),
            ("a=1;x=2", Some("a=1;x=2")),
            ("x=1;a=2", None),
            ("a=b=c&x=a", Some("a=b=c")),
        ] {
            assert_eq!(applied(&rule, query).as_deref(), kept, "{query}");
        }
    }

    #[test]
    fn names_are_compared_decoded() {
        for query in ["%61=1", "%61%62=1", "a+b=1", "a%20b=1", "%75tm_x=1"] {
            let rule = only(&["a", "ab", "a b", "utm_*"]);
            assert_eq!(applied(&rule, query).as_deref(), Some(query));
            let rule = except(&["a", "ab", "a b", "utm_*"]);
            assert_eq!(applied(&rule, query), None);
        }
        assert_eq!(
            applied(&only(&["a"]), "%zz=1&%=2&a=3").as_deref(),
            Some("a=3")
        );
    }

    #[test]
    fn what_is_allowed_may_look_coded() {
        for (names, query, kept) in [
            (["a b", "x"], "a+b=1&x", Some("a+b=1&x")),
            (["a+b", "x"], "a+b=1&x", Some("x")),
            (["a+b", "x"], "a%2Bb=1&x", Some("a%2Bb=1&x")),
            (["a%", "x"], "a%=1&%78=2", Some("a%=1&%78=2")),
            (["a%62", "x"], "a%62=1&x", Some("x")),
            (["%*", "x"], "%78=1&%25=2", Some("%78=1&%25=2")),
        ] {
            assert_eq!(
                applied(&only(&names), query).as_deref(),
                kept,
                "{names:?} {query}"
            );
        }
    }

    #[test]
    fn ignored_parameters_go() {
        let rule = except(&["utm_*", "fbclid"]);
        let query = "utm_source=a&id=7&fbclid=x&utm=1&utm_=";
        assert_eq!(applied(&rule, query).as_deref(), Some("id=7&utm=1"));
    }

    #[test]
    fn sorting_is_by_name_and_keeps_repetitions_in_order() {
        let rule = QueryRule {
            sorted: true,
            ..QueryRule::default()
        };
        for query in ["b=1&a=2&b=0", "a=2&b=1&b=0", "b=1&b=0&a=2"] {
            assert_eq!(applied(&rule, query).as_deref(), Some("a=2&b=1&b=0"));
        }
        assert_ne!(applied(&rule, "b=0&b=1"), applied(&rule, "b=1&b=0"));
    }

    #[test]
    fn no_query_is_none_and_an_exact_one_stays() {
        let mut out = QueryBuf::new();
        assert_eq!(only(&["a"]).apply(None, &mut out), None);
        assert_eq!(applied(&QueryRule::default(), "").as_deref(), Some(""));
        assert_eq!(
            applied(&QueryRule::default(), "&&b").as_deref(),
            Some("&&b")
        );
    }

    proptest! {
        #[test]
        fn what_is_left_is_left_again(query in "[ab%+=&;*1-4]{0,20}", sorted: bool) {
            for names in [Names::All, Names::Only(patterns(&["a", "b*"])), Names::Except(patterns(&["a"]))] {
                let rule = QueryRule { names, sorted };
                let once = applied(&rule, &query);
                let twice = once.as_deref().and_then(|once| applied(&rule, once));
                prop_assert_eq!(once, twice);
            }
        }
    }
}
