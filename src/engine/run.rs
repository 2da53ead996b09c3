//! One run, from its history entry to its result.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};

use super::apply::{Applier, Rules};
use super::checkpoint::Checkpointer;
use super::fetch::{Event, Fetch};
use super::options::{Coverage, SyncOptions, SyncResult};
use super::plan::{Place, Plan};
use super::progress::Progress;
use super::tally::Tally;
use super::{SyncEngine, backoff};
use crate::clock::{from_iso, to_iso};
use crate::config;
use crate::database::{Patience, state, write};
use crate::history::{self, SyncStatus};
use crate::skills::{Prints, Table, index_sign, repair_index};
use crate::{CancelToken, Error, Result};

/// The books of a run that ends must be written even if a host holds the lock for a while.
const BOOKS_BUDGET: Duration = Duration::from_secs(10);

/// An error message in the history is for a person to read.
const MAX_MESSAGE: usize = 1_000;

pub(super) struct Run<'e, 'o> {
    engine: &'e SyncEngine,
    options: SyncOptions<'o>,
    /// When it began, in the clock's elapsed time.
    begun: Duration,
    started_at: DateTime<Utc>,
    id: Option<String>,
    tally: Tally,
    coverage: Coverage,
}

/// What the run finds in the database before it does anything.
struct Found {
    /// The caller has set `last_sync_at` by hand, in a database that was never synced, and means it.
    since: Option<DateTime<Utc>>,
    /// Another program has written to the full-text index since our last run, if there was one.
    index_suspect: bool,
    /// Where an earlier listing ended early.
    place: Option<Place>,
    plan: Option<Plan>,
}

/// What the listing came to.
struct Listed {
    place: Place,
    /// From the first row to the last, by this run.
    whole: bool,
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
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run()))
            .unwrap_or_else(|_| {
                Err(Error::Internal(
                    "a callback panicked during the sync".into(),
                ))
            })
            .map_err(|error| self.engine.database.name_damage(error));
        if let Err(error) = &outcome {
            self.close_books_of_failure(error);
        }
        self.result(outcome.err().as_ref())
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
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.apply(&fetch, &mut applier, &mut progress, &rules)
        }))
        .unwrap_or_else(|_| {
            Err(Error::Internal(
                "a callback panicked during the sync".into(),
            ))
        });
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

    /// Makes the history entry.
    fn open_books(&mut self, conn: &Connection) -> Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        let id = write(conn, self.patience(), |conn| {
            // We hold the sync lock, so whoever is marked as running is not.
            history::interrupt(conn, None, self.started_at)?;
            let id = history::start(conn, self.started_at)?;
            state::set(conn, state::key::CURRENT_RUN, &id)?;
            Ok(id)
        })?;
        self.id = Some(id);
        Ok(())
    }

    /// What earlier runs, and others, have left.
    fn look(&self, conn: &Connection, table: &Table) -> Result<Found> {
        let newest: Option<String> = conn
            .query_row(
                "SELECT id FROM sync_history ORDER BY started_at DESC, rowid DESC LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?;
        let untouched = state::is_empty(conn)?;
        let since = if untouched && newest.is_none() {
            config::load(conn)?
                .last_sync_at
                .as_deref()
                .and_then(from_iso)
        } else {
            None
        };
        let index = if table.has.fts {
            index_sign(conn)?
        } else {
            None
        };
        let left: Option<String> = state::get(conn, state::key::INDEX)?;
        let registry = self.engine.registry.name();
        Ok(Found {
            since,
            index_suspect: table.has.fts && (left.is_none() || left != index),
            place: state::get(conn, state::key::PLACE)?
                .filter(|place: &Place| place.registry == registry),
            plan: state::get(conn, &state::key::plan(&registry))?,
        })
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

    /// The whole listing was read: settles what is left, and writes the books.
    fn close_books(
        &mut self,
        conn: &Connection,
        applier: &mut Applier<'_>,
        listed: &Listed,
    ) -> Result<()> {
        let place = &listed.place;
        if place.plan == Plan::Words || place.unsettled {
            self.coverage = Coverage::BestEffort;
        }
        if place.unsettled {
            applier.tally.warn("The registry's rows kept moving while they were read; the next sync reads them again.".into());
        }
        if place.plan == Plan::Words {
            applier.tally.warn("The registry can only be searched, not listed; skills without a common word are missing.".into());
        }
        applier.settle_urls(listed.whole && self.coverage == Coverage::Complete)?;
        applier.settle_index()?;
        let (Some(id), now) = (&self.id, self.engine.clock.now()) else {
            return Ok(());
        };
        let patience = Patience {
            budget: BOOKS_BUDGET,
            cancel: &CancelToken::new(),
        };
        let tally = &applier.tally;
        write(conn, patience, |conn| {
            state::remove(conn, state::key::PLACE)?;
            state::remove(conn, state::key::CURRENT_RUN)?;
            state::set(conn, state::key::LISTED, &to_iso(now))?;
            state::set(conn, &state::key::plan(&place.registry), &place.plan)?;
            backoff::clear(conn)?;
            applier.keep_index_sign(conn)?;
            config::record_last_sync(
                conn,
                &place.started_at,
                i64::try_from(tally.changed()).unwrap_or(i64::MAX),
            )?;
            let message = message_of(&tally.errors());
            let status = if message.is_some() {
                config::record_error(conn, message.as_deref())?;
                SyncStatus::Partial
            } else {
                SyncStatus::Success
            };
            history::finish(
                conn,
                id,
                now,
                status,
                tally.run_result(),
                message.as_deref(),
            )
        })
    }

    /// The run ended early or did not begin. Best effort: where even this cannot
    /// be written, the entry is marked as interrupted by whoever looks next.
    fn close_books_of_failure(&self, error: &Error) {
        let Some(id) = &self.id else { return };
        let now = self.engine.clock.now();
        let patience = Patience {
            budget: BOOKS_BUDGET,
            cancel: &CancelToken::new(),
        };
        let text = error.to_string();
        let progressed = self.tally.processed() > 0;
        let write_books = |conn: &Connection| {
            state::remove(conn, state::key::CURRENT_RUN)?;
            if let Ok(sign @ Some(_)) = index_sign(conn) {
                state::set(conn, state::key::INDEX, &sign)?;
            }
            let interval_ms = config::load(conn)?.interval_ms;
            backoff::note(conn, error, progressed, interval_ms, now)?;
            config::record_error(conn, Some(&text))?;
            history::finish(
                conn,
                id,
                now,
                self.status(Some(error)),
                self.tally.run_result(),
                Some(&text),
            )
        };
        _ = self
            .engine
            .database
            .connect()
            .and_then(|conn| write(&conn, patience, write_books));
    }

    fn status(&self, error: Option<&Error>) -> SyncStatus {
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

    const fn patience(&self) -> Patience<'_> {
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
            | Error::Timeout(_)
            | Error::Server { .. }
            | Error::Unauthorized(_)
            | Error::Forbidden(_)
            | Error::Protocol(_)
            | Error::Refused { .. }
            | Error::RedirectRefused(_)
            | Error::TooLarge(_)
    )
}

fn message_of(errors: &[String]) -> Option<String> {
    (!errors.is_empty()).then(|| errors.join("; ").chars().take(MAX_MESSAGE).collect())
}
