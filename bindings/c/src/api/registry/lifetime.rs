//! Creating and freeing a registry.

use std::ffi::c_int;
use std::sync::atomic::Ordering;

use super::callbacks::skillsmith_registry_callbacks;
use super::host::HostRegistry;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{OptionsPtr, TextPtr};
use crate::ffi::out::OutPtr;
use crate::ffi::status::skillsmith_status;

/// A registry that the host implements with callbacks.
///
/// Any thread may use it, and several engines may share it.
#[derive(Debug)]
pub struct skillsmith_registry {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_registry {
    type Object = HostRegistry;
    const NAME: &'static str = "registry";
}

/// Creates a registry of callbacks.
///
/// `name` identifies the registry, like a base URL: the database keeps the cursor of an
/// unfinished listing, and the way of listing that worked, under it. It is UTF-8, not
/// empty, and copied. The callbacks are copied too. On success the library owns the user
/// data until it calls `destroy`.
///
/// Gives an owned handle: `skillsmith_registry_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, also for a missing `search`; `INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_new(
    name: TextPtr,
    callbacks: OptionsPtr<skillsmith_registry_callbacks>,
    out_registry: OutPtr<*mut skillsmith_registry>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_registry.fill("out_registry", || {
            let registry = HostRegistry::new(name.text("name")?, callbacks.required()?)?;
            registry.user_data.take_over();
            Ok(handles::insert(registry))
        })
    })
}

/// Frees a registry. Engines made from it keep it.
///
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block,
/// except for `destroy`; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_free(
    registry: OwnedHandle<skillsmith_registry>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || registry.remove().map(drop))
}

/// Turns offline mode on or off. When it is on, every sync fails with `OFFLINE`, and no
/// callback is called. A new registry is not offline.
///
/// Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_registry_set_offline(
    registry: HandlePtr<skillsmith_registry>,
    offline: c_int,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || {
        let registry = registry.get()?;
        registry.offline.store(offline != 0, Ordering::SeqCst);
        Ok(())
    })
}
