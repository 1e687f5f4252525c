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

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

/// Where a key is encoded: on the stack up to 256 bytes.
pub type KeyBuf = SmallVec<[u8; 256]>;

/// The first byte of every encoding. Stored keys of another format never match.
pub(super) const KEY_FORMAT: u8 = 1;

/// What takes an encoding.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
    /// In lower case.
    fn put_lower(&mut self, bytes: &[u8]);
    /// What goes before at most [`SHORT`] bytes, and they.
    fn put_counted(&mut self, count: u8, bytes: &[u8]) {
        self.put(&[count]);
        self.put(bytes);
    }
}

/// Fields of so many bytes have a count of one.
const SHORT: usize = 126;

impl Sink for KeyBuf {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_lower(&mut self, bytes: &[u8]) {
        let start = self.len();
        self.extend_from_slice(bytes);
        if let Some(text) = self.get_mut(start..) {
            text.make_ascii_lowercase();
        }
    }
}

/// A short encoding under construction, where it is to stand: half of what appending part by part
/// costs.
pub(super) struct Draft<'a> {
    room: &'a mut [u8],
    /// How much of `room` is written; more than there is once the encoding turns out to be long.
    len: usize,
}

impl Draft<'_> {
    /// Appends an encoding that is short as a rule.
    #[inline]
    pub(super) fn append(
        out: &mut KeyBuf,
        short: impl FnOnce(&mut Draft<'_>),
        long: impl FnOnce(&mut KeyBuf),
    ) {
        let start = out.len();
        out.extend_from_slice(&[0; DRAFT]);
        let room = out.get_mut(start..).unwrap_or_default();
        let mut draft = Draft { room, len: 0 };
        short(&mut draft);
        let len = draft.len;
        if len <= DRAFT {
            out.truncate(start.saturating_add(len));
        } else {
            out.truncate(start);
            long(out);
        }
    }

    #[inline]
    fn room(&mut self, length: usize) -> Option<&mut [u8]> {
        let start = self.len;
        self.len = start.saturating_add(length);
        self.room.get_mut(start..self.len)
    }
}

/// The room of a draft, in bytes.
const DRAFT: usize = 256;

impl Sink for Draft<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()) {
            room.copy_from_slice(bytes);
        }
    }

    #[inline]
    fn put_counted(&mut self, count: u8, bytes: &[u8]) {
        let room = self.room(bytes.len().saturating_add(1));
        if let Some((first, room)) = room.and_then(<[u8]>::split_first_mut) {
            *first = count;
            room.copy_from_slice(bytes);
        }
    }

    fn put_lower(&mut self, bytes: &[u8]) {
        if let Some(room) = self.room(bytes.len()) {
            room.copy_from_slice(bytes);
            room.make_ascii_lowercase();
        }
    }
}

/// A short encoding that is kept: on the stack up to 40 bytes.
#[derive(Clone)]
pub(super) struct Inline {
    short: [u8; 40],
    len: usize,
    /// All of it, once it is long. Boxed: it is hardly ever there, and often moved.
    long: Option<Box<[u8]>>,
}

impl Default for Inline {
    fn default() -> Self {
        Self {
            short: [0; 40],
            len: 0,
            long: None,
        }
    }
}

impl Inline {
    pub(super) fn as_slice(&self) -> &[u8] {
        match &self.long {
            None => self.short.get(..self.len).unwrap_or_default(),
            Some(long) => long,
        }
    }

    #[cold]
    fn put_long(&mut self, bytes: &[u8]) {
        self.long = Some([self.as_slice(), bytes].concat().into());
    }
}

impl Sink for Inline {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.short.get_mut(self.len..end) {
            Some(room) if self.long.is_none() => {
                room.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.put_long(bytes),
        }
    }

    fn put_lower(&mut self, bytes: &[u8]) {
        self.put(&bytes.to_ascii_lowercase());
    }
}

impl PartialEq for Inline {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Inline {}

impl Hash for Inline {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

/// Appends one field.
#[inline]
pub(super) fn push_field(out: &mut impl Sink, value: Option<&[u8]>) {
    match value {
        None => return out.put(&[0]),
        Some(value) if value.len() <= SHORT => {
            let [count, ..] = value.len().saturating_add(1).to_le_bytes();
            return out.put_counted(count, value);
        }
        Some(_) => {}
    }
    if push_count(out, value.map(<[u8]>::len)) {
        out.put(value.unwrap_or_default());
    }
}

/// Appends one field whose letters are ASCII case-insensitive, in lower case.
pub(super) fn push_lower_field(out: &mut impl Sink, value: Option<&[u8]>) {
    if value.is_none() {
        return out.put(&[0]);
    }
    if push_count(out, value.map(<[u8]>::len)) {
        out.put_lower(value.unwrap_or_default());
    }
}

/// Returns whether octets follow.
fn push_count(out: &mut impl Sink, length: Option<usize>) -> bool {
    let mut count = length.map_or(0, |length| length.saturating_add(1));
    loop {
        let [low, ..] = count.to_le_bytes();
        count >>= 7;
        if count == 0 {
            out.put(&[low]);
            return length.is_some();
        }
        out.put(&[low | 0x80]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn draft_says_the_same_whatever_the_length() {
        for length in [0, 1, 100, 252, 253, 254, 255, 300, 1000] {
            let value = vec![b'A'; length];
            let mut direct = KeyBuf::from_slice(b"before");
            push_lower_field(&mut direct, Some(&value));
            push_field(&mut direct, None);
            let mut drafted = KeyBuf::from_slice(b"before");
            let short = |draft: &mut Draft<'_>| {
                push_lower_field(draft, Some(&value));
                push_field(draft, None);
            };
            let long = |out: &mut KeyBuf| {
                push_lower_field(out, Some(&value));
                push_field(out, None);
            };
            Draft::append(&mut drafted, short, long);
            assert_eq!(drafted, direct, "{length}");
        }
    }

    #[test]
    fn inline_encoding_is_the_same_whatever_its_length() {
        for lengths in [
            [0, 1, 2],
            [36, 3, 1],
            [36, 4, 1],
            [36, 5, 90],
            [40, 0, 1],
            [41, 0, 0],
        ] {
            let (mut inline, mut expected) = (Inline::default(), KeyBuf::new());
            for (at, length) in lengths.into_iter().enumerate() {
                let value = vec![b'a' + u8::try_from(at).unwrap(); length];
                inline.put(&value);
                expected.put(&value);
            }
            assert_eq!(inline.as_slice(), expected.as_slice(), "{lengths:?}");
            assert!(inline == inline.clone());
        }
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
