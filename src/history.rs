//! `sync_history`: one entry per run.
#![warn(clippy::arithmetic_side_effects)]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;

use crate::clock::{Clock, SystemClock, from_iso, later, to_iso};
use crate::database::{Database, SyncLock, has_table, state};
use crate::stored::{count as stored_count, optional_text, text, whole};
use crate::{Error, Result, memory};

/// The error of an entry whose process died before the end of the run.
const INTERRUPTED: &str = "interrupted";

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

/// Status of a run.
///
/// ```
/// use skillsmith_sync::SyncStatus;
///
/// assert_eq!(SyncStatus::Partial.as_str(), "partial");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SyncStatus {
    /// Running.
    Running,
    /// Every valid row of the registry is stored.
    Success,
    /// Ended early or did not start. What was written is kept.
    Failed,
    /// Partially successful; the message says what failed.
    Partial,
}

impl SyncStatus {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Partial => "partial",
        }
    }

    fn from_word(word: &str) -> Self {
        // The column's CHECK allows only these words.
        [Self::Running, Self::Success, Self::Partial]
            .into_iter()
            .find(|known| known.as_str() == word)
            .unwrap_or(Self::Failed)
    }
}

/// Counters of a run, for its history entry.
///
/// ```
/// use skillsmith_sync::SyncRunResult;
///
/// let counts = SyncRunResult { skills_added: 3, ..SyncRunResult::default() };
/// assert_eq!(counts.skills_updated, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncRunResult {
    /// Number of skills added.
    pub skills_added: u64,
    /// Number of skills updated.
    pub skills_updated: u64,
    /// Number of skills that had not changed.
    pub skills_unchanged: u64,
}

/// One entry of the history: one run.
///
/// Times are text in ISO 8601, as the database has them; [`clock::from_iso`](crate::clock::from_iso)
/// reads them.
///
/// ```
/// use skillsmith_sync::{Database, SyncHistoryRepository, SyncStatus};
///
/// let history = SyncHistoryRepository::new(&Database::open_in_memory()?);
/// let id = history.start_run()?;
/// history.fail_run(&id, "no network")?;
/// let entry = history.get_by_id(&id)?.expect("it was just made");
/// assert_eq!(entry.status, SyncStatus::Failed);
/// assert_eq!(entry.error_message.as_deref(), Some("no network"));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncHistoryEntry {
    /// `sync-YYYYMMDDHHMMSS-` and six random characters.
    pub id: String,
    /// When the run started.
    pub started_at: String,
    /// When the run ended; `None` while it is running.
    pub completed_at: Option<String>,
    /// Status of the run.
    pub status: SyncStatus,
    /// Number of skills added.
    pub skills_added: i64,
    /// Number of skills updated.
    pub skills_updated: i64,
    /// Number of skills that had not changed.
    pub skills_unchanged: i64,
    /// Error of the run, if any.
    pub error_message: Option<String>,
    /// Duration in milliseconds; `None` while the run is running.
    pub duration_ms: Option<i64>,
    /// When the entry was created, in the format of SQLite (UTC).
    pub created_at: String,
}

/// Missing in a file that this library has not changed yet; the history is empty then.
const TABLE: &str = "sync_history";

