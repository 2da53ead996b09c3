//! The configuration: whether, how often and when this machine syncs.

use std::ffi::c_char;

use skillsmith_sync::{
    Error, Result, SyncConfig, SyncConfigRepository, SyncConfigUpdate, SyncFrequency,
};

use crate::api::database::skillsmith_database;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{OptionsPtr, TextPtr};
use crate::ffi::members::options;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, skillsmith_text};
use crate::ffi::status::skillsmith_status;

/// How often a sync becomes due.
#[expect(dead_code, reason = "callers in C give the default")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_sync_frequency {
    /// In options only: unchanged.
    SKILLSMITH_SYNC_FREQUENCY_DEFAULT = 0,
    /// Every 24 hours (86400000 ms).
    SKILLSMITH_SYNC_FREQUENCY_DAILY = 1,
    /// Every 7 days (604800000 ms).
    SKILLSMITH_SYNC_FREQUENCY_WEEKLY = 2,
}

/// A frequency as the caller gives it: any number at all.
pub type skillsmith_sync_frequency_value = i32;

/// A switch with a default. 0 is not "off".
#[expect(dead_code, reason = "callers in C give them")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_switch {
    /// The value without this option.
    SKILLSMITH_SWITCH_DEFAULT = 0,
    /// On.
    SKILLSMITH_SWITCH_ON = 1,
    /// Off.
    SKILLSMITH_SWITCH_OFF = 2,
}

/// A switch as the caller gives it: any number at all.
pub type skillsmith_switch_value = i32;

/// Reads and changes the configuration of a database.
///
/// Any thread may use it. Every call is short and blocks on the disk only.
#[derive(Debug)]
pub struct skillsmith_sync_config_repository {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_sync_config_repository {
    type Object = SyncConfigRepository;
    const NAME: &'static str = "repository";
}

/// A snapshot of the configuration.
///
/// Times are ISO 8601 text, as stored in the database.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_config {
    /// Always "default".
    pub id: skillsmith_text,
    /// Whether automatic syncing is enabled.
    pub enabled: bool,
    /// How often.
    pub frequency: skillsmith_sync_frequency,
    /// Milliseconds between two syncs.
    pub interval_ms: i64,
    /// When the last complete sync started; none before the first.
    pub last_sync_at: skillsmith_text,
    /// When the next sync is due; none means now.
    pub next_sync_at: skillsmith_text,
    /// Number of skills that the last complete sync added or updated.
    pub last_sync_count: i64,
    /// Error of the last sync; none if it succeeded.
    pub last_sync_error: skillsmith_text,
    /// When the row was created, in the format of SQLite (UTC).
    pub created_at: skillsmith_text,
    /// When the row was last changed, in the format of SQLite (UTC).
    pub updated_at: skillsmith_text,
}

impl Record for skillsmith_sync_config {
    const NAME: &'static str = "config";
}

impl skillsmith_sync_config {
    pub(crate) fn of(config: &SyncConfig, arena: &mut Arena) -> Self {
        Self {
            id: arena.text(&config.id),
            enabled: config.enabled,
            frequency: config.frequency.into(),
            interval_ms: config.interval_ms,
            last_sync_at: arena.optional_text(config.last_sync_at.as_deref()),
            next_sync_at: arena.optional_text(config.next_sync_at.as_deref()),
            last_sync_count: config.last_sync_count,
            last_sync_error: arena.optional_text(config.last_sync_error.as_deref()),
            created_at: arena.text(&config.created_at),
            updated_at: arena.text(&config.updated_at),
        }
    }
}

impl From<SyncFrequency> for skillsmith_sync_frequency {
    fn from(frequency: SyncFrequency) -> Self {
        match frequency {
            SyncFrequency::Daily => Self::SKILLSMITH_SYNC_FREQUENCY_DAILY,
            SyncFrequency::Weekly => Self::SKILLSMITH_SYNC_FREQUENCY_WEEKLY,
            _ => unreachable!("a frequency of the core that has no number here"),
        }
    }
}

