//! [`Around`]: a layer of a cache around another layer of the same cache.
//!
//! What the inner layer takes part in is the inner one's to store, and to tell of: it alone knows the
//! route's key, tags and partition. Nor does the inner one wait for a flight that the outer one leads
//! with the very request that it is asked for, or serve what the outer one asks it to validate. How
//! they know of each other: while the outer one's inner service works, its thread does. A service in
//! between that works elsewhere hides one from the other; and what a handler itself asks of its cache
//! is taken for what an inner layer is asked.

use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;

use http::Extensions;

use crate::cache::Cache;
use crate::entry::Entry;
use crate::errand::Errand;
use crate::landing::{Flight, Takeoff};
use crate::shared::Token;

/// The layer that waits for its inner service. Nowhere else while its thread has it.
#[derive(Debug)]
pub(crate) struct Around(Option<Outer>);

#[derive(Debug)]
struct Outer {
    /// Which cache.
    cache: usize,
    /// What it leads.
    flight: Option<Arc<Flight>>,
    /// What it validates without a client.
    validates: Option<Arc<Entry>>,
    errand: Option<Errand>,
    /// With which it fetches for all nodes.
    lease: Option<Token>,
    /// A layer of the same cache took part.
    has_inner: bool,
}

/// What a layer learns of the one around it.
#[derive(Debug, Default)]
pub(crate) struct Entered {
    /// Who wants to know what comes of the request.
    pub(crate) errand: Option<Errand>,
    /// What is stored is to be validated although it is fresh.
    pub(crate) renews: bool,
}

impl Entered {
    /// The layer around this one took it out of the request.
    pub(crate) fn insert_into(&self, extensions: &mut Extensions) {
        if let Some(errand) = &self.errand {
            extensions.insert(errand.clone());
        }
    }
}

thread_local! {
    static AROUND: RefCell<Option<Outer>> = const { RefCell::new(None) };
}

impl Around {
    /// A layer of a cache, with what it leads, what it validates without a client, and who wants to
    /// know what comes of that.
    pub(crate) fn new(
        cache: &Cache,
        flight: Option<Arc<Flight>>,
        validates: Option<Arc<Entry>>,
        errand: Option<Errand>,
    ) -> Self {
        Self(Some(Outer {
            cache: cache.id(),
            flight,
            validates,
            errand,
            lease: None,
            has_inner: false,
        }))
    }

    /// It fetches for all nodes.
    pub(crate) fn with_lease(mut self, lease: Option<Token>) -> Self {
        if let Some(outer) = &mut self.0 {
            outer.lease = lease;
        }
        self
    }

    /// Does a piece of the inner service's work.
    pub(crate) fn within<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = put(self.0.take());
        let _back = Back {
            around: self,
            before,
        };
        work()
    }

    /// A layer of the same cache took part.
    pub(crate) fn has_inner(&self) -> bool {
        self.0.as_ref().is_some_and(|outer| outer.has_inner)
    }
}

/// A layer of this cache takes part in a request.
pub(crate) fn enter(cache: &Cache) -> Entered {
    let entered = with_outer(cache, |outer| {
        outer.has_inner = true;
        Entered {
            errand: outer.errand.clone(),
            renews: outer.validates.is_some(),
        }
    });
    entered.unwrap_or_default()
}

/// A layer of the same cache leads this flight with the request.
pub(crate) fn leads(cache: &Cache, takeoff: &Takeoff) -> bool {
    let leads = with_outer(cache, |outer| {
        let flight = outer.flight.as_ref();
        flight.is_some_and(|flight| ptr::eq(flight.mark(), takeoff))
    });
    leads.unwrap_or_default()
}

/// A layer of the same cache fetches for all nodes with this token.
pub(crate) fn holds(cache: &Cache, token: &Token) -> bool {
    with_outer(cache, |outer| outer.lease.as_ref() == Some(token)).unwrap_or_default()
}

/// With the request a layer of the same cache validates this stored response.
pub(crate) fn validates(cache: &Cache, entry: &Arc<Entry>) -> bool {
    let validates = with_outer(cache, |outer| {
        let validated = outer.validates.as_ref();
        validated.is_some_and(|validated| Arc::ptr_eq(validated, entry))
    });
    validates.unwrap_or_default()
}

fn with_outer<T>(cache: &Cache, ask: impl FnOnce(&mut Outer) -> T) -> Option<T> {
    let asked = AROUND.try_with(|around| {
        let mut around = around.try_borrow_mut().ok()?;
        around
            .as_mut()
            .filter(|outer| outer.cache == cache.id())
            .map(ask)
    });
    asked.ok().flatten()
}

/// What stood there before. On a thread that ends, nothing stands there any more.
fn put(outer: Option<Outer>) -> Option<Outer> {
    let put = AROUND.try_with(|around| {
        let mut around = around.try_borrow_mut().ok()?;
        std::mem::replace(&mut *around, outer)
    });
    put.ok().flatten()
}

/// What stood there, put back however the work ends.
struct Back<'a> {
    around: &'a mut Around,
    before: Option<Outer>,
}

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.around.0 = put(self.before.take());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::errand::Due;

    fn around(cache: &Cache) -> Around {
        let errand = Errand::new(Due::FreshFor(Duration::ZERO));
        Around::new(cache, None, None, Some(errand))
    }

    fn has_errand(cache: &Cache) -> bool {
        enter(cache).errand.is_some()
    }

    #[test]
    fn layers_of_the_same_cache_know_of_each_other_and_of_no_others() {
        let (cache, other) = (Cache::builder().build(), Cache::builder().build());
        let mut outer = around(&cache);
        outer.within(|| assert!(!has_errand(&other)));
        assert!(!outer.has_inner() && !has_errand(&cache));
        outer.within(|| {
            assert!(has_errand(&cache));
            let mut within = Around::new(&cache, None, None, None);
            within.within(|| assert!(!has_errand(&cache)));
            assert!(within.has_inner() && has_errand(&cache));
        });
        assert!(outer.has_inner() && !has_errand(&cache));
        // Remembered, though the next piece of work has nothing of it.
        outer.within(|| ());
        assert!(outer.has_inner());
    }

    #[test]
    fn work_that_panics_leaves_nothing_behind() {
        let cache = Cache::builder().build();
        let mut outer = around(&cache);
        let work = std::panic::AssertUnwindSafe(|| outer.within(|| panic!("on purpose")));
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(!has_errand(&cache));
        outer.within(|| assert!(has_errand(&cache)));
    }
}
