//! The field encoding that every key uses.
//!
//! ```text
//! field  = %x00                       ; absent
//!        / count *OCTET               ; present, possibly empty
//! count  = number of octets plus one, as an unsigned LEB128
//! ```
//!
//! A field says where it ends, so fields that follow one another cannot be mistaken for others with
//! the same concatenation, and absent differs from empty.

use super::bytes::StackBytes;

/// The first byte of every encoding. Stored keys of another format never match.
pub(super) const KEY_FORMAT: u8 = 1;

/// Fields of so many bytes have a count of one.
const SHORT: usize = 126;

/// Appends one field.
// A call for each field of a key costs more than most fields do.
#[inline(always)]
pub(super) fn push_field<const N: usize>(out: &mut StackBytes<N>, value: Option<&[u8]>) {
    match value {
        None => out.push(0),
        Some(value) if value.len() <= SHORT => {
            let [count, ..] = value.len().saturating_add(1).to_le_bytes();
            out.push_before(count, value);
        }
        Some(value) => push_long(out, value),
    }
}

#[cold]
fn push_long<const N: usize>(out: &mut StackBytes<N>, value: &[u8]) {
    push_count(out, value.len());
    out.extend_from_slice(value);
}

/// Appends one field whose letters are ASCII case-insensitive, in lower case.
#[inline]
pub(super) fn push_lower_field<const N: usize>(out: &mut StackBytes<N>, value: Option<&[u8]>) {
    match value {
        None => out.push(0),
        Some(value) => push_lower(out, value),
    }
}

fn push_lower<const N: usize>(out: &mut StackBytes<N>, value: &[u8]) {
    push_count(out, value.len());
    let start = out.len();
    out.extend_from_slice(value);
    if let Some(text) = out.get_mut(start..) {
        text.make_ascii_lowercase();
    }
}

fn push_count<const N: usize>(out: &mut StackBytes<N>, length: usize) {
    let mut count = length.saturating_add(1);
    loop {
        let [low, ..] = count.to_le_bytes();
        count >>= 7;
        if count == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes::KeyBuf;
    use super::*;

    fn encoded(values: &[Option<Vec<u8>>]) -> KeyBuf {
        let mut out = KeyBuf::new();
        for value in values {
            push_field(&mut out, value.as_deref());
        }
        out
    }

    #[test]
    fn absent_differs_from_empty() {
        assert_eq!(encoded(&[None]).as_slice(), [0]);
        assert_eq!(encoded(&[Some(Vec::new())]).as_slice(), [1]);
    }

    #[test]
    fn count_of_a_long_field_takes_more_octets() {
        let field = encoded(&[Some(vec![7; 300])]);
        assert_eq!(field.get(..2), Some(&[0xad, 0x02][..]));
        assert_eq!(field.len(), 302);
    }

    #[test]
    fn lower_case_touches_only_the_field_itself() {
        let mut out = KeyBuf::from_slice(b"AB");
        push_lower_field(&mut out, Some(b"Xy"));
        push_lower_field(&mut out, None);
        assert_eq!(out.as_slice(), b"AB\x03xy\x00");
    }

    #[test]
    fn count_octets_that_look_like_letters_stay() {
        let mut out = KeyBuf::new();
        push_lower_field(&mut out, Some(&[b'Z'; 64]));
        assert_eq!(out.first(), Some(&b'A'));
    }

    proptest! {
        #[test]
        fn sequences_encode_equally_only_if_equal(
            a in proptest::collection::vec(proptest::option::of("[ab]{0,3}"), 0..4),
            b in proptest::collection::vec(proptest::option::of("[ab]{0,3}"), 0..4),
        ) {
            let bytes = |values: &[Option<String>]| -> Vec<Option<Vec<u8>>> {
                values.iter().map(|value| value.clone().map(String::into_bytes)).collect()
            };
            prop_assert_eq!(encoded(&bytes(&a)) == encoded(&bytes(&b)), a == b);
        }
    }
}
