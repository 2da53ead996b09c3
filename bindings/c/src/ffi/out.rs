//! Outputs through pointers.

use skillsmith_sync::{Error, Result};

use crate::shortage;

/// The value of an output before the function succeeds.
pub(crate) trait Empty {
    const EMPTY: Self;
}

impl<T> Empty for *mut T {
    const EMPTY: Self = std::ptr::null_mut();
}

macro_rules! empty {
    ($($type:ty = $empty:expr;)+) => { $(impl Empty for $type { const EMPTY: Self = $empty; })+ };
}

empty! {
    bool = false;
    i64 = 0;
    u64 = 0;
}

/// An output pointer.
///
/// # Safety
/// Only C callers create one, and promise: NULL, or writable until the function returns. It
/// is not kept for longer.
#[derive(Debug)]
#[repr(transparent)]
pub struct OutPtr<T>(*mut T);

impl<T> OutPtr<T> {
    /// NULL.
    pub(crate) const NONE: Self = Self(std::ptr::null_mut());
}

impl<T: Empty> OutPtr<T> {
    /// Clears the output, so that it never has an undefined value.
    pub(crate) fn emptied(self) -> Out<T> {
        if !self.0.is_null() {
            // SAFETY: the promise of the type.
            unsafe { self.0.write(T::EMPTY) };
        }
        Out(self)
    }

    /// Stores a value. Fails before creating it if the pointer is NULL or memory has run
    /// out.
    pub(crate) fn fill(self, name: &'static str, make: impl FnOnce() -> Result<T>) -> Result<()> {
        let out = self.emptied();
        if !out.is_wanted() {
            return Err(Error::NullArgument(name));
        }
        if shortage::is_short() {
            return Err(Error::OutOfMemory);
        }
        out.give(make()?);
        Ok(())
    }
}

/// A cleared output.
pub(crate) struct Out<T>(OutPtr<T>);

impl<T> Out<T> {
    pub(crate) const fn is_wanted(&self) -> bool {
        !self.0.0.is_null()
    }

    /// Stores the value; drops it if the pointer is NULL.
    pub(crate) fn give(&self, value: T) {
        if self.is_wanted() {
            // SAFETY: the promise of the pointer.
            unsafe { self.0.0.write(value) };
        }
    }
}
