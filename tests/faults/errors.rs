//! EIO, ENOSPC and EDQUOT from every call that writes, on each file of the database.

use rustix::io::Errno;

use crate::invariants::assert_none;
use crate::rig::{Base, Rig};
use crate::samples;
use crate::shim::{Fault, Kind, WRITES};

/// Which calls fail on which files.
const PLACES: [(&str, &str); 12] = [
    (WRITES, "d"),
    (WRITES, "w"),
    (WRITES, "s"),
    (WRITES, "j"),
    ("s", "d"),
    ("s", "w"),
    ("s", "j"),
    ("t", "dwsj"),
    ("o", "d"),
    ("o", "wsj"),
    ("u", "wsj"),
    ("m", "s"),
];

fn kinds() -> Vec<Kind> {
    [Errno::IO, Errno::NOSPC, Errno::DQUOT]
        .iter()
        .map(|errno| errno.raw_os_error())
        .flat_map(|errno| [Kind::Once(errno), Kind::FromThenOn(errno)])
        .collect()
}

fn failing_calls(base: Base) {
    let rig = Rig::new(base);
    let kinds = kinds();
    let (mut trials, mut wrong) = (0, Vec::new());
    let mut turn = 0;
    for (calls, files) in PLACES {
        for at in samples::of(rig.count(calls, files), 3, 40) {
            // Every error at every call, or one error in turn: a failing disk usually keeps
            // failing.
            let tried = if samples::long() {
                kinds.clone()
            } else {
                turn += 1;
                let pair = turn % (kinds.len() / 2) * 2;
                if calls == WRITES {
                    vec![kinds[pair], kinds[pair + 1]]
                } else {
                    vec![kinds[pair + turn / 3 % 2]]
                }
            };
            for kind in tried {
                let fault = Fault {
                    calls,
                    files,
                    at,
                    kind,
                };
                if let Some(found) = rig.trial(fault) {
                    trials += 1;
                    wrong.extend(found);
                }
            }
        }
    }
    assert!(trials > 12, "only {trials} calls were failed");
    assert_none(trials, &wrong);
}

#[test]
fn promise_3_failing_calls_in_a_first_sync() {
    failing_calls(Base::New);
}

#[test]
fn promise_3_failing_calls_with_a_wal() {
    failing_calls(Base::Wal);
}

#[test]
fn promise_3_failing_calls_with_a_rollback_journal() {
    failing_calls(Base::Rollback);
}
