//! Connections that a cancellation can cut.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ureq::Agent;

use super::Call;
use super::transport::Transport;
use crate::Result;
use crate::cancel::HookGuard;
use crate::unpoisoned::lock;

/// The pools of connections that no request is using; one, unless several requests have run at once.
#[derive(Default)]
pub(super) struct Pools {
    idle: Mutex<Vec<Pool>>,
}

#[derive(Clone)]
struct Pool {
    agent: Agent,
    /// It was shut down and cannot be used again.
    cut: Arc<AtomicBool>,
}

impl Pool {
    fn new(transport: &Transport) -> Result<Self> {
        let cut = Arc::new(AtomicBool::new(false));
        Ok(Self {
            agent: transport.agent(&cut)?,
            cut,
        })
    }

    fn shut_down(&self) {
        self.cut.store(true, Ordering::Relaxed);
        self.agent.clone().shutdown();
    }
}

impl Pools {
    /// Takes a pool for one request, or makes one. Cancelling the call shuts its connections down.
    ///
    /// # Errors As [`Transport::agent`].
    pub(super) fn take(&self, transport: &Transport, call: &Call<'_>) -> Result<Connections<'_>> {
        let idle = lock(&self.idle).pop();
        let pool = idle.map_or_else(|| Pool::new(transport), Ok)?;
        let in_flight = pool.clone();
        let interrupt = call.cancel.on_cancel(move || in_flight.shut_down());
        Ok(Connections {
            idle: &self.idle,
            pool,
            interrupt: Some(interrupt),
        })
    }
}

/// The connections of one request. No other request uses them meanwhile, so shutting them down does
/// not disturb another run that shares the client.
pub(super) struct Connections<'a> {
    idle: &'a Mutex<Vec<Pool>>,
    pool: Pool,
    interrupt: Option<HookGuard>,
}

impl Connections<'_> {
    pub(super) const fn agent(&self) -> &Agent {
        &self.pool.agent
    }
}

impl Drop for Connections<'_> {
    fn drop(&mut self) {
        // First the hook, so that nothing shuts them down from here on.
        self.interrupt = None;
        if !self.pool.cut.load(Ordering::Relaxed) {
            lock(self.idle).push(self.pool.clone());
        }
    }
}
