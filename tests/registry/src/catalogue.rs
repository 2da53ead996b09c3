//! The skills that a registry holds at one moment.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::generate;
use crate::random::Random;
use crate::skill::Skill;
use crate::stamp;

/// Tells two states of any two catalogues apart, so that a server knows when its caches are stale.
static REVISIONS: AtomicU64 = AtomicU64::new(0);

fn next_revision() -> u64 {
    REVISIONS.fetch_add(1, Ordering::Relaxed)
}

/// The skills of a registry, in the order in which they came.
///
/// Clones share the skills, so they are cheap.
#[derive(Clone, Debug)]
pub struct Catalogue {
    // By a serial number that only grows: the order of insertion survives removals.
    rows: BTreeMap<u64, Arc<Skill>>,
    by_id: HashMap<String, u64>,
    next_serial: u64,
    revision: u64,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalogue {
    /// A registry without skills.
    pub fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            by_id: HashMap::new(),
            next_serial: 0,
            revision: next_revision(),
        }
    }

    /// A registry of `count` invented skills, always the same ones for the same `seed`.
    ///
    /// The skills differ in length, script, time form and in which fields they have; their ids and (non-null)
    /// repository URLs are unique.
    pub fn generate(count: usize, seed: u64) -> Self {
        let mut catalogue = Self::new();
        catalogue.add(count, seed);
        catalogue
    }

    /// Reads a file with one skill (a JSON object) a line. A broken line is an error that gives its number.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut catalogue = Self::new();
        crate::history::read_json_lines(path.as_ref(), |skill: Value| {
            catalogue.upsert(skill);
        })?;
        Ok(catalogue)
    }

    /// Adds a skill or replaces the one with its `id`, which keeps its place in the order of insertion.
    ///
    /// Returns true if the skill is new. A row without a string `id` is always new.
    pub fn upsert(&mut self, skill: impl Into<Value>) -> bool {
        let skill = self.row(&skill.into());
        self.upsert_row(skill)
    }

    /// Appends a row even if its `id` is there already: registries with broken data list a skill twice.
    pub fn push(&mut self, skill: impl Into<Value>) {
        let skill = self.row(&skill.into());
        self.append(Arc::new(skill));
    }

    /// Removes every row with this id. Returns whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(serial) = self.by_id.remove(id) else {
            return false;
        };
        self.revision = next_revision();
        self.rows.remove(&serial);
        // Rows that `push` doubled are known by serial only.
        if self.rows.len() > self.by_id.len() {
            self.rows.retain(|_, row| row.id() != id);
        }
        true
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.by_id.clear();
        self.revision = next_revision();
    }

    /// Changes one skill in place. Returns false, without calling `change`, if there is none with this id.
    pub fn edit(&mut self, id: &str, change: impl FnOnce(&mut Value)) -> bool {
        let Some(mut skill) = self.get(id) else {
            return false;
        };
        change(&mut skill);
        let changed = self.row(&skill);
        if changed.id() == id {
            self.upsert_row(changed);
        } else {
            self.remove(id);
            self.upsert_row(changed);
        }
        true
    }

    /// The skill with this id.
    pub fn get(&self, id: &str) -> Option<Value> {
        self.rows.get(self.by_id.get(id)?).map(|row| row.value())
    }

    /// Whether there is a skill with this id.
    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows in the order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = &Skill> {
        self.rows.values().map(AsRef::as_ref)
    }

    /// The ids in the order of insertion.
    pub fn ids(&self) -> Vec<String> {
        self.iter().map(|row| row.id().to_owned()).collect()
    }

    /// The rows as JSON values in the order of insertion.
    pub fn values(&self) -> Vec<Value> {
        self.iter().map(Skill::value).collect()
    }

    /// Picks `count` skills (all, if there are fewer), alters their descriptions and moves their `updated_at` forward.
    ///
    /// Which skills and which stamps depends on `seed` alone. Returns the ids.
    pub fn change(&mut self, count: usize, seed: u64) -> Vec<String> {
        self.change_rows(count, seed, |random, before| {
            before + milliseconds(1 + random.below(30 * 86_400_000))
        })
    }

    /// Like [`Catalogue::change`], but the changes happen at the moment `at`: that is the new `updated_at` of all, or a
    /// millisecond more than the old one if `at` would not be later.
    pub fn change_at(&mut self, count: usize, seed: u64, at: DateTime<Utc>) -> Vec<String> {
        self.change_rows(count, seed, |_, before| at.max(before + milliseconds(1)))
    }

    /// Adds `count` invented skills. Returns their ids.
    pub fn add(&mut self, count: usize, seed: u64) -> Vec<String> {
        self.add_rows(count, seed, None)
    }

    /// Like [`Catalogue::add`], but the skills are created at the moment `at`.
    pub fn add_at(&mut self, count: usize, seed: u64, at: DateTime<Utc>) -> Vec<String> {
        self.add_rows(count, seed, Some(at))
    }

    /// Differs whenever the rows differ, between all catalogues of the process.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The rows to share, in the order of insertion.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Arc<Skill>> {
        self.rows.values()
    }

    /// Puts a row in that may be shared with another catalogue.
    pub(crate) fn upsert_shared(&mut self, skill: Arc<Skill>) -> bool {
        let Some(serial) = self.by_id.get(skill.id()) else {
            self.append(skill);
            return true;
        };
        self.rows.insert(*serial, skill);
        self.revision = next_revision();
        false
    }

    fn upsert_row(&mut self, skill: Skill) -> bool {
        self.upsert_shared(Arc::new(skill))
    }

    fn row(&self, skill: &Value) -> Skill {
        Skill::new(skill, || format!("row without an id #{}", self.next_serial))
    }

    fn append(&mut self, skill: Arc<Skill>) {
        self.by_id
            .entry(skill.id().to_owned())
            .or_insert(self.next_serial);
        self.rows.insert(self.next_serial, skill);
        self.next_serial += 1;
        self.revision = next_revision();
    }

    fn add_rows(&mut self, count: usize, seed: u64, at: Option<DateTime<Utc>>) -> Vec<String> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let skill = self.row(&generate::skill(seed, self.next_serial, at));
            if self.contains(skill.id()) {
                self.next_serial += 1;
                continue;
            }
            ids.push(skill.id().to_owned());
            self.append(Arc::new(skill));
        }
        ids
    }

    fn change_rows(
        &mut self,
        count: usize,
        seed: u64,
        stamp_after: impl Fn(&mut Random, DateTime<Utc>) -> DateTime<Utc>,
    ) -> Vec<String> {
        let mut random = Random::new(seed, 0xC4A7);
        let serials: Vec<u64> = self.rows.keys().copied().collect();
        let mut ids = Vec::new();
        for position in random.sample(serials.len(), count) {
            let serial = serials[position];
            let row = Arc::clone(&self.rows[&serial]);
            let mut value = row.value();
            let Some(skill) = value.as_object_mut() else {
                continue;
            };
            let before = skill
                .get("updated_at")
                .and_then(Value::as_str)
                .and_then(stamp::read);
            let updated = stamp_after(&mut random, before.unwrap_or_else(|| stamp::after_start(0)));
            let description = skill
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let description = generate::revised(description, random.next());
            skill.insert("description".into(), description.into());
            skill.insert("updated_at".into(), stamp::write(updated, 5).into());
            let changed = Skill::new(&value, || row.id().to_owned());
            ids.push(changed.id().to_owned());
            self.rows.insert(serial, Arc::new(changed));
        }
        self.revision = next_revision();
        ids
    }
}

fn milliseconds(count: u64) -> TimeDelta {
    i64::try_from(count)
        .ok()
        .and_then(TimeDelta::try_milliseconds)
        .unwrap_or_default()
}

impl Extend<Value> for Catalogue {
    fn extend<I: IntoIterator<Item = Value>>(&mut self, skills: I) {
        for skill in skills {
            self.upsert(skill);
        }
    }
}

impl FromIterator<Value> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Value>>(skills: I) -> Self {
        let mut catalogue = Self::new();
        catalogue.extend(skills);
        catalogue
    }
}
