//! Handles: numbers that look like pointers.
//!
//! A handle is never dereferenced and its number never given out twice, so that a freed, foreign
//! or mistyped one is an error. A call holds what its handle stands for: freeing it on another
//! thread meanwhile is fine.

use std::sync::Arc;

use skillsmith_sync::{Error, Result};

use crate::ffi::process::{next_number, objects};

/// A type of handles.
pub(crate) trait Handle: 'static {
    /// What it stands for.
    type Object: Send + Sync + 'static;
    /// What the caller calls it, and its parameter.
    const NAME: &'static str;
}

/// A new handle.
pub(crate) fn insert<H: Handle>(object: impl Into<Arc<H::Object>>) -> *mut H {
    let object: Arc<H::Object> = object.into();
    let objects = objects();
    let number = next_number();
    objects.handles_mut().insert(number, object);
    std::ptr::without_provenance_mut(number)
}

/// A handle that a caller passes and keeps.
///
/// It is looked up and never followed, so that it may be any pointer at all.
#[derive(Debug)]
#[repr(transparent)]
pub struct HandlePtr<H>(*const H);

impl<H> Clone for HandlePtr<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for HandlePtr<H> {}

impl<H: Handle> HandlePtr<H> {
    /// What it stands for.
    pub(crate) fn get(self) -> Result<Arc<H::Object>> {
        if self.0.is_null() {
            return Err(Error::NullArgument(H::NAME));
        }
        find::<H>(self.number())
    }

    /// The same, for a handle that may be NULL.
    pub(crate) fn get_optional(self) -> Result<Option<Arc<H::Object>>> {
        if self.0.is_null() {
            return Ok(None);
        }
        self.get().map(Some)
    }

    /// 0 for NULL.
    pub(crate) fn number(self) -> usize {
        self.0.addr()
    }
}

impl<H> From<*mut H> for HandlePtr<H> {
    fn from(handle: *mut H) -> Self {
        Self(handle)
    }
}

/// A handle that a caller passes to be freed; any pointer at all, as above.
#[derive(Debug)]
#[repr(transparent)]
pub struct OwnedHandle<H>(*mut H);

impl<H> From<*mut H> for OwnedHandle<H> {
    fn from(handle: *mut H) -> Self {
        Self(handle)
    }
}

impl<H: Handle> OwnedHandle<H> {
    /// Ends it; `None` for NULL. What it stood for goes with the last call that uses it.
    pub(crate) fn remove(&self) -> Result<Option<Arc<H::Object>>> {
        if self.0.is_null() {
            return Ok(None);
        }
        let object = find::<H>(self.number())?;
        let removed = objects().handles_mut().remove(&self.number());
        match removed {
            // Its count goes down outside the lock: what ends may call back.
            Some(_) => Ok(Some(object)),
            // Two threads freed it at once; the other one was first.
            None => Err(Error::InvalidHandle(H::NAME)),
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.0.addr()
    }
}

fn find<H: Handle>(number: usize) -> Result<Arc<H::Object>> {
    let objects = objects();
    let handles = objects.handles();
    let found = handles.get(&number).map(Arc::clone);
    drop(handles);
    match found.map(Arc::downcast) {
        Some(Ok(object)) => Ok(object),
        None if objects.is_of_parent(number) => Err(Error::OpenedBeforeFork),
        _ => Err(Error::InvalidHandle(H::NAME)),
    }
}
