//! Comparing rows and writing the changed ones, batch by batch.

mod twice;
mod write;

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

pub(super) use self::twice::Twice;
use super::batch::{BatchSize, Weight};
use super::checkpoint::Checkpointer;
use super::cursor::{Cursor, Mode};
use super::listing::row_of_id;
use super::tally::Tally;
use crate::clock::{Clock, from_iso, to_iso};
use crate::registry::Row;
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::{Content, Skill};
use crate::skills::categories::Categories;
use crate::skills::{
    Fingerprints, RowOutcome, Shape, Stage, Table, categories, compare, row, stamp, table, urls,
};
use crate::{CancelToken, Result, memory};

/// A crash loses no more of the cursor than this, even while nothing changes: sessions that end by a crash after
/// half a second reach the end, too.
const CURSOR_EVERY: Duration = Duration::from_millis(200);

/// Where more rows were away when the table was filled, the next listing fills it again.
const MOST_UNFILLED: usize = 1_000;

/// What decides how rows are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) mode: Mode,
    /// The specification's filter: leave out what was stamped at this time or before.
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) dry_run: bool,
    /// An earlier run has read part of this listing.
    pub(super) is_resumed: bool,
}

/// What an applier works with.
pub(super) struct Tools<'c> {
    pub(super) conn: &'c Connection,
    pub(super) table: &'c Table,
    pub(super) clock: &'c dyn Clock,
    pub(super) cancel: &'c CancelToken,
    /// When the run has to have ended, in the clock's elapsed time.
    pub(super) ends_at: Duration,
    /// None in a dry run.
    pub(super) checkpointer: Option<Checkpointer>,
}

/// Takes rows in, and has written every one of them once `flush` returns.
pub(super) struct Applier<'c> {
    tools: Tools<'c>,
    layout: String,
    rules: Rules,
    fingerprints: Fingerprints,
    stage: Stage<'c>,
    /// What becomes of each staged row, in their order, once they are committed.
    pending: Vec<Pending>,
    /// Rows that may lack what the table can hold, though their stamp is the registry's.
    unfilled: HashSet<String>,
    /// Rows that this run has written as they came, without a stamp: they stand here under one of ours.
    unstamped: HashSet<u64>,
    /// A URL waits to be kept.
    has_urls: bool,
    staged: Weight,
    size: BatchSize,
    /// The cursor after the last row that was taken in.
    cursor: Option<Cursor>,
    cursor_kept: Duration,
    pub(super) twice: Twice,
    /// What is committed, and nothing else.
    pub(super) tally: Tally,
    /// The longest that a lock is waited for.
    longest_wait: Duration,
}

struct Pending {
    from: RowOutcome,
    to: RowOutcome,
    note: Option<String>,
}

impl<'c> Applier<'c> {
    pub(super) fn new(
        tools: Tools<'c>,
        fingerprints: Fingerprints,
        rules: Rules,
        twice: Twice,
        unfilled: HashSet<String>,
        tally: Tally,
    ) -> Result<Self> {
        urls::create_list(tools.conn)?;
        Ok(Self {
            layout: tools.table.layout_key(),
            rules,
            fingerprints,
            stage: Stage::new(tools.conn, tools.table)?,
            pending: Vec::new(),
            unfilled,
            unstamped: HashSet::new(),
            has_urls: false,
            staged: Weight::default(),
            size: BatchSize::default(),
            cursor: None,
            cursor_kept: tools.clock.elapsed(),
            tools,
            twice,
            tally,
            longest_wait: write::BUSY_BUDGET,
        })
    }

