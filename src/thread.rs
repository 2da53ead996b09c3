//! The cancellation of threads in C, `pthread_cancel`.
//!
//! It unwinds the thread at its next cancellation point, which is nearly every system call. Rust ends the
//! process when such an unwinding meets one of its frames, so none may start while our code runs.

use std::marker::PhantomData;

#[cfg(all(unix, not(target_os = "android")))]
#[expect(unsafe_code, reason = "one function of the system's")]
mod posix {
    use std::ffi::c_int;
    use std::ptr;

    // libc has it for few systems.
    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    }

    /// `PTHREAD_CANCEL_DISABLE`.
    const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

    pub(super) fn disable() -> c_int {
        let mut old = DISABLE;
        // SAFETY: a pointer to a variable, and a state that every system knows.
        unsafe { pthread_setcancelstate(DISABLE, &raw mut old) };
        old
    }

    pub(super) fn restore(old: c_int) {
        // SAFETY: the state was the system's own; it may be NULL where the old one is not wanted.
        unsafe { pthread_setcancelstate(old, ptr::null_mut()) };
    }
}

/// There is no such cancellation on this system.
#[cfg(not(all(unix, not(target_os = "android"))))]
mod posix {
    pub(super) const fn disable() -> i32 {
        0
    }

    pub(super) const fn restore(_: i32) {}
}

/// While it exists, a cancellation of this thread waits. Of several, the last one has to end first, as locals do.
#[derive(Debug)]
pub struct Uncancellable {
    old: i32,
    /// It ends on the thread on which it began.
    _here: PhantomData<*const ()>,
}

impl Uncancellable {
    /// From now on.
    #[must_use]
    pub fn here() -> Self {
        Self {
            old: posix::disable(),
            _here: PhantomData,
        }
    }
}

impl Drop for Uncancellable {
    fn drop(&mut self) {
        posix::restore(self.old);
    }
}

/// No cancellation ever ends this thread, which is the library's own: a callback of the host may have asked for it.
pub(crate) fn never_cancel_this_one() {
    _ = posix::disable();
}
