//! Writes what is staged in short transactions, and settles URLs and the index at the end of a
//! listing.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::backoff;
use super::super::batch::Weight;
use super::super::profile;
use super::{Applier, Pending};
use crate::clock::to_iso;
use crate::database::checked::{self, Checked};
use crate::database::{self, LockWait, MOST_STEPS, state, transaction};
use crate::fingerprint::row_of_id;
use crate::log::{LogLevel, plural};
use crate::skills::{RowOutcome, fts, stage, urls};
use crate::{CancelToken, Error, Result, memory};

/// Lock wait during a run, which has time: a host may be in a long transaction.
pub(super) const BUSY_BUDGET: Duration = Duration::from_secs(30);

/// Lock wait for a run that ends early.
pub(super) const HURRIED_BUDGET: Duration = Duration::from_secs(1);

/// A shorter wait is not recorded: a restart takes about as long.
const LONGEST_UNNOTED_WAIT: Duration = Duration::from_secs(5);

/// How many URLs, and how many bytes of them, are loaded at once.
const URLS_AT_ONCE: usize = 200;
const URL_BYTES_AT_ONCE: usize = 1024 * 1024;

/// When rows are written one by one, a transaction ends after this long.
pub(super) const SINGLE_ROWS_FOR: Duration = Duration::from_millis(40);

/// So many rows over which a trigger does not end have all the steps that a row can need; those behind them a tenth.
const MOST_ENDLESS_ROWS: u32 = 2;

/// After such a row, others may write: SQLite looks for a lock up to ten times a second.
const PAUSE_FOR_OTHERS: Duration = Duration::from_millis(120);

/// The outcome of writing rows one by one.
enum Attempt {
    /// One outcome for each of the first rows.
    Done(Vec<stage::Written>),
    /// A trigger rolled the transaction back, or it could not be committed, for this reason.
    RolledBack(String),
    /// The transaction has taken all its steps.
    Endless(String),
}

