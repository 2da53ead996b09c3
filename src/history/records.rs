//! What the history holds: entries, their counts, and statistics.

use serde::Serialize;

use crate::ErrorCode;
use crate::error::code_and_retryable;
use crate::statements::{Columns, ensure_row_available};
use crate::stored::{count, optional_text, text, whole};

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
/// let counts = SyncRunResult::default().skills_added(3);
/// assert_eq!((counts.skills_added, counts.skills_updated), (3, 0));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncRunResult {
    /// Number of skills added.
    pub skills_added: u64,
    /// Number of skills updated.
    pub skills_updated: u64,
    /// Number of skills that had not changed.
    pub skills_unchanged: u64,
    /// Number of withdrawn skills that were removed.
    pub skills_removed: u64,
}

impl SyncRunResult {
    /// Sets the number of skills added.
    #[must_use]
    pub const fn skills_added(mut self, count: u64) -> Self {
        self.skills_added = count;
        self
    }

    /// Sets the number of skills updated.
    #[must_use]
    pub const fn skills_updated(mut self, count: u64) -> Self {
        self.skills_updated = count;
        self
    }

    /// Sets the number of skills that had not changed.
    #[must_use]
    pub const fn skills_unchanged(mut self, count: u64) -> Self {
        self.skills_unchanged = count;
        self
    }

    /// Sets the number of withdrawn skills that were removed.
    #[must_use]
    pub const fn skills_removed(mut self, count: u64) -> Self {
        self.skills_removed = count;
        self
    }
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
    /// Number of withdrawn skills that were removed.
    pub skills_removed: i64,
    /// Error of the run, if any.
    pub error_message: Option<String>,
    /// Duration in milliseconds; `None` while the run is running.
    pub duration_ms: Option<i64>,
    /// When the entry was created, in the format of SQLite (UTC).
    pub created_at: String,
    /// Code of `error_message`, if it is known: that of a run of this engine, which ended with an error, among the newest
    /// hundred such runs. `sync_history` has no column for it.
    #[serde(flatten, serialize_with = "code_and_retryable")]
    pub code: Option<ErrorCode>,
}

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

pub(super) fn from_row(row: &dyn Columns) -> rusqlite::Result<SyncHistoryEntry> {
    ensure_row_available(row)?;
    let count = |column| count(row, column);
    Ok(SyncHistoryEntry {
        id: text(row, "id")?,
        started_at: text(row, "started_at")?,
        completed_at: optional_text(row, "completed_at")?,
        status: SyncStatus::from_word(&text(row, "status")?),
        skills_added: count("skills_added")?,
        skills_updated: count("skills_updated")?,
        skills_unchanged: count("skills_unchanged")?,
        // Not in this row: see `removed`.
        skills_removed: 0,
        error_message: optional_text(row, "error_message")?,
        duration_ms: whole(row, "duration_ms")?,
        created_at: text(row, "created_at")?,
        // Not in this row: see `codes`.
        code: None,
    })
}
