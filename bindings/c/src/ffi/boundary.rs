//! The boundary: every exported function is one call of a function in this file.
//!
//! No panic crosses it. The panic message goes into the error and is not printed, because
//! stderr belongs to the host. A cancellation of the thread (`pthread_cancel`) waits until it
//! is out again, because it would unwind through our frames.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use skillsmith_sync::thread::Uncancellable;
use skillsmith_sync::{Error, Result, memory};

use crate::ffi::error::ErrorPtr;
use crate::ffi::status::skillsmith_status;
use crate::{allocator, shortage};

/// Runs the body of a function that returns a status.
pub(crate) fn boundary(
    out_error: ErrorPtr,
    body: impl FnOnce() -> Result<()>,
) -> skillsmith_status {
    let _uncancellable = Uncancellable::here();
    let out = out_error.emptied();
    match caught(body) {
        Ok(()) => skillsmith_status::SKILLSMITH_OK,
        Err(error) => {
            let status = skillsmith_status::of(error.code());
            _ = caught(|| {
                out.give(&error);
                Ok(())
            });
            status
        }
    }
}

/// Runs the body of a function that returns a value; returns `otherwise` on failure.
pub(crate) fn getter<T>(otherwise: T, body: impl FnOnce() -> Result<T>) -> T {
    let _uncancellable = Uncancellable::here();
    caught(body).unwrap_or(otherwise)
}

/// Runs code that must not unwind. A panic becomes an error with its message.
fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    shortage::watch(allocator::has_room_for_handle);
    // After the call, an earlier failed allocation no longer explains a panic.
    _ = shortage::is_short();
    silence_panics();
    let outer = INSIDE.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(outer);
    outcome.unwrap_or_else(|payload| {
        Err(if shortage::is_noted() {
            Error::OutOfMemory
        } else {
            Error::Internal(memory::text_of_panic(&*payload))
        })
    })
}

thread_local! {
    /// Whether this thread is inside a function of this library.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Silences our panic messages, from the first call on.
///
/// The shared library has its own copy of Rust's runtime, so only our own panics come here.
/// The tests, which are Rust programs, keep the hook for theirs.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours = INSIDE.try_with(Cell::get).unwrap_or(true)
                || std::thread::current()
                    .name()
                    .is_some_and(|name| name.starts_with("skillsmith-"));
            if !ours {
                previous(info);
            }
        }));
    });
}
