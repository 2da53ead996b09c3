//! Cancellation: a flag that any thread may raise, and that interrupts waits.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::unpoisoned::{lock, wait_timeout};

/// How long a waiter may take to notice a flag raised from a signal handler.
///
/// A handler can only store to an atomic; it cannot wake a condition variable.
const POLL: Duration = Duration::from_millis(50);

/// Asks a running sync to stop. Clones are the same token.
///
/// Cheap to clone and to query; usable from any thread.
///
/// ```
/// use skillsmith_sync::{CancelToken, SyncOptions};
///
/// let cancel = CancelToken::new();
/// let options = SyncOptions::new().cancel(cancel.clone());
/// // On another thread, while the run is under way:
/// cancel.cancel();
/// assert!(cancel.is_cancelled());
/// # drop(options);
/// ```
#[derive(Clone, Default)]
pub struct CancelToken {
    inner: Arc<Inner>,
}

type Hook = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Inner {
    raised: AtomicBool,
    reason: Mutex<Option<String>>,
    parent: Option<CancelToken>,
    gate: Mutex<()>,
    wake: Condvar,
    next_hook: AtomicU64,
    hooks: Mutex<Vec<(u64, Hook)>>,
}

impl CancelToken {
    /// Creates a token.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a child token. Cancelling this token cancels the child, but not the other way
    /// round.
    ///
    /// For a run with two reasons to stop. A wait on the child notices the cancellation of this
    /// token within 50 ms; hooks of the child are not called.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            inner: Arc::new(Inner {
                parent: Some(self.clone()),
                ..Inner::default()
            }),
        }
    }

    /// Cancels the token, wakes waiters and interrupts network I/O.
    pub fn cancel(&self) {
        self.raise();
        drop(lock(&self.inner.gate));
        self.inner.wake.notify_all();
        for (_, hook) in lock(&self.inner.hooks).iter() {
            hook();
        }
    }

    /// Cancels because code of the host failed: the run ends with
    /// [`Error::Host`](crate::Error::Host) and this message. Only the first reason counts.
    pub fn cancel_because(&self, reason: impl Into<String>) {
        if !self.is_cancelled() {
            lock(&self.inner.reason).get_or_insert(reason.into());
        }
        self.cancel();
    }

    /// The reason of the cancellation, if one was given.
    pub(crate) fn reason(&self) -> Option<String> {
        let own = lock(&self.inner.reason).clone();
        own.or_else(|| self.inner.parent.as_ref()?.reason())
    }

    /// Cancels by one atomic store and nothing else: safe in a signal handler.
    ///
    /// Waiters notice it within 50 ms.
    pub fn raise(&self) {
        self.inner.raised.store(true, Ordering::SeqCst);
    }

    /// Whether the token is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.inner.raised.load(Ordering::SeqCst)
            || self.inner.parent.as_ref().is_some_and(Self::is_cancelled)
    }

    /// Waits for `duration` at most. Returns whether the token is cancelled.
    pub fn wait(&self, duration: Duration) -> bool {
        let end = Instant::now().checked_add(duration);
        let mut gate = lock(&self.inner.gate);
        loop {
            if self.is_cancelled() {
                return true;
            }
            let left = end.map_or(POLL, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            gate = wait_timeout(&self.inner.wake, gate, left.min(POLL));
        }
    }

    /// Registers `hook` for [`cancel`](Self::cancel) as long as the guard lives.
    ///
    /// It is called at once if the token is already cancelled. The hook must not block.
    pub(crate) fn on_cancel(&self, hook: impl Fn() + Send + Sync + 'static) -> HookGuard {
        let id = self.inner.next_hook.fetch_add(1, Ordering::Relaxed);
        let mut hooks = lock(&self.inner.hooks);
        if self.is_cancelled() {
            hook();
        }
        hooks.push((id, Box::new(hook)));
        drop(hooks);
        HookGuard {
            token: self.clone(),
            id,
        }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Removes its hook when dropped.
pub(crate) struct HookGuard {
    token: CancelToken,
    id: u64,
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        lock(&self.token.inner.hooks).retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_waiter_is_woken() {
        let token = CancelToken::new();
        let other = token.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(60)));
        token.cancel();
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn a_raised_flag_is_noticed_without_a_wake_up() {
        let token = CancelToken::new();
        let other = token.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(60)));
        token.raise();
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn a_child_is_cancelled_with_its_parent_and_not_the_other_way_round() {
        let parent = CancelToken::new();
        let child = parent.child();
        child.cancel_because("enough");
        assert!(child.is_cancelled() && !parent.is_cancelled());
        assert_eq!(child.reason().as_deref(), Some("enough"));

        let child = parent.child();
        let other = child.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(60)));
        parent.cancel_because("all of it");
        assert!(waiter.join().unwrap());
        assert_eq!(child.reason().as_deref(), Some("all of it"));
    }

    #[test]
    fn waiting_ends_by_itself() {
        assert!(!CancelToken::new().wait(Duration::from_millis(5)));
    }

    #[test]
    fn hooks_run_once_registered_and_not_after_their_guard() {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = {
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(1, Ordering::SeqCst);
            }
        };
        let token = CancelToken::new();
        drop(token.on_cancel(count.clone()));
        let guard = token.on_cancel(count.clone());
        token.cancel();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        drop(guard);
        let _late = token.on_cancel(count);
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
