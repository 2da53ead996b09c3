//! Detects that memory has run out, and reports it to the core.
//!
//! Rust ends the process when an allocation fails, which a library must not do to its host.
//! If the system has no memory, the [`allocator`](crate::allocator) uses its reserve and
//! records it here. The core checks wherever it can stop, and a later panic is attributed
//! to the shortage. SQLite allocates from the system itself; its failures are recorded too,
//! because rusqlite panics if SQLite has no memory for a text.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};

use rusqlite::ffi;
use skillsmith_sync::memory::{self, MemoryWatch};

/// The system refused an allocation, and was not asked again since.
static NOTED: AtomicBool = AtomicBool::new(false);

/// If the system provides this much in one piece, memory is available again. More than the
/// reserve has in one piece, so that it comes from the system.
const PROBE: usize = 1024 * 1024;

/// An allocation has failed.
pub(crate) fn note() {
    NOTED.store(true, Ordering::Relaxed);
}

/// Whether an allocation has failed since memory was last known to be available: the cause
/// of a panic then.
pub(crate) fn is_noted() -> bool {
    NOTED.load(Ordering::Relaxed)
}

/// Whether memory has run out.
pub(crate) fn is_short() -> bool {
    is_noted() && !is_over()
}

#[cold]
fn is_over() -> bool {
    let mut piece = Vec::<u8>::new();
    let is_over = piece.try_reserve_exact(PROBE).is_ok();
    // The compiler may remove an unused allocation.
    std::hint::black_box(&mut piece);
    if is_over {
        NOTED.store(false, Ordering::Relaxed);
    }
    is_over
}

/// Registers with the core and with SQLite. Call it before the first call of either.
pub(crate) fn watch(has_room_for_thread: fn() -> bool) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        memory::watch(MemoryWatch {
            is_short,
            has_failed: is_noted,
            has_room_for_thread,
        });
        watch_sqlite();
    });
}

type Allocate = unsafe extern "C" fn(c_int) -> *mut c_void;
type Reallocate = unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void;

/// SQLite's own functions.
static ALLOCATE: OnceLock<Allocate> = OnceLock::new();
static REALLOCATE: OnceLock<Reallocate> = OnceLock::new();

/// Wraps the functions with which SQLite allocates memory.
///
/// SQLite refuses if it is already initialized, as in tests; its failures are still errors.
fn watch_sqlite() {
    let mut methods = MaybeUninit::<ffi::sqlite3_mem_methods>::zeroed();
    // SAFETY: it fills the structure; called once, before any other call of SQLite.
    let found = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, methods.as_mut_ptr()) };
    // SAFETY: all-zero is a value of it: no functions.
    let mut methods = unsafe { methods.assume_init() };
    let (Some(allocate), Some(reallocate)) = (methods.xMalloc, methods.xRealloc) else {
        return;
    };
    if found != ffi::SQLITE_OK
        || ALLOCATE.set(allocate).is_err()
        || REALLOCATE.set(reallocate).is_err()
    {
        return;
    }
    methods.xMalloc = Some(allocate_and_note);
    methods.xRealloc = Some(reallocate_and_note);
    // SAFETY: the structure is whole, and SQLite copies it.
    unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods) };
}

unsafe extern "C" fn allocate_and_note(size: c_int) -> *mut c_void {
    let place = ALLOCATE.get().map_or(ptr::null_mut(), |allocate| {
        // SAFETY: SQLite's own function, with SQLite's argument.
        unsafe { allocate(size) }
    });
    noted(place)
}

unsafe extern "C" fn reallocate_and_note(old: *mut c_void, size: c_int) -> *mut c_void {
    let place = REALLOCATE.get().map_or(ptr::null_mut(), |reallocate| {
        // SAFETY: SQLite's own function, with SQLite's arguments.
        unsafe { reallocate(old, size) }
    });
    noted(place)
}

fn noted(place: *mut c_void) -> *mut c_void {
    if place.is_null() {
        note();
    }
    place
}
