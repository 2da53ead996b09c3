//! Raising a cancellation from a signal handler.
//!
//! A handler may not wait for a lock or allocate, so it cannot use the table of handles.
//! Tokens are also listed here, in slots that are never freed and are accessed only by
//! atomic operations.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use skillsmith_sync::CancelToken;

/// The slot is free.
const FREE: usize = 0;
/// The slot is being filled or emptied. No handle has this number: they are odd.
const BUSY: usize = 2;

struct Slot {
    /// The number of the handle.
    owner: AtomicUsize,
    /// Handlers that are about to use the token.
    readers: AtomicUsize,
    token: AtomicPtr<CancelToken>,
}

impl Slot {
    const fn new() -> Self {
        Self {
            owner: AtomicUsize::new(FREE),
            readers: AtomicUsize::new(0),
            token: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

/// A program has a few tokens at a time; chunks are added as needed.
struct Chunk {
    slots: [Slot; 16],
    next: OnceLock<Box<Chunk>>,
}

impl Chunk {
    const fn new() -> Self {
        Self {
            slots: [const { Slot::new() }; 16],
            next: OnceLock::new(),
        }
    }
}

static SLOTS: Chunk = Chunk::new();

/// Lists a token under the number of its handle.
pub(crate) fn list(number: usize, token: &CancelToken) {
    let mut chunk = &SLOTS;
    loop {
        for slot in &chunk.slots {
            let claimed =
                slot.owner
                    .compare_exchange(FREE, BUSY, Ordering::SeqCst, Ordering::SeqCst);
            if claimed.is_ok() {
                let token = Box::into_raw(Box::new(token.clone()));
                slot.token.store(token, Ordering::SeqCst);
                slot.owner.store(number, Ordering::SeqCst);
                return;
            }
        }
        chunk = chunk.next.get_or_init(|| Box::new(Chunk::new()));
    }
}

/// Removes a token from the list; waits briefly for a handler on another thread.
pub(crate) fn unlist(number: usize) {
    let Some(slot) = find(number) else { return };
    let claimed = slot
        .owner
        .compare_exchange(number, BUSY, Ordering::SeqCst, Ordering::SeqCst);
    if claimed.is_err() {
        return;
    }
    // Later handlers see that the owner has changed, and do not use the token.
    while slot.readers.load(Ordering::SeqCst) != 0 {
        std::thread::yield_now();
    }
    let token = slot.token.swap(ptr::null_mut(), Ordering::SeqCst);
    slot.owner.store(FREE, Ordering::SeqCst);
    // SAFETY: made in `list`, no longer in the slot, and nobody is reading it.
    drop(unsafe { Box::from_raw(token) });
}

/// Raises a token. Returns whether it is listed. Safe in a signal handler.
pub(crate) fn raise(number: usize) -> bool {
    let Some(slot) = find(number) else {
        return false;
    };
    slot.readers.fetch_add(1, Ordering::SeqCst);
    let listed = slot.owner.load(Ordering::SeqCst) == number;
    if listed {
        // SAFETY: whoever takes it from the slot changes the owner first, and then
        // waits until nobody reads; the owner had not changed once we were counted.
        unsafe { &*slot.token.load(Ordering::SeqCst) }.raise();
    }
    slot.readers.fetch_sub(1, Ordering::SeqCst);
    listed
}

fn find(number: usize) -> Option<&'static Slot> {
    // NULL, or another invalid handle: it may equal the mark of a slot.
    if matches!(number, FREE | BUSY) {
        return None;
    }
    let mut chunk = Some(&SLOTS);
    while let Some(these) = chunk {
        let found = these
            .slots
            .iter()
            .find(|slot| slot.owner.load(Ordering::SeqCst) == number);
        if found.is_some() {
            return found;
        }
        chunk = these.next.get().map(|next| &**next);
    }
    None
}
