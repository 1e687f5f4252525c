//! [`Turn`]: one of the requests that a stored response answers has it validated.

use std::sync::Arc;

use crate::cache::Cache;
use crate::context::Context;
use crate::entry::Entry;

/// A turn at validating a stored response, over when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    cache: Cache,
    entry: Arc<Entry>,
    begun: bool,
    /// Another has it, and waits for this one.
    is_lent: bool,
}

impl Turn {
    /// `None`: somebody else has it, or the last try failed just now.
    pub(crate) fn take(context: &Context, entry: &Arc<Entry>) -> Option<Self> {
        let now = context.cache.shared().clock.now();
        entry.turns().take(now).then(|| Self {
            cache: context.cache.clone(),
            entry: Arc::clone(entry),
            begun: false,
            is_lent: false,
        })
    }

    /// The turn of a layer that waits for this one.
    pub(crate) fn lent(context: &Context, entry: &Arc<Entry>) -> Self {
        Self {
            cache: context.cache.clone(),
            entry: Arc::clone(entry),
            begun: false,
            is_lent: true,
        }
    }

    /// Whoever has it gives it back.
    pub(crate) fn is_lent(&self) -> bool {
        self.is_lent
    }

    /// The inner service is being asked: what comes to nothing from here on is a failure.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_lent {
            return;
        }
        // Where the try came to something another response stands in this one's place. Where it did
        // not, be it that the inner service panicked, the next one is to wait.
        if self.begun {
            throttle(&self.cache, &self.entry);
        }
        self.entry.turns().give_back();
    }
}

/// The validation of a stored response failed: nobody tries again for a moment.
pub(crate) fn throttle(cache: &Cache, entry: &Entry) {
    let shared = cache.shared();
    let pause = shared.limits.retry_refresh_after;
    entry.turns().failed(shared.clock.now(), pause);
}
