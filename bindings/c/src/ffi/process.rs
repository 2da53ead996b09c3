//! The objects that callers own in this process.
//!
//! A forked child gets an empty table, because another thread may have held the parent's
//! lock during the fork.
//!
//! A process may have several copies of this library, each with a table of its own: two
//! plugins with the static library, say. So the numbers of a copy begin at the address of one
//! of its variables, which no other copy has.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use skillsmith_sync::unpoisoned;

/// How far the handle numbers of this copy have come, from [`first_number`] on.
static USED: AtomicUsize = AtomicUsize::new(0);

/// The first handle number of this copy: no allocator returns odd addresses, or any so high.
///
/// Two copies lie megabytes apart, and each byte stands for 256 numbers where they have 64
/// bits: half a billion handles for each copy before it reaches the numbers of the next one.
fn first_number() -> usize {
    let copy = (&raw const USED).addr();
    if usize::BITS == 64 {
        0x5B_usize.rotate_right(8) | (copy << 16 >> 8) | 1
    } else {
        copy | 1
    }
}

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
            first: first_number().wrapping_add(USED.load(Ordering::SeqCst)),
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
    first_number().wrapping_add(USED.fetch_add(2, Ordering::SeqCst))
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
        (first_number()..self.first).contains(&number)
    }
}
