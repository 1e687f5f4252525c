//! Frames of responses.

use std::time::{Duration, SystemTime};

use bytes::{Buf, Bytes};
use larder_policy::StoredHead;

use super::opening::{BODY_CHECKSUM, Opened, RULE};
use super::{Codec, FrameError};
use crate::entry::Entry;
use crate::names::{Names, SOURCES};
use crate::shared::{EntryKey, LogPosition};

/// A stored response as a store had it.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) head: StoredHead,
    pub(crate) body: Bytes,
    /// What its fill had applied of the log.
    pub(crate) born: LogPosition,
    pub(crate) names: Names,
    pub(crate) fill_time: Duration,
    /// When its fill began, by the clock of this node and not later than now.
    pub(crate) begun: SystemTime,
    /// Since when a soft purge has it stale, by the same.
    pub(crate) stale_since: Option<SystemTime>,
}

/// From version 2 on there is a section of which version 1 knows nothing.
const SECTION_SINCE: u8 = 2;

const FIXED_BYTES: usize = 32;

impl Codec {
    /// The frame of a response, for a store whose clock is so many milliseconds ahead of this node's.
    ///
    /// # Errors
    ///
    /// It exceeds the limits.
    pub(crate) fn encode(
        &self,
        key: &EntryKey,
        entry: &Entry,
        born: LogPosition,
        offset_millis: i64,
    ) -> Result<Bytes, FrameError> {
        let (body, names) = (&entry.body(), entry.names());
        if names.hashes().len() > self.limits.max_names {
            return Err(FrameError::TooLarge);
        }
        let head = entry.head.weight().saturating_add(names.weight());
        let room = FIXED_BYTES.saturating_add(head).saturating_add(body.len());
        // A signature says all that a checksum does.
        let (flags, checksum) = match &self.signer {
            Some(_) => (0, 0),
            None => (BODY_CHECKSUM, crc32fast::hash(body)),
        };
        let mut frame = self.open(flags, born, room);
        let stale_since = entry.stale_since();
        let stale_since = stale_since.map_or(0, |since| millis_of(since, offset_millis).max(1));
        frame.extend_from_slice(&stale_since.to_le_bytes());
        let begun = millis_of(entry.begun(), offset_millis);
        frame.extend_from_slice(&begun.to_le_bytes());
        let fill_time = u32::try_from(entry.fill_time().as_millis()).unwrap_or(u32::MAX);
        frame.extend_from_slice(&fill_time.to_le_bytes());
        frame.extend_from_slice(&checksum.to_le_bytes());
        for count in names.counts() {
            frame.extend_from_slice(&count.to_le_bytes());
        }
        for hash in names.hashes() {
            frame.extend_from_slice(&hash.to_le_bytes());
        }
        if self.version >= SECTION_SINCE {
            frame.extend_from_slice(&0u32.to_le_bytes());
        }
        let head_at = frame.len();
        entry.head.encode(offset_millis, &mut frame);
        if frame.len().saturating_sub(head_at) > self.limits.head().bytes {
            return Err(FrameError::TooLarge);
        }
        self.seal(frame, body, key)
    }

    /// The response of a frame, from a store whose clock is so many milliseconds ahead of this node's.
    ///
    /// # Errors
    ///
    /// Why it is a miss.
    pub(crate) fn decode(
        &self,
        key: &EntryKey,
        frame: &Bytes,
        now: SystemTime,
        offset_millis: i64,
    ) -> Result<Decoded, FrameError> {
        let frame_bytes = frame.len();
        let Opened {
            version,
            flags,
            born,
            mut head,
            body,
        } = self.opened(frame, key)?;
        if flags & RULE != 0 {
            return Err(FrameError::Kind);
        }
        let stale_since = head.try_get_u64_le()?;
        let begun = head.try_get_u64_le()?;
        let fill_time = Duration::from_millis(head.try_get_u32_le()?.into());
        let checksum = head.try_get_u32_le()?;
        if flags & BODY_CHECKSUM != 0 && checksum != crc32fast::hash(&body) {
            return Err(FrameError::Checksum);
        }
        let names = self.names(&mut head)?;
        if version >= SECTION_SINCE {
            skip_section(&mut head)?;
        }
        let time = |millis| time_of(millis, offset_millis, now);
        Ok(Decoded {
            head: StoredHead::decode(&head, self.limits.head(), offset_millis, now)?,
            body: apart(body, frame_bytes),
            born,
            names,
            fill_time,
            begun: time(begun),
            stale_since: (stale_since != 0).then(|| time(stale_since)),
        })
    }

    fn names(&self, head: &mut Bytes) -> Result<Names, FrameError> {
        let mut counts = [0u16; SOURCES];
        for count in &mut counts {
            *count = head.try_get_u16_le()?;
        }
        let count: usize = counts.iter().copied().map(usize::from).sum();
        if count > self.limits.max_names {
            return Err(FrameError::TooLarge);
        }
        let bytes = count * size_of::<u64>();
        let hashes = head.get(..bytes).ok_or(FrameError::Truncated)?;
        let (hashes, _) = hashes.as_chunks();
        let hashes = hashes.iter().map(|hash| u64::from_le_bytes(*hash));
        let names = Names::from_counts(counts, hashes).ok_or(FrameError::Names)?;
        head.advance(bytes);
        Ok(names)
    }
}

fn skip_section(head: &mut Bytes) -> Result<(), FrameError> {
    let length = usize::try_from(head.try_get_u32_le()?).map_err(|_| FrameError::TooLarge)?;
    if length > head.len() {
        return Err(FrameError::Truncated);
    }
    head.advance(length);
    Ok(())
}

/// The body is part of the frame, unless it would keep much more in memory than itself, once the head
/// is another.
fn apart(body: Bytes, frame_bytes: usize) -> Bytes {
    let rest = frame_bytes.saturating_sub(body.len());
    if rest > SMALL && rest / 4 > body.len() {
        Bytes::copy_from_slice(&body)
    } else {
        body
    }
}

/// By the clock of the store.
fn millis_of(time: SystemTime, offset_millis: i64) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let millis = u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
    millis.saturating_add_signed(offset_millis)
}

/// By the clock of this node, and not in its future.
fn time_of(millis: u64, offset_millis: i64, now: SystemTime) -> SystemTime {
    let millis = millis.saturating_add_signed(offset_millis.saturating_neg());
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    time.map_or(now, |time| time.min(now))
}

const SMALL: usize = 1 << 10;
