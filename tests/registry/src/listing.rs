//! Pages of skills.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::options::{LimitSays, Options, Order, Total};
use crate::question::Question;
use crate::random::Random;
use crate::skill::Skill;

/// A row of a listing; a hidden one has a place in it but is not in any page.
#[derive(Clone)]
struct Row {
    skill: Arc<Skill>,
    hidden: bool,
}

/// A page, and what it is known by among compressed pages (nothing, if it will not be asked for again).
pub(crate) struct Page {
    pub(crate) body: Vec<u8>,
    pub(crate) key: Option<String>,
}

/// The listings of a catalogue, each put in order once.
#[derive(Default)]
pub(crate) struct Listings {
    // The catalogue's revision for which the rest is true.
    revision: Option<u64>,
    complete: Arc<Vec<Row>>,
    filtered: HashMap<String, Arc<Vec<Row>>>,
    compressed: HashMap<String, Arc<Vec<u8>>>,
    // Counts the changes of the options, so that a page compressed meanwhile is not mistaken for a new one.
    epoch: u64,
}

impl Listings {
    /// Must be called after a change of the options.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            epoch: self.epoch + 1,
            ..Self::default()
        };
    }

    /// The page that answers listing request `number`, counted from 1.
    pub(crate) fn page(
        &mut self,
        catalogue: &Catalogue,
        options: &Options,
        question: &Question,
        number: u64,
    ) -> Page {
        let (rows, moved, places) = self.places(catalogue, options, question, number);
        let shuffled = options.order == Order::Shuffled;

        let mut body = Vec::with_capacity(1024 * places.len() + 128);
        body.extend_from_slice(b"{\"data\":[");
        let mut count = 0_usize;
        for place in places {
            let row = &rows[place];
            if row.hidden {
                continue;
            }
            if count > 0 {
                body.push(b',');
            }
            body.extend_from_slice(row.skill.bytes());
            count += 1;
        }
        let total = match options.total {
            Total::TrueTotal => Some(rows.len() as u64),
            Total::PageCount => Some(count as u64),
            Total::ReadSoFar => Some(question.offset.saturating_add(count) as u64),
            Total::Absent => None,
            Total::Number(number) => Some(number),
        };
        let total = total.map(|total| options.total_cap.map_or(total, |cap| total.min(cap)));
        let total = total.map_or_else(String::new, |total| format!("\"total\":{total},"));
        let limit = if options.echo_limit {
            let limit = match options.limit_says {
                LimitSays::InForce => question.limit as u64,
                LimitSays::Asked => question.asked_limit as u64,
                LimitSays::Number(number) => number,
            };
            format!("\"limit\":{limit},")
        } else {
            String::new()
        };
        let meta = format!(
            "],\"meta\":{{{total}{limit}\"offset\":{}}}}}",
            question.offset
        );
        body.extend_from_slice(meta.as_bytes());

        let key = format!(
            "{} {} {} {} {moved} {}",
            self.epoch,
            question.limit,
            question.asked_limit,
            question.offset,
            question.key()
        );
        Page {
            body,
            key: (!shuffled).then_some(key),
        }
    }

    /// How many rows a listing has, hidden ones included.
    pub(crate) fn len(
        &mut self,
        catalogue: &Catalogue,
        options: &Options,
        question: &Question,
    ) -> usize {
        self.rows(catalogue, options, question).len()
    }

    /// The ids in the page that answers listing request `number`, counted from 1.
    pub(crate) fn ids(
        &mut self,
        catalogue: &Catalogue,
        options: &Options,
        question: &Question,
        number: u64,
    ) -> Vec<String> {
        let (rows, _, places) = self.places(catalogue, options, question, number);
        let rows = places.into_iter().map(|place| &rows[place]);
        rows.filter(|row| !row.hidden)
            .map(|row| row.skill.id().to_owned())
            .collect()
    }

    /// The rows of a listing, by how many its start has moved, and the places among them that the page shows.
    fn places(
        &mut self,
        catalogue: &Catalogue,
        options: &Options,
        question: &Question,
        number: u64,
    ) -> (Arc<Vec<Row>>, usize, Vec<usize>) {
        let rows = self.rows(catalogue, options, question);
        let past = number.saturating_sub(1);
        let moved = options
            .rotate_after_requests
            .filter(|every| *every > 0)
            .map_or(0, |every| past / every);
        let moved = usize::try_from(moved % (rows.len().max(1) as u64)).unwrap_or(0);
        let end = question.offset.saturating_add(question.limit);
        let positions = question.offset.min(rows.len())..end.min(rows.len());
        let order = if options.order == Order::Shuffled {
            Random::new(number, 0x5AFE).sample(rows.len(), rows.len())
        } else {
            Vec::new()
        };
        let places = positions.map(|position| {
            let position = (position + rows.len() - moved) % rows.len();
            order.get(position).copied().unwrap_or(position)
        });
        let places = places.collect();
        (rows, moved, places)
    }

    /// The skills in the order of the complete listing (of insertion, if that is shuffled), and whether they are hidden.
    pub(crate) fn skills(
        &mut self,
        catalogue: &Catalogue,
        options: &Options,
    ) -> Vec<(Arc<Skill>, bool)> {
        self.refresh(catalogue, options);
        self.complete
            .iter()
            .map(|row| (Arc::clone(&row.skill), row.hidden))
            .collect()
    }

    /// A page compressed before, if nothing has changed since.
    pub(crate) fn compressed(&self, catalogue: &Catalogue, key: &str) -> Option<Arc<Vec<u8>>> {
        self.compressed
            .get(key)
            .filter(|_| self.revision == Some(catalogue.revision()))
            .cloned()
    }

    /// Keeps a compressed page of the catalogue as it was at `revision`.
    pub(crate) fn keep_compressed(&mut self, revision: u64, key: String, page: Arc<Vec<u8>>) {
        if self.revision == Some(revision) {
            self.compressed.insert(key, page);
        }
    }

    fn rows(
        &mut self,
        catalogue: &Catalogue,
        options: &Options,
        question: &Question,
    ) -> Arc<Vec<Row>> {
        self.refresh(catalogue, options);
        if question.is_plain() {
            return Arc::clone(&self.complete);
        }
        let complete = &self.complete;
        let found = self.filtered.entry(question.key()).or_insert_with(|| {
            let found = complete
                .iter()
                .filter(|row| question.finds(&row.skill, options.query_matches));
            Arc::new(found.cloned().collect())
        });
        Arc::clone(found)
    }

    fn refresh(&mut self, catalogue: &Catalogue, options: &Options) {
        if self.revision == Some(catalogue.revision()) {
            return;
        }
        let mut skills: Vec<&Arc<Skill>> = catalogue.rows().collect();
        match options.order {
            Order::Id => skills.sort_by(|one, other| one.id().cmp(other.id())),
            Order::Score => skills.sort_by(|one, other| best_first(one, other)),
            Order::Inserted | Order::Shuffled => {}
        }
        let is_hidden = |position: usize| {
            options
                .hide_every
                .is_some_and(|every| every > 0 && (position + 1).is_multiple_of(every))
                || options
                    .hide_range
                    .is_some_and(|(from, to)| (from..to).contains(&position))
        };
        let rows = skills.into_iter().enumerate();
        let rows = rows.map(|(position, skill)| Row {
            skill: Arc::clone(skill),
            hidden: is_hidden(position),
        });
        self.complete = Arc::new(rows.collect());
        self.filtered.clear();
        self.compressed.clear();
        self.revision = Some(catalogue.revision());
    }
}

fn best_first(one: &Skill, other: &Skill) -> Ordering {
    let score = |skill: &Skill| skill.quality_score().unwrap_or(f64::NEG_INFINITY);
    score(other)
        .total_cmp(&score(one))
        .then_with(|| one.id().cmp(other.id()))
}
