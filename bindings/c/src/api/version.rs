//! Versions of this library.

use std::ffi::c_char;

/// Raised whenever a function or type of the C interface changes incompatibly.
const ABI_VERSION: u32 = 1;

/// ABI version of this library.
///
/// Compare it with `SKILLSMITH_ABI_VERSION` of the header: if they differ, the program was
/// compiled for another version. Does not block; any thread and any signal handler may call
/// it.
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

/// The version of this library as a number, like `SKILLSMITH_VERSION_NUMBER`: `major *
/// 1000000 + minor * 1000 + patch`.
///
/// Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_version_number() -> u32 {
    NUMBER
}

const NUMBER: u32 = part(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
    + part(env!("CARGO_PKG_VERSION_MINOR")) * 1_000
    + part(env!("CARGO_PKG_VERSION_PATCH"));

const fn part(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("cargo gives numbers"),
    }
}
