//! Work on a thread of its own, so that a cancelled call can return at any point of it.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use skillsmith_sync::{CancelToken, Error, Result, memory};

/// How often a call looks up from waiting for its answer: a token may be merely raised.
const POLL: Duration = Duration::from_millis(50);

/// A cancelled request ends at once, but for name lookup and connecting, which nothing can
/// interrupt: those are left to run out on their own.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(100);

/// Runs the work on a thread with this name, and waits for its end or for the cancellation,
/// which the work is told of.
pub(crate) fn run<T: Send + 'static>(
    name: &'static str,
    cancel: &CancelToken,
    work: impl FnOnce(&CancelToken) -> Result<T> + Send + 'static,
) -> Result<T> {
    let own = cancel.child();
    let (sender, answers) = sync_channel(1);
    let thread = memory::spawn(name, {
        let own = own.clone();
        move || {
            let answer = work(&own);
            _ = sender.send(answer);
        }
    })?;
    while !cancel.is_cancelled() {
        match answers.recv_timeout(POLL) {
            Ok(answer) => {
                _ = thread.join();
                return answer;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                // The `boundary` of this call catches it.
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => {
                    return Err(Error::Internal(format!(
                        "the thread {name} ended unexpectedly"
                    )));
                }
            },
        }
    }
    own.cancel();
    let end = answers.recv_timeout(SHUTDOWN_GRACE);
    if !matches!(end, Err(RecvTimeoutError::Timeout)) {
        _ = thread.join();
    }
    Err(Error::Cancelled)
}
