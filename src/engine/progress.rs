//! Progress reports of a run, in order of phases.

use serde::Serialize;

use super::cursor::Cursor;
use super::tally::Tally;

/// What a run is doing.
///
/// The phases first appear in this order. Fetching and upserting then alternate, since pages are
/// written as they arrive.
///
/// ```
/// use skillsmith_sync::SyncPhase;
///
/// assert!(SyncPhase::Connecting < SyncPhase::Complete);
/// assert_eq!(SyncPhase::Upserting.as_str(), "upserting");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SyncPhase {
    /// Checking the health of the registry.
    Connecting,
    /// Reading pages.
    Fetching,
    /// Finding out what has changed.
    Comparing,
    /// Writing changed rows.
    Upserting,
    /// Done; the last phase of every run that read the listing to its end.
    Complete,
}

impl SyncPhase {
    /// The name used by the command line and all bindings.
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

/// The progress of a run, for [`SyncOptions::on_progress`](crate::SyncOptions::on_progress).
///
/// ```
/// use skillsmith_sync::{SyncOptions, SyncPhase, SyncProgress};
///
/// let show = |progress: &SyncProgress| {
///     if progress.phase == SyncPhase::Fetching && progress.total > 0 {
///         eprintln!("{} of {}", progress.current, progress.total);
///     }
/// };
/// let options = SyncOptions::new().on_progress(show);
/// # drop(options);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncProgress {
    /// The current phase.
    pub phase: SyncPhase,
    /// Rows of the listing read so far; when upserting or complete, changed rows written.
    pub current: u64,
    /// Rows of the listing, 0 if unknown; when upserting or complete, changed rows written.
    pub total: u64,
    /// Skills processed so far.
    pub skills_processed: u64,
    /// Skills added or updated so far: written and committed (in a dry run: counted).
    pub skills_changed: u64,
    /// A message for the user: the progress, or why the run waits.
    pub message: Option<String>,
}

/// Called with each progress report of a run.
pub(crate) type OnProgress<'a> = Box<dyn FnMut(&SyncProgress) + 'a>;

/// The caller's callback, and what was last reported.
pub(super) struct Progress<'a> {
    callback: Option<OnProgress<'a>>,
    furthest: Option<SyncPhase>,
    /// Rows of the listing read, and its total; 0 if unknown.
    position: (u64, u64),
}

impl<'a> Progress<'a> {
    pub(super) fn new(callback: Option<OnProgress<'a>>) -> Self {
        Self {
            callback,
            furthest: None,
            position: (0, 0),
        }
    }

    pub(super) fn connecting(&mut self, tally: &Tally) {
        self.tell(
            SyncPhase::Connecting,
            (0, 0),
            tally,
            "Checking the registry",
        );
    }

    pub(super) fn connected(&mut self, tally: &Tally, message: &str) {
        self.tell(SyncPhase::Fetching, (0, 0), tally, message);
    }

    pub(super) fn waiting(&mut self, tally: &Tally, reason: &str) {
        let phase = self.furthest.map_or(SyncPhase::Connecting, |furthest| {
            furthest.min(SyncPhase::Fetching)
        });
        self.tell(phase, self.position, tally, reason);
    }

    /// Reports that a page, up to `cursor`, has arrived and is about to be compared.
    pub(super) fn page(&mut self, cursor: &Cursor, tally: &Tally) {
        let (read, total) = cursor.progress();
        // A pass that has just begun or ended has no known total: keep the last one.
        let total = if total == 0 && self.position.1 > 0 {
            self.position.1.max(read)
        } else {
            total
        };
        self.position = (read, total);
        let message = format!("Read {read} skills");
        self.tell(SyncPhase::Fetching, self.position, tally, &message);
        self.comparing(tally);
    }

    fn comparing(&mut self, tally: &Tally) {
        if self.furthest < Some(SyncPhase::Comparing) {
            self.tell(
                SyncPhase::Comparing,
                self.position,
                tally,
                "Comparing with the local database",
            );
        }
    }

    /// Reports that a batch was written.
    pub(super) fn wrote(&mut self, tally: &Tally) {
        let changed = tally.changed();
        let message = format!("Wrote {changed} changed skills");
        self.comparing(tally);
        self.tell(SyncPhase::Upserting, (changed, changed), tally, &message);
    }

    /// Reports the end of the run.
    pub(super) fn complete(&mut self, tally: &Tally) {
        if self.furthest < Some(SyncPhase::Upserting) {
            self.wrote(tally);
        }
        let changed = tally.changed();
        self.tell(
            SyncPhase::Complete,
            (changed, changed),
            tally,
            "Sync complete",
        );
    }

    fn tell(
        &mut self,
        phase: SyncPhase,
        (current, total): (u64, u64),
        tally: &Tally,
        message: &str,
    ) {
        self.furthest = self.furthest.max(Some(phase));
        if let Some(callback) = &mut self.callback {
            callback(&SyncProgress {
                phase,
                current,
                total,
                skills_processed: tally.processed(),
                skills_changed: tally.changed(),
                message: Some(message.to_owned()),
            });
        }
    }
}
