//! Options of a run.

use std::fmt;
use std::time::Duration;

use super::plan::Listing;
use super::progress::{OnProgress, SyncProgress};
use crate::{CancelToken, Error, Result};

/// Default number of rows requested per page; also the maximum that the live registry serves.
pub const DEFAULT_PAGE_SIZE: u32 = 100;

/// The largest page size, in rows.
pub const MAX_PAGE_SIZE: u32 = 10_000;

/// Default time limit of a run: 30 minutes.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// Default interval at which the sync endpoint is listed in full rather than for changes only: 30
/// days.
pub const DEFAULT_FULL_LISTING_EVERY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Options of [`SyncEngine::sync`](crate::SyncEngine::sync).
///
/// ```
/// use std::time::Duration;
/// use skillsmith_sync::SyncOptions;
///
/// let options = SyncOptions::new()
///     .page_size(50)
///     .deadline(Duration::from_secs(60))
///     .on_progress(|progress| eprintln!("{} of {}", progress.current, progress.total));
/// # drop(options);
/// ```
pub struct SyncOptions<'a> {
    pub(crate) force: bool,
    pub(crate) dry_run: bool,
    pub(crate) prune: bool,
    pub(crate) page_size: u32,
    pub(crate) deadline: Duration,
    pub(crate) listing: Listing,
    pub(crate) full_listing_every: Duration,
    pub(crate) request_budget: Option<u64>,
    pub(crate) monthly_request_budget: Option<u64>,
    /// Requests that the caller has sent for this run already; they count as the run's.
    pub(crate) requests_before: u64,
    pub(crate) on_progress: Option<OnProgress<'a>>,
    pub(crate) cancel: CancelToken,
}

impl Default for SyncOptions<'_> {
    fn default() -> Self {
        Self {
            force: false,
            dry_run: false,
            prune: false,
            page_size: DEFAULT_PAGE_SIZE,
            deadline: DEFAULT_DEADLINE,
            listing: Listing::Auto,
            full_listing_every: DEFAULT_FULL_LISTING_EVERY,
            request_budget: None,
            monthly_request_budget: None,
            requests_before: 0,
            on_progress: None,
            cancel: CancelToken::new(),
        }
    }
}

impl<'a> SyncOptions<'a> {
    /// Options of an ordinary sync, of new and changed skills, with [`DEFAULT_PAGE_SIZE`] and
    /// [`DEFAULT_DEADLINE`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares the content of every row instead of its stamp, and ignores `last_sync_at`. With
    /// [`prune`](Self::prune), also removes more than a tenth of the table. Default: false.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Only counts what would change: writes no row, no history entry and no schedule. Default:
    /// false.
    ///
    /// What a constraint or a trigger of another program would refuse is counted too: that shows only where a row is written.
    ///
    /// Opening a database that does not exist still creates the file; nothing else is written.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Reads a whole listing, and removes the skills that neither it nor the whole listing before has. Default: false.
    ///
    /// The user's own skills always stay. Nothing is removed after a listing that was read in several runs or leaves
    /// anything in doubt, in a database that several registries have filled or whose skills have no `source`, or if it
    /// would be more than a tenth of the table, unless [`force`](Self::force) is set. The result then says why. Where
    /// another engine has synced the file since, it takes two such listings again.
    #[must_use]
    pub fn prune(mut self, prune: bool) -> Self {
        self.prune = prune;
        self
    }

    /// Rows per page, from 1 to [`MAX_PAGE_SIZE`]; the registry may serve fewer. At least two are
    /// requested, since each page begins with the last row of the page before. Default: 100.
    #[must_use]
    pub fn page_size(mut self, rows: u32) -> Self {
        self.page_size = rows;
        self
    }

    /// Time limit of the run, greater than zero. What it does not reach is left to the next run.
    /// Default: 30 minutes.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Which listings of the registry may be used. Default: [`Listing::Auto`].
    #[must_use]
    pub fn listing(mut self, listing: Listing) -> Self {
        self.listing = listing;
        self
    }

    /// How long runs ask the sync endpoint for changes only, before one lists everything again,
    /// which finds changes without a new stamp; and how long a registry's word is taken that a page of
    /// its search is unchanged. Zero: every run lists everything. Default: 30 days.
    #[must_use]
    pub fn full_listing_every(mut self, time: Duration) -> Self {
        self.full_listing_every = time;
        self
    }

    /// Maximum number of requests of this run. A run that reaches it ends as partial, without an
    /// error, and the next one continues from there. Default: no limit.
    #[must_use]
    pub fn request_budget(mut self, requests: u64) -> Self {
        self.request_budget = Some(requests);
        self
    }

    /// Maximum number of requests per calendar month (UTC), over all runs of the database. Default:
    /// the budget set by
    /// [`SyncConfigRepository::set_request_budget`](crate::SyncConfigRepository::set_request_budget),
    /// or no limit.
    #[must_use]
    pub fn monthly_request_budget(mut self, requests: u64) -> Self {
        self.monthly_request_budget = Some(requests);
        self
    }

    /// Calls `callback` with the progress of the run, on the thread that called
    /// [`sync`](crate::SyncEngine::sync).
    #[must_use]
    pub fn on_progress(mut self, callback: impl FnMut(&SyncProgress) + 'a) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Token that stops the run when it is cancelled. What the run wrote is kept.
    #[must_use]
    pub fn cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
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
            .field("prune", &self.prune)
            .field("page_size", &self.page_size)
            .field("deadline", &self.deadline)
            .field("listing", &self.listing)
            .field("full_listing_every", &self.full_listing_every)
            .finish_non_exhaustive()
    }
}
