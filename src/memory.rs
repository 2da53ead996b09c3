//! Running out of memory.
//!
//! What depends on the size of what a server sends is asked for beforehand, with `try_reserve` or
//! [`ensure_available`]; SQLite says by itself that it has none; and a thread that cannot be
//! started is an error. For anything else Rust ends the process.
//!
//! A binding may promise its hosts more. It has an allocator that can give a little where the
//! system gives nothing, and tells of it through [`watch`]: then the library asks at every step
//! whether there is memory to go on with, and fails with [`Error::OutOfMemory`] while there is
//! enough for the way out.

use std::collections::TryReserveError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use rusqlite::ffi;
use rusqlite::types::ValueRef;

use crate::{Error, Result};

/// Pieces up to this size are not asked for beforehand.
const SMALL: usize = 64 * 1024;

/// What a binding knows of the memory of its process.
#[derive(Debug, Clone, Copy)]
pub struct MemoryWatch {
    /// Whether there is no memory to go on with.
    pub is_short: fn() -> bool,
    /// Whether an allocation has failed since there was last known to be memory: what a panic
    /// then comes of.
    pub has_failed: fn() -> bool,
    /// Whether there is memory for what belongs to a new thread.
    pub has_room_for_thread: fn() -> bool,
}

static WATCH: OnceLock<MemoryWatch> = OnceLock::new();

/// Has the library ask this watch from now on. The first one stays.
pub fn watch(watch: MemoryWatch) {
    _ = WATCH.set(watch);
}

/// Fails while there is no memory to go on with.
pub(crate) fn check() -> Result<()> {
    if WATCH.get().is_some_and(|watch| (watch.is_short)()) {
        return Err(Error::OutOfMemory);
    }
    Ok(())
}

/// Fails where that much cannot be had just now, for what cannot be told so when it is
/// done: the copying of long texts by others' code.
pub fn ensure_available(bytes: usize) -> Result<()> {
    check()?;
    if bytes > SMALL {
        probe(bytes)?;
    }
    Ok(())
}

/// The same for a row of the database, whose texts are to be copied, where a binding watches.
pub(crate) fn ensure_row_available(row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
    if WATCH.get().is_none() {
        return Ok(());
    }
    let mut bytes = 0_usize;
    for column in 0..row.as_ref().column_count() {
        if let ValueRef::Text(text) | ValueRef::Blob(text) = row.get_ref(column)? {
            // For the record of a C caller, too.
            bytes = bytes.saturating_add(text.len().saturating_mul(3));
        }
    }
    ensure_available(bytes)
        .map_err(|_| rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOMEM), None))
}

/// Has a list take one value more without asking for memory.
pub(crate) fn reserve_one<T>(list: &mut Vec<T>) -> Result<()> {
    Ok(list.try_reserve(1)?)
}

/// Collects rows, however many there are.
pub(crate) fn collect<T>(rows: impl Iterator<Item = rusqlite::Result<T>>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for row in rows {
        reserve_one(&mut all)?;
        all.push(row?);
    }
    Ok(all)
}

/// The error that a panic comes to: a lack of memory where one is known, else a bug, in these
/// words.
pub(crate) fn error_of_panic(bug: &str) -> Error {
    if WATCH.get().is_some_and(|watch| (watch.has_failed)()) {
        Error::OutOfMemory
    } else {
        Error::Internal(bug.into())
    }
}

/// Makes an error of a panic, so that what comes after is still done.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(error_of_panic("a callback panicked during the sync")))
}

/// Fails where there is no memory for a new thread. To be asked before one is started and
/// messages of it are waited for.
fn ensure_thread_available() -> Result<()> {
    check()?;
    let Some(watch) = WATCH.get() else {
        return Ok(());
    };
    let has_room = (watch.has_room_for_thread)() && {
        // This thread's own handle; there is one from here on.
        _ = std::thread::current();
        (watch.has_room_for_thread)()
    };
    if has_room {
        Ok(())
    } else {
        Err(Error::OutOfMemory)
    }
}

/// Starts a thread, if the system has memory for it.
pub fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(name.into());
    ensure_thread_available()?;
    // The system says no for want of memory, or of threads.
    builder.spawn(body).map_err(|_| Error::OutOfMemory)
}

fn probe(bytes: usize) -> Result<(), TryReserveError> {
    let mut piece = Vec::<u8>::new();
    let outcome = piece.try_reserve_exact(bytes);
    // The compiler may leave out an allocation that nothing uses.
    std::hint::black_box(&mut piece);
    outcome
}
