//! Cancellation from another thread, or from a signal handler.

use super::boundary::{boundary, getter};
use super::error::{ErrorOut, skillsmith_error};
use super::live::{self, Handle};
use super::out::Out;
use super::signal;
use super::status::skillsmith_status;
use crate::{CancelToken, Error};

/// Asks for the end of what runs with it. It cannot be used again once it is cancelled.
///
/// One token may go with several calls, which all end with it.
#[derive(Debug)]
pub struct skillsmith_cancel_token {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_cancel_token {
    type Object = CancelToken;
    const NAME: &'static str = "token";
}

/// Makes a token that nobody has cancelled yet.
///
/// Gives an owned handle: `skillsmith_cancel_token_free`. Does not block; any thread may
/// call it. Errors: `NULL_ARGUMENT`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_cancel_token_new(
    out_token: *mut *mut skillsmith_cancel_token,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_token, "out_token"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        let token = CancelToken::new();
        let handle: *mut skillsmith_cancel_token = live::issue(token.clone());
        signal::list(handle.addr(), &token);
        out.give(handle);
        Ok(())
    })
}

/// Ends what runs with the token: network requests in flight are cut, waits end.
///
/// Takes effect within 200 ms; the call that runs then returns by itself. Cancelling
/// twice is fine. Does not block; any thread may call it, a callback too, but no signal
/// handler. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_cancel(
    token: *const skillsmith_cancel_token,
) -> skillsmith_status {
    boundary(&ErrorOut::nowhere(), || {
        live::get(token)?.cancel();
        Ok(())
    })
}

/// The same for a signal handler: it only stores to atomic variables.
///
/// What runs with the token notices it within 50 ms. Keep the handle in a variable that
/// the handler may read, set before the handler is installed. Any thread may call it.
/// Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_raise(
    token: *const skillsmith_cancel_token,
) -> skillsmith_status {
    // No border: nothing here can panic, and catching may allocate.
    if token.is_null() {
        return skillsmith_status::of(Error::NullArgument("token").code());
    }
    if signal::raise(token.addr()) {
        skillsmith_status::SKILLSMITH_OK
    } else {
        skillsmith_status::SKILLSMITH_INVALID_HANDLE
    }
}

/// Whether it was cancelled or raised.
///
/// False for NULL or for a token that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_is_cancelled(
    token: *const skillsmith_cancel_token,
) -> bool {
    getter(false, || Ok(live::get(token)?.is_cancelled()))
}

/// Frees a token. What runs with it goes on, and can no longer be cancelled.
///
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
/// block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_cancel_token_free(
    token: *mut skillsmith_cancel_token,
) -> skillsmith_status {
    boundary(&ErrorOut::nowhere(), || {
        live::retire(token)?;
        signal::unlist(token.addr());
        Ok(())
    })
}
