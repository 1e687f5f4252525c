//! The values that a stored response has of its own, in one piece of memory with what stands behind
//! them.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};

use crate::fields::number_value;

/// Where each value ends, and where the last of them does once more: a [`Mark`] each. Then the values,
/// and then the tail. Or nothing at all.
///
/// As long as nobody shares it, it is one allocation.
#[derive(Clone)]
pub(crate) struct Piece(Bytes);

/// Where a value ends, and a flag: it is sensitive, or, of the last, that of the whole piece.
struct Mark {
    end: u16,
    flag: bool,
}

/// A value in its piece.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    name: &'a HeaderName,
    piece: &'a Bytes,
    bytes: &'a [u8],
    is_sensitive: bool,
}

impl Piece {
    /// Whether so many values of so many bytes fit, all together: no mark can tell of more.
    pub(crate) fn has_room_for(count: usize, bytes: usize) -> bool {
        Self::marks(count).saturating_add(bytes) <= Mark::MAX_END.into()
    }

    pub(crate) const EMPTY: Self = Self(Bytes::new());

    /// A value may be a small part of a large buffer that was read from a connection: it is copied.
    pub(crate) fn new(values: &[(&HeaderName, &HeaderValue)], flag: bool, tail: &[&[u8]]) -> Self {
        let marks = Self::marks(values.len());
        let length: usize = values.iter().map(|(_, value)| value.len()).sum();
        let head = marks.saturating_add(length);
        let whole = tail
            .iter()
            .map(|part| part.len())
            .fold(head, usize::saturating_add);
        let mut piece = Vec::with_capacity(whole);
        let mut end = marks;
        for (_, value) in values {
            end = end.saturating_add(value.len());
            Mark::new(end, value.is_sensitive()).put(&mut piece);
        }
        Mark::new(end, flag).put(&mut piece);
        for (_, value) in values {
            piece.extend_from_slice(value.as_bytes());
        }
        for part in tail {
            piece.extend_from_slice(part);
        }
        Self(Bytes::from(piece))
    }

    /// The same in another place.
    pub(crate) fn in_place(&self, place: impl FnOnce(Vec<u8>) -> Bytes) -> Self {
        Self(place(self.0.to_vec()))
    }

    /// One of so many values.
    pub(crate) fn own<'a>(
        &'a self,
        name: &'a HeaderName,
        at: usize,
        count: usize,
    ) -> Option<Own<'a>> {
        if at >= count {
            return None;
        }
        let begin = match at.checked_sub(1) {
            Some(before) => self.mark(before).end.into(),
            None => Self::marks(count),
        };
        let Mark { end, flag } = self.mark(at);
        Some(Own {
            name,
            piece: &self.0,
            bytes: self.0.get(begin..end.into()).unwrap_or_default(),
            is_sensitive: flag,
        })
    }

    /// What stands behind so many values. Cost: shares its memory.
    #[inline]
    pub(crate) fn tail(&self, count: usize) -> Bytes {
        self.0.slice(self.head_bytes(count)..)
    }

    #[inline]
    pub(crate) fn tail_slice(&self, count: usize) -> &[u8] {
        self.0.get(self.head_bytes(count)..).unwrap_or_default()
    }

    /// All but the tail.
    #[inline]
    pub(crate) fn head_bytes(&self, count: usize) -> usize {
        let end = usize::from(self.mark(count).end);
        end.min(self.0.len())
    }

    /// That of the whole piece, behind so many values.
    pub(crate) fn flag(&self, count: usize) -> bool {
        self.mark(count).flag
    }

    fn mark(&self, at: usize) -> Mark {
        let mark = self.0.as_chunks::<{ Mark::BYTES }>().0.get(at);
        Mark::of(mark.map_or(0, |mark| u16::from_le_bytes(*mark)))
    }

    /// How long the marks of so many values are.
    fn marks(count: usize) -> usize {
        count.saturating_add(1).saturating_mul(Mark::BYTES)
    }
}

impl Mark {
    const BYTES: usize = 2;
    const FLAG: u16 = 1 << 15;
    const MAX_END: u16 = Self::FLAG - 1;

    fn new(end: usize, flag: bool) -> Self {
        let end = u16::try_from(end).map_or(Self::MAX_END, |end| end.min(Self::MAX_END));
        Self { end, flag }
    }

    fn of(bits: u16) -> Self {
        Self {
            end: bits & !Self::FLAG,
            flag: bits & Self::FLAG != 0,
        }
    }

    fn put(&self, piece: &mut Vec<u8>) {
        let flag = if self.flag { Self::FLAG } else { 0 };
        piece.extend_from_slice(&(self.end | flag).to_le_bytes());
    }
}

impl<'a> Own<'a> {
    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) const fn is_sensitive(self) -> bool {
        self.is_sensitive
    }

    /// As others keep it. Cost: shares the memory of the piece.
    pub(crate) fn to_value(self) -> HeaderValue {
        let mut value = known(self.name, self.bytes).unwrap_or_else(|| {
            let value = HeaderValue::from_maybe_shared(self.piece.slice_ref(self.bytes));
            // It was a value when it was put there.
            value.unwrap_or_else(|_| HeaderValue::from_static(""))
        });
        value.set_sensitive(self.is_sensitive);
        value
    }
}

/// A length that needs no memory of its own.
fn known(name: &HeaderName, value: &[u8]) -> Option<HeaderValue> {
    let is_small = *name == header::CONTENT_LENGTH && value.len() <= 4;
    let number = is_small.then(|| str::from_utf8(value).ok()?.parse().ok())??;
    Some(number_value(number)).filter(|known| known.as_bytes() == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_share_the_piece_they_are_in_and_short_lengths_need_none() {
        let (length, tag) = (header::CONTENT_LENGTH, header::ETAG);
        let values = ["2048", "\"1\""].map(HeaderValue::from_static);
        let piece = Piece::new(
            &[(&length, &values[0]), (&tag, &values[1])],
            false,
            &[b"bo", b"dy"],
        );
        assert!(piece.0.is_unique());
        assert_eq!(piece.own(&length, 0, 2).unwrap().to_value(), "2048");
        assert!(piece.0.is_unique());
        let value = piece.own(&tag, 1, 2).unwrap().to_value();
        assert_eq!(value, "\"1\"");
        assert!(!piece.0.is_unique());
        assert!(piece.own(&tag, 2, 2).is_none());
    }

    #[test]
    fn the_flags_of_values_and_of_the_piece_are_their_own() {
        let name = header::ETAG;
        let mut secret = HeaderValue::from_static("secret");
        secret.set_sensitive(true);
        let plain = HeaderValue::from_static("");
        for flag in [false, true] {
            let piece = Piece::new(&[(&name, &plain), (&name, &secret)], flag, &[b"body"]);
            let own = |at| piece.own(&name, at, 2).unwrap().to_value();
            assert_eq!((own(0), own(1)), (plain.clone(), secret.clone()));
            assert!(!own(0).is_sensitive() && own(1).is_sensitive());
            assert_eq!((piece.flag(2), piece.tail(2)), (flag, "body".into()));
        }
    }
}
