//! The sync itself.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use skillsmith_sync::{
    CancelToken, Coverage, EngineStatus, Registry, Result, SyncEngine, SyncOptions, SyncPhase,
    SyncProgress, SyncResult,
};

use crate::api::cancel::skillsmith_cancel_token;
use crate::api::client::skillsmith_api_client;
use crate::api::config::skillsmith_sync_config;
use crate::api::database::skillsmith_database;
use crate::api::history::{skillsmith_sync_history_entry, skillsmith_sync_status};
use crate::api::registry::skillsmith_registry;
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::{ErrorPtr, readable};
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{Options, OptionsPtr};
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, give, skillsmith_text};
use crate::ffi::status::skillsmith_status;

/// Brings a database up to date with a registry.
///
/// Any thread may use it. Only one sync runs on a database at a time, across all engines
/// and processes; a second one fails at once.
#[derive(Debug)]
pub struct skillsmith_sync_engine {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_sync_engine {
    type Object = SyncEngine;
    const NAME: &'static str = "engine";
}

/// Phase of a run.
///
/// The phases first appear in this order. Fetching and upserting then alternate, because
/// each page is written when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_sync_phase {
    /// Checking the health of the registry.
    SKILLSMITH_SYNC_PHASE_CONNECTING = 1,
    /// Reading pages.
    SKILLSMITH_SYNC_PHASE_FETCHING = 2,
    /// Comparing rows with the database.
    SKILLSMITH_SYNC_PHASE_COMPARING = 3,
    /// Writing.
    SKILLSMITH_SYNC_PHASE_UPSERTING = 4,
    /// Done: the last phase of every run that read the whole listing.
    SKILLSMITH_SYNC_PHASE_COMPLETE = 5,
}

impl From<SyncPhase> for skillsmith_sync_phase {
    fn from(phase: SyncPhase) -> Self {
        match phase {
            SyncPhase::Connecting => Self::SKILLSMITH_SYNC_PHASE_CONNECTING,
            SyncPhase::Fetching => Self::SKILLSMITH_SYNC_PHASE_FETCHING,
            SyncPhase::Comparing => Self::SKILLSMITH_SYNC_PHASE_COMPARING,
            SyncPhase::Upserting => Self::SKILLSMITH_SYNC_PHASE_UPSERTING,
            SyncPhase::Complete => Self::SKILLSMITH_SYNC_PHASE_COMPLETE,
            _ => unreachable!("a phase of the core that has no number here"),
        }
    }
}

/// Progress of a run. Valid until the callback returns.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_progress {
    /// Current phase.
    pub phase: skillsmith_sync_phase,
    /// Number of rows read; while upserting, number of changed rows written.
    pub current: u64,
    /// Number of rows of the listing, 0 while unknown; while upserting, number of changed
    /// rows found so far.
    pub total: u64,
    /// Number of skills compared so far.
    pub skills_processed: u64,
    /// Number of new or changed skills found so far.
    pub skills_changed: u64,
    /// Message for the user: the progress, or the reason for a wait. Never NULL, but may be
    /// "". A U+0000 in it becomes U+FFFD.
    pub message: *const c_char,
}

/// Called with the progress of a run, on the thread that called
/// `skillsmith_sync_engine_sync`, while no lock is held and no transaction is open.
///
/// Returns 0 to continue; any other value ends the run as failed with `HOST_ERROR`. What
/// was written is kept. It may call any function of this library; another sync of the same
/// database fails with `SYNC_IN_PROGRESS`.
pub type skillsmith_progress_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        progress: *const skillsmith_sync_progress,
    ) -> c_int,
>;

/// Options of a sync. A zero member means its default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_sync_options {
    /// `sizeof(skillsmith_sync_options)`.
    pub struct_size: usize,
    /// Not 0: compare the content of every row instead of its timestamp, and ignore the
    /// time of the last sync. Default: 0.
    pub force: c_int,
    /// Not 0: only count the changes; write no row, history entry or schedule. Default: 0.
    pub dry_run: c_int,
    /// Rows per page, up to 10000; the registry may send fewer. Default: 100.
    pub page_size: u32,
    /// Longest duration of the run in milliseconds. The next run continues where this one
    /// stopped. Default: 1800000, 30 minutes.
    pub deadline_ms: u64,
    /// Called with the progress of the run. Default: none.
    pub on_progress: skillsmith_progress_callback,
    /// Passed to `on_progress`.
    pub user_data: *mut c_void,
    /// Cancels the run. Default: none. It may be freed during the run, and is not changed.
    pub cancel: HandlePtr<skillsmith_cancel_token>,
}

