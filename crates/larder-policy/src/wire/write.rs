//! From a stored head to bytes.

use std::time::{Duration, SystemTime};

use http::header::HeaderName;

use super::{SENSITIVE, VERSION, shifted};
use crate::StoredHead;

impl StoredHead {
    /// Appends the head as bytes, for a store whose clock is so many milliseconds ahead of the one by
    /// which the response came. [`StoredHead::decode`] reads them.
    ///
    /// Cost: one copy of all lines. Nothing is checked against limits.
    pub fn encode(&self, offset_millis: i64, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.status.as_u16().to_le_bytes());
        out.extend_from_slice(&[self.class.code(), self.use_rules.bits()]);
        let received = self.response_time.get();
        put_time(out, shifted(received, offset_millis).unwrap_or(received));
        put_time(out, self.date());
        put_duration(out, self.initial_age.get());
        put_duration(out, self.lifetime());
        put_duration(out, self.stale_while_revalidate());
        put_duration(out, self.stale_if_error());
        self.put_selection(out);
        put_count(out, self.groups().len());
        for group in self.groups() {
            put_text(out, group.as_bytes());
        }
        self.put_refinement(out);
        put_count(out, self.lines.len());
        for (name, value) in self.lines.iter() {
            put_name(out, name);
            put_value(out, value.as_bytes(), value.is_sensitive());
        }
        self.put_told(out);
        put_count(out, self.untold().len());
        for (name, value) in self.untold() {
            put_name(out, name);
            put_value(out, value.as_bytes(), value.is_sensitive());
        }
    }

    fn put_selection(&self, out: &mut Vec<u8>) {
        let (names, encoded, raw) = self.selection.parts();
        put_count(out, names.len());
        for name in names {
            put_name(out, name);
        }
        put_text(out, encoded);
        put_text(out, raw);
    }

    fn put_refinement(&self, out: &mut Vec<u8>) {
        let parts = self.refinement().parts();
        let bits = parts.iter().enumerate();
        out.push(bits.fold(0, |bits, (at, part)| {
            bits | (u8::from(part.is_some()) << at)
        }));
        for part in parts.into_iter().flatten() {
            put_duration(out, part);
        }
    }

    fn put_told(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.origin_cache_control().is_some()));
        if let Some(lines) = self.origin_cache_control() {
            put_count(out, lines.len());
            for line in lines {
                put_value(out, line.as_bytes(), line.is_sensitive());
            }
        }
    }
}

/// No name is longer than a `u16` can tell.
fn put_name(out: &mut Vec<u8>, name: &HeaderName) {
    let length = u16::try_from(name.as_str().len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(name.as_str().as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &[u8], is_sensitive: bool) {
    let sensitive = if is_sensitive { SENSITIVE } else { 0 };
    out.extend_from_slice(&(length_of(value.len()) | sensitive).to_le_bytes());
    out.extend_from_slice(value);
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_count(out, text.len());
    out.extend_from_slice(text);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&length_of(count).to_le_bytes());
}

/// What is longer than 2 GiB exceeds every limit, whatever is written of it.
fn length_of(length: usize) -> u32 {
    u32::try_from(length).map_or(SENSITIVE - 1, |length| length.min(SENSITIVE - 1))
}

fn put_duration(out: &mut Vec<u8>, duration: Duration) {
    out.extend_from_slice(&duration.as_secs().to_le_bytes());
    out.extend_from_slice(&duration.subsec_nanos().to_le_bytes());
}

/// Before the epoch the seconds are rounded down, so that the nanoseconds count up.
fn put_time(out: &mut Vec<u8>, time: SystemTime) {
    let (secs, nanos) = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (signed(since.as_secs()), since.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let secs = signed(before.as_secs()).saturating_neg();
            match before.subsec_nanos() {
                0 => (secs, 0),
                nanos => (secs.saturating_sub(1), 1_000_000_000 - nanos),
            }
        }
    };
    out.extend_from_slice(&secs.to_le_bytes());
    out.extend_from_slice(&nanos.to_le_bytes());
}

fn signed(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX)
}