/// Statistics of the whole history.
///
/// ```
/// use skillsmith_sync::{Database, SyncHistoryRepository};
///
/// let stats = SyncHistoryRepository::new(&Database::open_in_memory()?).get_stats()?;
/// assert_eq!((stats.total_runs, stats.last_success_at), (0, None));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncStats {
    /// Number of entries.
    pub total_runs: i64,
    /// Number of successful runs.
    pub successful_runs: i64,
    /// Number of failed runs.
    pub failed_runs: i64,
    /// When the last successful run ended.
    pub last_success_at: Option<String>,
    /// Mean duration of successful runs in milliseconds, rounded.
    pub average_duration_ms: Option<i64>,
}

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
/// history.complete_run(&id, SyncRunResult { skills_added: 3, ..SyncRunResult::default() })?;
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
        self.database.write(|conn| start(conn, self.clock.now()))
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
        self.database
            .write(|conn| finish(conn, id, self.clock.now(), status, result, error))
    }

    /// One entry, or `None`.
    pub fn get_by_id(&self, id: &str) -> Result<Option<SyncHistoryEntry>> {
        self.database.read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(None);
            }
            Ok(conn
                .prepare_cached("SELECT * FROM sync_history WHERE id = ?1")?
                .query_row([id], from_row)
                .optional()?)
        })
    }

    /// Up to `limit` entries, newest first. An entry that started in the future, by this
    /// repository's clock, comes after all others.
    pub fn get_history(&self, limit: u32) -> Result<Vec<SyncHistoryEntry>> {
        const SQL: &str = concat!("SELECT * FROM sync_history ", newest_first!(), " LIMIT ?2");
        self.database.read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(Vec::new());
            }
            memory::collect(
                conn.prepare_cached(SQL)?
                    .query_map((self.latest(), limit), from_row)?,
            )
        })
    }

    /// The newest successful entry, or `None`; one that started in the future only if there is
    /// no other.
    pub fn get_last_successful(&self) -> Result<Option<SyncHistoryEntry>> {
        const SQL: &str = concat!(
            "SELECT * FROM sync_history WHERE status = 'success' ",
            newest_first!(),
            " LIMIT 1"
        );
        self.database.read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(None);
            }
            Ok(conn
                .prepare_cached(SQL)?
                .query_row([self.latest()], from_row)
                .optional()?)
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
        self.database.read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(Vec::new());
            }
            let mut running = memory::collect(
                conn.prepare_cached(SQL)?
                    .query_map([self.latest()], from_row)?,
            )?;
            // Ours and dead, but could not be marked just now.
            if !SyncLock::is_held(self.database.lock_target()) {
                let dead: Option<String> = state::get(conn, state::key::CURRENT_RUN)?;
                running.retain(|entry| Some(&entry.id) != dead.as_ref());
            }
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
        self.database.write(|conn| {
            // A run releases its lock only after it has removed its entry from the state.
            let under_way = state::get::<String>(conn, state::key::CURRENT_RUN)?
                .filter(|_| SyncLock::is_held(self.database.lock_target()));
            Ok(conn.execute(
                "DELETE FROM sync_history WHERE started_at < ?1 AND id IS NOT ?2",
                (&oldest, &under_way),
            )?)
        })
    }

    /// Number of entries.
    pub fn count(&self) -> Result<i64> {
        self.database.read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(0);
            }
            Ok(conn.query_row("SELECT count(*) FROM sync_history", [], |row| row.get(0))?)
        })
    }

    /// Returns statistics of the whole history.
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
        self.database.read(|conn| {
            if !has_table(conn, TABLE)? {
                return Ok(SyncStats::default());
            }
            Ok(conn.query_row(SQL, [self.latest()], |row| {
                Ok(SyncStats {
                    total_runs: row.get("total")?,
                    successful_runs: row.get("successful")?,
                    failed_runs: row.get("failed")?,
                    last_success_at: optional_text(row, "last_success_at")?,
                    average_duration_ms: whole(row, "average")?,
                })
            })?)
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
            .read(|conn| state::get::<String>(conn, state::key::CURRENT_RUN));
        if let Ok(Some(id)) = dead {
            _ = self.database.write_at_once(|conn| {
                // It may have ended, or another run may have started, since the check.
                if state::get::<String>(conn, state::key::CURRENT_RUN)?.as_ref() == Some(&id)
                    && !SyncLock::is_held(self.database.lock_target())
                {
                    interrupt(conn, Some(&id), now)?;
                    state::remove(conn, state::key::CURRENT_RUN)?;
                }
                Ok(())
            });
        }
    }
}

/// Creates an entry of a run that starts at `now`; inside the caller's transaction.
pub(crate) fn start(conn: &Connection, now: DateTime<Utc>) -> Result<String> {
    // A taken id is rare, so a few attempts suffice; a trigger may reject every entry.
    for _ in 0..20 {
        let id = run_id(now);
        if start_as(conn, &id, now)? {
            return Ok(id);
        }
    }
    Err(Error::Database(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT),
        Some("sync_history takes no entry; look at its triggers".into()),
    )))
}

