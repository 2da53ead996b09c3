//! Opens, creates or refuses the file at a path.

use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{Opening, connect, prepare, rollback};
use crate::database::file_system::{self, beside};
use crate::database::handle::Handle;
use crate::database::{coexistence, explain, own_journals};
use crate::{Error, Result, own_file};

/// The smallest database is one page.
const SMALLEST_PAGE: u64 = 512;

pub(in crate::database) fn file(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    if ends_in_separator(path) {
        return Err(is_a_folder(path));
    }
    if let Some(error) = too_long(path) {
        return Err(error);
    }
    let found = std::fs::metadata(path);
    own_journals::check(path, found.as_ref().ok())?;
    match found {
        Ok(found) if found.is_dir() => Err(is_a_folder(path)),
        Ok(found) if !found.is_file() || file_system::is_of_the_kernel(path) => {
            Err(Error::InvalidArgument(format!(
                "{} is not a regular file. Give the path of a database file.",
                path.display()
            )))
        }
        // SQLite would delete the journal.
        Ok(found) if found.len() == 0 && has_content(&beside(path, "-wal")) => {
            Err(without_content(path))
        }
        // SQLite treats a file of one byte as empty, and would overwrite it.
        Ok(found) if (1..SMALLEST_PAGE).contains(&found.len()) => {
            Err(Error::NotADatabase(path.to_owned()))
        }
        Ok(found) => {
            if found.len() == 0 && !opening.options.read_only {
                ensure_own_empty(path, &found)?;
            }
            existing(path, opening)
        }
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

/// SQLite takes paths of up to 512 bytes, with its ending for a journal and the NUL, and says no more than that it cannot open
/// one that is longer. Why the path cannot be used, if it is.
pub(crate) fn too_long(path: &Path) -> Option<Error> {
    const LONGEST: usize = 512 - "-journal".len() - 1;
    let name = path.file_name()?;
    // As SQLite has it, without links.
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    let whole = folder.map_or_else(|| path.to_owned(), |folder| folder.join(name));
    let bytes = whole.as_os_str().len();
    let words = format!(
        "its path has {bytes} bytes, and SQLite takes up to {LONGEST}. Choose a shorter one"
    );
    let error = std::io::Error::new(ErrorKind::InvalidInput, words);
    (cfg!(unix) && bytes > LONGEST).then(|| Error::file("open", path, error))
}

/// Whoever made an empty file would read, and could change, all that is written into it.
fn ensure_own_empty(path: &Path, found: &std::fs::Metadata) -> Result<()> {
    own_file::ensure_own(found, path).map_err(|error| {
        let words = format!("{error}. Choose another path, or delete the file");
        Error::file("use", path, std::io::Error::new(error.kind(), words))
    })
}

/// Fails over an empty file of somebody else that was put there since the look.
fn ensure_no_given(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() == 0 => ensure_own_empty(path, &found),
        _ => Ok(()),
    }
}

/// Whoever made a link to nothing would choose where the database is made.
fn ensure_own_link(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => own_file::ensure_own(&found, path)
            .map_err(|error| Error::file("follow the link", path, error)),
        _ => Ok(()),
    }
}

/// Why an empty file is not made a database, if it is not.
#[cfg(feature = "cli")]
pub(crate) fn foreign_empty_file(path: &Path) -> Option<Error> {
    let found = std::fs::metadata(path).ok()?;
    if found.len() > 0 {
        return None;
    }
    ensure_own_empty(path, &found).err()
}

fn without_content(path: &Path) -> Error {
    let mut detail = format!(
        "it is empty, but {} beside it holds changes: a program was interrupted while it wrote",
        beside(path, "-wal").display()
    );
    if file_system::shared(path).is_none() {
        detail.push_str(". To start over, move both away");
    }
    explain::damaged(path, detail)
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
        Ok(found) => {
            found.is_file()
                && found.len() == 0
                && !file_system::is_of_the_kernel(path)
                && !has_content(&beside(path, "-wal"))
        }
        Err(error) => {
            error.kind() == ErrorKind::NotFound
                && !ends_in_separator(path)
                && too_long(path).is_none()
        }
    }
}

/// Whether the path can only name a folder.
fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|last| std::path::is_separator(char::from(*last)))
}

fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() > 0)
}

/// A database in memory that connections of this process share by its name.
pub(in crate::database) fn memory(name: &str, opening: Opening<'_>) -> Result<Handle> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(format!("file:{name}?vfs=memdb"), flags)?;
    connect::configure(&conn)?;
    prepare::prepare(&conn, Path::new(":memory:"), opening)?;
    Ok(Handle::new(conn, None))
}

fn new(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    let of_owner = foreign_place(path);
    if let Some(folder) = path.parent() {
        create_folder(folder).map_err(|error| explain::folder_not_created(folder, error))?;
    }
    ensure_own_link(path)?;
    let created = coexistence::create_private(path)?;
    created.map_err(|error| explain::not_created("create", path, error))?;
    ensure_no_given(path)?;
    let mut conn = connect::connect(path, opening.options, true)?;
    match make_new(&conn, path, opening) {
        Ok(()) => {
            conn.of_new.extend(is_unprotected(path).then(|| {
                format!(
                    "{} cannot be protected: its file system keeps no modes of files, so other users of this machine may read it.",
                    path.display()
                )
            }));
            conn.of_new.extend(of_owner);
            Ok(conn)
        }
        Err(error) => {
            drop(conn);
            // Delete a refused new file, unless another process is using it.
            if !matches!(error, Error::DatabaseBusy)
                && std::fs::metadata(path).is_ok_and(|found| found.len() == 0)
            {
                // The file, and not a link to it.
                _ = path.canonicalize().and_then(std::fs::remove_file);
            }
            Err(error)
        }
    }
}

fn make_new(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    connect::configure(conn)?;
    prepare::prepare(conn, path, opening)
}

/// Whether others than the owner can read the file. They can on a file system without modes, such as exFAT, NTFS and some of
/// FUSE.
#[cfg(unix)]
fn is_unprotected(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode().trailing_zeros() < 6)
}

#[cfg(not(unix))]
const fn is_unprotected(_: &Path) -> bool {
    false
}

/// What is told of a database that root makes in the place of another user, as `sudo` does where it keeps HOME: that user can
/// neither write nor read it. It is not given away by its name, behind which that user may have put another file of root.
#[cfg(unix)]
fn foreign_place(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let mut made = path;
    let (folder, found) = path.ancestors().skip(1).find_map(|folder| {
        let found = folder.metadata().ok();
        if found.is_none() {
            made = folder;
        }
        Some((folder, found?))
    })?;
    let owner = found.uid();
    (owner != 0).then(|| {
        format!(
            "{} was created for root in {}, a folder of another user (number {owner}), who cannot use it. If it is for that user: chown -R {owner} {}{}",
            path.display(),
            folder.display(),
            made.display(),
            // The lock file, and what SQLite keeps beside a database that is open.
            if made == path { "*" } else { "" }
        )
    })
}

#[cfg(not(unix))]
const fn foreign_place(_: &Path) -> Option<String> {
    None
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

fn existing(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    let conn = connect_existing(path, opening)?;
    match prepare::prepare(&conn, path, opening) {
        Err(Error::ReadOnlyFileSystem(_)) if opening.options.read_only => {
            drop(conn);
            unchanging(path, opening)
        }
        Err(error) if file_system::has_log_in_vain(&conn, &error) => {
            drop(conn);
            rollback::change_to(path, opening)?;
            let conn = connect_existing(path, opening)?;
            prepare::prepare(&conn, path, opening)?;
            Ok(conn)
        }
        outcome => outcome.map(|()| conn),
    }
}

fn connect_existing(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    let conn = connect::connect(path, opening.options, false)?;
    connect::configure(&conn)?;
    if !opening.options.read_only && conn.is_readonly(rusqlite::MAIN_DB)? {
        // It is then opened for reading only.
        ensure_no_given(path)?;
        return Err(explain::not_writable(path, "write"));
    }
    Ok(conn)
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
pub(in crate::database) fn as_it_is(path: &Path, opening: Opening<'_>) -> Result<Handle> {
    let conn = connect::connect_unchanging(path)?;
    connect::configure(&conn)?;
    prepare::prepare(&conn, path, opening)?;
    Ok(conn)
}
