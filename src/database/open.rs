//! Opens connections: creates, checks and refuses files.
//!
//! Only SQLite opens the file, even for checks: closing any descriptor of it would drop the
//! locks that another SQLite in this process holds.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::handle::Handle;
use super::schema::{self, Content};
use super::transaction::{LockWait, SLICE, write};
use super::{OpenOptions, checkpoint_at_end, coexistence, in_place, interruptible, raw};
use crate::{CancelToken, Error, Result};

/// The smallest database is one page.
const SMALLEST_PAGE: u64 = 512;

/// How one connection is opened, in addition to the caller's options.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) options: &'a OpenOptions,
    /// Cancels waits.
    pub(super) cancel: &'a CancelToken,
    /// Whether to create a missing file.
    pub(super) create: bool,
    /// Whether to check a file for damage that this library has not prepared yet.
    pub(super) search: bool,
}

pub(super) fn file(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    if ends_in_separator(path) {
        return Err(is_a_folder(path));
    }
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(is_a_folder(path)),
        Ok(found) if !found.is_file() => Err(Error::InvalidArgument(format!(
            "{} is not a regular file. Give the path of a database file.",
            path.display()
        ))),
        // SQLite would delete the journal.
        Ok(found) if found.len() == 0 && has_content(&beside(path, "-wal")) => {
            Err(Error::DatabaseDamaged {
                path: path.to_owned(),
                detail: format!(
                    "it is empty, but {} beside it holds changes: a program was interrupted while it wrote. To start over, move both away",
                    beside(path, "-wal").display()
                ),
            })
        }
        // SQLite treats a file of one byte as empty, and would overwrite it.
        Ok(found) if (1..SMALLEST_PAGE).contains(&found.len()) => {
            Err(Error::NotADatabase(path.to_owned()))
        }
        Ok(_) => existing(path, opening),
        Err(error)
            if error.kind() == ErrorKind::NotFound
                && (opening.options.read_only || !opening.create) =>
        {
            Err(Error::file("open", path, error))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => new(path, opening),
        Err(error) => Err(Error::file("open", path, error)),
    }
}

fn is_a_folder(path: &Path) -> Error {
    Error::InvalidArgument(format!(
        "{} is a folder. Give the path of a database file.",
        path.display()
    ))
}

/// Whether opening the path for writing would create a database: the file is missing or empty.
#[cfg(feature = "cli")]
pub(crate) fn holds_nothing(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(found) => found.is_file() && found.len() == 0 && !has_content(&beside(path, "-wal")),
        Err(error) => error.kind() == ErrorKind::NotFound && !ends_in_separator(path),
    }
}

/// Whether the path can only name a folder.
fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|last| std::path::is_separator(char::from(*last)))
}

/// A file that SQLite keeps beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path
        .canonicalize()
        .unwrap_or_else(|_| path.to_owned())
        .into_os_string();
    name.push(suffix);
    name.into()
}

fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() > 0)
}

/// A database in memory that connections of this process share by its name.
pub(super) fn memory(name: &str, opening: Opening<'_>) -> Result<Handle> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(format!("file:{name}?vfs=memdb"), flags)?;
    configure(&conn)?;
    prepare(&conn, Path::new(":memory:"), opening)?;
    Ok(Handle::new(conn, None))
}

fn new(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    if let Some(folder) = path.parent() {
        create_folder(folder).map_err(|error| Error::file("create the folder", folder, error))?;
    }
    let conn = connect(path, opening.options, true)?;
    let outcome = make_new(&conn, path, opening);
    match outcome {
        Ok(()) => Ok(conn),
        Err(error) => {
            drop(conn);
            // Delete a refused new file, unless another process is using it.
            if !matches!(error, Error::DatabaseBusy)
                && std::fs::metadata(path).is_ok_and(|found| found.len() == 0)
            {
                _ = std::fs::remove_file(path);
            }
            Err(error)
        }
    }
}

fn make_new(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    // Before anything is written. SQLite gives the -wal and -shm files the same mode.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|error| Error::file("protect", path, error))?;
    }
    configure(conn)?;
    prepare(conn, path, opening)
}

fn existing(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    let conn = connect(path, opening.options, false)?;
    configure(&conn)?;
    if !opening.options.read_only && conn.is_readonly(rusqlite::MAIN_DB)? {
        return Err(not_writable(path, "write"));
    }
    match prepare(&conn, path, opening) {
        Err(Error::ReadOnlyFileSystem(_)) if opening.options.read_only => {
            drop(conn);
            unchanging(path, opening)
        }
        outcome => outcome.map(|()| conn),
    }
}

/// A database in WAL mode on a file system that is mounted read-only: SQLite cannot create the -shm that it
/// needs, and reads the file only if we declare it immutable.
fn unchanging(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    for suffix in ["-wal", "-journal"] {
        let journal = beside(path, suffix);
        if has_content(&journal) {
            return Err(Error::JournalOnReadOnlyFileSystem {
                path: path.to_owned(),
                journal,
            });
        }
    }
    as_it_is(path, opening)
}

