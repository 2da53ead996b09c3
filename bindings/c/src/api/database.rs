//! The database file.

use std::ffi::{c_char, c_int};
use std::path::PathBuf;
use std::time::Duration;

use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{Database, Error, Result};

use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{OptionsPtr, TextPtr};
use crate::ffi::members::options;
use crate::ffi::out::OutPtr;
use crate::ffi::records;
use crate::ffi::status::skillsmith_status;

/// An open database.
///
/// Any thread may use it; short calls wait for each other. A sync uses its own connection,
/// so short calls never wait for a whole run. Repositories, engines and services made from
/// it keep it open after its handle is freed.
#[derive(Debug)]
pub struct skillsmith_database {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_database {
    type Object = Database;
    const NAME: &'static str = "database";
}

/// Options for opening a database. A zero member means its default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_open_options {
    /// `sizeof(skillsmith_open_options)`.
    pub struct_size: usize,
    /// Not 0: open the file read-only; it must exist. Default: 0.
    ///
    /// SQLite may leave an empty `-wal` and `-shm` beside a file in WAL mode that is not
    /// open elsewhere: it cannot delete them without write access.
    pub read_only: c_int,
    /// Milliseconds that a short call waits while another program writes, before it fails
    /// with `DATABASE_BUSY`. Negative: it does not wait. Default: 5000.
    pub busy_budget_ms: i64,
}

// `repr(C)`, the size first, and numbers only.
options!(skillsmith_open_options as "options" { struct_size, read_only, busy_budget_ms });

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
/// `path` is UTF-8; `":memory:"` is a new database in memory; NULL is the path that
/// `skillsmith_default_database_path` returns. `options` may be NULL.
///
/// Creates a missing file with the whole schema, and its folder, accessible to their owner
/// only. Accepts a file of any schema version, and adds the tables for syncing if they are
/// missing. Refuses a file that is not a database, is damaged, or belongs to another
/// program, and leaves it unchanged.
///
/// Gives an owned handle: `skillsmith_database_free`. Blocks on the disk; any thread may
/// call it. Errors: `NULL_ARGUMENT`, `INVALID_ARGUMENT`, and all from 301 to 312.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_open(
    path: TextPtr,
    options: OptionsPtr<skillsmith_open_options>,
    out_database: OutPtr<*mut skillsmith_database>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_database.fill("out_database", || {
            let path = path.optional("path")?;
            let path = path.map_or_else(default_path, |path| Ok(path.into()))?;
            let options = options.read()?.map_or_else(OpenOptions::new, Into::into);
            let database = options.open(path)?;
            Ok(handles::insert(database))
        })
    })
}

/// Creates a database in memory with the whole schema.
///
/// It is deleted with the last handle made from it. Another SQLite cannot share it.
///
/// Gives an owned handle: `skillsmith_database_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, `DATABASE_ERROR`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_open_in_memory(
    out_database: OutPtr<*mut skillsmith_database>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_database.fill("out_database", || {
            Ok(handles::insert(Database::open_in_memory()?))
        })
    })
}

/// The default path of the database: `SKILLSMITH_DB_PATH`, or `~/.skillsmith/skills.db`.
///
/// `~/` at the start of the variable is the home folder. Gives an owned string:
/// `skillsmith_string_free`. Does not block; any thread may call it. Errors: `NULL_ARGUMENT`;
/// `INVALID_ARGUMENT` if there is no home folder, if the variable begins with what a shell would
/// have replaced (`$HOME/`, `~ada/`, a quotation mark), or if the path is not UTF-8. To open the
/// database at such a path, pass NULL to `skillsmith_database_open`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_default_database_path(
    out_path: OutPtr<*mut c_char>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_path.fill("out_path", || {
            let path = default_path()?;
            let text = path.to_str().ok_or_else(|| {
                Error::InvalidArgument(
                    "The default path of the database is not UTF-8. Pass NULL as the path to open it."
                        .into(),
                )
            })?;
            records::give_string(text)
        })
    })
}

fn default_path() -> Result<PathBuf> {
    Environment::of_process().database_path()
}

/// Closes a database for all handles made from it.
///
/// Their later calls fail with `DATABASE_CLOSED`. A running sync keeps its own connection
/// and ends normally. Calling it again is safe; the handle must still be freed. Blocks
/// briefly on the disk; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
/// `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_close(
    database: HandlePtr<skillsmith_database>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        database.get()?.close();
        Ok(())
    })
}

/// Whether the database is open.
///
/// False for NULL, for a handle that was freed, and in a forked child. May wait for a
/// short call on another thread; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_is_open(database: HandlePtr<skillsmith_database>) -> bool {
    getter(false, || Ok(database.get()?.is_open()))
}

/// Whether the database was opened read-only.
///
/// False for NULL and for a handle that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_is_read_only(
    database: HandlePtr<skillsmith_database>,
) -> bool {
    getter(false, || Ok(database.get()?.is_read_only()))
}

/// The absolute path of the file, or ":memory:".
///
/// Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_name(
    database: HandlePtr<skillsmith_database>,
    out_name: OutPtr<*mut c_char>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_name.fill("out_name", || records::give_string(&database.get()?.name()))
    })
}

/// Frees a database.
///
/// The file is closed with the last handle made from it. To close it now, call
/// `skillsmith_database_close` first. NULL is a no-op. Freeing twice returns
/// `SKILLSMITH_INVALID_HANDLE`. May block briefly on the disk; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_database_free(
    database: OwnedHandle<skillsmith_database>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || database.remove().map(drop))
}
