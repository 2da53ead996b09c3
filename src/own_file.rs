//! Opening files in whose place there may be something else: a pipe, a device, a link, or what another user put there.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
#[cfg(feature = "cli")]
use std::path::PathBuf;
#[cfg(unix)]
use std::time::{Duration, Instant};

#[cfg(unix)]
use crate::error::LEASED;

/// How long to wait for a program that holds a lease on the file, as file servers do: it is asked to give it up, and does so
/// at once if it means no harm.
#[cfg(unix)]
const LEASE_WAIT: Duration = Duration::from_millis(500);

/// What a symbolic link in the place of the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// An error.
    Refused,
    /// Followed, if whoever may own the file made it. People keep their settings elsewhere and link to them.
    Followed,
}

/// Opens it without waiting for anybody, as opening a pipe would.
///
/// # Errors That of the system; [`ErrorKind::InvalidInput`] for what is not a regular file, or belongs to
/// somebody else: not to this user, root, or the owner of the folder. The last could replace it at any time,
/// and owns it where a file system gives all files to one user, or root uses a folder of another.
pub(crate) fn open(options: &mut OpenOptions, path: &Path, link: Link) -> io::Result<File> {
    let file = open_at_once(options, path, link)?;
    let found = file.metadata()?;
    ensure_regular(&found)?;
    ensure_own(&found, path)?;
    Ok(file)
}

/// The content of a regular file, which may be anybody's, without waiting.
pub(crate) fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NONBLOCK | libc::O_NOCTTY,
    );
    let file = open_unleased(&options, path).map_err(|error| by_kind(path.metadata(), error))?;
    ensure_regular(&file.metadata()?)?;
    content(file, most)
}

/// All that is in a file, if that is not more than so many bytes.
pub(crate) fn content(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size <= most) {
        return Ok(bytes);
    }
    let words = format!("it is larger than {most} bytes");
    Err(io::Error::new(ErrorKind::InvalidData, words))
}

fn unusable(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

/// Fails with what it is instead, if it is not a regular file.
fn ensure_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let kind = kind_in_words(found);
    Err(unusable(&format!("it is not a regular file but {kind}")))
}

/// The error of opening what was found, by what that is: a socket cannot be opened, and a folder not for writing.
fn by_kind(found: io::Result<Metadata>, error: io::Error) -> io::Error {
    match found.map(|found| ensure_regular(&found)) {
        Ok(Err(kind)) => kind,
        _ => error,
    }
}

fn kind_in_words(found: &Metadata) -> &'static str {
    let kind = found.file_type();
    if kind.is_dir() {
        return "a folder";
    }
    if kind.is_symlink() {
        return "a symbolic link";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    "a device"
}

/// Opens without waiting for the end of a lease, which the system takes away only after 45 seconds.
#[cfg(unix)]
fn open_unleased(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let end = Instant::now() + LEASE_WAIT;
    loop {
        match options.open(path) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if Instant::now() >= end {
                    return Err(io::Error::new(ErrorKind::WouldBlock, LEASED));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened,
        }
    }
}

#[cfg(not(unix))]
fn open_unleased(options: &OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

#[cfg(unix)]
fn open_at_once(options: &mut OpenOptions, path: &Path, link: Link) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    const FLAGS: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;
    match open_unleased(options.custom_flags(FLAGS | libc::O_NOFOLLOW), path) {
        // Not all systems say it by the same code.
        Err(error) => match path.symlink_metadata() {
            Ok(found) if found.is_symlink() && link == Link::Refused => {
                Err(unusable("it is a symbolic link"))
            }
            Ok(found) if found.is_symlink() => {
                ensure_own(&found, path)?;
                let opened = open_unleased(options.custom_flags(FLAGS), path);
                opened.map_err(|error| by_kind(path.metadata(), error))
            }
            found => Err(by_kind(found, error)),
        },
        opened => opened,
    }
}

#[cfg(not(unix))]
fn open_at_once(options: &mut OpenOptions, path: &Path, link: Link) -> io::Result<File> {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() && link == Link::Refused => {
            Err(unusable("it is a symbolic link"))
        }
        // Opening a folder says that access is denied.
        Ok(found) if found.is_dir() => {
            ensure_regular(&found)?;
            options.open(path)
        }
        _ => options.open(path),
    }
}

/// Fails if what is beside a database in the place of one of SQLite's own files is not a regular file with this name
/// only, or was put there by somebody who may not write the database: SQLite would take its content for changes of the
/// database, or put the database's into it.
pub(crate) fn ensure_beside(path: &Path, database: Option<&Metadata>) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) => ensure_usable_beside(&found, path, database),
        Err(_) => Ok(()),
    }
}

