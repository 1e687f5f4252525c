//! Two declarations as one.

use std::sync::Arc;

use super::declared::{ExtensionPart, HeaderPart, Key};
use super::key_error::KeyError;
use super::normaliser::Normaliser;
use super::query_rule::{NamePattern, Names, QueryRule};

impl Key {
    /// What either declares.
    ///
    /// | of one | of the other | of both |
    /// |---|---|---|
    /// | the [route](Self::route) | the path | the path |
    /// | all parameters | any rule | all parameters |
    /// | an allow-list | an allow-list | the names of both |
    /// | an ignore-list | an ignore-list | what both ignore |
    /// | an ignore-list | an allow-list | what is ignored and not allowed |
    /// | [sorted](Self::sorted_query) parameters | in the order they come | sorted |
    /// | a field as it is sent | the same field, rewritten | rewritten |
    /// | a field, rewritten | the same field, rewritten in another way | an error |
    /// | an extension | the same name for something else | an error |
    /// | [everything passes](Self::forward_all) | narrowed | everything passes |
    ///
    /// What rewrites a request wins, because the inner service sees it rewritten, whoever declared
    /// it. An ignored name such as `utm_*` is dropped from the list when an allowed one begins with it.
    ///
    /// ```
    /// use larder_policy::key::Key;
    ///
    /// let handler = Key::new().query(["page"]).header("x-region");
    /// let middleware = Key::new().no_query().header("x-region").cookie("theme");
    /// assert!(handler.and(middleware).check().is_ok());
    /// ```
    pub fn and(mut self, other: Self) -> Self {
        self.by_route &= other.by_route;
        self.forward_all |= other.forward_all;
        self.query = self.query.and(other.query);
        for part in other.headers {
            self.merge_header(part);
        }
        for name in &other.cookies {
            self = self.cookie(name);
        }
        for part in other.extensions {
            self.merge_extension(part);
        }
        self.neutral.extend(other.neutral);
        if let Some(error) = other.error {
            self.fail(error);
        }
        self
    }

    fn merge_header(&mut self, part: HeaderPart) {
        let order = |known: &HeaderPart| known.name.as_str().cmp(part.name.as_str());
        match self.headers.binary_search_by(order) {
            Err(at) => self.headers.insert(at, part),
            Ok(at) => {
                let known = self.headers.get_mut(at);
                let merged = known.is_none_or(|known| known.normaliser.merge(&part.normaliser));
                if !merged {
                    self.fail(KeyError::two_ways(part.name.as_str()));
                }
            }
        }
    }

    fn merge_extension(&mut self, part: ExtensionPart) {
        let order = |known: &ExtensionPart| known.name.cmp(&part.name);
        match self.extensions.binary_search_by(order) {
            Err(at) => self.extensions.insert(at, part),
            Ok(at) => {
                let known = self.extensions.get(at);
                if known.is_some_and(|known| !known.is_same(&part)) {
                    self.fail(KeyError::two_ways(&part.name));
                }
            }
        }
    }
}

impl ExtensionPart {
    /// What a function of the application's reads is nothing that one can compare.
    fn is_same(&self, other: &Self) -> bool {
        let parts = self.is_key_part && other.is_key_part && self.of == other.of;
        parts || Arc::ptr_eq(&self.read, &other.read)
    }
}

impl Normaliser {
    /// Becomes what does for both. Returns false if nothing does.
    fn merge(&mut self, other: &Self) -> bool {
        match (&*self, other) {
            (_, Self::AsSent) | (Self::LowerCase, Self::LowerCase) | (Self::Flag, Self::Flag) => {
                true
            }
            (Self::Languages(own), Self::Languages(other)) => own == other,
            (Self::Codings(own), Self::Codings(other)) => own == other,
            (Self::AsSent, _) => {
                self.clone_from(other);
                true
            }
            (Self::With(own), Self::With(other)) => Arc::ptr_eq(own, other),
            _ => false,
        }
    }
}

impl QueryRule {
    fn and(self, other: Self) -> Self {
        Self {
            names: self.names.and(other.names),
            sorted: self.sorted || other.sorted,
        }
    }
}

