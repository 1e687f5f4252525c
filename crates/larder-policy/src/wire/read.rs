//! From bytes to a stored head. Nothing of them is believed.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::{SENSITIVE, VERSION, WireError, WireLimits, shifted};
use crate::key::{MethodClass, Selection};
use crate::lines::Lines;
use crate::nanos::{Nanos, Window};
use crate::stored::Rare;
use crate::use_rules::RuleBits;
use crate::{Refinement, StoredHead};

type Result<T> = std::result::Result<T, WireError>;

impl StoredHead {
    /// Reads what [`StoredHead::encode`] wrote, perhaps elsewhere, from a store whose clock is so many
    /// milliseconds ahead of the one that says `now`. What came later than now came now: the age of a
    /// response is never less than it seems to be.
    ///
    /// Field values share the memory of the bytes. No more is allocated than the limits let be: a few
    /// times the bytes that there are.
    ///
    /// # Errors
    ///
    /// Whatever [`StoredHead::encode`] does not write, and what exceeds the limits.
    pub fn decode(
        bytes: &Bytes,
        limits: WireLimits,
        offset_millis: i64,
        now: SystemTime,
    ) -> Result<Self> {
        if bytes.len() > limits.bytes {
            return Err(WireError::TooLarge);
        }
        let mut reader = Reader {
            whole: bytes,
            rest: bytes,
            lines: limits.lines,
        };
        if reader.u8()? != VERSION {
            return Err(WireError::Version);
        }
        let status = StatusCode::from_u16(reader.u16()?).map_err(|_| WireError::Choice)?;
        let class = MethodClass::of_code(reader.u8()?).ok_or(WireError::Choice)?;
        let use_rules = RuleBits::of(reader.u8()?).ok_or(WireError::Choice)?;
        let received = reader.time()?;
        let received = shifted(received, offset_millis.saturating_neg());
        let response_time = received.ok_or(WireError::Time)?.min(now).into();
        let date = reader.time()?.into();
        let [initial_age, lifetime] = [reader.duration()?, reader.duration()?].map(Nanos::from);
        let windows = [reader.duration()?, reader.duration()?];
        let [stale_while_revalidate, stale_if_error] = windows.map(Window::from);
        let selection = reader.selection()?;
        let groups = reader.list(LEAST_TEXT, Reader::group)?;
        let refinement = reader.refinement()?;
        let lines = Lines::new(reader.fields()?);
        let rare = Rare {
            groups,
            origin_cache_control: reader.told()?,
            untold: reader.list(LEAST_LINE, Reader::line)?,
            refinement,
        };
        if !reader.rest.is_empty() {
            return Err(WireError::Trailing);
        }
        Ok(Self {
            status,
            lines,
            class,
            response_time,
            initial_age,
            lifetime,
            stale_while_revalidate,
            stale_if_error,
            use_rules,
            date,
            selection,
            rare: rare.boxed(),
        })
    }
}

struct Reader<'a> {
    whole: &'a Bytes,
    /// What is left of it.
    rest: &'a [u8],
    lines: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        self.rest.split_off(..length).ok_or(WireError::Truncated)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn nanos(&mut self) -> Result<u32> {
        let nanos = self.u32()?;
        if nanos < 1_000_000_000 {
            Ok(nanos)
        } else {
            Err(WireError::Time)
        }
    }

    fn duration(&mut self) -> Result<Duration> {
        Ok(Duration::new(self.u64()?, self.nanos()?))
    }

    fn time(&mut self) -> Result<SystemTime> {
        let secs = self.array().map(i64::from_le_bytes)?;
        let nanos = Duration::from_nanos(self.nanos()?.into());
        let whole = Duration::from_secs(secs.unsigned_abs());
        let time = if secs < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(whole)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(whole)
        };
        time.and_then(|time| time.checked_add(nanos))
            .ok_or(WireError::Time)
    }

    /// How many are to come, each of at least so many bytes.
    fn count(&mut self, least: usize) -> Result<usize> {
        let count = usize::try_from(self.u32()?).map_err(|_| WireError::TooLarge)?;
        if count > self.rest.len() / least {
            return Err(WireError::Truncated);
        }
        self.lines = self.lines.checked_sub(count).ok_or(WireError::TooLarge)?;
        Ok(count)
    }

    fn list<T>(&mut self, least: usize, item: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.count(least)?;
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(item(self)?);
        }
        Ok(list)
    }

    fn text(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.u32()?).map_err(|_| WireError::TooLarge)?;
        self.take(length)
    }

    fn name(&mut self) -> Result<HeaderName> {
        let length = usize::from(self.u16()?);
        // Its only form is in lower case: what differs from that was not written here.
        HeaderName::from_lowercase(self.take(length)?).map_err(|_| WireError::Name)
    }

    fn value(&mut self) -> Result<HeaderValue> {
        let length = self.u32()?;
        let bytes = usize::try_from(length & !SENSITIVE).map_err(|_| WireError::TooLarge)?;
        let value = self.whole.slice_ref(self.take(bytes)?);
        let value = HeaderValue::from_maybe_shared(value);
        let mut value = value.map_err(|_| WireError::Value)?;
        value.set_sensitive(length & SENSITIVE != 0);
        Ok(value)
    }

    fn line(&mut self) -> Result<(HeaderName, HeaderValue)> {
        Ok((self.name()?, self.value()?))
    }

    fn group(&mut self) -> Result<String> {
        let group = self.text()?;
        let group = str::from_utf8(group).map_err(|_| WireError::Name)?;
        Ok(group.to_owned())
    }

    fn selection(&mut self) -> Result<Selection> {
        let names = self.list(LEAST_NAME, Self::name)?;
        let (encoded, raw) = (self.text()?, self.text()?);
        Selection::from_parts(names, encoded, raw).ok_or(WireError::Selection)
    }

    fn refinement(&mut self) -> Result<Refinement> {
        let bits = self.u8()?;
        let mut parts = [None; Refinement::PARTS];
        for (at, part) in parts.iter_mut().enumerate() {
            if bits >> at & 1 != 0 {
                *part = Some(self.duration()?);
            }
        }
        if bits >> parts.len() != 0 {
            return Err(WireError::Choice);
        }
        Ok(Refinement::from_parts(parts))
    }

    fn fields(&mut self) -> Result<HeaderMap> {
        let count = self.count(LEAST_LINE)?;
        let mut fields = HeaderMap::try_with_capacity(count).map_err(|_| WireError::TooLarge)?;
        for _ in 0..count {
            let (name, value) = self.line()?;
            let appended = fields.try_append(name, value);
            appended.map_err(|_| WireError::TooLarge)?;
        }
        Ok(fields)
    }

    fn told(&mut self) -> Result<Option<Vec<HeaderValue>>> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.list(LEAST_TEXT, Self::value).map(Some),
            _ => Err(WireError::Choice),
        }
    }
}

/// The lengths of an empty text, of the shortest name, and of the shortest line.
const LEAST_TEXT: usize = 4;
const LEAST_NAME: usize = 3;
const LEAST_LINE: usize = LEAST_NAME + LEAST_TEXT;
