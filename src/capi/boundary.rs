//! The one way in and out: every exported function is a call of this file's.
//!
//! No panic crosses it. What a panic says goes into the error and is not printed:
//! the standard error belongs to the host.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::error::{ErrorOut, skillsmith_error};
use super::status::skillsmith_status;
use crate::{Error, Result, memory};

/// Runs the body of a function that returns a status.
pub(super) fn boundary(errors: &ErrorOut, body: impl FnOnce() -> Result<()>) -> skillsmith_status {
    match caught(body) {
        Ok(()) => skillsmith_status::SKILLSMITH_OK,
        Err(error) => {
            let status = skillsmith_status::of(error.code());
            _ = caught(|| {
                errors.give(|| skillsmith_error::issue(&error));
                Ok(())
            });
            status
        }
    }
}

/// Runs the body of a function that returns a value; `otherwise` where there is none to be had.
pub(super) fn getter<T>(otherwise: T, body: impl FnOnce() -> Result<T>) -> T {
    caught(body).unwrap_or(otherwise)
}

/// Runs what must not unwind. A panic becomes an error with its message.
fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    silence_panics();
    let outer = INSIDE.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(outer);
    outcome.unwrap_or_else(|payload| {
        Err(if memory::caused(&*payload) {
            Error::OutOfMemory
        } else {
            Error::Internal(message(&*payload))
        })
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    match text {
        Some(text) => format!("panic: {text}"),
        None => "panic".into(),
    }
}

thread_local! {
    /// This thread is inside a function of ours.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics of ours from being printed, from the first call on.
///
/// The shared library has a copy of Rust's runtime for itself, so that nothing but
/// our own panics ever come here. A Rust program that links this crate with the
/// feature `capi`, and calls its C functions, keeps its own hook for its own panics.
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
