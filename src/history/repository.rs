//! Reads the history, and writes entries for callers other than the engine.

use std::sync::Arc;

use chrono::TimeDelta;
use rusqlite::params;

use super::records::from_row;
use super::{
    SyncHistoryEntry, SyncRunResult, SyncStats, SyncStatus, TABLE, codes, ends, removed, runs,
};
use crate::clock::{Clock, SystemClock, later, to_iso};
use crate::database::{Database, SyncLock, has_table, state};
use crate::stored::{count, optional_text, whole};
use crate::{Error, Result};

/// Whether a time is after `?1`. Compares as text if SQLite cannot parse it, and is never NULL.
macro_rules! is_ahead {
    ($column:literal) => {
        concat!(
            "coalesce(CASE typeof(",
            $column,
            ") WHEN 'text' THEN julianday(",
            $column,
            ") > julianday(?1) END, ",
            $column,
            " > ?1, 0)"
        )
    };
}

/// Newest first. An entry that started after `?1`, a little ahead of now, was written under a
/// wrong clock: it comes last, or it would be the newest run for years.
macro_rules! newest_first {
    () => {
        concat!(
            "ORDER BY ",
            is_ahead!("started_at"),
            ", started_at DESC, rowid DESC"
        )
    };
}

/// How much clocks of one machine and its file systems may differ.
const SLACK: TimeDelta = TimeDelta::minutes(1);

