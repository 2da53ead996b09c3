//! The sync itself.

use std::sync::Arc;

use skillsmith_sync::engine::Listing;
use skillsmith_sync::{Coverage, EngineStatus, Registry, Result, SyncEngine, SyncResult};

use crate::api::client::skillsmith_api_client;
use crate::api::config::{budget_out, skillsmith_sync_config};
use crate::api::database::skillsmith_database;
use crate::api::history::{skillsmith_sync_history_entry, skillsmith_sync_status};
use crate::api::options::{skillsmith_sync_options, sync_options};
use crate::api::registry::skillsmith_registry;
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::OptionsPtr;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, skillsmith_text};
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
    type Object = Engine;
    const NAME: &'static str = "engine";
}

/// The object of a [`skillsmith_sync_engine`].
#[derive(Debug)]
pub struct Engine {
    pub(crate) core: SyncEngine,
    /// The one listing that its registry has. No request is made, and counted, for a callback
    /// that the host does not have.
    pub(crate) only_listing: Option<Listing>,
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

impl From<Coverage> for skillsmith_coverage {
    fn from(coverage: Coverage) -> Self {
        match coverage {
            Coverage::Complete => Self::SKILLSMITH_COVERAGE_COMPLETE,
            _ => Self::SKILLSMITH_COVERAGE_BEST_EFFORT,
        }
    }
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
    /// Number of requests sent to the registry: pages, retries and the check of its health.
    /// Of a registry of the host: pages, and one for its health.
    pub requests: u64,
    /// Number of withdrawn skills that were removed; not among those processed.
    pub skills_removed: u64,
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
            coverage: result.coverage.into(),
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
            requests: result.requests,
            skills_removed: result.skills_removed,
        }
    }
}

/// Current status: configuration, last successful run, running, due, paused.
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
    /// Number of requests that the runs of this calendar month (UTC) have sent, without dry
    /// runs.
    pub requests_this_month: u64,
    /// The most requests in a calendar month, as set by
    /// `skillsmith_sync_config_repository_set_request_budget`; -1 if there is no bound.
    pub request_budget: i64,
    /// Until when no automatic sync starts, due or not, because a run failed or the registry asked
    /// for a pause, as ISO time; none if there is no pause. A sync by hand does not wait. The week
    /// after `PLAN_REQUIRED` is not told here: it holds for one credential only.
    pub paused_until: skillsmith_text,
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
            requests_this_month: status.requests_this_month,
            request_budget: budget_out(status.request_budget),
            paused_until: arena.optional_text(status.paused_until.as_deref()),
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
        out_engine.fill("out_engine", || engine(client.get()?, None, database))
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
        out_engine.fill("out_engine", || {
            let registry = registry.get()?;
            let only_listing = (!registry.has_sync_endpoint()).then_some(Listing::Search);
            engine(registry, only_listing, database)
        })
    })
}

fn engine(
    registry: Arc<dyn Registry>,
    only_listing: Option<Listing>,
    database: HandlePtr<skillsmith_database>,
) -> Result<*mut skillsmith_sync_engine> {
    let core = SyncEngine::new(registry, &*database.get()?);
    Ok(handles::insert(Engine { core, only_listing }))
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
/// `INVALID_HANDLE`, `INVALID_ARGUMENT` (also for a word in `SKILLSMITH_LISTING` that is no
/// listing, unless the options name one), `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`.
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
            let options = sync_options(options.read()?, engine.only_listing)?;
            let result = engine.core.sync(options)?;
            Ok(records::give(|arena| {
                skillsmith_sync_result::of(&result, arena)
            }))
        })
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
            let status = engine.get()?.core.get_status()?;
            Ok(records::give(|arena| {
                skillsmith_engine_status::of(&status, arena)
            }))
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
    getter(false, || Ok(engine.get()?.core.is_offline()))
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
