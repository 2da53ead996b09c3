//! The disk of a run's thread: full, failing, or cut off in the middle of a write.
//!
//! The system calls with which our copy of SQLite writes are replaced once, for the whole process.
//! They act only on a thread with an armed fault, so several simulations can run in parallel.
#![expect(
    unsafe_code,
    reason = "SQLite's table of system calls is reached through its C interface"
)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rusqlite::Connection;
use rusqlite::ffi;

use crate::scenario::{DiskFailure, DiskFault};

/// Part of the name of folders in which the checkpoint thread writes nothing, because it would
/// write at arbitrary times.
pub const QUIET: &str = "quiet";

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
    static LOCK: RefCell<Option<Lock>> = const { RefCell::new(None) };
}

/// The fault of this thread, and its counters.
#[derive(Debug, Default)]
struct Disk {
    fault: Option<DiskFault>,
    folder: PathBuf,
    /// Where a crash puts a copy of the disk.
    wreck: PathBuf,
    counts: bool,
    writes: u32,
    fired: bool,
}

/// Its outcome.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    pub fired: bool,
    pub writes: u32,
}

struct Lock {
    /// Rolled back when dropped.
    _holder: Connection,
    /// `None`: permanently.
    attempts: Option<u32>,
}

/// Counts the writes of this thread, and makes them fail according to `fault`.
pub fn arm(fault: Option<DiskFault>, folder: &Path, wreck: &Path) {
    let disk = Disk {
        fault,
        counts: fault.is_none_or(|fault| !fault.late),
        folder: folder.to_owned(),
        wreck: wreck.to_owned(),
        ..Disk::default()
    };
    DISK.with(|slot| *slot.borrow_mut() = Some(disk));
}

/// A late fault counts from the first progress event about writing.
pub fn count_from_now() {
    DISK.with(|slot| {
        if let Some(disk) = slot.borrow_mut().as_mut() {
            disk.counts = true;
        }
    });
}

pub fn has_crashed() -> bool {
    DISK.with(|slot| {
        slot.borrow().as_ref().is_some_and(|disk| {
            let is_crash = |fault: DiskFault| matches!(fault.what, DiskFailure::Crash(_));
            disk.fired && disk.fault.is_some_and(is_crash)
        })
    })
}

pub fn disarm() -> Outcome {
    let disk = DISK.with(|slot| slot.borrow_mut().take());
    disk.map_or_else(Outcome::default, |disk| Outcome {
        fired: disk.fired,
        writes: disk.writes,
    })
}

/// Another connection holds the write lock until this thread has waited for it this many times.
pub fn hold_lock(path: &Path, attempts: u32) {
    if let Ok(holder) = crate::table::connect(path)
        && holder.busy_timeout(std::time::Duration::ZERO).is_ok()
        && holder.execute_batch("BEGIN IMMEDIATE").is_ok()
    {
        // Only with the library's test hook is a permanently held lock given up soon.
        let most = if cfg!(feature = "test-hooks") {
            None
        } else {
            Some(40)
        };
        let lock = Lock {
            _holder: holder,
            attempts: Some(attempts).filter(|attempts| *attempts > 0).or(most),
        };
        LOCK.with(|slot| *slot.borrow_mut() = Some(lock));
    }
}

/// Runs `call` on behalf of another program: its writes are not counted and do not fail.
pub fn paused(call: impl FnOnce()) {
    let disk = DISK.with(|slot| slot.borrow_mut().take());
    call();
    DISK.with(|slot| *slot.borrow_mut() = disk);
}

pub fn release_lock() {
    let held = LOCK.with(|slot| slot.borrow_mut().take());
    drop(held);
}

/// The error for the next write, if it should fail.
fn gate(fd: c_int, bytes: &[u8], offset: Option<i64>) -> Option<c_int> {
    let armed = DISK.with(|slot| match slot.try_borrow_mut() {
        Ok(mut disk) => disk.as_mut().map(|disk| disk.write(fd, bytes, offset)),
        Err(_) => Some(None),
    });
    armed.unwrap_or_else(|| is_quiet_checkpoint(fd).then_some(libc::EIO))
}

impl Disk {
    fn write(&mut self, fd: c_int, bytes: &[u8], offset: Option<i64>) -> Option<c_int> {
        if !self.counts {
            return None;
        }
        self.writes += 1;
        let fault = self.fault?;
        let (lasting, code) = match fault.what {
            DiskFailure::Full(lasting) => (lasting, libc::ENOSPC),
            DiskFailure::Error(lasting) => (lasting, libc::EIO),
            DiskFailure::Crash(torn) => {
                if self.writes == fault.at {
                    self.snapshot(torn.then_some((fd, bytes, offset)));
                }
                (true, libc::EIO)
            }
        };
        let due = self.writes == fault.at || lasting && self.writes > fault.at;
        self.fired |= due;
        due.then_some(code)
    }

