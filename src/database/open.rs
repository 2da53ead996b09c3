//! Making a connection: what is created, checked and refused.
//!
//! The file is opened by SQLite and by nothing else, not even to look at it:
//! closing any descriptor of it would drop the locks that another SQLite of
//! this process holds.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::handle::Handle;
use super::schema::{self, Content};
use super::transaction::{Patience, write};
use super::{OpenOptions, coexistence};
use crate::{CancelToken, Error, Result};

/// No database is smaller than its first page.
const SMALLEST_PAGE: u64 = 512;

pub(super) fn file(path: &Path, options: &OpenOptions) -> Result<Handle> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Error::InvalidArgument(format!(
            "{} is a folder. Give the path of a database file.",
            path.display()
        ))),
        Ok(found) if !found.is_file() => Err(Error::InvalidArgument(format!(
            "{} is no regular file. Give the path of a database file.",
            path.display()
        ))),
        // SQLite takes a file of one byte for an empty one, and would overwrite it.
        Ok(found) if (1..SMALLEST_PAGE).contains(&found.len()) => {
            Err(Error::NotADatabase(path.to_owned()))
        }
        Ok(_) => existing(path, options),
        Err(error) if error.kind() == ErrorKind::NotFound && options.read_only => {
            Err(Error::file("open", path, error))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => new(path, options),
        Err(error) => Err(Error::file("open", path, error)),
    }
}

/// A database in memory that connections of this process share by its name.
pub(super) fn memory(name: &str, options: &OpenOptions) -> Result<Handle> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(format!("file:{name}?vfs=memdb"), flags)?;
    configure(&conn, options)?;
    prepare(&conn, Path::new(":memory:"), options)?;
    Ok(Handle::new(conn, None))
}

fn new(path: &Path, options: &OpenOptions) -> Result<Handle> {
    if let Some(folder) = path.parent() {
        create_folder(folder).map_err(|error| Error::file("create the folder", folder, error))?;
    }
    let conn = connect(path, options)?;
    // Before anything is in it. SQLite gives the -wal and -shm files the same mode.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|error| Error::file("protect", path, error))?;
    }
    configure(&conn, options)?;
    prepare(&conn, path, options)?;
    Ok(conn)
}

fn existing(path: &Path, options: &OpenOptions) -> Result<Handle> {
    let conn = connect(path, options)?;
    configure(&conn, options)?;
    if !options.read_only && conn.is_readonly(rusqlite::MAIN_DB)? {
        return Err(Error::PermissionDenied {
            action: "write",
            path: path.to_owned(),
        });
    }
    prepare(&conn, path, options)?;
    Ok(conn)
}

fn connect(path: &Path, options: &OpenOptions) -> Result<Handle> {
    let access = if options.read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    coexistence::before_open(path)?;
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| explain(path, error))?;
    let ticket = coexistence::after_open(path)?;
    Ok(Handle::new(conn, ticket))
}

fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// What every connection gets.
fn configure(conn: &Connection, options: &OpenOptions) -> Result<()> {
    conn.busy_timeout(options.busy_budget)?;
    conn.set_prepared_statement_cache_capacity(32);
    // The TypeScript stack relies on both; SQLite's default is off.
    conn.pragma_update(None, "foreign_keys", true)?;
    // Batches are staged in TEMP tables: in memory, so that no file is made for them.
    conn.pragma_update(None, "temp_store", "memory")?;
    Ok(())
}

/// Looks at what the file holds, refuses what is not ours, and adds what is missing.
fn prepare(conn: &Connection, path: &Path, options: &OpenOptions) -> Result<()> {
    let content = inspect(conn, path)?;
    if matches!(content, Content::Ready | Content::Old) {
        check_skills(conn, path)?;
    }
    match content {
        Content::Foreign => return Err(not_skillsmith(path, "it has no table 'skills'")),
        Content::Ready => {}
        Content::Empty | Content::Old if options.read_only => {
            return Err(not_skillsmith(
                path,
                "it lacks the tables of a sync, and was opened read-only; open it for writing once",
            ));
        }
        Content::Empty => {
            switch_to_wal(conn, path, options.open_budget)?;
            change(
                conn,
                path,
                options.open_budget,
                |conn| match schema::inspect(conn)? {
                    Content::Empty => schema::create(conn),
                    // Another process was faster.
                    _ => Ok(()),
                },
            )?;
        }
        Content::Old => {
            check_before_first_change(conn, path)?;
            change(conn, path, options.open_budget, schema::prepare_old)?;
        }
    }
    // With a WAL a lost last commit is the worst that a power cut can do; a
    // rollback journal could be damaged, and keeps SQLite's default.
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode == "wal" {
        conn.pragma_update(None, "synchronous", "normal")?;
    }
    Ok(())
}

