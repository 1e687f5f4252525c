//! The field lines of a stored response: what it has of its own, and what it has in common with others.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::parting::Parting;
use crate::piece::{Own, Piece};
use crate::template::Template;

/// Field lines in the order in which they are sent.
#[derive(Clone)]
pub(crate) struct Lines {
    template: Template,
    /// Its own values. The flag: the template is kept, and counted, elsewhere. Empty where the template
    /// is its own and has all.
    piece: Piece,
}

/// A value of a line.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Common(&'a HeaderValue),
    Own(Own<'a>),
}

impl<'a> Value<'a> {
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Common(value) => value.as_bytes(),
            Self::Own(own) => own.as_bytes(),
        }
    }

    pub(crate) fn is_sensitive(&self) -> bool {
        match self {
            Self::Common(value) => value.is_sensitive(),
            Self::Own(own) => own.is_sensitive(),
        }
    }

    /// As others keep it. Copies no text.
    pub(crate) fn to_value(self) -> HeaderValue {
        match self {
            Self::Common(value) => value.clone(),
            Self::Own(own) => own.to_value(),
        }
    }
}

impl AsRef<[u8]> for Value<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Lines {
    /// All of them its own.
    pub(crate) fn new(fields: HeaderMap) -> Self {
        Self {
            template: Template::new(fields, 0, 0),
            piece: Piece::EMPTY,
        }
    }

    /// Puts a line in the place of all others of its name. What is packed is not any more, without its
    /// tail.
    pub(crate) fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        if let Some(fields) = self.template.whole_mut() {
            fields.insert(name, value);
        } else {
            let mut fields = self.to_map();
            fields.insert(name, value);
            *self = Self::new(fields);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.template.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, Value<'_>)> {
        let (room, places) = (self.template.room(), self.template.places());
        let lines = self.common().iter().enumerate();
        lines.map(move |(at, (name, common))| {
            let own = at.checked_sub(room);
            let own = own.and_then(|at| self.piece.own(name, at, places));
            (name, own.map_or(Value::Common(common), Value::Own))
        })
    }

    pub(crate) fn get_all(&self, name: &HeaderName) -> impl Iterator<Item = Value<'_>> {
        self.iter()
            .filter_map(move |(of, value)| (of == name).then_some(value))
    }

    /// The value of a field that must appear once to count.
    pub(crate) fn single(&self, name: &HeaderName) -> Option<Value<'_>> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// All of them, with places for those that are the response's own.
    #[inline]
    pub(crate) fn common(&self) -> &HeaderMap {
        self.template.fields()
    }

    /// Fills the places in a copy of [`common`](Self::common).
    pub(crate) fn fill_places(&self, headers: &mut HeaderMap) {
        let (room, places) = (self.template.room(), self.template.places());
        let lines = headers.iter_mut().skip(room).take(places);
        for (at, (name, place)) in lines.enumerate() {
            if let Some(own) = self.piece.own(name, at, places) {
                *place = own.to_value();
            }
        }
    }

    pub(crate) fn to_map(&self) -> HeaderMap {
        let mut headers = self.common().clone();
        self.fill_places(&mut headers);
        headers
    }

    /// The same, with what `lasting` has for values that it may have in common with others.
    pub(crate) fn to_map_with(
        &self,
        mut lasting: impl FnMut(&HeaderValue) -> Option<HeaderValue>,
    ) -> HeaderMap {
        let mut headers = self.to_map();
        let is_parted = self.template.room() > 0;
        for value in self.template.in_common(&mut headers).filter(|_| is_parted) {
            if let Some(lasting) = lasting(value) {
                *value = lasting;
            }
        }
        headers
    }

    /// With its own values in another piece of memory.
    pub(crate) fn in_place(&self, place: impl FnOnce(Vec<u8>) -> Bytes) -> Self {
        Self {
            template: self.template.clone(),
            piece: self.piece.in_place(place),
        }
    }

    /// What is in one piece of memory with the values.
    #[inline]
    pub(crate) fn tail(&self) -> Bytes {
        self.piece.tail(self.template.places())
    }

    #[inline]
    pub(crate) fn tail_slice(&self) -> &[u8] {
        self.piece.tail_slice(self.template.places())
    }

    /// Parts what is the response's own, in one piece of memory with `tail`, from what others have too:
    /// the template is what `share` knows as equal to it, or this response's alone if it knows none.
    /// Fields that are `room` come first.
    pub(crate) fn packed(
        &self,
        room: impl Fn(&HeaderName) -> bool,
        tail: &[&[u8]],
        share: impl FnOnce(&Template) -> Option<Template>,
    ) -> Self {
        let all = if self.template.places() == 0 {
            Cow::Borrowed(self.common())
        } else {
            Cow::Owned(self.to_map())
        };
        let (template, piece) = Parting::new(&all, room).packed(tail, share);
        Self { template, piece }
    }

    /// Approximate memory, in bytes, its tail apart.
    pub(crate) fn weight(&self) -> usize {
        let places = self.template.places();
        let template = if self.piece.flag(places) {
            0
        } else {
            self.template.weight()
        };
        self.piece.head_bytes(places) + template
    }
}

