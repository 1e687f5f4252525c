//! [`Feed`]: a feed that runs, and what it did so far.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinHandle;

/// A feed that is followed as long as this is there: see [`Cache::follow`](crate::Cache::follow). It
/// stops when this is dropped; a change that is being carried out at that moment still is.
#[must_use = "the feed stops when this is dropped"]
pub struct Feed {
    counts: Arc<Counters>,
    /// Present until its end was seen.
    task: Option<JoinHandle<()>>,
}

impl Feed {
    pub(super) const fn new(counts: Arc<Counters>, task: JoinHandle<()>) -> Self {
        let task = Some(task);
        Self { counts, task }
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> FeedCounts {
        self.counts.snapshot()
    }

    /// Whether it is at its end: the source has no more and all that it gave is carried out, or
    /// something [broke](FeedCounts::broke).
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.task.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for its end.
    pub async fn ended(&mut self) {
        if let Some(task) = &mut self.task {
            // Why it ended is in the counts.
            let _ = task.await;
            self.task = None;
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("counts", &self.counts())
            .field("is_ended", &self.is_ended())
            .finish_non_exhaustive()
    }
}

/// Things that are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) applied: AtomicU64,
    pub(super) broke: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) purges: AtomicU64,
    pub(super) puts: AtomicU64,
    pub(super) queued: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn snapshot(&self) -> FeedCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FeedCounts {
            applied: read(&self.applied),
            broke: read(&self.broke) > 0,
            errors: read(&self.errors),
            lost: read(&self.lost),
            purges: read(&self.purges),
            puts: read(&self.puts),
            queued: read(&self.queued),
            refused: read(&self.refused),
        }
    }
}

/// What a [`Feed`] did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedCounts {
    applied: u64,
    broke: bool,
    errors: u64,
    lost: u64,
    purges: u64,
    puts: u64,
    queued: u64,
    refused: u64,
}

impl FeedCounts {
    /// Changes carried out: all but those in the queue. The sum of [`puts`](Self::puts),
    /// [`refused`](Self::refused), [`purges`](Self::purges) and [`lost`](Self::lost), once it rests.
    #[must_use]
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// Values stored.
    #[must_use]
    pub const fn puts(&self) -> u64 {
        self.puts
    }

    /// Values that were not stored; see [`PutError`](crate::PutError).
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Purges carried out, but for those of everything because something was lost.
    #[must_use]
    pub const fn purges(&self) -> u64 {
        self.purges
    }

    /// How often the source told that it may have missed something.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Errors of the source.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// Changes that wait to be carried out now.
    #[must_use]
    pub const fn queued(&self) -> u64 {
        self.queued
    }

    /// The feed has ended although its source may have had more: the source panicked, or a function of
    /// a route's policy did, or the source failed on a runtime without timers.
    #[must_use]
    pub const fn broke(&self) -> bool {
        self.broke
    }
}
