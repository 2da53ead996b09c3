//! Comparing rows and writing the changed ones, batch by batch.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::batch::BatchSize;
use super::checkpoint::Checkpointer;
use super::plan::Place;
use super::tally::Tally;
use crate::database::{Patience, state, write};
use crate::registry::Row;
use crate::registry::field::{Field, at};
use crate::registry::wire::{Content, Skill};
use crate::skills::{
    Class, Prints, Refused, Settled, Stage, Table, Unfit, Verdict, compare, counts_agree,
    create_list, fit, index_sign, is_index_fault, is_row_fault, list_after, newer_than, rebuild,
    set_aside, settle, stored,
};
use crate::{CancelToken, Error, Result, memory};

/// A host may be in a long transaction of its own; a run has time.
const BUSY_BUDGET: Duration = Duration::from_secs(30);

/// A crash loses no more of the place than this, even while nothing changes.
const PLACE_EVERY: Duration = Duration::from_secs(2);

/// URLs that are settled in one transaction.
const URLS_AT_ONCE: u32 = 200;

/// Row by row, a transaction ends after this long.
const SINGLE_ROWS_FOR: Duration = Duration::from_millis(40);

/// What decides how rows are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// By content.
    pub(super) force: bool,
    /// The specification's filter: leave out what was stamped at this time or before.
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) dry_run: bool,
}

/// Takes rows in, and has written every one of them once `flush` returns.
pub(super) struct Applier<'c> {
    conn: &'c Connection,
    table: &'c Table,
    pub(super) table_sign: String,
    rules: Rules,
    prints: Prints,
    stage: Stage<'c>,
    staged_weight: u64,
    size: BatchSize,
    /// The place after the last row that was taken in.
    place: Option<Place>,
    place_kept: Instant,
    cancel: &'c CancelToken,
    /// None in a dry run.
    checkpointer: Option<Checkpointer>,
    pub(super) tally: Tally,
    pub(super) written: u64,
}

impl<'c> Applier<'c> {
    pub(super) fn new(
        conn: &'c Connection,
        table: &'c Table,
        prints: Prints,
        rules: Rules,
        cancel: &'c CancelToken,
        checkpointer: Option<Checkpointer>,
    ) -> Result<Self> {
        create_list(conn)?;
        Ok(Self {
            conn,
            table,
            table_sign: table.sign(),
            rules,
            prints,
            stage: Stage::new(conn, table)?,
            staged_weight: 0,
            size: BatchSize::default(),
            place: None,
            place_kept: Instant::now(),
            cancel,
            checkpointer,
            tally: Tally::default(),
            written: 0,
        })
    }

    /// Decides what a row needs, and stages it if it has to be written.
    pub(super) fn take(&mut self, row: Row) -> Result<()> {
        memory::check()?;
        self.prints.make_room()?;
        self.tally.make_room()?;
        match row.0 {
            Content::Rejected(row) => {
                self.tally
                    .reject(row.print, row.label.as_deref(), &row.reason);
                Ok(())
            }
            Content::Skill(mut skill) => {
                // The stored row, and what is hashed and compared of the two.
                memory::afford(text_bytes(&skill).saturating_mul(4))?;
                match fit(&mut skill, self.table) {
                    Ok(note) => self.take_skill(&skill, note),
                    Err(Unfit(reason)) => {
                        self.tally
                            .reject(print_of(&skill.id), Some(&skill.id), &reason);
                        Ok(())
                    }
                }
            }
        }
    }

