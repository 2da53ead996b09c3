//! The fetch thread: fetches the next page while the last one is applied.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::counter::Counter;
use super::cursor::Cursor;
use super::listing::{Lister, Start, Step};
use crate::clock::Clock;
use crate::registry::{Call, Health, Registry, Wait};
use crate::{CancelToken, Error, Result, memory};

/// How often the engine checks for cancellation while it waits for a page. A cancellation that only
/// sets a flag is noticed after half of this on average.
const POLL: Duration = Duration::from_millis(50);

/// After this long without a page, what was read is written.
const IDLE_AFTER: Duration = Duration::from_millis(150);

/// A cancelled fetch ends at once, except during name lookup and connecting, which cannot be
/// interrupted: after this time they are left to end by themselves.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(100);

/// What the fetch thread reports.
pub(super) enum Event {
    /// The health check passed.
    Connected,
    /// The client waits before its next request.
    Waiting(Wait),
    /// A page arrived.
    Page(Box<Step>),
    /// The listing was read to its end.
    End(Box<Cursor>),
}

/// The engine's handle to the fetch thread.
pub(super) struct Fetch {
    events: Receiver<Result<Event>>,
    thread: Option<JoinHandle<()>>,
    /// Cancels the fetch, not the run.
    cancel: CancelToken,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

impl Fetch {
    /// Starts the thread, which reads until `deadline`, in the clock's elapsed time.
    pub(super) fn start(
        registry: Arc<dyn Registry>,
        clock: Arc<dyn Clock>,
        start: Start,
        counter: Counter,
        deadline: Duration,
    ) -> Result<Self> {
        let cancel = CancelToken::new();
        // One page waits here while the next one is being fetched.
        let (sender, events) = sync_channel(1);
        let thread = memory::spawn("skillsmith-fetch", {
            let (cancel, clock) = (cancel.clone(), Arc::clone(&clock));
            move || {
                let call = Call {
                    deadline,
                    meter: Some(&counter),
                    ..Call::new(&cancel, &*clock)
                };
                read(&*registry, &call, start, &sender);
            }
        })?;
        Ok(Self {
            events,
            thread: Some(thread),
            cancel,
            clock,
            deadline,
        })
    }

    /// Waits for the next event; `None` if none has come for a while. Fails once `user` is cancelled
    /// or the deadline has passed.
    pub(super) fn next(&self, user: &CancelToken, run_deadline: Duration) -> Result<Option<Event>> {
        let begun = self.clock.elapsed();
        loop {
            if user.is_cancelled() {
                return Err(Error::Cancelled);
            }
            memory::check()?;
            let now = self.clock.elapsed();
            if now >= self.deadline {
                return Err(Error::RunDeadline(run_deadline));
            }
            match self.events.recv_timeout(POLL) {
                Ok(event) => return event.map(Some),
                Err(RecvTimeoutError::Timeout) if now.saturating_sub(begun) >= IDLE_AFTER => {
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::Internal(
                        "the fetch thread ended unexpectedly".into(),
                    ));
                }
            }
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.cancel.cancel();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The thread blocks on a full channel, so drain it.
        let end = std::time::Instant::now() + SHUTDOWN_GRACE;
        while !thread.is_finished() && std::time::Instant::now() < end {
            _ = self.events.recv_timeout(Duration::from_millis(5));
        }
        if thread.is_finished() {
            _ = thread.join();
        }
    }
}

fn read(
    registry: &dyn Registry,
    call: &Call<'_>,
    start: Start,
    sender: &SyncSender<Result<Event>>,
) {
    let on_wait = |wait: &Wait| _ = sender.send(Ok(Event::Waiting(wait.clone())));
    let call = Call {
        on_wait: &on_wait,
        ..*call
    };
    let reading = std::panic::AssertUnwindSafe(|| -> Result<()> {
        call.count_request()?;
        if registry.check_health(&call)? == Health::Unhealthy {
            return Err(Error::Unhealthy(None));
        }
        let mut lister = Lister::new(registry, start);
        let mut event = Event::Connected;
        // Sending fails once the run has ended early.
        while sender.send(Ok(event)).is_ok() {
            let Some(step) = lister.next(&call)? else {
                _ = sender.send(Ok(Event::End(Box::new(lister.into_cursor()))));
                return Ok(());
            };
            event = Event::Page(Box::new(step));
        }
        Ok(())
    });
    let outcome = std::panic::catch_unwind(reading)
        .unwrap_or_else(|payload| Err(memory::error_of_panic(&memory::text_of_panic(&*payload))));
    if let Err(error) = outcome {
        _ = sender.send(Err(error));
    }
}
