//! Comparing rows and writing the changed ones, batch by batch.

mod decide;
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
use crate::clock::Clock;
use crate::registry::Row;
use crate::registry::wire::{Content, Skill};
use crate::skills::{Fingerprints, RowOutcome, Stage, Table, row, table, urls};
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

fn text_bytes(skill: &Skill) -> usize {
    let fields = skill.fields.texts().map(str::len);
    fields.fold(
        skill.id.len().saturating_add(skill.name.len()),
        usize::saturating_add,
    )
}
