//! What a run that reports "success" and "complete" must have done.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Judge, judge};
use crate::catalogue::{Catalogue, Entry};
use crate::scenario::{AtEvent, Foreign};
use crate::skill::{Row, Stamp};
use crate::style::{Order, Plain};
use crate::table::Skills;
use crate::violation::{Check, violation};
use crate::world::World;

pub fn success(world: &World<'_>, case: &Case<'_>, must: Option<&[&Entry]>) -> Check {
    if case.spec().dry {
        return dry_run(world, case, must);
    }
    if !case.result().success {
        return Ok(());
    }
    if case.lost_file && happened(case) {
        return lost_file(world, case);
    }
    let adds_column = |event: &AtEvent| matches!(event, AtEvent::Foreign(Foreign::AddColumn(_)));
    let judge = Judge {
        added_late: case
            .spec()
            .events
            .iter()
            .any(|(_, event)| adds_column(event)),
        ..judge(world, case.skills)
    };
    if let Some(must) = must {
        let bad = must.iter().find(|entry| !entry.row.is_valid());
        if let Some(bad) = bad.filter(|_| case.says_complete()) {
            let id = bad.row.id();
            return violation(
                "forgotten",
                format!("success, though {id} cannot be stored"),
            );
        }
    }
    if let Some(must) = must.filter(|_| case.says_complete()) {
        // Rows that earlier runs of this listing have read are not read again.
        let passed = |n: u32| {
            !case.whole && world.memory.overwritten.contains(&n)
                || case.by_changes && world.memory.written.contains(&n)
        };
        let missing = wanted(must)
            .into_iter()
            .filter(|row| !touched(case, row.n) && !passed(row.n))
            .filter_map(|row| {
                if case.spec().force {
                    judge.fault(row)
                } else {
                    judge.fault_by_stamp(row, case.ever)
                }
            })
            // Another program that writes at the very end may free a URL that was already settled.
            .filter(|fault| !(case.disturbed && fault.contains("its URL is")))
            .collect::<Vec<_>>();
        if let Some(first) = missing.first() {
            return violation(
                "complete",
                format!(
                    "it says complete, but {first}, and {} more",
                    missing.len() - 1
                ),
            );
        }
    }
    for (n, versions) in case.served {
        let valid: Vec<&Row> = versions.iter().filter(|row| row.is_valid()).collect();
        let twins = versions.iter().any(|row| row.twin);
        // Another program that writes at the very end may free a URL that was already settled.
        if valid.len() < versions.len() || twins || touched(case, *n) || case.disturbed {
            continue;
        }
        let faults: Vec<_> = valid
            .iter()
            .filter_map(|row| judge.fault_by_stamp(row, case.ever))
            .collect();
        if faults.len() == valid.len()
            && let Some(fault) = faults.first()
        {
            return violation("served", format!("it was served, but {fault}"));
        }
    }
    Ok(())
}

/// Each id once; for a skill that is listed twice, the later version.
fn wanted<'e>(must: &[&'e Entry]) -> Vec<&'e Row> {
    let mut rows: BTreeMap<u32, Vec<&Row>> = BTreeMap::new();
    for entry in must {
        rows.entry(entry.row.n).or_default().push(&entry.row);
    }
    let newest = |rows: Vec<&'e Row>| match rows.as_slice() {
        [row] if row.is_valid() => Some(*row),
        [one, other] if one.is_valid() && other.is_valid() => match (&one.stamp, &other.stamp) {
            (Stamp::At(first), Stamp::At(second)) if first > second => Some(*one),
            (Stamp::At(first), Stamp::At(second)) if first < second => Some(*other),
            _ => None,
        },
        _ => None,
    };
    rows.into_values().filter_map(newest).collect()
}

/// Whether another program wrote this row during the run.
fn touched(case: &Case<'_>, n: u32) -> bool {
    let events = &case.spec().events;
    events.iter().any(|(_, event)| {
        matches!(event, AtEvent::Foreign(Foreign::Local(m, _) | Foreign::Stale(m)) if *m == n)
    })
}

/// Whether the run lasted long enough to lose its file.
fn happened(case: &Case<'_>) -> bool {
    // Each run reports at least the connection, the listing and its end.
    let loses = |event: &AtEvent| matches!(event, AtEvent::Replace | AtEvent::Delete);
    case.spec()
        .events
        .iter()
        .any(|(at, event)| *at <= 3 && loses(event))
}

fn lost_file(world: &World<'_>, case: &Case<'_>) -> Check {
    let judge = judge(world, case.skills);
    let served = case.served.values().flatten().filter(|row| row.is_valid());
    let missing = served
        .filter(|row| !case.skills.contains_key(&row.id()))
        .find_map(|row| judge.fault(row));
    match missing {
        Some(fault) => violation("lost file", format!("success, but in the file {fault}")),
        None => Ok(()),
    }
}

