//! The content coding of a response, from Accept-Encoding (RFC 9110 section 12.5.3).
//!
//! An application that makes `br` and `gzip` sees one of these two or `identity`:
//!
//! | Accept-Encoding | chosen | because |
//! |---|---|---|
//! | absent | `identity` | any coding would do, and this one is safe |
//! | empty, malformed | `identity` | no coding is wanted |
//! | `gzip, br` | `br` | of equal weights the application's order decides |
//! | `X-GZIP;q=0.5, br;q=0.1` | `gzip` | the greatest weight; the name is an old alias |
//! | `*` | `br` | `*` stands for every coding that is not named |
//! | `br;q=0, *` | `gzip` | |
//! | `identity, gzip;q=0.5` | `identity` | |
//! | `deflate` | `identity` | it is acceptable unless excluded |
//! | `identity;q=0, deflate` | `identity` | something must be chosen |

use std::error::Error;
use std::fmt;

use super::weighted::{MAX_NAME, Members};
use crate::fields::is_token;

/// The content codings an application makes, in lower case and the best first. `identity` is always
/// among them, as the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Codings(Box<[Box<str>]>);

impl Codings {
    /// Takes names of content codings other than `identity`, the best first. None at all is fine.
    ///
    /// # Errors
    ///
    /// Each must be a token of at most 64 bytes, not `*`, and occur once, whatever its case. `x-gzip`
    /// is `gzip` and `x-compress` is `compress`.
    pub(super) fn new(names: impl IntoIterator<Item: AsRef<str>>) -> Result<Self, InvalidCodings> {
        let mut known: Vec<Box<str>> = Vec::new();
        for given in names {
            let given = given.as_ref();
            let name = plain(given.as_bytes());
            let fault = if given.len() > MAX_NAME {
                Fault::Long
            } else if !is_token(name) || name == b"*" {
                Fault::Malformed
            } else if name.eq_ignore_ascii_case(IDENTITY.as_bytes()) {
                Fault::Implied
            } else if known.iter().any(|other| is_named(other, name)) {
                Fault::Repeated
            } else {
                known.push(String::from_utf8_lossy(name).to_ascii_lowercase().into());
                continue;
            };
            return Err(InvalidCodings(given.into(), fault));
        }
        Ok(Self(known.into()))
    }

    /// The coding for a request with these lines of Accept-Encoding.
    ///
    /// The choice, sent as the only member of Accept-Encoding, is chosen again. A coding that is named
    /// more than once has the smallest of its weights. The first 32 members count, and those names
    /// among them that have at most 64 bytes.
    pub(super) fn choose<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> &str {
        let mut wanted = Members::new();
        wanted.read(lines);
        let codings = self.0.iter().map(AsRef::as_ref);
        let mut best = (IDENTITY, 0);
        for coding in codings.chain([IDENTITY]) {
            let weight = weight(coding, &wanted);
            if weight > best.1 {
                best = (coding, weight);
            }
        }
        best.0
    }
}

/// The weight of a coding, zero if it may not be used. `identity` may be used with weight zero: it
/// is acceptable unless excluded, and the last resort in any case.
fn weight(coding: &str, wanted: &Members<'_>) -> u16 {
    let mut members = wanted.iter().rev();
    let named = members.find(|member| is_named(coding, plain(member.name)));
    named
        .or_else(|| wanted.iter().rev().find(|member| member.is_any()))
        .map_or(0, |member| member.weight)
}

fn is_named(coding: &str, name: &[u8]) -> bool {
    coding.as_bytes().eq_ignore_ascii_case(name)
}

/// The name that stands for an alias (RFC 9110 section 8.4.1).
fn plain(name: &[u8]) -> &[u8] {
    match name {
        [b'x' | b'X', b'-', rest @ ..] if is_named("gzip", rest) || is_named("compress", rest) => {
            rest
        }
        _ => name,
    }
}

const IDENTITY: &str = "identity";

/// These are no content codings to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvalidCodings(Box<str>, Fault);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Implied,
    Long,
    Malformed,
    Repeated,
}

impl fmt::Display for InvalidCodings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, fault) = self;
        match fault {
            Fault::Implied => write!(f, "the content coding {name:?} is always possible"),
            Fault::Long => write!(
                f,
                "the content coding {name:?} is longer than {MAX_NAME} bytes"
            ),
            Fault::Malformed => write!(f, "{name:?} is not the name of a content coding"),
            Fault::Repeated => write!(f, "the content coding {name:?} is there twice"),
        }
    }
}

impl Error for InvalidCodings {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codings(names: &[&str]) -> Codings {
        Codings::new(names).unwrap()
    }

