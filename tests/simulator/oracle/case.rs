//! A run and its results, for the rules.

use std::collections::BTreeMap;

use rusqlite::Connection;
use skillsmith_sync::{Coverage, SyncPhase, SyncResult};

use crate::scenario::RunSpec;
use crate::skill::Row;
use crate::table::{self, Skills};

/// The state that a run found.
#[derive(Debug, Default)]
pub struct Started {
    pub seq: u64,
    pub skills: Skills,
    /// The newest entry of the history.
    pub entry: String,
    /// Of a dry run.
    pub dump: Option<String>,
}

/// A finished run.
pub struct Ended<'r> {
    pub spec: &'r RunSpec,
    pub started: Started,
    pub result: &'r SyncResult,
    pub disk_failed: bool,
    /// When the file was lost, another program's commit was the last one in its journal.
    pub others_wrote_last: bool,
    /// Each phase, in the order of its first report.
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
    /// Its whole content, after a dry run.
    pub(super) dump: String,
    pub(super) index_damage: Option<String>,
}

/// The run and its results, for the rules to check.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(super) struct Case<'c> {
    pub(super) ended: &'c Ended<'c>,
    pub(super) found: &'c Found,
    pub(super) skills: &'c Skills,
    /// This run started and finished the listing.
    pub(super) whole: bool,
    /// Another program wrote to the table during the run, or replaced the file.
    pub(super) disturbed: bool,
    pub(super) lost_file: bool,
    /// The registry was asked only for changes.
    pub(super) by_changes: bool,
    pub(super) settled: bool,
    pub(super) upset_by_lock: bool,
    /// All versions of each row served so far, and those served in this run.
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
    /// Reads the file; whatever cannot be read counts as damage.
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
