//! One sync at a time per database, across threads and processes.
//!
//! Uses two locks of the operating system, which end with their owner, even if it crashes. Every version of
//! this library takes one on a file beside the database. The other, where a lock can belong to an open file
//! description, is on the database file itself: all names of the file share it, and it survives deletion of
//! the lock file. The content of the database is not touched.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::coexistence::{self, FileLock, Holder};
use super::{explain, file_system};
use crate::own_file::{self, Link};
use crate::{CancelToken, Error, Result};

mod presence;
mod room;

pub(crate) use self::presence::Claim;
use self::presence::Presence;
pub(crate) use self::room::Room;

/// A check whether a sync is running may hold the lock for a moment. A sync that starts then
/// retries for this long.
const PROBE_GRACE: Duration = Duration::from_millis(100);

/// The lock for syncing one database; released when dropped.
#[derive(Debug)]
pub(crate) struct SyncLock {
    held: Held,
}

#[derive(Debug)]
enum Held {
    File {
        /// Released first: the next owner of the lock file's lock then gets this one too.
        of_database: Option<FileLock>,
        /// `None` on a read-only file system, where no sync is possible.
        beside: Option<Arc<LockFile>>,
        /// Where other kernels may have the file.
        presence: Option<Presence>,
        /// Where the sync writes.
        room: Option<Room>,
    },
    Flag(Arc<AtomicBool>),
}

