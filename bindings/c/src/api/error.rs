//! Reading errors.

use std::ffi::c_char;

use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::{ErrorPtr, skillsmith_error};
use crate::ffi::handles::{HandlePtr, OwnedHandle};
use crate::ffi::status::skillsmith_status;

/// The status that the function returned with this error.
///
/// `SKILLSMITH_OK` for NULL or for an error that was freed. Does not block; any thread
/// may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_code(error: HandlePtr<skillsmith_error>) -> skillsmith_status {
    getter(skillsmith_status::SKILLSMITH_OK, || {
        Ok(skillsmith_status::of(error.get()?.code))
    })
}

/// The name of the error's code, such as "NETWORK_TIMEOUT".
///
/// Do not free it: the text lives as long as the library is loaded. "OK" for NULL or
/// for an error that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_name(error: HandlePtr<skillsmith_error>) -> *const c_char {
    getter(c"OK".as_ptr(), || {
        Ok(skillsmith_status::of(error.get()?.code).name().as_ptr())
    })
}

/// The message: what went wrong and what to do, in English.
///
/// Do not free it: the error owns the text. A U+0000 in it, such as in a name from the
/// registry, becomes U+FFFD. "" for NULL or for an error that was freed. Does not block;
/// any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_message(error: HandlePtr<skillsmith_error>) -> *const c_char {
    getter(c"".as_ptr(), || Ok(error.get()?.message.as_ptr()))
}

/// Whether the same call may succeed later without any change by the caller.
///
/// False for NULL or for an error that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_is_retryable(error: HandlePtr<skillsmith_error>) -> bool {
    getter(false, || Ok(error.get()?.code.retryable()))
}

/// The earliest time to retry, in milliseconds since 1970 (UTC).
///
/// -1 if the registry named none, for NULL, and for an error that was freed. Does not
/// block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_retry_at_ms(error: HandlePtr<skillsmith_error>) -> i64 {
    getter(-1, || {
        let at = error.get()?.retry_at;
        Ok(at.map_or(-1, |at| at.timestamp_millis()))
    })
}

/// Frees an error with its texts.
///
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any
/// thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_error_free(error: OwnedHandle<skillsmith_error>) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || error.remove().map(drop))
}
