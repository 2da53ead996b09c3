//! Refuses a file that is open elsewhere in this process, on systems where two copies of SQLite cannot be
//! isolated.
//!
//! It inspects the process's descriptors instead of opening the file: closing the file again
//! would drop the locks.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use super::os::{identity_at, identity_of};
use super::pool::{Owner, owner};
use crate::unpoisoned::lock;
use crate::{Error, Result};

type Key = (u64, u64);

/// Files that our SQLite has open, when its calls are not replaced.
static OURS: Mutex<BTreeMap<Key, Open>> = Mutex::new(BTreeMap::new());

#[derive(Debug, Default)]
struct Open {
    connections: usize,
    descriptors: BTreeSet<c_int>,
}

/// A connection of ours; forgets its descriptors when dropped, after the connection.
#[derive(Debug)]
pub(crate) struct Ticket(Key);

fn ours() -> MutexGuard<'static, BTreeMap<Key, Open>> {
    lock(&OURS)
}

/// Fails if the file is open elsewhere in the process.
pub(super) fn before_open(path: &Path) -> Result<()> {
    let Some(key) = key_of(path) else {
        return Ok(());
    };
    let ours = ours();
    let known = ours.get(&key).map(|open| &open.descriptors);
    let is_known = |fd: &c_int| known.is_some_and(|known| known.contains(fd));
    if descriptors_of(key).iter().all(is_known) {
        Ok(())
    } else {
        Err(Error::DatabaseInUse(path.to_owned()))
    }
}

/// Records the descriptors that our SQLite has just opened.
pub(super) fn after_open(path: &Path) -> Option<Ticket> {
    let key = key_of(path)?;
    let mut ours = ours();
    let open = ours.entry(key).or_default();
    open.connections += 1;
    open.descriptors = descriptors_of(key);
    Some(Ticket(key))
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut ours = ours();
        if let Some(open) = ours.get_mut(&self.0) {
            open.connections -= 1;
            // The numbers of closed descriptors are reused, perhaps by the host.
            let key = self.0;
            open.descriptors
                .retain(|fd| identity_of(*fd).is_some_and(|found| found.key == key));
            if open.connections == 0 {
                ours.remove(&key);
            }
        }
    }
}

/// Fails if the file is open elsewhere in the process; the pool knows our own descriptors.
pub(super) fn refuse_others(path: &Path) -> Result<()> {
    let open = key_of(path).map(descriptors_of).unwrap_or_default();
    if open.iter().all(|fd| owner(*fd) != Owner::Other) {
        Ok(())
    } else {
        Err(Error::DatabaseInUse(path.to_owned()))
    }
}

fn key_of(path: &Path) -> Option<Key> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    Some(identity_at(&path)?.key)
}

/// The descriptors of this process that refer to the file.
fn descriptors_of(key: Key) -> BTreeSet<c_int> {
    open_descriptors()
        .into_iter()
        .filter(|fd| identity_of(*fd).is_some_and(|found| found.key == key))
        .collect()
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
        // Without such a list: the usual range of numbers.
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
        // Our own descriptors are accepted as long as they are open.
        let ours = std::fs::File::open(&path).unwrap();
        let ticket = after_open(&path).unwrap();
        before_open(&link).unwrap();
        drop(ours);
        drop(ticket);
        // The host reuses our number.
        let _host = std::fs::File::open(&path).unwrap();
        assert!(before_open(&path).is_err());
    }
}
