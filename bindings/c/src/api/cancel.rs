//! Cancellation from another thread, or from a signal handler.

use skillsmith_sync::{CancelToken, Error};

use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::out::OutPtr;
use crate::ffi::signal;
use crate::ffi::status::skillsmith_status;

/// Cancels the calls that it is passed to. A cancelled token cannot be used again.
///
/// Several calls may share a token; cancelling it ends all of them.
#[derive(Debug)]
pub struct skillsmith_cancel_token {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_cancel_token {
    type Object = CancelToken;
    const NAME: &'static str = "token";
}

/// Creates a token.
///
/// Gives an owned handle: `skillsmith_cancel_token_free`. Does not block; any thread may
/// call it. Errors: `NULL_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_new(
    out_token: OutPtr<*mut skillsmith_cancel_token>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_token.fill("out_token", || {
            let token = CancelToken::new();
            let handle: *mut skillsmith_cancel_token = handles::insert(token.clone());
            signal::list(handle.addr(), &token);
            Ok(handle)
        })
    })
}

/// Cancels every call that uses the token: aborts network requests and ends waits.
///
/// Takes effect within 200 ms; the cancelled call then returns. Calling it again is safe.
/// Does not block; any thread may call it, callbacks included, but not a signal handler.
/// Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_cancel(
    token: HandlePtr<skillsmith_cancel_token>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        token.get()?.cancel();
        Ok(())
    })
}

/// Cancels from a signal handler: it only stores to atomic variables.
///
/// Calls that use the token notice it within 50 ms. Store the handle in a variable that the
/// handler may read, before you install the handler. Any thread may call it. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_raise(
    token: HandlePtr<skillsmith_cancel_token>,
) -> skillsmith_status {
    // No `boundary`: nothing here can panic, and catching may allocate.
    if token.number() == 0 {
        return skillsmith_status::of(Error::NullArgument("token").code());
    }
    if signal::raise(token.number()) {
        skillsmith_status::SKILLSMITH_OK
    } else {
        skillsmith_status::SKILLSMITH_INVALID_HANDLE
    }
}

/// Whether the token was cancelled or raised.
///
/// False for NULL or for a token that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_is_cancelled(
    token: HandlePtr<skillsmith_cancel_token>,
) -> bool {
    getter(false, || Ok(token.get()?.is_cancelled()))
}

/// Frees a token. Calls that use it continue, and can no longer be cancelled.
///
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any
/// thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_free(
    token: OwnedHandle<skillsmith_cancel_token>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        token.remove()?;
        signal::unlist(token.number());
        Ok(())
    })
}
