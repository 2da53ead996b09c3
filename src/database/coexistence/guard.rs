//! Where two copies of SQLite cannot be kept apart: a file that somebody else in this process has open is refused.
//!
//! Found by looking at the process's descriptors, not by opening the file: closing
//! it again would do the very harm that is to be avoided.

use std::collections::BTreeSet;
use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::pool::{Owner, owner};
use super::syscalls::{identity_at, identity_of};
use crate::{Error, Result};

/// Descriptors that our SQLite opened, where its calls are not replaced and cannot tell.
static OURS: Mutex<BTreeSet<c_int>> = Mutex::new(BTreeSet::new());

/// Fails where somebody else has the file open.
pub(super) fn before_open(path: &Path) -> Result<()> {
    let open = descriptors_of(path);
    // Closed by us since, if it is not among them any more.
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    ours.retain(|fd| open.contains(fd) || is_open(*fd));
    if open.iter().all(|fd| ours.contains(fd)) {
        Ok(())
    } else {
        Err(Error::DatabaseInUse(path.to_owned()))
    }
}

/// Notes which descriptors our SQLite has just got.
pub(super) fn after_open(path: &Path) {
    OURS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(descriptors_of(path));
}

/// Fails where somebody else has the file open; ours are known to the pool.
pub(super) fn refuse_others(path: &Path) -> Result<()> {
    if descriptors_of(path)
        .iter()
        .all(|fd| owner(*fd) != Owner::Other)
    {
        Ok(())
    } else {
        Err(Error::DatabaseInUse(path.to_owned()))
    }
}

/// The descriptors of this process that refer to the file.
fn descriptors_of(path: &Path) -> BTreeSet<c_int> {
    let wanted = CString::new(path.as_os_str().as_bytes())
        .ok()
        .and_then(|path| identity_at(&path));
    let Some(wanted) = wanted else {
        return BTreeSet::new();
    };
    open_descriptors()
        .into_iter()
        .filter(|fd| identity_of(*fd).is_some_and(|found| found.key == wanted.key))
        .collect()
}

fn is_open(fd: c_int) -> bool {
    identity_of(fd).is_some()
}

/// Every descriptor of this process, as the system lists them.
fn open_descriptors() -> Vec<c_int> {
    let folder = if cfg!(target_os = "linux") {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect(),
        // Without such a list: the numbers that a process usually has.
        Err(_) => (0..4096).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_descriptor_is_found_under_any_name_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.db"), folder.path().join("b.db"));
        let host = std::fs::File::create(&path).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for name in [&path, &link] {
            assert!(matches!(before_open(name), Err(Error::DatabaseInUse(_))));
            assert!(matches!(refuse_others(name), Err(Error::DatabaseInUse(_))));
        }
        drop(host);
        before_open(&path).unwrap();
        // Our own are no strangers.
        let _ours = std::fs::File::open(&path).unwrap();
        after_open(&path);
        before_open(&link).unwrap();
        let _host = std::fs::File::open(&path).unwrap();
        assert!(before_open(&path).is_err());
    }
}