impl Applier<'_> {
    /// Writes what is staged, together with the cursor.
    #[inline(never)]
    pub(in crate::engine) fn flush(&mut self) -> Result<()> {
        if self.rules.dry_run {
            self.commit_pending();
            self.staged = Weight::default();
            self.unmet.clear_met();
            return Ok(());
        }
        let has_rows = !self.stage.is_empty() || self.has_urls || self.unmet.has_met();
        if !has_rows && self.cursor.is_none() {
            return Ok(());
        }
        self.look_again()?;
        self.outdate_others()?;
        self.stage.set_taken_urls_aside()?;
        let begun = self.tools.clock.elapsed();
        let mut outcome = self.write_batch();
        if outcome.as_ref().is_err_and(stage::is_index_fault) {
            // Another program has damaged the index: rebuild it and try again, once.
            let guard = database::interruptible(self.tools.conn, self.tools.cancel, None);
            transaction::write(self.tools.conn, self.lock_wait(), fts::rebuild)?;
            drop(guard);
            outcome = self.write_batch();
        }
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => self.write_rows_and_rest(false),
            Err(Error::Database(error)) if stage::is_row_fault(&error) => {
                let is_endless = stage::is_endless(&error);
                if is_endless {
                    // Or each row takes long here, as where an index is missing.
                    let took = self.tools.clock.elapsed().saturating_sub(begun);
                    self.size.learn(self.staged, took);
                }
                // A statement that was stopped has undone those before it.
                self.write_rows_and_rest(is_endless)
            }
            // Rebuilt already: a trigger does it.
            Err(error) if stage::is_index_fault(&error) && self.tools.table.has.foreign_writes => {
                self.write_rows_and_rest(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Fails where a table has become something else since it was looked at.
    pub(in crate::engine) fn look_again(&self) -> Result<()> {
        database::look_again(self.tools.conn)
    }

    /// Before the first write of a run: what was learned about the changes of other registries counts
    /// no more, since this one may overwrite their rows.
    fn outdate_others(&mut self) -> Result<()> {
        let (conn, registry) = (self.tools.conn, &self.tools.registry);
        if !self.others_are_outdated && profile::others_are_current(conn, registry)? {
            transaction::write_rows(conn, self.lock_wait(), |conn| {
                profile::outdate_others(conn, registry)
            })?;
        }
        self.others_are_outdated = true;
        Ok(())
    }

    /// While no page comes: records the requests that were sent, since the process may end before the
    /// next page. `wait`: a pause, which the next automatic run observes if this one does not.
    pub(in crate::engine) fn keep_requests(&self, wait: Option<Duration>) -> Result<()> {
        let (clock, requests) = (self.tools.clock, &self.tools.requests);
        let wait = wait.filter(|wait| *wait > LONGEST_UNNOTED_WAIT);
        if self.rules.dry_run || (wait.is_none() && !requests.has_unrecorded()) {
            return Ok(());
        }
        let used = transaction::write_rows(self.tools.conn, self.lock_wait(), |conn| {
            if let Some(wait) = wait {
                backoff::note_wait(conn, wait, clock.now())?;
            }
            requests.record(conn, clock.now())
        })?;
        requests.note_recorded(used);
        Ok(())
    }

    #[inline(never)]
    fn write_rows_and_rest(&mut self, one_at_a_time: bool) -> Result<()> {
        self.write_row_by_row(one_at_a_time)?;
        self.write_batch().map(|_| ())
    }

    /// Writes the batch in one transaction. Returns whether SQLite counts all its rows as written;
    /// if not, nothing was written.
    #[inline(never)]
    fn write_batch(&mut self) -> Result<bool> {
        let clock = self.tools.clock;
        let mut locked = clock.elapsed();
        let mut agrees = true;
        let mut altered = Vec::new();
        if let Some(cursor) = &mut self.cursor {
            self.tally.note_in(&mut cursor.findings);
        }
        let (stage, cursor, requests) = (&self.stage, &self.cursor, &self.tools.requests);
        let (pages, unmet) = (&self.pages, &self.unmet);
        let steps = self.most_steps();
        let outcome =
            transaction::write_rows_in(self.tools.conn, self.lock_wait(), steps, |conn| {
                locked = clock.elapsed();
                agrees = stage.write_all()?;
                if !agrees {
                    // Rolls back; the caller checks the flag, not this error.
                    return Err(Error::Cancelled);
                }
                altered = stage.altered()?;
                urls::keep_list(conn)?;
                pages.store(conn)?;
                unmet.forget_met(conn)?;
                if let Some(cursor) = cursor {
                    state::set(conn, state::key::CURSOR, cursor)?;
                }
                requests.record(conn, clock.now())
            });
        if !agrees {
            return Ok(false);
        }
        requests.note_recorded(outcome?);
        for id in altered {
            self.tally.note_altered(row_of_id(&id), &id);
        }
        let held = clock.elapsed().saturating_sub(locked);
        self.size.learn(self.staged, held);
        if self.staged != Weight::default() {
            let rows = self.staged.rows();
            self.tools.log.sync(LogLevel::Debug, || {
                format!(
                    "a batch of {rows} row{} is written; it took {} ms",
                    plural(rows == 1),
                    held.as_millis()
                )
            });
        }
        self.end_batch()?;
        Ok(true)
    }

    /// Counts the committed batch and empties the stage.
    fn end_batch(&mut self) -> Result<()> {
        self.commit_pending();
        if let Some(checkpointer) = &self.tools.checkpointer {
            checkpointer.committed();
        }
        self.stage.clear()?;
        self.tools
            .conn
            .prepare_cached("DELETE FROM temp.skillsmith_urls")?
            .execute([])?;
        self.has_urls = false;
        self.pages.to_store.clear();
        self.unmet.clear_met();
        self.staged = Weight::default();
        self.cursor = None;
        self.cursor_kept = self.tools.clock.elapsed();
        Ok(())
    }

    fn commit_pending(&mut self) {
        for pending in self.pending.drain(..) {
            commit(&mut self.tally, pending);
        }
    }

    /// Finds the rows that the database refuses, and writes all others.
    fn write_row_by_row(&mut self, mut one_at_a_time: bool) -> Result<()> {
        let ids = self.stage.ids()?;
        let mut pending = std::mem::take(&mut self.pending).into_iter();
        let mut rest = ids.as_slice();
        // A trigger that rolls the transaction back also undoes the rows before it, and a foreign key that is only looked
        // at in the end does not tell which row it is.
        while let Some(first) = rest.first() {
            let outcomes = match self.write_some(rest, one_at_a_time) {
                Ok(Attempt::Done(outcomes)) => outcomes,
                Ok(Attempt::RolledBack(reason)) if one_at_a_time => {
                    vec![stage::Written::Refused(reason)]
                }
                Ok(Attempt::Endless(reason)) if one_at_a_time => {
                    self.endless_rows = self.endless_rows.saturating_add(1);
                    // What is written of a batch after a cancellation takes no time; such rows do.
                    if self.tools.cancel.wait(PAUSE_FOR_OTHERS) {
                        return Err(Error::Cancelled);
                    }
                    vec![stage::Written::Refused(reason)]
                }
                Ok(Attempt::RolledBack(_) | Attempt::Endless(_)) => {
                    one_at_a_time = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            debug_assert!(!outcomes.is_empty(), "no progress at {first}");
            let done = outcomes.len();
            for ((id, written), pending) in rest.iter().zip(outcomes).zip(pending.by_ref()) {
                self.settle_row(id, written, pending);
            }
            rest = &rest[done..];
        }
        self.stage.clear()?;
        self.staged = Weight::default();
        Ok(())
    }

    /// Writes some of the rows in one short transaction.
    fn write_some(&self, ids: &[String], one_at_a_time: bool) -> Result<Attempt> {
        let (stage, clock) = (&self.stage, self.tools.clock);
        let mut ended_by = None;
        let steps = self.most_steps();
        let outcome =
            transaction::write_rows_in(self.tools.conn, self.lock_wait(), steps, |conn| {
                let begun = clock.elapsed();
                let mut outcomes = Vec::new();
                for id in ids {
                    stage.set_url_aside_if_taken(id)?;
                    let mut written = stage.write_one(id)?;
                    if written == stage::Written::Stored {
                        if stage.is_altered(id)? {
                            written = stage::Written::Altered;
                        }
                        urls::keep_one(conn, id)?;
                    }
                    if let stage::Written::Refused(reason) = &written
                        && conn.is_autocommit()
                    {
                        ended_by = Some(reason.clone());
                        // The caller checks the reason, not this error.
                        return Err(Error::Cancelled);
                    }
                    outcomes.push(written);
                    if one_at_a_time || clock.elapsed().saturating_sub(begun) > SINGLE_ROWS_FOR {
                        break;
                    }
                }
                Ok(outcomes)
            });
        match (ended_by, outcome) {
            (Some(reason), _) => Ok(Attempt::RolledBack(reason)),
            (None, Err(Error::Database(error))) if stage::is_endless(&error) => {
                Ok(Attempt::Endless(stage::in_words(&error)))
            }
            (None, Err(Error::Database(error))) if stage::is_constraint(&error) => {
                Ok(Attempt::RolledBack(stage::in_words(&error)))
            }
            (None, outcome) => outcome.map(Attempt::Done),
        }
    }

    /// How many steps the rows of a transaction may take.
    const fn most_steps(&self) -> u64 {
        if self.endless_rows < MOST_ENDLESS_ROWS {
            MOST_STEPS
        } else {
            MOST_STEPS / 10
        }
    }

    fn settle_row(&mut self, id: &str, written: stage::Written, pending: Pending) {
        let was_new = pending.to == RowOutcome::Added && pending.from == RowOutcome::Unseen;
        match written {
            stage::Written::Stored => commit(&mut self.tally, pending),
            stage::Written::Altered => {
                commit(&mut self.tally, pending);
                self.tally.note_altered(row_of_id(id), id);
            }
            stage::Written::Local => {
                if pending.from == RowOutcome::Unseen {
                    self.tally
                        .transition(RowOutcome::Unseen, RowOutcome::Unchanged);
                    self.fingerprints.note_outcome(id, RowOutcome::Unchanged);
                }
            }
            stage::Written::Refused(reason) => self.refuse(id, pending.from, was_new, &reason),
        }
    }

    /// Tries again to store URLs that other rows had; after the last flush of the listing.
    ///
    /// `listed_all`: this run read the whole registry, so a row it did not see is gone from the
    /// registry and gives up its URL. Ignored if a row was rejected, which may be the one it did not
    /// see, and in a database that several registries have filled, whose rows these may be.
    #[inline(never)]
    pub(in crate::engine) fn settle_urls(&mut self, listed_all: bool) -> Result<()> {
        let listed_all = listed_all
            && self.tally.rejected() == 0
            && !state::has_other_profiles(self.tools.conn, &self.tools.registry)?;
        if !self.tools.table.has.unique_url || self.rules.dry_run {
            return Ok(());
        }
        let mut after = String::new();
        // One that the database refuses costs only itself.
        let mut one_at_a_time = false;
        loop {
            let rows = urls::list_after(self.tools.conn, &after, URLS_AT_ONCE, URL_BYTES_AT_ONCE)?;
            if rows.is_empty() {
                return Ok(());
            }
            memory::check()?;
            if self.tools.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let (table, fingerprints, clock) =
                (self.tools.table, &self.fingerprints, self.tools.clock);
            let settled = transaction::write_rows(self.tools.conn, self.lock_wait(), |conn| {
                let begun = clock.elapsed();
                let mut settled = Vec::new();
                let is_gone =
                    |id: &str| listed_all && fingerprints.outcome(id) == RowOutcome::Unseen;
                for row in &rows {
                    settled.push(urls::settle(conn, table, row, is_gone)?);
                    if one_at_a_time || clock.elapsed().saturating_sub(begun) > SINGLE_ROWS_FOR {
                        break;
                    }
                }
                Ok(settled)
            });
            let settled = match settled {
                Err(Error::Database(error)) if stage::is_row_fault(&error) => {
                    if !one_at_a_time {
                        one_at_a_time = true;
                        continue;
                    }
                    vec![urls::Settled::Refused(stage::in_words(&error))]
                }
                settled => settled?,
            };
            for (row, settled) in rows.iter().zip(settled) {
                after.clone_from(&row.id);
                self.note_settled(&row.id, &settled);
            }
        }
    }

    fn note_settled(&mut self, id: &str, settled: &urls::Settled) {
        match settled {
            urls::Settled::Stored => {
                let from = self.fingerprints.outcome(id);
                let to = RowOutcome::after(from, false);
                self.tally.transition(from, to);
                self.fingerprints.note_outcome(id, to);
            }
            urls::Settled::NotNeeded => {}
            urls::Settled::Refused(why) => self
                .tally
                .warn_of(id, &format!("it is stored without its repo_url: {why}")),
            // Without the URL itself, which may contain anything.
            urls::Settled::TakenBy(owner) => self.tally.warn_of(
                id,
                &format!("it is stored without its repo_url, which skill '{owner}' has"),
            ),
        }
    }

    /// Leaves the full-text index in sync with the table, even if other programs changed either. `is_forced`: also where
    /// its numbers say that it is.
    #[inline(never)]
    pub(in crate::engine) fn settle_index(
        &mut self,
        cancel: &CancelToken,
        deadline: Option<Instant>,
        is_forced: bool,
    ) -> Result<()> {
        let conn = self.tools.conn;
        let _guard = database::interruptible(conn, cancel, deadline);
        let lock_wait = LockWait {
            cancel,
            ..self.lock_wait()
        };
        let has = self.tools.table.has;
        if self.rules.dry_run || !has.fts {
            return Ok(());
        }
        if is_forced {
            let at = to_iso(self.tools.clock.now());
            transaction::write(conn, lock_wait, |conn| {
                fts::repair_and_check(conn)?;
                let at = at.clone();
                checked::note(conn, &Checked { at, sound: true })
            })
        } else if !has.fts_triggers {
            // Nothing keeps it in sync, neither in this run nor in one that crashed.
            transaction::write(conn, lock_wait, fts::repair).map(|_| ())
        } else if fts::counts_agree(conn)? {
            Ok(())
        } else {
            transaction::write(conn, lock_wait, fts::rebuild)
        }
    }

    /// Stores the signature of the index, inside the caller's transaction.
    pub(in crate::engine) fn keep_index_signature(&self, conn: &Connection) -> Result<()> {
        if self.tools.table.has.fts {
            state::set(conn, state::key::INDEX, &fts::signature(conn)?)?;
        }
        Ok(())
    }

    pub(super) fn lock_wait(&self) -> LockWait<'_> {
        let left = self
            .tools
            .ends_at
            .saturating_sub(self.tools.clock.elapsed());
        // Even at the deadline, what was read is kept if nobody else is writing.
        LockWait {
            budget: self.longest_wait.min(left.max(HURRIED_BUDGET)),
            cancel: self.tools.cancel,
            claim: self.tools.claim,
        }
    }
}

fn commit(tally: &mut super::Tally, pending: Pending) {
    tally.transition(pending.from, pending.to);
    if let Some(note) = pending.note {
        tally.warn(note);
    }
}
