//! A registry that the host supplies: its own HTTP stack, a file, a test.

mod call;
mod host;

use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering;

use skillsmith_sync::registry::PageRequest;

pub(crate) use self::call::*;
use self::host::HostRegistry;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{Options, OptionsPtr, TextPtr};
use crate::ffi::out::OutPtr;
use crate::ffi::records::{Arena, skillsmith_text};
use crate::ffi::status::skillsmith_status;
use crate::ffi::user_data::skillsmith_destroy_callback;

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
            let registry = HostRegistry::new(name.text("name")?, callbacks.required()?)?;
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
