//! The callbacks of a registry, and what they are asked.

use std::ffi::{c_int, c_void};

use skillsmith_sync::registry::{PageRequest, SyncRequest};

use super::call::skillsmith_registry_call;
use crate::ffi::members::options;
use crate::ffi::records::{Arena, skillsmith_text};
use crate::ffi::user_data::skillsmith_destroy_callback;

/// A request for one page of the listing. Valid until the callback returns.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_page_request {
    /// A search word, if the registry refused plain listings; else none.
    pub query: skillsmith_text,
    /// Only skills of this tier; none: all.
    pub trust_tier: skillsmith_text,
    /// Number of rows; the page may have fewer.
    pub limit: u32,
    /// Number of rows to skip.
    pub offset: u64,
    /// Only skills with at least this score; negative: any score, or none.
    pub min_score: f64,
}

impl skillsmith_page_request {
    pub(super) fn of(request: &PageRequest, arena: &mut Arena) -> Self {
        Self {
            query: arena.optional_text(request.query.as_deref()),
            trust_tier: arena.optional_text(request.trust_tier.as_deref()),
            limit: request.limit,
            offset: request.offset,
            min_score: request.min_score.unwrap_or(-1.0),
        }
    }
}

/// A request for one page of the sync endpoint. Valid until the callback returns.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_request {
    /// Only rows whose `updated_at` is later than this (ISO 8601); none: all rows.
    pub since: skillsmith_text,
    /// Number of rows; the page may have fewer.
    pub limit: u32,
    /// Number of rows to skip.
    pub offset: u64,
}

impl skillsmith_sync_request {
    pub(super) fn of(request: &SyncRequest, arena: &mut Arena) -> Self {
        Self {
            since: arena.optional_text(request.since.as_deref()),
            limit: request.limit,
            offset: request.offset,
        }
    }
}

/// Returns the health of the registry, one of `skillsmith_health`.
///
/// `SKILLSMITH_HEALTH_UNKNOWN`, or any other number, ends the run. Report the reason first,
/// with one of the `skillsmith_registry_call_fail` functions.
pub type skillsmith_health_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, call: *mut skillsmith_registry_call) -> c_int,
>;

/// Fetches one page of the listing.
///
/// Passes the page to `skillsmith_registry_call_set_page`, or reports a failure with one of
/// the `skillsmith_registry_call_fail` functions, and returns 0. Any other return value is
/// a failure, `HOST_ERROR`. The callback does its own retries: after a failed page the
/// engine continues with the next one, requests the failed one again at the end, in smaller
/// parts, and ends the run when three in a row fail.
pub type skillsmith_search_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        request: *const skillsmith_page_request,
        call: *mut skillsmith_registry_call,
    ) -> c_int,
>;

/// Fetches one page of the sync endpoint: every row of the registry in the order of their ids
/// or, with `since`, those that have changed later.
///
/// Responds as `skillsmith_search_callback` does. A page without rows is the end. After the
/// HTTP status 404, 405, 410 or 501 the engine uses `search`, for a day; where the endpoint
/// has worked before, such an answer first fails one run.
pub type skillsmith_sync_registry_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        request: *const skillsmith_sync_request,
        call: *mut skillsmith_registry_call,
    ) -> c_int,
>;

/// The callbacks of a registry.
///
/// They run on a thread of the engine, one after the other during a run. They may block on
/// the network, and should return soon after the call is cancelled: a stopped run waits for
/// a callback for 100 ms at most, so the next run may start before the callback has
/// returned. They may call any function of this library.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_registry_callbacks {
    /// `sizeof(skillsmith_registry_callbacks)`.
    pub struct_size: usize,
    /// Called at the start of a run. NULL: the registry is always healthy.
    pub health: skillsmith_health_callback,
    /// Called for each page of the search. Required.
    pub search: skillsmith_search_callback,
    /// Passed to each callback.
    pub user_data: *mut c_void,
    /// Called once with the user data, when the registry and all its engines are freed and
    /// no callback is running; on the thread that used it last. May be NULL. Not called if
    /// `skillsmith_registry_new` fails.
    pub destroy: skillsmith_destroy_callback,
    /// Called for each page of the sync endpoint, before `search` is used at all: later syncs
    /// then request only what has changed. NULL: the registry has none, and `search` is used.
    pub sync_registry: skillsmith_sync_registry_callback,
}

// `repr(C)`, the size first, and pointers only; NULL is a valid callback.
options!(skillsmith_registry_callbacks as "callbacks" {
    struct_size, health, search, user_data, destroy, sync_registry,
});