    fn choose<'a>(codings: &'a Codings, lines: &[&str]) -> &'a str {
        codings.choose(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn the_greatest_weight_decides_and_then_the_application() {
        let codings = codings(&["br", "GZIP", "zstd"]);
        for (lines, chosen) in [
            (&["gzip"][..], "gzip"),
            (&["gzip, deflate, br"], "br"),
            (&["zstd, gzip"], "gzip"),
            (&["zstd", "gzip"], "gzip"),
            (&["br;q=0.5, zstd;q=0.501"], "zstd"),
            (&["br;q=0.5", "gzip;q=0.5", "zstd;q=0.5"], "br"),
            (&["gzip;q=0.001"], "gzip"),
            (&["Br;Q=0.5, gZIP"], "gzip"),
            (&["x-gzip"], "gzip"),
            (&["X-GZip, br;q=0.9"], "gzip"),
            (&["gzip, identity"], "gzip"),
            (&["identity;q=0.5, gzip;q=0.4"], "identity"),
            (&["gzip;q=0.5, identity"], "identity"),
        ] {
            assert_eq!(choose(&codings, lines), chosen, "{lines:?}");
        }
    }

    #[test]
    fn any_stands_for_the_codings_that_are_not_named() {
        let codings = codings(&["br", "gzip"]);
        for (line, chosen) in [
            ("*", "br"),
            ("*;q=0.5, gzip", "gzip"),
            ("*, gzip;q=0.5", "br"),
            ("br;q=0, *;q=0.1", "gzip"),
            ("br;q=0, gzip;q=0, *", "identity"),
            ("br;q=0.1, gzip;q=0.1, *;q=0.5", "identity"),
            ("*;q=0.5, identity;q=0.6", "identity"),
            ("*;q=0, gzip;q=0.1", "gzip"),
        ] {
            assert_eq!(choose(&codings, &[line]), chosen, "{line}");
        }
    }

    #[test]
    fn identity_answers_an_absent_empty_or_malformed_field() {
        let codings = codings(&["br", "gzip"]);
        let many = format!("{}br", "deflate, ".repeat(32));
        let long = "x".repeat(65);
        for lines in [
            &[][..],
            &[""],
            &[" ,", ""],
            &["identity"],
            &["br;q=1.5"],
            &["br gzip"],
            &["\"br\""],
            &["brx, x-br, gzi"],
            &["br;level=1"],
            &[&many],
            &[&long],
        ] {
            assert_eq!(choose(&codings, lines), "identity", "{lines:?}");
        }
        assert_eq!(choose(&codings, &["br;q=x, \u{e9}, gzip;q=0.2"]), "gzip");
        assert_eq!(choose(&codings, &[&many[9..]]), "br");
    }

    #[test]
    fn refused_codings_are_not_chosen() {
        let codings = codings(&["br", "gzip"]);
        for (line, chosen) in [
            ("br;q=0", "identity"),
            ("br;q=0, gzip;q=0.1", "gzip"),
            ("gzip, gzip;q=0", "identity"),
            ("x-gzip, gzip;q=0, br;q=0.1", "br"),
            ("gzip;q=0, *;q=0, x-gzip", "identity"),
            ("identity;q=0, gzip;q=0.1", "gzip"),
            ("identity;q=0", "identity"),
            ("identity;q=0, deflate", "identity"),
            ("*;q=0", "identity"),
        ] {
            assert_eq!(choose(&codings, &[line]), chosen, "{line}");
        }
    }

    #[test]
    fn an_application_without_codings_sends_identity() {
        let codings = codings(&[]);
        for line in ["*", "gzip", "identity;q=0", ""] {
            assert_eq!(choose(&codings, &[line]), "identity", "{line}");
        }
    }

    #[test]
    fn wrong_codings_are_named() {
        let long = "x".repeat(65);
        for (names, message) in [
            (
                &["br", "g zip"][..],
                "\"g zip\" is not the name of a content coding",
            ),
            (&["*"], "\"*\" is not the name of a content coding"),
            (&[""], "\"\" is not the name of a content coding"),
            (
                &["gzip;q=1"],
                "\"gzip;q=1\" is not the name of a content coding",
            ),
            (&["é"], "\"é\" is not the name of a content coding"),
            (&["br", "BR"], "the content coding \"BR\" is there twice"),
            (
                &["gzip", "x-gzip"],
                "the content coding \"x-gzip\" is there twice",
            ),
            (
                &["Identity"],
                "the content coding \"Identity\" is always possible",
            ),
            (
                &[&long],
                &format!("the content coding {long:?} is longer than 64 bytes"),
            ),
        ] {
            assert_eq!(Codings::new(names).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn names_are_chosen_in_lower_case_and_without_their_old_prefix() {
        let codings = codings(&["X-Compress", "x-own", "BR"]);
        assert_eq!(choose(&codings, &["compress"]), "compress");
        assert_eq!(choose(&codings, &["X-OWN"]), "x-own");
        assert_eq!(choose(&codings, &["own, br"]), "br");
    }

    #[test]
    fn choosing_allocates_nothing() {
        let codings = codings(&["br", "gzip"]);
        let line = "gzip;q=0.5, *;q=0.1, ".repeat(40);
        let memory = allocation_counter::measure(|| {
            assert_eq!(codings.choose(std::iter::once(line.as_bytes())), "gzip");
        });
        assert_eq!(memory.count_total, 0);
    }

    fn any_field() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let member = "(br|BR|gzip|x-gzip|zstd|deflate|identity|\\*|)( ?; ?q=(0|1|0\\.[0-9]{1,3}))?";
        let list = proptest::collection::vec(member, 0..8);
        let list = list.prop_map(|members| members.join(", ").into_bytes());
        let line = prop_oneof![list, proptest::collection::vec(any::<u8>(), 0..40)];
        proptest::collection::vec(line, 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn any_field_gives_a_coding_that_is_chosen_again(field in any_field()) {
            let codings = codings(&["br", "gzip", "zstd"]);
            let chosen = codings.choose(field.iter().map(Vec::as_slice));
            prop_assert!(["br", "gzip", "zstd", "identity"].contains(&chosen));
            prop_assert_eq!(choose(&codings, &[chosen]), chosen);
        }

        #[test]
        fn every_coding_that_is_taken_is_chosen_by_its_own_name(
            name in prop_oneof![any::<String>(), "[!-~]{0,8}"],
        ) {
            if let Ok(codings) = Codings::new(["br", &name]) {
                let chosen = choose(&codings, &[&name]);
                prop_assert!(is_named(chosen, plain(name.as_bytes())));
                prop_assert_eq!(choose(&codings, &[chosen]), chosen);
            }
        }
    }
}
