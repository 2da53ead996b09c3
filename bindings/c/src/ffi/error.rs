//! Error objects.

use std::ffi::CString;

use chrono::{DateTime, Utc};

use crate::ffi::handles::{self, Handle};
use crate::ffi::out::{Out, OutPtr};
use skillsmith_sync::{Error, ErrorCode};

/// An error: a code, a message for the person who has to act on it, and details.
///
/// Written to the last parameter of a function that fails, unless that is NULL. No message
/// contains a credential.
#[derive(Debug)]
pub struct skillsmith_error {
    _opaque: [u8; 0],
}

/// The content of a [`skillsmith_error`].
#[derive(Debug)]
pub struct Detail {
    pub(crate) code: ErrorCode,
    pub(crate) message: CString,
    pub(crate) retry_at: Option<DateTime<Utc>>,
}

impl Handle for skillsmith_error {
    type Object = Detail;
    const NAME: &'static str = "error";
}

impl skillsmith_error {
    fn insert(error: &Error) -> *mut Self {
        handles::insert(Detail {
            code: error.code(),
            message: readable(&error.to_string()),
            retry_at: error.retry_at(),
        })
    }
}

/// A text for people: a NUL in it becomes U+FFFD, so that the rest is not lost.
pub(crate) fn readable(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

/// The error output of a function: an [`OutPtr`] that may be NULL.
#[derive(Debug)]
#[repr(transparent)]
pub struct ErrorPtr(OutPtr<*mut skillsmith_error>);

impl ErrorPtr {
    /// For functions that only return a status.
    pub(crate) const NONE: Self = Self(OutPtr::NONE);

    /// Clears the output, so that it never has an undefined value.
    pub(crate) fn emptied(self) -> ErrorOut {
        ErrorOut(self.0.emptied())
    }
}

/// A cleared error output.
pub(crate) struct ErrorOut(Out<*mut skillsmith_error>);

impl ErrorOut {
    /// Stores the error, if the caller wants it.
    pub(crate) fn give(&self, error: &Error) {
        if self.0.is_wanted() {
            self.0.give(skillsmith_error::insert(error));
        }
    }
}