/// Opens only the content of the file itself, for read-only options.
pub(super) fn as_it_is(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    let conn = connect_unchanging(path)?;
    configure(&conn)?;
    prepare(&conn, path, opening)?;
    Ok(conn)
}

/// Reads the file as it is, without locks and without journals.
fn connect_unchanging(path: &Path) -> Result<Handle> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            other => {
                // Writing to a string cannot fail.
                _ = write!(uri, "%{other:02x}");
            }
        }
    }
    uri.push_str("?immutable=1");
    connect_with(
        path,
        Path::new(&uri),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )
}

fn connect(path: &Path, options: &OpenOptions, create: bool) -> Result<Handle> {
    let access = if options.read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else if create {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    connect_with(path, path, access).map_err(|error| match path.symlink_metadata() {
        // Deleted since the check.
        Err(missing) if !create && missing.kind() == ErrorKind::NotFound => {
            Error::file("open", path, missing)
        }
        _ => error,
    })
}

fn connect_with(path: &Path, name: &Path, access: OpenFlags) -> Result<Handle> {
    coexistence::before_open(path)?;
    let conn = raw::open(name, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|failure| explain(path, failure.error, failure.cause))?;
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

/// Settings of every connection.
fn configure(conn: &Connection) -> Result<()> {
    // While opening, it waits in slices.
    conn.busy_timeout(SLICE)?;
    conn.set_prepared_statement_cache_capacity(48);
    // The TypeScript stack relies on both; SQLite's default is off.
    conn.pragma_update(None, "foreign_keys", true)?;
    // Batches are staged in TEMP tables: in memory, so that they need no file.
    conn.pragma_update(None, "temp_store", "memory")?;
    Ok(())
}

/// Checks the content of the file, refuses other databases, and creates the schema in an empty file.
fn prepare(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    let options = opening.options;
    let content = opening.patiently(options.busy_budget, || inspect(conn, path))?;
    match content {
        Content::Foreign => return Err(not_skillsmith(path, "it has no table 'skills'")),
        Content::Ready => {}
        Content::Old => {
            if opening.search {
                opening.patiently(options.busy_budget, || {
                    let _guard = interruptible(conn, opening.cancel, None);
                    check_before_first_change(conn, path)
                })?;
            }
        }
        Content::Empty if options.read_only => {
            return Err(not_skillsmith(
                path,
                "it is empty, and was opened read-only; open it for writing once",
            ));
        }
        Content::Empty => {
            switch_to_wal(conn, path, opening)?;
            let lock_wait = LockWait {
                budget: options.open_budget,
                cancel: opening.cancel,
            };
            write(conn, lock_wait, |conn| match schema::inspect(conn)? {
                Content::Empty => schema::create(conn),
                // Another process was faster.
                _ => Ok(()),
            })
            .map_err(|error| name(conn, path, error))?;
            checkpoint_at_end(conn);
        }
    }
    // With a WAL, a power cut can at worst lose the last commit. With a rollback journal it
    // could damage the file, so SQLite's default stays.
    conn.busy_timeout(SLICE)?;
    let mode: String = opening.patiently(options.busy_budget, || {
        conn.pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(|error| explain_on(conn, path, error))
    })?;
    if mode == "wal" {
        conn.pragma_update(None, "synchronous", "normal")?;
    }
    in_place::note_version_read(conn, path);
    conn.busy_timeout(options.busy_budget)?;
    Ok(())
}

impl Opening<'_> {
    /// Retries while another connection is in the way, until the budget is spent or the caller cancels.
    fn patiently<T>(&self, budget: Duration, mut call: impl FnMut() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        loop {
            match call() {
                Err(Error::DatabaseBusy) if self.cancel.is_cancelled() => {
                    return Err(Error::Cancelled);
                }
                Err(Error::DatabaseBusy) if start.elapsed() < budget => {}
                outcome => return outcome,
            }
        }
    }
}

/// Fails harmlessly on file systems without shared memory.
///
/// SQLite does not wait for a lock here, and another process may be creating the same file.
fn switch_to_wal(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    opening.patiently(opening.options.open_budget, || {
        conn.pragma_update(None, "journal_mode", "wal")
            .map_err(|error| explain_on(conn, path, error))
            .inspect_err(|error| {
                if matches!(error, Error::DatabaseBusy) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            })
    })
}

fn inspect(conn: &Connection, path: &Path) -> Result<Content> {
    let content = schema::inspect(conn).map_err(|error| name(conn, path, error))?;
    if matches!(content, Content::Ready | Content::Old) {
        check_skills(conn, path)?;
    }
    Ok(content)
}

/// Checks that the table can be used for skills.
fn check_skills(conn: &Connection, path: &Path) -> Result<()> {
    for column in ["id", "name"] {
        let found: bool = conn
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM pragma_table_info('skills') WHERE name = ?1)",
                [column],
                |row| row.get(0),
            )
            .map_err(|error| explain_on(conn, path, error))?;
        if !found {
            return Err(not_skillsmith(
                path,
                &format!("its table 'skills' has no column '{column}'"),
            ));
        }
    }
    Ok(())
}

