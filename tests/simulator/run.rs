//! One run of the engine, with everything that happens during it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, SystemTime};

use skillsmith_sync::{CancelToken, SyncOptions, SyncPhase, SyncProgress, SyncResult};

use crate::oracle::{Ended, Started};
use crate::registry::{RunState, lock};
use crate::scenario::loses_file;
use crate::scenario::{AtEvent, AtRequest, DiskFailure, DiskFault, FileKind, RunSpec};
use crate::table;
use crate::violation::{Check, violation};
use crate::world::World;
use crate::{disk, foreign, oracle};

/// Maximum number of requests in the trace of a run.
const SHOWN: usize = 40;

pub fn run(world: &mut World<'_>, spec: &RunSpec) -> Check {
    world.runs += 1;
    let jumps = |at: &(u32, AtRequest)| matches!(at.1, AtRequest::Jump(_));
    world.memory.jumped |= spec.requests.iter().any(jumps);
    let started = start(world, spec)?;
    if world.database.is_none() {
        world.open()?;
    }
    let path = world.path();
    let wreck = world.next_wreck();
    let replacement = world.folder.join("replacement.db");
    if loses_file(&spec.events) && path.exists() {
        _ = std::fs::remove_file(&replacement);
        world.look(|conn| conn.execute("VACUUM INTO ?1", [replacement.to_string_lossy()]))?;
    }
    if loses_file(&spec.events) {
        // The last one to close the old file would delete the new file's log; that must not be this
        // connection.
        world.forget();
        world.host = None;
    }
    let Some(engine) = world.engine() else {
        return violation("simulator", "no database is open");
    };
    let cancel = lock(&world.shared).run.cancel.clone();
    let waits = spec.cancel_at_wait.map(|at| (at, cancel.clone()));
    world.clock.begin(waits);
    // A process that dies after its file was replaced cannot clean up.
    let fault = spec.disk.filter(|_| !loses_file(&spec.events));
    disk::arm(fault, &world.folder, &wreck);
    let mut happenings = Happenings {
        world,
        spec,
        path: &path,
        replacement: &replacement,
        cancel: cancel.clone(),
        calls: 0,
        phases: Vec::new(),
        left_by_others: None,
        others_wrote_last: false,
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        engine.sync(
            SyncOptions::new()
                .force(spec.force)
                .dry_run(spec.dry)
                .prune(spec.prune)
                .page_size(spec.page_size)
                .deadline(deadline(spec))
                .on_progress(|progress| happenings.told(progress))
                .cancel(cancel),
        )
    }));
    let phases = std::mem::take(&mut happenings.phases);
    let others_wrote_last = happenings.others_wrote_last;
    let disk = disk::disarm();
    if loses_file(&spec.events) {
        world.forget();
    }
    disk::release_lock();
    world.clock.end();
    drop(engine);
    note_end(world, &outcome, disk);
    let crashed = matches!(
        spec.disk,
        Some(DiskFault {
            what: DiskFailure::Crash(_),
            ..
        })
    ) && disk.fired;
    if crashed {
        return after_crash(world, spec, &started, &wreck);
    }
    let result = match outcome {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => return violation("refused", error.to_string()),
        Err(_) => return violation("panic", "the engine panicked"),
    };
    let ended = Ended {
        spec,
        started,
        result: &result,
        disk_failed: disk.fired,
        others_wrote_last,
        phases,
    };
    oracle::after_run(world, &ended)
}

fn deadline(spec: &RunSpec) -> Duration {
    if spec.deadline_ms == 0 {
        skillsmith_sync::engine::DEFAULT_DEADLINE
    } else {
        Duration::from_millis(spec.deadline_ms.into())
    }
}

/// Records the state that the run finds.
fn start(world: &World<'_>, spec: &RunSpec) -> Result<Started, crate::violation::Violation> {
    let mut shared = lock(&world.shared);
    let most_requests = shared.catalogue.most_requests(spec.page_size);
    shared.run = RunState {
        faults: spec.faults.iter().chain(world.lasting()).cloned().collect(),
        at: spec.requests.clone(),
        most_requests,
        cancel: CancelToken::new(),
        ..RunState::default()
    };
    let seq = shared.catalogue.seq;
    drop(shared);
    let mut started = Started {
        seq,
        ..Started::default()
    };
    if world.path().exists() {
        world.look(|conn| {
            started.skills = table::skills(conn)?;
            let entry = table::newest_entry(conn).ok().flatten();
            started.entry = entry.unwrap_or_default().id;
            if spec.dry {
                started.dump = Some(table::dump(conn)?);
            }
            Ok(())
        })?;
    }
    Ok(started)
}

type Outcome = std::thread::Result<skillsmith_sync::Result<SyncResult>>;

