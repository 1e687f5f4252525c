//! [`Seen`]: what a stored response knows of the purges so far.

use crate::shim::{AtomicU64, Ordering};

/// Up to which position no purge made it dead, and since when it is stale by a soft one.
#[derive(Debug)]
pub(crate) struct Seen {
    at: AtomicU64,
    /// Milliseconds since the epoch; 0 is never.
    stale_since: AtomicU64,
}

impl Seen {
    /// For what was begun at a position.
    pub(crate) fn new(born: u64) -> Self {
        Self {
            at: AtomicU64::new(born),
            stale_since: AtomicU64::new(0),
        }
    }

    pub(super) fn at(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    /// No purge up to here made it dead. What is to be said of soft ones is said before.
    pub(super) fn vouch(&self, position: u64) {
        self.at.fetch_max(position, Ordering::Release);
    }

    /// A soft purge made it stale, unless an earlier one did.
    pub(crate) fn expire(&self, since: u64) {
        let since = since.max(1);
        let earlier = |old: u64| (old == 0 || old > since).then_some(since);
        let order = Ordering::Relaxed;
        let _ = self.stale_since.fetch_update(order, order, earlier);
    }

    /// Milliseconds since the epoch at which a soft purge made it stale.
    pub(crate) fn stale_since(&self) -> Option<u64> {
        let since = self.stale_since.load(Ordering::Relaxed);
        (since != 0).then_some(since)
    }
}

/// A copy that goes its own way.
impl Clone for Seen {
    fn clone(&self) -> Self {
        let at = self.at.load(Ordering::Acquire);
        let stale_since = self.stale_since.load(Ordering::Relaxed);
        Self {
            at: AtomicU64::new(at),
            stale_since: AtomicU64::new(stale_since),
        }
    }
}
