//! What a listing has to know of a row: which one it is.

use std::collections::HashMap;

use super::super::gap::kept_id;
use super::super::plan::Pass;
use crate::fingerprint::fingerprint;
use crate::registry::Row;
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::{Content, Rejected};

/// Rows without an id, by what they hold and what stands behind them.
///
/// A row with an id is that id, wherever it stands. Any other is known by what it holds and by the
/// row before it: a registry may well have three hundred rows that are nothing but `{}`. The first
/// of a page, before which nothing stands, is the last one of the page before where it holds the
/// same, or else the one that had the same row behind it.
#[derive(Default)]
pub(super) struct Nameless {
    by_next: HashMap<u64, u64>,
}

/// More are not remembered; they may be counted twice when they are read again.
const MOST_NAMELESS: usize = 10_000;

impl Nameless {
    /// What tells the rows of a page from all others of the listing.
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

/// What a row without an id holds.
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

/// What a page holds, where some row of it has no id.
pub(super) fn nameless(rows: &[Row]) -> Option<u64> {
    let is_named = rows.iter().all(|row| nameless_fingerprint(row).is_none());
    let mut contents: Vec<(Option<u64>, Option<&str>)> = rows
        .iter()
        .map(|row| (nameless_fingerprint(row), id_of(row)))
        .collect();
    // In whatever order they come.
    contents.sort_unstable();
    (!is_named).then(|| fingerprint(&contents))
}

/// What tells the row of an id from others.
pub(in crate::engine) fn row_of_id(id: &str) -> u64 {
    fingerprint(&id)
}

/// The id of a row, if it is short enough to be kept.
pub(super) fn short_id(row: &Row) -> Option<String> {
    id_of(row).and_then(kept_id)
}

/// Whether a skill has a score, so that the listing by score shows it.
pub(super) fn has_score(row: &Row) -> bool {
    matches!(&row.0, Content::Skill(skill) if matches!(skill.fields[Field::QualityScore], FieldValue::Real(_)))
}

/// The tiers of the skills of a page, `None` where one has none.
pub(super) fn tiers(rows: &[Row]) -> impl Iterator<Item = Option<&str>> {
    rows.iter().filter_map(|row| match &row.0 {
        Content::Skill(skill) => Some(skill.fields[Field::TrustTier].as_text()),
        Content::Rejected(_) => None,
    })
}
