//! Options of the background service.

use std::fmt;
use std::time::Duration;

use crate::SyncResult;
use crate::engine::Listing;

/// Default time between two checks.
pub const DEFAULT_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Called on the service's thread (or that of a manual sync) after a sync.
type OnComplete = Box<dyn Fn(&SyncResult) + Send + Sync>;
type OnError = Box<dyn Fn(&str) + Send + Sync>;

/// Options of a [`BackgroundSyncService`](crate::BackgroundSyncService).
///
/// ```
/// use std::time::Duration;
/// use skillsmith_sync::BackgroundOptions;
///
/// let options = BackgroundOptions::new()
///     .check_interval(Duration::from_secs(300))
///     .on_sync_error(|error| eprintln!("not synced: {error}"));
/// # drop(options);
/// ```
pub struct BackgroundOptions {
    pub(super) check_interval: Duration,
    pub(super) sync_on_start: bool,
    pub(super) listing: Option<Listing>,
    pub(super) on_sync_complete: Option<OnComplete>,
    pub(super) on_sync_error: Option<OnError>,
}

impl BackgroundOptions {
    /// A check at the start and then every [`DEFAULT_CHECK_INTERVAL`], without callbacks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time between two checks. Default: 60 s.
    #[must_use]
    pub fn check_interval(mut self, interval: Duration) -> Self {
        self.check_interval = interval;
        self
    }

    /// Whether to check at once when started. Default: true.
    #[must_use]
    pub fn sync_on_start(mut self, sync: bool) -> Self {
        self.sync_on_start = sync;
        self
    }

    /// Which listings of the registry its syncs may use. Default: [`Listing::Auto`]; for
    /// [`start_background_sync`](crate::start_background_sync), what `SKILLSMITH_LISTING` says.
    #[must_use]
    pub fn listing(mut self, listing: Listing) -> Self {
        self.listing = Some(listing);
        self
    }

    /// Sets a callback for successful syncs. It runs on the service's thread or that of a manual
    /// sync.
    #[must_use]
    pub fn on_sync_complete(
        mut self,
        callback: impl Fn(&SyncResult) + Send + Sync + 'static,
    ) -> Self {
        self.on_sync_complete = Some(Box::new(callback));
        self
    }

    /// Sets a callback for syncs that do not succeed, unless the service was stopped during them, and
    /// for each new reason why a check fails. It runs on the same thread and gets the reason. Until it
    /// returns, the service does not sync again, also not by hand.
    #[must_use]
    pub fn on_sync_error(mut self, callback: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_sync_error = Some(Box::new(callback));
        self
    }
}

impl Default for BackgroundOptions {
    fn default() -> Self {
        Self {
            check_interval: DEFAULT_CHECK_INTERVAL,
            sync_on_start: true,
            listing: None,
            on_sync_complete: None,
            on_sync_error: None,
        }
    }
}

impl fmt::Debug for BackgroundOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundOptions")
            .field("check_interval", &self.check_interval)
            .field("sync_on_start", &self.sync_on_start)
            .field("listing", &self.listing)
            .finish_non_exhaustive()
    }
}
