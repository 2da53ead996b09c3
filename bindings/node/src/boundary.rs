//! Converts errors and panics to JavaScript errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::Error as JsError;
use skillsmith_sync::{Error, ErrorCode};

/// The return type of exported functions. JavaScript gets an `Error` whose `code` is the name of the error code.
pub type Result<T, E = JsError<&'static str>> = std::result::Result<T, E>;

/// Runs the body of an exported function. A panic becomes an error with the code `INTERNAL`.
pub fn boundary<T>(body: impl FnOnce() -> skillsmith_sync::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(outcome) => {
            outcome.map_err(|error| JsError::new(error.code().name(), error.to_string()))
        }
        Err(_) => Err(JsError::new(
            ErrorCode::Internal.name(),
            Error::Internal("a panic; nothing was changed".into()).to_string(),
        )),
    }
}
