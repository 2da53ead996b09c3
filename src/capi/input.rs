//! What a function is told through pointers: texts and options.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use crate::{Error, Result, memory};

/// No structure of options is anywhere near that large; a size above it was never set.
const MAX_OPTIONS: usize = 4096;

/// A text that is needed.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string.
pub(super) unsafe fn text(text: *const c_char, name: &'static str) -> Result<String> {
    // SAFETY: the caller's promise.
    unsafe { optional_text(text, name) }?.ok_or(Error::NullArgument(name))
}

/// A text that may be NULL.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string.
pub(super) unsafe fn optional_text(
    text: *const c_char,
    name: &'static str,
) -> Result<Option<String>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so a string by the caller's promise; copied before we return.
    let bytes = unsafe { CStr::from_ptr(text) };
    match bytes.to_str() {
        Ok(text) => {
            // This copy, and those that it comes to in messages and requests.
            memory::afford(text.len().saturating_mul(4))?;
            Ok(Some(text.to_owned()))
        }
        Err(error) => Err(Error::InvalidArgument(format!(
            "The argument '{name}' is not valid UTF-8 (at byte {}).",
            error.valid_up_to()
        ))),
    }
}

/// A structure of options.
///
/// # Safety
/// It is `repr(C)`, begins with a `usize` that holds its size, and a value whose
/// bytes are all zero is valid, as is one with any bytes in its numbers.
pub(super) unsafe trait Options: Copy {
    const NAME: &'static str;
}

/// The options that a caller passes, whichever version of the header it knows:
/// what its structure lacks is zero, and so the default.
///
/// # Safety
/// `options` is NULL, or readable for as many bytes as its first member says.
pub(super) unsafe fn options<T: Options>(options: *const T) -> Result<Option<T>> {
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: the first member is there by the caller's promise.
    let size = unsafe { options.cast::<usize>().read_unaligned() };
    if !(size_of::<usize>()..=MAX_OPTIONS).contains(&size) {
        return Err(Error::InvalidArgument(format!(
            "The member struct_size of '{}' is {size}. Set it to sizeof of the structure, and the rest to zero.",
            T::NAME
        )));
    }
    // SAFETY: readable by the caller's promise.
    let given = unsafe { std::slice::from_raw_parts(options.cast::<MaybeUninit<u8>>(), size) };
    let known = size.min(size_of::<T>());
    // SAFETY: padding lies within the structure that we know; what is beyond it was
    // zeroed by the caller, as the header asks.
    let unknown = |byte: &MaybeUninit<u8>| unsafe { byte.assume_init() } != 0;
    if given[known..].iter().any(unknown) {
        return Err(Error::InvalidArgument(format!(
            "'{}' sets a member that this version of the library ({}) does not know.",
            T::NAME,
            env!("CARGO_PKG_VERSION")
        )));
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes fit both; all-zero is valid for the rest.
    Ok(Some(unsafe {
        given
            .as_ptr()
            .copy_to_nonoverlapping(copy.as_mut_ptr().cast(), known);
        copy.assume_init()
    }))
}
