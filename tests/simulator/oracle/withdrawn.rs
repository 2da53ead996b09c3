//! Which rows a run may remove: what two whole listings did not have, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use skillsmith_sync::{Coverage, ErrorCode};

use super::{Case, Started};
use crate::catalogue::Entry;
use crate::registry::RunState;
use crate::scenario::RunSpec;
use crate::skill::Row;
use crate::table::{Skills, is_local};
use crate::violation::{Check, violation};
use crate::world::World;

type Served = BTreeMap<u32, Vec<Row>>;

/// Rows that a whole listing did not have, and that no run has met since. What the run before a
/// crash has met may be lost with it.
#[derive(Debug, Default)]
pub struct Missed(BTreeSet<String>);

impl Missed {
    /// A run has ended.
    pub(super) fn run_ended(&mut self, case: &Case<'_>, run: &RunState) {
        if case.spec().dry {
            return;
        }
        let result = case.result();
        if result.code.is_none() && !case.lost_file {
            self.0.retain(|id| !has(case.served, id));
        }
        let is_certain = match result.code {
            None => result.coverage == Coverage::Complete && result.skills_rejected == 0,
            // It may have ended here after the last page.
            Some(code) => case.ended.disk_failed || case.lost_file || is_of_this_side(code),
        };
        if is_certain && (case.whole || run.asked_first) && !case.by_changes {
            self.note(&case.ended.started.skills, case.served);
            self.note(case.skills, case.served);
        }
    }

    /// Rows of the registry that a listing did not have.
    fn note(&mut self, skills: &Skills, served: &Served) {
        let missed = skills
            .iter()
            .filter(|(id, stored)| !is_local(stored) && !has(served, id));
        self.0.extend(missed.map(|(id, _)| id.clone()));
    }
}

/// Whether an error can come after the last page of a listing.
fn is_of_this_side(code: ErrorCode) -> bool {
    let is_of_database = (300..400).contains(&code.number());
    is_of_database || matches!(code, ErrorCode::Cancelled | ErrorCode::RunDeadline)
}

/// Whether a row with this id was served.
fn has(served: &Served, id: &str) -> bool {
    let n = id.strip_prefix('s').and_then(|n| n.parse().ok());
    n.is_some_and(|n: u32| served.contains_key(&n))
}

/// Ids of rows that the run found and did not leave.
fn gone<'s>(before: &'s Skills, after: &'s Skills) -> impl Iterator<Item = &'s String> {
    before.keys().filter(|id| !after.contains_key(*id))
}

/// Each row that is gone may be, and is counted.
pub(super) fn after_run(world: &mut World<'_>, case: &Case<'_>, must: Option<&[&Entry]>) -> Check {
    let (spec, result) = (case.spec(), case.result());
    if case.lost_file {
        return Ok(());
    }
    let (before, after) = (&case.ended.started.skills, case.skills);
    if spec.dry {
        return dry_run(world, case);
    }
    may_go(world, spec, (before, after), case.served)?;
    let count = gone(before, after).count() as u64;
    if result.skills_removed != count && !case.disturbed {
        let claimed = result.skills_removed;
        let told = format!("{claimed} are claimed as removed, {count} are gone");
        return violation("removed", told);
    }
    world.removed += count;
    if count == 0 {
        return Ok(());
    }
    let is_in_doubt = result.code.is_none() && result.coverage != Coverage::Complete;
    if is_in_doubt || result.skills_rejected > 0 {
        return violation("in doubt", format!("{count} are removed, in {result:?}"));
    }
    let stands = |id: &&String| {
        must.into_iter()
            .flatten()
            .any(|entry| entry.row.id() == **id)
    };
    if let Some(id) = gone(before, after).find(stands) {
        return violation(
            "withdrawn",
            format!("{id} is removed, and the registry has it"),
        );
    }
    Ok(())
}

/// A dry run claims no more than a real one may remove.
fn dry_run(world: &World<'_>, case: &Case<'_>) -> Check {
    let missed = &world.memory.missed.0;
    let due = (case.skills.keys()).filter(|id| missed.contains(*id) && !has(case.served, id));
    let (due, claimed) = (due.count() as u64, case.result().skills_removed);
    if claimed <= due && (claimed == 0 || case.spec().prune) {
        return Ok(());
    }
    violation("removed", format!("a dry run removes {claimed} of {due}"))
}

/// The process died in the run.
pub(super) fn after_crash(
    world: &mut World<'_>,
    spec: &RunSpec,
    (started, skills): (&Started, &Skills),
    run: (&RunState, bool),
) -> Check {
    let (run, by_changes) = run;
    may_go(world, spec, (&started.skills, skills), &run.served)?;
    if !spec.dry && !by_changes {
        world.memory.missed.note(&started.skills, &run.served);
        world.memory.missed.note(skills, &run.served);
    }
    Ok(())
}

/// Whether what is gone was missing from two listings, and is not the user's own nor too much.
fn may_go(
    world: &World<'_>,
    spec: &RunSpec,
    (before, after): (&Skills, &Skills),
    served: &Served,
) -> Check {
    let mut count = 0;
    for id in gone(before, after) {
        count += 1;
        let why = if spec.dry || !spec.prune {
            "nobody wants it"
        } else if before.get(id).is_some_and(is_local) {
            "it is the user's own"
        } else if has(served, id) {
            "this listing has it"
        } else if !world.memory.missed.0.contains(id) {
            "the last whole listing had it"
        } else {
            continue;
        };
        return violation("withdrawn", format!("{id} is removed, but {why}"));
    }
    if !spec.force && count * 10 > after.len() + count {
        let all = after.len() + count;
        return violation("too much", format!("{count} of {all} rows are removed"));
    }
    Ok(())
}
