//! Handles: numbers that look like pointers.
//!
//! A handle is never dereferenced and its number is never reused, so a freed, foreign or
//! mistyped one is an error. A call keeps the object of its handle alive, so another thread
//! may free the handle meanwhile.

use std::sync::Arc;

use skillsmith_sync::{Error, Result};

use crate::ffi::process::{next_number, objects};

/// A type of handles.
pub(crate) trait Handle: 'static {
    /// The object.
    type Object: Send + Sync + 'static;
    /// The name of the type and of its parameter.
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
/// It is looked up and never followed, so it may be any pointer.
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
    /// The object.
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

/// A handle that a caller frees; any pointer, as above.
#[derive(Debug)]
#[repr(transparent)]
pub struct OwnedHandle<H>(*mut H);

impl<H> From<*mut H> for OwnedHandle<H> {
    fn from(handle: *mut H) -> Self {
        Self(handle)
    }
}

impl<H: Handle> OwnedHandle<H> {
    /// Removes the handle; `None` for NULL. The object lives until the last call that uses
    /// it ends.
    pub(crate) fn remove(&self) -> Result<Option<Arc<H::Object>>> {
        if self.0.is_null() {
            return Ok(None);
        }
        let object = find::<H>(self.number())?;
        let removed = objects().handles_mut().remove(&self.number());
        match removed {
            // Dropped outside the lock: a destructor may call back.
            Some(_) => Ok(Some(object)),
            // Two threads freed it at once; the other was first.
            None => Err(Error::InvalidHandle(H::NAME)),
        }
    }

    pub(crate) fn number(&self) -> usize {
        self.0.addr()
    }
}

/// A handle that a callback of the host may use until it returns; removed in any case.
pub(crate) struct Lease<H: Handle>(*mut H);

impl<H: Handle> Lease<H> {
    pub(crate) fn new(object: impl Into<Arc<H::Object>>) -> Self {
        Self(insert(object))
    }

    /// For the callback.
    pub(crate) const fn handle(&self) -> *mut H {
        self.0
    }

    pub(crate) fn object(&self) -> Result<Arc<H::Object>> {
        HandlePtr::from(self.0).get()
    }
}

impl<H: Handle> Drop for Lease<H> {
    fn drop(&mut self) {
        _ = OwnedHandle::from(self.0).remove();
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
