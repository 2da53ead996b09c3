//! A registry that the host supplies: its own HTTP stack, a file, a test.

use chrono::{DateTime, TimeDelta, Utc};
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use skillsmith_sync::clock::{self, Clock as _, SystemClock};
use skillsmith_sync::registry::{Call, Health, Page, PageRequest};
use skillsmith_sync::{CancelToken, Error, Registry, Result};

use crate::api::client::skillsmith_health;
use crate::api::status::skillsmith_status_value;
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{Options, OptionsPtr, TextPtr};
use crate::ffi::out::OutPtr;
use crate::ffi::records::{Arena, lend, skillsmith_text};
use crate::ffi::status::skillsmith_status;
use crate::ffi::user_data::{UserData, skillsmith_destroy_callback};

/// The same bound as for pages that come over HTTP.
const MAX_PAGE: usize = 16 * 1024 * 1024;

/// A registry behind callbacks of the host.
///
/// Any thread may use it, and several engines may share it.
#[derive(Debug)]
pub struct skillsmith_registry {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_registry {
    type Object = HostRegistry;
    const NAME: &'static str = "registry";
}

/// One call of a callback of a registry: where it puts its answer, and asks whether it
/// is still wanted.
///
/// It lives until the callback returns; any thread may use it until then.
#[derive(Debug)]
pub struct skillsmith_registry_call {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_registry_call {
    type Object = Exchange;
    const NAME: &'static str = "call";
}

/// One page of a listing that is wanted. It lives until the callback returns.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_page_request {
    /// A search word, where the registry has refused plain listings; none otherwise.
    pub query: skillsmith_text,
    /// Only skills of this tier; none: of all.
    pub trust_tier: skillsmith_text,
    /// Rows wanted; the registry may give fewer.
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u64,
    /// Only skills with at least this score; negative: whatever their score, and without one.
    pub min_score: f64,
}

impl skillsmith_page_request {
    fn of(request: &PageRequest, arena: &mut Arena) -> Self {
        Self {
            query: arena.optional_text(request.query.as_deref()),
            trust_tier: arena.optional_text(request.trust_tier.as_deref()),
            limit: request.limit,
            offset: request.offset,
            min_score: request.min_score.unwrap_or(-1.0),
        }
    }
}

/// Says how the registry is: one of `skillsmith_health`.
///
/// `SKILLSMITH_HEALTH_UNKNOWN`, or any other number, ends the run; say why with one of the
/// `skillsmith_registry_call_fail` functions first.
pub type skillsmith_health_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, call: *mut skillsmith_registry_call) -> c_int,
>;

/// Fetches one page of the listing.
///
/// It gives the page with `skillsmith_registry_call_set_page`, or says what went wrong
/// with one of the `skillsmith_registry_call_fail` functions, and returns 0. Any other
/// return value is a failure, `HOST_ERROR`. Retries are its own: the engine goes on behind a
/// page that has failed, asks for it once more at the end, in smaller pieces, and ends the
/// run where three in a row have failed.
pub type skillsmith_search_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        request: *const skillsmith_page_request,
        call: *mut skillsmith_registry_call,
    ) -> c_int,
>;

/// The callbacks of a registry.
///
/// They run on a thread of the engine's, one after the other during a run. They may block
/// on the network, and should return soon after the call was cancelled: a run that is
/// stopped waits for a callback 100 ms at most and leaves it behind, so that the next run
/// may begin before it has returned. They may call any function of this library.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_registry_callbacks {
    /// `sizeof(skillsmith_registry_callbacks)`.
    pub struct_size: usize,
    /// Asked at the start of a run. NULL: the registry is always healthy.
    pub health: skillsmith_health_callback,
    /// Asked for each page. Needed.
    pub search: skillsmith_search_callback,
    /// Passed to each callback.
    pub user_data: *mut c_void,
    /// Called once with the user data, when the registry and every engine that was made
    /// from it are freed and no callback runs any more; on whichever thread was the last
    /// to use it. May be NULL. Not called where `skillsmith_registry_new` fails.
    pub destroy: skillsmith_destroy_callback,
}

// SAFETY: `repr(C)`, the size first, and pointers only; NULL is a valid callback.
unsafe impl Options for skillsmith_registry_callbacks {
    const NAME: &'static str = "callbacks";
}

