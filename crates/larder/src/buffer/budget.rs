//! Bytes of responses on their way into the store, all together.

use std::sync::Arc;

use crate::shim::{AtomicU64, Ordering};

/// How many bytes may be reserved at once, and how many are.
#[derive(Debug)]
pub(crate) struct Budget {
    reserved: AtomicU64,
    limit: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            reserved: AtomicU64::new(0),
            limit,
        }
    }

    /// Whether there was room for so many bytes just now. Cost: nothing is written.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        self.reserved().saturating_add(bytes) <= self.limit
    }

    /// A reservation of nothing yet.
    pub(crate) fn open(self: &Arc<Self>) -> Reservation {
        Reservation {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }

    pub(crate) fn reserved(&self) -> u64 {
        self.reserved.load(Ordering::Relaxed)
    }
}

/// A part of a budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Reservation {
    /// Reserves so many bytes more. `false`: that would be too many, and nothing has changed.
    pub(crate) fn grow(&mut self, bytes: u64) -> bool {
        let Budget { reserved, limit } = &*self.budget;
        let before = reserved.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= *limit;
        if fits {
            self.bytes += bytes;
        } else {
            reserved.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Gives so many bytes back.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        self.bytes -= bytes;
        self.budget.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_share_the_limit_and_give_back() {
        let budget = Arc::new(Budget::new(10));
        let (mut first, mut second) = (budget.open(), budget.open());
        assert!(first.grow(6));
        assert!(!second.grow(5));
        assert!(second.grow(4));
        assert_eq!(budget.reserved(), 10);
        first.shrink(2);
        assert!(second.grow(2));
        assert!(!second.grow(1));
        drop(first);
        assert!(second.grow(4));
        second.release();
        assert_eq!(budget.reserved(), 0);
        assert!(!second.grow(u64::MAX));
        assert!(second.grow(10));
    }
}