impl SyncLock {
    /// Takes the lock; `None` if another sync holds it.
    ///
    /// On a file system that other machines may use, it may wait some seconds, until it is cancelled.
    pub(crate) fn acquire(target: &LockTarget, cancel: &CancelToken) -> Result<Option<Self>> {
        let end = Instant::now() + PROBE_GRACE;
        // A sync that has just ended, or another one that looks too, is a reader for one look.
        let mut is_only_read = true;
        loop {
            let (holder, file) = match Self::try_acquire(target)? {
                Ok(lock) => return lock.show(target, cancel),
                Err(held) => held,
            };
            is_only_read &= holder == Holder::Reader;
            if Instant::now() >= end {
                return if is_only_read {
                    Err(locked_by_reader(file))
                } else {
                    Ok(None)
                };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Shows the sync to other machines, if they may use the file system or one of them did; `None` if one of
    /// them is syncing.
    fn show(mut self, target: &LockTarget, cancel: &CancelToken) -> Result<Option<Self>> {
        let LockTarget::File(database) = target else {
            return Ok(Some(self));
        };
        if let Held::File {
            beside: Some(file),
            presence,
            ..
        } = &mut self.held
        {
            let path = lock_path(database);
            // On Windows, no file system counts as shared, and the locked file cannot be read through another
            // handle.
            let is_shown = presence::has_line(&path) || file_system::shared(database).is_some();
            if cfg!(unix) && is_shown {
                *presence = Presence::claim(file, &path, cancel)?;
                if presence.is_none() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(self))
    }

    /// The lock, or who has it, and on which file.
    fn try_acquire(target: &LockTarget) -> Result<std::result::Result<Self, (Holder, PathBuf)>> {
        match target {
            LockTarget::File(database) => {
                let path = lock_path(database);
                let beside = match LockFile::ensure(&path, database) {
                    Ok(file) => Some(Arc::new(file)),
                    Err(Error::ReadOnlyFileSystem(_)) => None,
                    Err(error) => return Err(error),
                };
                if let Some(file) = &beside {
                    match file.0.try_lock() {
                        Ok(()) => {}
                        Err(TryLockError::WouldBlock) => {
                            let is_read = file.0.try_lock_shared().is_ok();
                            let holder = if is_read {
                                Holder::Reader
                            } else {
                                Holder::Sync
                            };
                            return Ok(Err((holder, path)));
                        }
                        Err(TryLockError::Error(error)) => {
                            return Err(Error::file("lock", path, error));
                        }
                    }
                }
                Ok(match coexistence::lock_for_sync(database) {
                    Ok(of_database) => Ok(Self {
                        held: Held::File {
                            of_database,
                            beside,
                            presence: None,
                            room: None,
                        },
                    }),
                    Err(holder) => Err((holder, database.clone())),
                })
            }
            LockTarget::Flag(flag) if flag.swap(true, Ordering::Acquire) => {
                Ok(Err((Holder::Sync, PathBuf::new())))
            }
            LockTarget::Flag(flag) => Ok(Ok(Self {
                held: Held::Flag(flag.clone()),
            })),
        }
    }

    /// What a sync must ask before it writes, where another machine may take the lock over.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        match &self.held {
            Held::File { presence, .. } => Some(presence.as_ref()?.claimed()),
            Held::Flag(_) => None,
        }
    }

    /// Keeps space for the record of a run, as long as the lock is held.
    pub(crate) fn keep_room(&mut self) -> Option<Room> {
        match &mut self.held {
            Held::File {
                beside: Some(file),
                room,
                ..
            } => Some(room.insert(Room::keep(file)).clone()),
            _ => None,
        }
    }

    /// Whether a sync holds the lock now.
    ///
    /// Never creates the lock file; if it cannot be opened, only the lock on the database counts.
    pub(crate) fn is_held(target: &LockTarget) -> bool {
        match target {
            LockTarget::File(database) => {
                let path = lock_path(database);
                coexistence::is_locked_for_sync(database)
                    // An older version of this library takes only this lock.
                    || LockFile::open(&path).is_ok_and(|file| {
                        matches!(file.0.try_lock_shared(), Err(TryLockError::WouldBlock))
                    })
                    || presence::is_seen(&path)
            }
            LockTarget::Flag(flag) => flag.load(Ordering::Acquire),
        }
    }
}

impl Drop for SyncLock {
    fn drop(&mut self) {
        match &mut self.held {
            Held::File {
                of_database,
                beside,
                presence,
                room,
            } => {
                // While nobody else can keep any, or write a line.
                if let Some(room) = room.take() {
                    room.give_back();
                }
                drop(presence.take());
                drop(of_database.take());
                drop(beside.take());
            }
            Held::Flag(flag) => flag.store(false, Ordering::Release),
        }
    }
}

/// The open lock file. Dropping it unlocks it explicitly, because a child forked meanwhile may also have it
/// open. In such a child the lock belongs to the parent.
#[derive(Debug)]
struct LockFile(File, u32);

impl LockFile {
    fn ensure(path: &Path, database: &Path) -> Result<Self> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let is_new = path.symlink_metadata().is_err();
        let opened = Self::usable(&mut options, path);
        if let (true, Ok(file)) = (is_new, &opened) {
            give_to_owner(&file.0, database);
        }
        opened.map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => Error::file("use", path, no_lock_file(&error)),
            // Who made it decides who may use it.
            ErrorKind::PermissionDenied if path.exists() => Error::file("open", path, error),
            ErrorKind::WouldBlock => Error::file("open", path, error),
            _ => explain::not_created("create", path, error),
        })
    }

    /// Opens what a sync can use as its lock file.
    fn usable(options: &mut OpenOptions, path: &Path) -> std::io::Result<Self> {
        Self::of(|| {
            let file = own_file::open(options, path, Link::Refused)?;
            ensure_no_other_name(&file)?;
            Ok(file)
        })
    }

    fn open(path: &Path) -> std::io::Result<Self> {
        Self::of(|| own_file::open(File::options().read(true), path, Link::Refused))
    }

    fn of(open: impl FnOnce() -> std::io::Result<File>) -> std::io::Result<Self> {
        Ok(Self(coexistence::open_apart(open)?, std::process::id()))
    }
}

/// What root makes belongs to the owner of the database, as SQLite does with its journals: the owner's own syncs would not be
/// let in otherwise. Best effort.
fn give_to_owner(file: &File, database: &Path) {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root()
        && let Ok(found) = database.metadata()
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        _ = fchown(file, Some(found.uid()), Some(found.gid()));
    }
    #[cfg(not(unix))]
    {
        _ = (file, database);
    }
}

/// Why a sync cannot use what is in the place of its lock file, if it cannot.
#[cfg(feature = "cli")]
pub(crate) fn unusable_lock(database: &Path) -> Option<Error> {
    let path = lock_path(database);
    let error = LockFile::usable(File::options().read(true), &path).err()?;
    match error.kind() {
        ErrorKind::InvalidInput => Some(Error::file("use", path, no_lock_file(&error))),
        ErrorKind::PermissionDenied | ErrorKind::WouldBlock => {
            Some(Error::file("open", path, error))
        }
        _ => None,
    }
}

