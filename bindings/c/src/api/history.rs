//! The history: one entry a run.

use std::ffi::c_char;
use std::ptr;

use skillsmith_sync::{
    Result, SyncHistoryEntry, SyncHistoryRepository, SyncRunResult, SyncStats, SyncStatus, memory,
};

use crate::api::database::skillsmith_database;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{Options, OptionsPtr, TextPtr};
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, give, give_string, skillsmith_text};
use crate::ffi::status::skillsmith_status;

/// How a run stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_sync_status {
    /// Under way.
    SKILLSMITH_SYNC_STATUS_RUNNING = 1,
    /// Every valid row of the registry is stored.
    SKILLSMITH_SYNC_STATUS_SUCCESS = 2,
    /// Ended early or did not begin; what was written is kept.
    SKILLSMITH_SYNC_STATUS_FAILED = 3,
    /// Something succeeded and something did not; the message tells.
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

/// Reads and writes the history of one database.
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

/// One entry of the history, as it stood when it was asked for.
///
/// Times are ISO 8601 text, as they stand in the database.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_history_entry {
    /// `sync-YYYYMMDDHHMMSS-` and six random characters.
    pub id: skillsmith_text,
    /// When the run started.
    pub started_at: skillsmith_text,
    /// When it ended; none while it runs.
    pub completed_at: skillsmith_text,
    /// How it stands or ended.
    pub status: skillsmith_sync_status,
    /// Skills that were new here.
    pub skills_added: i64,
    /// Skills that were changed.
    pub skills_updated: i64,
    /// Skills that stood here already.
    pub skills_unchanged: i64,
    /// What went wrong, if anything did.
    pub error_message: skillsmith_text,
    /// How long it took, in milliseconds; -1 while it runs.
    pub duration_ms: i64,
    /// When the entry was made, as SQLite wrote it (UTC).
    pub created_at: skillsmith_text,
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
        }
    }
}

/// Entries of the history.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_history_list {
    /// As many pointers as `count` says; NULL where there are none. The entries belong to
    /// the list: they are not freed one by one.
    pub entries: *const *const skillsmith_sync_history_entry,
    /// How many.
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

/// Figures over the whole history.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_stats {
    /// Entries in all.
    pub total_runs: i64,
    /// Those that succeeded.
    pub successful_runs: i64,
    /// Those that failed.
    pub failed_runs: i64,
    /// When the last one succeeded; none if none did.
    pub last_success_at: skillsmith_text,
    /// Mean duration of the successful ones in milliseconds, rounded; -1 if there is none.
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

/// What a run did, for its entry.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_sync_run_result {
    /// `sizeof(skillsmith_sync_run_result)`.
    pub struct_size: usize,
    /// Skills that were new here.
    pub skills_added: u64,
    /// Skills that were changed.
    pub skills_updated: u64,
    /// Skills that stood here as the registry has them.
    pub skills_unchanged: u64,
}

// SAFETY: `repr(C)`, the size first, and numbers only.
unsafe impl Options for skillsmith_sync_run_result {
    const NAME: &'static str = "result";
}

fn run_result(result: &OptionsPtr<skillsmith_sync_run_result>) -> Result<SyncRunResult> {
    let given = result.required()?;
    Ok(SyncRunResult {
        skills_added: given.skills_added,
        skills_updated: given.skills_updated,
        skills_unchanged: given.skills_unchanged,
    })
}

/// Makes a repository for an open database.
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
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks
/// on the disk, shortly, if it is the last that keeps a database whose own handle was
/// freed; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_repository_free(
    repository: OwnedHandle<skillsmith_sync_history_repository>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || repository.remove().map(drop))
}

/// Makes an entry for a run that starts now. The engine does this by itself.
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
        out_id.fill("out_id", || give_string(&repository.get()?.start_run()?))
    })
}

/// Marks a run as successful. The engine does this by itself.
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
        let (id, result) = (id.text("id")?, run_result(&result)?);
        repository.get()?.complete_run(&id, result)
    })
}

/// Marks a run as successful in part, and says what was not. The engine does this by itself.
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
        let (id, result) = (id.text("id")?, run_result(&result)?);
        let message = error_message.text("error_message")?;
        repository
            .get()?
            .complete_run_partial(&id, result, &message)
    })
}

/// Marks a run as failed, and says why. The engine does this by itself.
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
/// Gives an owned record, `skillsmith_sync_history_entry_free`; NULL where there is no
/// such entry, which is no error. Blocks on the disk, shortly; any thread may call it.
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
        give(|arena| skillsmith_sync_history_entry::of(&entry, arena))
    })
}

/// About what an entry takes with its texts, which are short but for the message.
const ENTRY_BYTES: usize = 1024;

fn list(entries: &[SyncHistoryEntry]) -> Result<*mut skillsmith_sync_history_list> {
    memory::ensure_available(entries.len().saturating_mul(ENTRY_BYTES))?;
    Ok(give(|arena| {
        skillsmith_sync_history_list::of(entries, arena)
    }))
}

/// The newest entries first, at most `limit` of them.
///
/// Gives an owned list, never NULL: `skillsmith_sync_history_list_free`. Blocks on the
/// disk, shortly; any thread may call it. Errors: as for
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
/// Gives an owned record, `skillsmith_sync_history_entry_free`; NULL where there is none,
/// which is no error. Blocks on the disk, shortly; any thread may call it. Errors: as for
/// `skillsmith_sync_history_repository_get_by_id`.
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

/// The entries that are marked as running, newest first.
///
/// An entry of this library whose run has died is marked as failed first. Gives an owned
/// list, never NULL: `skillsmith_sync_history_list_free`. Blocks on the disk, shortly;
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

/// Whether an entry is marked as running, after the same check.
///
/// Blocks on the disk, shortly; any thread may call it. Errors: as for
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

/// Deletes the entries that started more than `days_to_keep` days ago; that of a sync that is
/// under way stays.
///
/// Gives how many; `out_deleted` may be NULL. Blocks on the disk, for at most the busy
/// budget; any thread may call it. Errors: INVALID_ARGUMENT where so many days ago is before
/// any date; and as for `skillsmith_sync_history_repository_start_run`.
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

/// How many entries there are.
///
/// Blocks on the disk, shortly; any thread may call it. Errors: as for
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

/// Figures over the whole history.
///
/// Gives an owned record: `skillsmith_sync_stats_free`. Blocks on the disk, shortly; any
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
            Ok(give(|arena| skillsmith_sync_stats::of(&stats, arena)))
        })
    })
}

/// Frees an entry with its texts. Not for an entry of a list, which is refused.
///
/// NULL is fine. What is not such a record, or was freed already, is refused with
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_entry_free(
    entry: *mut skillsmith_sync_history_entry,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(entry))
}

/// Frees a list with its entries.
///
/// NULL is fine. What is not such a list, or was freed already, is refused with
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_history_list_free(
    list: *mut skillsmith_sync_history_list,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(list))
}

/// Frees figures with their texts.
///
/// NULL is fine. What is not such a record, or was freed already, is refused with
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_stats_free(
    stats: *mut skillsmith_sync_stats,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(stats))
}
