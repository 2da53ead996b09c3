//! What the file system of a database can do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ffi};

#[cfg(unix)]
use super::{coexistence, raw};
use crate::Error;

/// A file that is kept beside the database, the same through every symbolic link.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path
        .canonicalize()
        .unwrap_or_else(|_| path.to_owned())
        .into_os_string();
    name.push(suffix);
    name.into()
}

/// What the name of the lock file adds to that of the database.
pub(super) const LOCK_SUFFIX: &str = "-sync-lock";

/// Why the database at `path` cannot have a write-ahead log, if so. The log needs memory that all who use the
/// database share through a file: two kernels share none, and virtiofs, 9p, the Windows drives of WSL and file
/// systems with direct I/O have none.
///
/// For who is about to write: tries it with a new file, which is deleted at once.
pub(super) fn lacks_log(path: &Path) -> Option<String> {
    #[cfg(unix)]
    let maps = || {
        let probe = beside(path, &format!("-probe-{:x}", crate::random::rng().u64(..)));
        coexistence::maps_shared_memory(&probe)
    };
    #[cfg(not(unix))]
    let maps = || true;
    why_without_log(path, maps)
}

/// The same for who only reads: tries it with the lock file, without changing it. `None` where there is none.
#[cfg(feature = "cli")]
pub(super) fn lacks_log_as_read(path: &Path) -> Option<String> {
    #[cfg(unix)]
    let maps = || coexistence::maps_as_shared_memory(&beside(path, LOCK_SUFFIX));
    #[cfg(not(unix))]
    let maps = || true;
    why_without_log(path, maps)
}

/// What a sync creates beside the database, and the database itself.
#[cfg(all(unix, feature = "cli"))]
const FILES_OF_A_SYNC: [&str; 4] = ["", "-wal", "-shm", LOCK_SUFFIX];

/// The same for a database with a rollback journal.
#[cfg(all(unix, feature = "cli"))]
const FILES_WITHOUT_LOG: [&str; 3] = ["", "-journal", LOCK_SUFFIX];

/// A database has at least this; with less, not even the record of a run is stored.
#[cfg(all(unix, feature = "cli"))]
const BYTES_OF_A_SYNC: u64 = 128 * 1024;

/// What the file system of a folder lacks for a sync, if anything; best effort. `database` is in the folder, or in one below
/// it that is not there yet. It is to be open, if it can be: that shows whether it has a log.
///
/// The words, and whether a sync cannot even begin.
#[cfg(feature = "cli")]
pub(crate) fn lacks_room(folder: &Path, database: &Path) -> Option<(String, bool)> {
    #[cfg(unix)]
    {
        let (files, bytes) = coexistence::room(folder)?;
        let missing = missing_files(folder, database);
        let inodes = |files| {
            let words = format!(
                "its file system lacks free inodes: it has {files} (`df -i` shows it), and a sync needs {missing} for the files that it creates"
            );
            (words, true)
        };
        let space = || {
            let words = format!("its file system has only {} KiB free", bytes / 1024);
            // What is stored already takes none.
            (words, !database.exists())
        };
        files
            .filter(|files| *files < missing)
            .map(inodes)
            .or_else(|| (bytes < BYTES_OF_A_SYNC).then(space))
    }
    #[cfg(not(unix))]
    {
        _ = (folder, database);
        None
    }
}

/// How many files and folders a sync has to create.
#[cfg(all(unix, feature = "cli"))]
fn missing_files(folder: &Path, database: &Path) -> u64 {
    // Whoever has it open with a log has these beside it.
    let files = if database.exists() && !beside(database, "-wal").exists() {
        &FILES_WITHOUT_LOG[..]
    } else {
        &FILES_OF_A_SYNC[..]
    };
    let files = files
        .iter()
        .filter(|suffix| !beside(database, suffix).exists());
    let folders = database.ancestors().skip(1);
    let folders = folders.take_while(|above| *above != folder && !above.exists());
    u64::try_from(files.count() + folders.count()).unwrap_or(u64::MAX)
}

/// Whether a sync works in a folder where nothing can be created, because all files that it needs are there: as for a user
/// who owns them in a folder of somebody else.
#[cfg(feature = "cli")]
pub(crate) fn has_all_files(database: &Path) -> bool {
    #[cfg(unix)]
    return FILES_OF_A_SYNC
        .iter()
        .all(|suffix| coexistence::is_writable(&beside(database, suffix)));
    #[cfg(not(unix))]
    {
        _ = database;
        false
    }
}

fn why_without_log(path: &Path, maps: impl FnOnce() -> bool) -> Option<String> {
    match shared(path) {
        Some(kind) => Some(format!(
            "other machines may use its file system, {kind}, at the same time"
        )),
        None if maps() => None,
        None => Some("its file system cannot share memory between processes".into()),
    }
}

/// Whether the connection failed because a database with a write-ahead log is on a file system that cannot
/// have one.
pub(super) fn has_log_in_vain(conn: &Connection, error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    is_of_log(error) && is_refused(conn)
}

/// Whether the memory that a write-ahead log needs could not be had.
pub(super) fn is_of_log(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(ffi::SQLITE_IOERR_SHMMAP | ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMSIZE)
    )
}

#[cfg(unix)]
fn is_refused(conn: &Connection) -> bool {
    let cause = raw::last_io_error(conn).and_then(|cause| cause.raw_os_error());
    cause.is_some_and(coexistence::refuses_mapping)
}

#[cfg(not(unix))]
fn is_refused(_: &Connection) -> bool {
    false
}