/// Another name of a file of ours, made by somebody else, must not be written over. Copies of the folder
/// whose files are links share an empty lock file.
#[cfg(unix)]
fn ensure_no_other_name(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let found = file.metadata()?;
    if found.nlink() > 1 && found.len() > 0 {
        let why = "it is another name of a file with content";
        return Err(std::io::Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(())
}

#[cfg(not(unix))]
fn ensure_no_other_name(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// A sync locks it for writing: this is somebody who may only read it.
fn locked_by_reader(path: PathBuf) -> Error {
    let words = "a program that is not a sync has locked it for reading. End that program, and look who may read the file";
    let source = std::io::Error::other(words);
    Error::Io {
        action: "lock",
        path,
        source,
    }
}

/// What is in the place of the lock file is not one: somebody else made it, perhaps to stop the syncs.
fn no_lock_file(why: &std::io::Error) -> std::io::Error {
    std::io::Error::new(
        ErrorKind::InvalidInput,
        format!(
            "{why}. It is to be the lock file of the syncs. Delete it, and look who else can write to its folder"
        ),
    )
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.1 == std::process::id() {
            _ = self.0.unlock();
            coexistence::about_to_close(&self.0);
        }
    }
}

/// What a sync of a database locks.
#[derive(Debug, Clone)]
pub(crate) enum LockTarget {
    /// The database at this path.
    File(PathBuf),
    /// A database in memory, which only this process has. Not a mutex: a child forked while it
    /// is held would wait for ever.
    Flag(Arc<AtomicBool>),
}

/// The lock file of the database at `path`, the same through every symbolic link.
fn lock_path(path: &Path) -> PathBuf {
    let canonical = path.canonicalize().or_else(|error| {
        // Deleted, perhaps by a user who does not know that a sync is running.
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
            _ => Err(error),
        }
    });
    let mut name = canonical
        .unwrap_or_else(|_: std::io::Error| path.to_owned())
        .into_os_string();
    name.push(file_system::LOCK_SUFFIX);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_one(target: &LockTarget) {
        assert!(!SyncLock::is_held(target));
        let first = SyncLock::acquire(target, &CancelToken::new())
            .unwrap()
            .unwrap();
        assert!(SyncLock::is_held(target));
        assert!(
            SyncLock::acquire(target, &CancelToken::new())
                .unwrap()
                .is_none()
        );
        drop(first);
        assert!(!SyncLock::is_held(target));
        assert!(
            SyncLock::acquire(target, &CancelToken::new())
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn a_file_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        only_one(&LockTarget::File(dir.path().join("skills.db")));
    }

    #[test]
    fn a_database_in_memory_is_locked_once() {
        only_one(&LockTarget::Flag(Arc::default()));
    }

    #[test]
    fn a_question_does_not_make_a_sync_fail() {
        let dir = tempfile::tempdir().unwrap();
        let target = LockTarget::File(dir.path().join("skills.db"));
        drop(SyncLock::acquire(&target, &CancelToken::new()).unwrap());
        let stop = crate::CancelToken::new();
        let asker = {
            let (target, stop) = (target.clone(), stop.clone());
            std::thread::spawn(move || {
                while !stop.is_cancelled() {
                    SyncLock::is_held(&target);
                    std::thread::sleep(Duration::from_millis(2));
                }
            })
        };
        for _ in 0..200 {
            assert!(
                SyncLock::acquire(&target, &CancelToken::new())
                    .unwrap()
                    .is_some()
            );
        }
        stop.cancel();
        asker.join().unwrap();
    }

    /// As in the moment in which a sync ends, and another one that waits looks who has the lock.
    #[test]
    fn a_lock_that_is_read_at_last_is_not_a_reader_s() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("skills.db");
        let target = LockTarget::File(path.clone());
        let file = LockFile::ensure(&lock_path(&path), &path).unwrap();
        file.0.lock().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| SyncLock::acquire(&target, &CancelToken::new()));
            std::thread::sleep(PROBE_GRACE / 2);
            file.0.lock_shared().unwrap();
            waiting.join().unwrap().unwrap();
        });
        // Who has it all the time is.
        let refused = SyncLock::acquire(&target, &CancelToken::new()).unwrap_err();
        assert!(refused.to_string().contains("for reading"), "{refused}");
    }
}
