//! The objects that callers own in this process.
//!
//! A forked child gets an empty table, because another thread may have held the parent's
//! lock during the fork.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use skillsmith_sync::unpoisoned;

/// The first handle number: no allocator returns odd addresses, or any so high.
const FIRST: usize = if usize::BITS == 64 {
    0x5B_usize.rotate_right(8) | 1
} else {
    1
};

static NEXT: AtomicUsize = AtomicUsize::new(FIRST);

/// The object of a handle.
type Object = Arc<dyn Any + Send + Sync>;

/// Memory that a caller owns.
pub(crate) struct Owned {
    pub(crate) kind: TypeId,
    pub(crate) count: usize,
    pub(crate) release: unsafe fn(*mut u8, usize),
}

/// Objects that callers own.
pub(crate) struct Objects {
    pid: u32,
    /// Numbers below it belong to the process that this one was forked from.
    first: usize,
    handles: RwLock<BTreeMap<usize, Object>>,
    /// By inverted address: leak checkers then see that the table does not own the objects.
    owned: Mutex<BTreeMap<usize, Owned>>,
}

/// The objects that callers own in this process.
pub(crate) fn objects() -> &'static Objects {
    static OBJECTS: AtomicPtr<Objects> = AtomicPtr::new(std::ptr::null_mut());
    let pid = std::process::id();
    loop {
        let current = OBJECTS.load(Ordering::Acquire);
        // SAFETY: NULL, or made below and never freed.
        if let Some(objects) = unsafe { current.as_ref() }
            && objects.pid == pid
        {
            return objects;
        }
        let fresh = Box::into_raw(Box::new(Objects {
            pid,
            first: NEXT.load(Ordering::SeqCst),
            handles: RwLock::default(),
            owned: Mutex::default(),
        }));
        if OBJECTS
            .compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: made above, and no other thread has seen it.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

/// A new, unique handle number.
///
/// Call it after [`objects`]: numbers from before the table was created count as those of
/// an older process.
pub(crate) fn next_number() -> usize {
    NEXT.fetch_add(2, Ordering::SeqCst)
}

impl Objects {
    pub(crate) fn count(&self) -> usize {
        self.handles().len() + self.owned().len()
    }

    pub(crate) fn handles(&self) -> RwLockReadGuard<'_, BTreeMap<usize, Object>> {
        unpoisoned::read(&self.handles)
    }

    pub(crate) fn handles_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<usize, Object>> {
        unpoisoned::write(&self.handles)
    }

    pub(crate) fn owned(&self) -> MutexGuard<'_, BTreeMap<usize, Owned>> {
        unpoisoned::lock(&self.owned)
    }

    /// Whether the handle belongs to the process that this one was forked from.
    pub(crate) fn is_of_parent(&self, number: usize) -> bool {
        (FIRST..self.first).contains(&number)
    }
}
