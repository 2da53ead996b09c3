//! One call of a callback: its response and its cancellation.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use skillsmith_sync::clock::{self, Clock as _, SystemClock};
use skillsmith_sync::registry::{MAX_BODY, Page};
use skillsmith_sync::{CancelToken, Error, Result};

use crate::api::status::skillsmith_status_value;
use crate::ffi::answer::Answer;
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{Handle, HandlePtr};
use crate::ffi::input::TextPtr;
use crate::ffi::status::skillsmith_status;

/// One call of a registry callback. The callback passes its response to it and asks it
/// whether the call was cancelled.
///
/// Valid until the callback returns; any thread may use it until then.
#[derive(Debug)]
pub struct skillsmith_registry_call {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_registry_call {
    type Object = Exchange;
    const NAME: &'static str = "call";
}

/// The request to a callback and its response.
#[derive(Debug)]
pub struct Exchange {
    cancel: CancelToken,
    answer: Answer<Page, Error>,
}

impl Exchange {
    pub(super) fn new(cancel: &CancelToken) -> Self {
        Self {
            cancel: cancel.clone(),
            answer: Answer::default(),
        }
    }

    /// Takes a page from the text of the response, `None` if it is too long. What is wrong with it is told to the callback, and ends the
    /// request as the same failure of a server would.
    fn set_page(&self, json: Option<&[u8]>) -> Result<()> {
        let page = json.map_or(Err(Error::TooLarge(MAX_BODY)), Page::parse);
        let told = match &page {
            Ok(_) => Ok(()),
            Err(Error::Protocol(why)) => Err(Error::Protocol(why.clone())),
            Err(Error::TooLarge(most)) => Err(Error::TooLarge(*most)),
            Err(_) => Err(Error::OutOfMemory),
        };
        self.answer.set(page);
        told
    }

    pub(super) fn take(&self) -> Option<Result<Page>> {
        self.answer.take()
    }
}

/// Whether the call was cancelled: the run was cancelled or has ended.
///
/// A callback that blocks should poll this, and return when it is true. True for NULL and
/// after the callback has returned. Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_call_is_cancelled(
    call: HandlePtr<skillsmith_registry_call>,
) -> bool {
    getter(true, || Ok(call.get()?.cancel.is_cancelled()))
}

/// Waits, such as between two attempts.
///
/// Returns `SKILLSMITH_OK` after that time; `SKILLSMITH_CANCELLED` as soon as the call is
/// cancelled. Blocks for that time; any thread may call it until the callback returns.
/// Errors: also `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_call_wait(
    call: HandlePtr<skillsmith_registry_call>,
    milliseconds: u64,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        let exchange = call.get()?;
        if exchange.cancel.wait(Duration::from_millis(milliseconds)) {
            return Err(Error::Cancelled);
        }
        Ok(())
    })
}

/// Sets the page: the JSON text of the registry's response, `{"data": [...], "meta":
/// {...}}`.
///
/// `json` is `length` bytes, need not end with a NUL, and is copied. `data` contains the
/// skills as the registry sends them; `meta.total` and `meta.limit` may be missing. A row
/// that is not a skill is rejected, without harm to the others. An empty `data` ends the
/// listing. Only the last page counts, and no page after a failure.
///
/// Parses the text, and does not block otherwise; any thread may call it until the callback
/// returns. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`; `PROTOCOL_ERROR` if the text is not
/// a page, `RESPONSE_TOO_LARGE` over 16 MiB; the page has then failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_registry_call_set_page(
    call: HandlePtr<skillsmith_registry_call>,
    json: *const c_char,
    length: usize,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let exchange = call.get()?;
        if json.is_null() {
            return Err(Error::NullArgument("json"));
        }
        let json = (length as u64 <= MAX_BODY).then(|| {
            // SAFETY: the caller's promise, and not longer than any object; read before we return.
            unsafe { std::slice::from_raw_parts(json.cast::<u8>(), length) }
        });
        exchange.set_page(json)
    })
}

