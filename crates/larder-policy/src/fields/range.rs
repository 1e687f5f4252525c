//! `Range` and `Content-Range` (RFC 9110 section 14), for one range of bytes.

use http::header::RANGE;
use http::{HeaderMap, HeaderValue};

use super::list::{split_list, trim_ows};
use super::time::parse_digits;
use super::value::ValueText;

/// What a request wants of a body whose length is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeRequest {
    /// All of it, with status 200: the field is absent, in another unit, invalid, or asks for
    /// several ranges; or the body is empty.
    None,
    /// Bytes past its end only: status 416.
    Unsatisfiable,
    /// One range of it: status 206.
    One(ByteRange),
}

/// A range of at least one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

#[expect(
    clippy::len_without_is_empty,
    reason = "a range holds at least one byte"
)]
impl ByteRange {
    /// The position of the first byte, counted from zero.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The position of the last byte.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// Reads the `Range` of a request for a body of `body_len` bytes.
///
/// | Range, of 100 bytes | Result |
/// |---|---|
/// | `bytes=0-9`, `bytes=90-`, `bytes=-10` | one range |
/// | `bytes=90-999` | `90-99` |
/// | `bytes=-999` | `0-99` |
/// | `bytes=100-`, `bytes=-0`, `bytes=100-,200-` | unsatisfiable |
/// | `bytes=9-0`, `bytes=-`, `lines=0-9`, two `Range` lines | none |
/// | `bytes=0-0,100-` | none: several ranges of which one could be sent |
#[must_use]
pub fn parse_range(headers: &HeaderMap, body_len: u64) -> RangeRequest {
    let mut lines = headers.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return RangeRequest::None;
    };
    if body_len == 0 {
        return RangeRequest::None;
    }
    range_set(trim_ows(line.as_bytes()), body_len).unwrap_or(RangeRequest::None)
}

fn range_set(value: &[u8], body_len: u64) -> Option<RangeRequest> {
    let (unit, set) = value.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut ranges = 0usize;
    let mut satisfiable = None;
    for spec in split_list(set) {
        ranges += 1;
        satisfiable = range_spec(spec, body_len)?.or(satisfiable);
    }
    match satisfiable {
        Some(range) if ranges == 1 => Some(RangeRequest::One(range)),
        None if ranges > 0 => Some(RangeRequest::Unsatisfiable),
        _ => None,
    }
}

/// `None` if the range is invalid, `Some(None)` if it is past the end of the body.
#[expect(
    clippy::option_option,
    reason = "invalid and unsatisfiable have different answers"
)]
fn range_spec(spec: &[u8], body_len: u64) -> Option<Option<ByteRange>> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = spec.split_at_checked(dash)?;
    let last = match last.get(1..)? {
        [] => None,
        digits => Some(parse_digits(digits)?),
    };
    let end = body_len.checked_sub(1)?;
    if first.is_empty() {
        let suffix = last?;
        let first = body_len.saturating_sub(suffix);
        return Some((suffix > 0).then_some(ByteRange { first, last: end }));
    }
    let first = parse_digits(first)?;
    let last = last.unwrap_or(u64::MAX);
    if last < first {
        return None;
    }
    Some((first <= end).then_some(ByteRange {
        first,
        last: last.min(end),
    }))
}

/// `Content-Range` of a 206 response.
pub(crate) fn content_range(range: ByteRange, total: u64) -> HeaderValue {
    let mut text = ValueText::default();
    text.push("bytes ");
    text.push_number(range.first);
    text.push("-");
    text.push_number(range.last);
    text.push("/");
    text.push_number(total);
    text.finish()
}

