//! The history: one entry per run.

use std::ffi::c_char;
use std::ptr;

use skillsmith_sync::{
    Result, SyncHistoryEntry, SyncHistoryRepository, SyncRunResult, SyncStats, SyncStatus, memory,
};

use crate::api::database::skillsmith_database;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{OptionsPtr, TextPtr};
use crate::ffi::members::options;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, skillsmith_text};
use crate::ffi::status::skillsmith_status::{self, SKILLSMITH_OK};

/// Status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_sync_status {
    /// Running.
    SKILLSMITH_SYNC_STATUS_RUNNING = 1,
    /// Every valid row of the registry is stored.
    SKILLSMITH_SYNC_STATUS_SUCCESS = 2,
    /// Ended early or did not start. What was written is kept.
    SKILLSMITH_SYNC_STATUS_FAILED = 3,
    /// Partially successful; the message says what failed.
    SKILLSMITH_SYNC_STATUS_PARTIAL = 4,
}

impl From<SyncStatus> for skillsmith_sync_status {
    fn from(status: SyncStatus) -> Self {
        match status {
            SyncStatus::Running => Self::SKILLSMITH_SYNC_STATUS_RUNNING,
            SyncStatus::Success => Self::SKILLSMITH_SYNC_STATUS_SUCCESS,
            SyncStatus::Failed => Self::SKILLSMITH_SYNC_STATUS_FAILED,
            SyncStatus::Partial => Self::SKILLSMITH_SYNC_STATUS_PARTIAL,
            _ => unreachable!("a status of the core that has no number here"),
        }
    }
}

/// Reads and writes the history of a database.
///
/// Any thread may use it. Every call is short and blocks on the disk only.
#[derive(Debug)]
pub struct skillsmith_sync_history_repository {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_sync_history_repository {
    type Object = SyncHistoryRepository;
    const NAME: &'static str = "repository";
}

/// A snapshot of one entry of the history.
///
/// Times are ISO 8601 text, as stored in the database.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_history_entry {
    /// `sync-YYYYMMDDHHMMSS-` and six random characters.
    pub id: skillsmith_text,
    /// When the run started.
    pub started_at: skillsmith_text,
    /// When the run ended; none while it is running.
    pub completed_at: skillsmith_text,
    /// Status of the run.
    pub status: skillsmith_sync_status,
    /// Number of skills added.
    pub skills_added: i64,
    /// Number of skills updated.
    pub skills_updated: i64,
    /// Number of skills that had not changed.
    pub skills_unchanged: i64,
    /// Error of the run; none if there was none.
    pub error_message: skillsmith_text,
    /// Duration in milliseconds; -1 while the run is running.
    pub duration_ms: i64,
    /// When the entry was created, in the format of SQLite (UTC).
    pub created_at: skillsmith_text,
    /// Number of withdrawn skills that were removed.
    pub skills_removed: i64,
    /// Code of `error_message`, where it is known: of the newest hundred runs that this library
    /// ended with an error; `SKILLSMITH_OK` in every other entry.
    pub code: skillsmith_status,
}

impl Record for skillsmith_sync_history_entry {
    const NAME: &'static str = "entry";
}

impl skillsmith_sync_history_entry {
    pub(crate) fn of(entry: &SyncHistoryEntry, arena: &mut Arena) -> Self {
        Self {
            id: arena.text(&entry.id),
            started_at: arena.text(&entry.started_at),
            completed_at: arena.optional_text(entry.completed_at.as_deref()),
            status: entry.status.into(),
            skills_added: entry.skills_added,
            skills_updated: entry.skills_updated,
            skills_unchanged: entry.skills_unchanged,
            error_message: arena.optional_text(entry.error_message.as_deref()),
            duration_ms: entry.duration_ms.unwrap_or(-1),
            created_at: arena.text(&entry.created_at),
            skills_removed: entry.skills_removed,
            code: entry.code.map_or(SKILLSMITH_OK, skillsmith_status::of),
        }
    }
}

/// Entries of the history.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_history_list {
    /// `count` pointers; NULL if there are none. The entries belong to the list and are not
    /// freed separately.
    pub entries: *const *const skillsmith_sync_history_entry,
    /// Number of entries.
    pub count: usize,
}

impl Record for skillsmith_sync_history_list {
    const NAME: &'static str = "list";
}

impl skillsmith_sync_history_list {
    fn of(entries: &[SyncHistoryEntry], arena: &mut Arena) -> Self {
        let records: Vec<*const skillsmith_sync_history_entry> = entries
            .iter()
            .map(|entry| {
                let record = skillsmith_sync_history_entry::of(entry, arena);
                arena.one(record)
            })
            .collect();
        Self {
            count: records.len(),
            entries: if records.is_empty() {
                std::ptr::null()
            } else {
                arena.slice(records)
            },
        }
    }
}

