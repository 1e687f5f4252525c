//! What the state machines of collapsing and fills use of the standard library and of the runtime.
//! The package `model` puts a model checker's own in place of it.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) use tokio::runtime::Handle;

/// Names share so many cells of the filter of purges. After a purge of as many as that all of them are
/// taken.
pub(crate) const FILTER_CELLS: usize = 1 << 15;

/// Locks; what a panicking thread left behind is whole, since nothing is changed in two steps that
/// could panic in between.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