    fn take_skill(&mut self, skill: &Skill, note: Option<String>) -> Result<()> {
        let class = self.prints.class(&skill.id);
        // Met before in this run, or the stamp tells.
        if (class != Class::Unseen || !self.rules.force) && self.stands_here(skill)
            || self.is_too_old(skill)
        {
            self.note_unchanged(skill, class);
            return Ok(());
        }
        let found = if self.prints.is_new(&skill.id) {
            None
        } else {
            stored(self.conn, self.table, &skill.id)?
        };
        let verdict = found.as_ref().map_or(Verdict::Changed, |found| {
            compare(skill, found, self.table, self.rules.force)
        });
        match verdict {
            Verdict::Unchanged => self.note_unchanged(skill, class),
            Verdict::OnlyUrlMissing => {
                if let Some(url) = skill.fields[at::REPO_URL].as_text() {
                    set_aside(self.conn, &skill.id, url)?;
                }
                self.note_unchanged(skill, class);
            }
            Verdict::Changed => {
                let is_new = found.is_none();
                let to = self
                    .tally
                    .reclass(class, if is_new { Class::Added } else { Class::Updated });
                let stamp = skill.stamp().unwrap_or_default();
                self.prints.note(&skill.id, stamp, self.has_url(skill), to);
                if let Some(note) = note {
                    self.tally.warn_of(&skill.id, &note);
                }
                if !self.rules.dry_run {
                    let description = found
                        .as_ref()
                        .and_then(|found| found.text(self.table, at::DESCRIPTION));
                    self.stage.push(skill, is_new, description)?;
                    self.staged_weight += BatchSize::weight(text_bytes(skill));
                }
            }
        }
        Ok(())
    }

    /// Whether the fingerprint says that the row stands here with this stamp.
    fn stands_here(&self, skill: &Skill) -> bool {
        let Some(stamp) = skill.stamp().filter(|_| self.table.has.stamp) else {
            return false;
        };
        let matches = |has_url| self.prints.matches(&skill.id, stamp, has_url);
        match skill.fields[at::REPO_URL] {
            // An absent field leaves what is stored, whatever that is.
            Field::Absent => matches(false) || matches(true),
            _ => matches(self.has_url(skill)),
        }
    }

    fn has_url(&self, skill: &Skill) -> bool {
        self.table.has.unique_url && skill.fields[at::REPO_URL].as_text().is_some()
    }

    fn is_too_old(&self, skill: &Skill) -> bool {
        self.rules
            .since
            .is_some_and(|since| skill.stamp().is_some_and(|stamp| !newer_than(stamp, since)))
    }

    fn note_unchanged(&mut self, skill: &Skill, class: Class) {
        if class == Class::Unseen {
            let class = self.tally.reclass(class, Class::Unchanged);
            self.prints.note_class(&skill.id, class);
        }
    }

    /// Notes that every row before `place` has been taken in.
    pub(super) fn reached(&mut self, mut place: Place) {
        place.table.clone_from(&self.table_sign);
        self.place = Some(place);
    }

    /// Whether a full batch waits.
    pub(super) const fn is_batch_full(&self) -> bool {
        self.staged_weight >= self.size.capacity()
    }

    /// Whether the place reached is worth keeping by now.
    pub(super) fn place_is_due(&self) -> bool {
        !self.rules.dry_run && self.place_kept.elapsed() >= PLACE_EVERY
    }

