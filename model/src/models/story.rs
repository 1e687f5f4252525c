//! What is known of a body from outside.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::content::content;

/// The content of a body, and what has been done with it so far.
#[derive(Debug)]
pub(super) struct Story {
    version: u64,
    /// A lock of the standard library: what is noted here must not be a point where others go on.
    notes: Mutex<Notes>,
}

/// What is about to be done counts as done, unless it says otherwise.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) arrived: u64,
    /// It is whole no longer.
    pub(super) overflows: bool,
    /// That has been done for sure.
    pub(super) overflowed: bool,
    /// Nobody reads it, and nobody may begin to.
    pub(super) closes: bool,
    pub(super) end: Option<End>,
    /// Somebody is cut off.
    pub(super) cuts: bool,
    /// Where readers are, or a little further. `None`: they have left for sure.
    pub(super) places: Vec<Option<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Clean,
    Failed,
    Trailers,
}

impl Story {
    /// Of the body of this version.
    pub(super) fn new(version: u64) -> Arc<Self> {
        Arc::new(Self {
            version,
            notes: Mutex::default(),
        })
    }

    pub(super) fn note<T>(&self, note: impl FnOnce(&mut Notes) -> T) -> T {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first end counts.
    pub(super) fn ends(&self, end: End) {
        self.note(|notes| *notes.end.get_or_insert(end));
    }

    pub(super) fn content(&self, from: u64, bytes: u64) -> Bytes {
        content(self.version, from, bytes)
    }
}

impl Notes {
    /// Who has not begun to read has to do without.
    pub(super) fn refuses(&self) -> bool {
        self.overflows || self.closes || self.end == Some(End::Failed)
    }

    /// No reader is behind this. `None`: nobody reads.
    pub(super) fn slowest(&self) -> Option<u64> {
        self.places.iter().flatten().copied().min()
    }
}