/// Reads and writes the history of a database.
///
/// Every call is short and blocks on the disk only. The engine writes an entry for each of its
/// runs itself.
///
/// ```
/// use skillsmith_sync::{Database, SyncHistoryRepository, SyncRunResult};
///
/// let history = SyncHistoryRepository::new(&Database::open_in_memory()?);
/// let id = history.start_run()?;
/// history.complete_run(&id, SyncRunResult::default().skills_added(3))?;
/// for run in history.get_history(10)? {
///     println!("{}: {} new", run.started_at, run.skills_added);
/// }
/// assert_eq!(history.get_stats()?.successful_runs, 1);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SyncHistoryRepository {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl SyncHistoryRepository {
    /// Creates a repository for an open database.
    pub fn new(database: &Database) -> Self {
        Self::with_clock(database, Arc::new(SystemClock))
    }

    /// Creates a repository with the caller's clock.
    pub fn with_clock(database: &Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            database: database.clone(),
            clock,
        }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Creates an entry for a run that starts now, and returns its id.
    pub fn start_run(&self) -> Result<String> {
        self.database
            .short_write(|conn| runs::start(conn, self.clock.now()))
    }

    /// Marks a run as successful.
    pub fn complete_run(&self, id: &str, result: SyncRunResult) -> Result<()> {
        self.finish(id, SyncStatus::Success, Some(result), None)
    }

    /// Marks a run as partially successful.
    pub fn complete_run_partial(
        &self,
        id: &str,
        result: SyncRunResult,
        error_message: &str,
    ) -> Result<()> {
        self.finish(id, SyncStatus::Partial, Some(result), Some(error_message))
    }

    /// Marks a run as failed; its counts stay as they are.
    pub fn fail_run(&self, id: &str, error: &str) -> Result<()> {
        self.finish(id, SyncStatus::Failed, None, Some(error))
    }

    fn finish(
        &self,
        id: &str,
        status: SyncStatus,
        result: Option<SyncRunResult>,
        error: Option<&str>,
    ) -> Result<()> {
        let now = (self.clock.now(), None);
        self.database.short_write(|conn| {
            runs::finish(conn, id, now, status, result, error)?;
            // That of the error before is not that of this one.
            codes::note(conn, id, None)
        })
    }

    /// One entry, or `None`. As in [`get_history`](Self::get_history), a dead run of this library is told as failed.
    pub fn get_by_id(&self, id: &str) -> Result<Option<SyncHistoryEntry>> {
        let mut entry = self.database.short_read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(None);
            }
            let sql = "SELECT * FROM sync_history WHERE id = ?1";
            let mut entry = conn.first(sql, params![id], from_row)?;
            removed::fill(conn, &mut entry)?;
            ends::fill(conn, &mut entry)?;
            codes::fill(conn, &mut entry)?;
            Ok(entry)
        })?;
        self.tell_interrupted(entry.as_mut_slice())?;
        Ok(entry)
    }

    /// Up to `limit` entries, newest first. An entry that started in the future, by this
    /// repository's clock, comes after all others. An entry of this library whose process has died is told as failed,
    /// `interrupted`, also before the next run, or [`get_running`](Self::get_running), stores that.
    pub fn get_history(&self, limit: u32) -> Result<Vec<SyncHistoryEntry>> {
        const SQL: &str = concat!("SELECT * FROM sync_history ", newest_first!(), " LIMIT ?2");
        let mut entries = self.database.short_read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(Vec::new());
            }
            let mut entries = conn.all(SQL, params![self.latest(), limit], from_row)?;
            removed::fill(conn, &mut entries)?;
            ends::fill(conn, &mut entries)?;
            codes::fill(conn, &mut entries)?;
            Ok(entries)
        })?;
        self.tell_interrupted(&mut entries)?;
        Ok(entries)
    }

    /// Tells a dead run of ours as what it is in entries that were read, and changes nothing.
    ///
    /// A run holds the lock for as long as the file names it as the current one. So what is named after the lock was seen
    /// free has died. In a transaction of the host a name may be older than that.
    fn tell_interrupted(&self, entries: &mut [SyncHistoryEntry]) -> Result<()> {
        let is_running = |entry: &SyncHistoryEntry| entry.status == SyncStatus::Running;
        if !entries.iter().any(is_running)
            || self.database.is_through_host()
            || SyncLock::is_held(self.database.lock_target())
        {
            return Ok(());
        }
        let dead = self
            .database
            .short_read(|conn| state::get::<String>(conn, state::key::CURRENT_RUN))?;
        let is_dead = |entry: &&mut SyncHistoryEntry| Some(&entry.id) == dead.as_ref();
        for entry in entries.iter_mut().filter(is_dead) {
            if entry.status == SyncStatus::Running {
                entry.status = SyncStatus::Failed;
                entry.error_message = Some(runs::INTERRUPTED.to_owned());
            }
        }
        Ok(())
    }

    /// The newest successful entry, or `None`; one that started in the future only if there is
    /// no other.
    pub fn get_last_successful(&self) -> Result<Option<SyncHistoryEntry>> {
        const SQL: &str = concat!(
            "SELECT * FROM sync_history WHERE status = 'success' ",
            newest_first!(),
            " LIMIT 1"
        );
        self.database.short_read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(None);
            }
            let mut entry = conn.first(SQL, params![self.latest()], from_row)?;
            removed::fill(conn, &mut entry)?;
            Ok(entry)
        })
    }

    /// The entries of running syncs, newest first, those in the future last.
    ///
    /// Entries of this library whose process has died are marked as failed first.
    pub fn get_running(&self) -> Result<Vec<SyncHistoryEntry>> {
        const SQL: &str = concat!(
            "SELECT * FROM sync_history WHERE status = 'running' ",
            newest_first!()
        );
        self.mark_interrupted();
        self.database.short_read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(Vec::new());
            }
            let mut running = conn.all(SQL, params![self.latest()], from_row)?;
            // Ours and dead, but could not be marked just now.
            if !SyncLock::is_held(self.database.lock_target()) {
                let dead: Option<String> = state::get(conn, state::key::CURRENT_RUN)?;
                running.retain(|entry| Some(&entry.id) != dead.as_ref());
            }
            let ended = ends::load(conn)?;
            running.retain(|entry| !ended.contains_key(&entry.id));
            Ok(running)
        })
    }

    /// The latest time at which an entry can have started.
    fn latest(&self) -> String {
        to_iso(later(self.clock.now(), SLACK))
    }

    /// Whether a sync is running, after the same check as [`get_running`](Self::get_running).
    pub fn is_running(&self) -> Result<bool> {
        Ok(!self.get_running()?.is_empty())
    }

    /// Deletes the entries of runs that started more than `days_to_keep` days ago. Returns
    /// their number. The entry of a running sync stays.
    pub fn cleanup(&self, days_to_keep: u32) -> Result<usize> {
        let oldest = self
            .clock
            .now()
            .checked_sub_signed(TimeDelta::days(days_to_keep.into()))
            .map(to_iso)
            .ok_or_else(|| {
                Error::InvalidArgument(format!("{days_to_keep} days is out of range."))
            })?;
        self.database.short_write(|conn| {
            // A run releases its lock only after it has removed its entry from the state.
            let under_way = state::get::<String>(conn, state::key::CURRENT_RUN)?
                .filter(|_| SyncLock::is_held(self.database.lock_target()));
            conn.execute(
                "DELETE FROM sync_history WHERE started_at < ?1 AND id IS NOT ?2",
                params![oldest, under_way],
            )
        })
    }

    /// Number of entries.
    pub fn count(&self) -> Result<i64> {
        self.database.short_read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(0);
            }
            let sql = "SELECT count(*) AS entries FROM sync_history";
            conn.one(sql, params![], |row| count(row, "entries"))
        })
    }

    /// Returns statistics of the entries that are kept: a run keeps the newest 1,000.
    pub fn get_stats(&self) -> Result<SyncStats> {
        const SQL: &str = concat!(
            "SELECT count(*) AS total,
                    count(*) FILTER (WHERE status = 'success') AS successful,
                    count(*) FILTER (WHERE status = 'failed') AS failed,
                    -- A time in the future only if there is no other.
                    coalesce(max(completed_at) FILTER (WHERE status = 'success' AND NOT ",
            is_ahead!("started_at"),
            " AND NOT ",
            is_ahead!("completed_at"),
            "),
                             max(completed_at) FILTER (WHERE status = 'success')) AS last_success_at,
                    CAST(round(avg(duration_ms) FILTER (WHERE status = 'success')) AS INTEGER) AS average
             FROM sync_history"
        );
        self.database.short_read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(SyncStats::default());
            }
            conn.one(SQL, params![self.latest()], |row| {
                Ok(SyncStats {
                    total_runs: count(row, "total")?,
                    successful_runs: count(row, "successful")?,
                    failed_runs: count(row, "failed")?,
                    last_success_at: optional_text(row, "last_success_at")?,
                    average_duration_ms: whole(row, "average")?,
                })
            })
        })
    }

    /// An entry of our engine is dead if no process holds the sync lock.
    ///
    /// Best effort: reading the history must not fail because an entry cannot be marked now.
    /// The next sync marks it in any case.
    fn mark_interrupted(&self) {
        if self.database.is_read_only() || SyncLock::is_held(self.database.lock_target()) {
            return;
        }
        let now = self.clock.now();
        let dead = self
            .database
            .short_read(|conn| state::get::<String>(conn, state::key::CURRENT_RUN));
        if let Ok(Some(id)) = dead {
            _ = self.database.write_at_once(|conn| {
                // It may have ended, or another run may have started, since the check.
                if state::get::<String>(conn, state::key::CURRENT_RUN)?.as_ref() == Some(&id)
                    && !SyncLock::is_held(self.database.lock_target())
                {
                    runs::interrupt(conn, &id, now)?;
                    state::remove(conn, state::key::CURRENT_RUN)?;
                }
                Ok(())
            });
        }
    }
}
