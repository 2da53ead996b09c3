//! One sync at a time per database, across threads and processes.
//!
//! A lock of the operating system on a file beside the database: it ends with
//! its owner, however that dies. The database file itself is never touched.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::coexistence;
use crate::{Error, Result};

/// Somebody who only asks whether a sync is running holds the lock for an
/// instant; a sync that starts in that instant tries again for so long.
const PROBE_GRACE: Duration = Duration::from_millis(100);

/// The right to sync one database; given back when dropped.
#[derive(Debug)]
pub(crate) struct SyncLock {
    held: Held,
}

#[derive(Debug)]
enum Held {
    File(File),
    Flag(Arc<AtomicBool>),
}

impl SyncLock {
    /// The lock, or `None` where another sync has it.
    pub(crate) fn acquire(target: &LockTarget) -> Result<Option<Self>> {
        let end = Instant::now() + PROBE_GRACE;
        loop {
            if let Some(lock) = Self::try_acquire(target)? {
                return Ok(Some(lock));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn try_acquire(target: &LockTarget) -> Result<Option<Self>> {
        match target {
            LockTarget::File(path) => {
                let file = open_lock_file(path)?;
                match file.try_lock() {
                    Ok(()) => {
                        // A forked child would keep the lock beyond our death.
                        coexistence::keep_from_children(&file);
                        Ok(Some(Self {
                            held: Held::File(file),
                        }))
                    }
                    Err(TryLockError::WouldBlock) => Ok(None),
                    Err(TryLockError::Error(error)) => Err(Error::file("lock", path, error)),
                }
            }
            LockTarget::Flag(flag) => Ok((!flag.swap(true, Ordering::Acquire)).then(|| Self {
                held: Held::Flag(flag.clone()),
            })),
        }
    }

    /// Whether some sync holds the lock just now.
    ///
    /// Never creates the lock file; where it cannot be opened, nobody can hold it.
    pub(crate) fn is_held(target: &LockTarget) -> bool {
        match target {
            LockTarget::File(path) => File::open(path)
                .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))),
            LockTarget::Flag(flag) => flag.load(Ordering::Acquire),
        }
    }
}

impl Drop for SyncLock {
    fn drop(&mut self) {
        match &self.held {
            // Closing the file gives the lock back.
            Held::File(file) => coexistence::about_to_close(file),
            Held::Flag(flag) => flag.store(false, Ordering::Release),
        }
    }
}

/// What is locked for a database.
#[derive(Debug, Clone)]
pub(crate) enum LockTarget {
    /// The lock file.
    File(PathBuf),
    /// A database in memory is known to this process only. No lock: a child that was forked
    /// while one is held would wait for it in vain.
    Flag(Arc<AtomicBool>),
}

impl LockTarget {
    /// The lock file of the database at `path`, the same under every name of it.
    pub(crate) fn beside(path: &Path) -> Self {
        let mut name = path
            .canonicalize()
            .unwrap_or_else(|_| path.to_owned())
            .into_os_string();
        name.push("-sync-lock");
        Self::File(name.into())
    }
}

fn open_lock_file(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
        .open(path)
        .map_err(|error| Error::file("create", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_one(target: &LockTarget) {
        assert!(!SyncLock::is_held(target));
        let first = SyncLock::acquire(target).unwrap().unwrap();
        assert!(SyncLock::is_held(target));
        assert!(SyncLock::acquire(target).unwrap().is_none());
        drop(first);
        assert!(!SyncLock::is_held(target));
        assert!(SyncLock::acquire(target).unwrap().is_some());
    }

    #[test]
    fn a_file_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        only_one(&LockTarget::File(dir.path().join("skills.db-sync-lock")));
    }

    #[test]
    fn a_database_in_memory_is_locked_once() {
        only_one(&LockTarget::Flag(Arc::default()));
    }

    #[test]
    fn a_question_does_not_make_a_sync_fail() {
        let dir = tempfile::tempdir().unwrap();
        let target = LockTarget::File(dir.path().join("skills.db-sync-lock"));
        drop(SyncLock::acquire(&target).unwrap());
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
            assert!(SyncLock::acquire(&target).unwrap().is_some());
        }
        stop.cancel();
        asker.join().unwrap();
    }
}
