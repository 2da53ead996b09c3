//! `sync_history`: one entry a run.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;

use crate::clock::{Clock, SystemClock, from_iso, to_iso};
use crate::database::text::{Text, optional_text, text};
use crate::database::{Database, SyncLock, state};
use crate::{Error, Result, memory};

/// What is written over an entry whose run died without finishing it.
const INTERRUPTED: &str = "interrupted";

/// How a run stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncStatus {
    /// Under way.
    Running,
    /// Every valid row of the registry is stored.
    Success,
    /// Ended early or did not begin; what was written is kept.
    Failed,
    /// Something succeeded and something did not; the message tells.
    Partial,
}

impl SyncStatus {
    /// The word that stands in the database.
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

/// What a run did, for its entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncRunResult {
    /// Skills that were new here.
    pub skills_added: u64,
    /// Skills that were changed.
    pub skills_updated: u64,
    /// Skills that stood here as the registry has them.
    pub skills_unchanged: u64,
}

/// One entry of the history. Times are ISO 8601 text, as they stand in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncHistoryEntry {
    /// `sync-YYYYMMDDHHMMSS-` and six random characters.
    pub id: String,
    /// When the run started.
    pub started_at: String,
    /// When it ended; `None` while it runs.
    pub completed_at: Option<String>,
    /// How it stands or ended.
    pub status: SyncStatus,
    /// Skills that were new here.
    pub skills_added: i64,
    /// Skills that were changed.
    pub skills_updated: i64,
    /// Skills that stood here already.
    pub skills_unchanged: i64,
    /// What went wrong, if anything did.
    pub error_message: Option<String>,
    /// How long it took, in milliseconds; `None` while it runs.
    pub duration_ms: Option<i64>,
    /// When the entry was made, as SQLite wrote it (UTC).
    pub created_at: String,
}

/// Figures over the whole history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncStats {
    /// Entries in all.
    pub total_runs: i64,
    /// Those that succeeded.
    pub successful_runs: i64,
    /// Those that failed.
    pub failed_runs: i64,
    /// When the last one succeeded.
    pub last_success_at: Option<String>,
    /// Mean duration of the successful ones in milliseconds, rounded.
    pub average_duration_ms: Option<i64>,
}

/// Reads and writes the history. Every call is short and blocks on the disk only.
#[derive(Debug, Clone)]
pub struct SyncHistoryRepository {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl SyncHistoryRepository {
    /// For an open database.
    pub fn new(database: &Database) -> Self {
        Self::with_clock(database, Arc::new(SystemClock))
    }

    /// The same with a clock of the caller's.
    pub fn with_clock(database: &Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            database: database.clone(),
            clock,
        }
    }

    /// The database that this works on.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Makes an entry for a run that starts now, and returns its id.
    pub fn start_run(&self) -> Result<String> {
        self.database.write(|conn| start(conn, self.clock.now()))
    }

    /// Marks a run as successful.
    pub fn complete_run(&self, id: &str, result: SyncRunResult) -> Result<()> {
        self.finish(id, SyncStatus::Success, Some(result), None)
    }

    /// Marks a run as successful in part.
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
        self.one("SELECT * FROM sync_history WHERE id = ?1", Some(id))
    }

    /// The newest entries first, at most `limit` of them.
    pub fn get_history(&self, limit: u32) -> Result<Vec<SyncHistoryEntry>> {
        self.database.read(|conn| {
            memory::collect(
                conn.prepare_cached(
                    "SELECT * FROM sync_history ORDER BY started_at DESC, rowid DESC LIMIT ?1",
                )?
                .query_map([limit], from_row)?,
            )
        })
    }

    /// The newest successful entry, or `None`.
    pub fn get_last_successful(&self) -> Result<Option<SyncHistoryEntry>> {
        self.one(
            "SELECT * FROM sync_history WHERE status = 'success' ORDER BY started_at DESC, rowid DESC LIMIT 1",
            None,
        )
    }

    fn one(&self, sql: &str, id: Option<&str>) -> Result<Option<SyncHistoryEntry>> {
        self.database.read(|conn| {
            let mut found = conn.prepare_cached(sql)?;
            Ok(match id {
                Some(id) => found.query_row([id], from_row),
                None => found.query_row([], from_row),
            }
            .optional()?)
        })
    }

    /// The entries that are marked as running, newest first.
    ///
    /// An entry of this library whose run has died is marked as failed first.
    pub fn get_running(&self) -> Result<Vec<SyncHistoryEntry>> {
        self.mark_interrupted();
        self.database.read(|conn| {
            memory::collect(
                conn.prepare_cached("SELECT * FROM sync_history WHERE status = 'running' ORDER BY started_at DESC, rowid DESC")?
                    .query_map([], from_row)?,
            )
        })
    }

    /// Whether an entry is marked as running, after the same check.
    pub fn is_running(&self) -> Result<bool> {
        Ok(!self.get_running()?.is_empty())
    }

    /// Deletes the entries that started more than `days_to_keep` days ago. Returns how many.
    /// The entry of a sync that is under way stays.
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
            // A run gives its lock back only after it has taken its entry out of the state.
            let under_way = state::get::<String>(conn, state::key::CURRENT_RUN)?
                .filter(|_| SyncLock::is_held(self.database.lock_target()));
            Ok(conn.execute(
                "DELETE FROM sync_history WHERE started_at < ?1 AND id IS NOT ?2",
                (&oldest, &under_way),
            )?)
        })
    }

    /// How many entries there are.
    pub fn count(&self) -> Result<i64> {
        self.database.read(|conn| {
            Ok(conn.query_row("SELECT count(*) FROM sync_history", [], |row| row.get(0))?)
        })
    }

    /// Figures over the whole history.
    pub fn get_stats(&self) -> Result<SyncStats> {
        self.database.read(|conn| {
            Ok(conn.query_row(
                "SELECT count(*),
                        count(*) FILTER (WHERE status = 'success'),
                        count(*) FILTER (WHERE status = 'failed'),
                        max(completed_at) FILTER (WHERE status = 'success'),
                        CAST(round(avg(duration_ms) FILTER (WHERE status = 'success')) AS INTEGER)
                 FROM sync_history",
                [],
                |row| {
                    Ok(SyncStats {
                        total_runs: row.get(0)?,
                        successful_runs: row.get(1)?,
                        failed_runs: row.get(2)?,
                        last_success_at: row.get(3)?,
                        average_duration_ms: row.get(4)?,
                    })
                },
            )?)
        })
    }

    /// An entry of our engine's without a holder of the sync lock is a run that died.
    ///
    /// Best effort: whoever only looks at the history must not fail because it
    /// cannot be tidied just now; the next sync does it in any case.
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
                // It may have ended, or another run may have begun, since we looked.
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

