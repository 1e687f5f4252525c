//! [`Entry`]: a stored response, in memory or on its way; [`Frame`]: the same in the shared store.

use crate::names::Names;
use crate::shared::LogPosition;
use crate::sight::Sight;
use crate::stamps::Seen;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) local: u64,
    pub(crate) sight: Sight,
    /// By the clock of the node.
    pub(crate) wall: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: usize,
    /// When the origin was read.
    pub(crate) read_at: u64,
    pub(crate) names: Names,
    pub(crate) birth: Birth,
    pub(crate) seen: Seen,
    pub(crate) wall: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) key: usize,
    pub(crate) read_at: u64,
    pub(crate) names: Names,
    pub(crate) born: LogPosition,
    pub(crate) stale_since: Option<u64>,
    pub(crate) wall: i64,
}

impl Entry {
    pub(crate) fn new(key: usize, read_at: u64, names: Names, birth: Birth) -> Self {
        Self {
            key,
            read_at,
            names,
            birth,
            seen: Seen::new(birth.local),
            wall: birth.wall,
        }
    }

    pub(crate) fn frame(&self) -> Frame {
        Frame {
            key: self.key,
            read_at: self.read_at,
            names: self.names.clone(),
            born: self.birth.sight.position,
            stale_since: self.seen.stale_since(),
            wall: self.wall,
        }
    }
}
