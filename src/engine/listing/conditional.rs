//! Conditional requests: pages that need not be sent again while they are what is stored.

use std::sync::Arc;

use super::{Lister, rows};
use crate::Result;
use crate::engine::pass::Asked;
use crate::engine::plan::Pass;
use crate::engine::stored_page::{PageFacts, StoredPage, kept_tiers};
use crate::fingerprint::row_of_id;
use crate::registry::{Call, Page, PageRequest, Row};

/// A page that came, or that is still the stored one.
pub(super) enum Came {
    Page(Page),
    Unchanged(Arc<StoredPage>),
}

/// What a listing looks at in a page.
#[derive(Clone, Copy)]
pub(super) enum View<'p> {
    Page(&'p Page),
    Stored(&'p StoredPage),
}

impl Came {
    pub(super) fn view(&self) -> View<'_> {
        match self {
            Self::Page(page) => View::Page(page),
            Self::Unchanged(page) => View::Stored(page),
        }
    }
}

impl<'p> View<'p> {
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Page(page) => page.rows.len(),
            Self::Stored(page) => page.len(),
        }
    }

    /// The rows, if they came.
    pub(super) fn rows(self) -> &'p [Row] {
        match self {
            Self::Page(page) => &page.rows,
            Self::Stored(_) => &[],
        }
    }

    pub(super) const fn total(self) -> Option<u64> {
        match self {
            Self::Page(page) => page.total,
            Self::Stored(page) => page.facts.total,
        }
    }

    pub(super) const fn limit(self) -> Option<u64> {
        match self {
            Self::Page(page) => page.limit,
            Self::Stored(page) => page.facts.limit,
        }
    }

    pub(super) fn first_id(self) -> Option<String> {
        match self {
            Self::Page(page) => page.rows.first().and_then(rows::short_id),
            Self::Stored(page) => page.facts.first_id.clone(),
        }
    }

    pub(super) fn last_id(self) -> Option<String> {
        match self {
            Self::Page(page) => page.rows.last().and_then(rows::short_id),
            Self::Stored(page) => page.facts.last_id.clone(),
        }
    }

    /// Hashes of the stamps of the first row and of the last.
    pub(super) fn stamps(self) -> (Option<u64>, Option<u64>) {
        let stamp_of = |row: Option<&Row>| row.and_then(Row::stamp).map(row_of_id);
        match self {
            Self::Page(page) => (stamp_of(page.rows.first()), stamp_of(page.rows.last())),
            Self::Stored(page) => page.facts.stamps,
        }
    }

    pub(super) fn has_score(self, place: usize) -> bool {
        match self {
            Self::Page(page) => page.rows.get(place).is_some_and(rows::has_score),
            Self::Stored(page) => page.has_score(place),
        }
    }

    /// Whether a row has an id. Every row of a stored page has.
    pub(super) fn is_named(self, place: usize) -> bool {
        let row = self.rows().get(place);
        row.is_none_or(|row| rows::nameless_fingerprint(row).is_none())
    }

    /// The tiers of its rows: of a stored page only those that the plan by tiers may not list.
    pub(super) fn tiers(self) -> Vec<Option<&'p str>> {
        match self {
            Self::Page(page) => rows::tiers(&page.rows).collect(),
            Self::Stored(page) => page.facts.tiers.iter().map(Option::as_deref).collect(),
        }
    }
}

impl Lister<'_> {
    /// Requests the next page of a pass, unless it is the one that is stored.
    pub(super) fn ask(
        &mut self,
        pass: &Pass,
        asked: Asked,
        single_try: bool,
        call: &Call<'_>,
    ) -> Result<Came> {
        let Some((known, request)) = self.known_page(pass, asked) else {
            let page = self.search(pass, asked.start, asked.limit, single_try, call);
            return page.map(Came::Page);
        };
        let registry = self.registry;
        let found = self.send(single_try, call, |call| {
            registry.search_if_changed(&request, known.validator(), call)
        })?;
        Ok(found.map_or(Came::Unchanged(known), Came::Page))
    }

    /// The stored page, if the registry may be asked whether it is still the same. Only where a page
    /// begins with the row before it, or the listing with the page: where rows seem to have moved, and
    /// in a second reading, pages are to be seen.
    fn known_page(&self, pass: &Pass, asked: Asked) -> Option<(Arc<StoredPage>, PageRequest)> {
        if self.stored.is_empty() || !self.is_in_order(asked) {
            return None;
        }
        let at = &self.cursor.at;
        if at.is_second_reading || self.cursor.is_second_look() {
            return None;
        }
        let request = pass.request(asked.start, self.limit_of(asked.limit))?;
        let known = self.stored.get(&request.key())?;
        Some((Arc::clone(known), request))
    }

    fn is_in_order(&self, asked: Asked) -> bool {
        let is_first = asked.start == 0 && self.cursor.at.counts.rows == 0;
        !asked.is_probe && (asked.overlaps || is_first)
    }

    /// The page to be stored, with its rows still to be added, if a later run can ask whether it is
    /// still the same. Before the cursor is advanced.
    pub(super) fn page_to_store(
        &self,
        pass: &Pass,
        asked: Asked,
        page: &Page,
    ) -> Option<StoredPage> {
        let validator = page.validator.clone()?;
        if page.rows.is_empty() || !self.is_in_order(asked) {
            return None;
        }
        let request = pass.request(asked.start, self.limit_of(asked.limit))?;
        let facts = PageFacts {
            total: page.total,
            limit: page.limit,
            first_id: page.rows.first().and_then(rows::short_id),
            last_id: page.rows.last().and_then(rows::short_id),
            stamps: View::Page(page).stamps(),
            tiers: kept_tiers(rows::tiers(&page.rows))?,
        };
        let read_at = self.cursor.started_at.clone();
        Some(StoredPage::new(request.key(), validator, read_at, facts))
    }
}