/// `Content-Range` of a 416 response.
pub(crate) fn unsatisfied_range(total: u64) -> HeaderValue {
    let mut text = ValueText::default();
    text.push("bytes */");
    text.push_number(total);
    text.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(value: &str, body_len: u64) -> RangeRequest {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        parse_range(&HeaderMap::from_iter([(RANGE, value)]), body_len)
    }

    fn one(first: u64, last: u64) -> RangeRequest {
        RangeRequest::One(ByteRange { first, last })
    }

    #[test]
    fn one_range_is_clamped_to_the_body() {
        for (value, expected) in [
            ("bytes=0-0", one(0, 0)),
            ("bytes=0-9", one(0, 9)),
            ("Bytes=0-9", one(0, 9)),
            ("bytes=000-0009", one(0, 9)),
            ("bytes=99-99", one(99, 99)),
            ("bytes=99-", one(99, 99)),
            ("bytes=0-", one(0, 99)),
            ("bytes=0-99", one(0, 99)),
            ("bytes=0-100", one(0, 99)),
            ("bytes=90-18446744073709551615", one(90, 99)),
            ("bytes=90-18446744073709551616", one(90, 99)),
            ("bytes=90-99999999999999999999999999999", one(90, 99)),
            ("bytes=-1", one(99, 99)),
            ("bytes=-100", one(0, 99)),
            ("bytes=-101", one(0, 99)),
            ("bytes=-99999999999999999999999999999", one(0, 99)),
            (" bytes=0-9 ", one(0, 9)),
            ("bytes=,0-9 ,", one(0, 9)),
        ] {
            assert_eq!(parse(value, 100), expected, "{value}");
        }
    }

    #[test]
    fn ranges_past_the_end_are_unsatisfiable() {
        for value in [
            "bytes=100-",
            "bytes=100-100",
            "bytes=18446744073709551615-",
            "bytes=18446744073709551616-",
            "bytes=99999999999999999999999-99999999999999999999999",
            "bytes=-0",
            "bytes=-000",
            "bytes=100-, 200-300,-0",
        ] {
            assert_eq!(parse(value, 100), RangeRequest::Unsatisfiable, "{value}");
        }
    }

    #[test]
    fn invalid_and_several_ranges_are_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=0",
            "bytes=9-0",
            "bytes=199-100",
            "bytes=a-b",
            "bytes=0-b",
            "bytes=0x0-9",
            "bytes=+0-9",
            "bytes=0 - 9",
            "bytes=0- 9",
            "bytes=--9",
            "bytes=0-9-",
            "bytes=0-9;",
            "bytes:0-9",
            "bytes =0-9",
            "lines=0-9",
            "byte=0-9",
            "0-9",
            "bytes=0-9,20-29",
            "bytes=0-9,0-9",
            "bytes=0-9,100-",
            "bytes=100-,0-9",
            "bytes=0-9,x",
            "bytes=100-,x",
            "bytes=100-,9-0",
            "bytes=\"0-9\"",
            "bytes=0-\u{e9}",
        ] {
            assert_eq!(parse(value, 100), RangeRequest::None, "{value}");
        }
        let range = || (RANGE, HeaderValue::from_static("bytes=0-9"));
        assert_eq!(parse_range(&HeaderMap::new(), 100), RangeRequest::None);
        let mut twice = HeaderMap::from_iter([range()]);
        twice.append(RANGE, range().1);
        assert_eq!(parse_range(&twice, 100), RangeRequest::None);
    }

    #[test]
    fn an_empty_body_has_no_ranges() {
        for value in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-"] {
            assert_eq!(parse(value, 0), RangeRequest::None, "{value}");
        }
    }

    #[test]
    fn the_largest_body_does_not_overflow() {
        assert_eq!(parse("bytes=0-", u64::MAX), one(0, u64::MAX - 1));
        assert_eq!(
            parse("bytes=-18446744073709551616", u64::MAX),
            one(0, u64::MAX - 1)
        );
        assert_eq!(
            parse("bytes=18446744073709551615-", u64::MAX),
            RangeRequest::Unsatisfiable
        );
        let RangeRequest::One(range) = parse("bytes=0-", u64::MAX) else {
            panic!("one range")
        };
        assert_eq!(range.len(), u64::MAX);
    }

    #[test]
    fn a_thousand_ranges_are_ignored() {
        let value = format!("bytes={}", "0-0,".repeat(1_000));
        assert_eq!(parse(&value, 100), RangeRequest::None);
    }

    #[test]
    fn content_range_is_written() {
        let range = ByteRange {
            first: 0,
            last: u64::MAX - 1,
        };
        assert_eq!(
            content_range(range, u64::MAX),
            "bytes 0-18446744073709551614/18446744073709551615"
        );
        assert_eq!(
            content_range(ByteRange { first: 5, last: 9 }, 10),
            "bytes 5-9/10"
        );
        assert_eq!(unsatisfied_range(10), "bytes */10");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value: Vec<u8>, body_len: u64) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let _ = parse_range(&HeaderMap::from_iter([(RANGE, value)]), body_len);
            }
        }

        #[test]
        fn a_range_lies_in_the_body(
            value in "bytes=([0-9]{0,21}-[0-9]{0,21},?){1,3}",
            body_len: u64,
        ) {
            if let RangeRequest::One(range) = parse(&value, body_len) {
                prop_assert!(range.first() <= range.last() && range.last() < body_len);
                prop_assert_eq!(range.len(), range.last() - range.first() + 1);
            }
        }

        #[test]
        fn a_valid_range_is_kept(first in 0..1_000u64, len in 1..1_000u64, more in 1..1_000u64) {
            let last = first + len - 1;
            prop_assert_eq!(parse(&format!("bytes={first}-{last}"), last + more), one(first, last));
        }
    }
}
