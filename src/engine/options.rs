//! What a run is told, what it tells, and what it returns.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::config::SyncConfig;
use crate::history::{SyncHistoryEntry, SyncStatus};
use crate::{CancelToken, Error, ErrorCode, Result};

/// Rows asked for per page unless told otherwise; also what the live registry gives at most.
pub const DEFAULT_PAGE_SIZE: u32 = 100;

/// The largest page that may be asked for.
pub const MAX_PAGE_SIZE: u32 = 10_000;

/// How long a run may take unless told otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// Called with every step of a run.
pub type OnProgress<'a> = Box<dyn FnMut(&SyncProgress) + 'a>;

/// How a sync is to be done.
pub struct SyncOptions<'a> {
    /// Compare the content of every row instead of its stamp, and ignore `last_sync_at`. Default: false.
    pub force: bool,
    /// Only count what would be done: no row, no history entry, no schedule. Default: false.
    ///
    /// A file that does not exist is made by opening it; nothing else is written.
    pub dry_run: bool,
    /// Rows per page, from 1 to [`MAX_PAGE_SIZE`]; the registry may give fewer. Two are asked for at
    /// least, since each page begins with the last row before it. Default: 100.
    pub page_size: u32,
    /// How long the run may take; what it did not reach is left to the next one. Default: 30 minutes.
    pub deadline: Duration,
    /// Told how the run gets on, on the thread that called [`sync`](crate::SyncEngine::sync).
    pub on_progress: Option<OnProgress<'a>>,
    /// Stops the run. What it wrote is kept.
    pub cancel: CancelToken,
}

impl Default for SyncOptions<'_> {
    fn default() -> Self {
        Self {
            force: false,
            dry_run: false,
            page_size: DEFAULT_PAGE_SIZE,
            deadline: DEFAULT_DEADLINE,
            on_progress: None,
            cancel: CancelToken::new(),
        }
    }
}

impl SyncOptions<'_> {
    pub(super) fn check(&self) -> Result<()> {
        if !(1..=MAX_PAGE_SIZE).contains(&self.page_size) {
            return Err(Error::InvalidArgument(format!(
                "The page size is {}. Use a number from 1 to {MAX_PAGE_SIZE}.",
                self.page_size
            )));
        }
        if self.deadline.is_zero() {
            return Err(Error::InvalidArgument(
                "The deadline is 0. Use at least 1 millisecond.".into(),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for SyncOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncOptions")
            .field("force", &self.force)
            .field("dry_run", &self.dry_run)
            .field("page_size", &self.page_size)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What a run is doing.
///
/// They appear first in this order; fetching and upserting then alternate,
/// since pages are written as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncPhase {
    /// Asking the registry how it is.
    Connecting,
    /// Reading pages.
    Fetching,
    /// Telling what has changed.
    Comparing,
    /// Writing.
    Upserting,
    /// Done; the last one of every run that listed the registry to its end.
    Complete,
}

impl SyncPhase {
    /// The word that every surface uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Fetching => "fetching",
            Self::Comparing => "comparing",
            Self::Upserting => "upserting",
            Self::Complete => "complete",
        }
    }
}

/// How a run gets on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncProgress {
    /// What it is doing.
    pub phase: SyncPhase,
    /// Where it is: rows of the listing read, or changed rows written while upserting.
    pub current: u64,
    /// Where it ends: rows of the listing, 0 while unknown; or changed rows written so far.
    pub total: u64,
    /// Skills looked at so far.
    pub skills_processed: u64,
    /// Skills added or updated so far: written and committed (in a dry run: counted).
    pub skills_changed: u64,
    /// The same in words, or why it waits.
    pub message: Option<String>,
}

/// Whether the listing could show everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
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
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How the run ended, as in its history entry.
    #[serde(skip)]
    pub status: SyncStatus,
    /// The code of the cause, where the run failed or ended early.
    #[serde(skip)]
    pub code: Option<ErrorCode>,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineStatus {
    /// The configuration.
    pub config: SyncConfig,
    /// The last successful run.
    pub last_run: Option<SyncHistoryEntry>,
    /// Whether a sync is under way, in this process or another.
    pub is_running: bool,
    /// Whether automatic syncing is on and the next sync is due.
    pub is_due: bool,
}
