//! Virtual time, and what keeps the engine's two threads in step.
//!
//! The fetch thread lets time pass; the run's thread sees it only as far as it has been told
//! of by the progress callback. A request waits until the run has told of every page before
//! it, and has looked at the clock since. So what the run's thread does at which time does not depend on the machine.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use skillsmith_sync::CancelToken;
use skillsmith_sync::clock::Clock;

use crate::skill::START;

/// An engine that tells nothing of a page would be waited for in vain.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub struct SimClock {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    now: Moment,
    /// What the run's thread has seen of it.
    seen: Moment,
    run: Option<ThreadId>,
    /// Progress that the run has told, and that it has to tell before the next request.
    events: u64,
    expected: u64,
    /// Told, while the run may still have something to do with it.
    pending: u64,
    waits: u32,
    cancel_at_wait: Option<(u32, CancelToken)>,
    lost: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    elapsed: Duration,
    skew: TimeDelta,
}

impl Moment {
    fn wall(self) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(START, 0).unwrap_or_default();
        start + self.skew + self.elapsed
    }
}

impl SimClock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn pass(&self, duration: Duration) {
        self.state().now.elapsed += duration;
    }

    pub fn jump(&self, seconds: i64) {
        self.state().now.skew += TimeDelta::seconds(seconds);
    }

    pub fn real_now(&self) -> DateTime<Utc> {
        self.state().now.wall()
    }

    /// The registry's time: seconds after the start, whatever our clock says.
    pub fn registry_seconds(&self) -> i64 {
        i64::try_from(self.state().now.elapsed.as_secs()).unwrap_or(i64::MAX)
    }

    /// The calling thread begins a run.
    pub fn begin(&self, cancel_at_wait: Option<(u32, CancelToken)>) {
        let mut state = self.state();
        state.run = Some(std::thread::current().id());
        state.seen = state.now;
        (state.events, state.expected, state.pending) = (0, 0, 0);
        state.waits = 0;
        state.cancel_at_wait = cancel_at_wait;
    }

    pub fn end(&self) {
        let mut state = self.state();
        // What was on its way when the run ended has taken no time that anybody saw.
        state.now.elapsed = state.seen.elapsed;
        state.run = None;
        state.cancel_at_wait = None;
    }

    /// The run has told something that came from the fetch thread.
    pub fn told(&self) {
        let mut state = self.state();
        state.seen = state.now;
        state.pending += 1;
    }

    /// The run will have to tell so much more.
    pub fn expect(&self, events: u64) {
        self.state().expected += events;
    }

    /// Waits until the run's thread has nothing left to do. Whether it was not stopped meanwhile.
    pub fn in_step(&self, cancel: &CancelToken) -> bool {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state();
        while state.events < state.expected {
            if cancel.is_cancelled() {
                return false;
            }
            if Instant::now() > end {
                state.events = state.expected;
                state.lost += 1;
                break;
            }
            let slice = Duration::from_millis(1);
            state = match self.told.wait_timeout(state, slice) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        !cancel.is_cancelled()
    }

    /// How often the threads fell out of step.
    pub fn lost(&self) -> u64 {
        self.state().lost
    }

    fn moment(&self) -> Moment {
        let mut state = self.state();
        if state.run == Some(std::thread::current().id()) {
            // The engine looks at the clock before it waits for the next page.
            if state.pending > 0 {
                state.events += state.pending;
                state.pending = 0;
                self.told.notify_all();
            }
            state.seen
        } else {
            state.now
        }
    }
}

/// The user's cancel came from the fetch thread: goes on once the run has noticed.
pub fn cancel_and_wait(user: &CancelToken, own: &CancelToken) {
    user.cancel();
    own.wait(Duration::from_millis(500));
}

impl Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        self.moment().wall()
    }

    fn elapsed(&self) -> Duration {
        self.moment().elapsed
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
        let mut state = self.state();
        state.now.elapsed += duration;
        state.waits += 1;
        let due = match &state.cancel_at_wait {
            Some((at, token)) if *at == state.waits => Some(token.clone()),
            _ => None,
        };
        drop(state);
        if let Some(token) = due {
            cancel_and_wait(&token, cancel);
        }
        !cancel.is_cancelled()
    }
}

impl fmt::Display for SimClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.real_now().format("%Y-%m-%d %H:%M:%S"))
    }
}