    /// Writes what is staged, with the place reached.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.rules.dry_run || (self.stage.is_empty() && self.place.is_none()) {
            self.written = self.tally.changed();
            return Ok(());
        }
        self.stage.set_taken_urls_aside()?;
        let mut outcome = self.write_batch();
        if outcome.as_ref().is_err_and(is_index_fault) {
            // Another program has upset the index; it is made anew, once.
            write(self.conn, self.patience(), rebuild)?;
            outcome = self.write_batch();
        }
        match outcome {
            Err(Error::Database(error)) if is_row_fault(&error) => {
                self.write_row_by_row()?;
                self.write_batch()
            }
            outcome => outcome,
        }
    }

    fn write_batch(&mut self) -> Result<()> {
        let mut locked = Instant::now();
        let (stage, place) = (&self.stage, &self.place);
        write(self.conn, self.patience(), |conn| {
            locked = Instant::now();
            stage.write_all()?;
            if let Some(place) = place {
                state::set(conn, state::key::PLACE, place)?;
            }
            Ok(())
        })?;
        self.size.learn(self.staged_weight, locked.elapsed());
        self.end_batch()
    }

    fn end_batch(&mut self) -> Result<()> {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.committed();
        }
        self.stage.clear()?;
        self.staged_weight = 0;
        self.written = self.tally.changed();
        self.place = None;
        self.place_kept = Instant::now();
        Ok(())
    }

    /// Finds the rows that the database will not take, and writes all others.
    fn write_row_by_row(&mut self) -> Result<()> {
        let ids = self.stage.ids()?;
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let stage = &self.stage;
            let (done, refused) = write(self.conn, self.patience(), |_| {
                let begun = Instant::now();
                let mut refused = Vec::new();
                for (at, id) in rest.iter().enumerate() {
                    if begun.elapsed() > SINGLE_ROWS_FOR {
                        return Ok((at, refused));
                    }
                    stage.set_url_aside_if_taken(id)?;
                    refused.extend(stage.write_one(id)?);
                }
                Ok((rest.len(), refused))
            })?;
            for row in refused {
                self.refuse(&row);
            }
            rest = &rest[done..];
        }
        self.stage.clear()?;
        self.staged_weight = 0;
        Ok(())
    }

    fn refuse(&mut self, row: &Refused) {
        self.tally.withdraw(self.prints.class(&row.id));
        if row.was_new {
            self.prints.forget(&row.id);
        } else {
            self.prints.note_class(&row.id, Class::Unseen);
        }
        self.tally
            .reject(print_of(&row.id), Some(&row.id), &row.reason);
    }

    /// Tries the URLs once more that other rows had; after the last flush of the listing.
    ///
    /// `listed_all`: the whole registry was read by this run, so that a row it
    /// did not meet is gone from the registry and gives its URL up. Not where a
    /// row was rejected: that may be the one it did not meet.
    pub(super) fn settle_urls(&mut self, listed_all: bool) -> Result<()> {
        let listed_all = listed_all && self.tally.rejected() == 0;
        if !self.table.has.unique_url || self.rules.dry_run {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let rows = list_after(self.conn, &after, URLS_AT_ONCE)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            memory::check()?;
            after.clone_from(&last.id);
            let (table, prints) = (self.table, &self.prints);
            let settled = write(self.conn, self.patience(), |conn| {
                rows.iter()
                    .map(|row| {
                        settle(conn, table, row, |owner| {
                            listed_all && prints.class(owner) == Class::Unseen
                        })
                    })
                    .collect::<Result<Vec<_>>>()
            })?;
            for (row, settled) in rows.iter().zip(settled) {
                match settled {
                    Settled::Stored => {
                        let class = self
                            .tally
                            .reclass(self.prints.class(&row.id), Class::Updated);
                        self.prints.note_class(&row.id, class);
                    }
                    Settled::NoRow => {}
                    Settled::TakenBy(owner) => self.tally.warn_of(
                        &row.id,
                        &format!(
                            "it is stored without its repo_url {}, which skill '{owner}' has",
                            row.url
                        ),
                    ),
                }
            }
        }
    }

    /// Leaves the full-text index in step, whatever the file and its other users do to it.
    pub(super) fn settle_index(&mut self) -> Result<()> {
        if self.rules.dry_run || !self.table.has.fts {
            return Ok(());
        }
        let behind = self.tally.changed() > 0 && !self.table.has.fts_triggers;
        if behind || !counts_agree(self.conn)? {
            write(self.conn, self.patience(), rebuild)?;
        }
        Ok(())
    }

    /// Notes how the index was left; inside the caller's transaction.
    pub(super) fn keep_index_sign(&self, conn: &Connection) -> Result<()> {
        if self.table.has.fts {
            state::set(conn, state::key::INDEX, &index_sign(conn)?)?;
        }
        Ok(())
    }

    const fn patience(&self) -> Patience<'c> {
        Patience {
            budget: BUSY_BUDGET,
            cancel: self.cancel,
        }
    }
}

fn text_bytes(skill: &Skill) -> usize {
    let fields: usize = skill
        .fields
        .iter()
        .filter_map(Field::as_text)
        .map(str::len)
        .sum();
    skill.id.len() + skill.name.len() + fields
}

/// Tells a rejected row from others.
fn print_of(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
