//! Which parameters of a query are part of a key, and reach the inner service.
//!
//! A query is split at `&` only. Names are compared in decoded form (`+` is a space, percent-encoding
//! is undone), values are never touched: what is kept is kept byte for byte, with all its
//! repetitions, so `a` differs from `a=` and `a=1&a=2` from `a=2&a=1`. `;` separates nothing: in
//! `a=1;b=2` the value of `a` is `1;b=2`, whole, whatever a framework makes of it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

/// Room for a rewritten query: on the stack up to 256 bytes.
pub type QueryBuf = SmallVec<[u8; 256]>;

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
    is_prefix: bool,
}

impl NamePattern {
    /// A `*` at the end stands for any ending.
    pub(super) fn new(pattern: &str) -> Self {
        let (text, is_prefix) = match pattern.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (pattern, false),
        };
        Self {
            text: text.into(),
            is_prefix,
        }
    }

    fn matches(&self, name: &[u8]) -> bool {
        let text = self.text.as_bytes();
        if self.is_prefix {
            name.starts_with(text)
        } else {
            name == text
        }
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

    /// What is left of a query. `None` when no parameter is, and when there is no query.
    pub(super) fn apply<'a>(
        &self,
        query: Option<&'a str>,
        out: &'a mut QueryBuf,
    ) -> Option<&'a str> {
        let query = query?;
        if self.is_exact() {
            return Some(query);
        }
        let mut kept: SmallVec<[(Cow<'_, [u8]>, &str); 8]> =
            pairs(query).filter(|(name, _)| self.keeps(name)).collect();
        if self.sorted {
            kept.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        out.clear();
        for (_, pair) in kept {
            if !out.is_empty() {
                out.push(b'&');
            }
            out.extend_from_slice(pair.as_bytes());
        }
        let text = std::str::from_utf8(out).ok();
        text.filter(|text| !text.is_empty())
    }
}

/// The parameters of a query: decoded name, and the whole as it was sent. Empty ones are left out.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        (decoded(name), pair)
    })
}

fn decoded(name: &str) -> Cow<'_, [u8]> {
    if !name.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(name.as_bytes());
    }
    let spaced = name.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).collect())
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
