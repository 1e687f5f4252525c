//! The log of purges, on a store that knows no lists and cannot push.
//!
//! # What stands where
//!
//! A counter (`:inv`) has the position of the newest record, and each record stands under its position
//! (`:r:<position>`). To append is to add one to the counter, and then to store the record where the
//! counter was led to. To read is to ask for the counter, and for each position between what was read and
//! where it stands: positions have no holes, so nothing can be missed unseen. That is one look-up for each
//! poll and one for each record. Stamps by tag, which Memcached is often used with, would cost a second
//! exchange for each tagged response that is read.
//!
//! A counter that was evicted, or that of a server that started anew, begins at the time in milliseconds,
//! with 20 bits below, so above all that was: the distance tells readers that it is another log.
//!
//! # What is missing
//!
//! A record that is not there where the counter says so is about to be written, or never will be, or was
//! evicted. It is waited for, for a short time; then whoever waited writes a mark in its place. So all nodes
//! agree that it is lost, and drop what they have ([`Batch::is_anchored`](larder::shared::Batch)); and a
//! writer that was only slow finds the mark, and appends its record once more. This is safe: the counter
//! had grown before, so what is stored from then on was fetched after the purge.
//!
//! # What is kept
//!
//! Records expire. The one after which a node reads is touched by each poll, so that it stays as long as
//! there are nodes, and tells that the log is the one that it was.

mod append;
mod chain;
mod clock;
mod lock;
mod nodes;
mod read;
mod state;

pub(crate) use self::append::{append, restart};
pub(crate) use self::nodes::{announce, nodes};
pub(crate) use self::read::{extent, read};
pub(crate) use self::state::LogState;
