//! The configuration: whether, how often and when this machine syncs.

use std::ffi::c_char;

use super::boundary::boundary;
use super::database::skillsmith_database;
use super::error::{ErrorOut, skillsmith_error};
use super::input;
use super::live::{self, Handle};
use super::memory::{self, Arena, Record, give, give_string, skillsmith_text};
use super::out::Out;
use super::status::skillsmith_status;
use crate::{Error, Result, SyncConfig, SyncConfigRepository, SyncConfigUpdate, SyncFrequency};

/// How often a sync becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_sync_frequency {
    /// Only in options: as it is.
    SKILLSMITH_SYNC_FREQUENCY_DEFAULT = 0,
    /// Every 24 hours (86400000 ms).
    SKILLSMITH_SYNC_FREQUENCY_DAILY = 1,
    /// Every 7 days (604800000 ms).
    SKILLSMITH_SYNC_FREQUENCY_WEEKLY = 2,
}

/// A frequency as the caller gives it: any number at all.
pub type skillsmith_sync_frequency_value = i32;

/// A switch that may also be left as it is. 0 is not "off".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_switch {
    /// Whatever it would be without this option.
    SKILLSMITH_SWITCH_DEFAULT = 0,
    /// On.
    SKILLSMITH_SWITCH_ON = 1,
    /// Off.
    SKILLSMITH_SWITCH_OFF = 2,
}

/// A switch as the caller gives it: any number at all.
pub type skillsmith_switch_value = i32;

/// Reads and changes the configuration of one database.
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

/// The configuration as it stood when it was asked for.
///
/// Times are ISO 8601 text, as they stand in the database.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_config {
    /// Always "default".
    pub id: skillsmith_text,
    /// Whether the background service syncs by itself.
    pub enabled: bool,
    /// How often.
    pub frequency: skillsmith_sync_frequency,
    /// Milliseconds between two syncs.
    pub interval_ms: i64,
    /// When the last complete sync started; none before the first.
    pub last_sync_at: skillsmith_text,
    /// When the next one is due; none: at once.
    pub next_sync_at: skillsmith_text,
    /// Skills added and updated by the last complete sync.
    pub last_sync_count: i64,
    /// Why the last sync failed; none if it did not.
    pub last_sync_error: skillsmith_text,
    /// When the row was made, as SQLite wrote it (UTC).
    pub created_at: skillsmith_text,
    /// When it was last changed, likewise.
    pub updated_at: skillsmith_text,
}

impl Record for skillsmith_sync_config {
    const NAME: &'static str = "config";
}

impl skillsmith_sync_config {
    pub(super) fn of(config: &SyncConfig, arena: &mut Arena) -> Self {
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
        }
    }
}

/// What `skillsmith_sync_config_repository_update_config` changes. Zero in a member
/// leaves the setting as it is.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_sync_config_update {
    /// `sizeof(skillsmith_sync_config_update)`.
    pub struct_size: usize,
    /// Switch automatic syncing on or off.
    pub enabled: skillsmith_switch_value,
    /// Change how often; the next sync moves accordingly.
    pub frequency: skillsmith_sync_frequency_value,
}

// SAFETY: `repr(C)`, the size first, and numbers only.
unsafe impl input::Options for skillsmith_sync_config_update {
    const NAME: &'static str = "update";
}

/// What a switch says; `None`: nothing.
pub(super) fn switch(value: skillsmith_switch_value, name: &str) -> Result<Option<bool>> {
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

/// Makes a repository for an open database.
///
/// Gives an owned handle: `skillsmith_sync_config_repository_free`. Does not block; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_new(
    database: *const skillsmith_database,
    out_repository: *mut *mut skillsmith_sync_config_repository,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe {
        (
            Out::new(out_repository, "out_repository"),
            ErrorOut::new(out_error),
        )
    };
    boundary(&errors, || {
        out.check()?;
        let repository = SyncConfigRepository::new(&*live::get(database)?);
        out.give(live::issue(repository));
        Ok(())
    })
}

/// Frees a repository. The database stays open.
///
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks
/// on the disk, shortly, if it is the last that keeps a database whose own handle was
/// freed; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_repository_free(
    repository: *mut skillsmith_sync_config_repository,
) -> skillsmith_status {
    boundary(&ErrorOut::nowhere(), || live::retire(repository).map(drop))
}

/// The configuration as it stands.
///
/// Gives an owned record: `skillsmith_sync_config_free`. Blocks on the disk, shortly; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
/// `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_get_config(
    repository: *const skillsmith_sync_config_repository,
    out_config: *mut *mut skillsmith_sync_config,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_config, "out_config"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        let config = live::get(repository)?.get_config()?;
        out.give(give(|arena| skillsmith_sync_config::of(&config, arena)));
        Ok(())
    })
}

