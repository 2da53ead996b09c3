//! Virtual time, and the synchronisation of the engine's two threads.
//!
//! The fetch thread advances the time; the run's thread sees the advance only once the progress
//! callback has reported it. A request waits until the run has reported every earlier page and has
//! read the clock since. So the timing of the run's thread does not depend on the machine.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use skillsmith_sync::CancelToken;
use skillsmith_sync::clock::Clock;

use crate::skill::START;

/// Limit of the wait for an engine that does not report a page.
const DEADLINE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub struct SimClock {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    now: Moment,
    /// The time that the run's thread has seen.
    seen: Moment,
    run: Option<ThreadId>,
    /// Progress events that the run has reported, and that it must report before the next request.
    events: u64,
    expected: u64,
    /// Reported, but possibly still being processed by the run.
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

    /// The registry's time: seconds after the start, independent of our clock.
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
        // Requests in flight when the run ended took no time that anybody saw.
        state.now.elapsed = state.seen.elapsed;
        state.run = None;
        state.cancel_at_wait = None;
    }

    /// The run has reported an event of the fetch thread.
    pub fn told(&self) {
        let mut state = self.state();
        state.seen = state.now;
        state.pending += 1;
    }

    /// The run must report this many more events.
    pub fn expect(&self, events: u64) {
        self.state().expected += events;
    }

    /// Waits until the run's thread has nothing left to do. Returns false if it was stopped
    /// meanwhile.
    pub fn in_step(&self, cancel: &CancelToken) -> bool {
        let end = Instant::now() + DEADLINE;
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
            // The engine reads the clock before it waits for the next page.
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

/// The user's cancel came from the fetch thread: continues once the run has noticed it.
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