/// The same of a file that was found or opened at the path.
pub(crate) fn ensure_usable_beside(
    found: &Metadata,
    path: &Path,
    database: Option<&Metadata>,
) -> io::Result<()> {
    ensure_regular(found)?;
    if has_other_name(found) {
        return Err(unusable(
            "it is another name of a file (a hard link), which would be written over",
        ));
    }
    if database.is_some_and(|database| may_write(database, found)) {
        Ok(())
    } else {
        ensure_own(found, path)
    }
}

/// Whether the file has another name.
#[cfg(unix)]
fn has_other_name(found: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) > 1
}

#[cfg(not(unix))]
const fn has_other_name(_: &Metadata) -> bool {
    false
}

/// Whether the owner of a file may write the database, as far as its mode tells.
#[cfg(unix)]
fn may_write(database: &Metadata, file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    database.uid() == file.uid() || database.mode() & 0o022 != 0
}

#[cfg(not(unix))]
const fn may_write(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Fails if the file belongs to somebody else.
#[cfg(unix)]
pub(crate) fn ensure_own(found: &Metadata, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let is_of_folder = || {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new(".")).metadata();
        folder.is_ok_and(|folder| folder.uid() == found.uid())
    };
    if found.uid() == user || found.uid() == 0 || is_of_folder() {
        return Ok(());
    }
    Err(unusable(&format!(
        "it belongs to another user (number {})",
        found.uid()
    )))
}

#[cfg(not(unix))]
pub(crate) fn ensure_own(_: &Metadata, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Fails if a folder was made by another user in a place where everybody may make one: what is in it says nothing about
/// what this user wants.
#[cfg(unix)]
pub(crate) fn ensure_own_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let Some(above) = folder.parent() else {
        return Ok(());
    };
    // Whoever made a link chooses the folder, whose ever that is.
    for (what, found) in [
        ("folder", folder.metadata()),
        ("folder is a link that", folder.symlink_metadata()),
    ] {
        let Ok(found) = found else { continue };
        if found.uid() == user || found.uid() == 0 || others_who_write(above).is_none() {
            continue;
        }
        // It may hold all files of its owner, whose home root or a container uses.
        if above
            .metadata()
            .is_ok_and(|above| above.uid() == found.uid())
        {
            continue;
        }
        return Err(unusable(&format!(
            "its {what} belongs to another user (number {}), and every user may make one there",
            found.uid()
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn ensure_own_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The owner of a file or folder, if that is neither this user nor root.
#[cfg(feature = "cli")]
pub(crate) fn other_owner(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let owner = path.metadata().ok()?.uid();
        let user = rustix::process::geteuid().as_raw();
        (owner != user && owner != 0).then_some(owner)
    }
    #[cfg(not(unix))]
    {
        _ = path;
        None
    }
}

/// Users other than the owner who may write to a file or folder, by its mode. A group that has the number of the
/// owner is taken for the owner's own, as most distributions make one for each user.
pub(crate) fn others_who_write(path: &Path) -> Option<&'static str> {
    #[cfg(unix)]
    if let Ok(found) = std::fs::metadata(path) {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let mode = found.permissions().mode();
        return match mode & 0o022 {
            0 => None,
            0o020 if found.gid() == found.uid() => None,
            0o020 => Some("its group"),
            _ => Some("every user of this machine"),
        };
    }
    _ = path;
    None
}

/// A folder above this one in which others may put another folder in its place, and who they are. In a sticky one, such as
/// `/tmp`, only its owner may.
#[cfg(all(feature = "cli", unix))]
pub(crate) fn replaceable_in(folder: &Path) -> Option<(PathBuf, String)> {
    use std::os::unix::fs::PermissionsExt;
    const STICKY: u32 = 0o1000;
    let folder = folder.canonicalize().ok()?;
    let who_replaces = |above: &Path| {
        let is_sticky = above.metadata().ok()?.permissions().mode() & STICKY != 0;
        let others = others_who_write(above).filter(|_| !is_sticky);
        let owner = || Some(format!("its owner (user {})", other_owner(above)?));
        others.map(str::to_owned).or_else(owner)
    };
    let mut above = folder.ancestors().skip(1);
    above.find_map(|above| Some((above.to_owned(), who_replaces(above)?)))
}

#[cfg(all(feature = "cli", not(unix)))]
pub(crate) fn replaceable_in(_: &Path) -> Option<(PathBuf, String)> {
    None
}
