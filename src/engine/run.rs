//! One run, from its history entry to its result.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::SyncEngine;
use super::apply::{Applier, Rules};
use super::books::{BOOKS_BUDGET, Found, Listed};
use super::checkpoint::Checkpointer;
use super::fetch::{Event, Fetch};
use super::options::{Coverage, SyncOptions, SyncResult};
use super::plan::{Place, Plan};
use super::progress::Progress;
use super::tally::Tally;
use crate::clock::to_iso;
use crate::database::{Patience, write};
use crate::history::SyncStatus;
use crate::memory::{self, guarded};
use crate::skills::{Prints, Table, repair_index};
use crate::{Error, Result};

pub(super) struct Run<'e, 'o> {
    pub(super) engine: &'e SyncEngine,
    pub(super) options: SyncOptions<'o>,
    /// When it began, in the clock's elapsed time.
    begun: Duration,
    pub(super) started_at: DateTime<Utc>,
    pub(super) id: Option<String>,
    pub(super) tally: Tally,
    pub(super) coverage: Coverage,
}

impl<'e, 'o> Run<'e, 'o> {
    pub(super) fn new(engine: &'e SyncEngine, options: SyncOptions<'o>, begun: Duration) -> Self {
        let started_at = engine.clock.now();
        Self {
            engine,
            options,
            begun,
            started_at,
            id: None,
            tally: Tally::default(),
            coverage: Coverage::Complete,
        }
    }

    pub(super) fn execute(mut self) -> SyncResult {
        // Whatever a callback or a registry does, the lock is given back and the books are closed.
        let outcome = guarded(|| self.run()).map_err(|error| self.explain(error));
        if let Err(error) = &outcome {
            self.close_books_of_failure(error);
        }
        self.result(outcome.err().as_ref())
    }

    /// Puts to an error what only the run knows of it.
    fn explain(&self, error: Error) -> Error {
        match (error, self.options.cancel.reason()) {
            (Error::Cancelled, Some(reason)) => Error::Host(reason),
            (error @ (Error::Cancelled | Error::Host(_)), _) => error,
            // Whatever failed, failed for that.
            _ if memory::check().is_err() => Error::OutOfMemory,
            (error, _) => self.engine.database.name_damage(error),
        }
    }

    fn run(&mut self) -> Result<()> {
        let mut progress = Progress::new(self.options.on_progress.take());
        let conn = self.engine.database.connect()?;
        tune(&conn)?;
        let table = Table::read(&conn)?;
        let found = self.look(&conn, &table)?;
        if self.engine.registry.is_offline() {
            self.open_books(&conn)?;
            return Err(Error::Offline);
        }
        if self.options.cancel.is_cancelled() {
            // Before anything is sent.
            self.open_books(&conn)?;
            return Err(Error::Cancelled);
        }
        progress.connecting(&self.tally);
        let place = self.starting_place(&found);
        let whole = place.is_start() && found.since.is_none();
        let rules = Rules {
            force: place.force,
            since: found.since.filter(|_| !place.force),
            dry_run: self.options.dry_run,
        };
        let fetch = Fetch::start(
            Arc::clone(&self.engine.registry),
            Arc::clone(&self.engine.clock),
            self.options.page_size,
            place,
            self.begun.saturating_add(self.options.deadline),
        )?;
        // Reads the whole table: damage is found before anything is written.
        let prints = Prints::load(&conn, &table)?;
        self.open_books(&conn)?;
        if found.index_suspect && !self.options.dry_run {
            write(&conn, self.patience(), repair_index)?;
        }
        let cancel = self.options.cancel.clone();
        let checkpointer = if self.options.dry_run {
            None
        } else {
            Some(Checkpointer::start(&self.engine.database, &conn)?)
        };
        let mut applier = Applier::new(&conn, &table, prints, rules, &cancel, checkpointer)?;
        let outcome = guarded(|| self.apply(&fetch, &mut applier, &mut progress, &rules));
        let outcome = outcome
            .and_then(|place| self.close_books(&conn, &mut applier, &Listed { place, whole }))
            .inspect_err(|_| {
                // What was read is kept, with the place; the cause is what matters to the user.
                _ = applier.flush().and_then(|()| applier.settle_index());
            });
        self.tally = applier.tally;
        if outcome.is_ok() {
            progress.complete(&self.tally);
        }
        outcome
    }