/// Statistics of the whole history.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_stats {
    /// Number of entries.
    pub total_runs: i64,
    /// Number of successful runs.
    pub successful_runs: i64,
    /// Number of failed runs.
    pub failed_runs: i64,
    /// When the last successful run ended; none if there is none.
    pub last_success_at: skillsmith_text,
    /// Mean duration of successful runs in milliseconds, rounded; -1 if there are none.
    pub average_duration_ms: i64,
}

impl Record for skillsmith_sync_stats {
    const NAME: &'static str = "stats";
}

impl skillsmith_sync_stats {
    fn of(stats: &SyncStats, arena: &mut Arena) -> Self {
        Self {
            total_runs: stats.total_runs,
            successful_runs: stats.successful_runs,
            failed_runs: stats.failed_runs,
            last_success_at: arena.optional_text(stats.last_success_at.as_deref()),
            average_duration_ms: stats.average_duration_ms.unwrap_or(-1),
        }
    }
}

/// Counters of a run, for its history entry.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_sync_run_result {
    /// `sizeof(skillsmith_sync_run_result)`.
    pub struct_size: usize,
    /// Number of skills added.
    pub skills_added: u64,
    /// Number of skills updated.
    pub skills_updated: u64,
    /// Number of skills that had not changed.
    pub skills_unchanged: u64,
    /// Number of withdrawn skills that were removed.
    pub skills_removed: u64,
}

// `repr(C)`, the size first, and numbers only.
options!(skillsmith_sync_run_result as "result" {
    struct_size, skills_added, skills_updated, skills_unchanged, skills_removed,
});

fn run_result(result: OptionsPtr<skillsmith_sync_run_result>) -> Result<SyncRunResult> {
    let given = result.required()?;
    Ok(SyncRunResult::default()
        .skills_added(given.skills_added)
        .skills_updated(given.skills_updated)
        .skills_unchanged(given.skills_unchanged)
        .skills_removed(given.skills_removed))
}

/// Creates a repository for an open database.
///
/// Gives an owned handle: `skillsmith_sync_history_repository_free`. Does not block; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_new(
    database: HandlePtr<skillsmith_database>,
    out_repository: OutPtr<*mut skillsmith_sync_history_repository>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_repository.fill("out_repository", || {
            let repository = SyncHistoryRepository::new(&*database.get()?);
            Ok(handles::insert(repository))
        })
    })
}

/// Frees a repository. The database stays open.
///
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Blocks briefly on
/// the disk, if it is the last user of a database whose own handle was freed; any thread
/// may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_free(
    repository: OwnedHandle<skillsmith_sync_history_repository>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || repository.remove().map(drop))
}

/// Creates an entry for a run that starts now. The engine does this itself.
///
/// Gives its id as an owned string: `skillsmith_string_free`. Blocks on the disk, for at
/// most the busy budget; any thread may call it. Errors: `NULL_ARGUMENT`,
/// `INVALID_HANDLE`, `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`, `DATABASE_BUSY`,
/// `READ_ONLY`, `DISK_FULL`, `DATABASE_ERROR`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_start_run(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    out_id: OutPtr<*mut c_char>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_id.fill("out_id", || {
            records::give_string(&repository.get()?.start_run()?)
        })
    })
}

/// Marks a run as successful. The engine does this itself.
///
/// Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
/// for `skillsmith_sync_history_repository_start_run`, and `RUN_NOT_FOUND`,
/// `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_complete_run(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    id: TextPtr,
    result: OptionsPtr<skillsmith_sync_run_result>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let (id, result) = (id.text("id")?, run_result(result)?);
        repository.get()?.complete_run(&id, result)
    })
}

/// Marks a run as partially successful, with the reason. The engine does this itself.
///
/// Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
/// for `skillsmith_sync_history_repository_complete_run`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_complete_run_partial(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    id: TextPtr,
    result: OptionsPtr<skillsmith_sync_run_result>,
    error_message: TextPtr,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let (id, result) = (id.text("id")?, run_result(result)?);
        let message = error_message.text("error_message")?;
        repository
            .get()?
            .complete_run_partial(&id, result, &message)
    })
}

/// Marks a run as failed, with the reason. The engine does this itself.
///
/// Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
/// for `skillsmith_sync_history_repository_complete_run`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_fail_run(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    id: TextPtr,
    error_message: TextPtr,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let id = id.text("id")?;
        let message = error_message.text("error_message")?;
        repository.get()?.fail_run(&id, &message)
    })
}

