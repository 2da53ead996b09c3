//! The result of a run.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::error::code_and_retryable;
use crate::history::SyncStatus;

/// Whether a run could see every skill of the registry.
///
/// ```
/// use skillsmith_sync::Coverage;
///
/// assert_eq!(Coverage::BestEffort.as_str(), "best-effort");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Coverage {
    /// Everything was listed: nothing is known to be missing.
    Complete,
    /// Something may be missing: the warnings say why, or the run did not reach its end.
    BestEffort,
}

impl Coverage {
    /// The name used by the command line and all bindings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::BestEffort => "best-effort",
        }
    }
}

/// What the last listing that was read to its end could see, as `sync_state` has it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct NotedListing {
    pub(crate) is_complete: bool,
    /// It was a listing by search words.
    pub(crate) by_words: bool,
}

impl NotedListing {
    pub(crate) const fn coverage(self) -> Coverage {
        if self.is_complete {
            Coverage::Complete
        } else {
            Coverage::BestEffort
        }
    }
}

/// The result of a run.
///
/// `skills_added + skills_updated + skills_unchanged + skills_rejected == total_processed`, always.
///
/// ```
/// use std::sync::Arc;
/// use skillsmith_sync::{ClientOptions, Database, ErrorCode, SkillsmithApiClient, SyncEngine, SyncOptions};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new().offline(true))?;
/// let engine = SyncEngine::new(Arc::new(client), &Database::open_in_memory()?);
/// let result = engine.sync(SyncOptions::new())?;
/// if !result.success {
///     eprintln!("{}", result.errors[0]);
/// }
/// assert_eq!(result.code, Some(ErrorCode::Offline));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncResult {
    /// Whether the run reached its end without errors.
    pub success: bool,
    /// Skills that were new to the database.
    pub skills_added: u64,
    /// Skills that changed.
    pub skills_updated: u64,
    /// Skills that were up to date, or are the user's own.
    pub skills_unchanged: u64,
    /// Rows that could not be stored; `errors` names them.
    pub skills_rejected: u64,
    /// Skills that were removed because the registry has withdrawn them; not among those
    /// processed.
    pub skills_removed: u64,
    /// Distinct skills that the registry served.
    pub total_processed: u64,
    /// What went wrong: the cause of a failed run, what could not be read (20 gaps at most), and
    /// the first 20 rejected rows.
    pub errors: Vec<String>,
    /// What the user may want to know, such as why skills may be missing.
    pub warnings: Vec<String>,
    /// Whether everything was listed.
    pub coverage: Coverage,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
    /// Requests sent to the registry, including retries and the health check.
    pub requests: u64,
    /// Whether this was a dry run, which writes nothing.
    pub dry_run: bool,
    /// How the run ended, as in its history entry.
    #[serde(skip)]
    pub status: SyncStatus,
    /// Code of the error that ended the run, if any.
    #[serde(flatten, serialize_with = "code_and_retryable")]
    pub code: Option<ErrorCode>,
}
