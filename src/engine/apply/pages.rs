//! Pages that are stored with their rows, and pages that are still the stored ones.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::Connection;

use super::Applier;
use crate::Result;
use crate::engine::stored_page::{self, Scope, StoredPage, StoredPages};
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::Skill;
use crate::skills::RowOutcome;

/// The pages of a run.
#[derive(Default)]
pub(super) struct Pages {
    /// Those that the registry may be asked about.
    known: Arc<StoredPages>,
    /// Where to store others; `None` if none is stored in this run.
    scope: Option<Scope>,
    /// The one whose rows are being taken in.
    current: Option<StoredPage>,
    /// Those to be stored in the next transaction.
    pub(super) to_store: Vec<StoredPage>,
    /// The requests of all that came, or are still the same.
    used: HashSet<String>,
}

/// The states of a row as it was served, and whether it has a score.
pub(super) struct Served {
    states: Vec<u64>,
    has_score: bool,
}

impl Pages {
    /// The current page is not stored.
    pub(super) fn give_up(&mut self) {
        self.current = None;
    }

    /// All rows of the current page are stored or staged.
    pub(super) fn end(&mut self) {
        let Some(page) = self.current.take() else {
            return;
        };
        self.used.insert(page.request.clone());
        let known = self.known.get(&page.request);
        if !known.is_some_and(|known| known.is_same(&page)) {
            self.to_store.push(page);
        }
    }

    /// Stores the pages of the batch, inside its transaction.
    pub(super) fn store(&self, conn: &Connection) -> Result<()> {
        match self.scope {
            Some(scope) => stored_page::keep(conn, scope, &self.to_store),
            None => Ok(()),
        }
    }
}

impl Applier<'_> {
    /// Sets which pages the registry may be asked about, and where others are stored.
    pub(in crate::engine) fn set_pages(&mut self, known: Arc<StoredPages>, scope: Option<Scope>) {
        self.pages.known = known;
        self.pages.scope = scope;
    }

    /// Notes of which page the next rows are.
    pub(in crate::engine) fn begin_page(&mut self, page: Option<StoredPage>) {
        self.pages.current = page.filter(|_| self.pages.scope.is_some());
    }

    /// Takes in a page that is still the stored one: its rows stand in the table.
    pub(in crate::engine) fn take_unchanged(&mut self, page: &StoredPage) -> Result<()> {
        for row in page.ids() {
            self.unmet.meet(row)?;
            self.twice.came_as_stored(row);
            if self.fingerprints.outcome_of(row) == RowOutcome::Unseen {
                let (from, to) = (RowOutcome::Unseen, RowOutcome::Unchanged);
                self.tally.transition(from, to);
                self.fingerprints.note_outcome_of(row, to);
            }
        }
        self.pages.used.insert(page.request.clone());
        Ok(())
    }

    /// What the current page needs to know about a row before it is taken in.
    pub(super) fn served_of(&self, skill: &Skill) -> Option<Served> {
        self.pages.current.as_ref().map(|_| Served {
            states: self.states_of(skill).collect(),
            has_score: matches!(skill.fields[Field::QualityScore], FieldValue::Real(_)),
        })
    }

    /// Adds a row to the current page. A row that is not stored, or to be stored, as it was served
    /// has to come again.
    pub(super) fn add_to_page(&mut self, row: u64, served: Option<Served>) -> Result<()> {
        let (Some(page), Some(served)) = (&mut self.pages.current, served) else {
            return Ok(());
        };
        let state = self.fingerprints.state(row);
        let Some(state) = state.filter(|state| served.states.contains(state)) else {
            self.pages.give_up();
            return Ok(());
        };
        page.add(row, state, served.has_score)
    }

    /// Deletes the pages that the listing did not have, inside the caller's transaction.
    pub(in crate::engine) fn keep_used_pages(&self, conn: &Connection) -> Result<()> {
        match self.pages.scope {
            Some(scope) => stored_page::keep_only(conn, scope, &self.pages.used),
            None => Ok(()),
        }
    }
}
