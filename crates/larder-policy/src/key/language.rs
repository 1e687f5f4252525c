//! The language of a response, from Accept-Language (RFC 9110 section 12.5.4) by lookup (RFC 4647
//! section 3.4).
//!
//! An application that has `en`, `de` and `zh-Hant` sees one of these three and nothing else:
//!
//! | Accept-Language | chosen | because |
//! |---|---|---|
//! | absent, empty, malformed | `en` | the first language is the default |
//! | `de-AT, en;q=0.9` | `de` | a range is shortened until it names a language |
//! | `fr, DE;q=0.5` | `de` | case does not count, the spelling is the application's |
//! | `zh-Hant-CN-x-a, de` | `zh-Hant` | the greatest weight, then the first in the field |
//! | `zh, de;q=0.1` | `de` | a language that is more specific than the range is no match |
//! | `fr, *` | `en` | `*` says nothing, so the default is right |
//! | `en;q=0, *` | `de` | unless the default is excluded |
//! | `de-AT, de;q=0` | `en` | no shorter range finds what is excluded |
//! | `en;q=0` | `en` | something must be chosen |

use std::error::Error;
use std::fmt;

use oxilangtag::LanguageTag;

use super::weighted::{MAX_NAME, Members};

/// The languages an application has, in its own spelling.
///
/// Name the most general tag a text is good for: `de` is found by `de-AT` and by `de`, `de-DE` by
/// neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Languages {
    default: Box<str>,
    others: Box<[Box<str>]>,
}

impl Languages {
    /// Takes language tags (RFC 5646), the default first.
    ///
    /// # Errors
    ///
    /// There must be a tag. Each must be well-formed, have at most 64 bytes and occur once, whatever
    /// its case.
    pub(super) fn new(tags: impl IntoIterator<Item: AsRef<str>>) -> Result<Self, InvalidLanguages> {
        let mut known: Vec<Box<str>> = Vec::new();
        for tag in tags {
            let tag = tag.as_ref();
            let fault = if tag.len() > MAX_NAME {
                Fault::Long
            } else if LanguageTag::parse(tag).is_err() {
                Fault::Malformed
            } else if known.iter().any(|other| other.eq_ignore_ascii_case(tag)) {
                Fault::Repeated
            } else {
                known.push(tag.into());
                continue;
            };
            return Err(InvalidLanguages(Some((tag.into(), fault))));
        }
        let mut known = known.into_iter();
        let default = known.next().ok_or(InvalidLanguages(None))?;
        Ok(Self {
            default,
            others: known.collect(),
        })
    }

    /// The language for a request with these lines of Accept-Language.
    ///
    /// The choice, sent as the only member of Accept-Language, is chosen again. The first 32 members
    /// count, and those ranges among them that have at most 64 bytes.
    pub(super) fn choose<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> &str {
        let mut ranges = Members::new();
        ranges.read(lines);
        ranges
            .accepted()
            .filter(|range| is_range(range.name))
            .find_map(|range| self.lookup(range.name, &ranges))
            .or_else(|| self.any(&ranges))
            .unwrap_or(&self.default)
    }

    /// The longest language that shortening the range would come to.
    fn lookup(&self, range: &[u8], ranges: &Members<'_>) -> Option<&str> {
        self.tags()
            .filter(|tag| is_step(tag.as_bytes(), range) && !is_excluded(tag, ranges))
            .max_by_key(|tag| tag.len())
    }

    /// What `*` stands for, where it is accepted.
    fn any(&self, ranges: &Members<'_>) -> Option<&str> {
        ranges
            .accepted()
            .find(|range| range.is_any())
            .and_then(|_| self.tags().find(|tag| !is_excluded(tag, ranges)))
    }

    fn tags(&self) -> impl Iterator<Item = &str> {
        let others = self.others.iter().map(AsRef::as_ref);
        std::iter::once(self.default.as_ref()).chain(others)
    }
}

