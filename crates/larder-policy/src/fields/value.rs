//! Text of a field value under construction.

use std::fmt;
use std::sync::LazyLock;

use bytes::Bytes;
use http::HeaderValue;

/// Collects the text of a value on the stack, so that the finished value is the one allocation.
///
/// `BytesMut` would need its capacity guessed to the byte: freezing spare capacity allocates again.
pub(super) struct ValueText {
    start: [u8; 128],
    /// How much of `start` is text.
    len: usize,
    /// All of the text, once it is longer than `start`.
    long: Vec<u8>,
}

impl Default for ValueText {
    fn default() -> Self {
        Self {
            start: [0; 128],
            len: 0,
            long: Vec::new(),
        }
    }
}

impl ValueText {
    pub(super) fn push(&mut self, text: &str) {
        let end = self.len.saturating_add(text.len());
        if self.long.is_empty()
            && let Some(room) = self.start.get_mut(self.len..end)
        {
            room.copy_from_slice(text.as_bytes());
            self.len = end;
        } else {
            self.push_long(text);
        }
    }

    #[cold]
    fn push_long(&mut self, text: &str) {
        if self.long.is_empty() {
            self.long = self.bytes().to_vec();
        }
        self.long.extend_from_slice(text.as_bytes());
    }

    fn bytes(&self) -> &[u8] {
        if self.long.is_empty() {
            self.start.get(..self.len).unwrap_or_default()
        } else {
            &self.long
        }
    }

    /// Separates the member that follows from the one before, if there is one.
    pub(super) fn start_member(&mut self) {
        if !self.bytes().is_empty() {
            self.push(", ");
        }
    }

    pub(super) fn push_number(&mut self, number: impl itoa::Integer) {
        self.push(itoa::Buffer::new().format(number));
    }

    /// The value, or an empty one should the text hold bytes no field value may hold.
    pub(super) fn finish(&self) -> HeaderValue {
        HeaderValue::from_bytes(self.bytes()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// Has values in one piece of memory of their own: each may be a small part of a large buffer that was
/// read from a connection.
pub(crate) fn copy_values<'a>(values: impl Iterator<Item = &'a mut HeaderValue>) {
    let values: Vec<_> = values.collect();
    let bytes: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
    let mut rest = Bytes::from(bytes.concat());
    for value in values {
        let copy = HeaderValue::from_maybe_shared(rest.split_to(value.len()));
        if let Ok(mut copy) = copy {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
    }
}

/// A number as a field value. Small ones, such as the age of most answers, take no allocation.
#[inline]
pub(crate) fn number_value(number: u64) -> HeaderValue {
    let at = usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(value) = NUMBERS.get(at) {
        return value.clone();
    }
    if let Some(value) = digits_of(at) {
        return value;
    }
    let mut text = ValueText::default();
    text.push_number(number);
    text.finish()
}

/// The values of the numbers below 1000, made once: to copy one is less than to check its text.
static NUMBERS: LazyLock<Vec<HeaderValue>> =
    LazyLock::new(|| (0..1000).map_while(digits_of).collect());

/// A number below 10,000, without an allocation.
fn digits_of(number: usize) -> Option<HeaderValue> {
    let digits = DIGITS.get(number)?;
    let zeros = match number {
        0..10 => 3,
        10..100 => 2,
        100..1000 => 1,
        _ => 0,
    };
    let text = digits.get(zeros..)?;
    HeaderValue::from_maybe_shared(Bytes::from_static(text)).ok()
}

/// The numbers below 10,000, with leading zeros: most ages, and the lengths of most bodies of an API.
static DIGITS: [[u8; 4]; 10_000] = four_digits();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "worked out by the compiler, which would say so"
)]
const fn four_digits() -> [[u8; 4]; 10_000] {
    let mut table = [[b'0'; 4]; 10_000];
    let mut number = 0;
    while number < table.len() {
        let digits = [
            number / 1000,
            number / 100 % 10,
            number / 10 % 10,
            number % 10,
        ];
        let mut at = 0;
        while at < digits.len() {
            table[number][at] += digits[at] as u8;
            at += 1;
        }
        number += 1;
    }
    table
}

/// What nearly every hit says in `Cache-Status`: under our own name, with at most 999 seconds of
/// freshness left. Takes no allocation.
#[inline]
pub(super) fn common_hit(ttl: i64) -> Option<HeaderValue> {
    COMMON_HITS.get(usize::try_from(ttl).ok()?).cloned()
}

static COMMON_HITS: LazyLock<Vec<HeaderValue>> =
    LazyLock::new(|| (0..1000).map_while(hit_of).collect());

fn hit_of(ttl: usize) -> Option<HeaderValue> {
    let text = HITS.get(ttl)?;
    let spare = match ttl {
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    let text = text.get(..text.len().checked_sub(spare)?)?;
    HeaderValue::from_maybe_shared(Bytes::from_static(text)).ok()
}

const HIT: [u8; 17] = *b"larder; hit; ttl=";

/// Followed by the numbers below 1000, without leading zeros.
static HITS: [[u8; HIT.len() + 3]; 1000] = hits();

#[expect(
    clippy::indexing_slicing,
    reason = "worked out by the compiler, which would say so"
)]
const fn hits() -> [[u8; HIT.len() + 3]; 1000] {
    let digits = four_digits();
    let mut table = [[b' '; HIT.len() + 3]; 1000];
    let mut number = 0;
    while number < table.len() {
        let zeros = if number < 10 {
            2
        } else if number < 100 {
            1
        } else {
            0
        };
        let mut at = 0;
        while at < HIT.len() + 3 - zeros {
            table[number][at] = if at < HIT.len() {
                HIT[at]
            } else {
                digits[number][at - HIT.len() + zeros + 1]
            };
            at += 1;
        }
        number += 1;
    }
    table
}

impl fmt::Write for ValueText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_separated() {
        let mut text = ValueText::default();
        for number in [1, -2] {
            text.start_member();
            text.push("a=");
            text.push_number(number);
        }
        assert_eq!(text.finish(), "a=1, a=-2");
    }

    #[test]
    fn text_may_be_long() {
        let mut text = ValueText::default();
        for _ in 0..30 {
            text.push("0123456789");
        }
        assert_eq!(text.finish(), "0123456789".repeat(30));
    }

    #[test]
    fn numbers_are_in_decimal_without_leading_zeros() {
        for number in (0..1100).chain([u64::MAX]) {
            assert_eq!(number_value(number), number.to_string());
        }
    }

    #[test]
    fn text_that_is_no_field_value_becomes_empty() {
        let mut text = ValueText::default();
        text.push("a\r\nset-cookie: b");
        assert_eq!(text.finish(), "");
    }
}
