//! Skills that the registry has withdrawn: noted at the end of each whole listing, removed if the
//! user wants it and two in a row did not have them.

use super::Applier;
use super::write::SINGLE_ROWS_FOR;
use crate::database::{state, transaction};
use crate::engine::SyncOptions;
use crate::engine::completed::CompletedListing;
use crate::error::in_brackets;
use crate::skills::unmet::{self, Removal};
use crate::skills::{RowOutcome, fts, stage};
use crate::{Error, Result, memory};

/// How many ids are loaded at once.
const IDS_AT_ONCE: usize = 1_000;

/// How many ids without a row are forgotten in a run.
const GONE_AT_ONCE: usize = 1_000;

/// Why a skill is still there without an error.
const STORED_AGAIN: &str = "a trigger leaves it there, or stores it again";

impl Applier<'_> {
    /// Notes what a whole listing did not have, and removes what two did not; after the last flush.
    pub(in crate::engine) fn settle_withdrawn(
        &mut self,
        listing: &CompletedListing,
        options: &SyncOptions<'_>,
    ) -> Result<()> {
        if !listing.shows_withdrawn(&self.tally) {
            if options.prune {
                self.tally.warn(
                    "Withdrawn skills were not removed: this listing does not show for certain which ones are. \
                     The next sync with prune looks again."
                        .into(),
                );
            }
            return Ok(());
        }
        if options.prune && !self.tools.table.has.source {
            self.tally.warn(
                "Withdrawn skills were not removed: the table of skills has no column 'source', \
                 so which ones are the user's own is not known."
                    .into(),
            );
        }
        let since = &listing.cursor.started_at;
        let noted = self.note_unmet(since)?;
        if !options.prune {
            return Ok(());
        }
        if state::has_other_profiles(self.tools.conn, &self.unmet.registry)? {
            self.tally.warn(
                "Withdrawn skills were not removed: this database has skills of several registries, \
                 and it is not known which skill is from which."
                    .into(),
            );
            return Ok(());
        }
        if noted > 0 {
            self.tally.warn(match noted {
                1 => "1 skill is no longer listed. The next sync with prune removes it, if it is not listed again.".into(),
                noted => format!(
                    "{noted} skills are no longer listed. The next sync with prune removes those that are not listed again."
                ),
            });
        }
        self.remove_withdrawn(since, options.force)
    }

    /// Notes the skills that this run did not see. Returns how many were not noted before.
    fn note_unmet(&mut self, since: &str) -> Result<u64> {
        // Where none is missing, reading every id again would be a tenth of the time of the run.
        let new = if self.fingerprints.all_are_seen() {
            0
        } else {
            self.note_each_unmet(since)?
        };
        if !self.rules.dry_run {
            transaction::write(self.tools.conn, self.lock_wait(), |conn| {
                unmet::forget_gone(conn, &self.unmet.registry, GONE_AT_ONCE)
            })?;
        }
        Ok(new)
    }

    fn note_each_unmet(&mut self, since: &str) -> Result<u64> {
        let (mut after, mut new) = (String::new(), 0_u64);
        loop {
            let (conn, table) = (self.tools.conn, self.tools.table);
            let mut ids = unmet::removable_after(conn, table, &after, IDS_AT_ONCE)?;
            let Some(last) = ids.last() else { break };
            after.clone_from(last);
            ids.retain(|id| self.is_unmet(id));
            let mut rest = ids.as_slice();
            while !rest.is_empty() && !self.rules.dry_run {
                self.ensure_may_go_on()?;
                let (done, noted) = self.note_some(rest, since)?;
                new = new.saturating_add(noted);
                rest = rest.get(done..).unwrap_or_default();
            }
        }
        Ok(new)
    }

    /// Notes some ids in one short transaction. Returns how many, and how many of them were not
    /// noted before.
    fn note_some(&self, ids: &[String], since: &str) -> Result<(usize, u64)> {
        let (clock, registry) = (self.tools.clock, &self.unmet.registry);
        transaction::write_rows(self.tools.conn, self.lock_wait(), |conn| {
            let begun = clock.elapsed();
            let (mut done, mut new) = (0_usize, 0_u64);
            for id in ids {
                new = new.saturating_add(u64::from(unmet::note(conn, registry, id, since)?));
                done = done.saturating_add(1);
                if clock.elapsed().saturating_sub(begun) > SINGLE_ROWS_FOR {
                    break;
                }
            }
            Ok((done, new))
        })
    }

    /// Removes what an earlier whole listing did not have either, unless it is too much.
    fn remove_withdrawn(&mut self, since: &str, is_forced: bool) -> Result<()> {
        if !self.unmet.are_current {
            return Ok(());
        }
        let mut due = 0_u64;
        self.each_due(since, |_, ids| {
            due = due.saturating_add(ids.len() as u64);
            Ok(())
        })?;
        let skills = unmet::count_skills(self.tools.conn)?;
        if due.saturating_mul(10) > skills && !is_forced {
            self.tally.note_not_removed(format!(
                "Two whole listings in a row did not have {due} of {skills} skills, which is more than a tenth; \
                 none was removed. If they are to go, sync with prune and force."
            ));
            return Ok(());
        }
        if self.rules.dry_run {
            self.tally.removed = due;
            return Ok(());
        }
        let mut removed = Vec::new();
        let outcome = self.each_due(since, |applier, ids| applier.remove_all(ids, &mut removed));
        outcome.and(self.uncount_stored_again(&removed))
    }

    /// Takes back what was counted of skills that a trigger has stored again since.
    fn uncount_stored_again(&mut self, removed: &[String]) -> Result<()> {
        for id in removed {
            if unmet::exists(self.tools.conn, id)? {
                self.tally.removed = self.tally.removed.saturating_sub(1);
                self.tell_kept(id, STORED_AGAIN);
            }
        }
        Ok(())
    }

    fn tell_kept(&mut self, id: &str, why: &str) {
        let why = in_brackets(Some(why));
        let why = format!("it is no longer listed, but the database keeps it{why}");
        self.tally.warn_of(id, &why);
    }

    /// Calls `take` with ids of skills that an earlier whole listing did not have, nor this run.
    fn each_due(
        &mut self,
        since: &str,
        mut take: impl FnMut(&mut Self, &[String]) -> Result<()>,
    ) -> Result<()> {
        let mut after = String::new();
        loop {
            let listing = (self.unmet.registry.as_str(), since);
            let (conn, table) = (self.tools.conn, self.tools.table);
            let mut ids = unmet::due_after(conn, table, listing, &after, IDS_AT_ONCE)?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            after.clone_from(last);
            ids.retain(|id| self.is_unmet(id));
            take(self, &ids)?;
        }
    }

    /// Removes these skills. Adds to `removed` those that are gone, if a trigger may store them again.
    fn remove_all(&mut self, ids: &[String], removed: &mut Vec<String>) -> Result<()> {
        let mut rest = ids;
        // One that the database keeps costs only itself.
        let mut one_at_a_time = false;
        while let Some(first) = rest.first() {
            self.ensure_may_go_on()?;
            let mut outcome = self.remove_some(rest, one_at_a_time);
            if outcome.as_ref().is_err_and(stage::is_index_fault) {
                transaction::write(self.tools.conn, self.lock_wait(), fts::rebuild)?;
                outcome = self.remove_some(rest, one_at_a_time);
            }
            let done = match outcome {
                Ok(outcomes) => {
                    for (id, outcome) in rest.iter().zip(&outcomes) {
                        self.note_removal(id, *outcome, removed)?;
                    }
                    outcomes.len()
                }
                Err(Error::Database(error)) if stage::is_row_fault(&error) => {
                    if !one_at_a_time {
                        one_at_a_time = true;
                        continue;
                    }
                    self.tell_kept(first, &error.to_string());
                    1
                }
                Err(error) => return Err(error),
            };
            rest = rest.get(done..).unwrap_or_default();
        }
        if let Some(checkpointer) = &self.tools.checkpointer {
            checkpointer.committed();
        }
        Ok(())
    }

    fn note_removal(
        &mut self,
        id: &str,
        outcome: Removal,
        removed: &mut Vec<String>,
    ) -> Result<()> {
        match outcome {
            Removal::NotThere => {}
            Removal::Kept => self.tell_kept(id, STORED_AGAIN),
            Removal::Removed => {
                self.tally.removed = self.tally.removed.saturating_add(1);
                if self.tools.table.has.foreign_writes {
                    memory::reserve_one(removed)?;
                    removed.push(id.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Removes some skills in one short transaction. Returns what became of the first ones.
    fn remove_some(&self, ids: &[String], one_at_a_time: bool) -> Result<Vec<Removal>> {
        let (clock, registry) = (self.tools.clock, &self.unmet.registry);
        transaction::write_rows(self.tools.conn, self.lock_wait(), |conn| {
            let begun = clock.elapsed();
            let mut outcomes = Vec::new();
            for id in ids {
                outcomes.push(unmet::remove(conn, self.tools.table, registry, id)?);
                if one_at_a_time || clock.elapsed().saturating_sub(begun) > SINGLE_ROWS_FOR {
                    break;
                }
            }
            Ok(outcomes)
        })
    }

    fn is_unmet(&self, id: &str) -> bool {
        self.fingerprints.outcome(id) == RowOutcome::Unseen
    }

    /// Fails where the caller or the deadline wants an end; what is left is for a later run.
    fn ensure_may_go_on(&self) -> Result<()> {
        memory::check()?;
        let is_over = self.tools.clock.elapsed() >= self.tools.ends_at;
        if self.tools.cancel.is_cancelled() || is_over {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}
