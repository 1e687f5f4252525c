//! Frames as a store has them.

use std::ops::Range;

use larder::shared::{LogPosition, frame_born};

const HEAD_LENGTH: Range<usize> = 4..8;
const BORN: Range<usize> = 8..16;
const CHECKSUM: Range<usize> = 16..20;

/// A frame that says to be born somewhere else, and is as sound as it was. `None`: it is not one whose head
/// is there.
#[must_use]
pub fn reborn(frame: &[u8], born: LogPosition) -> Option<Vec<u8>> {
    frame_born(frame)?;
    let head = u32::from_le_bytes(frame.get(HEAD_LENGTH)?.try_into().ok()?);
    let mut head = frame.get(..head.try_into().ok()?)?.to_vec();
    head.get_mut(BORN)?
        .copy_from_slice(&born.bits().to_be_bytes());
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(head.get(..CHECKSUM.start)?);
    checksum.update(head.get(CHECKSUM.end..)?);
    head.get_mut(CHECKSUM)?
        .copy_from_slice(&checksum.finalize().to_le_bytes());
    Some([&head, &frame[head.len()..]].concat())
}
