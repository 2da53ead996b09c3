//! How a background service works.

use std::fmt;
use std::time::Duration;

use crate::SyncResult;

/// How often a started service checks unless told otherwise.
pub const DEFAULT_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Called on the service's thread (or that of a manual sync) after a sync.
type OnComplete = Box<dyn Fn(&SyncResult) + Send + Sync>;
type OnError = Box<dyn Fn(&str) + Send + Sync>;

/// How a service works.
pub struct BackgroundOptions {
    /// Time between two checks. Default: 60 s.
    pub check_interval: Duration,
    /// Whether it checks at once when started. Default: true.
    pub sync_on_start: bool,
    /// Told of every sync that was a success.
    pub on_sync_complete: Option<OnComplete>,
    /// Told why a sync was not.
    pub on_sync_error: Option<OnError>,
}

impl Default for BackgroundOptions {
    fn default() -> Self {
        Self {
            check_interval: DEFAULT_CHECK_INTERVAL,
            sync_on_start: true,
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
            .finish_non_exhaustive()
    }
}
