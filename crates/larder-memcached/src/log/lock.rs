//! [`lock`]: for what a node knows of the log.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is guarded here is whole at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
