//! Sync runs: start, cancel, and responses to their requests.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;
use skillsmith_sync::background::{self, Decision};
use skillsmith_sync::clock::Clock;
use skillsmith_sync::engine::Listing;
use skillsmith_sync::registry::Registry;
use skillsmith_sync::{CancelToken, Database, Error, SyncEngine, SyncOptions, engine};

use crate::boundary::{Result, boundary};
use crate::client::NativeClient;
use crate::clock::{clock, clock_of_run};
use crate::database::NativeDatabase;
use crate::event::TaskEvent;
use crate::host::{HostRegistry, PendingRequests, thrown_error};
use crate::progress::Throttle;
use crate::reported::Reported;
use crate::task::{EventSender, Listener, start};
use crate::values::{EngineStatus, count};
use crate::variables::{Variables, environment};

#[napi(object, object_to_js = false)]
pub struct RunOptions {
    pub force: Option<bool>,
    pub dry_run: Option<bool>,
    pub prune: Option<bool>,
    pub page_size: Option<u32>,
    pub deadline_ms: Option<u32>,
    #[napi(ts_type = "'auto' | 'search'")]
    pub listing: String,
    pub full_listing_every_ms: Option<i64>,
    pub request_budget: Option<i64>,
    pub monthly_request_budget: Option<i64>,
    /// Whether the run keeps the event loop alive.
    pub keep_alive: bool,
    /// Whether to send progress events.
    pub report_progress: bool,
    /// Whether to send events of requests.
    pub report_requests: bool,
    /// Whether the host's registry is offline. Used only without a client.
    pub host_offline: Option<bool>,
    /// Whether the host's registry has `syncRegistry`. Used only without a client.
    pub host_lists: Option<bool>,
}

impl RunOptions {
    fn for_core(&self, listing: Listing, cancel: CancelToken) -> SyncOptions<'static> {
        let mut options = SyncOptions::new()
            .force(self.force.unwrap_or_default())
            .dry_run(self.dry_run.unwrap_or_default())
            .prune(self.prune.unwrap_or_default())
            .listing(listing)
            .cancel(cancel);
        if let Some(rows) = self.page_size {
            options = options.page_size(rows);
        }
        if let Some(ms) = self.deadline_ms {
            options = options.deadline(Duration::from_millis(ms.into()));
        }
        if let Some(ms) = self.full_listing_every_ms {
            options = options.full_listing_every(Duration::from_millis(count(ms)));
        }
        if let Some(requests) = self.request_budget {
            options = options.request_budget(count(requests));
        }
        if let Some(requests) = self.monthly_request_budget {
            options = options.monthly_request_budget(count(requests));
        }
        options
    }

    /// Runs a sync, on the thread of the run.
    fn sync(
        &self,
        mut registry: Arc<dyn Registry>,
        database: &Database,
        clock: Arc<dyn Clock>,
        listing: Listing,
        cancel: CancelToken,
        events: &EventSender,
    ) -> skillsmith_sync::Result<TaskEvent> {
        let mut options = self.for_core(listing, cancel);
        if self.report_requests {
            let events = events.clone();
            registry = Arc::new(Reported { registry, events });
        }
        if self.report_progress {
            let throttle = Throttle::new(events.clone())?;
            options = options.on_progress(move |progress| throttle.report(progress));
        }
        let result = SyncEngine::with_clock(registry, database, clock).sync(options)?;
        Ok(TaskEvent::SyncResult {
            code: result.code.map(|code| code.name().to_owned()),
            result: result.into(),
        })
    }
}

/// A sync run. Garbage collection of this object, or the end of its environment, cancels the run.
#[napi]
pub struct NativeRun {
    cancel: CancelToken,
    pending: Arc<PendingRequests>,
}

#[napi]
impl NativeRun {
    /// Starts a sync. Without a client, the run sends `host-request` events for the host's registry.
    #[napi(factory)]
    pub fn start(
        database: &NativeDatabase,
        client: Option<&NativeClient>,
        options: RunOptions,
        #[napi(ts_arg_type = "(event: TaskEvent) => void")] listener: Listener<'_>,
    ) -> Result<Self> {
        boundary(|| {
            let mut listing = options.listing.parse()?;
            if client.is_none() && !options.host_lists.unwrap_or_default() {
                // No request is counted for a method that the host does not have.
                listing = Listing::Search;
            }
            let run = Self {
                cancel: CancelToken::new(),
                pending: Arc::default(),
            };
            let (database, clock) = (database.inner.clone(), clock_of_run());
            let client = client.map(|client| Arc::clone(&client.inner));
            let pending = Arc::clone(&run.pending);
            start(
                &listener,
                options.keep_alive,
                &run.cancel,
                move |events, cancel| {
                    let registry: Arc<dyn Registry> = match client {
                        Some(client) => client,
                        None => Arc::new(HostRegistry {
                            events: events.clone(),
                            pending,
                            offline: options.host_offline.unwrap_or_default(),
                        }),
                    };
                    options.sync(registry, &database, clock, listing, cancel, events)
                },
            )?;
            Ok(run)
        })
    }

    /// Asks the run to stop. `because` is the error message of the result, for a callback that failed.
    #[napi]
    pub fn cancel(&self, because: Option<String>) {
        match because {
            Some(reason) => self.cancel.cancel_because(reason),
            None => self.cancel.cancel(),
        }
    }

    /// Responds to a request with the status of the health, or the JSON text of a page.
    #[napi]
    pub fn respond(&self, id: u32, text: String) {
        self.pending.respond(id, Ok(text));
    }

    /// Responds to a request with the message and the HTTP status, if any, of what the registry threw.
    #[napi]
    pub fn respond_thrown(&self, id: u32, message: String, status: Option<u32>) {
        let status = status.and_then(|status| status.try_into().ok());
        self.pending.respond(id, Err(thrown_error(status, message)));
    }

    /// Responds to a request with the error that offline mode is on.
    #[napi]
    pub fn respond_offline(&self, id: u32) {
        self.pending.respond(id, Err(Error::Offline));
    }

    /// Responds to a request with the error that the registry returned an invalid value.
    #[napi]
    pub fn respond_invalid(&self, id: u32, message: String) {
        self.pending
            .respond(id, Err(Error::Protocol(message.into())));
    }
}

impl Drop for NativeRun {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// The default of `listing`, which `SKILLSMITH_LISTING` may set.
#[napi(ts_return_type = "'auto' | 'search'")]
pub fn default_listing(variables: Variables) -> Result<&'static str> {
    boundary(|| Ok(Listing::of_environment(&environment(variables))?.as_str()))
}

/// Current status: configuration, last successful run, running, due.
#[napi]
pub fn engine_status(database: &NativeDatabase) -> Result<EngineStatus> {
    boundary(|| Ok(engine::status(&database.inner, &clock())?.into()))
}

/// Whether a background service should start a sync now, with this client if the registry is not the host's.
#[napi(ts_return_type = "'begin' | 'not-due' | 'backing-off'")]
pub fn decide(
    database: &NativeDatabase,
    client: Option<&NativeClient>,
    variables: Variables,
) -> Result<&'static str> {
    boundary(|| {
        // The sync itself tells of a wrong word.
        let listing = Listing::of_environment(&environment(variables)).unwrap_or_default();
        let asked = client.map(|client| (&*client.inner as &dyn Registry, listing));
        Ok(
            match background::decide(&database.inner, asked, &clock())? {
                Decision::Begin => "begin",
                Decision::BackingOff => "backing-off",
                _ => "not-due",
            },
        )
    })
}
