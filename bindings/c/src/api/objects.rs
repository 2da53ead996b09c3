//! Strings that the caller owns, and the number of live objects.

use std::ffi::c_char;

use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::process::objects;
use crate::ffi::records;
use crate::ffi::status::skillsmith_status;

/// Frees a string that a function of this library returned through a `char **`.
///
/// NULL is a no-op. A pointer that is not such a string, or was already freed, is left
/// alone and returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_string_free(string: *mut c_char) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free_string(string))
}

/// Number of handles, strings and records of this library that are not freed yet.
///
/// For leak tests: 0 once everything is freed. Errors count too. Does not block; any thread
/// may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_live_objects() -> usize {
    getter(0, || Ok(objects().count()))
}
