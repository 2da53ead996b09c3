//! The background service.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use skillsmith_sync::engine::Listing;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{
    BackgroundOptions, BackgroundSyncService, BackgroundSyncState, Result, start_background_sync,
};

use crate::api::client::{client_options, skillsmith_client_options};
use crate::api::config::{skillsmith_switch_value, switch};
use crate::api::database::skillsmith_database;
use crate::api::engine::{skillsmith_sync_engine, skillsmith_sync_result};
use crate::api::options::{listing, named_listing, skillsmith_listing_value};
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::{ErrorPtr, readable};
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::OptionsPtr;
use crate::ffi::members::options;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, skillsmith_text};
use crate::ffi::status::skillsmith_status;
use crate::ffi::user_data::{UserData, skillsmith_destroy_callback};

/// Syncs in the background: while started, when syncing is enabled and due, with a backoff
/// after a failure.
///
/// Any thread may use it.
#[derive(Debug)]
pub struct skillsmith_background_sync_service {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_background_sync_service {
    type Object = BackgroundSyncService;
    const NAME: &'static str = "service";
}

/// Called after every successful sync of the service. The result is valid until the
/// callback returns; do not free it.
pub type skillsmith_sync_complete_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const skillsmith_sync_result)>;

/// Called with the reason when a sync of the service does not succeed, unless the service
/// was stopped during it, and for each new reason why a check fails. The text is UTF-8
/// and valid until the callback returns; do not free it. A U+0000 in it becomes U+FFFD.
pub type skillsmith_sync_error_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, message: *const c_char)>;

/// Options of a service. A zero member means its default.
///
/// The callbacks run on the service's own thread, or on the thread that called
/// `skillsmith_background_sync_service_manual_sync`, while no lock is held. They may call
/// any function of this library: `_stop` and `_free` of the same service then do not wait
/// for the callback. The service does not sync again before the callback returns: `_manual_sync`
/// of the same service fails with `SYNC_IN_PROGRESS` there.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_background_options {
    /// `sizeof(skillsmith_background_options)`.
    pub struct_size: usize,
    /// Milliseconds between two checks. Default: 60000.
    pub check_interval_ms: u64,
    /// Whether to check at once when started. Default: on.
    pub sync_on_start: skillsmith_switch_value,
    /// Called after every successful sync. Default: none.
    pub on_sync_complete: skillsmith_sync_complete_callback,
    /// Called with the reason when a sync does not succeed. Default: none.
    pub on_sync_error: skillsmith_sync_error_callback,
    /// Passed to both callbacks.
    pub user_data: *mut c_void,
    /// Called once with the user data, when the service is freed and no callback is
    /// running; on the thread that used it last. May be NULL. Not called if the function
    /// that takes these options fails or creates no service.
    pub destroy: skillsmith_destroy_callback,
    /// Which listings of the registry the syncs may use, one of `skillsmith_listing`.
    /// Default: what `SKILLSMITH_LISTING` says when the service is created.
    pub listing: skillsmith_listing_value,
}

// `repr(C)`, the size first, and numbers and pointers only.
options!(skillsmith_background_options as "options" {
    struct_size, check_interval_ms, sync_on_start, on_sync_complete, on_sync_error, user_data,
    destroy, listing,
});

/// The listing that the options name.
fn listing_in(given: Option<&skillsmith_background_options>) -> Result<Option<Listing>> {
    given.map_or(Ok(None), |given| named_listing(given.listing))
}