/// Makes a registry of callbacks.
///
/// `name` tells it from other registries, as a base URL does: the place of an unfinished
/// listing, and the way of listing that worked, are kept in the database under it. It is
/// UTF-8, not empty, and copied. The callbacks are copied, too; on success the user data
/// is the library's until it calls `destroy`.
///
/// Gives an owned handle: `skillsmith_registry_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, for a missing `search` too; `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_new(
    name: TextPtr,
    callbacks: OptionsPtr<skillsmith_registry_callbacks>,
    out_registry: OutPtr<*mut skillsmith_registry>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_registry.fill("out_registry", || {
            let (name, given) = (name.text("name")?, callbacks.required()?);
            if given.search.is_none() {
                return Err(Error::NullArgument("search"));
            }
            if name.trim().is_empty() {
                return Err(Error::InvalidArgument(
                    "The registry's name is empty.".into(),
                ));
            }
            let registry = HostRegistry {
                name,
                offline: AtomicBool::new(false),
                callbacks: given,
                user_data: UserData::new(given.user_data, given.destroy),
            };
            registry.user_data.take_over();
            Ok(handles::insert(registry))
        })
    })
}

/// Frees a registry. Engines that were made from it keep it.
///
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
/// block, but for `destroy`; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_free(
    registry: OwnedHandle<skillsmith_registry>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || registry.remove().map(drop))
}

/// Says whether nothing may be sent: every sync then fails with `OFFLINE`, and no callback
/// is called. A new registry is not offline.
///
/// Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_set_offline(
    registry: HandlePtr<skillsmith_registry>,
    offline: c_int,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        let registry = registry.get()?;
        registry.offline.store(offline != 0, Ordering::SeqCst);
        Ok(())
    })
}

/// Whether the answer is no longer wanted: the run was cancelled or has ended.
///
/// A callback that blocks for longer than an instant asks this again and again, and
/// returns. True for NULL and once the callback has returned. Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_call_is_cancelled(
    call: HandlePtr<skillsmith_registry_call>,
) -> bool {
    getter(true, || Ok(call.get()?.cancel.is_cancelled()))
}

/// Waits, such as between two tries of a request.
///
/// `SKILLSMITH_OK` after that time; `SKILLSMITH_CANCELLED` as soon as the answer is no
/// longer wanted. Blocks for that time; any thread may call it until the callback returns.
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

/// Gives the page: the JSON text of the registry's answer, `{"data": [...], "meta": {...}}`.
///
/// `json` is `length` bytes, need not end with a NUL, and is copied. `data` holds the
/// skills as the registry serves them; `meta.total` and `meta.limit` may be missing. A row
/// that is no skill costs that row and nothing more. An empty `data` is the end of the
/// listing. Only the last page that is given counts, and none after a failure.
///
/// Parses the text, and does not block otherwise; any thread may call it until the callback
/// returns. Errors: `NULL_ARGUMENT`,
/// `INVALID_HANDLE`; `PROTOCOL_ERROR` where the text is no page, and `RESPONSE_TOO_LARGE`
/// over 16 MiB; the page has failed then.
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
        if length > MAX_PAGE {
            exchange.answer(Err(Error::TooLarge(MAX_PAGE as u64)));
            return Err(Error::TooLarge(MAX_PAGE as u64));
        }
        // SAFETY: the caller's promise; read before we return.
        let bytes = unsafe { std::slice::from_raw_parts(json.cast::<u8>(), length) };
        match Page::parse(bytes) {
            Err(Error::Protocol(why)) => {
                exchange.answer(Err(Error::Protocol(why.clone())));
                Err(Error::Protocol(why))
            }
            Err(Error::OutOfMemory) => {
                exchange.answer(Err(Error::OutOfMemory));
                Err(Error::OutOfMemory)
            }
            outcome => {
                exchange.answer(outcome);
                Ok(())
            }
        }
    })
}

/// Says that the page cannot be had.
///
/// `status` tells why: `SKILLSMITH_HOST_ERROR`, `_NETWORK_UNREACHABLE`,
/// `_NETWORK_TIMEOUT`, `_API_UNHEALTHY` or `_PROTOCOL_ERROR`. `message` is UTF-8 for the
/// person who has to act on it, and copied; it goes into the result and the history, so
/// keep credentials out of it. `_NETWORK_UNREACHABLE` and `_API_UNHEALTHY` end the run; after
/// any other, pages behind this one are asked for, as after `skillsmith_search_callback`
/// says. The first failure stays.
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
        exchange.answer(Err(failure(status, message)?));
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
        UNREACHABLE => Error::Unreachable(message),
        TIMEOUT => Error::Timeout(message),
        UNHEALTHY => Error::Unhealthy(Some(message)),
        PROTOCOL => Error::Protocol(message),
        other => {
            return Err(Error::InvalidArgument(format!(
                "A page cannot fail with status {other}."
            )));
        }
    })
}