/// What the file system of a file or folder is called, if other machines may use it at the same time: a
/// network's, or one that a host lends to its guests and containers. There SQLite is not safe.
pub(crate) fn shared(path: &Path) -> Option<String> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return linux::shared(path);
    #[cfg(target_vendor = "apple")]
    return coexistence::remote_file_system(path);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        _ = path;
        None
    }
}

/// Whether what looks like a file is memory or a setting of the system, in `/proc` or `/sys`: to write there changes those.
pub(super) fn is_of_the_kernel(path: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return linux::is_of_the_kernel(path);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        _ = path;
        false
    }
}

/// The type of the file system that a folder is on, such as `ext4`, where the system tells.
#[cfg(feature = "cli")]
pub(crate) fn kind(folder: &Path) -> Option<String> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return linux::kind(folder);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    shared(folder)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::path::Path;

    use crate::database::coexistence;

    /// By the number that statfs gives.
    const SHARED: [(u32, &str); 13] = [
        (0x6969, "NFS"),
        (0x517B, "SMB"),
        (0xFF53_4D42, "CIFS"),
        (0xFE53_4D42, "SMB2"),
        (0x0102_1997, "9P"),
        (0x00C3_6400, "Ceph"),
        (0x5346_414F, "AFS"),
        (0x6B41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x786F_4256, "VirtualBox shared folder"),
        (0xBACB_ACBC, "VMware shared folder"),
        (0x7C7C_6673, "Parallels shared folder"),
        (FUSE, "FUSE"),
    ];

    /// virtiofs too.
    const FUSE: u32 = 0x6573_5546;

    /// Of those, what only this kernel serves.
    const LOCAL: [&str; 6] = [
        "fuseblk",
        "fuse.fuse-overlayfs",
        "fuse.gocryptfs",
        "fuse.encfs",
        "fuse.cryfs",
        "fuse.mergerfs",
    ];

    pub(super) fn shared(path: &Path) -> Option<String> {
        shared_by(coexistence::file_system_type(path), || kind(path))
    }

    /// `number`: none where the file system does not tell, as some programs that serve one do not.
    fn shared_by(number: Option<u32>, kind: impl FnOnce() -> Option<String>) -> Option<String> {
        let name = match number {
            Some(number) => SHARED.iter().find(|(known, _)| *known == number)?.1,
            None => "of an unknown type",
        };
        match number {
            Some(FUSE) => {}
            Some(_) => return Some(name.to_owned()),
            None => {
                let kind = kind()?;
                let is_remote = [
                    "fuse", "virtiofs", "nfs", "cifs", "smb", "9p", "ceph", "afs",
                ]
                .iter()
                .any(|begin| kind.starts_with(begin));
                return (is_remote && !LOCAL.contains(&&*kind)).then_some(kind);
            }
        }
        match kind() {
            Some(kind) if LOCAL.contains(&&*kind) => None,
            Some(kind) if kind.starts_with("fuse") || kind == "virtiofs" => Some(kind),
            _ => Some(name.to_owned()),
        }
    }

    pub(super) fn is_of_the_kernel(path: &Path) -> bool {
        const PROC: u32 = 0x9FA0;
        const SYS: u32 = 0x6265_6572;
        matches!(coexistence::file_system_type(path), Some(PROC | SYS))
    }

    pub(super) fn kind(path: &Path) -> Option<String> {
        let path = path.canonicalize().ok()?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        kind_in(&mounts, &path)
    }

    /// `id parent device root PLACE options … - KIND source options`: the longest place wins, and of equal
    /// ones the last.
    fn kind_in(mounts: &str, path: &Path) -> Option<String> {
        let mount = |line: &str| {
            let (left, right) = line.split_once(" - ")?;
            let place = left.split(' ').nth(4)?.replace("\\040", " ");
            let kind = right.split(' ').next()?.to_owned();
            path.starts_with(&place).then_some((place.len(), kind))
        };
        let found = mounts.lines().filter_map(mount);
        Some(found.max_by_key(|(length, _)| *length)?.1)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_file_system_that_does_not_tell_its_number_counts_by_its_name() {
            for (number, kind, expected) in [
                (None, Some("fuse"), Some("fuse")),
                (None, Some("fuse.sshfs"), Some("fuse.sshfs")),
                (None, Some("nfs4"), Some("nfs4")),
                (None, Some("fuseblk"), None),
                (None, Some("ext4"), None),
                (None, None, None),
                (Some(FUSE), Some("fuse.sshfs"), Some("fuse.sshfs")),
                (Some(FUSE), Some("fuseblk"), None),
                (Some(FUSE), None, Some("FUSE")),
                (Some(0x6969), Some("nfs4"), Some("NFS")),
                (Some(0xEF53), Some("ext4"), None),
            ] {
                let found = shared_by(number, || kind.map(str::to_owned));
                assert_eq!(found.as_deref(), expected, "{number:x?} {kind:?}");
            }
        }

        #[test]
        fn the_longest_and_last_mount_is_that_of_a_folder() {
            let mounts = "\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:5 / /home rw,nosuid shared:1 - nfs4 host:/home rw
3 1 0:6 / /my\\040disk rw - cifs //host/share rw
4 1 0:7 / /home rw - tmpfs tmpfs rw
";
            for (folder, kind) in [
                ("/var/lib", "ext4"),
                ("/home/ada", "tmpfs"),
                ("/homes", "ext4"),
                ("/my disk/x", "cifs"),
            ] {
                assert_eq!(kind_in(mounts, Path::new(folder)).as_deref(), Some(kind));
            }
        }
    }
}