    pub(super) const fn table(&self) -> &'c Table {
        self.tools.table
    }

    /// The run ends for some reason: what is still to be written does not wait long for a lock.
    pub(super) fn hurry(&mut self) {
        self.longest_wait = write::HURRIED_BUDGET;
    }

    pub(super) fn layout(&self) -> &str {
        &self.layout
    }

    /// Decides what a row needs, and stages it if it has to be written.
    pub(super) fn take(&mut self, identity: u64, row: Row) -> Result<()> {
        memory::check()?;
        self.fingerprints.reserve_one()?;
        self.tally.reserve_one()?;
        memory::reserve_one(&mut self.pending)?;
        match row.0 {
            Content::Rejected(row) => {
                self.tally
                    .reject(identity, row.label.as_deref(), &row.reason);
                Ok(())
            }
            Content::Skill(mut skill) => {
                // The stored row, and what is hashed and compared of the two.
                memory::ensure_available(text_bytes(&skill).saturating_mul(4))?;
                match row::fit(&mut skill, self.tools.table) {
                    Ok(note) => self.take_skill(skill, note),
                    Err(row::Unfit(reason)) => {
                        self.tally.reject(identity, Some(&skill.id), &reason);
                        Ok(())
                    }
                }
            }
        }
    }

    fn take_skill(&mut self, skill: Box<Skill>, note: Option<String>) -> Result<()> {
        let outcome = self.fingerprints.outcome(&skill.id);
        let is_met = outcome != RowOutcome::Unseen;
        if (is_met || !self.is_by_content(&skill.id)) && self.stands_here(&skill) {
            self.twice.later_came(&skill.id);
            return self.note_unchanged(&skill, outcome);
        }
        if self.is_too_old(&skill) {
            return self.note_unchanged(&skill, outcome);
        }
        if is_met {
            // A second copy in one listing: the later one is what the registry means.
            let here = self.stamp_here(&skill.id)?;
            let comes_later = stamp::is_later(skill.stamp(), here.as_deref());
            // A row without a stamp may stand here under one that is not the registry's.
            let is_earlier = is_stamped(&skill) && stamp::is_later(here.as_deref(), skill.stamp());
            if comes_later || is_earlier {
                self.twice.note(&skill.id);
            }
            if !comes_later {
                return Ok(());
            }
        } else if self.waits_for_a_later_copy(&skill)? {
            if self.twice.hold(skill, note) {
                return Ok(());
            }
            // Nothing is kept of it: the next listing, read in one run, sees both copies.
            self.tally.leave_for_next();
            return Ok(());
        }
        self.twice.later_came(&skill.id);
        self.compare_and_stage(&skill, note, outcome)
    }

    /// Whether a copy that is older than the stored one may be followed by that one.
    fn waits_for_a_later_copy(&self, skill: &Skill) -> Result<bool> {
        if !self.tools.table.has.stamp || self.fingerprints.is_new(&skill.id) {
            return Ok(false);
        }
        let may_be_listed_twice =
            self.twice.is_known(&skill.id) || (self.rules.is_resumed && is_stamped(skill));
        if !may_be_listed_twice {
            return Ok(false);
        }
        let here = self.stamp_here(&skill.id)?;
        Ok(stamp::is_later(here.as_deref(), skill.stamp()))
    }

    /// The stamp of the registry's under which the row is staged, or else stored.
    fn stamp_here(&self, id: &str) -> Result<Option<String>> {
        if self.unstamped.contains(&row_of_id(id)) {
            return Ok(None);
        }
        if self.stage.contains(id)? {
            return self.stage.stamp(id);
        }
        let found = compare::stored(self.tools.conn, self.tools.table, id)?;
        let stamp = found.and_then(|found| {
            let stamp = found.text(self.tools.table, Field::UpdatedAt)?;
            Some(stamp.to_owned())
        });
        Ok(stamp)
    }

    fn compare_and_stage(
        &mut self,
        skill: &Skill,
        note: Option<String>,
        outcome: RowOutcome,
    ) -> Result<()> {
        if outcome != RowOutcome::Unseen && self.stage.contains(&skill.id)? {
            // Compared with the newest that there is.
            self.flush()?;
        }
        let table = self.tools.table;
        let found = if self.fingerprints.is_new(&skill.id) {
            None
        } else {
            compare::stored(self.tools.conn, table, &skill.id)?
        };
        let categories = categories::of(skill, table);
        // A later copy of a row that was written before: the stamp may be that of either.
        let by_content = outcome != RowOutcome::Unseen || self.is_by_content(&skill.id);
        let verdict = match &found {
            None => compare::Verdict::Changed,
            Some(found) => {
                let (conn, categories) = (self.tools.conn, categories.as_ref());
                compare::verdict(conn, skill, categories, found, table, by_content)?
            }
        };
        match verdict {
            compare::Verdict::Unchanged => self.note_unchanged(skill, outcome)?,
            compare::Verdict::OnlyUrlMissing => {
                if let Some(url) = skill.fields[Field::RepoUrl].as_text()
                    && !self.rules.dry_run
                    && urls::set_aside(self.tools.conn, &skill.id, url)?
                {
                    self.has_urls = true;
                    self.staged.add(url.len());
                }
                self.note_unchanged(skill, outcome)?;
            }
            compare::Verdict::Changed => {
                let to = RowOutcome::after(outcome, found.is_none());
                let stamp = skill.stamp().unwrap_or_default();
                if skill.stamp().is_some() {
                    self.unstamped.remove(&row_of_id(&skill.id));
                } else {
                    self.unstamped.try_reserve(1)?;
                    self.unstamped.insert(row_of_id(&skill.id));
                }
                let shape = Shape {
                    has_url: self.has_url(skill),
                    is_marked: compare::is_marked_after(skill, found.as_ref(), table),
                };
                self.fingerprints.note(&skill.id, stamp, shape, to);
                let of_categories = categories.as_ref().and_then(Categories::note);
                let notes: Vec<String> = note
                    .into_iter()
                    .chain(of_categories)
                    .chain(row::notes(skill, table))
                    .collect();
                self.pending.push(Pending {
                    from: outcome,
                    to,
                    note: (!notes.is_empty())
                        .then(|| super::tally::about(&skill.id, &notes.join("; "))),
                });
                self.staged.add(text_bytes(skill));
                if !self.rules.dry_run {
                    let now = match skill.stamp() {
                        Some(_) => String::new(),
                        None => to_iso(self.tools.clock.now()),
                    };
                    self.stage
                        .push(skill, categories.as_ref(), found.as_ref(), &now)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a row is compared by its content, whatever its stamp says.
    fn is_by_content(&self, id: &str) -> bool {
        self.rules.mode.is_by_content() || self.unfilled.contains(id)
    }

    /// Rows that may still lack something, where this run was the first one that knows what the
    /// table can hold: all that it did not meet. `None` where they are too many to be listed.
    pub(super) fn unfilled(&self, is_first: bool) -> Result<Option<Vec<String>>> {
        let is_unmet = |id: &String| self.fingerprints.outcome(id) == RowOutcome::Unseen;
        if is_first {
            table::registry_ids(self.tools.conn, self.tools.table, is_unmet, MOST_UNFILLED)
        } else {
            let left = self.unfilled.iter().filter(|id| is_unmet(id));
            Ok(Some(left.cloned().collect()))
        }
    }

    /// Whether the fingerprint says that the row stands here with this stamp.
    fn stands_here(&self, skill: &Skill) -> bool {
        let Some(stamp) = skill.stamp().filter(|_| self.tools.table.has.stamp) else {
            return false;
        };
        // An absent field leaves what is stored, whatever that is.
        let either = [false, true];
        let has_url = match skill.fields[Field::RepoUrl] {
            FieldValue::Absent => &either[..],
            _ => &[self.has_url(skill)],
        };
        let is_marked = match compare::quarantine(skill) {
            Some(is_in) => &[self.tools.table.has.mark && is_in],
            None => &either[..],
        };
        has_url.iter().any(|&has_url| {
            is_marked.iter().any(|&is_marked| {
                let shape = Shape { has_url, is_marked };
                self.fingerprints.matches(&skill.id, stamp, shape)
            })
        })
    }

    fn has_url(&self, skill: &Skill) -> bool {
        self.tools.table.has.unique_url && skill.fields[Field::RepoUrl].as_text().is_some()
    }

    fn is_too_old(&self, skill: &Skill) -> bool {
        self.rules.since.is_some_and(|since| {
            skill
                .stamp()
                .is_some_and(|stamp| !stamp::newer_than(stamp, since))
        })
    }

    fn note_unchanged(&mut self, skill: &Skill, outcome: RowOutcome) -> Result<()> {
        if outcome == RowOutcome::Unseen {
            self.tally.transition(outcome, RowOutcome::Unchanged);
            self.fingerprints
                .note_outcome(&skill.id, RowOutcome::Unchanged);
            if !self.rules.dry_run && self.stage.push_version(skill)? {
                self.staged.add(skill.id.len());
            }
        }
        Ok(())
    }

    /// The listing is at its end: copies that were held back for a later one are all there is.
    pub(super) fn take_held(&mut self) -> Result<()> {
        for (skill, note) in self.twice.take_held() {
            let outcome = self.fingerprints.outcome(&skill.id);
            if outcome == RowOutcome::Unseen {
                self.compare_and_stage(&skill, note, outcome)?;
            }
        }
        Ok(())
    }

    /// An earlier run of this listing held a copy back, and what it was is gone: unless a later one
    /// came since, the next listing has to tell.
    pub(super) fn leave_unknown(&mut self, id: &str) {
        if self.fingerprints.outcome(id) == RowOutcome::Unseen {
            self.twice.forget(id);
            self.tally.leave_for_next();
        }
    }

    /// Notes that every row before `cursor` has been taken in.
    pub(super) fn reached(&mut self, mut cursor: Cursor) {
        cursor.layout.clone_from(&self.layout);
        cursor.findings.held = self.twice.held_ids();
        cursor.findings.twice = self.twice.ids();
        self.cursor = Some(cursor);
    }

    /// Forgets where the listing stands: it is not to go on from there.
    pub(super) fn lose_cursor(&mut self) {
        self.cursor = None;
    }

    /// Whether a full batch waits.
    pub(super) const fn is_batch_full(&self) -> bool {
        self.size.is_full(self.staged)
    }

    /// Whether the cursor reached is worth keeping by now.
    pub(super) fn cursor_is_due(&self) -> bool {
        let since = self.tools.clock.elapsed().saturating_sub(self.cursor_kept);
        !self.rules.dry_run && since >= CURSOR_EVERY
    }

    /// Notes how a row that was rejected by the database is to be told of.
    fn refuse(&mut self, id: &str, from: RowOutcome, was_new: bool, reason: &str) {
        self.tally.uncount(from);
        if was_new {
            self.fingerprints.forget(id);
        } else {
            self.fingerprints.note_outcome(id, RowOutcome::Unseen);
        }
        self.tally.refuse(row_of_id(id), id, reason);
    }
}

/// Whether a copy of a skill can be told from a later one.
fn is_stamped(skill: &Skill) -> bool {
    skill.stamp().is_some_and(|stamp| from_iso(stamp).is_some())
}

fn text_bytes(skill: &Skill) -> usize {
    let fields = skill.fields.texts().map(str::len);
    fields.fold(
        skill.id.len().saturating_add(skill.name.len()),
        usize::saturating_add,
    )
}
