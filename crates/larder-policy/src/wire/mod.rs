//! A [`StoredHead`](crate::StoredHead) as bytes, for a store outside of the process.
//!
//! All numbers are little-endian. What is not bytes of a line is of fixed length, so that a reader
//! knows what is left before it takes any of it:
//!
//! ```text
//! head       = version status class rules times selection groups refinement fields told untold
//! version    = %x01
//! status     = u16
//! class      = "G" / "H" / "Q"
//! rules      = u8                           ; the bits of `RULES`
//! times      = response-time date initial-age lifetime stale-while-revalidate stale-if-error
//! response-time = time                      ; by the clock of the store
//! time       = i64 u32                      ; seconds since the epoch, nanoseconds
//! initial-age, lifetime, … = u64 u32        ; seconds, nanoseconds
//! selection  = u32 *name text text          ; names; values in normal form, and as they were sent
//! groups     = u32 *text
//! refinement = u8 *(u64 u32)                ; which of its three, and those
//! fields     = u32 *line
//! told       = %x00 / %x01 u32 *value       ; `Cache-Control` of the origin, if clients are told another
//! untold     = u32 *line
//! line       = name value
//! name       = u16 *OCTET
//! value      = u32 *OCTET                   ; the highest bit of the length: it is sensitive
//! text       = u32 *OCTET
//! ```

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

/// What a [`StoredHead`](crate::StoredHead) that is read from bytes may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "two limits, set together")]
pub struct WireLimits {
    /// Bytes of all of it.
    pub bytes: usize,
    /// Field lines, selecting names and groups taken together.
    pub lines: usize,
}

/// Why bytes are no [`StoredHead`](crate::StoredHead).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireError {
    /// Something that is one of a few is none of them: a method class, a status, a rule.
    Choice,
    /// A field name, or a group, is not one.
    Name,
    /// The values of the selecting fields do not belong to their names.
    Selection,
    /// A time that there is not.
    Time,
    /// More bytes or lines than may be.
    TooLarge,
    /// Something comes after the end.
    Trailing,
    /// It ends early.
    Truncated,
    /// A field value is not one.
    Value,
    /// Written in another form than this one.
    Version,
}

impl WireError {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Choice => "choice",
            Self::Name => "name",
            Self::Selection => "selection",
            Self::Time => "time",
            Self::TooLarge => "too-large",
            Self::Trailing => "trailing",
            Self::Truncated => "truncated",
            Self::Value => "value",
            Self::Version => "version",
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error for WireError {}

/// A time of one clock by another, that is so many milliseconds ahead.
fn shifted(time: SystemTime, millis: i64) -> Option<SystemTime> {
    let by = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 {
        time.checked_sub(by)
    } else {
        time.checked_add(by)
    }
}

const VERSION: u8 = 1;

/// A value that is sensitive, in the length of it.
const SENSITIVE: u32 = 1 << 31;
