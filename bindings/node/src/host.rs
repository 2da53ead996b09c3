//! A registry that the host supplies: an object with `isOffline`, `checkHealth`, `search` and perhaps `syncRegistry`.
//!
//! The run sends a request from its fetch thread, JavaScript responds on its own thread, and [`PendingRequests`] connects
//! the two.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use skillsmith_sync::registry::{Call, Health, Page, PageRequest, Registry, SyncRequest};
use skillsmith_sync::unpoisoned::{lock, wait_timeout};
use skillsmith_sync::{Error, Result};

use crate::event::{HostRequest, TaskEvent};
use crate::task::EventSender;

/// How often a waiting request checks for cancellation and its deadline.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// The requests that wait for a response of the host's registry.
#[derive(Default)]
pub struct PendingRequests {
    state: Mutex<State>,
    responded: Condvar,
}

#[derive(Default)]
struct State {
    last_id: u32,
    /// `None` until the response comes.
    responses: HashMap<u32, Option<Result<String>>>,
}

impl PendingRequests {
    /// Stores the response to a request: the JSON text of the value, or an error. Ignores a request that is no longer
    /// pending.
    pub fn respond(&self, id: u32, response: Result<String>) {
        if let Some(slot) = self.state().responses.get_mut(&id) {
            *slot = Some(response);
        }
        self.responded.notify_all();
    }

    /// Sends a request and waits for its response.
    fn send(
        &self,
        events: &EventSender,
        call: &Call<'_>,
        request: impl FnOnce(u32) -> HostRequest,
    ) -> Result<String> {
        call.check()?;
        let id = self.insert();
        let response = events
            .send(TaskEvent::HostRequest {
                request: request(id),
            })
            .and_then(|()| self.wait(id, call));
        self.state().responses.remove(&id);
        response
    }

    fn insert(&self) -> u32 {
        let mut state = self.state();
        state.last_id = state.last_id.wrapping_add(1);
        let id = state.last_id;
        state.responses.insert(id, None);
        id
    }

    fn wait(&self, id: u32, call: &Call<'_>) -> Result<String> {
        let mut state = self.state();
        loop {
            if let Some(response) = state.responses.get_mut(&id).and_then(Option::take) {
                return response;
            }
            call.check()?;
            if call.left().is_zero() {
                return Err(Error::Timeout("its promise is still pending".into()));
            }
            state = wait_timeout(&self.responded, state, POLL_INTERVAL);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The host's registry, as the engine uses it.
pub struct HostRegistry {
    pub events: EventSender,
    pub pending: Arc<PendingRequests>,
    /// Read on the JavaScript thread before the run.
    pub offline: bool,
}

impl Registry for HostRegistry {
    fn name(&self) -> String {
        // Such an object has no address, so all of them count as the same registry.
        "host".into()
    }

    fn is_offline(&self) -> bool {
        self.offline
    }

    fn check_health(&self, call: &Call<'_>) -> Result<Health> {
        let status = self
            .pending
            .send(&self.events, call, |id| HostRequest::Health { id })?;
        Ok(match status.as_str() {
            "healthy" => Health::Healthy,
            "unhealthy" => Health::Unhealthy,
            _ => Health::Degraded,
        })
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let text = self
            .pending
            .send(&self.events, call, |id| HostRequest::Search {
                id,
                query: request.query.clone(),
                trust_tier: request.trust_tier.clone(),
                limit: request.limit,
                offset: i64::try_from(request.offset).unwrap_or(i64::MAX),
                min_quality_score: request.min_score,
            })?;
        Page::parse(text.as_bytes())
    }

    fn sync_registry(&self, request: &SyncRequest, call: &Call<'_>) -> Result<Page> {
        let text = self
            .pending
            .send(&self.events, call, |id| HostRequest::Sync {
                id,
                limit: request.limit,
                offset: i64::try_from(request.offset).unwrap_or(i64::MAX),
                since: request.since.clone(),
            })?;
        Page::parse(text.as_bytes())
    }
}

/// Converts what the host's registry threw. An HTTP status means the same as it does over HTTP; a 400, for example, makes
/// the engine change its listing plan.
pub fn thrown_error(status: Option<u16>, message: String) -> Error {
    match status {
        Some(status @ 400..=599) => Error::of_status(status, Some(message), None),
        _ => Error::Host(message),
    }
}