/// Says that the registry has answered with an HTTP status that is no success.
///
/// The engine does what it does with that answer of the live registry: 400 makes it ask
/// for the listing in another way; 401, 429, and 5xx and 408 with a time to come back end
/// the run with the errors that they have here; any other status is a failure of this page
/// alone, until three in a row have failed. `retry_after_ms` is what
/// a `Retry-After` said, in milliseconds from now, or -1; after 429 and 5xx no sync
/// begins by itself before then, for a month at most. `detail` is what the body said, or NULL; UTF-8, copied.
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
        exchange.answer(Err(http_failure(http_status, retry_at, detail)?));
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
            "{status} is no HTTP status of a failure."
        )));
    };
    let said = detail
        .as_deref()
        .map_or_else(String::new, |detail| format!(": {detail}"));
    Ok(match status {
        401 => Error::Unauthorized(format!(
            "The registry wants a valid credential (401{said})."
        )),
        403 => Error::Forbidden(format!("The registry does not allow this (403{said}).")),
        429 => Error::RateLimited { retry_at },
        408 | 500.. => Error::Server {
            status,
            detail,
            retry_at,
        },
        _ => Error::Refused { status, detail },
    })
}

/// What a callback is asked and what it answers.
#[derive(Debug)]
pub struct Exchange {
    cancel: CancelToken,
    answer: Mutex<Option<Result<Page>>>,
}

impl Exchange {
    /// Takes an answer; a failure stays.
    fn answer(&self, answer: Result<Page>) {
        let mut known = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*known, Some(Err(_))) {
            *known = Some(answer);
        }
    }

    fn take(&self) -> Option<Result<Page>> {
        self.answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// What a [`skillsmith_registry`] stands for.
pub struct HostRegistry {
    name: String,
    offline: AtomicBool,
    callbacks: skillsmith_registry_callbacks,
    user_data: UserData,
}

// SAFETY: function pointers, and the pointer that `UserData` may send, too.
unsafe impl Send for HostRegistry {}
// SAFETY: as above.
unsafe impl Sync for HostRegistry {}

impl HostRegistry {
    /// Calls a callback. Gives what it returned and what it answered.
    fn ask(
        call: &Call<'_>,
        callback: impl FnOnce(*mut skillsmith_registry_call) -> c_int,
    ) -> Result<(c_int, Option<Result<Page>>)> {
        /// The callback's right to its call, which ends in any case.
        struct Lease(*mut skillsmith_registry_call);
        impl Drop for Lease {
            fn drop(&mut self) {
                _ = OwnedHandle::from(self.0).remove();
            }
        }
        let lease = Lease(handles::insert(Exchange {
            cancel: call.cancel.clone(),
            answer: Mutex::default(),
        }));
        let returned = callback(lease.0);
        let answer = HandlePtr::from(lease.0).get()?.take();
        drop(lease);
        call.check()?;
        Ok((returned, answer))
    }
}

impl Registry for HostRegistry {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn is_offline(&self) -> bool {
        self.offline.load(Ordering::SeqCst)
    }

    fn check_health(&self, call: &Call<'_>) -> Result<Health> {
        const HEALTHY: c_int = skillsmith_health::SKILLSMITH_HEALTH_HEALTHY as c_int;
        const DEGRADED: c_int = skillsmith_health::SKILLSMITH_HEALTH_DEGRADED as c_int;
        const UNHEALTHY: c_int = skillsmith_health::SKILLSMITH_HEALTH_UNHEALTHY as c_int;
        let Some(health) = self.callbacks.health else {
            return Ok(Health::Healthy);
        };
        let (returned, answer) = Self::ask(call, |handle| {
            // SAFETY: the host's function, with what its type says.
            unsafe { health(self.user_data.pointer(), handle) }
        })?;
        if let Some(Err(error)) = answer {
            return Err(error);
        }
        match returned {
            HEALTHY => Ok(Health::Healthy),
            DEGRADED => Ok(Health::Degraded),
            UNHEALTHY => Ok(Health::Unhealthy),
            other => Err(Error::Host(format!(
                "The registry's health callback failed (it returned {other})."
            ))),
        }
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let search = self.callbacks.search.ok_or(Error::NullArgument("search"))?;
        let (returned, answer) = Self::ask(call, |handle| {
            lend(
                |arena| skillsmith_page_request::of(request, arena),
                // SAFETY: the host's function, with what its type says.
                |request| unsafe { search(self.user_data.pointer(), request, handle) },
            )
        })?;
        match answer {
            Some(Err(error)) => Err(error),
            _ if returned != 0 => Err(Error::Host(format!(
                "The registry's search callback failed (it returned {returned})."
            ))),
            Some(page) => page,
            None => Err(Error::Host(
                "The registry's search callback gave neither a page nor a failure.".into(),
            )),
        }
    }
}

impl std::fmt::Debug for HostRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostRegistry")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