/// The options of the core but for the listing, and the user data in them.
fn background_options(
    given: Option<skillsmith_background_options>,
) -> Result<(BackgroundOptions, Option<Arc<UserData>>)> {
    let mut wanted = BackgroundOptions::new();
    let Some(given) = given else {
        return Ok((wanted, None));
    };
    if given.check_interval_ms != 0 {
        wanted = wanted.check_interval(Duration::from_millis(given.check_interval_ms));
    }
    if let Some(sync) = switch(given.sync_on_start, "sync_on_start")? {
        wanted = wanted.sync_on_start(sync);
    }
    // Owned by the service only, with or without callbacks, so it is destroyed with it.
    let user_data = Arc::new(UserData::new(given.user_data, given.destroy));
    let (complete, error) = (Arc::clone(&user_data), Arc::clone(&user_data));
    wanted = wanted.on_sync_complete(move |result| {
        let pointer = complete.pointer();
        if let Some(callback) = given.on_sync_complete {
            records::lend(
                |arena| skillsmith_sync_result::of(result, arena),
                // SAFETY: the host's function, with what its type says.
                |result| unsafe { callback(pointer, result) },
            );
        }
    });
    wanted = wanted.on_sync_error(move |message| {
        let pointer = error.pointer();
        if let Some(callback) = given.on_sync_error {
            let message = readable(message);
            // SAFETY: the host's function, with what its type says.
            unsafe { callback(pointer, message.as_ptr()) };
        }
    });
    Ok((wanted, Some(user_data)))
}

/// A snapshot of the state of a service.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_background_sync_state {
    /// Whether the service is started.
    pub is_started: bool,
    /// Whether a sync of this service is running.
    pub is_running: bool,
    /// Result of the last sync; NULL before the first. Owned by this record.
    pub last_result: *const skillsmith_sync_result,
    /// Error of the last sync or check; none if it succeeded.
    pub last_error: skillsmith_text,
    /// Number of checks.
    pub checks_performed: u64,
    /// Number of syncs started, including manual ones.
    pub syncs_triggered: u64,
}

impl Record for skillsmith_background_sync_state {
    const NAME: &'static str = "state";
}

impl skillsmith_background_sync_state {
    fn of(state: &BackgroundSyncState, arena: &mut Arena) -> Self {
        Self {
            is_started: state.is_started,
            is_running: state.is_running,
            last_result: match &state.last_result {
                Some(result) => {
                    let result = skillsmith_sync_result::of(result, arena);
                    arena.one(result)
                }
                None => std::ptr::null(),
            },
            last_error: arena.optional_text(state.last_error.as_deref()),
            checks_performed: state.checks_performed,
            syncs_triggered: state.syncs_triggered,
        }
    }
}

/// Creates a service that is not started yet.
///
/// `options` may be NULL. On success the library owns the user data until it calls
/// `destroy`. Gives an owned handle: `skillsmith_background_sync_service_free`. Does not
/// block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
/// `INVALID_ARGUMENT` (as for `skillsmith_sync_engine_sync`), `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_new(
    engine: HandlePtr<skillsmith_sync_engine>,
    options: OptionsPtr<skillsmith_background_options>,
    out_service: OutPtr<*mut skillsmith_background_sync_service>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_service.fill("out_service", || {
            let engine = engine.get()?;
            let given = options.read()?;
            let listing = listing(engine.only_listing, listing_in(given.as_ref())?)?;
            let (options, user_data) = background_options(given)?;
            let options = options.listing(listing);
            let service = BackgroundSyncService::new(engine.core.clone(), options)?;
            Ok(made(service, user_data))
        })
    })
}

/// A handle for a service, with which the user data is ours.
fn made(
    service: BackgroundSyncService,
    user_data: Option<Arc<UserData>>,
) -> *mut skillsmith_background_sync_service {
    if let Some(user_data) = user_data {
        user_data.take_over();
    }
    handles::insert(service)
}

