//! What the state machines of collapsing and fills use of the standard library. A model checker
//! puts its own in place of it.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what a panicking thread left behind is whole, since nothing is changed in two steps that
/// could panic in between.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
