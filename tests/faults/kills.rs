//! SIGKILL at every commit of a small sync, and at single system calls.

use crate::invariants::assert_none;
use crate::rig::{Base, Rig};
use crate::samples;
use crate::shim::{COMMITS, EVERY_CALL, EVERY_FILE, Fault, Kind};

fn killed_at_every_commit(base: Base) {
    let rig = Rig::new(base);
    let commits = rig.count(COMMITS, EVERY_FILE);
    assert!(commits >= 3, "only {commits} commits were found");
    let (mut trials, mut wrong) = (0, Vec::new());
    for at in 1..=commits {
        for kind in [Kind::KillBefore, Kind::KillAfter] {
            let fault = Fault {
                calls: COMMITS,
                files: EVERY_FILE,
                at,
                kind,
            };
            if let Some(found) = rig.trial(fault) {
                trials += 1;
                wrong.extend(found);
            }
        }
    }
    // The number of commits depends on timing: the last ones may not occur.
    assert!(trials >= commits, "{trials} kills at {commits} commits");
    assert_none(trials, &wrong);
}

fn killed_at_system_calls(base: Base) {
    let rig = Rig::new(base);
    let calls = rig.count(EVERY_CALL, EVERY_FILE);
    assert!(calls > 100, "only {calls} calls were found");
    let (mut trials, mut wrong) = (0, Vec::new());
    let chosen = samples::of(calls, 12, 2_000);
    for at in &chosen {
        let fault = Fault {
            calls: EVERY_CALL,
            files: EVERY_FILE,
            at: *at,
            kind: Kind::KillBefore,
        };
        if let Some(found) = rig.trial(fault) {
            trials += 1;
            wrong.extend(found);
        }
    }
    assert!(
        trials * 4 > chosen.len() as u64 * 3,
        "only {trials} of {} kills",
        chosen.len()
    );
    assert_none(trials, &wrong);
}

#[test]
fn promise_3_killed_at_every_commit_of_a_first_sync() {
    killed_at_every_commit(Base::New);
}

#[test]
fn promise_3_killed_at_every_commit_with_a_wal() {
    killed_at_every_commit(Base::Wal);
}

#[test]
fn promise_3_killed_at_every_commit_with_a_rollback_journal() {
    killed_at_every_commit(Base::Rollback);
}

#[test]
fn promise_3_killed_at_system_calls_of_a_first_sync() {
    killed_at_system_calls(Base::New);
}

#[test]
fn promise_3_killed_at_system_calls_with_a_wal() {
    killed_at_system_calls(Base::Wal);
}

#[test]
fn promise_3_killed_at_system_calls_with_a_rollback_journal() {
    killed_at_system_calls(Base::Rollback);
}
