//! The books of a run: what it finds when it begins, and what it leaves when it ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};

use super::apply::Applier;
use super::backoff;
use super::options::Coverage;
use super::plan::{Known, Place, Plan};
use super::run::Run;
use crate::clock::{from_iso, to_iso};
use crate::config;
use crate::database::{Patience, state, write};
use crate::history::{self, SyncStatus};
use crate::skills::{Table, index_sign};
use crate::{CancelToken, Error, Result};

/// The books of a run that ends must be written even if a host holds the lock for a while.
pub(super) const BOOKS_BUDGET: Duration = Duration::from_secs(10);

const CANCELLED_BOOKS_BUDGET: Duration = Duration::from_millis(100);

/// An error message in the history is for a person to read.
const MAX_MESSAGE: usize = 1_000;

/// What the run finds in the database before it does anything.
pub(super) struct Found {
    /// The caller has set `last_sync_at` by hand, in a database that was never synced, and means it.
    pub(super) since: Option<DateTime<Utc>>,
    /// Another program has written to the full-text index since our last run, if there was one.
    pub(super) index_suspect: bool,
    /// Where this listing goes on, or has to begin.
    pub(super) place: Option<Place>,
    pub(super) plan: Option<Plan>,
}

/// What the listing came to.
pub(super) struct Listed {
    pub(super) place: Place,
    /// From the first row to the last, by this run.
    pub(super) whole: bool,
}

impl Run<'_, '_> {
    /// Makes the history entry.
    pub(super) fn open_books(&mut self, conn: &Connection) -> Result<()> {
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
    pub(super) fn look(&self, conn: &Connection, table: &Table) -> Result<Found> {
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
        let known: Option<Known> = state::get(conn, &state::key::plan(&registry))?;
        let plan = known
            .as_ref()
            .and_then(|known| known.plan_at(self.started_at));
        let sign = table.sign();
        let mut place = state::get(conn, state::key::PLACE)?
            .filter(|place: &Place| place.registry == registry && place.table == sign)
            .filter(|place| !(place.filling && self.options.force));
        if place.is_none() && since.is_none() && known.is_none_or(|known| known.table != sign) {
            // A column or tier that has come since is empty in rows whose stamp is the registry's:
            // one listing by content fills it, however many runs that takes.
            let plan = plan.unwrap_or(Plan::Plain);
            let start = Place::new(registry, plan, true, to_iso(self.started_at));
            place = Some(Place {
                filling: !self.options.force,
                ..start
            });
        }
        Ok(Found {
            since,
            index_suspect: table.has.fts && (left.is_none() || left != index),
            place,
            plan,
        })
    }

    /// The whole listing was read: settles what is left, and writes the books.
    pub(super) fn close_books(
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
            let key = state::key::plan(&place.registry);
            let before: Option<Known> = state::get(conn, &key)?;
            state::set(conn, &key, &self.learnt(place, &applier.table_sign, before))?;
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
                Some(tally.run_result()),
                message.as_deref(),
            )
        })
    }

    /// What a finished listing has taught about its registry.
    fn learnt(&self, place: &Place, table: &str, before: Option<Known>) -> Known {
        let began = from_iso(&place.started_at).unwrap_or(self.started_at);
        let untried = before
            .as_ref()
            .is_some_and(|known| known.plan == Plan::Words && known.plan_at(began).is_some());
        let (chosen_at, filled) = before
            .map(|known| (known.chosen_at, known.table))
            .unwrap_or_default();
        Known {
            plan: place.plan,
            chosen_at: if untried {
                chosen_at
            } else {
                place.started_at.clone()
            },
            table: if self.coverage == Coverage::Complete {
                table.to_owned()
            } else {
                // Rows that were not reached may still lack what the table has got.
                filled
            },
        }
    }

    /// The run ended early or did not begin. Best effort: where even this cannot
    /// be written, the entry is marked as interrupted by whoever looks next.
    pub(super) fn close_books_of_failure(&self, error: &Error) {
        let Some(id) = &self.id else { return };
        let now = self.engine.clock.now();
        let patience = Patience {
            // Whoever cancels waits for us, and the rows are written already.
            budget: if matches!(error, Error::Cancelled) {
                CANCELLED_BOOKS_BUDGET
            } else {
                BOOKS_BUDGET
            },
            cancel: &CancelToken::new(),
        };
        // A host's own registry can say as much as it likes.
        let text = message_of(&[error.to_string()]).unwrap_or_default();
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
                Some(self.tally.run_result()),
                Some(&text),
            )
        };
        _ = self
            .engine
            .database
            .connect_again()
            .and_then(|conn| write(&conn, patience, write_books));
    }
}

fn message_of(errors: &[String]) -> Option<String> {
    (!errors.is_empty()).then(|| errors.join("; ").chars().take(MAX_MESSAGE).collect())
}
