//! Progress at a rate that an event loop does not feel.

use std::time::{Duration, Instant};

use skillsmith_sync::{SyncPhase, SyncProgress};

use crate::task::{Caller, TaskEvent};

/// The long phases are told of about 60 times a second.
const LEAST_PAUSE: Duration = Duration::from_millis(16);

/// Passes progress on, but for what comes too soon after the last.
pub struct Throttle {
    caller: Caller,
    furthest: Option<SyncPhase>,
    told_at: Option<Instant>,
    /// Where the listing stood, told or not.
    position: u64,
    /// The newest that was not told.
    waiting: Option<SyncProgress>,
}

impl Throttle {
    pub const fn new(caller: Caller) -> Self {
        Self {
            caller,
            furthest: None,
            told_at: None,
            position: 0,
            waiting: None,
        }
    }

    pub fn take(&mut self, progress: &SyncProgress) {
        let is_first = self.furthest < Some(progress.phase);
        self.furthest = self.furthest.max(Some(progress.phase));
        let step = match progress.phase {
            SyncPhase::Fetching => {
                progress.current > std::mem::replace(&mut self.position, progress.current)
            }
            SyncPhase::Upserting => true,
            _ => false,
        };
        // What is no step is told at once: it says why a run waits, for a while maybe.
        let too_soon = self.told_at.is_some_and(|at| at.elapsed() < LEAST_PAUSE);
        if step && !is_first && too_soon {
            self.waiting = Some(progress.clone());
        } else {
            self.waiting = None;
            self.tell(progress.clone());
        }
    }

    fn tell(&mut self, progress: SyncProgress) {
        // A failure means that nobody is there to hear it.
        _ = self.caller.tell(TaskEvent {
            progress: Some(progress.into()),
            ..TaskEvent::default()
        });
        self.told_at = Some(Instant::now());
    }
}

impl Drop for Throttle {
    /// The last one is always told.
    fn drop(&mut self) {
        if let Some(progress) = self.waiting.take() {
            self.tell(progress);
        }
    }
}