fn note_end(world: &mut World<'_>, outcome: &Outcome, disk: disk::Outcome) {
    let mut shared = lock(&world.shared);
    shared.apply_rest(world.clock.registry_seconds());
    let log = std::mem::take(&mut shared.run.log);
    drop(shared);
    let more = log.len().saturating_sub(SHOWN);
    for line in log.iter().take(SHOWN) {
        world.trace.push(format!("     {line}"));
    }
    if more > 0 {
        world.trace.push(format!("     and {more} requests more"));
    }
    let text = match outcome {
        Ok(Ok(result)) => format!(
            "{} {} added {} updated {} unchanged {} rejected {} removed {} processed {} {:?} {:?}",
            result.status.as_str(),
            result.coverage.as_str(),
            result.skills_added,
            result.skills_updated,
            result.skills_unchanged,
            result.skills_rejected,
            result.skills_removed,
            result.total_processed,
            result.errors,
            result.warnings
        ),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "panicked".into(),
    };
    // If the checkpoint thread runs in parallel, the number of writes varies.
    let fault = if disk.fired {
        format!(" (the disk failed, {} writes)", disk.writes)
    } else {
        String::new()
    };
    world.trace.push(format!("   = {text}{fault}"));
}

/// The process is dead; only what it left on disk remains.
fn after_crash(world: &mut World<'_>, spec: &RunSpec, started: &Started, wreck: &Path) -> Check {
    world.close();
    _ = std::fs::remove_dir_all(&world.folder);
    wreck.clone_into(&mut world.folder);
    if std::fs::create_dir_all(wreck).is_err() {
        return violation("simulator", "no folder for what the crash left");
    }
    world.memory.crashed(spec, started.seq, world.file);
    if !world.path().exists() {
        world.locals.clear();
        world.file = FileKind::New;
        return world.open();
    }
    if let Some(damage) = world.look(|conn| Ok(table::damage(conn)))? {
        return violation("integrity", format!("after a crash: {damage}"));
    }
    let skills = world.look(table::skills)?;
    oracle::after_crash(world, spec, started, &skills)?;
    world.open()
}

/// The events at calls of the progress callback, on the run's own thread.
struct Happenings<'w, 's> {
    world: &'w mut World<'s>,
    spec: &'w RunSpec,
    path: &'w Path,
    replacement: &'w Path,
    cancel: CancelToken,
    calls: u32,
    /// Each phase, in the order of its first report.
    phases: Vec<SyncPhase>,
    /// The journal as another program's commit left it.
    left_by_others: Option<Journal>,
    /// Whether that was still so when the file was lost.
    others_wrote_last: bool,
}

/// Size and modification time of a write-ahead log that is not empty.
type Journal = (u64, SystemTime);

fn journal(path: &Path) -> Option<Journal> {
    let found = std::fs::metadata(path.with_extension("db-wal")).ok()?;
    (found.len() > 0).then_some((found.len(), found.modified().ok()?))
}

impl Happenings<'_, '_> {
    fn told(&mut self, progress: &SyncProgress) {
        self.calls += 1;
        let is_new = !self.phases.contains(&progress.phase);
        if is_new {
            self.phases.push(progress.phase);
        }
        let writes = is_new && progress.phase == SyncPhase::Upserting;
        if writes {
            disk::count_from_now();
        }
        for (at, event) in &self.spec.events {
            // After a crash, the next program finds the crash's copy, not this file.
            let is_due = *at == self.calls || *at == 0 && writes;
            if is_due && !disk::has_crashed() {
                disk::paused(|| self.happens(event));
            }
        }
        // A run that has just been cancelled sends no more requests.
        if progress.phase <= SyncPhase::Fetching && !self.cancel.is_cancelled() {
            self.world.clock.told();
        }
    }

    fn happens(&mut self, event: &AtEvent) {
        if matches!(event, AtEvent::Replace | AtEvent::Delete) {
            let found = journal(self.path);
            self.others_wrote_last |= found.is_some() && found == self.left_by_others;
        }
        match event {
            AtEvent::Cancel => self.cancel.cancel(),
            AtEvent::Lock(_) if loses_file(&self.spec.events) => {}
            AtEvent::Lock(attempts) => disk::hold_lock(self.path, *attempts),
            AtEvent::Replace => _ = std::fs::rename(self.replacement, self.path),
            AtEvent::Delete => {
                _ = std::fs::remove_file(self.path);
                self.world.file = FileKind::New;
            }
            AtEvent::Foreign(change) => {
                let Ok(conn) = table::connect(self.path) else {
                    return;
                };
                // The run may hold the lock on this same thread.
                _ = conn.busy_timeout(Duration::ZERO);
                foreign::apply(&conn, change, &lock(&self.world.shared).ever);
                self.world.memory.foreign(change);
                self.world.note_locals(&conn);
                self.left_by_others = journal(self.path);
            }
        }
    }
}
