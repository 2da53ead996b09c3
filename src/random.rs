//! Random numbers of this process.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;

thread_local! {
    /// The process that has last taken numbers on this thread.
    static OWNER: Cell<u32> = const { Cell::new(0) };
}

/// A generator that shares no numbers with a process that was forked from this one, or that this one was forked from: ids of runs
/// would be taken already.
pub(crate) fn rng() -> Rng {
    let process = std::process::id();
    let owner = OWNER.replace(process);
    if owner != 0 && owner != process {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanoseconds = now.map_or(0, |now| now.subsec_nanos());
        fastrand::seed(fastrand::u64(..) ^ u64::from(process) << 32 ^ u64::from(nanoseconds));
    }
    Rng::new()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_has_numbers_of_its_own() {
        let before = rng().u64(..);
        // What a child finds: the state of the thread, and another number of the process.
        let numbers: Vec<u64> = [u32::MAX - 1, u32::MAX - 2]
            .map(|parent| {
                fastrand::seed(7);
                OWNER.set(parent);
                rng().u64(..)
            })
            .into();
        assert_ne!(numbers[0], numbers[1]);
        assert_ne!(before, numbers[0]);
        // In one process, a seed decides.
        let replayed = [(); 2].map(|()| {
            fastrand::seed(7);
            rng().u64(..)
        });
        assert_eq!(replayed[0], replayed[1]);
    }
}
