//! The user data of callbacks.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

/// Releases the user data of callbacks, after the last of them has returned.
pub type skillsmith_destroy_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The host's pointer, and its destructor.
pub(crate) struct UserData {
    pointer: *mut c_void,
    destroy: skillsmith_destroy_callback,
    /// Whether we own it: the host's call has succeeded.
    ours: AtomicBool,
}

// SAFETY: never dereferenced here. The header tells the host on which threads its
// callbacks are called with it.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) const fn new(pointer: *mut c_void, destroy: skillsmith_destroy_callback) -> Self {
        Self {
            pointer,
            destroy,
            ours: AtomicBool::new(false),
        }
    }

    /// For the callbacks.
    pub(crate) const fn pointer(&self) -> *mut c_void {
        self.pointer
    }

    /// From now on it is destroyed with its last user.
    pub(crate) fn take_over(&self) {
        self.ours.store(true, Ordering::SeqCst);
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy
            && self.ours.load(Ordering::SeqCst)
        {
            // SAFETY: the host's function with the host's pointer, once.
            unsafe { destroy(self.pointer) };
        }
    }
}
