//! Names and properties of a status.

use std::ffi::c_char;

use skillsmith_sync::ErrorCode;

use crate::ffi::boundary::getter;
use crate::ffi::status::skillsmith_status;

/// A status as the caller gives it: any number at all.
pub type skillsmith_status_value = i32;

/// The name of a status, such as "NETWORK_TIMEOUT"; "OK" for 0, "UNKNOWN" for an unknown
/// number.
///
/// The README and the Node package use the same names. Do not free it: the text lives as
/// long as the library is loaded. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_status_name(status: skillsmith_status_value) -> *const c_char {
    getter(c"UNKNOWN".as_ptr(), || {
        let name = skillsmith_status::known(status).map_or(c"UNKNOWN", skillsmith_status::name);
        Ok(name.as_ptr())
    })
}

/// Whether the same call may succeed later without any change by the caller.
///
/// False for `SKILLSMITH_OK` and for unknown numbers. Does not block; any thread may call
/// it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_status_is_retryable(status: skillsmith_status_value) -> bool {
    getter(false, || {
        let mut codes = ErrorCode::ALL.iter();
        let code = codes.find(|code| code.number() == status);
        Ok(code.is_some_and(|code| code.retryable()))
    })
}
