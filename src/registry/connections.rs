//! Connections that a cancellation can cut.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::Agent;

use super::Call;
use super::transport::{Control, MOST_BYTES, Transport};
use crate::Result;
use crate::cancel::HookGuard;
use crate::unpoisoned::lock;

/// For a limit that no clock can count.
const A_MONTH: Duration = Duration::from_secs(31 * 24 * 3600);

/// The pools of connections that no request is using; one, unless several requests have run at once.
#[derive(Default)]
pub(super) struct Pools {
    idle: Mutex<Vec<Pool>>,
}

#[derive(Clone)]
struct Pool {
    agent: Agent,
    /// Once cut, it cannot be used again.
    control: Arc<Control>,
}

impl Pool {
    fn new(transport: &Transport) -> Result<Self> {
        let control = Arc::new(Control::default());
        Ok(Self {
            agent: transport.agent(&control)?,
            control,
        })
    }

    fn shut_down(&self) {
        self.control.cut.store(true, Ordering::Relaxed);
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

    /// Bounds what is read of the next answer, with all that belongs to it.
    pub(super) fn allow(&self, limit: Duration) {
        let end = Instant::now().checked_add(limit.min(A_MONTH));
        self.pool.control.allow(end, MOST_BYTES);
    }

    /// Reads what is left of this answer for so long at most.
    pub(super) fn hurry(&self, limit: Duration) {
        if let Some(end) = Instant::now().checked_add(limit) {
            self.pool.control.read_until(end);
        }
    }
}

impl Drop for Connections<'_> {
    fn drop(&mut self) {
        // First the hook, so that nothing shuts them down from here on.
        self.interrupt = None;
        if !self.pool.control.cut.load(Ordering::Relaxed) {
            lock(self.idle).push(self.pool.clone());
        }
    }
}