/// Whether a tag is the range or one of its truncations. A subtag of one character goes together
/// with the one that follows it, so no truncation ends in one.
fn is_step(tag: &[u8], range: &[u8]) -> bool {
    is_prefix(tag, range) && (tag.len() == range.len() || !matches!(tag, [.., b'-', _]))
}

/// Whether the most specific of the ranges that match a tag has weight zero.
fn is_excluded(tag: &str, ranges: &Members<'_>) -> bool {
    ranges.any_refused()
        && ranges
            .iter()
            .filter(|range| is_prefix(range.name, tag.as_bytes()))
            .max_by_key(|range| range.name.len())
            .is_some_and(|range| range.weight == 0)
}

/// Whether a tag begins with all the subtags of another.
fn is_prefix(short: &[u8], long: &[u8]) -> bool {
    long.split_at_checked(short.len())
        .is_some_and(|(start, rest)| {
            matches!(rest.first(), None | Some(b'-')) && start.eq_ignore_ascii_case(short)
        })
}

/// Whether these bytes are a basic language range (RFC 4647 section 2.1) other than `*`. Digits in
/// the first subtag do no harm: no tag has any there.
fn is_range(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'-').all(|subtag| {
        (1..=8).contains(&subtag.len()) && subtag.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// These are no languages to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidLanguages(Option<(Box<str>, Fault)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Long,
    Malformed,
    Repeated,
}

impl fmt::Display for InvalidLanguages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((tag, fault)) = &self.0 else {
            return f.write_str("there is no language to choose");
        };
        match fault {
            Fault::Long => write!(
                f,
                "the language tag {tag:?} is longer than {MAX_NAME} bytes"
            ),
            Fault::Malformed => write!(f, "{tag:?} is not a well-formed language tag"),
            Fault::Repeated => write!(f, "the language tag {tag:?} is there twice"),
        }
    }
}

impl Error for InvalidLanguages {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn languages(tags: &[&str]) -> Languages {
        Languages::new(tags).unwrap()
    }

