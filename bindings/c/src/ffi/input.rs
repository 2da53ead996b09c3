//! Inputs through pointers: texts and options.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use skillsmith_sync::{Error, Result, memory};

/// No options structure is nearly that large; a larger size was not initialized.
const MAX_OPTIONS: usize = 4096;

/// A text that a caller passes.
///
/// # Safety
/// Only C callers create one, and promise: NULL, or a NUL-terminated string that does not
/// change until the function returns. It is not kept for longer.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct TextPtr(*const c_char);

impl TextPtr {
    /// A required text.
    pub(crate) fn text(self, name: &'static str) -> Result<String> {
        self.optional(name)?.ok_or(Error::NullArgument(name))
    }

    /// A text that may be NULL.
    pub(crate) fn optional(self, name: &'static str) -> Result<Option<String>> {
        if self.0.is_null() {
            return Ok(None);
        }
        // SAFETY: the promise of the type; copied before we return.
        Self::copied(name, unsafe { CStr::from_ptr(self.0) }.to_bytes())
    }

    /// A text that may be NULL, with a length other than 0 where it may have a NUL in it. The caller
    /// promises then that it is readable for as many bytes.
    pub(crate) fn optional_of(self, name: &'static str, length: usize) -> Result<Option<String>> {
        if self.0.is_null() || length == 0 {
            return self.optional(name);
        }
        if isize::try_from(length).is_err() {
            return Err(Error::InvalidArgument(format!(
                "The length of the argument '{name}' is {length}, which no text has."
            )));
        }
        // SAFETY: the caller's promise; copied before we return.
        Self::copied(name, unsafe {
            std::slice::from_raw_parts(self.0.cast::<u8>(), length)
        })
    }

    fn copied(name: &'static str, bytes: &[u8]) -> Result<Option<String>> {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                // For this copy, and for those in messages and requests.
                memory::ensure_available(text.len().saturating_mul(4))?;
                Ok(Some(text.to_owned()))
            }
            Err(error) => Err(Error::InvalidArgument(format!(
                "The argument '{name}' is not valid UTF-8 (at byte {}).",
                error.valid_up_to()
            ))),
        }
    }
}

/// An options structure.
///
/// # Safety
/// It is `repr(C)`, begins with a `usize` that holds its size, and a value whose
/// bytes are all zero is valid, as is one with any bytes in its numbers.
pub(crate) unsafe trait Options: Copy {
    const NAME: &'static str;
    /// All of them, in their order.
    const MEMBERS: &'static [Member];
}

/// A member of an options structure, and the bytes where it lies.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The size of what a function that is never called would return.
pub(crate) const fn size_of_member<T, M>(_: fn(&T) -> &M) -> usize {
    size_of::<M>()
}

/// An options structure that a caller passes.
///
/// # Safety
/// Only C callers create one, and promise: NULL, or readable for as many bytes as its first
/// member says, until the function returns, with valid members.
#[derive(Debug)]
#[repr(transparent)]
pub struct OptionsPtr<T>(*const T);

impl<T> Clone for OptionsPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OptionsPtr<T> {}

impl<T: Options> OptionsPtr<T> {
    /// Required options.
    pub(crate) fn required(self) -> Result<T> {
        self.read()?.ok_or(Error::NullArgument(T::NAME))
    }

    /// The options, for any version of the header: members that the caller's structure
    /// lacks are zero, which is their default.
    pub(crate) fn read(self) -> Result<Option<T>> {
        let options = self.0;
        if options.is_null() {
            return Ok(None);
        }
        // SAFETY: the first member is there by the promise of the type.
        let size = unsafe { options.cast::<usize>().read_unaligned() };
        if !(size_of::<usize>()..=MAX_OPTIONS).contains(&size) {
            return Err(Error::InvalidArgument(format!(
                "The member struct_size of '{}' is {size}. Set it to sizeof of the structure, and the rest to zero.",
                T::NAME
            )));
        }
        // Half a pointer leads anywhere.
        let cut = |member: &&Member| (member.start + 1..member.end).contains(&size);
        if let Some(member) = T::MEMBERS.iter().find(cut) {
            return Err(Error::InvalidArgument(format!(
                "The member struct_size of '{}' is {size}, which is within its member {}. Set it to sizeof of the structure, and the rest to zero.",
                T::NAME,
                member.name
            )));
        }
        // SAFETY: readable by the promise of the type.
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
}
