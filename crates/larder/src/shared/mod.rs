//! What a shared store has to do: [`EntryStore`] holds responses for all nodes of a fleet,
//! [`InvalidationLog`] carries purges to all of them. Most stores are both.
//!
//! # Frames
//!
//! A value is one piece of bytes that the cache makes and checks. Of its form a store needs to know
//! only this: it begins with [`MAGIC`] and a version, and from byte 8 to 15 stands the position that it was
//! born at ([`LogPosition::bits`], the most significant byte first), so that of two values the one that
//! was born later can be told by comparing bytes.

mod entries;
mod error;
mod key;
mod log;
mod position;

use std::future::Future;
use std::pin::Pin;

pub use self::entries::{EntryStore, Found, Lease, Leased, News, Outcome, Put, Token, Wish};
pub use self::error::{StoreError, StoreErrorKind};
pub use self::key::EntryKey;
pub use self::log::{Batch, Extent, InvalidationLog, Node, NodeId};
pub use self::position::LogPosition;

/// What a store was asked for, on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// How each frame begins.
pub const MAGIC: [u8; 2] = *b"ld";

/// The position that a frame says it was born at; `None` for what is no frame.
#[must_use]
pub fn frame_born(frame: &[u8]) -> Option<LogPosition> {
    let born = frame.strip_prefix(&MAGIC)?.get(6..14)?;
    Some(LogPosition::from_bits(u64::from_be_bytes(
        born.try_into().ok()?,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_tells_where_it_was_born_and_nothing_else_does() {
        let born = LogPosition::new(1_800_000_000_000, 7);
        let mut frame = [&MAGIC[..], &[1, 0, 9, 9, 9, 9]].concat();
        frame.extend_from_slice(&born.bits().to_be_bytes());
        assert_eq!(frame_born(&frame), Some(born));
        assert_eq!(frame_born(&frame[..15]), None);
        assert_eq!(frame_born(b"xx\x01\0aaaabbbbbbbb"), None);
    }
}