/// Changes for `skillsmith_sync_config_repository_update_config`. A zero member leaves the
/// setting unchanged.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_sync_config_update {
    /// `sizeof(skillsmith_sync_config_update)`.
    pub struct_size: usize,
    /// Enables or disables automatic syncing.
    pub enabled: skillsmith_switch_value,
    /// Changes the frequency and reschedules the next sync.
    pub frequency: skillsmith_sync_frequency_value,
}

// `repr(C)`, the size first, and numbers only.
options!(skillsmith_sync_config_update as "update" { struct_size, enabled, frequency });

/// The value of a switch; `None` for the default.
pub(crate) fn switch(value: skillsmith_switch_value, name: &str) -> Result<Option<bool>> {
    match value {
        0 => Ok(None),
        1 => Ok(Some(true)),
        2 => Ok(Some(false)),
        other => Err(Error::InvalidArgument(format!(
            "The switch '{name}' is {other}. Use SKILLSMITH_SWITCH_DEFAULT, _ON or _OFF."
        ))),
    }
}

fn frequency(value: skillsmith_sync_frequency_value) -> Result<Option<SyncFrequency>> {
    match value {
        0 => Ok(None),
        1 => Ok(Some(SyncFrequency::Daily)),
        2 => Ok(Some(SyncFrequency::Weekly)),
        other => Err(Error::InvalidArgument(format!(
            "Unknown frequency {other}. Use SKILLSMITH_SYNC_FREQUENCY_DAILY or _WEEKLY."
        ))),
    }
}

/// Creates a repository for an open database.
///
/// Gives an owned handle: `skillsmith_sync_config_repository_free`. Does not block; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_new(
    database: HandlePtr<skillsmith_database>,
    out_repository: OutPtr<*mut skillsmith_sync_config_repository>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_repository.fill("out_repository", || {
            let repository = SyncConfigRepository::new(&*database.get()?);
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
pub extern "C" fn skillsmith_sync_config_repository_free(
    repository: OwnedHandle<skillsmith_sync_config_repository>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || repository.remove().map(drop))
}

/// The current configuration.
///
/// Gives an owned record: `skillsmith_sync_config_free`. Blocks briefly on the disk; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
/// `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_get_config(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    out_config: OutPtr<*mut skillsmith_sync_config>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_config.fill("out_config", || {
            let config = repository.get()?.get_config()?;
            Ok(records::give(|arena| {
                skillsmith_sync_config::of(&config, arena)
            }))
        })
    })
}

/// Changes the settings in `update` and returns the new configuration.
///
/// `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`,
/// `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`, `DATABASE_BUSY`, `READ_ONLY`, `DISK_FULL`,
/// `DATABASE_ERROR`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_update_config(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    update: OptionsPtr<skillsmith_sync_config_update>,
    out_config: OutPtr<*mut skillsmith_sync_config>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        change(repository, out_config, |repository| {
            let update = update.required()?;
            let mut wanted = SyncConfigUpdate::new();
            wanted.enabled = switch(update.enabled, "enabled")?;
            wanted.frequency = frequency(update.frequency)?;
            repository.update_config(wanted)
        })
    })
}

/// Changes the configuration, and returns it if the caller wants it.
fn change(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    out_config: OutPtr<*mut skillsmith_sync_config>,
    change: impl FnOnce(&SyncConfigRepository) -> Result<SyncConfig>,
) -> Result<()> {
    let out = out_config.emptied();
    let config = change(&*repository.get()?)?;
    if out.is_wanted() {
        out.give(records::give(|arena| {
            skillsmith_sync_config::of(&config, arena)
        }));
    }
    Ok(())
}

/// Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills.
///
/// Schedules the next sync and clears the last error. The engine does this itself. Blocks
/// on the disk, for at most the busy budget; any thread may call it. Errors: as for
/// `skillsmith_sync_config_repository_update_config`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_set_last_sync(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    timestamp: TextPtr,
    count: i64,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let timestamp = timestamp.text("timestamp")?;
        repository.get()?.set_last_sync(&timestamp, count)
    })
}