/// A damaged file must not be changed, so it is checked before the first change by this
/// library. Later damage is reported when it is met.
fn check_before_first_change(conn: &Connection, path: &Path) -> Result<()> {
    let damaged = |detail: String| Error::DatabaseDamaged {
        path: path.to_owned(),
        detail,
    };
    // Every table except virtual ones: a full-text index that is out of step is rebuilt by the
    // sync, and not a reason to refuse the file.
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        .and_then(|mut found| found.query_map([], |row| row.get(0))?.collect())
        .map_err(|error| explain_on(conn, path, error))?;
    for table in tables {
        let verdict: String = conn
            .query_row(
                "SELECT quick_check FROM pragma_quick_check(?1)",
                [&table],
                |row| row.get(0),
            )
            .map_err(|error| explain_on(conn, path, error))?;
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

fn name(conn: &Connection, path: &Path, error: Error) -> Error {
    match error {
        Error::Database(error) => explain_on(conn, path, error),
        error => error,
    }
}

fn explain_on(conn: &Connection, path: &Path, error: rusqlite::Error) -> Error {
    explain(path, error, raw::last_io_error(conn))
}

/// Maps a disk failure by the system error of the connection, if SQLite has no code for it.
pub(super) fn with_cause(conn: &Connection, error: Error) -> Error {
    match error {
        Error::Database(error) => {
            let path = Path::new(conn.path().unwrap_or_default());
            if is_replaced(&error) {
                return Error::DatabaseReplaced(path.to_owned());
            }
            of_the_disk(path, &error, raw::last_io_error(conn))
                .unwrap_or_else(|| Error::Database(error))
        }
        error => error,
    }
}

fn is_replaced(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_READONLY_DBMOVED)
}

/// Maps an SQLite error by the underlying system error; `None` if that adds nothing.
fn of_the_disk(
    path: &Path,
    error: &rusqlite::Error,
    cause: Option<std::io::Error>,
) -> Option<Error> {
    let (action, cause) = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => ("open", cause?),
        Some(ErrorCode::SystemIoFailure) => ("use", cause?),
        _ => return None,
    };
    match cause.kind() {
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::FileTooLarge
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::InvalidFilename
        | ErrorKind::NotADirectory => Some(Error::file(action, path, cause)),
        _ => match Error::file(action, path, cause) {
            told @ Error::TooManyFiles { .. } => Some(told),
            _ => None,
        },
    }
}

/// Maps an SQLite error for the file at `path`; `cause` is the last system error, if known.
pub(super) fn explain(path: &Path, error: rusqlite::Error, cause: Option<std::io::Error>) -> Error {
    if is_replaced(&error) {
        return Error::DatabaseReplaced(path.to_owned());
    }
    #[cfg(unix)]
    if let Some(found) = &cause
        && found.raw_os_error() == Some(coexistence::IN_USE_BY_ANOTHER_FILE)
        && error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
    {
        return Error::DatabaseReplaced(path.to_owned());
    }
    if let Some(told) = of_the_disk(path, &error, cause) {
        return told;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotADatabase(path.to_owned()),
        Some(ErrorCode::DatabaseCorrupt) => Error::DatabaseDamaged {
            path: path.to_owned(),
            detail: error.to_string(),
        },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => cannot_open(path, error),
        Some(ErrorCode::ReadOnly) => not_writable(path, "write"),
        _ => error.into(),
    }
}

/// SQLite opens a file for reading that it could not create or open for writing, which hides the first
/// system error. This finds it.
fn cannot_open(path: &Path, error: rusqlite::Error) -> Error {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) && !path.exists() {
        let missing = std::io::Error::new(
            ErrorKind::NotFound,
            "it is a link to a place that does not exist",
        );
        return Error::file("open", path, missing);
    }
    match std::fs::metadata(path) {
        // The file exists: access to it, or to its -wal and -shm, was denied.
        Ok(_) => not_writable(path, "open"),
        Err(found) if found.kind() == ErrorKind::NotFound => {
            match path.parent().map(std::fs::metadata) {
                Some(Ok(folder)) if folder.is_dir() => not_writable(path, "create"),
                Some(Err(cause)) => Error::file("open", path, cause),
                _ => Error::Database(error),
            }
        }
        Err(found) => Error::file("open", path, found),
    }
}

/// Permission denied, or a read-only file system.
fn not_writable(path: &Path, action: &'static str) -> Error {
    if is_mounted_read_only(path) || path.parent().is_some_and(is_mounted_read_only) {
        Error::ReadOnlyFileSystem(path.to_owned())
    } else {
        Error::PermissionDenied {
            action,
            path: path.to_owned(),
        }
    }
}

fn is_mounted_read_only(path: &Path) -> bool {
    #[cfg(unix)]
    return coexistence::is_mounted_read_only(path);
    #[cfg(not(unix))]
    {
        _ = path;
        false
    }
}
