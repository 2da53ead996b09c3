//! A run, from the JavaScript thread's side.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;
use skillsmith_sync::background::{self, Decision};
use skillsmith_sync::clock::{Clock, SystemClock};
use skillsmith_sync::registry::Registry;
use skillsmith_sync::{CancelToken, Error, SyncEngine, SyncOptions, engine};

use crate::border::{Result, border};
use crate::client::NativeClient;
use crate::database::NativeDatabase;
use crate::host::{Desk, HostRegistry, thrown};
use crate::progress::Throttle;
use crate::task::{Listener, TaskEvent, start};
use crate::values::EngineStatus;

#[napi(object, object_to_js = false)]
pub struct RunOptions {
    pub force: Option<bool>,
    pub dry_run: Option<bool>,
    pub page_size: Option<u32>,
    pub deadline_ms: Option<u32>,
    /// Whether the event loop stays alive until the end.
    pub keep_alive: bool,
    /// Whether somebody listens to progress.
    pub tell_progress: bool,
    /// Whether the host's own registry is offline; there where no client is.
    pub host_offline: Option<bool>,
}

/// A run under way. Once it is garbage, or its environment has gone, the run is cancelled.
#[napi]
pub struct NativeRun {
    cancel: CancelToken,
    desk: Arc<Desk>,
}

#[napi]
impl NativeRun {
    /// Starts a sync. Without a client, the host's registry is asked through the listener.
    #[napi(factory)]
    pub fn start(
        database: &NativeDatabase,
        client: Option<&NativeClient>,
        options: RunOptions,
        #[napi(ts_arg_type = "(event: TaskEvent) => void")] listener: Listener<'_>,
    ) -> Result<Self> {
        border(|| {
            let run = Self {
                cancel: CancelToken::new(),
                desk: Arc::default(),
            };
            let database = database.inner.clone();
            let client = client.map(|client| Arc::clone(&client.inner));
            let desk = Arc::clone(&run.desk);
            start(
                &listener,
                options.keep_alive,
                &run.cancel,
                move |caller, cancel| {
                    let registry: Arc<dyn Registry> = match client {
                        Some(client) => client,
                        None => Arc::new(HostRegistry {
                            caller: caller.clone(),
                            desk,
                            offline: options.host_offline.unwrap_or_default(),
                        }),
                    };
                    let throttle = if options.tell_progress {
                        Some(Throttle::new(caller.clone())?)
                    } else {
                        None
                    };
                    let mut how = SyncOptions::new()
                        .force(options.force.unwrap_or_default())
                        .dry_run(options.dry_run.unwrap_or_default())
                        .cancel(cancel);
                    if let Some(rows) = options.page_size {
                        how = how.page_size(rows);
                    }
                    if let Some(ms) = options.deadline_ms {
                        how = how.deadline(Duration::from_millis(ms.into()));
                    }
                    if let Some(throttle) = throttle {
                        how = how.on_progress(move |progress| throttle.take(progress));
                    }
                    let result = SyncEngine::new(registry, &database).sync(how)?;
                    Ok(TaskEvent {
                        code: result.code.map(|code| code.name().to_owned()),
                        result: Some(result.into()),
                        ..TaskEvent::default()
                    })
                },
            )?;
            Ok(run)
        })
    }

    /// Asks the run to stop; where something of the host's has failed, in its words.
    #[napi]
    pub fn cancel(&self, because: Option<String>) {
        match because {
            Some(reason) => self.cancel.cancel_because(reason),
            None => self.cancel.cancel(),
        }
    }

    /// Answers a question to the host's registry: the word of its health, or the JSON text of a page.
    #[napi]
    pub fn answer(&self, id: u32, text: String) {
        self.desk.answer(id, Ok(text));
    }

    /// Answers a question with what the registry threw, and its HTTP status where it has one.
    #[napi]
    pub fn answer_thrown(&self, id: u32, message: String, status: Option<u32>) {
        let status = status.and_then(|status| status.try_into().ok());
        self.desk.answer(id, Err(thrown(status, message)));
    }

    /// Answers a question with the word that nothing may be sent.
    #[napi]
    pub fn answer_offline(&self, id: u32) {
        self.desk.answer(id, Err(Error::Offline));
    }

    /// Answers a question with something that is no answer at all.
    #[napi]
    pub fn answer_nonsense(&self, id: u32, what: String) {
        self.desk.answer(id, Err(Error::Protocol(what.into())));
    }
}

impl Drop for NativeRun {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// How things stand, which the database alone can tell.
#[napi]
pub fn engine_status(database: &NativeDatabase) -> Result<EngineStatus> {
    border(|| Ok(engine::status(&database.inner, &clock())?.into()))
}

/// Whether a background service is to begin a sync now.
#[napi(ts_return_type = "'begin' | 'not-due' | 'backing-off'")]
pub fn decide(database: &NativeDatabase) -> Result<&'static str> {
    border(|| {
        Ok(match background::decide(&database.inner, &clock())? {
            Decision::Begin => "begin",
            Decision::BackingOff => "backing-off",
            _ => "not-due",
        })
    })
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
