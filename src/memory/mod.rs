//! Running out of memory, without ending the process.
//!
//! Rust ends the process where an allocation fails, and a library must not do that to
//! its host. So the C library keeps a reserve: where the system gives nothing, the
//! [`allocator`] takes from there and raises a flag, and whoever is about to need more
//! looks at the flag and fails with [`Error::OutOfMemory`]. What is needed on the way
//! out fits the reserve; what depends on the size of the input is asked for beforehand,
//! with `try_reserve` or [`afford`]. SQLite asks the system itself, and fails by itself.
//!
//! Without the feature `capi` the flag is never raised, and Rust's own behaviour stays.

#[cfg(feature = "capi")]
pub(crate) mod allocator;
#[cfg(feature = "capi")]
mod reserve;

use std::any::Any;
use std::collections::TryReserveError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ffi;
use rusqlite::types::ValueRef;

use crate::{Error, Result};

/// The system could not give what was asked for.
static SHORT: AtomicBool = AtomicBool::new(false);

/// Where the system gives this much in one piece, there is memory again. More than the
/// reserve has in one piece, so that it is the system's.
const PROBE: usize = 1024 * 1024;

/// Pieces up to this size may be needed before the next look at the flag.
const SMALL: usize = 64 * 1024;

/// Fails while there is no memory to go on with.
pub(crate) fn check() -> Result<()> {
    if SHORT.load(Ordering::Relaxed) && !relieved() {
        return Err(Error::OutOfMemory);
    }
    Ok(())
}

/// Fails where that much cannot be had just now, for what cannot be told so when it is
/// done: the copying of long texts by others' code.
pub(crate) fn afford(bytes: usize) -> Result<()> {
    check()?;
    if cfg!(feature = "capi") && bytes > SMALL {
        probe(bytes)?;
    }
    Ok(())
}

/// The same for a row of the database, whose texts are to be copied.
pub(crate) fn afford_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
    let mut bytes = 0_usize;
    if cfg!(feature = "capi") {
        for column in 0..row.as_ref().column_count() {
            if let ValueRef::Text(text) | ValueRef::Blob(text) = row.get_ref(column)? {
                // For the record of a C caller, too.
                bytes = bytes.saturating_add(text.len().saturating_mul(3));
            }
        }
    }
    afford(bytes)
        .map_err(|_| rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOMEM), None))
}

/// Collects rows, however many there are.
pub(crate) fn collect<T>(rows: impl Iterator<Item = rusqlite::Result<T>>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for row in rows {
        all.try_reserve(1)?;
        all.push(row?);
    }
    Ok(all)
}

/// What a panic means: rusqlite's where SQLite had no memory for a text, ureq's where there
/// is no thread to look a name up, and any while there is no memory.
pub(crate) fn caused(panic: &(dyn Any + Send)) -> bool {
    const OF_RUSQLITE: [&str; 2] = [
        "unexpected SQLITE_TEXT column type with NULL data",
        "Null pointer from sqlite3_column_name: Out of memory?",
    ];
    const OF_UREQ: &str = "failed to spawn thread";
    let text = panic.downcast_ref::<&str>();
    let made = panic.downcast_ref::<String>();
    text.is_some_and(|text| OF_RUSQLITE.contains(text))
        || made.is_some_and(|text| text.starts_with(OF_UREQ))
        || check().is_err()
}

/// Makes an error of a panic, so that what comes after is still done.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        Err(if caused(&*panic) {
            Error::OutOfMemory
        } else {
            Error::Internal("a callback panicked during the sync".into())
        })
    })
}

/// To be asked before a thread is started, here or by others' code, and messages of it are
/// waited for.
///
/// Both need a handle of a thread, of some 50 bytes. Rust allocates these past the
/// allocator, and ends the process where that fails. So it is made sure that the next one
/// of that size succeeds: what this thread has just given back is kept for it.
pub(crate) fn afford_thread() -> Result<()> {
    check()?;
    #[cfg(feature = "capi")]
    {
        allocator::provide_for_handle()?;
        // This thread's own; there is one from here on.
        _ = std::thread::current();
        allocator::provide_for_handle()?;
    }
    Ok(())
}

/// Starts a thread, if the system has memory for it.
pub(crate) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(name.into());
    afford_thread()?;
    // The system says no for want of memory, or of threads.
    builder.spawn(body).map_err(|_| Error::OutOfMemory)
}

#[cold]
fn relieved() -> bool {
    let there = probe(PROBE).is_ok();
    if there {
        SHORT.store(false, Ordering::Relaxed);
    }
    there
}

fn probe(bytes: usize) -> Result<(), TryReserveError> {
    let mut piece = Vec::<u8>::new();
    let outcome = piece.try_reserve_exact(bytes);
    // Nobody uses it, and what nobody uses need not be asked for, says the compiler.
    std::hint::black_box(&mut piece);
    outcome
}
