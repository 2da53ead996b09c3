//! Generates runs and their faults.

use super::Maker;
use crate::scenario::{
    AtEvent, AtRequest, DiskFailure, DiskFault, Failure, Fault, RunSpec, Target,
};

/// Every way in which a page can fail.
const FAILURES: [Failure; 21] = [
    Failure::Server(500, None),
    Failure::Server(503, Some(5)),
    Failure::Server(503, Some(100_000)),
    Failure::Server(503, Some(u32::MAX)),
    Failure::Timeout,
    Failure::Unreachable,
    Failure::NoJson,
    Failure::NaN,
    Failure::Empty(true),
    Failure::Empty(false),
    Failure::TooLarge,
    Failure::Refused(400),
    Failure::Refused(422),
    Failure::Refused(404),
    Failure::Forbidden,
    Failure::Unauthorized,
    Failure::RateLimited(Some(20)),
    Failure::RateLimited(Some(100_000)),
    Failure::RateLimited(Some(u32::MAX)),
    Failure::QuotaExceeded,
    Failure::Panic,
];

impl Maker {
    pub(super) fn run(&mut self, page: u32) -> RunSpec {
        let mut run = RunSpec {
            page_size: if self.random.chance(20) {
                self.page()
            } else {
                page
            },
            force: self.random.chance(12),
            dry: self.random.chance(10),
            ..RunSpec::default()
        };
        if self.mood.cancel && self.random.chance(10) {
            run.deadline_ms = self.random.between(1, 3_000);
        }
        if self.mood.faults && self.random.chance(60) {
            for _ in 0..self.random.between(1, 2) {
                let fault = self.fault();
                run.faults.push(fault);
            }
        }
        if self.mood.moving && self.random.chance(70) {
            for _ in 0..self.random.between(1, 5) {
                let at = self.random.between(1, 12);
                let mutation = self.mutation();
                run.requests.push((at, AtRequest::Registry(mutation)));
            }
        }
        if self.mood.clock && self.random.chance(40) {
            let at = self.random.between(1, 8);
            run.requests.push((at, AtRequest::Jump(self.jump())));
        }
        if self.mood.cancel && self.random.chance(40) {
            self.cancel(&mut run);
        }
        if self.mood.disk && self.random.chance(60) {
            run.disk = Some(self.disk());
        }
        if self.mood.locks && self.random.chance(60) {
            let attempts = *self.random.pick(&[0, 0, 3, 12]);
            let at = self.random.below(11);
            run.events.push((at, AtEvent::Lock(attempts)));
        }
        if self.mood.foreign && self.random.chance(40) {
            let foreign = self.foreign();
            let at = self.random.below(11);
            run.events.push((at, AtEvent::Foreign(foreign)));
        }
        if self.mood.file && self.random.chance(50) {
            let event = if self.random.chance(60) {
                AtEvent::Replace
            } else {
                AtEvent::Delete
            };
            run.events.push((self.random.below(9), event));
        }
        run
    }

    fn cancel(&mut self, run: &mut RunSpec) {
        match self.random.below(12) {
            // The engine must notice these by itself, which takes real time.
            0 => {
                let at = self.random.between(1, 12);
                run.requests.push((at, AtRequest::Cancel));
            }
            1 => run.cancel_at_wait = Some(self.random.between(1, 3)),
            _ => {
                let at = self.random.below(15);
                run.events.push((at, AtEvent::Cancel));
            }
        }
    }

    fn fault(&mut self) -> Fault {
        if self.random.chance(8) {
            let what = *self.random.pick(&[
                Failure::Unhealthy,
                Failure::Server(503, None),
                Failure::Unreachable,
            ]);
            return Fault {
                on: Target::Health,
                tries: None,
                what,
            };
        }
        let on = match self.random.below(10) {
            0..=2 => Target::Request(self.random.between(1, 10)),
            3 | 4 => Target::From(self.random.between(1, 10)),
            5 | 6 => Target::RowPage(self.known_id()),
            7 => Target::Tier(u8::try_from(self.random.below(8)).unwrap_or(0)),
            8 => Target::Deep(self.random.between(1, 40)),
            _ => Target::Request(1),
        };
        Fault {
            on,
            tries: self.random.chance(50).then(|| self.random.between(1, 6)),
            what: *self.random.pick(&FAILURES),
        }
    }

    /// A permanent fault that can be distinguished from an outage.
    pub(super) fn lasting(&mut self) -> Fault {
        let what = *self.random.pick(&[
            Failure::Server(500, None),
            Failure::Timeout,
            Failure::NoJson,
            Failure::NaN,
            Failure::TooLarge,
            Failure::Refused(422),
            Failure::Forbidden,
        ]);
        let on = match self.random.below(6) {
            0 => Target::Deep(self.random.between(1, 40)),
            1 => Target::Tier(u8::try_from(self.random.below(7)).unwrap_or(0)),
            _ => Target::RowPage(self.known_id()),
        };
        Fault {
            on,
            tries: None,
            what,
        }
    }

    fn disk(&mut self) -> DiskFault {
        let lasting = self.random.chance(50);
        let what = match self.random.below(4) {
            0 => DiskFailure::Full(lasting),
            1 => DiskFailure::Error(lasting),
            _ => DiskFailure::Crash(lasting),
        };
        let late = self.random.chance(35);
        let most = *self
            .random
            .pick(if late { &[4, 12, 30] } else { &[10, 40, 120] });
        DiskFault {
            at: self.random.between(1, most),
            late,
            what,
        }
    }
}
