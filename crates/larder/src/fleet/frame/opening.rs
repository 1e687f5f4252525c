//! What all frames begin and end with.

use std::cmp::Ordering;
use std::ops::Range;

use bytes::{Buf, Bytes};

use super::keys::check;
use super::signer::SIGNATURE_BYTES;
use super::{Codec, FrameError};
use crate::shared::{EntryKey, LogPosition, MAGIC, frame_born};

pub(super) const SIGNED: u8 = 1;
pub(super) const BODY_CHECKSUM: u8 = 1 << 1;
pub(super) const RULE: u8 = 1 << 2;
const FLAGS: u8 = SIGNED | BODY_CHECKSUM | RULE;

pub(super) const OPENING_BYTES: usize = 44;

/// Where in the opening they are.
const HEAD_LENGTH: Range<usize> = 4..8;
const HEAD_CHECKSUM: Range<usize> = 16..20;
const CHECK: Range<usize> = 20..36;

/// A frame that is whole and of the key that was asked for.
pub(super) struct Opened {
    pub(super) version: u8,
    pub(super) flags: u8,
    pub(super) born: LogPosition,
    /// What is after the opening and before the body.
    pub(super) head: Bytes,
    pub(super) body: Bytes,
}

impl Codec {
    /// A frame of nothing yet, with room for so many bytes.
    pub(super) fn open(&self, flags: u8, born: LogPosition, room: usize) -> Vec<u8> {
        let signed = if self.signer.is_some() { SIGNED } else { 0 };
        let room = room.saturating_add(OPENING_BYTES + SIGNATURE_BYTES);
        let mut frame = Vec::with_capacity(room);
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(&[self.version, flags | signed]);
        frame.extend_from_slice(&[0; HEAD_LENGTH.end - HEAD_LENGTH.start]);
        frame.extend_from_slice(&born.bits().to_be_bytes());
        frame.resize(OPENING_BYTES, 0);
        frame
    }

    /// A frame of whatever may come, sound in all that is not of what is in it.
    #[cfg(feature = "internals")]
    pub(crate) fn around(
        &self,
        flags: u8,
        head: &[u8],
        body: &[u8],
        key: &EntryKey,
    ) -> Result<Bytes, FrameError> {
        let mut frame = self.open(flags, LogPosition::START, head.len());
        frame.extend_from_slice(head);
        self.seal(frame, body, key)
    }

    /// Completes a frame whose head is there, with a body.
    pub(super) fn seal(
        &self,
        mut frame: Vec<u8>,
        body: &[u8],
        key: &EntryKey,
    ) -> Result<Bytes, FrameError> {
        let body_length = body.len() as u64;
        if frame.len() > self.limits.head_bytes() || body_length > self.limits.max_body_bytes {
            return Err(FrameError::TooLarge);
        }
        let head_length = u32::try_from(frame.len()).map_err(|_| FrameError::TooLarge)?;
        put(&mut frame, HEAD_LENGTH, &head_length.to_le_bytes());
        put(&mut frame, CHECK, &check(key));
        let body_at = CHECK.end..OPENING_BYTES;
        put(&mut frame, body_at, &body_length.to_le_bytes());
        let checksum = head_checksum(&frame);
        put(&mut frame, HEAD_CHECKSUM, &checksum.to_le_bytes());
        frame.extend_from_slice(body);
        if let Some(signer) = &self.signer {
            signer.sign(key, &mut frame);
        }
        Ok(frame.into())
    }

    /// Takes a frame apart, if it is one that may be read here, under this key.
    pub(super) fn opened(&self, frame: &Bytes, key: &EntryKey) -> Result<Opened, FrameError> {
        let (version, flags) = self.kind_of(frame)?;
        let signature = if flags & SIGNED == 0 {
            0
        } else {
            SIGNATURE_BYTES
        };
        let mut lengths = frame.get(HEAD_LENGTH).unwrap_or_default();
        let head_length = usize::try_from(lengths.try_get_u32_le()?);
        let head_length = head_length.map_err(|_| FrameError::TooLarge)?;
        let head = frame.get(..head_length).ok_or(FrameError::Truncated)?;
        let mut rest = head.get(HEAD_CHECKSUM.start..).unwrap_or_default();
        let checksum = rest.try_get_u32_le()?;
        let checked = rest.split_off(..CHECK.len()).ok_or(FrameError::Truncated)?;
        let body_length = rest.try_get_u64_le()?;
        if head_length > self.limits.head_bytes() || body_length > self.limits.max_body_bytes {
            return Err(FrameError::TooLarge);
        }
        if checksum != head_checksum(head) {
            return Err(FrameError::Checksum);
        }
        let body_length = usize::try_from(body_length).map_err(|_| FrameError::TooLarge)?;
        let body_end = head_length.saturating_add(body_length);
        match frame.len().cmp(&body_end.saturating_add(signature)) {
            Ordering::Less => return Err(FrameError::Truncated),
            Ordering::Greater => return Err(FrameError::Trailing),
            Ordering::Equal => {}
        }
        self.verify(frame, body_end, key)?;
        if checked != check(key) {
            return Err(FrameError::Key);
        }
        Ok(Opened {
            version,
            flags,
            born: frame_born(frame).ok_or(FrameError::Truncated)?,
            head: frame.slice(OPENING_BYTES..head_length),
            body: frame.slice(head_length..body_end),
        })
    }

    /// Version and flags, if those are known here.
    fn kind_of(&self, frame: &[u8]) -> Result<(u8, u8), FrameError> {
        let rest = frame.strip_prefix(&MAGIC).ok_or(FrameError::Magic)?;
        let (version, rest) = rest.split_first().ok_or(FrameError::Truncated)?;
        if !self.readable().contains(version) {
            return Err(FrameError::Version);
        }
        match rest.first() {
            None => Err(FrameError::Truncated),
            Some(flags) if flags & !FLAGS != 0 => Err(FrameError::Flags),
            Some(flags) => Ok((*version, *flags)),
        }
    }

    fn verify(&self, frame: &[u8], signed_to: usize, key: &EntryKey) -> Result<(), FrameError> {
        let (signed, signature) = frame
            .split_at_checked(signed_to)
            .ok_or(FrameError::Truncated)?;
        let is_right = match &self.signer {
            Some(signer) => signer.is_right(key, signed, signature),
            None => signature.is_empty(),
        };
        is_right.then_some(()).ok_or(FrameError::Signature)
    }
}

/// Of what is there, but for the checksum itself.
fn head_checksum(head: &[u8]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(head.get(..HEAD_CHECKSUM.start).unwrap_or_default());
    checksum.update(head.get(HEAD_CHECKSUM.end..).unwrap_or_default());
    checksum.finalize()
}

fn put(frame: &mut [u8], place: Range<usize>, bytes: &[u8]) {
    if let Some(place) = frame.get_mut(place) {
        place.copy_from_slice(bytes);
    }
}