/// Makes an entry that runs from `now`; inside a transaction of the caller's.
pub(crate) fn start(conn: &Connection, now: DateTime<Utc>) -> Result<String> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO sync_history (id, started_at, status) VALUES (?1, ?2, 'running')
         ON CONFLICT (id) DO NOTHING",
    )?;
    loop {
        let id = run_id(now);
        if insert.execute([&id, &to_iso(now)])? == 1 {
            return Ok(id);
        }
    }
}

fn run_id(now: DateTime<Utc>) -> String {
    let random: String = (0..6)
        .map(|_| {
            char::from(*fastrand::choice(b"abcdefghijklmnopqrstuvwxyz0123456789").unwrap_or(&b'0'))
        })
        .collect();
    format!("sync-{}-{random}", now.format("%Y%m%d%H%M%S"))
}

/// Ends an entry; inside a transaction of the caller's.
pub(crate) fn finish(
    conn: &Connection,
    id: &str,
    now: DateTime<Utc>,
    status: SyncStatus,
    result: Option<SyncRunResult>,
    error: Option<&str>,
) -> Result<()> {
    let started: Option<Text> = conn
        .prepare_cached("SELECT started_at FROM sync_history WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Text(started) = started.ok_or_else(|| Error::RunNotFound(id.to_owned()))?;
    conn.prepare_cached(
        "UPDATE sync_history
         SET completed_at = :completed_at, status = :status,
             -- NULL leaves what stands there.
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

/// Marks running entries as failed: the one of that `id`, or all.
pub(crate) fn interrupt(conn: &Connection, id: Option<&str>, now: DateTime<Utc>) -> Result<()> {
    let running: Vec<(String, Text)> = conn
        .prepare_cached("SELECT id, started_at FROM sync_history WHERE status = 'running' AND (?1 IS NULL OR id = ?1)")?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, Text(started)) in running {
        conn.execute(
            "UPDATE sync_history
             SET status = 'failed', completed_at = ?2, error_message = ?3, duration_ms = ?4
             WHERE id = ?1",
            (id, to_iso(now), INTERRUPTED, duration_ms(&started, now)),
        )?;
    }
    Ok(())
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The time since `started`, never negative: clocks jump.
fn duration_ms(started: &str, now: DateTime<Utc>) -> i64 {
    from_iso(started).map_or(0, |started| (now - started).num_milliseconds().max(0))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<SyncHistoryEntry> {
    memory::afford_row(row)?;
    // Nullable in files that the other stack made.
    let count = |column| row.get(column).map(Option::<i64>::unwrap_or_default);
    Ok(SyncHistoryEntry {
        id: text(row, "id")?,
        started_at: text(row, "started_at")?,
        completed_at: optional_text(row, "completed_at")?,
        status: SyncStatus::from_word(&text(row, "status")?),
        skills_added: count("skills_added")?,
        skills_updated: count("skills_updated")?,
        skills_unchanged: count("skills_unchanged")?,
        error_message: optional_text(row, "error_message")?,
        duration_ms: row.get("duration_ms")?,
        created_at: text(row, "created_at")?,
    })
}