/// One entry.
///
/// Gives an owned record, `skillsmith_sync_history_entry_free`; NULL if there is no such
/// entry, which is not an error. Blocks briefly on the disk; any thread may call it.
/// Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`,
/// `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_get_by_id(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    id: TextPtr,
    out_entry: OutPtr<*mut skillsmith_sync_history_entry>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_entry.fill("out_entry", || {
            let id = id.text("id")?;
            Ok(entry(repository.get()?.get_by_id(&id)?))
        })
    })
}

fn entry(entry: Option<SyncHistoryEntry>) -> *mut skillsmith_sync_history_entry {
    entry.map_or(ptr::null_mut(), |entry| {
        records::give(|arena| skillsmith_sync_history_entry::of(&entry, arena))
    })
}

/// Approximate size of an entry with its texts, which are short except for the message.
const ENTRY_BYTES: usize = 1024;

fn list(entries: &[SyncHistoryEntry]) -> Result<*mut skillsmith_sync_history_list> {
    memory::ensure_available(entries.len().saturating_mul(ENTRY_BYTES))?;
    Ok(records::give(|arena| {
        skillsmith_sync_history_list::of(entries, arena)
    }))
}

/// Up to `limit` entries, newest first.
///
/// Gives an owned list, never NULL: `skillsmith_sync_history_list_free`. Blocks briefly on
/// the disk; any thread may call it. Errors: as for
/// `skillsmith_sync_history_repository_get_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_get_history(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    limit: u32,
    out_list: OutPtr<*mut skillsmith_sync_history_list>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_list.fill("out_list", || list(&repository.get()?.get_history(limit)?))
    })
}

/// The newest successful entry.
///
/// Gives an owned record, `skillsmith_sync_history_entry_free`; NULL if there is none,
/// which is not an error. Blocks briefly on the disk; any thread may call it. Errors: as
/// for `skillsmith_sync_history_repository_get_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_get_last_successful(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    out_entry: OutPtr<*mut skillsmith_sync_history_entry>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_entry.fill("out_entry", || {
            Ok(entry(repository.get()?.get_last_successful()?))
        })
    })
}

/// The entries of running syncs, newest first.
///
/// Entries of this library whose process has died are marked as failed first. Gives an
/// owned list, never NULL: `skillsmith_sync_history_list_free`. Blocks briefly on the disk;
/// any thread may call it. Errors: as for `skillsmith_sync_history_repository_get_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_get_running(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    out_list: OutPtr<*mut skillsmith_sync_history_list>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_list.fill("out_list", || list(&repository.get()?.get_running()?))
    })
}

/// Whether a sync is running, after the same check.
///
/// Blocks briefly on the disk; any thread may call it. Errors: as for
/// `skillsmith_sync_history_repository_get_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_is_running(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    out_running: OutPtr<bool>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_running.fill("out_running", || repository.get()?.is_running())
    })
}

/// Deletes the entries of runs that started more than `days_to_keep` days ago. The entry of
/// a running sync stays.
///
/// Gives their number; `out_deleted` may be NULL. Blocks on the disk, for at most the busy
/// budget; any thread may call it. Errors: `INVALID_ARGUMENT` if that is before the first
/// possible date; and as for `skillsmith_sync_history_repository_start_run`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_cleanup(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    days_to_keep: u32,
    out_deleted: OutPtr<u64>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let out = out_deleted.emptied();
        let deleted = repository.get()?.cleanup(days_to_keep)?;
        out.give(u64::try_from(deleted).unwrap_or(u64::MAX));
        Ok(())
    })
}

/// Number of entries.
///
/// Blocks briefly on the disk; any thread may call it. Errors: as for
/// `skillsmith_sync_history_repository_get_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_count(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    out_count: OutPtr<i64>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_count.fill("out_count", || repository.get()?.count())
    })
}

/// Statistics of the whole history.
///
/// Gives an owned record: `skillsmith_sync_stats_free`. Blocks briefly on the disk; any
/// thread may call it. Errors: as for `skillsmith_sync_history_repository_get_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_get_stats(
    repository: HandlePtr<skillsmith_sync_history_repository>,
    out_stats: OutPtr<*mut skillsmith_sync_stats>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_stats.fill("out_stats", || {
            let stats = repository.get()?.get_stats()?;
            Ok(records::give(|arena| {
                skillsmith_sync_stats::of(&stats, arena)
            }))
        })
    })
}

/// Frees an entry with its texts. An entry of a list is refused.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_entry_free(
    entry: *mut skillsmith_sync_history_entry,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(entry))
}

/// Frees a list with its entries.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_list_free(
    list: *mut skillsmith_sync_history_list,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(list))
}

/// Frees statistics with their texts.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_stats_free(
    stats: *mut skillsmith_sync_stats,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(stats))
}
