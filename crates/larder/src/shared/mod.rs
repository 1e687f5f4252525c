//! What a shared store has to do: [`EntryStore`] holds responses for all nodes of a fleet,
//! [`InvalidationLog`] carries purges to all of them. Most stores are both.
//!
//! # Frames
//!
//! A value is one piece of bytes that the cache makes and checks. Of its form a store needs to know
//! only this: it begins with [`MAGIC`] and a version, and from byte 8 to 15 stands the position that it was
//! born at ([`LogPosition::bits`], the most significant byte first), so that of two values the one that
//! was born later can be told by comparing bytes.

//!
//! # What the cache does with a store
//!
//! Purges are records in one log, and each has a [position](LogPosition) in it. A node is always at one: it
//! has applied all records up to there. Everything else follows from that.
//!
//! | | |
//! |---|---|
//! | **Born** | Before the inner service is asked, the node notes the position that it is at. What comes of it is born there, and says so in the store. It holds the effect of all purges up to there, whoever made them. |
//! | **Dead** | A response is dead to a node that has applied a later record which names it: its URL, a tag, its partition, everything. That is looked at on each use, of what is in memory as of what was just read, and before it is stored. So a fill that a purge overtook is not kept by anybody, and what a slow node writes late is of no use to others. |
//! | **Beyond** | What says to be born where a node has not come to yet is dead to it. If the log, read to its end since, still has not come there, it never will: the value is discarded, since nothing could take its place. So is one that cannot be read and says so. |
//! | **A purge** | takes effect on its own node at once, and then goes into the log; several that wait go together. The others read the log all the time: where the store can wait, they have it within a round trip. |
//! | **Beginning** | A node that starts reads all that is retained. What was born before the oldest record is dead to it, for what came before that is not known. Until it has read to the end it neither reads nor writes responses. |
//! | **Coming back** | After a broken connection it reads on from where it was, if the record there is still there. |
//! | **Skipping** | If the log has forgotten records that it did not read, its memory is emptied, and what was born before the newest record is dead to it. |
//! | **Beginning anew** | If the log is empty, or ends before what was read, or no longer has it, the store has lost something that nobody knows. Whoever sees that first appends a purge of everything, above all positions that were ever seen. |
//! | **Outbox** | Own purges wait until the log has them, as long as it takes. After a broken connection, or when the log was found to have lost something, those of the last 10 seconds and those that it never told of are appended again: a purge twice does no harm. |
//! | **Trust** | Whoever has read the log to its end at a moment knew all purges that it had then. For the [bound](crate::SharedSettings::bound) and what [`fail_open`](crate::SharedSettings::fail_open) adds, from that moment or from its fill on, a response counts as fresh; then it is stale until the log is heard again. |
//! | **Leases** | Who misses asks for the right to fetch, in the exchange that reads. Others look again, 10 milliseconds to 100 apart, until there is a value, or they get the lease themselves, or its time is over. What a purge overtook is not waited for: the lease is taken over. A lease that is lost costs one more fetch, and never makes a response wrong. |
//!
//! No decision about a purge is made by a clock. Ages are told in the store's time, which each node compares
//! with its own every few seconds.
//!
//! # What is outside the promise
//!
//! - **An origin that reads a lagging replica.** A response that is fetched after a purge and was made from
//!   data of before it is stored as new. Purge once the replicas have the change, or a second time later.
//! - **An acknowledged record that is lost with its node.** A store that fails over can lose what it had
//!   acknowledged. The node that purged appends it again; if that node is gone within these seconds too, and
//!   nothing shows in the log, the others never hear of it, and serve what they have until it expires.
//! - **A node that is cut off** serves what others purge for as long as it trusts what it has. It cannot know.
//! - **Whoever writes to the store** can have anything served, unless there is a
//!   [secret](crate::SharedSettings::secret). He can always drop and hold back.

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
