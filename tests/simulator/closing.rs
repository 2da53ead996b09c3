//! The closing phase: whatever happened before, runs without faults fetch everything that is
//! reachable.

use std::time::Duration;

use skillsmith_sync::Coverage;

use crate::catalogue::{Catalogue, Way};
use crate::oracle::judge;
use crate::registry::{Shared, lock};
use crate::scenario::{Fault, RunSpec, Target};
use crate::table::{self, Skills};
use crate::violation::{Check, violation};
use crate::world::World;
use crate::{disk, foreign, run};

/// Whatever was refused or deferred is tried again within days.
const PAUSE: Duration = Duration::from_secs(2 * 86_400);

const RUNS: usize = 3;

/// What fails permanently costs only itself, nothing near it or after it.
pub fn lasting_faults(world: &mut World<'_>) -> Check {
    if world.lasting().is_empty() {
        return Ok(());
    }
    runs(world, "run with what lasts")?;
    let skills = world.look(table::skills)?;
    let shared = lock(&world.shared);
    let page_size = world.scenario.last_page_size.max(1);
    let way = shared.way;
    let Some(reachable) = shared.catalogue.reachable(page_size, way) else {
        return Ok(());
    };
    let judge = judge(world, &skills);
    let faults = world.lasting();
    for (at, entry) in reachable.iter().enumerate() {
        let row = &entry.row;
        let costs = |fault: &Fault| match fault.on {
            Target::RowPage(n) => n == row.n,
            Target::Tier(tier) => tier == row.tier,
            Target::Deep(offset) => at as u64 >= u64::from(offset),
            _ => true,
        };
        if row.is_valid()
            && !faults.iter().any(costs)
            && !twins(&shared.catalogue, row.n)
            && !overwritten(world, way, row.n)
            && let Some(fault) = judge.fault_by_stamp(row, &shared.ever)
        {
            return violation("isolated", format!("after {RUNS} runs {fault}"));
        }
    }
    Ok(())
}

/// Whether another program overwrote a row that is not listed again before the next whole listing.
fn overwritten(world: &World<'_>, way: Way, n: u32) -> bool {
    way.since().is_some() && world.memory.written.contains(&n)
}

fn twins(catalogue: &Catalogue, n: u32) -> bool {
    let same = catalogue.rows.iter();
    same.filter(|entry| entry.row.n == n).count() > 1
}

fn runs(world: &mut World<'_>, what: &str) -> Check {
    disk::release_lock();
    if world.path().exists() {
        world.look(foreign::mend)?;
    }
    let spec = RunSpec {
        page_size: world.scenario.last_page_size.max(1),
        prune: world.scenario.last_prune,
        // Also more than a tenth.
        force: world.scenario.last_prune,
        ..RunSpec::default()
    };
    for number in 1..=RUNS {
        world.clock.pass(PAUSE);
        world.trace.push(format!("{what} {number}"));
        world.memory.last = None;
        run::run(world, &spec)?;
    }
    Ok(())
}

pub fn good_runs(world: &mut World<'_>) -> Check {
    world.mended = true;
    runs(world, "good run")?;
    let page_size = world.scenario.last_page_size.max(1);
    world.trace.push("the good end".into());
    let skills = world.look(table::skills)?;
    let shared = lock(&world.shared);
    let way = shared.way;
    let Some(reachable) = shared.catalogue.reachable(page_size, way) else {
        return Ok(());
    };
    let judge = judge(world, &skills);
    let mut all_valid = true;
    for entry in &reachable {
        let row = &entry.row;
        if !row.is_valid() {
            all_valid = false;
        } else if !twins(&shared.catalogue, row.n)
            && !overwritten(world, way, row.n)
            && let Some(fault) = judge.fault_by_stamp(row, &shared.ever)
        {
            return violation("progress", format!("after {RUNS} good runs {fault}"));
        }
    }
    let Some((success, code, coverage)) = world.memory.last else {
        return Ok(());
    };
    removed(world, &skills, &shared, (success, coverage))?;
    // An empty registry is not trusted if the table has rows.
    let news = !reachable.is_empty() || skills.is_empty();
    if news
        && shared.catalogue.must_say_complete(page_size, way)
        // Rows that cannot be stored are reported by the listing that fetches them.
        && (success != all_valid && !(success && way.since().is_some()) || code.is_some() || coverage != Coverage::Complete)
    {
        return violation(
            "says",
            format!("after {RUNS} good runs: success {success}, {code:?}, {coverage:?}"),
        );
    }
    Ok(())
}

/// Runs that remove what is withdrawn have removed it, if they say that nothing is in doubt.
fn removed(
    world: &World<'_>,
    skills: &Skills,
    shared: &Shared,
    (success, coverage): (bool, Coverage),
) -> Check {
    let page_size = world.scenario.last_page_size.max(1);
    // The search does not decide about what the sync endpoint has listed.
    let is_certain = success
        && coverage == Coverage::Complete
        && shared.catalogue.must_say_complete(page_size, shared.way)
        && (shared.way != Way::Search || !shared.asked_endpoint)
        // Of one listed twice the total counts more rows than come, as of hidden ones.
        && !shared.catalogue.rows.iter().any(|entry| entry.row.twin);
    if !is_certain || !world.scenario.last_prune {
        return Ok(());
    }
    let stands = |id: &String| {
        let mut rows = shared.catalogue.rows.iter();
        rows.any(|entry| entry.row.id() == *id)
    };
    // Without this column, nobody knows whose rows they are.
    let is_left = |(id, stored): &(&String, &table::Stored)| {
        stored.contains_key("source") && !table::is_local(stored) && !stands(id)
    };
    match skills.iter().find(is_left) {
        Some((id, _)) => violation(
            "left",
            format!("after {RUNS} good runs {id} is still there"),
        ),
        None => Ok(()),
    }
}
