//! The line in the lock file by which a sync is seen from other machines.
//!
//! On a file system that several kernels use, one does not always see the locks of another: with NFS without
//! locking, SMB, 9p, virtiofs and most of FUSE. So a sync there also writes who it is into the lock file, and
//! a number that it raises as long as it runs. That cannot make SQLite safe, but keeps two syncs apart.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::LockFile;
use crate::database::coexistence;
use crate::unpoisoned::lock;
use crate::{CancelToken, Error, Result, memory};

/// How often a sync raises its number.
const RENEWED_EVERY: Duration = Duration::from_secs(5);
/// A sync whose number stands still for this long has died.
const WATCHED_FOR: Duration = Duration::from_secs(12);
/// Between two looks at another's number.
const LOOKED_EVERY: Duration = Duration::from_millis(500);
/// By then another's line, written at the same moment, is here.
const SETTLED_AFTER: Duration = Duration::from_secs(1);
/// The age of the line of a running sync, if the clocks of the machines agree so far.
const LATEST_WITHIN: Duration = Duration::from_secs(30);
/// A line is much shorter.
const LONGEST: u64 = 4_096;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    host: String,
    /// Of the kernel; empty where it has none.
    boot: String,
    pid: u32,
    /// Of the sync; by chance its own.
    id: u64,
    /// Raised as long as it runs.
    number: u64,
}

impl Entry {
    fn new() -> Self {
        Self {
            host: coexistence::host_name(),
            boot: coexistence::boot_id(),
            pid: std::process::id(),
            // A number that every reader of JSON keeps.
            id: crate::random::rng().u64(..1 << 53),
            number: 0,
        }
    }

    /// `None` if it is none of ours. By hand: derived code would be larger than the rest of this file.
    fn parse(line: &[u8]) -> Option<Self> {
        let line: Value = serde_json::from_slice(line).ok()?;
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        Some(Self {
            host: text("host")?,
            boot: text("boot")?,
            pid: u32::try_from(line["pid"].as_u64()?).ok()?,
            id: line["id"].as_u64()?,
            number: line["number"].as_u64()?,
        })
    }

    fn line(&self) -> String {
        let line = json!({
            "host": self.host,
            "boot": self.boot,
            "pid": self.pid,
            "id": self.id,
            "number": self.number,
        });
        format!("{line}\n")
    }

    /// Whether the locks of that sync are known here. All containers of a kernel have its locks.
    fn is_of_this_kernel(&self) -> bool {
        let here = Self::new();
        if self.boot.is_empty() || here.boot.is_empty() {
            self.host == here.host
        } else {
            self.boot == here.boot
        }
    }
}

/// The line of a running sync, until it is dropped.
#[derive(Debug)]
pub(super) struct Presence {
    claim: Claim,
    pid: u32,
    stop: CancelToken,
    thread: Option<JoinHandle<()>>,
}

/// What a running sync asks whether it still is the one that the lock file names. While its machine is suspended,
/// a sync of another one takes it for dead, and takes over.
#[derive(Debug, Clone)]
pub(crate) struct Claim(Arc<Claimed>);

#[derive(Debug)]
struct Claimed {
    file: Arc<LockFile>,
    path: PathBuf,
    /// Locked while it is written, so that no half of it is read.
    entry: Mutex<Entry>,
    lost: CancelToken,
}

impl Claim {
    /// # Errors
    /// [`Error::TakenOver`] if the lock file names another sync, or did once.
    pub(crate) fn check(&self) -> Result<()> {
        let is_ours = self.is_ours(&lock(&self.0.entry));
        self.ensure(is_ours)
    }

    /// Cancelled when the lock file is found to name another sync.
    pub(crate) fn lost(&self) -> &CancelToken {
        &self.0.lost
    }

    /// A file that cannot be read now says nothing.
    fn is_ours(&self, entry: &Entry) -> bool {
        !self.0.lost.is_cancelled() && is_there(&self.0.path, entry).unwrap_or(true)
    }

    fn ensure(&self, is_ours: bool) -> Result<()> {
        if is_ours {
            return Ok(());
        }
        self.0.lost.cancel();
        Err(Error::TakenOver(self.0.path.clone()))
    }

    /// Raises the number, unless another sync has taken over.
    fn renew(&self) -> Result<()> {
        let mut entry = lock(&self.0.entry);
        let is_ours = self.is_ours(&entry);
        if is_ours {
            entry.number += 1;
            _ = write(&self.0.file.0, &entry);
        }
        drop(entry);
        self.ensure(is_ours)
    }
}

impl Presence {
    /// Writes the line, for a sync that has the locks of its own kernel. `None` if a sync of another kernel
    /// is running; to know that, it watches what it finds for some seconds.
    pub(super) fn claim(
        file: &Arc<LockFile>,
        path: &Path,
        cancel: &CancelToken,
    ) -> Result<Option<Self>> {
        if is_renewed(path, cancel)? {
            return Ok(None);
        }
        let entry = Entry::new();
        write(&file.0, &entry).map_err(|error| Error::file("write", path, error))?;
        wait(cancel, SETTLED_AFTER).inspect_err(|_| clear(&file.0))?;
        let stays = is_there(path, &entry).map_err(|error| Error::file("read", path, error))?;
        if !stays {
            return Ok(None);
        }
        let claim = Claim(Arc::new(Claimed {
            file: Arc::clone(file),
            path: path.to_owned(),
            entry: Mutex::new(entry),
            lost: CancelToken::new(),
        }));
        let mut presence = Self {
            claim: claim.clone(),
            pid: std::process::id(),
            stop: CancelToken::new(),
            thread: None,
        };
        let stop = presence.stop.clone();
        presence.thread = Some(memory::spawn("skillsmith-presence", move || {
            while !stop.wait(RENEWED_EVERY) && claim.renew().is_ok() {}
        })?);
        Ok(Some(presence))
    }

