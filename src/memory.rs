//! Running out of memory.
//!
//! Memory whose size depends on a response is reserved first, with `try_reserve` or
//! [`ensure_available`]. SQLite reports a shortage itself, and a thread that cannot be started is
//! an error. For anything else Rust ends the process.
//!
//! A binding may promise its hosts more. Its allocator has a reserve for when the system has no
//! memory, and reports that through [`watch`]. The library then checks at every step whether
//! memory is left, and fails with [`Error::OutOfMemory`] while the reserve suffices to do so.

use std::any::Any;
use std::collections::TryReserveError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::{Error, Result, thread};

/// Allocations up to this size are not checked first.
const SMALL: usize = 64 * 1024;

/// The stack of a thread of ours, in bytes.
pub const OF_A_THREAD: usize = 2 * 1024 * 1024;

/// More than the stack of a thread.
const STACK: usize = 4 * 1024 * 1024;

/// What a binding knows about the memory of its process.
#[derive(Debug, Clone, Copy)]
pub struct MemoryWatch {
    /// Whether memory has run out.
    pub is_short: fn() -> bool,
    /// Whether an allocation has failed since memory was last known to be available: the cause
    /// of a panic then.
    pub has_failed: fn() -> bool,
    /// Whether there is memory for a new thread.
    pub has_room_for_thread: fn() -> bool,
}

static WATCH: OnceLock<MemoryWatch> = OnceLock::new();

/// Makes the library use this watch. Only the first call counts.
pub fn watch(watch: MemoryWatch) {
    _ = WATCH.set(watch);
}

/// Fails while memory has run out.
pub(crate) fn check() -> Result<()> {
    if WATCH.get().is_some_and(|watch| (watch.is_short)()) {
        return Err(Error::OutOfMemory);
    }
    Ok(())
}

/// Fails if that much memory is not available now. For code that cannot report a failed
/// allocation, such as copies of long texts in other crates.
pub fn ensure_available(bytes: usize) -> Result<()> {
    check()?;
    if bytes > SMALL {
        probe(bytes)?;
    }
    Ok(())
}

/// Whether a binding watches the memory of its process.
pub(crate) fn is_watched() -> bool {
    WATCH.get().is_some()
}

/// Reserves room for one more value in a list.
pub(crate) fn reserve_one<T>(list: &mut Vec<T>) -> Result<()> {
    Ok(list.try_reserve(1)?)
}

/// The error for a panic: out of memory if that is known, else a bug with this message.
pub(crate) fn error_of_panic(bug: &str) -> Error {
    if WATCH.get().is_some_and(|watch| (watch.has_failed)()) {
        Error::OutOfMemory
    } else {
        Error::Internal(bug.into())
    }
}

/// Converts a panic to an error, so that cleanup still runs.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|payload| Err(error_of_panic(&text_of_panic(&*payload))))
}

/// What is said of a panic.
pub fn text_of_panic(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    match text {
        Some(text) => format!("panic: {text}"),
        None => "panic".into(),
    }
}

/// Fails if there is no memory for a new thread. Call it before starting a thread and waiting
/// for its messages.
fn ensure_thread_available() -> Result<()> {
    check()?;
    let Some(watch) = WATCH.get() else {
        return Ok(());
    };
    let has_room = (watch.has_room_for_thread)() && {
        // This thread's own handle, which exists from here on. A thread that has destroyed its locals has none: the
        // destructor of a key of the host's may run so late, and std panics at the question.
        _ = catch_unwind(std::thread::current);
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
    // By itself it would be what RUST_MIN_STACK says, which may be too little or too much.
    let builder = std::thread::Builder::new()
        .name(name.into())
        .stack_size(OF_A_THREAD);
    ensure_thread_available()?;
    // The system has one error for a lack of memory and of threads.
    let body = move || {
        thread::never_cancel_this_one();
        body();
    };
    builder.spawn(body).map_err(|_| match probe(STACK) {
        Ok(()) => Error::OutOfThreads,
        Err(_) => Error::OutOfMemory,
    })
}

fn probe(bytes: usize) -> Result<(), TryReserveError> {
    let mut piece = Vec::<u8>::new();
    let outcome = piece.try_reserve_exact(bytes);
    // The compiler may remove an unused allocation.
    std::hint::black_box(&mut piece);
    outcome
}
