//! [`Around`]: a layer of a cache around another layer of the same cache.
//!
//! What the inner layer takes part in is the inner one's to store: it alone knows the route's key, tags
//! and partition. Nor does the inner one wait for a flight that the outer one leads with the very
//! request that it is asked for. How they know of each other: while the outer one's inner service works,
//! its thread does. A service in between that works elsewhere hides one from the other.

use std::cell::Cell;

use crate::cache::Cache;

/// The layer that waits for its inner service, as far as the present thread works for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// Which cache; 0 is none.
    cache: usize,
    leads: bool,
    /// A layer of the same cache took part.
    has_inner: bool,
}

thread_local! {
    static AROUND: Cell<Around> = const { Cell::new(Around::NONE) };
}

impl Around {
    const NONE: Self = Self {
        cache: 0,
        leads: false,
        has_inner: false,
    };

    /// A layer of a cache, and whether it leads a flight.
    pub(crate) fn new(cache: &Cache, leads: bool) -> Self {
        Self {
            cache: cache.id(),
            leads,
            has_inner: false,
        }
    }

    /// Does a piece of the inner service's work.
    pub(crate) fn within<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _before = Before(AROUND.replace(*self));
        let done = work();
        *self = AROUND.get();
        done
    }

    /// A layer of the same cache took part.
    pub(crate) fn has_inner(self) -> bool {
        self.has_inner
    }
}

/// A layer of this cache takes part in a request.
pub(crate) fn enter(cache: &Cache) {
    let around = AROUND.get();
    if around.cache == cache.id() {
        AROUND.set(Around {
            has_inner: true,
            ..around
        });
    }
}

/// The request is one with which a layer of the same cache leads a flight.
pub(crate) fn is_led(cache: &Cache) -> bool {
    let around = AROUND.get();
    around.cache == cache.id() && around.leads
}

/// What stood there, put back however the work ends.
struct Before(Around);

impl Drop for Before {
    fn drop(&mut self) {
        AROUND.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_the_same_cache_know_of_each_other_and_of_no_others() {
        let (cache, other) = (Cache::builder().build(), Cache::builder().build());
        let mut around = Around::new(&cache, true);
        around.within(|| enter(&other));
        assert!(!around.has_inner() && !is_led(&cache));
        around.within(|| {
            assert!(is_led(&cache) && !is_led(&other));
            let mut within = Around::new(&cache, false);
            within.within(|| assert!(!is_led(&cache)));
            enter(&cache);
            assert!(!within.has_inner());
        });
        assert!(around.has_inner() && !is_led(&cache));
        // Remembered, though the next piece of work has nothing of it.
        around.within(|| ());
        assert!(around.has_inner());
    }

    #[test]
    fn work_that_panics_leaves_nothing_behind() {
        let cache = Cache::builder().build();
        let mut around = Around::new(&cache, true);
        let work = std::panic::AssertUnwindSafe(|| around.within(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(!is_led(&cache));
    }
}