/// Reports that the request failed.
///
/// `status` is the reason: `SKILLSMITH_HOST_ERROR`, `_NETWORK_UNREACHABLE`,
/// `_NETWORK_TIMEOUT`, `_API_UNHEALTHY` or `_PROTOCOL_ERROR`. `message` is UTF-8 for the
/// person who has to act on it, and copied. It appears in the result and the history, so it
/// must not contain credentials. `_NETWORK_UNREACHABLE` and `_API_UNHEALTHY` end the run;
/// after any other, the engine continues as `skillsmith_search_callback` says. Only the
/// first failure counts.
///
/// Does not block; any thread may call it until the callback returns. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for any
/// other status.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_call_fail(
    call: HandlePtr<skillsmith_registry_call>,
    status: skillsmith_status_value,
    message: TextPtr,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        let exchange = call.get()?;
        let message = message.text("message")?;
        exchange.answer.set(Err(failure(status, message)?));
        Ok(())
    })
}

fn failure(status: skillsmith_status_value, message: String) -> Result<Error> {
    use skillsmith_status as Status;
    const HOST: i32 = Status::SKILLSMITH_HOST_ERROR as i32;
    const UNREACHABLE: i32 = Status::SKILLSMITH_NETWORK_UNREACHABLE as i32;
    const TIMEOUT: i32 = Status::SKILLSMITH_NETWORK_TIMEOUT as i32;
    const UNHEALTHY: i32 = Status::SKILLSMITH_API_UNHEALTHY as i32;
    const PROTOCOL: i32 = Status::SKILLSMITH_PROTOCOL_ERROR as i32;
    Ok(match status {
        HOST => Error::Host(message),
        UNREACHABLE => Error::Unreachable(message.into()),
        TIMEOUT => Error::Timeout(message.into()),
        UNHEALTHY => Error::Unhealthy(Some(message.into())),
        PROTOCOL => Error::Protocol(message.into()),
        other => {
            return Err(Error::InvalidArgument(format!(
                "A page cannot fail with status {other}."
            )));
        }
    })
}

/// Reports that the registry responded with an HTTP status other than success.
///
/// The engine treats it like the same response of the live registry: after 400 it requests
/// the listing in another way; 401 (`SIGN_IN_EXPIRED` if `detail` says that something has
/// expired), 403 if `detail` contains `tier_not_entitled` (`PLAN_REQUIRED`), 429, and 5xx and
/// 408 with a retry time end the run with their own error codes; any other status fails this page only, until three pages in a row fail. `retry_after_ms`
/// is the `Retry-After` in milliseconds from now, or -1; after 429 and 5xx no automatic sync
/// starts before then, for a month at most. `detail` is the message in the body, or NULL;
/// UTF-8, copied.
///
/// Does not block; any thread may call it until the callback returns. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for a
/// status below 300 or above 599.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_call_fail_http(
    call: HandlePtr<skillsmith_registry_call>,
    http_status: c_int,
    retry_after_ms: i64,
    detail: TextPtr,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        let exchange = call.get()?;
        let detail = detail.optional("detail")?;
        let now = SystemClock.now();
        let retry_at = (retry_after_ms >= 0).then(|| {
            let delay = TimeDelta::try_milliseconds(retry_after_ms).unwrap_or(TimeDelta::MAX);
            clock::within_a_month(clock::later(now, delay), now)
        });
        exchange
            .answer
            .set(Err(http_failure(http_status, retry_at, detail)?));
        Ok(())
    })
}

fn http_failure(
    status: c_int,
    retry_at: Option<DateTime<Utc>>,
    detail: Option<String>,
) -> Result<Error> {
    let Some(status) = u16::try_from(status)
        .ok()
        .filter(|status| (300..600).contains(status))
    else {
        return Err(Error::InvalidArgument(format!(
            "{status} is not the HTTP status of a failure."
        )));
    };
    Ok(Error::of_status(status, detail, retry_at))
}
