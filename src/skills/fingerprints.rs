//! The fingerprints of rows: enough to recognize an unchanged row without reading it again.
//!
//! 16 bytes a row. The key is a hash of the row's identity, keyed at random so that no registry
//! can choose ids that fall into one bucket; the value holds 62 bits of a second hash, over id, stamp
//! and shape, and two bits for what this run has made of the row. A row is only taken for unchanged
//! if both agree, so two rows would have to agree in 126 bits to be mixed up.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use rusqlite::Connection;

use super::stamp::canonical;
use super::table::Table;
use crate::Result;
use crate::database::oversize::bounded;
use crate::fingerprint::{fingerprint, row_of_id};

/// Outcome of a row in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowOutcome {
    /// Not seen in this run.
    Unseen = 0,
    Unchanged = 1,
    Added = 2,
    Updated = 3,
}

const OUTCOME_BITS: u64 = 0b11;

impl RowOutcome {
    /// The outcome of a written row. An added row stays added, however often it is written.
    pub(crate) const fn after(from: Self, is_new: bool) -> Self {
        if is_new || matches!(from, Self::Added) {
            Self::Added
        } else {
            Self::Updated
        }
    }

    const fn of(value: u64) -> Self {
        match value & OUTCOME_BITS {
            1 => Self::Unchanged,
            2 => Self::Added,
            3 => Self::Updated,
            _ => Self::Unseen,
        }
    }
}

/// What can change about a row under one stamp, and is noticed all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) has_url: bool,
    /// It is marked as not safe.
    pub(crate) is_marked: bool,
}

/// The fingerprints of a table.
pub(crate) struct Fingerprints {
    keys: RandomState,
    map: HashMap<u64, u64, BuildHasherDefault<AsIs>>,
    /// Every row of the table has one; otherwise only those that were asked for.
    is_whole: bool,
}

impl Fingerprints {
    /// None yet: each is read when its row comes, for a listing of few rows.
    pub(crate) fn on_demand() -> Self {
        Self {
            keys: RandomState::new(),
            map: HashMap::default(),
            is_whole: false,
        }
    }

    /// Reads the table once, in its own order.
    pub(crate) fn load(conn: &Connection, table: &Table) -> Result<Self> {
        let mut fingerprints = Self {
            is_whole: true,
            ..Self::on_demand()
        };
        let count: i64 =
            conn.query_row("SELECT count(*) FROM main.skills", [], |row| row.get(0))?;
        fingerprints
            .map
            .try_reserve(usize::try_from(count).unwrap_or(0))?;
        let mut found = conn.prepare(&table.sql.fingerprints)?;
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            fingerprints.take_in(row)?;
        }
        Ok(fingerprints)
    }

    /// Reads the fingerprint of a row that is not known yet, if the table has it.
    pub(crate) fn look_up(&mut self, conn: &Connection, table: &Table, id: &str) -> Result<()> {
        if self.is_whole || !self.is_new(id) {
            return Ok(());
        }
        let mut found = conn.prepare_cached(&table.sql.fingerprint)?;
        let mut rows = found.query([id])?;
        rows.next()?.map_or(Ok(()), |row| self.take_in(row))
    }

    fn take_in(&mut self, row: &rusqlite::Row<'_>) -> Result<()> {
        // A row whose id or stamp is not text counts as changed.
        let Ok(id) = row.get_ref(0)?.as_str() else {
            return Ok(());
        };
        let stamp = row.get_ref(1)?.as_str().unwrap_or_default();
        let shape = Shape {
            has_url: row.get(2)?,
            is_marked: row.get(3)?,
        };
        let value = Self::state_of(id, stamp, shape);
        let key = self.key(row_of_id(id));
        self.reserve_one()?;
        self.map.insert(key, value);
        Ok(())
    }

    /// Reserves room for one more row; call it before recording one.
    pub(crate) fn reserve_one(&mut self) -> Result<()> {
        self.map.try_reserve(1)?;
        Ok(())
    }

    fn key(&self, row: u64) -> u64 {
        self.keys.hash_one(row)
    }

    /// The state of a row that stands with this stamp and in this shape: the same in every process of
    /// this version. Its lowest two bits are clear.
    pub(crate) fn state_of(id: &str, stamp: &str, shape: Shape) -> u64 {
        fingerprint(&(id, canonical(stamp), shape)) & !OUTCOME_BITS
    }

    /// The state of the row with this identity; `None` if there is none.
    pub(crate) fn state(&self, row: u64) -> Option<u64> {
        let value = self.map.get(&self.key(row))?;
        Some(value & !OUTCOME_BITS)
    }

    /// Whether the table had no row with this id when the run started, and none was added
    /// since.
    pub(crate) fn is_new(&self, id: &str) -> bool {
        !self.map.contains_key(&self.key(row_of_id(id)))
    }

    /// Outcome of the row in this run so far.
    pub(crate) fn outcome(&self, id: &str) -> RowOutcome {
        self.outcome_of(row_of_id(id))
    }

    /// The same by the row's identity.
    pub(crate) fn outcome_of(&self, row: u64) -> RowOutcome {
        self.map
            .get(&self.key(row))
            .map_or(RowOutcome::Unseen, |value| RowOutcome::of(*value))
    }

    /// Whether this run has seen every row that the table had.
    pub(crate) fn all_are_seen(&self) -> bool {
        let mut states = self.map.values();
        self.is_whole && states.all(|value| RowOutcome::of(*value) != RowOutcome::Unseen)
    }

    /// Notes what this run makes of a row, which stands here from now on like this.
    pub(crate) fn note(&mut self, id: &str, stamp: &str, shape: Shape, outcome: RowOutcome) {
        let value = Self::state_of(id, stamp, shape) | outcome as u64;
        self.map.insert(self.key(row_of_id(id)), value);
    }

    /// Records the outcome of a row, which is stored as before.
    pub(crate) fn note_outcome(&mut self, id: &str, outcome: RowOutcome) {
        self.note_outcome_of(row_of_id(id), outcome);
    }

    /// The same by the row's identity.
    pub(crate) fn note_outcome_of(&mut self, row: u64, outcome: RowOutcome) {
        let value = self.map.entry(self.key(row)).or_default();
        *value = *value & !OUTCOME_BITS | outcome as u64;
    }

    /// Forgets the rows that this run has met and the table no longer has, except staged ones. Returns what the run
    /// made of each.
    pub(crate) fn take_gone(
        &mut self,
        conn: &Connection,
        staged: &[String],
    ) -> Result<Vec<RowOutcome>> {
        let mut here: HashSet<u64, BuildHasherDefault<AsIs>> = HashSet::default();
        here.try_reserve(self.map.len())?;
        here.extend(staged.iter().map(|id| self.key(row_of_id(id))));
        let mut found = conn.prepare(&format!("SELECT {} FROM main.skills", bounded("id")))?;
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            if let Ok(id) = row.get_ref(0)?.as_str() {
                here.try_reserve(1)?;
                here.insert(self.key(row_of_id(id)));
            }
        }
        let mut gone = Vec::new();
        self.map.retain(|key, value| {
            let outcome = RowOutcome::of(*value);
            let is_gone = outcome != RowOutcome::Unseen && !here.contains(key);
            if is_gone {
                gone.push(outcome);
            }
            !is_gone
        });
        Ok(gone)
    }

    /// Records that a new row could not be added.
    pub(crate) fn forget(&mut self, id: &str) {
        self.map.remove(&self.key(row_of_id(id)));
    }
}

/// The keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
