//! What is asked of a server: meta commands, as bytes.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::reply::Expected;

/// One command. Each carries its key and a number that the answer has to repeat (`k`, `O`).
#[derive(Debug, Clone)]
pub(crate) struct Command {
    verb: &'static str,
    key: String,
    flags: &'static str,
    seconds: Option<u32>,
    cas: Option<u64>,
    seed: Option<u64>,
    value: Option<Bytes>,
}

impl Command {
    /// Reads an item: its value, its version, and how long it has left.
    pub(crate) const fn get(key: String) -> Self {
        Self::of("mg", key, " v c t")
    }

    /// Stores an item for so many seconds.
    pub(crate) fn set(key: String, value: Bytes, seconds: u32) -> Self {
        Self {
            seconds: Some(seconds),
            value: Some(value),
            ..Self::of("ms", key, " c")
        }
    }

    /// Drops an item.
    pub(crate) const fn delete(key: String) -> Self {
        Self::of("md", key, "")
    }

    /// Adds one to a number; one that is not there becomes `seed`. Answers with the new number.
    pub(crate) fn count(key: String, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..Self::of("ma", key, " v N0")
        }
    }

    /// For [`set`](Self::set): only where nothing stands.
    pub(crate) fn where_absent(self) -> Self {
        Self {
            flags: " c ME",
            ..self
        }
    }

    /// Only if what stands there is this version.
    pub(crate) fn where_version(self, cas: u64) -> Self {
        Self {
            cas: Some(cas),
            ..self
        }
    }

    /// Says whether there is an item, which has this many seconds from now on.
    pub(crate) fn touch(key: String, seconds: u32) -> Self {
        Self {
            seconds: Some(seconds),
            ..Self::of("mg", key, "")
        }
    }

    /// Asks for statistics.
    pub(crate) const fn stats() -> Self {
        Self::of(STATS, String::new(), "")
    }

    const fn of(verb: &'static str, key: String, flags: &'static str) -> Self {
        Self {
            verb,
            key,
            flags,
            seconds: None,
            cas: None,
            seed: None,
            value: None,
        }
    }

    /// Writes its line. The value, if it has one, comes after it, and a line end after that.
    pub(super) fn write_line(&self, opaque: u64, out: &mut BytesMut) {
        let mut digits = itoa::Buffer::new();
        out.put_slice(self.verb.as_bytes());
        if self.verb == STATS {
            return out.put_slice(b"\r\n");
        }
        out.put_u8(b' ');
        out.put_slice(self.key.as_bytes());
        if let Some(value) = &self.value {
            out.put_u8(b' ');
            out.put_slice(digits.format(value.len()).as_bytes());
        }
        out.put_slice(b" k O");
        out.put_slice(digits.format(opaque).as_bytes());
        out.put_slice(self.flags.as_bytes());
        let seconds = self.seconds.map(u64::from);
        for (flag, value) in [(b" T", seconds), (b" C", self.cas), (b" J", self.seed)] {
            if let Some(value) = value {
                out.put_slice(flag);
                out.put_slice(digits.format(value).as_bytes());
            }
        }
        out.put_slice(b"\r\n");
    }

    /// Its value, and what its answer has to repeat.
    pub(super) fn into_parts(self, opaque: u64) -> (Option<Bytes>, Expected) {
        if self.verb == STATS {
            return (None, Expected::Lines);
        }
        let key = self.key;
        (self.value, Expected::Meta { key, opaque })
    }

    /// How much room the item needs in the server, without what it adds.
    pub(super) fn size(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

const STATS: &str = "stats";