/// A row that cannot be stored costs only itself, and is counted once.
pub fn rejected(case: &Case<'_>, catalogue: &Catalogue, must: Option<&[&Entry]>) -> Check {
    let quiet = case.spec().is_quiet()
        && case.whole
        && !case.by_changes
        && catalogue.style.order != Order::Random;
    let (Some(must), true) = (must, quiet && case.result().code.is_none()) else {
        return Ok(());
    };
    let bad = must.iter().filter(|entry| !entry.row.is_valid()).count() as u64;
    let twins: BTreeSet<u32> = catalogue
        .rows
        .iter()
        .filter(|entry| entry.row.twin)
        .map(|entry| entry.row.n)
        .collect();
    let said = case.result().skills_rejected;
    if said == bad
        || case.result().coverage != skillsmith_sync::Coverage::Complete
        || !twins.is_empty()
        // Rows without an id among hidden ones cannot be distinguished from each other.
        || bad > 1 && catalogue.rows.iter().any(|entry| entry.row.hidden)
        // The listing by score returns them again, after the listing by tiers.
        || said <= 2 * bad && must.iter().any(|entry| entry.row.is_nameless())
    {
        return Ok(());
    }
    violation(
        "rejected",
        format!("{said} rows are counted as rejected, {bad} cannot be stored"),
    )
}

/// A dry run reports what a real one would do.
fn dry_run(world: &World<'_>, case: &Case<'_>, must: Option<&[&Entry]>) -> Check {
    let (Some(must), true) = (must, case.says_complete() && case.spec().is_quiet()) else {
        return Ok(());
    };
    let judge = judge(world, case.skills);
    let (mut new, mut changed) = (0, 0);
    for row in wanted(must) {
        match case.skills.get(&row.id()) {
            None => new += 1,
            Some(stored) if crate::table::is_local(stored) => {}
            Some(stored) => {
                let differs = super::differs(row, stored, judge.narrow).is_some();
                let excused = judge.fault_by_stamp(row, case.ever).is_none();
                changed += u64::from(differs && !excused);
            }
        }
    }
    let result = case.result();
    if result.skills_added < new || result.skills_updated < changed {
        return violation(
            "dry run",
            format!(
                "it says {} and {}, a real run adds {new} and updates {changed}",
                result.skills_added, result.skills_updated
            ),
        );
    }
    Ok(())
}

/// Without faults and changes, a readable registry is read.
pub fn honest(case: &Case<'_>, catalogue: &Catalogue) -> Check {
    let style = &catalogue.style;
    let readable = !style.offset_ignored && style.depth.is_none() && style.order != Order::Random;
    let (Some(code), true) = (case.result().code, case.spec().is_quiet() && readable) else {
        return Ok(());
    };
    // The sync endpoint existed before: one run fails because it is missing.
    let endpoint_is_gone = case
        .result()
        .errors
        .iter()
        .any(|error| error.contains("sync endpoint"));
    if endpoint_is_gone && !style.sync_endpoint {
        return Ok(());
    }
    // An empty listing is an error if rows are stored.
    if case.served.is_empty() && !case.skills.is_empty() {
        return Ok(());
    }
    let errors = case.result().errors.join("; ");
    violation(
        "honest",
        format!("nothing was wrong, but {code:?}: {errors}"),
    )
}

/// An empty listing is not trusted if rows of this registry are stored.
pub fn empty(case: &Case<'_>) -> Check {
    let had = case
        .ended
        .started
        .skills
        .values()
        .any(|stored| !crate::table::is_local(stored));
    if case.result().success && case.whole && !case.by_changes && had && case.served.is_empty() {
        return violation("empty", "nothing was served, and that is a success");
    }
    Ok(())
}

/// If nothing has changed, nothing is written.
pub fn idempotent(case: &Case<'_>) -> Check {
    let result = case.result();
    if !case.settled || !result.success || case.spec().dry {
        return Ok(());
    }
    // What is withdrawn may go, whenever the second listing without it comes.
    let before = case.ended.started.skills.iter();
    let stays = |(id, _): &(&String, _)| !case.spec().prune || case.skills.contains_key(*id);
    if !before.filter(stays).eq(case.skills) {
        return violation("idempotent", "nothing had changed, and rows were written");
    }
    if result.skills_added + result.skills_updated > 0 {
        return violation(
            "idempotent",
            format!(
                "nothing had changed, but {} are added and {} updated",
                result.skills_added, result.skills_updated
            ),
        );
    }
    Ok(())
}

/// Whether the table mirrors the registry in every field.
pub fn mirrors(
    world: &World<'_>,
    skills: &Skills,
    catalogue: &Catalogue,
    ever: &BTreeMap<u32, Vec<Row>>,
) -> bool {
    let judge = judge(world, skills);
    let mut rows: BTreeMap<u32, bool> = BTreeMap::new();
    let shows = |entry: &&Entry| !entry.row.hidden || catalogue.style.sync_endpoint;
    for entry in catalogue.rows.iter().filter(shows) {
        let row = &entry.row;
        let can_be_met = catalogue.style.plain == Plain::Served || ever.contains_key(&row.n);
        if row.is_valid() && can_be_met {
            *rows.entry(row.n).or_default() |= judge.fault(row).is_none();
        }
    }
    rows.into_values().all(|fits| fits)
}
