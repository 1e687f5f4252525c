//! What a server answers: pure functions from bytes to values.
//!
//! ```text
//! VA <length> <flags>\r\n<value>\r\n    there, with its value
//! HD <flags>\r\n                        there, or done
//! EN | NF | NS | EX <flags>\r\n         not there | not there | not stored | changed meanwhile
//! ERROR\r\n   CLIENT_ERROR <text>\r\n   SERVER_ERROR <text>\r\n
//! VERSION <text>\r\n   STAT <name> <value>\r\n   END\r\n
//! ```
//!
//! A flag is one letter with its value right behind it. Errors carry no flags: they belong to the
//! oldest request that has no answer.

use bytes::{Buf, Bytes, BytesMut};

/// No line of a server is longer: a key has 250 bytes, a setting can be a path.
pub(crate) const LONGEST_LINE: usize = 4096;

/// Values below this are copied out of the read buffer, so that a small one that is kept for long does
/// not keep its neighbours.
const COPY_BELOW: usize = 8 << 10;

/// What a server answers to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What became of it.
    pub(crate) status: Status,
    /// The version of the item, if it was asked for.
    pub(crate) cas: u64,
    /// How many seconds the item has left; `None`: it was not asked for, or it never expires.
    pub(crate) left: Option<u64>,
    /// The value, if it was asked for; of what is no meta command, the text.
    pub(crate) value: Option<Bytes>,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// `HD`, `VA`: done.
    Done,
    /// `EN`, `NF`: there is no such item.
    Missing,
    /// `NS`: something stands there already.
    NotStored,
    /// `EX`: what stands there is another version.
    Changed,
    /// `SERVER_ERROR`: the server cannot.
    Refused,
    /// `ERROR`, `CLIENT_ERROR`: the server does not understand.
    Rejected,
    /// `STAT`.
    Text,
    /// `VERSION`.
    Version,
    /// `END`.
    End,
}

/// What the next answer must repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The key and the number of a meta command.
    Meta {
        /// Its key.
        key: String,
        /// Its number.
        opaque: u64,
    },
    /// Lines of text, up to `END`.
    Lines,
    /// The version of the server.
    Version,
}

impl Expected {
    /// Whether no more lines come after one of this kind.
    pub(crate) const fn ends_with(&self, status: Status) -> bool {
        !matches!((self, status), (Self::Lines, Status::Text))
    }
}

/// These bytes are no answer to what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Lines without end.
    Endless,
    /// No such line.
    Line,
    /// A line is too long.
    LineTooLong,
    /// A value is longer than what is allowed.
    ValueTooLong,
    /// A value does not end where its length says.
    ValueEnd,
    /// It answers another command.
    Misplaced,
}

impl Malformed {
    /// In words.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Endless => "lines without end",
            Self::Line => "a line that no memcached sends",
            Self::LineTooLong => "a line without end",
            Self::ValueTooLong => "a value over the limit",
            Self::ValueEnd => "a value of another length than it says",
            Self::Misplaced => "an answer to another command",
        }
    }
}

/// What is at the front of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// An answer, which is no longer in the buffer.
    Answer(Answer),
    /// The beginning of one: at least this many bytes are missing.
    Needs(usize),
}

/// Takes one answer from the front of a buffer.
pub(crate) fn take(
    buffer: &mut BytesMut,
    expected: &Expected,
    longest_value: usize,
) -> Result<Taken, Malformed> {
    let Some(end) = memchr::memchr(b'\n', buffer) else {
        return if buffer.len() > LONGEST_LINE {
            Err(Malformed::LineTooLong)
        } else {
            Ok(Taken::Needs(1))
        };
    };
    if end > LONGEST_LINE {
        return Err(Malformed::LineTooLong);
    }
    let line = buffer
        .get(..end)
        .and_then(|line| line.strip_suffix(b"\r"))
        .ok_or(Malformed::Line)?;
    let head = Head::parse(line)?;
    head.answers(expected)?;
    let (mut answer, length) = (head.answer(), head.length);
    let Some(length) = length else {
        buffer.advance(end + 1);
        return Ok(Taken::Answer(answer));
    };
    if length > longest_value {
        return Err(Malformed::ValueTooLong);
    }
    let whole = end + 1 + length + 2;
    if buffer.len() < whole {
        return Ok(Taken::Needs(whole - buffer.len()));
    }
    if buffer.get(whole - 2..whole) != Some(b"\r\n") {
        return Err(Malformed::ValueEnd);
    }
    buffer.advance(end + 1);
    answer.value = Some(take_value(buffer, length));
    buffer.advance(2);
    Ok(Taken::Answer(answer))
}

