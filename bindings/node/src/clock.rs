//! The clock of JavaScript, which a host may have replaced: fake timers move it by hours.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use napi_derive::napi;
use skillsmith_sync::CancelToken;
use skillsmith_sync::clock::{Clock, SystemClock, later};

/// Both clocks are read one after the other, and one may be rounded.
const SAME_MS: i64 = 1_000;

thread_local! {
    /// How far the clock of this environment is ahead of the system's, in milliseconds.
    static AHEAD: Arc<AtomicI64> = Arc::default();
}

/// Tells what `Date.now()` says.
#[napi]
pub fn set_now(ms: i64) {
    let ahead = ms.saturating_sub(SystemClock.now().timestamp_millis());
    let ahead = if ahead.abs() < SAME_MS { 0 } else { ahead };
    AHEAD.with(|known| known.store(ahead, Ordering::Relaxed));
}

#[derive(Debug)]
struct HostClock {
    ahead: Arc<AtomicI64>,
}

impl Clock for HostClock {
    fn now(&self) -> DateTime<Utc> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        later(SystemClock.now(), TimeDelta::milliseconds(ahead))
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
        SystemClock.wait(duration, cancel)
    }
}

/// The clock, as JavaScript moves it.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(HostClock {
        ahead: AHEAD.with(Arc::clone),
    })
}

/// The clock as it stands, for a run: no time of it passes while JavaScript skips hours.
pub fn clock_of_run() -> Arc<dyn Clock> {
    let ahead = AHEAD.with(|ahead| ahead.load(Ordering::Relaxed));
    Arc::new(HostClock {
        ahead: Arc::new(ahead.into()),
    })
}