/// Records the error of the last sync. The engine does this itself.
///
/// Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
/// for `skillsmith_sync_config_repository_update_config`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_set_last_sync_error(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    message: TextPtr,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let message = message.text("message")?;
        repository.get()?.set_last_sync_error(&message)
    })
}

/// Clears the error of the last sync.
///
/// Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
/// for `skillsmith_sync_config_repository_update_config`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_clear_error(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || repository.get()?.clear_error())
}

/// The time `interval_ms` milliseconds after `last_sync_at` (ISO 8601).
///
/// Gives an owned string, ISO 8601 with milliseconds and `Z`: `skillsmith_string_free`.
/// Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
/// `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_calculate_next_sync(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    last_sync_at: TextPtr,
    interval_ms: i64,
    out_next_sync_at: OutPtr<*mut c_char>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_next_sync_at.fill("out_next_sync_at", || {
            let last = last_sync_at.text("last_sync_at")?;
            let next = repository.get()?.calculate_next_sync(&last, interval_ms)?;
            records::give_string(&next)
        })
    })
}

/// Whether automatic syncing is on and the next sync is due.
///
/// Blocks briefly on the disk; any thread may call it. Errors: as for
/// `skillsmith_sync_config_repository_get_config`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_is_sync_due(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    out_due: OutPtr<bool>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_due.fill("out_due", || repository.get()?.is_sync_due())
    })
}

/// A budget as callers in C get it: -1 for none.
pub(crate) fn budget_out(budget: Option<u64>) -> i64 {
    budget.map_or(-1, |requests| i64::try_from(requests).unwrap_or(i64::MAX))
}

/// The most requests that syncs of this database send in a calendar month (UTC); -1 if there
/// is no bound.
///
/// Blocks briefly on the disk; any thread may call it. Errors: as for
/// `skillsmith_sync_config_repository_get_config`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_get_request_budget(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    out_budget: OutPtr<i64>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_budget.fill("out_budget", || {
            Ok(budget_out(repository.get()?.request_budget()?))
        })
    })
}

/// Sets the most requests that syncs of this database send in a calendar month (UTC); -1
/// removes the bound.
///
/// A sync that reaches it ends as partial, and the next one continues from there. Blocks on
/// the disk, for at most the busy budget; any thread may call it. Errors: as for
/// `skillsmith_sync_config_repository_update_config`; `INVALID_ARGUMENT` below -1.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_set_request_budget(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    budget: i64,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        let repository = repository.get()?;
        let budget = match budget {
            -1 => None,
            _ => Some(u64::try_from(budget).map_err(|_| {
                Error::InvalidArgument(format!(
                    "The budget is {budget}. Use 0 or more, or -1 for no bound."
                ))
            })?),
        };
        repository.set_request_budget(budget)
    })
}

/// Enables automatic syncing.
///
/// `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_enable(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    out_config: OutPtr<*mut skillsmith_sync_config>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        change(repository, out_config, SyncConfigRepository::enable)
    })
}

/// Disables automatic syncing. A manual sync still works.
///
/// `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_disable(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    out_config: OutPtr<*mut skillsmith_sync_config>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        change(repository, out_config, SyncConfigRepository::disable)
    })
}

/// Changes the frequency and reschedules the next sync.
///
/// `out_config` may be NULL if the result is not needed. Otherwise it gets an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`;
/// `INVALID_ARGUMENT` for any frequency other than daily and weekly.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_set_frequency(
    repository: HandlePtr<skillsmith_sync_config_repository>,
    frequency: skillsmith_sync_frequency_value,
    out_config: OutPtr<*mut skillsmith_sync_config>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        change(repository, out_config, |repository| {
            let frequency = self::frequency(frequency)?.ok_or_else(|| {
                Error::InvalidArgument(
                    "The frequency is 0. Use SKILLSMITH_SYNC_FREQUENCY_DAILY or _WEEKLY.".into(),
                )
            })?;
            repository.set_frequency(frequency)
        })
    })
}

/// Frees a configuration with its texts.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_free(
    config: *mut skillsmith_sync_config,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(config))
}
