//! The C border: one delegation per function. The header is generated from here.
#![expect(unsafe_code, reason = "names for the C linker")]

use std::ffi::c_char;

/// Raised whenever a function or type of the C interface changes incompatibly.
const ABI_VERSION: u32 = 1;

/// The version of the C interface that this library has.
///
/// Compare it with `SKILLSMITH_ABI_VERSION` of the header: where they differ, the
/// program was compiled for another library. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_abi_version() -> u32 {
    ABI_VERSION
}

/// The version of this library, such as "0.1.0".
///
/// Do not free it: the text lives as long as the library is loaded. Does not
/// block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_version_string() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
