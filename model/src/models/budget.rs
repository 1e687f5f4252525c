//! Bytes that are reserved and given back by many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::future::{block_on, spawn};

use crate::buffer::budget::Budget;
use crate::chance::{below, linger, one_in};
use crate::schedules::seen;

/// Reservations that grow, shrink and are given back.
///
/// # Panics
///
/// When more than the limit is reserved, or something stays reserved.
pub fn reservations() {
    let budget = Arc::new(Budget::new(LIMIT));
    let held = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..3)
        .map(|_| spawn(reserve(Arc::clone(&budget), Arc::clone(&held))))
        .collect();
    block_on(async {
        for task in tasks {
            task.await.expect("it gives back");
        }
    });
    assert_eq!(budget.reserved(), 0, "reserved by nobody");
    assert!(budget.open().grow(LIMIT));
}

/// What is held is noted after it was reserved, and struck off before it is given back.
async fn reserve(budget: Arc<Budget>, held: Arc<AtomicU64>) {
    let mut own = 0;
    let mut reservation = budget.open();
    for _ in 0..6 {
        let back = if one_in(4) { own } else { below(2) as u64 };
        if back <= own {
            held.fetch_sub(back, Ordering::SeqCst);
            own -= back;
            match own {
                0 if one_in(2) => reservation = budget.open(),
                0 => reservation.release(),
                _ => reservation.shrink(back),
            }
        }
        let bytes = 1 + below(7) as u64;
        if reservation.grow(bytes) {
            own += bytes;
            let all = held.fetch_add(bytes, Ordering::SeqCst) + bytes;
            assert!(all <= LIMIT, "more than the limit");
        } else {
            seen("refused");
        }
        linger(2).await;
    }
    held.fetch_sub(own, Ordering::SeqCst);
}

const LIMIT: u64 = 12;
