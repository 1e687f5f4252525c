//! [`Scheduled`]: requests that are being kept fresh, until it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::AbortHandle;

/// Requests whose responses are being kept fresh; see
/// [`KeepFresh::spawn`](crate::KeepFresh::spawn). Dropped, it stops: nothing more is asked, and what
/// is under way is let go.
#[derive(Debug)]
#[must_use = "dropped, nothing is kept fresh any more"]
pub struct Scheduled {
    task: Option<AbortHandle>,
    counts: Arc<Counts>,
}

/// What came of the requests so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) busy: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) found: AtomicU64,
    pub(super) refreshed: AtomicU64,
}

impl Scheduled {
    /// `None`: there is no runtime to do it.
    pub(super) const fn new(task: Option<AbortHandle>, counts: Arc<Counts>) -> Self {
        Self { task, counts }
    }

    /// How often a response was stored, or the stored one confirmed.
    #[must_use]
    pub fn refreshed(&self) -> u64 {
        self.counts.refreshed.load(Ordering::Relaxed)
    }

    /// How often what was stored was fresh enough, because somebody else's request had brought it.
    #[must_use]
    pub fn found_fresh(&self) -> u64 {
        self.counts.found.load(Ordering::Relaxed)
    }

    /// How often somebody else was at it already, or it was not to be tried
    /// [again](crate::CacheBuilder::retry_refresh_after) so soon.
    #[must_use]
    pub fn busy(&self) -> u64 {
        self.counts.busy.load(Ordering::Relaxed)
    }

    /// How often nothing came, or nothing that could be stored for longer than a moment.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.counts.failed.load(Ordering::Relaxed)
    }

    /// Whether anything is being kept fresh: not without requests, or without a tokio runtime with
    /// timers.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let task = self.task.as_ref();
        task.is_some_and(|task| !task.is_finished())
    }
}

impl Drop for Scheduled {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
