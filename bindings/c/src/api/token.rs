//! A function of the host that gives the token of a signed-in user.

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use skillsmith_sync::registry::TokenRequest;
use skillsmith_sync::{CancelToken, Error, Result};

use crate::ffi::answer::Answer;
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{Handle, HandlePtr, Lease};
use crate::ffi::input::TextPtr;
use crate::ffi::status::skillsmith_status;
use crate::ffi::user_data::UserData;

/// One call of a token callback. The callback provides its token through it, and checks
/// whether the token is still needed.
///
/// Valid until the callback returns; any thread may use it until then.
#[derive(Debug)]
pub struct skillsmith_token_call {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_token_call {
    type Object = TokenCall;
    const NAME: &'static str = "call";
}

/// Provides the token of a signed-in user.
///
/// Provides it with `skillsmith_token_call_set_token`, or reports a failure with
/// `skillsmith_token_call_fail`, and returns 0. Without either there is no token. Any other
/// return value is a failure. `refused` is not 0 if the registry has refused the last token
/// with 401, so that a fresh one is needed.
///
/// Called before the first request, unless `jwt_token` is set, and once for each refused
/// token, on a thread of its own. It may block: the call that needs the token stops waiting
/// when it is cancelled or reaches its deadline, and ignores a later token. The callback may
/// therefore still run when it is called again. It may call any function of this library.
pub type skillsmith_token_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        refused: c_int,
        call: *mut skillsmith_token_call,
    ) -> c_int,
>;

/// What a callback is asked and what it answers.
#[derive(Debug)]
pub struct TokenCall {
    wanted: CancelToken,
    answer: Answer<String, String>,
}

/// The callback with its user data.
#[derive(Clone)]
pub(crate) struct TokenSource {
    callback: unsafe extern "C" fn(*mut c_void, c_int, *mut skillsmith_token_call) -> c_int,
    user_data: Arc<UserData>,
}

impl TokenSource {
    pub(crate) fn new(callback: skillsmith_token_callback, user_data: UserData) -> Option<Self> {
        Some(Self {
            callback: callback?,
            user_data: Arc::new(user_data),
        })
    }

    /// From now on the user data is destroyed with the last who uses it.
    pub(crate) fn take_over(&self) {
        self.user_data.take_over();
    }

    /// Calls the callback.
    pub(crate) fn token(&self, request: &TokenRequest) -> Result<String> {
        let lease = Lease::<skillsmith_token_call>::new(TokenCall {
            wanted: request.cancel().clone(),
            answer: Answer::default(),
        });
        let refused = c_int::from(request.is_refused());
        // SAFETY: the host's function, with what its type says.
        let returned =
            unsafe { (self.callback)(self.user_data.pointer(), refused, lease.handle()) };
        let answer = lease.object()?.answer.take();
        match answer {
            Some(Err(message)) => Err(Error::Host(message)),
            _ if returned != 0 => Err(Error::Host(format!("its callback returned {returned}"))),
            Some(Ok(token)) => Ok(token),
            None => Ok(String::new()),
        }
    }
}

/// Provides the token. The last one counts, and none after a failure.
///
/// `token` is copied. NULL and "" mean that there is no token. Does not block; any thread may
/// call it until the callback returns. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`;
/// `INVALID_ARGUMENT` if it is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_token_call_set_token(
    call: HandlePtr<skillsmith_token_call>,
    token: TextPtr,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        let call = call.get()?;
        call.answer
            .set(Ok(token.optional("token")?.unwrap_or_default()));
        Ok(())
    })
}

/// Reports that there is no token because of a failure.
///
/// `message` is UTF-8 for the user, and copied; it appears in the result and the history, so
/// it must not contain credentials. The call that needs the token fails with `HOST_ERROR`, or
/// with `SIGN_IN_EXPIRED` if the registry has refused the last token. The first failure counts.
///
/// Does not block; any thread may call it until the callback returns. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_token_call_fail(
    call: HandlePtr<skillsmith_token_call>,
    message: TextPtr,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        let call = call.get()?;
        call.answer.set(Err(message.text("message")?));
        Ok(())
    })
}

/// Whether the token is no longer needed: the call that needs it was cancelled or has ended.
///
/// A callback that blocks checks this repeatedly, and returns. True for NULL and once the callback has returned. Does not block; any thread may
/// call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_token_call_is_cancelled(
    call: HandlePtr<skillsmith_token_call>,
) -> bool {
    getter(true, || Ok(call.get()?.wanted.is_cancelled()))
}
