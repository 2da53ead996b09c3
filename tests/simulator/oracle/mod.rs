//! What must hold after every run.

mod case;
mod complete;
mod file;
mod memory;
mod records;
mod rows;
mod withdrawn;

use std::sync::Arc;

use self::case::{Case, Found};
pub use self::case::{Ended, Started};
pub use self::memory::Memory;
pub use self::rows::{Judge, differs};
use crate::demand::Reading;
use crate::registry::{Shared, lock};
use crate::scenario::loses_file;
use crate::scenario::{AtEvent, Failure, FileKind, RunSpec};
use crate::table::{self, Skills};
use crate::violation::{Check, tolerated, violation};
use crate::world::World;

pub fn after_run(world: &mut World<'_>, ended: &Ended<'_>) -> Check {
    let result = ended.result;
    world.memory.last = Some((result.success, result.code, result.coverage));
    by_itself(world, ended)?;
    if !world.path().exists() {
        return without_file(world, ended);
    }
    if ended.others_wrote_last {
        return with_journal_of_others(world, ended);
    }
    let lost_file = loses_file(&ended.spec.events);
    // FTS5 caches the state of an index per connection, and its check trusts the cache.
    world.forget();
    let found = world.look(|conn| Found::look(conn, ended.spec))?;
    if let Some(damage) = found.damage {
        let lost = lost_file || world.memory.file_lost;
        let rule = if lost { "lost file" } else { "integrity" };
        return violation(rule, damage);
    }
    let shared = Arc::clone(&world.shared);
    with_file(world, ended, &found, &lock(&shared))?;
    if lost_file {
        world.memory.lost();
        if let Ok(conn) = table::connect(&world.path()) {
            world.note_locals(&conn);
        }
    }
    Ok(())
}

/// Checks a run without reading the file.
fn by_itself(world: &mut World<'_>, ended: &Ended<'_>) -> Check {
    let lasting = world.lasting();
    let faults = || ended.spec.faults.iter().chain(lasting);
    world.memory.met(faults());
    let shared = lock(&world.shared);
    if shared.run.overrun {
        return tolerated(violation("stuck", "the run does not stop asking"));
    }
    records::adds_up(ended.result)?;
    let panics = faults().any(|fault| fault.what == Failure::Panic);
    tolerated(file::told(ended, !shared.run.served.is_empty(), panics))
}

/// The process died in the run; these rows are left.
pub fn after_crash(
    world: &mut World<'_>,
    spec: &RunSpec,
    started: &Started,
    skills: &Skills,
) -> Check {
    let shared = Arc::clone(&world.shared);
    let shared = lock(&shared);
    let by_changes = shared.way.since().is_some();
    withdrawn::after_crash(world, spec, (started, skills), (&shared.run, by_changes))
}

fn without_file(world: &mut World<'_>, ended: &Ended<'_>) -> Check {
    world.memory.lost();
    world.locals.clear();
    world.file = FileKind::New;
    if ended.result.success && !ended.spec.dry {
        return violation("lost file", "success, though the file is gone");
    }
    Ok(())
}

/// Another program committed to the file after the run's last transaction, and then a new file took its place.
///
/// `PRAGMA data_version` tells the run that there was a commit, but not to which of the two files.
/// The commits may belong to the new file, and must not be dropped (`contract.md` §2), so the
/// journal stays, and damages the new file: no engine can know better. The user removes it.
fn with_journal_of_others(world: &mut World<'_>, ended: &Ended<'_>) -> Check {
    if ended.result.success && !ended.spec.dry {
        return violation("lost file", "success, though the file is another one");
    }
    world.close();
    for name in ["skills.db", "skills.db-wal", "skills.db-shm"] {
        _ = std::fs::remove_file(world.folder.join(name));
    }
    without_file(world, ended)
}

fn with_file(world: &mut World<'_>, ended: &Ended<'_>, found: &Found, shared: &Shared) -> Check {
    let spec = ended.spec;
    let happens = |what: fn(&AtEvent) -> bool| spec.events.iter().any(|(_, event)| what(event));
    let since = match (spec.dry, world.memory.listing) {
        (false, Some(since)) => since,
        _ => ended.started.seq,
    };
    let lost_file = loses_file(&spec.events);
    let case = Case {
        ended,
        found,
        skills: &found.skills,
        whole: world.memory.listing.is_none() || spec.dry,
        disturbed: lost_file || happens(|event| matches!(event, AtEvent::Foreign(_))),
        lost_file,
        by_changes: shared.way.since().is_some(),
        settled: world.memory.settled && spec.is_quiet(),
        upset_by_lock: happens(|event| matches!(event, AtEvent::Lock(_))),
        ever: &shared.ever,
        served: &shared.run.served,
    };
    let must = shared.catalogue.must_be_met(Reading {
        page_size: spec.page_size,
        since,
        by_tiers: world.memory.by_tiers,
        way: shared.way,
        ever: &shared.ever,
    });
    let must = must.filter(|_| !world.memory.emptied);
    let must = must.as_deref();
    tolerated(records::dry_run_changes_nothing(&case))?;
    tolerated(records::claims(&case))?;
    tolerated(withdrawn::after_run(world, &case, must))?;
    tolerated(file::entries(&case))?;
    tolerated(file::next_try(world, &case))?;
    tolerated(file::local_rows(world, &case))?;
    tolerated(rows::nothing_unserved(world, &case))?;
    tolerated(complete::empty(&case))?;
    tolerated(complete::success(world, &case, must))?;
    if !world.memory.triggers && world.lasting().is_empty() {
        tolerated(complete::honest(&case, &shared.catalogue))?;
        tolerated(complete::rejected(&case, &shared.catalogue, must))?;
    }
    tolerated(complete::idempotent(&case))?;
    tolerated(file::index(world, &case))?;
    tolerated(file::status(world, &case))?;
    let exact = complete::mirrors(world, case.skills, &shared.catalogue, &shared.ever);
    let is_new = case.whole && !case.by_changes || case.settled;
    let settles = case.says_complete() && is_new && !case.disturbed && exact;
    let unchanged = shared.catalogue.seq == ended.started.seq;
    world.memory.missed.run_ended(&case, &shared.run);
    world.memory.ended(ended, since, settles, unchanged);
    Ok(())
}

/// The judge of stored rows in this world.
pub fn judge<'j>(world: &World<'_>, skills: &'j Skills) -> Judge<'j> {
    Judge {
        skills,
        narrow: world.is_narrow(),
        added_late: false,
    }
}
