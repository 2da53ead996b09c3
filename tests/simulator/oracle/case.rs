//! A run and what it left behind.

use std::collections::BTreeMap;

use rusqlite::Connection;
use skillsmith_sync::{Coverage, SyncPhase, SyncResult};

use crate::scenario::RunSpec;
use crate::skill::Row;
use crate::table::{self, Skills};

/// What a run found.
#[derive(Debug, Default)]
pub struct Started {
    pub seq: u64,
    pub skills: Skills,
    /// The newest entry of the history.
    pub entry: String,
    /// Of a dry run.
    pub dump: Option<String>,
}

/// A run that has come back.
pub struct Ended<'r> {
    pub spec: &'r RunSpec,
    pub started: Started,
    pub result: &'r SyncResult,
    pub disk_failed: bool,
    /// When the file was lost, nobody had written to its journal after another program.
    pub others_wrote_last: bool,
    /// Each phase of the progress when it was first told.
    pub phases: Vec<SyncPhase>,
}

/// The file as the run left it.
#[derive(Default)]
pub(super) struct Found {
    pub(super) damage: Option<String>,
    pub(super) skills: Skills,
    pub(super) entry: table::Entry,
    pub(super) running: i64,
    pub(super) next_try: Option<String>,
    /// Everything in it, after a dry run.
    pub(super) dump: String,
    pub(super) index_damage: Option<String>,
}

/// The run and what it left, for the rules to look at.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(super) struct Case<'c> {
    pub(super) ended: &'c Ended<'c>,
    pub(super) found: &'c Found,
    pub(super) skills: &'c Skills,
    /// The listing was begun and ended by this run.
    pub(super) whole: bool,
    /// Another program wrote to the table meanwhile, or the file is another one.
    pub(super) disturbed: bool,
    pub(super) lost_file: bool,
    /// The registry was asked only for what has changed.
    pub(super) by_changes: bool,
    pub(super) settled: bool,
    pub(super) upset_by_lock: bool,
    /// Versions of each row that were ever served, and in this run.
    pub(super) ever: &'c BTreeMap<u32, Vec<Row>>,
    pub(super) served: &'c BTreeMap<u32, Vec<Row>>,
}

impl Case<'_> {
    pub(super) fn result(&self) -> &SyncResult {
        self.ended.result
    }

    pub(super) fn spec(&self) -> &RunSpec {
        self.ended.spec
    }

    pub(super) fn says_complete(&self) -> bool {
        self.result().success && self.result().coverage == Coverage::Complete
    }
}

impl Found {
    /// Looks at the file; what cannot be read is damage.
    pub(super) fn look(conn: &Connection, spec: &RunSpec) -> rusqlite::Result<Self> {
        let mut found = Self {
            damage: table::damage(conn),
            ..Self::default()
        };
        if found.damage.is_none() {
            found.skills = table::skills(conn)?;
            let entry = table::newest_entry(conn).ok().flatten();
            found.entry = entry.unwrap_or_default();
            found.running = table::running(conn).unwrap_or(0);
            found.next_try = table::next_try(conn);
            if spec.dry {
                found.dump = table::dump(conn)?;
            }
            found.index_damage = table::index_damage(conn);
        }
        Ok(found)
    }
}
