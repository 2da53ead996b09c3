//! What a function gives back through a pointer.

use skillsmith_sync::{Error, Result};

use crate::shortage;

/// What an output holds until the function has succeeded.
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

/// Where a function puts what it gives.
///
/// # Safety
/// Only callers in C make one, and by that promise: NULL, or writable until the function
/// returns. Nothing here keeps it for longer.
#[derive(Debug)]
#[repr(transparent)]
pub struct OutPtr<T>(*mut T);

impl<T> OutPtr<T> {
    /// NULL.
    pub(crate) const NONE: Self = Self(std::ptr::null_mut());
}

impl<T: Empty> OutPtr<T> {
    /// Empties the place, so that it never holds what was not put there.
    pub(crate) fn emptied(self) -> Out<T> {
        if !self.0.is_null() {
            // SAFETY: the promise of the type.
            unsafe { self.0.write(T::EMPTY) };
        }
        Out(self)
    }

    /// Puts a value there. Fails, before it is made, where there is no place for it, or no
    /// memory.
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

/// The place for one output, emptied.
pub(crate) struct Out<T>(OutPtr<T>);

impl<T> Out<T> {
    pub(crate) const fn is_wanted(&self) -> bool {
        !self.0.0.is_null()
    }

    /// Gives the value; where there is no place, it is lost.
    pub(crate) fn give(&self, value: T) {
        if self.is_wanted() {
            // SAFETY: the promise of the pointer.
            unsafe { self.0.0.write(value) };
        }
    }
}
