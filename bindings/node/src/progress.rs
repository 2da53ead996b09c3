//! Progress at a rate that an event loop does not feel.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use skillsmith_sync::{Error, Result, SyncPhase, SyncProgress};

use crate::task::{Caller, TaskEvent};
use skillsmith_sync::unpoisoned::{lock, wait, wait_timeout};

/// The long phases are told of about 60 times a second.
const LEAST_PAUSE: Duration = Duration::from_millis(16);

/// Passes progress on; what comes too soon after the last waits for its time, and
/// only the newest of it is told. Dropped, it tells what waits.
pub struct Throttle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    caller: Caller,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    furthest: Option<SyncPhase>,
    told_at: Option<Instant>,
    /// Where the listing stood, told or not.
    position: u64,
    /// The newest that was not told.
    waiting: Option<SyncProgress>,
    over: bool,
}

impl Throttle {
    pub fn new(caller: Caller) -> Result<Self> {
        let shared = Arc::new(Shared {
            caller,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("skillsmith-progress".into())
            .spawn(move || own.tell_what_waits())
            .map_err(|error| Error::Internal(format!("a thread could not be started: {error}")))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub fn take(&self, progress: &SyncProgress) {
        let mut state = self.shared.state();
        let is_first = state.furthest < Some(progress.phase);
        state.furthest = state.furthest.max(Some(progress.phase));
        let is_step = match progress.phase {
            SyncPhase::Fetching => {
                progress.current > std::mem::replace(&mut state.position, progress.current)
            }
            SyncPhase::Upserting => true,
            _ => false,
        };
        // A phase's first one is told at once, and so is what is no step: why a run waits.
        if is_step && !is_first && !state.left().is_zero() {
            state.waiting = Some(progress.clone());
            self.shared.changed.notify_one();
        } else {
            self.shared.tell(&mut state, progress.clone());
        }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.over = true;
        if let Some(progress) = state.waiting.take() {
            self.shared.tell(&mut state, progress);
        }
        drop(state);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

impl Shared {
    /// The thread: a run that stands still has told where.
    fn tell_what_waits(&self) {
        let mut state = self.state();
        while !state.over {
            let left = state.left();
            if state.waiting.is_some() && !left.is_zero() {
                state = wait_timeout(&self.changed, state, left);
            } else if let Some(progress) = state.waiting.take() {
                self.tell(&mut state, progress);
            } else {
                state = wait(&self.changed, state);
            }
        }
    }

    /// Under the lock, so that it stays in order.
    fn tell(&self, state: &mut State, progress: SyncProgress) {
        // A failure means that nobody is there to hear it.
        _ = self.caller.tell(TaskEvent {
            progress: Some(progress.into()),
            ..TaskEvent::default()
        });
        state.waiting = None;
        state.told_at = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// Until the next one may be told.
    fn left(&self) -> Duration {
        self.told_at.map_or(Duration::ZERO, |at| {
            LEAST_PAUSE.saturating_sub(at.elapsed())
        })
    }
}