    pub(super) const fn claimed(&self) -> &Claim {
        &self.claim
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // A forked child has neither the thread nor the lock.
        if self.pid != std::process::id() {
            std::mem::forget(self.thread.take());
            return;
        }
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
        let claimed = &self.claim.0;
        if is_there(&claimed.path, &lock(&claimed.entry)).unwrap_or(false) {
            clear(&claimed.file.0);
        }
    }
}

/// Whether the lock file has the line of a sync of another kernel that was written lately. Does not wait.
pub(super) fn is_seen(path: &Path) -> bool {
    let age = std::fs::metadata(path)
        .ok()
        .filter(|found| found.len() > 0)
        .and_then(|found| found.modified().ok())
        .map(
            |modified| match SystemTime::now().duration_since(modified) {
                Ok(age) => age,
                Err(ahead) => ahead.duration(),
            },
        );
    age.is_some_and(|age| age < LATEST_WITHIN)
        && read(path).is_some_and(|entry| !entry.is_of_this_kernel())
}

/// Whether the lock file has any line.
pub(super) fn has_line(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() > 0)
}

/// Whether a sync of another kernel is running: its line changes while it is watched.
fn is_renewed(path: &Path, cancel: &CancelToken) -> Result<bool> {
    let Some(first) = read(path).filter(|entry| !entry.is_of_this_kernel()) else {
        return Ok(false);
    };
    let mut waited = Duration::ZERO;
    while waited < WATCHED_FOR {
        wait(cancel, LOOKED_EVERY)?;
        waited += LOOKED_EVERY;
        match read(path) {
            // Its sync has ended, or never wrote what can be read.
            None => return Ok(false),
            Some(now) if now != first => return Ok(!now.is_of_this_kernel()),
            Some(_) => {}
        }
    }
    Ok(false)
}

fn wait(cancel: &CancelToken, duration: Duration) -> Result<()> {
    if cancel.wait(duration) {
        Err(Error::Cancelled)
    } else {
        Ok(())
    }
}

/// Whether the line is there, or the error that it cannot be read.
fn is_there(path: &Path, entry: &Entry) -> std::io::Result<bool> {
    match line_of(path) {
        Ok(line) => Ok(Entry::parse(&line).is_some_and(|found| found.id == entry.id)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What is there now.
fn read(path: &Path) -> Option<Entry> {
    Entry::parse(&line_of(path).ok()?)
}

/// Opened anew each time: that makes NFS ask its server.
fn line_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = LockFile::open(path)?;
    let mut line = Vec::new();
    (&file.0).take(LONGEST).read_to_end(&mut line)?;
    Ok(line)
}

fn write(mut file: &File, entry: &Entry) -> std::io::Result<()> {
    let line = entry.line();
    file.seek(SeekFrom::Start(0))?;
    file.write_all(line.as_bytes())?;
    file.set_len(line.len() as u64)?;
    file.sync_data()
}

/// Best effort: a line that stays is watched by the next sync of another machine.
fn clear(file: &File) {
    _ = file.set_len(0);
    _ = file.sync_data();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, boot: &str) -> Entry {
        Entry {
            host: host.into(),
            boot: boot.into(),
            ..Entry::new()
        }
    }

    #[test]
    fn a_kernel_is_known_by_its_boot_and_else_by_its_host() {
        let here = Entry::new();
        assert!(of(&here.host, &here.boot).is_of_this_kernel());
        assert!(of(&here.host, "").is_of_this_kernel());
        assert!(!of("another", "").is_of_this_kernel());
        if !here.boot.is_empty() {
            assert!(of("a container", &here.boot).is_of_this_kernel());
            assert!(!of(&here.host, "another").is_of_this_kernel());
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written_and_anything_else_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = LockFile::ensure(&path, &path).unwrap();
        assert_eq!(read(&path), None);
        let long = Entry {
            number: u64::MAX,
            ..Entry::new()
        };
        for entry in [&long, &Entry::new()] {
            write(&file.0, entry).unwrap();
            assert_eq!(read(&path).as_ref(), Some(entry));
        }
        assert!(has_line(&path) && !is_seen(&path), "of this kernel");
        write(&file.0, &of("another", "another")).unwrap();
        assert!(is_seen(&path));
        for text in ["", "\0\0\0", "{\"host\":1}", "[]"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path), None, "{text}");
            assert!(!is_seen(&path));
        }
    }

    #[test]
    fn what_another_machine_left_is_watched_until_it_is_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = Arc::new(LockFile::ensure(&path, &path).unwrap());
        write(&file.0, &of("another", "another")).unwrap();
        let cancel = CancelToken::new();
        cancel.cancel();
        let outcome = Presence::claim(&file, &path, &cancel);
        assert!(matches!(outcome, Err(Error::Cancelled)));
        assert!(has_line(&path));
    }

    #[test]
    fn a_claim_is_lost_to_another_line_and_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = Arc::new(LockFile::ensure(&path, &path).unwrap());
        let presence = Presence::claim(&file, &path, &CancelToken::new()).unwrap();
        let claim = presence.as_ref().unwrap().claimed().clone();
        claim.check().unwrap();
        let ours = std::fs::read(&path).unwrap();
        claim.renew().unwrap();
        assert_ne!(std::fs::read(&path).unwrap(), ours);
        for other in [of("another", "another").line(), String::new()] {
            std::fs::write(&path, other).unwrap();
            assert!(matches!(claim.check(), Err(Error::TakenOver(_))));
            std::fs::write(&path, &ours).unwrap();
            assert!(claim.renew().is_err() && claim.lost().is_cancelled());
        }
    }
}
