//! [`Fence`]: from when on purges count for a value that is on its way into the store.

use std::fmt;
use std::time::SystemTime;

use crate::cache::Cache;
use crate::sight::Sight;
use crate::stamps::Hold;

/// The moment before a value was read that is to be [put](Cache::put_since) into a cache. If anything
/// the value is named by (a tag, its URL, its partition, everything) is purged between here and there,
/// the value is of before the purge, and is refused.
///
/// As long as a fence is there, purges since are remembered for it, up to
/// [`max_purge_records`](crate::CacheBuilder::max_purge_records): what is older than what could be
/// remembered is refused. Take one for each value, or for a batch of values that are read together,
/// and let go of it soon. Cloning is cheap and gives the same moment.
#[derive(Clone)]
pub struct Fence {
    cache: Cache,
    /// Purges since are not forgotten.
    _hold: Hold,
    position: u64,
    sight: Sight,
    time: SystemTime,
}

impl Cache {
    /// Takes a [`Fence`]: to be done before the value is read that is put with it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::{Request, Response};
    /// use larder::{Cache, Purge, PutError, RoutePolicy};
    ///
    /// # fn main() {
    /// let cache = Cache::builder().build();
    /// let policy = RoutePolicy::shared(Duration::from_secs(60)).tag("products");
    ///
    /// let fence = cache.fence();
    /// let read = "read from the database";
    /// // Meanwhile somebody writes to the database, and purges.
    /// cache.purge(Purge::tag("products"));
    ///
    /// let request = Request::get("http://shop.example/products/42").body(()).unwrap();
    /// let put = cache.put_since(&fence, &request, Response::new(read), &policy);
    /// assert_eq!(put.unwrap_err(), PutError::Invalidated);
    /// # }
    /// ```
    #[must_use = "a fence does nothing until something is put with it"]
    pub fn fence(&self) -> Fence {
        let shared = self.shared();
        // The hold comes first: what is purged after the position is purged after the hold.
        let hold = shared.stamps.hold();
        Fence {
            cache: self.clone(),
            _hold: hold,
            position: shared.stamps.position(),
            sight: shared.sight(),
            time: shared.clock.now(),
        }
    }
}

impl Fence {
    /// When it was taken, by the [clock](crate::CacheBuilder::clock) of its cache. What is put with it
    /// is as old as that.
    #[must_use]
    pub const fn taken_at(&self) -> SystemTime {
        self.time
    }

    /// It says nothing of the purges of another cache.
    pub(super) fn is_of(&self, cache: &Cache) -> bool {
        std::ptr::eq(self.cache.shared(), cache.shared())
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) const fn sight(&self) -> Sight {
        self.sight
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence")
            .field("position", &self.position)
            .field("taken_at", &self.time)
            .finish_non_exhaustive()
    }
}
