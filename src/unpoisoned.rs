//! Locks that a panic on another thread does not close: what they guard is whole after each statement.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks it.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until it is told, with the lock given back meanwhile.
pub fn wait<'m, T>(condition: &Condvar, guard: MutexGuard<'m, T>) -> MutexGuard<'m, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}

/// Waits until it is told, or as long as `limit`.
pub fn wait_timeout<'m, T>(
    condition: &Condvar,
    guard: MutexGuard<'m, T>,
    limit: Duration,
) -> MutexGuard<'m, T> {
    let waited = condition.wait_timeout(guard, limit);
    waited.unwrap_or_else(PoisonError::into_inner).0
}