    fn choose<'a>(languages: &'a Languages, lines: &[&str]) -> &'a str {
        languages.choose(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn a_range_is_shortened_until_it_names_a_language() {
        let range = "zh-Hant-CN-x-private1-private2";
        for (tags, chosen) in [
            (&["en", range, "zh-Hant-CN-x-private1"][..], range),
            (
                &["en", "zh-Hant-CN-x-private1", "zh-Hant-CN"],
                "zh-Hant-CN-x-private1",
            ),
            (&["en", "zh", "zh-Hant-CN", "zh-Hant"], "zh-Hant-CN"),
            (&["en", "zh-Hant", "zh"], "zh-Hant"),
            (&["en", "zh"], "zh"),
            (&["en", "zh-CN", "zh-Hans", "zh-Hant-CN-x-private2"], "en"),
            (&["en", "zh-Hant-CN-x-private", "zhx"], "en"),
        ] {
            assert_eq!(choose(&languages(tags), &[range]), chosen, "{tags:?}");
        }
    }

    #[test]
    fn one_character_subtags_go_with_the_subtag_after_them() {
        let languages = languages(&["en", "de-x-a", "de", "x-b", "de-CH-1901"]);
        for (range, chosen) in [
            ("de-x-a", "de-x-a"),
            ("de-x-a-b", "de"),
            ("de-x", "de"),
            ("x-b", "x-b"),
            ("x-b-c", "en"),
            ("de-CH-1901-u-co-phonebk", "de-CH-1901"),
        ] {
            assert_eq!(choose(&languages, &[range]), chosen, "{range}");
        }
    }

    #[test]
    fn the_most_preferred_range_that_finds_a_language_decides() {
        let languages = languages(&["en", "de", "zh-Hant", "pt-BR"]);
        for (lines, chosen) in [
            (&["de-AT, en;q=0.9"][..], "de"),
            (&["en;q=0.9, de-AT"], "de"),
            (&["en;q=0.9", "de-AT"], "de"),
            (&["pt-BR;q=0.5,de;q=0.5"], "pt-BR"),
            (&["de;q=0.5,pt-BR;q=0.5"], "de"),
            (&["de;q=0.1,pt-BR;q=0.101"], "pt-BR"),
            (&["fr, DE;q=0.5"], "de"),
            (&["ZH-hant-TW"], "zh-Hant"),
            (&["zh, de;q=0.1"], "de"),
            (&["pt, fr"], "en"),
            (&["deu, d, de-"], "en"),
        ] {
            assert_eq!(choose(&languages, lines), chosen, "{lines:?}");
        }
    }

    #[test]
    fn the_default_answers_an_absent_empty_or_malformed_field() {
        let languages = languages(&["fr", "de"]);
        let long = format!("de{}", "-abcdefgh".repeat(7));
        let many = format!("{}de", "en, ".repeat(32));
        for lines in [
            &[][..],
            &[""],
            &[" , ", ""],
            &["de;q=1.5"],
            &["de_DE"],
            &["de-*"],
            &["\"de\""],
            &["de en"],
            &["d1"],
            &["de-abcdefghi"],
            &["*"],
            &[&long],
            &[&many],
        ] {
            assert_eq!(choose(&languages, lines), "fr", "{lines:?}");
        }
        assert_eq!(
            choose(&languages, &["de_DE, d\u{e9}, -, de-DE;q=0.2"]),
            "de"
        );
        assert_eq!(choose(&languages, &[&many[4..]]), "de");
    }

    #[test]
    fn excluded_languages_are_not_found_by_shorter_ranges_or_by_any() {
        let languages = languages(&["en", "de", "de-CH", "fr"]);
        for (line, chosen) in [
            ("en;q=0, *", "de"),
            ("en;q=0, de;q=0, *;q=0.1", "fr"),
            ("de-AT, de;q=0", "en"),
            ("de-AT, de;q=0, fr;q=0.1", "fr"),
            ("de;q=0, de-CH-1901", "en"),
            ("de;q=0, de-CH;q=0.1", "de-CH"),
            ("de-CH;q=0, de-CH-1901", "de"),
            ("de-CH;q=0, de", "de"),
            ("DE;q=0, EN;q=0.0, *", "fr"),
            ("de, de;q=0, fr;q=0.1", "fr"),
            ("*;q=0, de-AT;q=0.1", "de"),
            ("de-AT;q=0", "en"),
            ("fr;q=0.5, de-AT;q=0", "fr"),
            ("fr, *;q=0", "fr"),
        ] {
            assert_eq!(choose(&languages, &[line]), chosen, "{line}");
        }
    }

    #[test]
    fn the_default_is_chosen_even_when_nothing_is_acceptable() {
        let languages = languages(&["en", "de"]);
        for line in [
            "en;q=0",
            "en;q=0, fr",
            "*;q=0",
            "en;q=0, *;q=0",
            "en;q=0, de;q=0, *",
        ] {
            assert_eq!(choose(&languages, &[line]), "en", "{line}");
        }
    }

    #[test]
    fn any_is_skipped_where_a_range_finds_a_language() {
        let languages = languages(&["en", "de"]);
        for (line, chosen) in [
            ("*, de;q=0.1", "de"),
            ("*, fr", "en"),
            ("fr, *;q=0.5", "en"),
            ("fr;q=0.1, *;q=0", "en"),
        ] {
            assert_eq!(choose(&languages, &[line]), chosen, "{line}");
        }
    }

    #[test]
    fn wrong_languages_are_named() {
        let long = format!("en-x{}", "-abcdefgh".repeat(7));
        let none: [&str; 0] = [];
        assert_eq!(
            Languages::new(none).unwrap_err().to_string(),
            "there is no language to choose"
        );
        for (tags, message) in [
            (
                &["de", "de_DE"][..],
                "\"de_DE\" is not a well-formed language tag",
            ),
            (&[""], "\"\" is not a well-formed language tag"),
            (
                &["en", "DE", "de"],
                "the language tag \"de\" is there twice",
            ),
            (
                &[&long],
                &format!("the language tag {long:?} is longer than 64 bytes"),
            ),
        ] {
            assert_eq!(Languages::new(tags).unwrap_err().to_string(), message);
        }
        for tag in [
            "*",
            "d",
            "de-",
            "-de",
            "de--DE",
            " de",
            "de ",
            "de,en",
            "de;q=1",
            "d3",
            "englishes",
            "de-abcdefghi",
            "x",
            "de-x",
            "de-u",
            "dé",
            "de\n",
        ] {
            assert!(Languages::new([tag]).is_err(), "{tag:?}");
        }
        for tag in [
            "de",
            "zh-Hant-TW",
            "sl-rozaj-biske",
            "de-CH-1901",
            "es-419",
            "i-klingon",
            "x-whatever",
            "en-US-u-islamcal",
            "zh-cmn-Hans-CN",
        ] {
            assert!(Languages::new([tag]).is_ok(), "{tag:?}");
        }
    }

    #[test]
    fn choosing_allocates_nothing() {
        let languages = languages(&["en", "de"]);
        let line = "de-x-a-b;q=0.5, *;q=0.1, en;q=0, ".repeat(40);
        let memory = allocation_counter::measure(|| {
            assert_eq!(languages.choose(std::iter::once(line.as_bytes())), "de");
        });
        assert_eq!(memory.count_total, 0);
    }

    /// What RFC 4647 section 3.4 says, word by word, for one range.
    fn shortened<'a>(tags: &[&'a str], range: &str) -> Option<&'a str> {
        let mut subtags: Vec<&str> = range.split('-').collect();
        while !subtags.is_empty() {
            let range = subtags.join("-");
            let found = tags.iter().find(|tag| tag.eq_ignore_ascii_case(&range));
            if let Some(tag) = found {
                return Some(tag);
            }
            subtags.pop();
            while subtags.last().is_some_and(|subtag| subtag.len() == 1) {
                subtags.pop();
            }
        }
        None
    }

    fn any_field() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let member = "(\\*|[a-c]{1,3}(-[a-cX1]{1,5}){0,3})?( ?; ?q=(0|1|0\\.[0-9]{1,3}))?";
        let list = proptest::collection::vec(member, 0..8);
        let list = list.prop_map(|members| members.join(", ").into_bytes());
        let line = prop_oneof![list, proptest::collection::vec(any::<u8>(), 0..40)];
        proptest::collection::vec(line, 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn any_field_gives_a_language_that_is_chosen_again(field in any_field()) {
            let tags = ["cc", "ab", "aa", "AA-bbbb", "ab-x-c", "bb-cc-x-1"];
            let languages = languages(&tags);
            let chosen = languages.choose(field.iter().map(Vec::as_slice));
            prop_assert!(tags.contains(&chosen));
            prop_assert_eq!(choose(&languages, &[chosen]), chosen);
        }

        #[test]
        fn lookup_is_repeated_shortening(
            range in "(aa|ab|b)(-(a|x|1|bb|bbbb|cccc)){0,5}",
        ) {
            let tags = ["cc", "ab", "ab-x-a", "aa", "aa-bbbb", "aa-bb-x-a-bb", "ab-x-1", "x-bb"];
            let languages = languages(&tags);
            let expected = shortened(&tags, &range).unwrap_or("cc");
            prop_assert_eq!(choose(&languages, &[&range]), expected);
        }

        #[test]
        fn every_tag_that_is_taken_is_chosen_by_its_own_name(
            tag in prop_oneof![
                any::<String>(),
                "[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8}){0,8}",
                select(vec!["i-default", "sgn-BE-FR", "x-a", "en-GB-oed", "zh-min-nan"])
                    .prop_map(str::to_owned),
            ],
        ) {
            if let Ok(languages) = Languages::new(["cel-gaulish", &tag]) {
                prop_assert_eq!(choose(&languages, &[&tag.to_ascii_uppercase()]), &tag);
            }
        }
    }
}