    /// Copies what a process that dies now leaves on the disk.
    fn snapshot(&self, torn: Option<(c_int, &[u8], Option<i64>)>) {
        _ = std::fs::create_dir_all(&self.wreck);
        for name in ["skills.db", "skills.db-wal", "skills.db-journal"] {
            _ = std::fs::copy(self.folder.join(name), self.wreck.join(name));
        }
        if let Some((fd, bytes, Some(offset))) = torn
            && let Some(name) = path_of(fd).as_deref().and_then(Path::file_name)
            && let Ok(file) = std::fs::File::options()
                .write(true)
                .open(self.wreck.join(name))
        {
            use std::os::unix::fs::FileExt;
            let half = &bytes[..bytes.len() / 2];
            _ = file.write_all_at(half, u64::try_from(offset).unwrap_or(0));
        }
    }
}

fn path_of(fd: c_int) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}

fn is_quiet_checkpoint(fd: c_int) -> bool {
    std::thread::current().name() == Some("skillsmith-checkpoint")
        && path_of(fd).is_some_and(|path| path.to_string_lossy().contains(QUIET))
}

fn fail(code: c_int) {
    // SAFETY: the address of this thread's errno is always valid.
    unsafe {
        *libc::__errno_location() = code;
    }
}

/// # Safety
/// As of `pwrite`.
unsafe extern "C" fn pwrite(fd: c_int, data: *const c_void, size: usize, at: i64) -> isize {
    // SAFETY: SQLite guarantees that the buffer has this size.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) };
    if let Some(code) = gate(fd, bytes, Some(at)) {
        fail(code);
        return -1;
    }
    // SAFETY: the arguments are passed on unchanged.
    unsafe { libc::pwrite(fd, data, size, at) }
}

/// # Safety
/// As of `write`.
unsafe extern "C" fn write(fd: c_int, data: *const c_void, size: usize) -> isize {
    // SAFETY: SQLite guarantees that the buffer has this size.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) };
    if let Some(code) = gate(fd, bytes, None) {
        fail(code);
        return -1;
    }
    // SAFETY: the arguments are passed on unchanged.
    unsafe { libc::write(fd, data, size) }
}

unsafe extern "C" fn ftruncate(fd: c_int, size: i64) -> c_int {
    if let Some(code) = gate(fd, &[], None) {
        fail(code);
        return -1;
    }
    // SAFETY: no memory is involved.
    unsafe { libc::ftruncate(fd, size) }
}

/// # Safety
/// `path` is a C string.
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    if let Some(code) = gate(-1, &[], None) {
        fail(code);
        return -1;
    }
    // SAFETY: the arguments are passed on unchanged.
    unsafe { libc::unlink(path) }
}

/// SQLite's wait for a lock takes no time on a thread that is made to wait.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    let waited = LOCK.with(|slot| {
        let mut slot = slot.borrow_mut();
        let attempts = slot.as_mut()?.attempts.as_mut();
        let over = attempts.is_some_and(|attempts| {
            *attempts = attempts.saturating_sub(1);
            *attempts == 0
        });
        Some(if over { slot.take() } else { None })
    });
    match waited {
        Some(released) => drop(released),
        None => std::thread::sleep(std::time::Duration::from_micros(
            u64::try_from(microseconds).unwrap_or(0),
        )),
    }
    microseconds
}

type Syscall = unsafe extern "C" fn();
type Pwrite = unsafe extern "C" fn(c_int, *const c_void, usize, i64) -> isize;
type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
type Truncate = unsafe extern "C" fn(c_int, i64) -> c_int;
type Unlink = unsafe extern "C" fn(*const c_char) -> c_int;

/// Replaces the system calls, once.
pub fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(replace);
}

fn replace() {
    // SQLite's memory statistics take a lock at every allocation. The option is refused after
    // initialisation. SAFETY: this option takes an int; no connection is open yet.
    unsafe {
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0 as c_int);
    }
    // The library replaces system calls itself before its first connection.
    drop(skillsmith_sync::Database::open_in_memory().expect("a database in memory"));
    // SAFETY: SQLite casts each back to this very signature before it calls.
    let calls: [(&CStr, Syscall); 5] = unsafe {
        [
            (c"pwrite", std::mem::transmute::<Pwrite, Syscall>(pwrite)),
            (c"pwrite64", std::mem::transmute::<Pwrite, Syscall>(pwrite)),
            (c"write", std::mem::transmute::<Write, Syscall>(write)),
            (
                c"ftruncate",
                std::mem::transmute::<Truncate, Syscall>(ftruncate),
            ),
            (c"unlink", std::mem::transmute::<Unlink, Syscall>(unlink)),
        ]
    };
    // SAFETY: a null name asks for the default VFS, which lives as long as the process.
    let vfs = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
    // SAFETY: a VFS that was found is a valid structure.
    let (get, set) = unsafe { ((*vfs).xGetSystemCall, (*vfs).xSetSystemCall) };
    let (Some(get), Some(set)) = (get, set) else {
        return;
    };
    for (name, call) in calls {
        // SAFETY: the VFS and the names are valid; only calls that are in use are replaced.
        unsafe {
            if get(vfs, name.as_ptr()).is_some() {
                set(vfs, name.as_ptr(), Some(call));
            }
        }
    }
    // SAFETY: the structure is SQLite's own and writable; no connection is open yet.
    unsafe {
        (*vfs).xSleep = Some(sleep);
    }
}
