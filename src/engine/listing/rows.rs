//! The identity of rows: which of them are the same.

use std::collections::HashMap;

use super::super::gap::kept_id;
use super::super::plan::Pass;
use crate::fingerprint::{fingerprint, row_of_id};
use crate::registry::Row;
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::{Content, Rejected};

/// Tells rows without an id apart, by their content and their neighbours.
///
/// A row with an id is identified by the id alone. Any other row is identified by its content and
/// the row before it: a registry may well have three hundred rows that are just `{}`. The first row
/// of a page has no row before it. It is the last row of the page before if that has the same
/// content, or else the row seen earlier with the same content and the same id after it.
#[derive(Default)]
pub(super) struct Nameless {
    by_next: HashMap<u64, u64>,
}

/// Further rows are not remembered; they may be counted twice when they are read again.
const MOST_NAMELESS: usize = 10_000;

impl Nameless {
    /// The identity of each row of a page, unique within the listing.
    pub(super) fn identify(
        &mut self,
        pass: &Pass,
        start: u64,
        last: Option<(u64, u64)>,
        rows: &[Row],
    ) -> Vec<u64> {
        let mut ids: Vec<u64> = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let Some(own) = nameless_fingerprint(row) else {
                ids.push(id_of(row).map_or(0, row_of_id));
                continue;
            };
            let next = rows.get(at.saturating_add(1)).and_then(id_of);
            let next = next.map(|next| fingerprint(&(own, next)));
            let id = match (ids.last(), last) {
                (Some(before), _) => fingerprint(&(own, before)),
                (None, Some((same, id))) if same == own => id,
                (None, _) => next
                    .and_then(|next| self.by_next.get(&next).copied())
                    .unwrap_or_else(|| fingerprint(&(own, pass, start))),
            };
            if let Some(next) = next.filter(|_| self.by_next.len() < MOST_NAMELESS) {
                self.by_next.entry(next).or_insert(id);
            }
            ids.push(id);
        }
        ids
    }
}

fn id_of(row: &Row) -> Option<&str> {
    match &row.0 {
        Content::Skill(skill) => Some(&skill.id),
        Content::Rejected(rejected) => rejected.id.as_deref(),
    }
}

/// Fingerprint of the content of a row without an id.
pub(super) fn nameless_fingerprint(row: &Row) -> Option<u64> {
    match &row.0 {
        Content::Rejected(Rejected {
            id: None,
            fingerprint,
            ..
        }) => Some(*fingerprint),
        _ => None,
    }
}

/// Fingerprint of a page, if some row of it has no id.
pub(super) fn nameless(rows: &[Row]) -> Option<u64> {
    let is_named = rows.iter().all(|row| nameless_fingerprint(row).is_none());
    let mut contents: Vec<(Option<u64>, Option<&str>)> = rows
        .iter()
        .map(|row| (nameless_fingerprint(row), id_of(row)))
        .collect();
    // Independent of their order.
    contents.sort_unstable();
    (!is_named).then(|| fingerprint(&contents))
}

/// The id of a row, if it is short enough to be kept.
pub(super) fn short_id(row: &Row) -> Option<String> {
    id_of(row).and_then(kept_id)
}

/// Whether a skill has a score, so that the pass by score lists it.
pub(super) fn has_score(row: &Row) -> bool {
    matches!(&row.0, Content::Skill(skill) if matches!(skill.fields[Field::QualityScore], FieldValue::Real(_)))
}

/// The tier of each skill of a page; `None` for a skill without one.
pub(super) fn tiers(rows: &[Row]) -> impl Iterator<Item = Option<&str>> {
    rows.iter().filter_map(|row| match &row.0 {
        Content::Skill(skill) => Some(skill.fields[Field::TrustTier].as_text()),
        Content::Rejected(_) => None,
    })
}
