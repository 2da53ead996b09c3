//! What went wrong, in detail.

use std::ffi::{CString, c_char};

use chrono::{DateTime, Utc};

use super::boundary::{boundary, getter};
use super::live::{self, Handle};
use super::out::Out;
use super::status::{skillsmith_status, terminated_name};
use crate::{Error, ErrorCode};

/// What went wrong: a code, a text for the person who has to act on it, and more.
///
/// Given through the last parameter of a function that fails, where that is not NULL.
/// No text contains a credential.
#[derive(Debug)]
pub struct skillsmith_error {
    _opaque: [u8; 0],
}

/// What a [`skillsmith_error`] stands for.
#[derive(Debug)]
pub struct Detail {
    code: ErrorCode,
    message: CString,
    retry_at: Option<DateTime<Utc>>,
}

impl Handle for skillsmith_error {
    type Object = Detail;
    const NAME: &'static str = "error";
}

impl skillsmith_error {
    pub(super) fn issue(error: &Error) -> *mut Self {
        live::issue(Detail {
            code: error.code(),
            message: readable(&error.to_string()),
            retry_at: error.retry_at(),
        })
    }
}

/// A text for people: a NUL in it is shown as U+FFFD, so that nothing behind it is lost.
pub(super) fn readable(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

/// Where a function puts its error.
pub(super) struct ErrorOut(Option<Out<*mut skillsmith_error>>);

impl ErrorOut {
    /// # Safety
    /// As for [`Out::new`].
    pub(super) unsafe fn new(place: *mut *mut skillsmith_error) -> Self {
        // SAFETY: the caller's promise.
        Self(Some(unsafe { Out::new(place, "out_error") }))
    }

    /// For functions that only return a status.
    pub(super) const fn nowhere() -> Self {
        Self(None)
    }

    /// Gives the error, if the caller wants it.
    pub(super) fn give(&self, error: impl FnOnce() -> *mut skillsmith_error) {
        if let Some(out) = self.0.as_ref().filter(|out| out.is_wanted()) {
            out.give(error());
        }
    }
}

/// The status that the function has returned along with this error.
///
/// `SKILLSMITH_OK` for NULL or for an error that was freed. Does not block; any thread
/// may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_code(error: *const skillsmith_error) -> skillsmith_status {
    getter(skillsmith_status::SKILLSMITH_OK, || {
        Ok(skillsmith_status::of(live::get(error)?.code))
    })
}

/// The name of its code, such as "NETWORK_TIMEOUT".
///
/// Do not free it: the text lives as long as the library is loaded. "OK" for NULL or
/// for an error that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_name(error: *const skillsmith_error) -> *const c_char {
    getter(c"OK".as_ptr(), || {
        Ok(terminated_name(live::get(error)?.code).as_ptr())
    })
}

/// What went wrong and what to do, in English.
///
/// Do not free it: the text belongs to the error and lives as long. A U+0000 in it, from
/// some name of the registry's, is shown as U+FFFD. "" for NULL or for an error that was
/// freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_message(error: *const skillsmith_error) -> *const c_char {
    getter(c"".as_ptr(), || Ok(live::get(error)?.message.as_ptr()))
}

/// Whether the same call may succeed later without any change by the caller.
///
/// False for NULL or for an error that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_is_retryable(error: *const skillsmith_error) -> bool {
    getter(false, || Ok(live::get(error)?.code.retryable()))
}

/// The moment before which it is no use to try again, in milliseconds since 1970 (UTC).
///
/// -1 where the registry has named none, for NULL, and for an error that was freed. Does
/// not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_retry_at_ms(error: *const skillsmith_error) -> i64 {
    getter(-1, || {
        let at = live::get(error)?.retry_at;
        Ok(at.map_or(-1, |at| at.timestamp_millis()))
    })
}

/// Frees an error; its texts are gone with it.
///
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
/// block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_free(error: *mut skillsmith_error) -> skillsmith_status {
    boundary(&ErrorOut::nowhere(), || live::retire(error).map(drop))
}
