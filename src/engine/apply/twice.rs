//! Ids that a registry lists twice, with different stamps: the later copy counts, in every run.
//!
//! Such ids are kept in the registry's profile. If the earlier copy comes first in a later listing,
//! it is held back until the later one arrives; otherwise every run would write both.

use std::collections::{BTreeMap, BTreeSet};

use crate::fingerprint::row_of_id;
use crate::registry::wire::Skill;
use crate::skills::stamp;

/// Further ids are not remembered: both copies are written in each run, with the same final result.
const MOST_IDS: usize = 1_000;
const LONGEST_ID: usize = 200;

/// Rows held back, in bytes of text.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The ids, and the rows held back.
#[derive(Default)]
pub(in crate::engine) struct Twice {
    ids: BTreeSet<String>,
    held: BTreeMap<String, Held>,
    bytes: usize,
}

/// A copy that waits for a later one.
struct Held {
    skill: Box<Skill>,
    note: Option<String>,
    /// An earlier copy was held back as well.
    is_one_of_two: bool,
}

impl Twice {
    /// Starts with the ids from earlier listings.
    pub(in crate::engine) fn new(ids: impl IntoIterator<Item = String>) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(super) fn note(&mut self, id: &str) {
        if id.len() <= LONGEST_ID && self.ids.len() < MOST_IDS && !self.ids.contains(id) {
            self.ids.insert(id.to_owned());
        }
    }

    pub(super) fn is_known(&self, id: &str) -> bool {
        !self.ids.is_empty() && self.ids.contains(id)
    }

    /// Holds a row back. Returns whether its id is known and there is room for it.
    pub(super) fn hold(&mut self, skill: Box<Skill>, note: Option<String>) -> bool {
        let size = skill
            .fields
            .texts()
            .map(str::len)
            .fold(skill.id.len(), usize::saturating_add);
        if !self.is_known(&skill.id) || self.bytes.saturating_add(size) > MOST_BYTES {
            return false;
        }
        self.bytes = self.bytes.saturating_add(size);
        let other = self.held.remove(&skill.id);
        let is_one_of_two = other.is_some();
        let (skill, note) = match other {
            Some(other) if stamp::is_later(other.skill.stamp(), skill.stamp()) => {
                (other.skill, other.note)
            }
            _ => (skill, note),
        };
        let held = Held {
            skill,
            note,
            is_one_of_two,
        };
        self.held.insert(held.skill.id.clone(), held);
        true
    }

    /// Drops a copy that was held back: a later one came.
    pub(super) fn later_came(&mut self, id: &str) {
        if !self.held.is_empty() {
            self.held.remove(id);
        }
    }

    /// The same for a row that came as it is stored, by its identity.
    pub(super) fn came_as_stored(&mut self, row: u64) {
        if !self.held.is_empty() {
            self.held.retain(|id, _| row_of_id(id) != row);
        }
    }

    /// Takes the rows for which no later copy came. An id of which only one copy came is no longer
    /// listed twice.
    pub(super) fn take_held(&mut self) -> Vec<(Box<Skill>, Option<String>)> {
        let held = std::mem::take(&mut self.held);
        for (id, held) in &held {
            if !held.is_one_of_two {
                self.ids.remove(id);
            }
        }
        let rows = held.into_values();
        rows.map(|held| (held.skill, held.note)).collect()
    }

    pub(super) fn held_ids(&self) -> Vec<String> {
        self.held.keys().cloned().collect()
    }

    /// Forgets an id whose copy was held back by an earlier run, and is lost.
    pub(in crate::engine) fn forget(&mut self, id: &str) {
        self.ids.remove(id);
    }

    /// The ids, for the registry's profile.
    pub(in crate::engine) fn ids(&self) -> Vec<String> {
        self.ids.iter().cloned().collect()
    }
}
