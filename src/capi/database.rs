//! The database file.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::boundary::{boundary, getter};
use super::error::{ErrorOut, skillsmith_error};
use super::input;
use super::live::{self, Handle};
use super::memory::give_string;
use super::out::Out;
use super::status::skillsmith_status;
use crate::database::OpenOptions;
use crate::environment::Environment;
use crate::{Database, Error, Result};

/// An open database.
///
/// Any thread may use it; short calls wait for each other. A sync has a connection of
/// its own, so that short calls never wait for a whole run. Repositories, engines and
/// services made from it keep it open after its handle is freed.
#[derive(Debug)]
pub struct skillsmith_database {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_database {
    type Object = Database;
    const NAME: &'static str = "database";
}

/// How a database is opened. Zero in a member means its default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_open_options {
    /// `sizeof(skillsmith_open_options)`.
    pub struct_size: usize,
    /// Not 0: never write anything into the file; it must exist then. Default: 0.
    ///
    /// SQLite may leave an empty `-wal` and its `-shm` beside a file in WAL mode that
    /// nobody else has open: it cannot take them away without the right to write.
    pub read_only: c_int,
    /// How many milliseconds a short call waits while another program writes, before it
    /// fails with `DATABASE_BUSY`. Negative: it does not wait. Default: 5000.
    pub busy_budget_ms: i64,
}

// SAFETY: `repr(C)`, the size first, and numbers only.
unsafe impl input::Options for skillsmith_open_options {
    const NAME: &'static str = "options";
}

impl From<skillsmith_open_options> for OpenOptions {
    fn from(given: skillsmith_open_options) -> Self {
        let options = Self::new().read_only(given.read_only != 0);
        match u64::try_from(given.busy_budget_ms) {
            Ok(0) => options,
            Ok(budget) => options.busy_budget(Duration::from_millis(budget)),
            Err(_) => options.busy_budget(Duration::ZERO),
        }
    }
}

/// Opens a database.
///
/// `path` is UTF-8; `":memory:"` is a new database in memory; NULL stands for what
/// `skillsmith_default_database_path` gives. `options` may be NULL.
///
/// A missing file is created complete, with its folder, readable by its owner only. An
/// existing one of any version is used as it is; the tables of a sync are added where
/// they are missing. What is no database, is damaged, or belongs to some other program is
/// refused and left as it is.
///
/// Gives an owned handle: `skillsmith_database_free`. Blocks on the disk; any thread may
/// call it. Errors: `NULL_ARGUMENT`, `INVALID_ARGUMENT`, and all from 301 to 312.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_database_open(
    path: *const c_char,
    options: *const skillsmith_open_options,
    out_database: *mut *mut skillsmith_database,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe {
        (
            Out::new(out_database, "out_database"),
            ErrorOut::new(out_error),
        )
    };
    boundary(&errors, || {
        out.check()?;
        // SAFETY: the caller's promise.
        let (path, options) = unsafe {
            (
                input::optional_text(path, "path")?,
                input::options(options)?,
            )
        };
        let path = path.map_or_else(default_path, Ok)?;
        let database = options
            .map_or_else(OpenOptions::new, Into::into)
            .open(path)?;
        out.give(live::issue(database));
        Ok(())
    })
}

/// Makes a new, complete database in memory.
///
/// It is gone with the last handle that was made from it. Another SQLite cannot share it.
///
/// Gives an owned handle: `skillsmith_database_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, `DATABASE_ERROR`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_database_open_in_memory(
    out_database: *mut *mut skillsmith_database,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe {
        (
            Out::new(out_database, "out_database"),
            ErrorOut::new(out_error),
        )
    };
    boundary(&errors, || {
        out.check()?;
        out.give(live::issue(Database::open_in_memory()?));
        Ok(())
    })
}

/// Where the database is unless a path is given: `SKILLSMITH_DB_PATH`, or
/// `~/.skillsmith/skills.db`.
///
/// Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`; `INVALID_ARGUMENT` where there is no home folder.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_default_database_path(
    out_path: *mut *mut c_char,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_path, "out_path"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        out.give(give_string(&default_path()?)?);
        Ok(())
    })
}

fn default_path() -> Result<String> {
    Environment::of_process()
        .database_path()
        .map(|path| path.to_string_lossy().into_owned())
        .ok_or_else(|| {
            Error::InvalidArgument(
                "There is no home folder to keep the database in. Give a path, or set SKILLSMITH_DB_PATH."
                    .into(),
            )
        })
}

/// Closes a database for all handles that were made from it.
///
/// Their later calls fail with `DATABASE_CLOSED`. A sync that is under way keeps its own
/// connection and ends normally. Closing twice is fine; the handle still has to be freed.
/// Blocks on the disk, shortly; any thread may call it. Errors: `NULL_ARGUMENT`,
/// `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_database_close(
    database: *const skillsmith_database,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let errors = unsafe { ErrorOut::new(out_error) };
    boundary(&errors, || {
        live::get(database)?.close();
        Ok(())
    })
}

/// Whether it has not been closed.
///
/// False for NULL, for a handle that was freed, and in a forked child. May wait for a
/// short call on another thread; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_is_open(database: *const skillsmith_database) -> bool {
    getter(false, || Ok(live::get(database)?.is_open()))
}

/// Whether it was opened read-only.
///
/// False for NULL and for a handle that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_is_read_only(database: *const skillsmith_database) -> bool {
    getter(false, || Ok(live::get(database)?.is_read_only()))
}

/// The absolute path of the file, or ":memory:".
///
/// Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_database_name(
    database: *const skillsmith_database,
    out_name: *mut *mut c_char,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_name, "out_name"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        out.give(give_string(&live::get(database)?.name())?);
        Ok(())
    })
}

/// Frees a database.
///
/// The file is closed with the last handle that was made from it; to close it now, call
/// `skillsmith_database_close` first. NULL is fine. A second time is refused with
/// `SKILLSMITH_INVALID_HANDLE`. May block on the disk, shortly; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_free(
    database: *mut skillsmith_database,
) -> skillsmith_status {
    boundary(&ErrorOut::nowhere(), || live::retire(database).map(drop))
}
