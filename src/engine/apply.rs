//! Compares rows and writes the changed ones, batch by batch.

mod decide;
mod pages;
mod recount;
mod twice;
pub(super) mod unmet;
mod withdrawn;
mod write;

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use self::pages::Pages;
pub(super) use self::twice::Twice;
use self::unmet::Unmet;
use super::batch::{BatchSize, Weight};
use super::checkpoint::Checkpointer;
use super::counter::Counter;
use super::cursor::{Cursor, Mode};
use super::tally::Tally;
use crate::clock::Clock;
use crate::database::Claim;
use crate::fingerprint::row_of_id;
use crate::log::Log;
use crate::registry::Row;
use crate::registry::wire::{Content, Skill};
use crate::skills::{Fingerprints, RowOutcome, Stage, Table, row, table, urls};
use crate::{CancelToken, Result, memory};

/// How often the cursor is saved even if nothing changes. A crash loses no more than this, so that
/// sessions that crash after half a second still reach the end.
const CURSOR_EVERY: Duration = Duration::from_millis(200);

/// If more rows than this were not listed when the table was filled, the next listing fills it
/// again.
const MOST_UNFILLED: usize = 1_000;

/// What decides how rows are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) mode: Mode,
    /// The specification's filter: skip rows stamped at this time or before.
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) dry_run: bool,
    /// An earlier run has read part of this listing.
    pub(super) is_resumed: bool,
}

/// The resources of an applier.
pub(super) struct Tools<'c> {
    pub(super) conn: &'c Connection,
    pub(super) table: &'c Table,
    /// The name of the registry.
    pub(super) registry: String,
    pub(super) clock: &'c dyn Clock,
    pub(super) cancel: &'c CancelToken,
    pub(super) log: &'c Log,
    /// Where another machine may take the database over.
    pub(super) claim: Option<&'c Claim>,
    /// The deadline of the run, in the clock's elapsed time.
    pub(super) ends_at: Duration,
    /// The requests of the run.
    pub(super) requests: Counter,
    /// None in a dry run.
    pub(super) checkpointer: Option<Checkpointer>,
}

/// Compares rows and stages the changed ones; all are written once `flush` returns.
pub(super) struct Applier<'c> {
    tools: Tools<'c>,
    layout: String,
    rules: Rules,
    fingerprints: Fingerprints,
    stage: Stage<'c>,
    /// The outcome of each staged row, in order, to be counted once they are committed.
    pending: Vec<Pending>,
    /// Ids of rows that may lack values the table can hold, although their stamp is the registry's.
    unfilled: HashSet<String>,
    /// Rows that came without a stamp and were written by this run: they are stored with one of
    /// ours.
    unstamped: HashSet<u64>,
    /// A URL that was set aside waits to be stored in `sync_state`.
    has_urls: bool,
    staged: Weight,
    size: BatchSize,
    /// The cursor after the last row taken in.
    cursor: Option<Cursor>,
    cursor_kept: Duration,
    pub(super) twice: Twice,
    pages: Pages,
    unmet: Unmet,
    /// What other registries have listed was marked as outdated.
    others_are_outdated: bool,
    /// Rows over which a trigger of the file did not end.
    endless_rows: u32,
    /// Counts only what is committed.
    pub(super) tally: Tally,
    /// The longest to wait for a lock.
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
            unmet: Unmet::load(tools.conn, tools.registry.clone())?,
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
            pages: Pages::default(),
            others_are_outdated: false,
            endless_rows: 0,
            tally,
            longest_wait: write::BUSY_BUDGET,
        })
    }

    pub(super) const fn table(&self) -> &'c Table {
        self.tools.table
    }

    /// Shortens the lock waits for what is still to be written, since the run is ending.
    pub(super) fn hurry(&mut self) {
        self.longest_wait = write::HURRIED_BUDGET;
    }

    pub(super) fn layout(&self) -> &str {
        &self.layout
    }

    /// Decides what to do with a row, and stages it if it must be written.
    #[inline(never)]
    pub(super) fn take(&mut self, identity: u64, row: Row) -> Result<()> {
        memory::check()?;
        self.fingerprints.reserve_one()?;
        self.tally.reserve_one()?;
        memory::reserve_one(&mut self.pending)?;
        match row.0 {
            Content::Rejected(row) => {
                self.pages.give_up();
                self.unmet.meet(identity)?;
                self.tally
                    .reject(identity, row.label.as_deref(), &row.reason);
                Ok(())
            }
            Content::Skill(mut skill) => {
                self.unmet.meet(identity)?;
                // Room for the stored row, and for what is hashed and compared of the two.
                memory::ensure_available(text_bytes(&skill).saturating_mul(4))?;
                match row::fit(&mut skill, self.tools.table) {
                    Ok(note) => {
                        let (conn, table) = (self.tools.conn, self.tools.table);
                        self.fingerprints.look_up(conn, table, &skill.id)?;
                        let served = self.served_of(&skill);
                        self.take_skill(skill, note)?;
                        self.add_to_page(identity, served)
                    }
                    Err(row::Unfit(reason)) => {
                        self.pages.give_up();
                        self.tally.reject(identity, Some(&skill.id), &reason);
                        Ok(())
                    }
                }
            }
        }
    }

    /// Ids of the rows that may still lack something: those that this run did not see, of all rows
    /// if it was the first to know the current layout (`is_first`), else of those known before.
    /// `None` if there are too many to list.
    pub(super) fn unfilled(&self, is_first: bool) -> Result<Option<Vec<String>>> {
        let is_unmet = |id: &String| self.fingerprints.outcome(id) == RowOutcome::Unseen;
        if is_first {
            table::registry_ids(self.tools.conn, self.tools.table, is_unmet, MOST_UNFILLED)
        } else {
            let left = self.unfilled.iter().filter(|id| is_unmet(id));
            Ok(Some(left.cloned().collect()))
        }
    }

    /// An earlier run of this listing held back a copy of the row, which is lost. Unless a later
    /// copy came since, the next listing must decide.
    pub(super) fn leave_unknown(&mut self, id: &str) {
        if self.fingerprints.outcome(id) == RowOutcome::Unseen {
            self.twice.forget(id);
            self.tally.leave_for_next();
        }
    }

    /// Notes that every row before `cursor` was taken in.
    #[inline(never)]
    pub(super) fn reached(&mut self, mut cursor: Cursor) {
        self.pages.end();
        cursor.layout.clone_from(&self.layout);
        cursor.findings.held = self.twice.held_ids();
        cursor.findings.twice = self.twice.ids();
        self.cursor = Some(cursor);
    }

    /// Forgets the cursor: the listing must not continue from there.
    pub(super) fn lose_cursor(&mut self) {
        self.cursor = None;
    }

    /// Whether the staged batch is full.
    pub(super) const fn is_batch_full(&self) -> bool {
        self.size.is_full(self.staged)
    }

    /// Whether it is time to save the cursor.
    pub(super) fn cursor_is_due(&self) -> bool {
        let since = self.tools.clock.elapsed().saturating_sub(self.cursor_kept);
        !self.rules.dry_run && since >= CURSOR_EVERY
    }

    /// Counts a row that the database refused, and reverts what was noted of it.
    fn refuse(&mut self, id: &str, from: RowOutcome, was_new: bool, reason: &str) {
        // Its page has to come again.
        self.pages.give_up();
        self.pages.to_store.clear();
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
