//! Converts errors and panics to JavaScript errors.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::Error as JsError;
use napi_derive::napi;
use skillsmith_sync::Error;

use crate::values::FailureCause;

/// The return type of exported functions. JavaScript gets an `Error` whose `code` is the name of the error code.
pub type Result<T, E = JsError<&'static str>> = std::result::Result<T, E>;

thread_local! {
    /// The cause of the last error of this thread. A JavaScript error of the addon has no room for its numbers.
    static CAUSE: Cell<Option<FailureCause>> = const { Cell::new(None) };
}

/// The cause of the error that a function of the addon has just thrown.
#[napi]
pub fn take_cause() -> Option<FailureCause> {
    CAUSE.take()
}

/// Runs the body of an exported function. A panic becomes an error with the code `INTERNAL`.
pub fn boundary<T>(body: impl FnOnce() -> skillsmith_sync::Result<T>) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(Error::Internal("a panic; nothing was changed".into())));
    outcome.map_err(|error| {
        CAUSE.set(FailureCause::of(&error));
        JsError::new(error.code().name(), error.to_string())
    })
}
