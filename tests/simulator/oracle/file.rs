//! The rest of the file, and what the engine reports about itself.

use skillsmith_sync::clock::Clock;
use skillsmith_sync::{Coverage, ErrorCode, SyncStatus};

use super::{Case, Ended};
use crate::table;
use crate::violation::{Check, tolerated, violation};
use crate::world::World;

/// What a run reports must be consistent.
pub fn told(ended: &Ended<'_>, reads: bool, panics: bool) -> Check {
    let result = ended.result;
    if result.code == Some(ErrorCode::Internal) && !panics {
        tolerated(violation("internal", result.errors.join("; ")))?;
    }
    let ordered = ended.phases.is_sorted();
    let all = ended.phases.len() == 5 || !result.success || !reads;
    if !ordered || !all {
        let told = format!("told were {:?}", ended.phases);
        tolerated(violation("phases", told))?;
    }
    if result.status == SyncStatus::Failed && result.coverage == Coverage::Complete {
        return violation("coverage", "a failed run says that it is complete");
    }
    Ok(())
}

/// Whatever a registry says, the next attempt is at most a month away.
pub fn next_try(world: &World<'_>, case: &Case<'_>) -> Check {
    // If the clock has jumped, an older time may remain.
    let Some(next) = case
        .found
        .next_try
        .as_deref()
        .filter(|_| !world.memory.jumped)
    else {
        return Ok(());
    };
    let latest = world.clock.real_now() + chrono::TimeDelta::days(32);
    let is_near = skillsmith_sync::clock::from_iso(next).is_some_and(|next| next <= latest);
    if is_near || case.spec().dry {
        return Ok(());
    }
    violation("next try", format!("it is booked for {next}"))
}

/// Only a run that could not write leaves a 'running' entry behind.
pub fn entries(case: &Case<'_>) -> Check {
    let excused = case.ended.disk_failed || case.upset_by_lock || case.lost_file || case.spec().dry;
    if case.found.running > 0 && !excused {
        return violation("running", "an entry stays 'running' after the run");
    }
    Ok(())
}

pub fn local_rows(world: &World<'_>, case: &Case<'_>) -> Check {
    if case.lost_file {
        return Ok(());
    }
    for (id, own) in &world.locals {
        match case.skills.get(id) {
            None => return violation("local", format!("the user's own row {id} is gone")),
            Some(stored) if stored != own => {
                let shown: Vec<_> = differences(own, stored);
                return violation("local", format!("the user's own row {id}: {shown:?}"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Columns added since do not count as changed: they are empty in the user's row.
fn differences(own: &table::Stored, stored: &table::Stored) -> Vec<String> {
    stored
        .iter()
        .filter(|(column, value)| own.get(*column) != Some(value))
        .map(|(column, value)| format!("{column} = {}", table::shown(value)))
        .collect()
}

pub fn index(world: &mut World<'_>, case: &Case<'_>) -> Check {
    // Of the file itself: one that was deleted and replaced is of either kind.
    let has_triggers: bool = world.look(|conn| {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = 'skills_ai')";
        conn.query_row(sql, [], |row| row.get(0))
    })?;
    let troubled = case.ended.disk_failed || case.upset_by_lock;
    if !has_triggers && (world.memory.unindexed || case.disturbed) {
        // Rows that another program wrote without indexing them cannot be found.
        if case.result().success && case.result().skills_added > 0 && !case.spec().dry {
            world.memory.unindexed = false;
        }
        return Ok(());
    }
    let must = case.result().success && !case.disturbed && !case.spec().dry
        || !world.memory.upset && !case.lost_file && (has_triggers || !troubled);
    world.memory.upset = case.found.index_damage.is_some();
    match &case.found.index_damage {
        Some(damage) if must => violation("index", damage.clone()),
        _ => Ok(()),
    }
}

/// The status is always available, and has the last success.
pub fn status(world: &World<'_>, case: &Case<'_>) -> Check {
    let Some(engine) = world.engine() else {
        return Ok(());
    };
    // Errors about a file that no longer exists are a rule of their own.
    let rule = if world.memory.file_lost || case.lost_file {
        "lost file"
    } else {
        "status"
    };
    let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.get_status()));
    let status = match status {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return violation(rule, error.to_string()),
        Err(_) => return violation(rule, "the status panicked"),
    };
    if status.is_running && !case.upset_by_lock && !case.ended.disk_failed && !case.lost_file {
        return violation(rule, "it says that a sync is running");
    }
    if case.result().success && !case.spec().dry && !case.lost_file {
        let (told, began) = status
            .last_run
            .map(|run| (run.id, run.started_at))
            .unwrap_or_default();
        // A run that started in what is now the future comes after the others until then.
        let latest =
            skillsmith_sync::clock::to_iso(world.clock.now() + chrono::TimeDelta::minutes(1));
        let own = &case.found.entry.started_at;
        if told != case.found.entry.id && *own <= latest && *own >= began {
            return violation(rule, "the status tells of another run than the last one");
        }
    }
    Ok(())
}
