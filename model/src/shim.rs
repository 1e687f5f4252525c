//! The checker's locks, atomics and runtime, under the names by which the core asks for its own.

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
pub(crate) use shuttle::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) use crate::runtime::Handle;

/// Few, so that names share them.
pub(crate) const FILTER_CELLS: usize = 2;

/// What a panicking task left behind is whole, as in the core.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
