//! Implements the core's registry with callbacks of the host.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

use skillsmith_sync::registry::{Call, Health, Page, PageRequest, SyncRequest};
use skillsmith_sync::{Error, Registry, Result};

use super::call::{Exchange, skillsmith_registry_call};
use super::callbacks::{
    skillsmith_page_request, skillsmith_registry_callbacks, skillsmith_sync_request,
};
use crate::api::client::skillsmith_health;
use crate::ffi::handles::Lease;
use crate::ffi::records;
use crate::ffi::user_data::UserData;

/// The object of a [`skillsmith_registry`].
pub struct HostRegistry {
    name: String,
    pub(super) offline: AtomicBool,
    callbacks: skillsmith_registry_callbacks,
    pub(super) user_data: UserData,
}

// SAFETY: function pointers, and the pointer that `UserData` may send, too.
unsafe impl Send for HostRegistry {}
// SAFETY: as above.
unsafe impl Sync for HostRegistry {}

impl HostRegistry {
    pub(super) fn new(name: String, callbacks: skillsmith_registry_callbacks) -> Result<Self> {
        if callbacks.search.is_none() {
            return Err(Error::NullArgument("search"));
        }
        if name.trim().is_empty() {
            return Err(Error::InvalidArgument(
                "The registry's name is empty.".into(),
            ));
        }
        Ok(Self {
            name,
            offline: AtomicBool::new(false),
            callbacks,
            user_data: UserData::new(callbacks.user_data, callbacks.destroy),
        })
    }

    /// Whether the host has given the callback for it.
    pub(crate) fn has_sync_endpoint(&self) -> bool {
        self.callbacks.sync_registry.is_some()
    }

    /// Calls a callback. Returns its return value and its response.
    fn ask(
        call: &Call<'_>,
        callback: impl FnOnce(*mut skillsmith_registry_call) -> c_int,
    ) -> Result<(c_int, Option<Result<Page>>)> {
        let lease = Lease::<skillsmith_registry_call>::new(Exchange::new(call.cancel));
        let returned = callback(lease.handle());
        let answer = lease.object()?.take();
        drop(lease);
        call.check()?;
        Ok((returned, answer))
    }
}

impl Registry for HostRegistry {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn is_offline(&self) -> bool {
        self.offline.load(Ordering::SeqCst)
    }

    fn check_health(&self, call: &Call<'_>) -> Result<Health> {
        const HEALTHY: c_int = skillsmith_health::SKILLSMITH_HEALTH_HEALTHY as c_int;
        const DEGRADED: c_int = skillsmith_health::SKILLSMITH_HEALTH_DEGRADED as c_int;
        const UNHEALTHY: c_int = skillsmith_health::SKILLSMITH_HEALTH_UNHEALTHY as c_int;
        let Some(health) = self.callbacks.health else {
            return Ok(Health::Healthy);
        };
        let (returned, answer) = Self::ask(call, |handle| {
            // SAFETY: the host's function, with what its type says.
            unsafe { health(self.user_data.pointer(), handle) }
        })?;
        if let Some(Err(error)) = answer {
            return Err(error);
        }
        match returned {
            HEALTHY => Ok(Health::Healthy),
            DEGRADED => Ok(Health::Degraded),
            UNHEALTHY => Ok(Health::Unhealthy),
            other => Err(Error::Host(format!(
                "The registry's health callback failed (it returned {other})."
            ))),
        }
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let search = self.callbacks.search.ok_or(Error::NullArgument("search"))?;
        let (returned, answer) = Self::ask(call, |handle| {
            records::lend(
                |arena| skillsmith_page_request::of(request, arena),
                // SAFETY: the host's function, with what its type says.
                |request| unsafe { search(self.user_data.pointer(), request, handle) },
            )
        })?;
        page_of("search", returned, answer)
    }

    fn sync_registry(&self, request: &SyncRequest, call: &Call<'_>) -> Result<Page> {
        let Some(sync) = self.callbacks.sync_registry else {
            return Err(Error::Refused {
                status: 404,
                detail: None,
            });
        };
        let (returned, answer) = Self::ask(call, |handle| {
            records::lend(
                |arena| skillsmith_sync_request::of(request, arena),
                // SAFETY: the host's function, with what its type says.
                |request| unsafe { sync(self.user_data.pointer(), request, handle) },
            )
        })?;
        page_of("sync_registry", returned, answer)
    }
}

/// What a callback has answered, in one way or the other.
fn page_of(callback: &str, returned: c_int, answer: Option<Result<Page>>) -> Result<Page> {
    match answer {
        Some(Err(error)) => Err(error),
        _ if returned != 0 => Err(Error::Host(format!(
            "The registry's {callback} callback failed (it returned {returned})."
        ))),
        Some(page) => page,
        None => Err(Error::Host(format!(
            "The registry's {callback} callback gave neither a page nor a failure."
        ))),
    }
}

impl std::fmt::Debug for HostRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostRegistry")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
