//! Current status: configuration, last run, running, due, paused.

use std::sync::Arc;

use serde::Serialize;

use super::backoff;
use crate::clock::{Clock, to_iso};
use crate::config::{self, SyncConfig, SyncConfigRepository};
use crate::database::{Database, SyncLock};
use crate::history::{SyncHistoryEntry, SyncHistoryRepository};
use crate::{Result, requests};

/// The current status of a database: configuration, last run, running, due, paused.
///
/// ```
/// use std::sync::Arc;
/// use skillsmith_sync::{ClientOptions, Database, SkillsmithApiClient, SyncEngine};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let engine = SyncEngine::new(Arc::new(client), &Database::open_in_memory()?);
/// let status = engine.get_status()?;
/// assert!(status.is_due && !status.is_running);
/// assert_eq!(status.last_run, None);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EngineStatus {
    /// The configuration.
    pub config: SyncConfig,
    /// The last successful run.
    pub last_run: Option<SyncHistoryEntry>,
    /// Whether a sync is running, in this process or another.
    pub is_running: bool,
    /// Requests sent so far in this calendar month (UTC), not counting dry runs.
    pub requests_this_month: u64,
    /// Maximum number of requests per calendar month, if the user set one.
    pub request_budget: Option<u64>,
    /// Whether automatic syncing is on and the next sync is due.
    pub is_due: bool,
    /// Until when no automatic sync starts, due or not, because a run failed or the registry asked for
    /// a pause, as ISO time. A sync by hand does not wait. The week after
    /// [`PLAN_REQUIRED`](crate::ErrorCode::PlanRequired) is not told here: it holds for one credential
    /// only.
    pub paused_until: Option<String>,
}

/// The current status of a database, without a registry; for the bindings.
#[doc(hidden)]
pub fn status(database: &Database, clock: &Arc<dyn Clock>) -> Result<EngineStatus> {
    let config = SyncConfigRepository::with_clock(database, Arc::clone(clock)).get_config()?;
    let history = SyncHistoryRepository::with_clock(database, Arc::clone(clock));
    let now = clock.now();
    let (requests_this_month, request_budget, pause) = database.short_read(|conn| {
        let count = requests::this_month(conn, now)?;
        Ok((count, requests::monthly_budget(conn)?, backoff::load(conn)?))
    })?;
    Ok(EngineStatus {
        requests_this_month,
        request_budget,
        is_due: config::is_due(&config, now),
        paused_until: pause.and_then(|pause| pause.ends_at(now)).map(to_iso),
        config,
        last_run: history.get_last_successful()?,
        is_running: history.is_running()? || SyncLock::is_held(database.lock_target()),
    })
}