/// As the map that they are.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.iter().map(|(name, value)| (name, value.to_value()));
        f.debug_map().entries(lines).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn room(name: &HeaderName) -> bool {
        [header::AGE, header::CACHE_STATUS].contains(name)
    }

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, value.parse().unwrap());
        }
        fields
    }

    fn text(lines: &Lines) -> Vec<(&str, &str)> {
        let line = |(name, value): (_, _)| (HeaderName::as_str(name), text_of(value));
        lines.iter().map(line).collect()
    }

    fn text_of(value: Value<'_>) -> &str {
        str::from_utf8(value.as_bytes()).unwrap()
    }

    fn alone(_: &Template) -> Option<Template> {
        None
    }

    const MANY: [(&str, &str); 9] = [
        ("content-type", "text/plain"),
        ("x-a", "1"),
        ("age", "0"),
        ("x-a", ""),
        ("vary", "accept"),
        ("etag", "\"1\""),
        ("vary", "accept-language"),
        ("cache-status", ""),
        ("content-length", "2048"),
    ];

    #[test]
    fn parted_lines_are_the_same_lines_with_the_room_first() {
        let whole = Lines::new(fields(&MANY));
        let parted = whole.packed(room, &[b"body"], alone);
        assert_eq!(
            (parted.tail(), parted.tail_slice().len()),
            ("body".into(), 4)
        );
        assert_eq!(parted.to_map(), whole.to_map());
        let expected = [
            ("age", "0"),
            ("cache-status", ""),
            ("x-a", "1"),
            ("x-a", ""),
            ("etag", "\"1\""),
            ("content-length", "2048"),
            ("content-type", "text/plain"),
            ("vary", "accept"),
            ("vary", "accept-language"),
        ];
        assert_eq!(text(&parted), expected);
        // Once more, as after a 304.
        let again = parted.packed(room, &[], alone);
        assert_eq!(
            (text(&again), again.tail_slice().len()),
            (expected.to_vec(), 0)
        );
        assert_eq!(again.to_map(), whole.to_map());
    }

    #[test]
    fn another_response_has_its_own_values_in_a_shared_template() {
        let first = Lines::new(fields(&MANY)).packed(room, &[], alone);
        let mut other = MANY;
        other[1].1 = "of somebody else";
        other[5].1 = "\"2\"";
        let whole = Lines::new(fields(&other));
        let share = |template: &Template| {
            assert_eq!(*template, first.template);
            Some(first.template.clone())
        };
        let second = whole.packed(room, &[], share);
        assert_eq!(second.to_map(), whole.to_map());
        assert!(second.weight() < first.weight() / 3);
        // Nothing of one response is in what others share.
        let template = format!("{:?}", second.template);
        assert!(!template.contains("somebody") && !template.contains("\\\"2"));
        assert!(template.contains("text/plain"));
    }

    #[test]
    fn sensitive_values_stay_sensitive_and_are_shared_with_nobody() {
        let mut secret = HeaderValue::from_static("secret");
        secret.set_sensitive(true);
        let all = [("x-a", secret.clone()), ("server", secret)];
        let all = all.map(|(name, value)| (HeaderName::from_static(name), value));
        let parted = Lines::new(HeaderMap::from_iter(all)).packed(room, &[b"body"], alone);
        assert!(parted.iter().all(|(_, value)| value.is_sensitive()));
        assert!(parted.to_map().values().all(HeaderValue::is_sensitive));
        assert_eq!(parted.template.places(), 2);
        let shown = format!("{parted:?}");
        assert!(shown.contains("x-a") && !shown.contains("secret") && !shown.contains("body"));
    }

    #[test]
    fn own_values_do_not_keep_the_buffer_they_came_in() {
        let buffer = Bytes::from(vec![b'x'; 10_000]);
        let value = HeaderValue::from_maybe_shared(buffer.slice(..10)).unwrap();
        let whole = Lines::new(HeaderMap::from_iter([(header::ETAG, value)]));
        let parted = whole.packed(room, &[&buffer[..20]], alone);
        drop(whole);
        assert_eq!(
            parted.single(&header::ETAG).unwrap().as_bytes(),
            b"xxxxxxxxxx"
        );
        assert!(buffer.is_unique());
    }

    #[test]
    fn values_in_common_that_nobody_shares_do_not_keep_the_buffer_they_came_in() {
        let buffer = Bytes::from(vec![b'x'; 10_000]);
        let value = HeaderValue::from_maybe_shared(buffer.slice(..10)).unwrap();
        let whole = Lines::new(HeaderMap::from_iter([(header::SERVER, value)]));
        let parted = whole.packed(room, &[], alone);
        drop(whole);
        assert_eq!(text(&parted), [("server", "xxxxxxxxxx")]);
        assert!(buffer.is_unique());
    }

    #[test]
    fn line_that_is_inserted_is_in_nobody_elses_lines() {
        let whole = Lines::new(fields(&MANY));
        let parted = whole.packed(room, &[b"body"], |template| Some(template.clone()));
        for lines in [whole, parted] {
            let mut expected = lines.to_map();
            expected.insert(header::ETAG, HeaderValue::from_static("\"2\""));
            let (before, mut changed) = (lines.to_map(), lines.clone());
            for changed_alone in [false, true] {
                changed.insert(header::ETAG, HeaderValue::from_static("\"2\""));
                assert_eq!(changed.to_map(), expected, "{changed_alone}");
            }
            assert_eq!(lines.to_map(), before);
        }
    }

    #[test]
    fn only_what_others_may_have_too_is_replaced_by_what_lasts() {
        let whole = Lines::new(fields(&MANY));
        let parted = whole.packed(room, &[], alone);
        let mut asked = Vec::new();
        let map = parted.to_map_with(|value| {
            asked.push(value.clone());
            (value == "a").then(|| HeaderValue::from_static("A"))
        });
        let others = parted.template.room() + parted.template.places();
        let lines = parted
            .iter()
            .skip(others)
            .map(|(_, value)| value.to_value());
        assert_eq!(asked, lines.collect::<Vec<_>>());
        assert!(!asked.is_empty());
        let mut expected = parted.to_map();
        for value in expected.values_mut().skip(others) {
            if value == "a" {
                *value = HeaderValue::from_static("A");
            }
        }
        assert_eq!(map, expected);
        // What is not parted may have anything.
        assert_eq!(whole.to_map_with(|_| unreachable!()), whole.to_map());
    }

    #[test]
    fn lines_too_long_for_a_piece_are_the_same_lines() {
        for length in [32_700, 32_758, 32_759, 32_760, 40_000, 70_000] {
            let long = "x".repeat(length);
            let whole = Lines::new(fields(&[("server", "a"), ("etag", ""), ("x-a", &long)]));
            let parted = whole.packed(room, &[b"body"], alone);
            assert_eq!(parted.to_map(), whole.to_map(), "{length}");
            assert_eq!(
                (parted.tail(), parted.tail_slice().len()),
                ("body".into(), 4)
            );
            // Three values, of one byte, of none and of these, and as many marks and one.
            let fits = 4 * 2 + 1 + length <= 32_767;
            assert_eq!(parted.template.places() > 0, fits, "{length}");
        }
    }

    #[test]
    fn map_in_another_place_has_the_same_lines_and_none_of_the_same_memory() {
        let parted = Lines::new(fields(&MANY)).packed(room, &[b"body"], alone);
        let mut place = Bytes::new();
        let apart = parted.in_place(|bytes| {
            place = bytes.into();
            place.clone()
        });
        let (apart, tail) = (apart.to_map(), apart.tail());
        assert_eq!((&apart, &*tail), (&parted.to_map(), &b"body"[..]));
        let is_in_place = |bytes: &[u8]| place.as_ptr_range().contains(&bytes.as_ptr());
        let in_place = |name| is_in_place(apart[name].as_bytes());
        assert!(in_place("x-a") && in_place("etag") && !in_place("vary") && is_in_place(&tail));
        // Whatever is given back instead.
        let lost = parted.in_place(|_| Bytes::from_static(b"1"));
        assert_eq!((lost.to_map().len(), lost.tail().len()), (apart.len(), 1));
    }

    #[test]
    fn lines_without_values_of_their_own_have_a_tail_all_the_same() {
        for lines in [&[][..], &[("vary", "accept")]] {
            let whole = Lines::new(fields(lines));
            assert_eq!((whole.tail(), whole.tail_slice().len()), (Bytes::new(), 0));
            for share in [alone, |template: &Template| Some(template.clone())] {
                let parted = whole.packed(room, &[b"body"], share);
                assert_eq!(
                    (parted.tail(), parted.tail_slice().len()),
                    ("body".into(), 4)
                );
                assert_eq!(text(&parted), lines);
            }
        }
    }
}