fn take_value(buffer: &mut BytesMut, length: usize) -> Bytes {
    match buffer.get(..length) {
        Some(value) if length < COPY_BELOW => {
            let value = Bytes::copy_from_slice(value);
            buffer.advance(length);
            value
        }
        _ => buffer.split_to(length).freeze(),
    }
}

/// The line of an answer.
#[derive(Debug)]
struct Head<'a> {
    status: Status,
    length: Option<usize>,
    key: Option<&'a [u8]>,
    opaque: Option<u64>,
    cas: u64,
    left: Option<u64>,
    text: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        let (word, rest) = match memchr::memchr(b' ', line) {
            Some(at) => line.split_at_checked(at).ok_or(Malformed::Line)?,
            None => (line, &[][..]),
        };
        let meta = |status| Self::of(status).with_flags(rest);
        match word {
            b"HD" => meta(Status::Done),
            b"VA" => Self::of(Status::Done).with_length(rest),
            b"EN" | b"NF" => meta(Status::Missing),
            b"NS" => meta(Status::NotStored),
            b"EX" => meta(Status::Changed),
            b"SERVER_ERROR" => Ok(Self::of(Status::Refused).with_text(rest)),
            b"CLIENT_ERROR" | b"ERROR" => Ok(Self::of(Status::Rejected).with_text(rest)),
            b"VERSION" => Ok(Self::of(Status::Version).with_text(rest)),
            b"STAT" => Ok(Self::of(Status::Text).with_text(rest)),
            b"END" if rest.is_empty() => Ok(Self::of(Status::End)),
            _ => Err(Malformed::Line),
        }
    }

    const fn of(status: Status) -> Self {
        Self {
            status,
            length: None,
            key: None,
            opaque: None,
            cas: 0,
            left: None,
            text: None,
        }
    }

    fn with_text(self, rest: &'a [u8]) -> Self {
        Self {
            text: Some(rest.trim_ascii()),
            ..self
        }
    }

    fn with_length(self, rest: &'a [u8]) -> Result<Self, Malformed> {
        let rest = rest.strip_prefix(b" ").ok_or(Malformed::Line)?;
        let (length, flags) = match memchr::memchr(b' ', rest) {
            Some(at) => rest.split_at_checked(at).ok_or(Malformed::Line)?,
            None => (rest, &[][..]),
        };
        let length = number(length).ok_or(Malformed::Line)?;
        let length = usize::try_from(length).map_err(|_| Malformed::ValueTooLong)?;
        Self {
            length: Some(length),
            ..self
        }
        .with_flags(flags)
    }

    fn with_flags(mut self, flags: &'a [u8]) -> Result<Self, Malformed> {
        for flag in flags.split(|byte| *byte == b' ') {
            let Some((letter, value)) = flag.split_first() else {
                continue;
            };
            match letter {
                b'k' if self.key.is_none() => self.key = Some(value),
                b'O' if self.opaque.is_none() => {
                    self.opaque = Some(number(value).ok_or(Malformed::Line)?);
                }
                b'k' | b'O' => return Err(Malformed::Misplaced),
                b'c' => self.cas = number(value).ok_or(Malformed::Line)?,
                b't' if value == b"-1" => {}
                b't' => self.left = Some(number(value).ok_or(Malformed::Line)?),
                // Flags that nobody asked for say nothing.
                _ => {}
            }
        }
        Ok(self)
    }

    /// Whether this is the answer to what was asked.
    fn answers(&self, expected: &Expected) -> Result<(), Malformed> {
        let fits = match (self.status, expected) {
            (Status::Refused | Status::Rejected, _) => true,
            (Status::Text | Status::End, expected) => *expected == Expected::Lines,
            (Status::Version, expected) => *expected == Expected::Version,
            (_, Expected::Meta { key, opaque }) => {
                self.key == Some(key.as_bytes()) && self.opaque == Some(*opaque)
            }
            (_, Expected::Lines | Expected::Version) => false,
        };
        if fits {
            Ok(())
        } else {
            Err(Malformed::Misplaced)
        }
    }

    fn answer(&self) -> Answer {
        Answer {
            status: self.status,
            cas: self.cas,
            left: self.left,
            value: self.text.map(Bytes::copy_from_slice),
        }
    }
}

/// Decimal digits and nothing else, at most 64 bits.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}
