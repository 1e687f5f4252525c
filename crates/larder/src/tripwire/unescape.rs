//! [`Unescape`]: undoes, while a body streams past, how it writes the characters of a string, in every way
//! that an [escape](read) is written.
//!
//! All at once, since a page has links in its HTML and a document has HTML in its JSON; and once: what
//! was written twice is not undone twice.

use memchr::memchr3;

use crate::tripwire::escape::{Unit, Unread, read};

/// What has been read of an escape whose end is yet to come, and how much of the body came.
#[derive(Debug, Clone, Default)]
pub(super) struct Unescape {
    held: Vec<u8>,
    arrived: u64,
}

impl Unescape {
    /// At a place in a body where no escape has begun.
    pub(super) fn at(arrived: u64) -> Self {
        Self {
            held: Vec::new(),
            arrived,
        }
    }

    /// Takes the next bytes of a body, and gives out what they stand for, piece by piece: each with
    /// the place in the body where what stands for it ends.
    pub(super) fn feed(&mut self, mut bytes: &[u8], give: &mut dyn FnMut(&[u8], u64)) {
        while !self.held.is_empty() {
            let read = read(&self.held);
            if matches!(read, Err(Unread::More)) {
                let Some((next, rest)) = bytes.split_first() else {
                    return;
                };
                self.held.push(*next);
                self.arrived += 1;
                bytes = rest;
            } else {
                self.give_held(read, give);
            }
        }
        bytes = self.give_plain(bytes, give);
        while let Some(first) = bytes.first() {
            let (unit, length) = match read(bytes) {
                Ok(escape) => escape,
                Err(Unread::Plain) => (Unit::Byte(*first), 1),
                Err(Unread::More) => {
                    self.held.extend_from_slice(bytes);
                    self.arrived += bytes.len() as u64;
                    return;
                }
            };
            self.arrived += length as u64;
            unit.give(self.arrived, give);
            bytes = self.give_plain(bytes.get(length..).unwrap_or_default(), give);
        }
    }

    /// The body has ended: an escape that has not is none.
    pub(super) fn finish(&mut self, give: &mut dyn FnMut(&[u8], u64)) {
        while !self.held.is_empty() {
            self.give_held(read(&self.held), give);
        }
    }

    /// Gives out what comes before the next escape. What is left.
    fn give_plain<'a>(&mut self, bytes: &'a [u8], give: &mut dyn FnMut(&[u8], u64)) -> &'a [u8] {
        let (plain, rest) = bytes.split_at(escape_in(bytes).unwrap_or(bytes.len()));
        if !plain.is_empty() {
            self.arrived += plain.len() as u64;
            give(plain, self.arrived);
        }
        rest
    }

    /// Gives out what is held: as what it stands for, else its first byte as it is.
    fn give_held(&mut self, read: Result<(Unit, usize), Unread>, give: &mut dyn FnMut(&[u8], u64)) {
        let first = self.held.first().copied().unwrap_or_default();
        let (unit, length) = read.unwrap_or((Unit::Byte(first), 1));
        self.held.drain(..length.min(self.held.len()));
        unit.give(self.arrived - self.held.len() as u64, give);
    }
}

/// Where the next escape may begin.
pub(super) fn escape_in(bytes: &[u8]) -> Option<usize> {
    memchr3(b'%', b'&', b'\\', bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What these chunks stand for, and where in them each byte of it ends.
    pub(in crate::tripwire) fn unescaped<'a>(
        chunks: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<u8>, Vec<u64>) {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        let mut give = |piece: &[u8], end: u64| {
            text.extend_from_slice(piece);
            let last = piece.len() as u64 - 1;
            ends.extend((0..=last).map(|byte| end - (last - byte)));
        };
        let mut unescape = Unescape::default();
        for chunk in chunks {
            unescape.feed(chunk, &mut give);
            assert!(unescape.held.len() <= 12);
        }
        unescape.finish(&mut give);
        (text, ends)
    }

    fn one(text: &str) -> String {
        String::from_utf8(unescaped([text.as_bytes()]).0).unwrap()
    }

    #[test]
    fn every_way_to_write_a_character_is_undone() {
        for (written, stands_for) in [
            ("a%40b%2Ec", "a@b.c"),
            ("a&#64;b&#x2e;c&#X0002E;&#0064;", "a@b.c.@"),
            (
                "a&commat;b&period;c&amp;&lt;&gt;&quot;&apos;",
                "a@b.c&<>\"'",
            ),
            ("a\\u0040b\\u002ec\\/\\\"\\\\\\x40\\n", "a@b.c/\"\\@\n"),
            ("zo\\u00eb zo&#235; zo%C3%AB", "zoë zoë zoë"),
            ("\\ud83e\\udd80 &#x1f980;", "🦀 🦀"),
            ("&quot;a\\u0040b%2Ec&quot;", "\"a@b.c\""),
        ] {
            assert_eq!(one(written), stands_for, "{written}");
        }
    }

    #[test]
    fn what_only_looks_like_an_escape_stands_for_itself() {
        for text in [
            "100% %4 %4g %zz %",
            "?a=1&lt=2&amp &; &#; &#x; &#+5; &#1114112; &nothing; &toolongaword;",
            "\\ud83e \\ud83e\\u0041 \\ud83e\\n \\udd80 \\u12 \\u+123 \\q \\",
            "&#12345678901;",
            "&&&%%%",
        ] {
            let (undone, kept) = (one(text), text.replace("\\n", "\n"));
            assert_eq!(undone.replace("\\ud83eA", "\\ud83e\\u0041"), kept);
        }
    }

    #[test]
    fn what_was_written_twice_is_undone_once() {
        for (written, stands_for) in [
            ("%2540", "%40"),
            ("&amp;#64;", "&#64;"),
            ("\\\\u0040", "\\u0040"),
        ] {
            assert_eq!(one(written), stands_for);
        }
    }

    #[test]
    fn every_byte_ends_where_its_escape_ends() {
        let (text, ends) = unescaped(["a%4".as_bytes(), b"0b&#235;c%"]);
        assert_eq!(text, "a@bëc%".as_bytes());
        assert_eq!(ends, [1, 4, 5, 10, 11, 12, 13]);
    }

    const PIECES: [&str; 25] = [
        "%40",
        "%4",
        "%",
        "&#64;",
        "&#x40;",
        "&amp;",
        "&am",
        "&",
        "&#",
        "\\u0040",
        "\\u00",
        "\\",
        "\\\\",
        "\\/",
        "\\n",
        "\\ud83e\\udd80",
        "\\ud83e",
        "a",
        "b",
        "1042",
        " ",
        ";",
        "u0040",
        "40",
        "é",
    ];

    /// Text with many escapes, whole and broken.
    pub(in crate::tripwire) fn text() -> impl Strategy<Value = Vec<u8>> {
        text_of(&PIECES)
    }

    pub(in crate::tripwire) fn text_of(
        pieces: &'static [&'static str],
    ) -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::collection::vec(prop::sample::select(pieces), 0..24);
        pieces.prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn chunks_stand_for_what_the_whole_stands_for(text in text(), size in 1_usize..5) {
            prop_assert_eq!(unescaped(text.chunks(size)), unescaped([&*text]));
        }
    }
}