impl Names {
    /// Keeps what either keeps, or more.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Only(mut names), Self::Only(others)) => {
                for other in others {
                    if !names.contains(&other) {
                        names.push(other);
                    }
                }
                Self::Only(names)
            }
            (Self::Except(a), Self::Except(b)) => {
                let in_both = |pattern: &&NamePattern, others: &[NamePattern]| {
                    others.iter().any(|other| other.covers(pattern))
                };
                let mut ignored: Vec<_> = a.iter().filter(|p| in_both(p, &b)).cloned().collect();
                ignored.extend(b.iter().filter(|p| in_both(p, &a)).cloned());
                Self::Except(ignored)
            }
            (Self::Except(mut ignored), Self::Only(kept))
            | (Self::Only(kept), Self::Except(mut ignored)) => {
                ignored.retain(|pattern| {
                    let meets = |kept: &NamePattern| kept.covers(pattern) || pattern.covers(kept);
                    !kept.iter().any(meets)
                });
                Self::Except(ignored)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Extensions, HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::key::{KeyBuf, KeyPart, PartWriter, QueryBuf};

    struct Version(u8);

    impl KeyPart for Version {
        const NAME: &'static str = "version";

        fn write(&self, out: &mut PartWriter) {
            out.number(self.0.into());
        }
    }

    struct Impostor;

    impl KeyPart for Impostor {
        const NAME: &'static str = "version";

        fn write(&self, _: &mut PartWriter) {}
    }

    fn upper(value: Option<&[u8]>) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&value?.to_ascii_uppercase()).ok()
    }

    fn encoded(key: &Key) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        headers.insert("a", HeaderValue::from_static("Value"));
        headers.insert("cookie", HeaderValue::from_static("b=1; c=2; d=3"));
        let mut extensions = Extensions::new();
        extensions.insert(7u8);
        let mut out = KeyBuf::new();
        key.encode(&headers, &extensions, Some("/route"), &mut out);
        out.to_vec()
    }

    #[test]
    fn inputs_of_both_are_declared_once_in_any_order() {
        let one = || Key::new().header("a").cookie("b").extension::<Version>();
        let other = || Key::new().header("c").cookie("d").cookie("b");
        let both = Key::new().header("c").header("a").cookie("d").cookie("b");
        let both = both.extension::<Version>();
        for merged in [
            one().and(other()),
            other().and(one()),
            one().and(one()).and(other()),
        ] {
            assert_eq!(merged.check(), Ok(()));
            assert_eq!(encoded(&merged), encoded(&both));
        }
    }

    #[test]
    fn field_that_one_rewrites_is_rewritten() {
        let sent = || Key::new().header("a");
        for rewritten in [
            Key::new().header_lowercase("a"),
            Key::new().header_flag("a"),
            Key::new().header_with("a", upper),
        ] {
            let expected = encoded(&rewritten);
            for merged in [
                sent().and(rewritten.clone()),
                rewritten.clone().and(sent()),
                rewritten.clone().and(rewritten),
            ] {
                assert_eq!(merged.check(), Ok(()));
                assert_eq!(encoded(&merged), expected);
            }
        }
    }

    #[test]
    fn field_is_negotiated_in_one_way() {
        let languages = |tags: [&str; 2]| Key::new().languages(tags);
        let codings = |names: [&str; 2]| Key::new().encodings(names);
        let same = languages(["en", "de"]).and(languages(["en", "de"]));
        assert_eq!(same.check(), Ok(()));
        assert_eq!(same.and(codings(["br", "gzip"])).check(), Ok(()));
        assert!(
            languages(["en", "de"])
                .and(languages(["de", "en"]))
                .check()
                .is_err()
        );
        assert!(
            codings(["br", "gzip"])
                .and(codings(["gzip", "br"]))
                .check()
                .is_err()
        );
    }

    #[test]
    fn field_that_is_rewritten_in_two_ways_is_an_error() {
        for (one, other) in [
            (
                Key::new().header_lowercase("a"),
                Key::new().header_with("a", upper),
            ),
            (
                Key::new().header_with("a", upper),
                Key::new().header_with("a", upper),
            ),
        ] {
            let error = one.and(other).check().unwrap_err();
            assert_eq!(error.to_string(), "Key::and: \"a\" is declared in two ways");
        }
    }

    #[test]
    fn one_name_for_two_extensions_is_an_error() {
        let key = || Key::new().extension::<Version>();
        assert_eq!(key().and(key()).check(), Ok(()));
        assert!(
            key()
                .and(Key::new().extension::<Impostor>())
                .check()
                .is_err()
        );
        let read = || Key::new().extension_with("version", |Version(number)| number.to_string());
        assert!(key().and(read()).check().is_err());
        assert!(read().and(read()).check().is_err());
        let shared = read();
        assert_eq!(shared.clone().and(shared).check(), Ok(()));
    }

    #[test]
    fn route_stands_for_the_path_only_if_both_say_so() {
        assert!(Key::route().and(Key::route()).is_by_route());
        assert!(!Key::route().and(Key::new()).is_by_route());
        assert!(!Key::new().and(Key::route()).is_by_route());
    }

    #[test]
    fn one_that_passes_everything_passes_everything() {
        assert!(Key::new().and(Key::new().forward_all()).forwards_all());
        assert!(Key::new().forward_all().and(Key::new()).forwards_all());
    }

    #[test]
    fn error_of_either_stays() {
        let wrong = || Key::new().header("not a name");
        assert!(wrong().and(Key::new()).check().is_err());
        assert!(Key::new().and(wrong()).check().is_err());
    }

    #[test]
    fn neutral_fields_of_both_pass() {
        let merged = Key::new().neutral("x-a").and(Key::new().neutral("x-b"));
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("1"));
        headers.insert("x-b", HeaderValue::from_static("1"));
        headers.insert("x-c", HeaderValue::from_static("1"));
        let narrowed = crate::Policy::shared().narrow(&merged, &headers);
        assert_eq!(narrowed.len(), 2);
    }

    #[test]
    fn query_rules_are_united_as_documented() {
        let none = || Key::new().no_query();
        for (one, other, kept) in [
            (Key::new(), none(), Some("utm_a=1&utm_b=2&page=3")),
            (none(), none(), None),
            (none(), Key::new().query(["page"]), Some("page=3")),
            (
                Key::new().query(["utm_a"]),
                Key::new().query(["page"]),
                Some("utm_a=1&page=3"),
            ),
            (
                Key::new().query_except(["utm_*"]),
                Key::new().query_except(["utm_a", "page"]),
                Some("utm_b=2&page=3"),
            ),
            (Key::new().query_except(["utm_*"]), none(), Some("page=3")),
            (
                Key::new().query_except(["utm_*", "page"]),
                Key::new().query(["utm_a"]),
                Some("utm_a=1&utm_b=2"),
            ),
        ] {
            for merged in [
                one.clone().and(other.clone()),
                other.clone().and(one.clone()),
            ] {
                let mut out = QueryBuf::new();
                let query = Some("utm_a=1&utm_b=2&page=3");
                assert_eq!(merged.query.apply(query, &mut out), kept, "{merged:?}");
            }
        }
        let sorted = Key::new().query(["b"]).and(none().sorted_query());
        assert!(sorted.query.sorted);
    }

    fn names() -> impl Strategy<Value = Names> {
        let patterns = proptest::collection::vec("[ab]{1,3}\\*?|\\*", 0..4);
        let patterns = patterns.prop_map(|texts| {
            let patterns = texts.iter().map(|text| NamePattern::new(text));
            patterns.collect::<Vec<_>>()
        });
        (0u8..5, patterns).prop_map(|(kind, patterns)| match kind {
            0 => Names::All,
            1 | 2 => Names::Only(patterns),
            _ => Names::Except(patterns),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn both_keep_every_parameter_that_either_keeps(one in names(), other in names(), name in "[ab]{1,4}") {
            let rule = |names: &Names| QueryRule { names: names.clone(), sorted: false };
            let merged = rule(&one).and(rule(&other));
            let either = rule(&one).keeps(name.as_bytes()) || rule(&other).keeps(name.as_bytes());
            let kept = merged.keeps(name.as_bytes());
            prop_assert!(kept || !either);
            let mixed = matches!(
                (&one, &other),
                (Names::Only(_), Names::Except(_)) | (Names::Except(_), Names::Only(_))
            );
            prop_assert!(mixed || kept == either);
        }
    }
}