/// Creates the entry with this `id` unless it exists. Returns whether it was created.
pub(crate) fn start_as(conn: &Connection, id: &str, started_at: DateTime<Utc>) -> Result<bool> {
    let made = conn
        .prepare_cached(
            "INSERT INTO sync_history (id, started_at, status) VALUES (?1, ?2, 'running')
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute([id, &to_iso(started_at)])?;
    Ok(made == 1)
}

/// Whether there is any entry.
pub(crate) fn has_entries(conn: &Connection) -> Result<bool> {
    if !has_table(conn, TABLE)? {
        return Ok(false);
    }
    Ok(
        conn.query_row("SELECT EXISTS (SELECT 1 FROM sync_history)", [], |row| {
            row.get(0)
        })?,
    )
}

fn run_id(now: DateTime<Utc>) -> String {
    let random: String = (0..6)
        .map(|_| {
            char::from(*fastrand::choice(b"abcdefghijklmnopqrstuvwxyz0123456789").unwrap_or(&b'0'))
        })
        .collect();
    format!("sync-{}-{random}", now.format("%Y%m%d%H%M%S"))
}

/// Ends an entry; inside the caller's transaction.
pub(crate) fn finish(
    conn: &Connection,
    id: &str,
    now: DateTime<Utc>,
    status: SyncStatus,
    result: Option<SyncRunResult>,
    error: Option<&str>,
) -> Result<()> {
    let started = conn
        .prepare_cached("SELECT started_at FROM sync_history WHERE id = ?1")?
        .query_row([id], |row| text(row, "started_at"))
        .optional()?;
    let started = started.ok_or_else(|| Error::RunNotFound(id.to_owned()))?;
    conn.prepare_cached(
        "UPDATE sync_history
         SET completed_at = :completed_at, status = :status,
             -- NULL keeps the stored value.
             skills_added = coalesce(:added, skills_added),
             skills_updated = coalesce(:updated, skills_updated),
             skills_unchanged = coalesce(:unchanged, skills_unchanged),
             error_message = :error, duration_ms = :duration_ms
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id,
        ":completed_at": to_iso(now),
        ":status": status.as_str(),
        ":added": result.map(|result| count(result.skills_added)),
        ":updated": result.map(|result| count(result.skills_updated)),
        ":unchanged": result.map(|result| count(result.skills_unchanged)),
        ":error": error,
        ":duration_ms": duration_ms(&started, now),
    })?;
    Ok(())
}

/// Marks running entries as failed: the one with this `id`, or all.
pub(crate) fn interrupt(conn: &Connection, id: Option<&str>, now: DateTime<Utc>) -> Result<()> {
    // By rowid: another program's id may have any type.
    let running: Vec<(i64, String)> = conn
        .prepare_cached("SELECT rowid AS number, started_at FROM sync_history WHERE status = 'running' AND (?1 IS NULL OR id = ?1)")?
        .query_map([id], |row| Ok((row.get("number")?, text(row, "started_at")?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (number, started) in running {
        conn.execute(
            "UPDATE sync_history
             SET status = 'failed', completed_at = ?2, error_message = ?3, duration_ms = ?4
             WHERE rowid = ?1",
            (number, to_iso(now), INTERRUPTED, duration_ms(&started, now)),
        )?;
    }
    Ok(())
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The time since `started`, never negative: clocks can jump.
fn duration_ms(started: &str, now: DateTime<Utc>) -> i64 {
    from_iso(started).map_or(0, |started| {
        now.signed_duration_since(started).num_milliseconds().max(0)
    })
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<SyncHistoryEntry> {
    memory::ensure_row_available(row)?;
    let count = |column| stored_count(row, column);
    Ok(SyncHistoryEntry {
        id: text(row, "id")?,
        started_at: text(row, "started_at")?,
        completed_at: optional_text(row, "completed_at")?,
        status: SyncStatus::from_word(&text(row, "status")?),
        skills_added: count("skills_added")?,
        skills_updated: count("skills_updated")?,
        skills_unchanged: count("skills_unchanged")?,
        error_message: optional_text(row, "error_message")?,
        duration_ms: whole(row, "duration_ms")?,
        created_at: text(row, "created_at")?,
    })
}