    /// Takes in page after page until the listing ends.
    fn apply(
        &self,
        fetch: &Fetch,
        applier: &mut Applier<'_>,
        progress: &mut Progress<'_>,
        rules: &Rules,
    ) -> Result<Place> {
        loop {
            match fetch.next(&self.options.cancel, self.options.deadline)? {
                Event::Connected => {
                    let message = match rules.since {
                        Some(since) => format!("Fetching changes since {}", to_iso(since)),
                        None => "Fetching all skills".into(),
                    };
                    progress.connected(&applier.tally, &message);
                }
                Event::Waiting(wait) => progress.waiting(&applier.tally, &wait.reason),
                Event::Page(step) => {
                    for row in step.rows {
                        applier.take(row)?;
                        if applier.is_batch_full() {
                            applier.flush()?;
                            progress.wrote(applier.written, &applier.tally);
                        }
                    }
                    progress.page(&step.place, &applier.tally);
                    applier.reached(step.place);
                    if applier.place_is_due() {
                        applier.flush()?;
                    }
                }
                Event::End(place) => {
                    let changed = applier.tally.changed();
                    applier.flush()?;
                    if changed > 0 {
                        progress.wrote(applier.written, &applier.tally);
                    }
                    return Ok(place);
                }
            }
        }
    }

    /// Where an earlier listing ended, unless this run has to begin anew.
    fn starting_place(&self, found: &Found) -> Place {
        if let Some(place) = &found.place
            && !self.options.dry_run
            && (place.force || !self.options.force)
        {
            return place.clone();
        }
        Place::new(
            self.engine.registry.name(),
            found.plan.unwrap_or(Plan::Plain),
            self.options.force,
            to_iso(self.started_at),
        )
    }

    pub(super) fn status(&self, error: Option<&Error>) -> SyncStatus {
        match error {
            None if self.tally.rejected() == 0 => SyncStatus::Success,
            None => SyncStatus::Partial,
            Some(error) if self.tally.processed() > 0 && leaves_a_part(error) => {
                SyncStatus::Partial
            }
            Some(_) => SyncStatus::Failed,
        }
    }

    fn result(self, error: Option<&Error>) -> SyncResult {
        let status = self.status(error);
        let mut errors: Vec<String> = error.map(ToString::to_string).into_iter().collect();
        errors.extend(self.tally.errors());
        let duration = self.engine.clock.elapsed().saturating_sub(self.begun);
        SyncResult {
            success: status == SyncStatus::Success,
            skills_added: self.tally.added,
            skills_updated: self.tally.updated,
            skills_unchanged: self.tally.unchanged,
            skills_rejected: self.tally.rejected(),
            total_processed: self.tally.processed(),
            errors,
            warnings: self.tally.warnings(),
            coverage: self.coverage,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            dry_run: self.options.dry_run,
            status,
            code: error.map(Error::code),
        }
    }

    pub(super) const fn patience(&self) -> Patience<'_> {
        Patience {
            budget: BOOKS_BUDGET,
            cancel: &self.options.cancel,
        }
    }
}

/// A run writes all over the indexes and the full-text index. With SQLite's
/// default cache of 2 MB a first sync of 100,000 skills takes twice as long;
/// beyond 24 MB little is gained.
fn tune(conn: &Connection) -> Result<()> {
    conn.pragma_update(None, "cache_size", -24_000)?;
    Ok(())
}

/// The result of a sync that could not even begin; it leaves no history entry.
pub(super) fn not_begun(error: &Error, dry_run: bool) -> SyncResult {
    SyncResult {
        success: false,
        skills_added: 0,
        skills_updated: 0,
        skills_unchanged: 0,
        skills_rejected: 0,
        total_processed: 0,
        errors: vec![error.to_string()],
        warnings: Vec::new(),
        coverage: Coverage::Complete,
        duration_ms: 0,
        dry_run,
        status: SyncStatus::Failed,
        code: Some(error.code()),
    }
}

/// Whether rows that were written before this error make the run a partial one:
/// the registry failed for some page. A run that was stopped, or whose database
/// failed, is a failed one.
const fn leaves_a_part(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable(_)
            | Error::CutOff(_)
            | Error::Timeout(_)
            | Error::Server { .. }
            | Error::Unauthorized(_)
            | Error::Forbidden(_)
            | Error::PlanRequired(_)
            | Error::Protocol(_)
            | Error::Refused { .. }
            | Error::RedirectRefused(_)
            | Error::TooLarge(_)
    )
}