// SAFETY: `repr(C)`, the size first, and numbers and pointers only.
unsafe impl Options for skillsmith_sync_options {
    const NAME: &'static str = "options";
}

/// Whether the run read the whole listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_coverage {
    /// The whole listing was read.
    SKILLSMITH_COVERAGE_COMPLETE = 1,
    /// Skills may be missing: the registry allows only searches, or the listing changed
    /// while it was read.
    SKILLSMITH_COVERAGE_BEST_EFFORT = 2,
}

/// Result of a run.
///
/// Always: added + updated + unchanged + rejected = processed.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_result {
    /// Whether the run succeeded without errors.
    pub success: bool,
    /// Whether this was a dry run, which writes nothing.
    pub dry_run: bool,
    /// Status of the run, as in its history entry.
    pub status: skillsmith_sync_status,
    /// Code of the cause if the run failed or ended early; else `SKILLSMITH_OK`.
    pub code: skillsmith_status,
    /// Whether the run read the whole listing.
    pub coverage: skillsmith_coverage,
    /// Number of skills added.
    pub skills_added: u64,
    /// Number of skills updated.
    pub skills_updated: u64,
    /// Number of skills that had not changed, or are the user's own.
    pub skills_unchanged: u64,
    /// Number of rows that could not be stored. `errors` names them.
    pub skills_rejected: u64,
    /// Number of different skills that the registry sent.
    pub total_processed: u64,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// The cause of a failed run, and the first 20 rejected rows; NULL if there are none.
    pub errors: *const skillsmith_text,
    /// Number of errors.
    pub error_count: usize,
    /// Problems that did not cost any rows; NULL if there are none.
    pub warnings: *const skillsmith_text,
    /// Number of warnings.
    pub warning_count: usize,
}

impl Record for skillsmith_sync_result {
    const NAME: &'static str = "result";
}

impl skillsmith_sync_result {
    pub(crate) fn of(result: &SyncResult, arena: &mut Arena) -> Self {
        Self {
            success: result.success,
            dry_run: result.dry_run,
            status: result.status.into(),
            code: result
                .code
                .map_or(skillsmith_status::SKILLSMITH_OK, skillsmith_status::of),
            coverage: match result.coverage {
                Coverage::Complete => skillsmith_coverage::SKILLSMITH_COVERAGE_COMPLETE,
                _ => skillsmith_coverage::SKILLSMITH_COVERAGE_BEST_EFFORT,
            },
            skills_added: result.skills_added,
            skills_updated: result.skills_updated,
            skills_unchanged: result.skills_unchanged,
            skills_rejected: result.skills_rejected,
            total_processed: result.total_processed,
            duration_ms: result.duration_ms,
            errors: arena.texts(&result.errors),
            error_count: result.errors.len(),
            warnings: arena.texts(&result.warnings),
            warning_count: result.warnings.len(),
        }
    }
}

/// Current status: configuration, last successful run, running, due.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_engine_status {
    /// The configuration; never NULL. Owned by this record.
    pub config: *const skillsmith_sync_config,
    /// The last successful run; NULL if there is none. Owned by this record.
    pub last_run: *const skillsmith_sync_history_entry,
    /// Whether a sync is running, in this process or another.
    pub is_running: bool,
    /// Whether automatic syncing is on and the next sync is due.
    pub is_due: bool,
}

impl Record for skillsmith_engine_status {
    const NAME: &'static str = "status";
}

impl skillsmith_engine_status {
    fn of(status: &EngineStatus, arena: &mut Arena) -> Self {
        let config = skillsmith_sync_config::of(&status.config, arena);
        Self {
            config: arena.one(config),
            last_run: match &status.last_run {
                Some(entry) => {
                    let entry = skillsmith_sync_history_entry::of(entry, arena);
                    arena.one(entry)
                }
                None => std::ptr::null(),
            },
            is_running: status.is_running,
            is_due: status.is_due,
        }
    }
}

/// Creates an engine for the live registry and an open database.
///
/// It keeps both, even when their handles are freed. Gives an owned handle:
/// `skillsmith_sync_engine_free`. Does not block; any thread may call it. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_engine_new(
    client: HandlePtr<skillsmith_api_client>,
    database: HandlePtr<skillsmith_database>,
    out_engine: OutPtr<*mut skillsmith_sync_engine>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_engine.fill("out_engine", || engine(client.get()?, database))
    })
}

