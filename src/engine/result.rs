//! What a run returns.

use serde::Serialize;

use crate::ErrorCode;
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
    /// The registry was listed whole.
    Complete,
    /// Something may be missing: the warnings say why, or the run did not reach its end.
    BestEffort,
}

impl Coverage {
    /// The word that every surface uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::BestEffort => "best-effort",
        }
    }
}

/// What a run did.
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
    /// Whether everything went well.
    pub success: bool,
    /// Skills that were new here.
    pub skills_added: u64,
    /// Skills that were changed.
    pub skills_updated: u64,
    /// Skills that stood here already, or are the user's own.
    pub skills_unchanged: u64,
    /// Rows that could not be stored; `errors` names them.
    pub skills_rejected: u64,
    /// Different skills that the registry served.
    pub total_processed: u64,
    /// What went wrong: the cause of a failed run, and the first 20 rejected rows.
    pub errors: Vec<String>,
    /// What the user may want to know of, though nothing is lost.
    pub warnings: Vec<String>,
    /// Whether the registry was listed whole.
    pub coverage: Coverage,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Requests that were sent to the registry, retries and the check of its health included.
    pub requests: u64,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How the run ended, as in its history entry.
    #[serde(skip)]
    pub status: SyncStatus,
    /// The code of the cause, where the run failed or ended early.
    #[serde(skip)]
    pub code: Option<ErrorCode>,
}
