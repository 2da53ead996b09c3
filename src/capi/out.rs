//! What a function gives back through a pointer.

use crate::{Error, Result};

/// What an output holds until the function has succeeded.
pub(super) trait Empty {
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
    super::client::skillsmith_health = super::client::skillsmith_health::SKILLSMITH_HEALTH_UNKNOWN;
}

/// The place for one output.
pub(super) struct Out<T> {
    place: *mut T,
    name: &'static str,
}

impl<T: Empty> Out<T> {
    /// Empties the place, so that it never holds what nobody has put there.
    ///
    /// # Safety
    /// `place` is NULL, or writable until the exported function returns.
    pub(super) unsafe fn new(place: *mut T, name: &'static str) -> Self {
        if !place.is_null() {
            // SAFETY: the caller's promise.
            unsafe { place.write(T::EMPTY) };
        }
        Self { place, name }
    }

    /// Fails where there is no place, or no memory for what is to be put there. To be
    /// asked before anything is done.
    pub(super) fn check(&self) -> Result<()> {
        if self.place.is_null() {
            return Err(Error::NullArgument(self.name));
        }
        crate::memory::check()
    }

    pub(super) const fn is_wanted(&self) -> bool {
        !self.place.is_null()
    }

    /// Gives the value; where there is no place, it is lost.
    pub(super) fn give(&self, value: T) {
        if !self.place.is_null() {
            // SAFETY: what was promised to `new`; the value never outlives the call.
            unsafe { self.place.write(value) };
        }
    }
}