/// Changes what `update` names, and gives the result.
///
/// `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`,
/// `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`, `DATABASE_BUSY`, `READ_ONLY`, `DISK_FULL`,
/// `DATABASE_ERROR`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_update_config(
    repository: *const skillsmith_sync_config_repository,
    update: *const skillsmith_sync_config_update,
    out_config: *mut *mut skillsmith_sync_config,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_config, "out_config"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        // SAFETY: the caller's promise.
        let update = unsafe { input::options(update) }?.ok_or(Error::NullArgument("update"))?;
        let update = SyncConfigUpdate {
            enabled: switch(update.enabled, "enabled")?,
            frequency: frequency(update.frequency)?,
        };
        let config = live::get(repository)?.update_config(update)?;
        give_if_wanted(&out, &config);
        Ok(())
    })
}

fn give_if_wanted(out: &Out<*mut skillsmith_sync_config>, config: &SyncConfig) {
    if out.is_wanted() {
        out.give(give(|arena| skillsmith_sync_config::of(config, arena)));
    }
}

/// Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills.
///
/// Sets when the next one is due, and clears the last error. The engine does this by
/// itself. Blocks on the disk, for at most the busy budget; any thread may call it.
/// Errors: as for `skillsmith_sync_config_repository_update_config`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_set_last_sync(
    repository: *const skillsmith_sync_config_repository,
    timestamp: *const c_char,
    count: i64,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let errors = unsafe { ErrorOut::new(out_error) };
    boundary(&errors, || {
        // SAFETY: the caller's promise.
        let timestamp = unsafe { input::text(timestamp, "timestamp") }?;
        live::get(repository)?.set_last_sync(&timestamp, count)
    })
}

/// Records why the last sync failed. The engine does this by itself.
///
/// Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
/// for `skillsmith_sync_config_repository_update_config`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_set_last_sync_error(
    repository: *const skillsmith_sync_config_repository,
    message: *const c_char,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let errors = unsafe { ErrorOut::new(out_error) };
    boundary(&errors, || {
        // SAFETY: the caller's promise.
        let message = unsafe { input::text(message, "message") }?;
        live::get(repository)?.set_last_sync_error(&message)
    })
}

/// Forgets why the last sync failed.
///
/// Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
/// for `skillsmith_sync_config_repository_update_config`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_clear_error(
    repository: *const skillsmith_sync_config_repository,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let errors = unsafe { ErrorOut::new(out_error) };
    boundary(&errors, || live::get(repository)?.clear_error())
}

/// The time `interval_ms` milliseconds after `last_sync_at` (ISO 8601).
///
/// Gives an owned string, ISO 8601 with milliseconds and `Z`: `skillsmith_string_free`.
/// Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
/// `INVALID_ARGUMENT`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_calculate_next_sync(
    repository: *const skillsmith_sync_config_repository,
    last_sync_at: *const c_char,
    interval_ms: i64,
    out_next_sync_at: *mut *mut c_char,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe {
        (
            Out::new(out_next_sync_at, "out_next_sync_at"),
            ErrorOut::new(out_error),
        )
    };
    boundary(&errors, || {
        out.check()?;
        // SAFETY: the caller's promise.
        let last = unsafe { input::text(last_sync_at, "last_sync_at") }?;
        let next = live::get(repository)?.calculate_next_sync(&last, interval_ms)?;
        out.give(give_string(&next)?);
        Ok(())
    })
}

/// Whether automatic syncing is on and the next sync is due.
///
/// Blocks on the disk, shortly; any thread may call it. Errors: as for
/// `skillsmith_sync_config_repository_get_config`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_is_sync_due(
    repository: *const skillsmith_sync_config_repository,
    out_due: *mut bool,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_due, "out_due"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        out.give(live::get(repository)?.is_sync_due()?);
        Ok(())
    })
}

/// Switches automatic syncing on.
///
/// `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_enable(
    repository: *const skillsmith_sync_config_repository,
    out_config: *mut *mut skillsmith_sync_config,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_config, "out_config"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        give_if_wanted(&out, &live::get(repository)?.enable()?);
        Ok(())
    })
}

/// Switches automatic syncing off. A sync by hand still works.
///
/// `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_disable(
    repository: *const skillsmith_sync_config_repository,
    out_config: *mut *mut skillsmith_sync_config,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_config, "out_config"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        give_if_wanted(&out, &live::get(repository)?.disable()?);
        Ok(())
    })
}

/// Changes how often; the next sync moves accordingly.
///
/// `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
/// `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
/// thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`;
/// `INVALID_ARGUMENT` for anything but daily and weekly.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_sync_config_repository_set_frequency(
    repository: *const skillsmith_sync_config_repository,
    frequency: skillsmith_sync_frequency_value,
    out_config: *mut *mut skillsmith_sync_config,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_config, "out_config"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        let frequency = self::frequency(frequency)?.ok_or_else(|| {
            Error::InvalidArgument(
                "The frequency is 0. Use SKILLSMITH_SYNC_FREQUENCY_DAILY or _WEEKLY.".into(),
            )
        })?;
        give_if_wanted(&out, &live::get(repository)?.set_frequency(frequency)?);
        Ok(())
    })
}

/// Frees a configuration with its texts.
///
/// NULL is fine. What is not such a record, or was freed already, is refused with
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_sync_config_free(
    config: *mut skillsmith_sync_config,
) -> skillsmith_status {
    memory::free(config)
}