/// Creates and starts a service for `database` and the registry that `client_options` and
/// the environment name. A server calls this once when it starts.
///
/// Gives NULL, which is not an error, if background syncing is off:
/// `SKILLSMITH_BACKGROUND_SYNC` is off, `SKILLSMITH_OFFLINE_MODE` is on, or automatic
/// syncing is disabled in the configuration. Both options may be NULL. A sync that is due
/// starts at once, on the service's thread; after that it checks every minute. The thread
/// never keeps the process alive: a program may return from `main` or call `exit` at any
/// time and loses nothing. No signal handler is installed. A program need not stop the
/// service before it ends.
///
/// Gives an owned handle: `skillsmith_background_sync_service_free`. Blocks briefly on the
/// disk; any thread may call it. Errors: those of `skillsmith_api_client_new`,
/// `skillsmith_sync_config_repository_get_config`,
/// `skillsmith_background_sync_service_new` and `skillsmith_background_sync_service_start`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_start_background_sync(
    database: HandlePtr<skillsmith_database>,
    client_options: OptionsPtr<skillsmith_client_options>,
    options: OptionsPtr<skillsmith_background_options>,
    out_service: OutPtr<*mut skillsmith_background_sync_service>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_service.fill("out_service", || {
            let database = database.get()?;
            let (client, client_data) = self::client_options(client_options)?;
            let given = options.read()?;
            let listing = listing_in(given.as_ref())?;
            let (mut options, user_data) = background_options(given)?;
            // Else the core asks the environment, unless background syncing is off.
            if let Some(listing) = listing {
                options = options.listing(listing);
            }
            let environment = Environment::of_process();
            let service = start_background_sync(&database, client, &environment, options)?;
            if let Some(data) = client_data.filter(|_| service.is_some()) {
                data.take_over();
            }
            Ok(service.map_or(ptr::null_mut(), |service| made(service, user_data)))
        })
    })
}

/// Starts the checks, on their own thread. Returns at once; calling it again is safe.
///
/// Any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`;
/// `OUT_OF_MEMORY`, also if the system has no thread left.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_start(
    service: HandlePtr<skillsmith_background_sync_service>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || service.get()?.start())
}

/// Stops the checks and cancels a running sync; blocks until both have ended.
///
/// That takes about 200 ms at most, plus the time of a running callback. Calling it again
/// is safe, and the service may be started again. From a callback it does not wait. Any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_stop(
    service: HandlePtr<skillsmith_background_sync_service>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        service.get()?.stop();
        Ok(())
    })
}

/// Current state of the service.
///
/// Gives an owned record: `skillsmith_background_sync_state_free`. Does not block; any
/// thread may call it, callbacks included. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
/// `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_get_state(
    service: HandlePtr<skillsmith_background_sync_service>,
    out_state: OutPtr<*mut skillsmith_background_sync_state>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_state.fill("out_state", || {
            let state = service.get()?.get_state();
            Ok(records::give(|arena| {
                skillsmith_background_sync_state::of(&state, arena)
            }))
        })
    })
}

/// Syncs now, on the caller's thread, whether or not a sync is due. Blocks on the network
/// and the disk until the run ends; `skillsmith_background_sync_service_stop` on another
/// thread ends it.
///
/// A failed run is not an error of this function, as for `skillsmith_sync_engine_sync`.
/// Gives an owned record: `skillsmith_sync_result_free`. Any thread may call it. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`;
/// `SYNC_IN_PROGRESS` while a sync of this service is running, and in its callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_manual_sync(
    service: HandlePtr<skillsmith_background_sync_service>,
    out_result: OutPtr<*mut skillsmith_sync_result>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_result.fill("out_result", || {
            let result = service.get()?.manual_sync()?;
            Ok(records::give(|arena| {
                skillsmith_sync_result::of(&result, arena)
            }))
        })
    })
}

/// Whether a sync of this service is running.
///
/// False for NULL and for a service that was freed. Does not block; any thread may call it,
/// callbacks included.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_is_sync_running(
    service: HandlePtr<skillsmith_background_sync_service>,
) -> bool {
    getter(false, || Ok(service.get()?.is_sync_running()))
}

/// Whether the service is started.
///
/// False for NULL and for a service that was freed. Does not block; any thread may call it,
/// callbacks included.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_is_service_started(
    service: HandlePtr<skillsmith_background_sync_service>,
) -> bool {
    getter(false, || Ok(service.get()?.is_service_started()))
}

/// Stops a service, as `skillsmith_background_sync_service_stop` does, and frees it.
///
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Any thread may call
/// it, callbacks included.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_service_free(
    service: OwnedHandle<skillsmith_background_sync_service>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        if let Some(service) = service.remove()? {
            // Another thread may keep it for a moment longer.
            service.stop();
        }
        Ok(())
    })
}

/// Frees a state with its texts and its result.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_background_sync_state_free(
    state: *mut skillsmith_background_sync_state,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(state))
}
