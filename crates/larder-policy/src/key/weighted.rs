//! Comma-separated names with weights, as in Accept-Language and Accept-Encoding (RFC 9110
//! sections 12.4.2, 12.5.3 and 12.5.4).
//!
//! ```text
//! field   = *( "," / member )
//! member  = name [ OWS ";" OWS "q=" qvalue ]
//! qvalue  = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3"0" ] )
//! ```

use std::iter::repeat;

use smallvec::SmallVec;

use crate::fields::trim_ows;

/// The longest name that is read, in bytes. It bounds what one member costs.
pub(super) const MAX_NAME: usize = 64;

/// The members of all lines of a field, the greatest weight first and otherwise in field order.
///
/// A malformed member is skipped. Only the first [`MAX_MEMBERS`] members count, well-formed or not.
pub(super) struct Members<'a>(SmallVec<[Member<'a>; MAX_MEMBERS]>);

impl<'a> Members<'a> {
    /// Reads a field whose names are those that `is_name` knows and `*`.
    pub(super) fn read(
        lines: impl Iterator<Item = &'a [u8]>,
        is_name: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let members = lines
            .flat_map(|line| line.split(|byte| *byte == b','))
            .map(trim_ows)
            .filter(|member| !member.is_empty())
            .take(MAX_MEMBERS);
        let mut sorted = SmallVec::new();
        for member in members.filter_map(Member::parse) {
            if member.is_any() || is_name(member.name) {
                let place =
                    sorted.partition_point(|kept: &Member<'_>| kept.weight >= member.weight);
                sorted.insert(place, member);
            }
        }
        Self(sorted)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Member<'a>> {
        self.0.iter().copied()
    }

    /// The members the client accepts, the most preferred first.
    pub(super) fn accepted(&self) -> impl Iterator<Item = Member<'a>> {
        self.iter().take_while(|member| member.weight > 0)
    }
}

/// A name and how much it is wanted.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    /// In thousandths. Zero means "not acceptable".
    pub(super) weight: u16,
}

impl<'a> Member<'a> {
    fn parse(member: &'a [u8]) -> Option<Self> {
        let mut parts = member.splitn(2, |byte| *byte == b';');
        let name = trim_ows(parts.next()?);
        let weight = parts.next().map_or(Some(MAX_WEIGHT), weight)?;
        (name.len() <= MAX_NAME).then_some(Self { name, weight })
    }

    /// Whether this is `*`.
    pub(super) fn is_any(self) -> bool {
        self.name == b"*"
    }
}

fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', value @ ..] = trim_ows(parameter) else {
        return None;
    };
    let (whole, digits) = match value {
        [whole @ (b'0' | b'1')] => (whole, &b""[..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] if digits.len() <= 3 => (whole, digits),
        _ => return None,
    };
    let mut digits = digits.iter().chain(repeat(&b'0')).take(3);
    let weight = digits.try_fold(u16::from(*whole == b'1'), |weight, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        Some(weight * 10 + digit)
    })?;
    (weight <= MAX_WEIGHT).then_some(weight)
}

const MAX_MEMBERS: usize = 32;

const MAX_WEIGHT: u16 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(lines: &[&'a str]) -> Vec<(&'a str, u16)> {
        let members = Members::read(lines.iter().map(|line| line.as_bytes()), |name| {
            !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)
        });
        let members = members.iter();
        members
            .map(|member| (str::from_utf8(member.name).unwrap(), member.weight))
            .collect()
    }

    #[test]
    fn weights_have_at_most_three_digits() {
        for (value, expected) in [
            ("1", 1000),
            ("1.", 1000),
            ("1.0", 1000),
            ("1.000", 1000),
            ("0", 0),
            ("0.", 0),
            ("0.000", 0),
            ("0.5", 500),
            ("0.05", 50),
            ("0.001", 1),
            ("0.999", 999),
        ] {
            let (lower, upper) = (format!("a;q={value}"), format!("a;Q={value}"));
            assert_eq!(read(&[&lower]), [("a", expected)], "{value}");
            assert_eq!(read(&[&upper]), [("a", expected)], "{value}");
        }
    }

    #[test]
    fn malformed_members_are_skipped() {
        for member in [
            "a;q=",
            "a;q=.5",
            "a;q=2",
            "a;q=1.1",
            "a;q=1.001",
            "a;q=0.5555",
            "a;q=1.0000",
            "a;q=-0",
            "a;q=+1",
            "a;q=0.x",
            "a;q=1e0",
            "a;q=\"1\"",
            "a;q =1",
            "a;q= 1",
            "a;",
            "a;;",
            "a;q",
            "a;q=1;",
            "a;q=1;b",
            "a;b=1",
            "a;b;q=1",
            "a b",
            "ä",
            ";q=1",
            "**",
            "\"a",
            "\u{0}",
        ] {
            let line = format!("{member}, b;q=0.1");
            assert_eq!(read(&[&line]), [("b", 100)], "{member}");
        }
    }

    #[test]
    fn the_greatest_weight_comes_first_and_ties_keep_their_order() {
        assert_eq!(
            read(&["a;q=0.5, b", " , ,c;q=0\t,\td ; q=0.5 ,", "", "e, *;q=0.7"]),
            [
                ("b", 1000),
                ("e", 1000),
                ("*", 700),
                ("a", 500),
                ("d", 500),
                ("c", 0)
            ]
        );
        assert_eq!(read(&[]), []);
        assert_eq!(read(&[" ,, ", ""]), []);
    }

    #[test]
    fn long_names_and_members_after_the_thirty_second_are_ignored() {
        let name = "a".repeat(MAX_NAME);
        let long = format!("{name}a, {name};q=0.123");
        assert_eq!(read(&[&long]), [(&*name, 123)]);

        let many = format!("{}last;q=0.5, late", "a;;,".repeat(31));
        assert_eq!(read(&[&many]), [("last", 500)]);
        let empty = format!("{}last", ",".repeat(1000));
        assert_eq!(read(&[&empty]), [("last", 1000)]);
    }
}
