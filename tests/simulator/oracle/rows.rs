//! Whether a stored row is what the registry served.

use std::collections::BTreeMap;

use rusqlite::types::Value;

use super::Case;
use crate::skill::{Expected, Row};
use crate::table::{self, Skills, Stored};
use crate::violation::{Check, violation};
use crate::world::World;

pub struct Judge<'j> {
    pub skills: &'j Skills,
    pub narrow: bool,
    /// A column was added during the run; the next run may fill it.
    pub added_late: bool,
}

/// How a stored row differs from a version of it, except for the URL.
pub fn differs(row: &Row, stored: &Stored, narrow: bool) -> Option<String> {
    stored.iter().find_map(|(column, value)| {
        let Expected::Is(expected) = row.expected(column, narrow) else {
            return None;
        };
        let same = expected == *value
            || matches!((&expected, value), (Value::Real(one), Value::Integer(other))
                if (0..=1).contains(other) && one.to_bits() == f64::from(i32::try_from(*other).unwrap_or(2)).to_bits());
        (!same).then(|| {
            format!(
                "{column} is {:?}, not {:?}",
                table::shown(value),
                table::shown(&expected)
            )
        })
    })
}

impl Judge<'_> {
    /// How the stored row differs from the served one, including the URL.
    pub fn fault(&self, row: &Row) -> Option<String> {
        let id = row.id();
        let Some(stored) = self.skills.get(&id) else {
            return Some(format!("{id} is missing"));
        };
        if table::is_local(stored) {
            return None;
        }
        self.content_fault(row, stored)
            .or_else(|| self.url_fault(row, stored))
    }

    fn content_fault(&self, row: &Row, stored: &Stored) -> Option<String> {
        let difference = if self.added_late {
            differs_but_added(row, stored, self.narrow)
        } else {
            differs(row, stored, self.narrow)
        };
        difference.map(|difference| format!("{}: {difference}", row.id()))
    }

    fn url_fault(&self, row: &Row, stored: &Stored) -> Option<String> {
        let id = row.id();
        let url = table::text(stored, "repo_url");
        let wanted = row.url_text();
        if url == wanted.as_deref() {
            return None;
        }
        let taken = |(other, stored): (&String, &Stored)| {
            *other != id && table::text(stored, "repo_url") == wanted.as_deref()
        };
        if url.is_none() && self.skills.iter().any(taken) {
            return None;
        }
        Some(format!("{id}: its URL is {url:?}, not {wanted:?}"))
    }

    /// The same, but any version with the same timestamp is accepted, because timestamps cannot
    /// distinguish them.
    pub fn fault_by_stamp(&self, row: &Row, ever: &BTreeMap<u32, Vec<Row>>) -> Option<String> {
        let fault = self.fault(row)?;
        let versions = ever.get(&row.n).map(Vec::as_slice).unwrap_or_default();
        let Some(stored) = self.skills.get(&row.id()) else {
            return Some(fault);
        };
        let same = || versions.iter().filter(|other| other.same_stamp(row));
        // A URL is settled on its own, and may be that of another version.
        let excused = same().any(|other| self.content_fault(other, stored).is_none())
            && same().any(|other| self.url_fault(other, stored).is_none());
        (!excused).then_some(fault)
    }
}

/// The table has nothing that the registry never served.
pub fn nothing_unserved(world: &World<'_>, case: &Case<'_>) -> Check {
    let narrow = world.is_narrow();
    for (id, stored) in case.skills {
        let written = |n: u32| world.memory.written.contains(&n);
        let n = id.strip_prefix('s').and_then(|n| n.parse().ok());
        if table::is_local(stored) || n.is_some_and(written) {
            continue;
        }
        let versions = n.and_then(|n| case.ever.get(&n));
        let Some(versions) = versions.filter(|versions| versions.iter().any(Row::is_valid)) else {
            return violation("unserved", format!("{id} was never served"));
        };
        let url = table::text(stored, "repo_url");
        // A URL is settled on its own, and may be that of another version.
        let has_url = |row: &Row| url.is_none() || row.url_text().as_deref() == url;
        // A file that was replaced may be of another kind than the one that was lost.
        let kinds = [narrow, narrow != world.memory.file_lost];
        let fits = |row: &Row| {
            let mut differences = kinds
                .map(|narrow| differs_but_added(row, stored, narrow))
                .into_iter();
            row.is_valid() && differences.any(|difference| difference.is_none())
        };
        if !versions.iter().any(fits) || !versions.iter().any(has_url) {
            let newest = versions.last().map(|row| differs(row, stored, narrow));
            return violation(
                "unserved",
                format!("{id} stands as it was never served: {newest:?}, URL {url:?}"),
            );
        }
    }
    Ok(())
}

/// A column that was added later is empty until the next listing.
fn differs_but_added(row: &Row, stored: &Stored, narrow: bool) -> Option<String> {
    let mut stored = stored.clone();
    for column in ["stars", "license"] {
        if stored.get(column) == Some(&Value::Null) {
            stored.remove(column);
        }
    }
    differs(row, &stored, narrow)
}
