//! What a fake store is made of, behind one lock: each call is one step.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use larder::shared::{Batch, EntryKey, LogPosition, StoreError, StoreErrorKind};
use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, timeout_at};

use super::counts::Counts;
use super::journal::Journal;
use super::shelf::{Shelf, later};

/// Whoever is so far behind has missed some.
const MAX_NEWS: usize = 1024;

pub(super) struct Inner {
    state: Mutex<State>,
    changed: Notify,
    /// What nodes tell of what they stored.
    pub(super) news: broadcast::Sender<EntryKey>,
    time: Box<dyn Fn() -> SystemTime + Send + Sync>,
    poll_every: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) shelf: Shelf,
    pub(super) journal: Journal,
    pub(super) is_full: bool,
    /// No read of the log gets more records.
    pub(super) most_read: Option<usize>,
    pub(super) ahead: Duration,
    pub(super) back: Duration,
    pub(super) counts: Counts,
}

impl Inner {
    pub(super) fn new(
        time: impl Fn() -> SystemTime + Send + Sync + 'static,
        poll_every: Option<Duration>,
    ) -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
            news: broadcast::Sender::new(MAX_NEWS),
            time: Box::new(time),
            poll_every,
        }
    }

    pub(super) const fn poll_every(&self) -> Option<Duration> {
        self.poll_every
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the log, and wakes whoever waits for it.
    pub(super) fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        let done = how(&mut self.state());
        self.changed.notify_waiters();
        done
    }

    /// The time by the store's clock.
    pub(super) fn now(&self) -> SystemTime {
        let (ahead, back) = {
            let state = self.state();
            (state.ahead, state.back)
        };
        let now = (self.time)();
        let now = now.checked_add(ahead).unwrap_or(now);
        now.checked_sub(back).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    pub(super) async fn read(&self, after: LogPosition, limit: usize, wait: Duration) -> Batch {
        let deadline = later(Instant::now(), wait);
        loop {
            let changed = self.changed.notified();
            let batch = self.state().read(after, limit);
            let is_done = !batch.records.is_empty() || limit == 0 || self.poll_every.is_some();
            if is_done || timeout_at(deadline, changed).await.is_err() {
                return batch;
            }
        }
    }
}

impl State {
    /// For each call that writes.
    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        if self.is_full {
            let what = "command not allowed when used memory > 'maxmemory'";
            return Err(StoreError::new(StoreErrorKind::Refused, what));
        }
        Ok(())
    }

    fn read(&self, after: LogPosition, limit: usize) -> Batch {
        let most = self.most_read.unwrap_or(limit);
        self.journal.read(after, limit.min(most))
    }

    pub(super) fn append(
        &mut self,
        record: &Bytes,
        now: SystemTime,
    ) -> Result<LogPosition, StoreError> {
        self.counts.appends += 1;
        self.check_room()?;
        Ok(self.journal.append(record, now))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeStore").finish_non_exhaustive()
    }
}