/// Refused, harmlessly, on file systems without shared memory.
///
/// SQLite does not wait for a lock here, and another process may be creating the same file.
fn switch_to_wal(conn: &Connection, path: &Path, budget: Duration) -> Result<()> {
    let end = Instant::now() + budget;
    loop {
        match conn.pragma_update(None, "journal_mode", "wal") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < end =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome.map_err(|error| explain(path, error)),
        }
    }
}

fn inspect(conn: &Connection, path: &Path) -> Result<Content> {
    schema::inspect(conn).map_err(|error| name(path, error))
}

fn change(
    conn: &Connection,
    path: &Path,
    budget: Duration,
    call: impl FnMut(&Connection) -> Result<()>,
) -> Result<()> {
    let patience = Patience {
        budget,
        cancel: &CancelToken::new(),
    };
    write(conn, patience, call).map_err(|error| name(path, error))
}

/// The table must be usable as one of skills.
fn check_skills(conn: &Connection, path: &Path) -> Result<()> {
    for column in ["id", "name"] {
        let found: bool = conn
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM pragma_table_info('skills') WHERE name = ?1)",
                [column],
                |row| row.get(0),
            )
            .map_err(|error| explain(path, error))?;
        if !found {
            return Err(not_skillsmith(
                path,
                &format!("its table 'skills' has no column '{column}'"),
            ));
        }
    }
    Ok(())
}

/// A damaged file is left alone, so it is searched for damage before the first
/// change that this library makes to it. Later damage is found where it is met.
fn check_before_first_change(conn: &Connection, path: &Path) -> Result<()> {
    let damaged = |detail: String| Error::DatabaseDamaged {
        path: path.to_owned(),
        detail,
    };
    // Every table but the virtual ones: a full-text index that is out of step
    // is repaired by the sync, not a reason to refuse the file.
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        .and_then(|mut found| found.query_map([], |row| row.get(0))?.collect())
        .map_err(|error| explain(path, error))?;
    for table in tables {
        let verdict: String = conn
            .query_row(
                "SELECT quick_check FROM pragma_quick_check(?1)",
                [&table],
                |row| row.get(0),
            )
            .map_err(|error| explain(path, error))?;
        if verdict != "ok" {
            return Err(damaged(verdict));
        }
    }
    Ok(())
}

fn not_skillsmith(path: &Path, detail: &str) -> Error {
    Error::NotSkillsmith {
        path: path.to_owned(),
        detail: detail.to_owned(),
    }
}

fn name(path: &Path, error: Error) -> Error {
    match error {
        Error::Database(error) => explain(path, error),
        error => error,
    }
}

/// Says what SQLite's error means for the file at `path`.
pub(super) fn explain(path: &Path, error: rusqlite::Error) -> Error {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotADatabase(path),
        Some(ErrorCode::DatabaseCorrupt) => Error::DatabaseDamaged {
            path,
            detail: error.to_string(),
        },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => cannot_open(path, error),
        Some(ErrorCode::ReadOnly) => Error::PermissionDenied {
            action: "write",
            path,
        },
        _ => error.into(),
    }
}

/// SQLite says only that it could not; the operating system knows why.
fn cannot_open(path: std::path::PathBuf, error: rusqlite::Error) -> Error {
    if std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) && !path.exists() {
        let missing = std::io::Error::new(
            ErrorKind::NotFound,
            "it is a link to a place that does not exist",
        );
        return Error::file("open", path, missing);
    }
    match std::fs::metadata(&path) {
        // The file is there: neither reading nor writing it was allowed.
        Ok(_) => Error::PermissionDenied {
            action: "open",
            path,
        },
        Err(found) if found.kind() == ErrorKind::NotFound => {
            match path.parent().map(std::fs::metadata) {
                Some(Ok(folder)) if folder.is_dir() => Error::PermissionDenied {
                    action: "create",
                    path,
                },
                Some(Err(cause)) => Error::file("open", path, cause),
                _ => Error::Database(error),
            }
        }
        Err(found) => Error::file("open", path, found),
    }
}
