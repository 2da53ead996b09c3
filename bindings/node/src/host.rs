//! A registry that the host supplies: an object with `isOffline`, `checkHealth` and `search`.
//!
//! The run asks on its fetch thread, JavaScript answers on its own, and between
//! them lies a desk with numbered questions.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use napi_derive::napi;
use skillsmith_sync::registry::{Call, Health, Page, PageRequest, Registry};
use skillsmith_sync::{Error, Result};

use crate::task::{Caller, TaskEvent};
use skillsmith_sync::unpoisoned::{lock, wait_timeout};

/// How soon a cancelled run stops waiting for an answer.
const POLL: Duration = Duration::from_millis(25);

/// A question to the host's registry: a search where `limit` is there, else its health.
#[napi(object, object_from_js = false)]
pub struct HostRequest {
    pub id: u32,
    pub query: Option<String>,
    pub trust_tier: Option<String>,
    pub limit: Option<u32>,
    pub offset: Option<i64>,
    pub min_quality_score: Option<f64>,
}

/// Questions that are open, and answers that nobody has fetched yet.
#[derive(Default)]
pub struct Desk {
    drawer: Mutex<Drawer>,
    answered: Condvar,
}

#[derive(Default)]
struct Drawer {
    last_id: u32,
    answers: HashMap<u32, Option<Result<String>>>,
}

impl Desk {
    /// Lays an answer down: the JSON text of the value, or why there is none.
    pub fn answer(&self, id: u32, answer: Result<String>) {
        // A question that was given up is not there any more.
        if let Some(place) = self.drawer().answers.get_mut(&id) {
            *place = Some(answer);
        }
        self.answered.notify_all();
    }

    fn ask(
        &self,
        caller: &Caller,
        call: &Call<'_>,
        request: impl FnOnce(u32) -> HostRequest,
    ) -> Result<String> {
        call.check()?;
        let id = {
            let mut drawer = self.drawer();
            drawer.last_id = drawer.last_id.wrapping_add(1);
            let id = drawer.last_id;
            drawer.answers.insert(id, None);
            id
        };
        let answer = caller
            .tell(TaskEvent {
                request: Some(request(id)),
                ..TaskEvent::default()
            })
            .and_then(|()| self.wait(id, call));
        self.drawer().answers.remove(&id);
        answer
    }

    fn wait(&self, id: u32, call: &Call<'_>) -> Result<String> {
        let mut drawer = self.drawer();
        loop {
            if let Some(answer) = drawer.answers.get_mut(&id).and_then(Option::take) {
                return answer;
            }
            call.check()?;
            if call.left().is_zero() {
                return Err(Error::Timeout("its promise is still pending".into()));
            }
            drawer = wait_timeout(&self.answered, drawer, POLL);
        }
    }

    fn drawer(&self) -> MutexGuard<'_, Drawer> {
        lock(&self.drawer)
    }
}

/// The object, as the engine sees it.
pub struct HostRegistry {
    pub caller: Caller,
    pub desk: Arc<Desk>,
    /// Asked on the JavaScript thread before the run.
    pub offline: bool,
}

impl Registry for HostRegistry {
    fn name(&self) -> String {
        // Such an object has no address; each counts as the same registry.
        "host".into()
    }

    fn is_offline(&self) -> bool {
        self.offline
    }

    fn check_health(&self, call: &Call<'_>) -> Result<Health> {
        let status = self.desk.ask(&self.caller, call, |id| HostRequest {
            id,
            query: None,
            trust_tier: None,
            limit: None,
            offset: None,
            min_quality_score: None,
        })?;
        Ok(match status.as_str() {
            "healthy" => Health::Healthy,
            "unhealthy" => Health::Unhealthy,
            _ => Health::Degraded,
        })
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let text = self.desk.ask(&self.caller, call, |id| HostRequest {
            id,
            query: request.query.clone(),
            trust_tier: request.trust_tier.clone(),
            limit: Some(request.limit),
            offset: Some(i64::try_from(request.offset).unwrap_or(i64::MAX)),
            min_quality_score: request.min_score,
        })?;
        Page::parse(text.as_bytes())
    }
}

/// The error behind what a host's registry threw.
///
/// With an HTTP status it means what it means over HTTP: above all, a 400 has
/// the engine ask in another way.
pub fn thrown(status: Option<u16>, message: String) -> Error {
    match status {
        Some(401) => Error::Unauthorized(message),
        Some(403) => Error::Forbidden(message),
        Some(429) => Error::RateLimited { retry_at: None },
        Some(status @ 400..=499) => Error::Refused {
            status,
            detail: Some(message),
        },
        _ => Error::Host(message),
    }
}
