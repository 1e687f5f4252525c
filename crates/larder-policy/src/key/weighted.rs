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
/// A member with a malformed weight is skipped; what a name may be is for the caller to say. Only the
/// first [`MAX_MEMBERS`] members count, well-formed or not.
pub(super) struct Members<'a>(SmallVec<[Member<'a>; MAX_MEMBERS]>);

impl<'a> Members<'a> {
    pub(super) fn new() -> Self {
        Self(SmallVec::new())
    }

    /// Reads a field, once. It is not a constructor because moving so much costs as much as reading.
    pub(super) fn read(&mut self, lines: impl Iterator<Item = &'a [u8]>) {
        let mut left = MAX_MEMBERS;
        for mut rest in lines {
            while !rest.is_empty() && left > 0 {
                let (member, after) = cut(rest, b',');
                let (name, parameter) = cut(member, b';');
                rest = after.unwrap_or_default();
                let name = trim_ows(name);
                if name.is_empty() {
                    continue;
                }
                left -= 1;
                if let Some(weight) = parameter.map_or(Some(MAX_WEIGHT), weight)
                    && name.len() <= MAX_NAME
                {
                    self.add(Member { name, weight });
                }
            }
        }
    }

    fn add(&mut self, member: Member<'a>) {
        match self.0.last() {
            Some(last) if last.weight < member.weight => {
                let place = self.0.partition_point(|kept| kept.weight >= member.weight);
                self.0.insert(place, member);
            }
            _ => self.0.push(member),
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Member<'a>> {
        self.0.iter().copied()
    }

    /// The members the client accepts, the most preferred first.
    pub(super) fn accepted(&self) -> impl Iterator<Item = Member<'a>> {
        self.iter().take_while(|member| member.weight > 0)
    }

    /// Whether there are members the client does not accept.
    pub(super) fn any_refused(&self) -> bool {
        self.0.last().is_some_and(|member| member.weight == 0)
    }
}

/// A name and how much it is wanted.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    /// In thousandths. Zero means "not acceptable".
    pub(super) weight: u16,
}

impl Member<'_> {
    /// Whether this is `*`.
    pub(super) fn is_any(self) -> bool {
        self.name == b"*"
    }
}

/// Splits at the first byte of this value, which is left out.
fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    let end = text.iter().position(|byte| *byte == at);
    match end.and_then(|end| text.split_at_checked(end)) {
        Some((before, after)) => (before, after.get(1..)),
        None => (text, None),
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
        let mut members = Members::new();
        members.read(lines.iter().map(|line| line.as_bytes()));
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
    fn members_without_a_name_or_with_a_malformed_weight_are_skipped() {
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
            ";q=1",
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