/// Creates an engine for a registry of the host and an open database.
///
/// It keeps both, even when their handles are freed. Gives an owned handle:
/// `skillsmith_sync_engine_free`. Does not block; any thread may call it. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_engine_new_with_registry(
    registry: HandlePtr<skillsmith_registry>,
    database: HandlePtr<skillsmith_database>,
    out_engine: OutPtr<*mut skillsmith_sync_engine>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_engine.fill("out_engine", || engine(registry.get()?, database))
    })
}

fn engine(
    registry: Arc<dyn Registry>,
    database: HandlePtr<skillsmith_database>,
) -> Result<*mut skillsmith_sync_engine> {
    let database = database.get()?;
    Ok(handles::insert(SyncEngine::new(registry, &database)))
}

/// Frees an engine. A running sync ends normally.
///
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Blocks briefly on
/// the disk, if it is the last user of a database whose own handle was freed, and for the
/// `destroy` of a registry of the host; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_engine_free(
    engine: OwnedHandle<skillsmith_sync_engine>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || engine.remove().map(drop))
}

/// Syncs. Blocks on the network and the disk until the run ends.
///
/// `options` may be NULL. A failed run is not an error of this function: it returns
/// `SKILLSMITH_OK`, and the result says what happened (`success`, `code`, `errors`). What
/// was written is kept, and the next run continues where this one stopped.
///
/// Gives an owned record: `skillsmith_sync_result_free`. Any thread may call it; it starts
/// a second one for the network. Errors, before the run starts: `NULL_ARGUMENT`,
/// `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_engine_sync(
    engine: HandlePtr<skillsmith_sync_engine>,
    options: OptionsPtr<skillsmith_sync_options>,
    out_result: OutPtr<*mut skillsmith_sync_result>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_result.fill("out_result", || {
            let engine = engine.get()?;
            let given = options.read()?;
            let result =
                engine.sync(given.map_or_else(|| Ok(SyncOptions::default()), sync_options)?)?;
            Ok(give(|arena| skillsmith_sync_result::of(&result, arena)))
        })
    })
}

fn sync_options(given: skillsmith_sync_options) -> Result<SyncOptions<'static>> {
    // A child token: a callback that ends this run must not end other runs with the same
    // token.
    let token = given.cancel.get_optional()?;
    let cancel = token.map_or_else(CancelToken::new, |token| token.child());
    let mut options = SyncOptions::new()
        .force(given.force != 0)
        .dry_run(given.dry_run != 0)
        .cancel(cancel.clone());
    if given.page_size != 0 {
        options = options.page_size(given.page_size);
    }
    if given.deadline_ms != 0 {
        options = options.deadline(Duration::from_millis(given.deadline_ms));
    }
    if let Some(callback) = given.on_progress {
        let mut ended = false;
        options = options.on_progress(move |progress| {
            // A callback that has ended the run is not called again, although the run takes
            // a moment to end.
            if ended {
                return;
            }
            // SAFETY: the host's function, with what its type says.
            let returned = show(progress, |progress| unsafe {
                callback(given.user_data, progress)
            });
            if returned != 0 {
                ended = true;
                cancel.cancel_because(format!(
                    "The progress callback ended the sync (it returned {returned})."
                ));
            }
        });
    }
    Ok(options)
}

fn show<R>(progress: &SyncProgress, callback: impl FnOnce(&skillsmith_sync_progress) -> R) -> R {
    let message = readable(progress.message.as_deref().unwrap_or_default());
    callback(&skillsmith_sync_progress {
        phase: progress.phase.into(),
        current: progress.current,
        total: progress.total,
        skills_processed: progress.skills_processed,
        skills_changed: progress.skills_changed,
        message: message.as_ptr(),
    })
}

/// Current status: configuration, last successful run, running, due.
///
/// Gives an owned record: `skillsmith_engine_status_free`. Blocks briefly on the disk; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
/// `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_engine_get_status(
    engine: HandlePtr<skillsmith_sync_engine>,
    out_status: OutPtr<*mut skillsmith_engine_status>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_status.fill("out_status", || {
            let status = engine.get()?.get_status()?;
            Ok(give(|arena| skillsmith_engine_status::of(&status, arena)))
        })
    })
}

/// Whether offline mode is on, so that every sync fails with `OFFLINE`.
///
/// False for NULL and for an engine that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_engine_is_offline(
    engine: HandlePtr<skillsmith_sync_engine>,
) -> bool {
    getter(false, || Ok(engine.get()?.is_offline()))
}

/// Frees a result with its texts.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_result_free(
    result: *mut skillsmith_sync_result,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(result))
}

/// Frees a status with its configuration and its entry.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_engine_status_free(
    status: *mut skillsmith_engine_status,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(status))
}
