//! [`Stored`]: that a value is in the store.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::entry::Entry;

/// That a value which was [put](crate::Cache::put) there is in the store, ahead of any request for it.
/// It goes as any stored response does: by age, by a purge, for want of memory.
#[derive(Clone)]
pub struct Stored {
    entry: Arc<Entry>,
    time: SystemTime,
}

impl Stored {
    pub(super) const fn new(entry: Arc<Entry>, time: SystemTime) -> Self {
        Self { entry, time }
    }

    /// How long it is fresh from the moment it was put, the [jitter](crate::RoutePolicy::jitter_percent)
    /// of its route included.
    #[must_use]
    pub fn fresh_for(&self) -> Duration {
        let age = self.entry.head.age(self.time);
        self.entry.head.lifetime().saturating_sub(age)
    }

    /// The length of its body, in bytes.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.entry.body_bytes() as u64
    }

    /// The entity tag that clients get which have none of its own: made of the body, where the policy
    /// has that done. Worked out at the first use.
    #[must_use]
    pub fn generated_etag(&self) -> Option<&HeaderValue> {
        self.entry.entity_tag()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("fresh_for", &self.fresh_for())
            .field("body_bytes", &self.body_bytes())
            .finish_non_exhaustive()
    }
}
