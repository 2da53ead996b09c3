//! Connections that a cancellation can cut.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ureq::Agent;

use super::Call;
use super::transport::Transport;
use crate::cancel::HookGuard;
use crate::unpoisoned::lock;

/// The pools of connections that no request is using; one, unless several requests have run at once.
#[derive(Default)]
pub(super) struct Pools {
    idle: Mutex<Vec<Agent>>,
}

impl Pools {
    /// Takes a pool for one request, or makes one. Cancelling the call shuts its connections down.
    pub(super) fn take(&self, transport: &Transport, call: &Call<'_>) -> Connections<'_> {
        let idle = lock(&self.idle).pop();
        let agent = idle.unwrap_or_else(|| transport.agent());
        let cut = Arc::new(AtomicBool::new(false));
        let (in_flight, flag) = (agent.clone(), Arc::clone(&cut));
        let interrupt = call.cancel.on_cancel(move || {
            flag.store(true, Ordering::Relaxed);
            in_flight.clone().shutdown();
        });
        Connections {
            idle: &self.idle,
            agent,
            cut,
            interrupt: Some(interrupt),
        }
    }
}

/// The connections of one request. No other request uses them meanwhile, so shutting them down does
/// not disturb another run that shares the client.
pub(super) struct Connections<'a> {
    idle: &'a Mutex<Vec<Agent>>,
    agent: Agent,
    /// They were shut down and cannot be used again.
    cut: Arc<AtomicBool>,
    interrupt: Option<HookGuard>,
}

impl Connections<'_> {
    pub(super) const fn agent(&self) -> &Agent {
        &self.agent
    }
}

impl Drop for Connections<'_> {
    fn drop(&mut self) {
        // First the hook, so that nothing shuts them down from here on.
        self.interrupt = None;
        if !self.cut.load(Ordering::Relaxed) {
            lock(self.idle).push(self.agent.clone());
        }
    }
}
