//! Which handles exist.
//!
//! A handle is a number that looks like a pointer. It is never dereferenced and never
//! given out twice, so that a freed, foreign or mistyped one is an error. A call holds
//! what its handle stands for: freeing it on another thread meanwhile is fine.
//!
//! Each process has its own table. A forked child gets an empty one, since another
//! thread may have held the parent's lock at the moment of the fork.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::memory::Memory;
use crate::{Error, Result};

/// A type of handles.
pub(super) trait Handle: 'static {
    /// What it stands for.
    type Object: Send + Sync + 'static;
    /// What the caller calls it, and its parameter.
    const NAME: &'static str;
}

/// Where numbers begin: no allocator gives out odd addresses, nor any so high.
const FIRST: usize = if usize::BITS == 64 {
    0x5B_usize.rotate_right(8) | 1
} else {
    1
};

static NEXT: AtomicUsize = AtomicUsize::new(FIRST);

pub(super) struct Live {
    pid: u32,
    /// Numbers below it were given out by the process that this one was forked from.
    first: usize,
    handles: RwLock<BTreeMap<usize, Arc<dyn Any + Send + Sync>>>,
    pub(super) memory: Memory,
}

/// What lives in this process.
pub(super) fn live() -> &'static Live {
    static LIVE: AtomicPtr<Live> = AtomicPtr::new(std::ptr::null_mut());
    let pid = std::process::id();
    loop {
        let current = LIVE.load(Ordering::Acquire);
        // SAFETY: NULL, or made below and never freed.
        if let Some(live) = unsafe { current.as_ref() }
            && live.pid == pid
        {
            return live;
        }
        let fresh = Box::into_raw(Box::new(Live {
            pid,
            first: NEXT.load(Ordering::SeqCst),
            handles: RwLock::default(),
            memory: Memory::default(),
        }));
        if LIVE
            .compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: made above, and seen by nobody.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

impl Live {
    pub(super) fn count(&self) -> usize {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        handles.len() + self.memory.count()
    }

    fn find<H: Handle>(&self, number: usize) -> Result<Arc<H::Object>> {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        let found = handles.get(&number).map(Arc::clone);
        drop(handles);
        match found.map(Arc::downcast) {
            Some(Ok(object)) => Ok(object),
            None if (FIRST..self.first).contains(&number) => Err(Error::OpenedBeforeFork),
            _ => Err(Error::InvalidHandle(H::NAME)),
        }
    }
}

/// A new handle.
pub(super) fn issue<H: Handle>(object: impl Into<Arc<H::Object>>) -> *mut H {
    let object: Arc<H::Object> = object.into();
    // First the table: it takes numbers that were given out before it for an older process's.
    let live = live();
    let number = NEXT.fetch_add(2, Ordering::SeqCst);
    live.handles
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(number, object);
    std::ptr::without_provenance_mut(number)
}

/// What a handle stands for.
pub(super) fn get<H: Handle>(handle: *const H) -> Result<Arc<H::Object>> {
    if handle.is_null() {
        return Err(Error::NullArgument(H::NAME));
    }
    live().find::<H>(handle.addr())
}

/// The same, for a handle that may be NULL.
pub(super) fn get_optional<H: Handle>(handle: *const H) -> Result<Option<Arc<H::Object>>> {
    if handle.is_null() {
        return Ok(None);
    }
    get(handle).map(Some)
}

/// Ends a handle; `None` for NULL. What it stood for goes with the last call that uses it.
pub(super) fn retire<H: Handle>(handle: *const H) -> Result<Option<Arc<H::Object>>> {
    if handle.is_null() {
        return Ok(None);
    }
    let live = live();
    let object = live.find::<H>(handle.addr())?;
    let removed = live
        .handles
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&handle.addr());
    match removed {
        // Its count goes down outside the lock: what ends may call back.
        Some(_) => Ok(Some(object)),
        // Two threads freed it at once; the other one was first.
        None => Err(Error::InvalidHandle(H::NAME)),
    }
}
