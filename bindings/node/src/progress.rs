//! Limits the rate of progress events.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use skillsmith_sync::unpoisoned::{lock, wait, wait_timeout};
use skillsmith_sync::{Error, Result, SyncPhase, SyncProgress};

use crate::event::TaskEvent;
use crate::task::EventSender;

/// The shortest time between two events of a long phase: about 60 events a second.
const MIN_INTERVAL: Duration = Duration::from_millis(16);

/// Sends progress events. An event too soon after the last one is delayed, and a newer one replaces it. Dropping the
/// throttle sends the delayed event.
pub struct Throttle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    events: EventSender,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    furthest: Option<SyncPhase>,
    sent_at: Option<Instant>,
    /// Rows read so far, also if no event said so.
    rows_read: u64,
    /// The delayed event.
    delayed: Option<SyncProgress>,
    is_finished: bool,
}

impl Throttle {
    pub fn new(events: EventSender) -> Result<Self> {
        let shared = Arc::new(Shared {
            events,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("skillsmith-progress".into())
            .stack_size(skillsmith_sync::memory::OF_A_THREAD)
            .spawn(move || own.send_delayed())
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub fn report(&self, progress: &SyncProgress) {
        let mut state = self.shared.state();
        let is_first = state.furthest < Some(progress.phase);
        state.furthest = state.furthest.max(Some(progress.phase));
        let is_step = match progress.phase {
            SyncPhase::Fetching => {
                progress.current > std::mem::replace(&mut state.rows_read, progress.current)
            }
            SyncPhase::Upserting => true,
            _ => false,
        };
        // Sent at once: the first event of a phase, and one that is not a step, such as the reason why a run waits.
        if is_step && !is_first && !state.time_left().is_zero() {
            state.delayed = Some(progress.clone());
            self.shared.changed.notify_one();
        } else {
            self.shared.send(&mut state, progress.clone());
        }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_finished = true;
        if let Some(progress) = state.delayed.take() {
            self.shared.send(&mut state, progress);
        }
        drop(state);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

impl Shared {
    /// The body of the thread. It sends the delayed event of a run that makes no more progress.
    fn send_delayed(&self) {
        let mut state = self.state();
        while !state.is_finished {
            let time_left = state.time_left();
            if state.delayed.is_some() && !time_left.is_zero() {
                state = wait_timeout(&self.changed, state, time_left);
            } else if let Some(progress) = state.delayed.take() {
                self.send(&mut state, progress);
            } else {
                state = wait(&self.changed, state);
            }
        }
    }

    /// Sends an event while the lock is held, so that events stay in order.
    fn send(&self, state: &mut State, progress: SyncProgress) {
        // Fails only after the environment has ended.
        _ = self.events.send(TaskEvent::Progress {
            progress: progress.into(),
        });
        state.delayed = None;
        state.sent_at = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// The time until the next event may be sent.
    fn time_left(&self) -> Duration {
        self.sent_at.map_or(Duration::ZERO, |at| {
            MIN_INTERVAL.saturating_sub(at.elapsed())
        })
    }
}
