//! `sync_config`: whether, how often and when this machine syncs.
#![warn(clippy::arithmetic_side_effects)]

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{named_params, params};
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, SystemClock, from_iso, to_iso};
use crate::database::{Database, ensure_written, has_table};

use crate::statements::{Columns, Statements};
use crate::stored::{count, is_on, optional_text, text};
use crate::{Error, Result, requests, stored};

/// How often a sync becomes due.
///
/// ```
/// use skillsmith_sync::SyncFrequency;
///
/// assert_eq!("weekly".parse::<SyncFrequency>()?, SyncFrequency::Weekly);
/// assert_eq!(SyncFrequency::Daily.interval_ms(), 24 * 60 * 60 * 1_000);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SyncFrequency {
    /// Every 24 hours.
    Daily,
    /// Every 7 days.
    Weekly,
}

impl SyncFrequency {
    /// Every frequency, the shortest interval first.
    pub const ALL: [Self; 2] = [Self::Daily, Self::Weekly];

    /// The time between two syncs, in milliseconds.
    pub const fn interval_ms(self) -> i64 {
        match self {
            Self::Daily => 86_400_000,
            Self::Weekly => 604_800_000,
        }
    }

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }
}

impl fmt::Display for SyncFrequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SyncFrequency {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == word)
            .ok_or_else(|| {
                Error::InvalidArgument(format!(
                    "Unknown frequency '{word}'. Use 'daily' or 'weekly'."
                ))
            })
    }
}

/// The sync configuration of a database: the one row of `sync_config`.
///
/// Times are text in ISO 8601, as the database has them; [`clock::from_iso`](crate::clock::from_iso)
/// reads them.
///
/// ```
/// use skillsmith_sync::{Database, SyncConfigRepository, SyncFrequency};
///
/// let config = SyncConfigRepository::new(&Database::open_in_memory()?).get_config()?;
/// assert!(config.enabled);
/// assert_eq!(config.frequency, SyncFrequency::Daily);
/// assert_eq!(config.last_sync_at, None);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncConfig {
    /// Always `default`.
    pub id: String,
    /// Whether automatic syncing is enabled.
    pub enabled: bool,
    /// How often.
    pub frequency: SyncFrequency,
    /// Milliseconds between two syncs.
    pub interval_ms: i64,
    /// When the last complete sync started; `None` before the first.
    pub last_sync_at: Option<String>,
    /// When the next sync is due; `None` before the first.
    pub next_sync_at: Option<String>,
    /// Number of skills that the last complete sync added or updated.
    pub last_sync_count: i64,
    /// Error of the last sync; `None` if it succeeded.
    pub last_sync_error: Option<String>,
    /// When the row was created, in the format of SQLite (UTC).
    pub created_at: String,
    /// When the row was last changed, in the format of SQLite (UTC).
    pub updated_at: String,
}

/// Changes for [`SyncConfigRepository::update_config`]. Missing settings stay as they are.
///
/// ```
/// use skillsmith_sync::{SyncConfigUpdate, SyncFrequency};
///
/// let update = SyncConfigUpdate::new().enabled(true).frequency(SyncFrequency::Weekly);
/// assert_eq!(update.enabled, Some(true));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncConfigUpdate {
    /// Whether automatic syncing is on.
    pub enabled: Option<bool>,
    /// How often a sync becomes due.
    pub frequency: Option<SyncFrequency>,
}

impl SyncConfigUpdate {
    /// Changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Switches automatic syncing on or off.
    #[must_use]
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Changes the frequency and reschedules the next sync.
    #[must_use]
    pub const fn frequency(mut self, frequency: SyncFrequency) -> Self {
        self.frequency = Some(frequency);
        self
    }
}

/// Reads and changes the sync configuration of a database.
///
/// Every call is short and blocks on the disk only.
///
/// ```
/// use skillsmith_sync::{Database, SyncConfigRepository, SyncConfigUpdate, SyncFrequency};
///
/// let repository = SyncConfigRepository::new(&Database::open_in_memory()?);
/// assert!(repository.is_sync_due()?);
/// let update = SyncConfigUpdate::new().enabled(false).frequency(SyncFrequency::Weekly);
/// let config = repository.update_config(update)?;
/// assert!(!config.enabled);
/// assert!(!repository.is_sync_due()?);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SyncConfigRepository {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl SyncConfigRepository {
    /// Creates a repository for an open database.
    pub fn new(database: &Database) -> Self {
        Self::with_clock(database, Arc::new(SystemClock))
    }

    /// Creates a repository with the caller's clock.
    pub fn with_clock(database: &Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            database: database.clone(),
            clock,
        }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Returns the current configuration.
    pub fn get_config(&self) -> Result<SyncConfig> {
        self.database.short_read(load)
    }

    /// Returns the most requests that syncs may send in a calendar month (UTC); `None`: no bound.
    pub fn request_budget(&self) -> Result<Option<u64>> {
        self.database.short_read(requests::monthly_budget)
    }

    /// Sets the most requests that syncs may send in a calendar month (UTC). A sync that reaches it ends
    /// as partial, without an error, and goes on in the next month.
    pub fn set_request_budget(&self, budget: Option<u64>) -> Result<()> {
        self.database.short_write(|conn| {
            ensure_row(conn)?;
            requests::set_monthly_budget(conn, budget)
        })
    }

    /// Changes the settings in `update` and returns the new configuration.
    pub fn update_config(&self, update: SyncConfigUpdate) -> Result<SyncConfig> {
        if update == SyncConfigUpdate::default() {
            return self.get_config();
        }
        self.database.short_write(|conn| {
            ensure_row(conn)?;
            let old = load(conn)?;
            let frequency = update.frequency.unwrap_or(old.frequency);
            let (interval_ms, next_sync_at) = if update.frequency.is_some() {
                let next = old
                    .last_sync_at
                    .as_deref()
                    // Another program may have stored text that is not a time; then a sync is due.
                    .and_then(|last| calculate_next_sync(last, frequency.interval_ms()).ok());
                (frequency.interval_ms(), next)
            } else {
                (old.interval_ms, old.next_sync_at)
            };
            let written = conn.execute(
                "UPDATE sync_config
                 SET enabled = :enabled, frequency = :frequency, interval_ms = :interval_ms,
                     next_sync_at = :next_sync_at, updated_at = datetime('now')
                 WHERE id = 'default'",
                named_params! {
                    ":enabled": update.enabled.unwrap_or(old.enabled),
                    ":frequency": frequency.as_str(),
                    ":interval_ms": interval_ms,
                    ":next_sync_at": next_sync_at,
                },
            )?;
            let new = load(conn)?;
            let is_as_wanted = update.enabled.is_none_or(|enabled| new.enabled == enabled)
                && new.frequency == frequency;
            ensure_written(written > 0 && is_as_wanted)?;
            Ok(new)
        })
    }

    /// Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills.
    ///
    /// Schedules the next sync and clears the last error.
    pub fn set_last_sync(&self, timestamp: &str, count: i64) -> Result<()> {
        if count < 0 {
            return Err(Error::InvalidArgument(format!(
                "The count of skills is {count}; it cannot be negative."
            )));
        }
        self.database
            .short_write(|conn| record_last_sync(conn, timestamp, count, 0))
    }

    /// Records the error of the last sync.
    pub fn set_last_sync_error(&self, error: &str) -> Result<()> {
        self.database
            .short_write(|conn| record_error(conn, Some(error)))
    }

    /// Clears the error of the last sync.
    pub fn clear_error(&self) -> Result<()> {
        self.database.short_write(|conn| record_error(conn, None))
    }

    /// The time `interval_ms` milliseconds after `last_sync_at`, as ISO 8601 text.
    pub fn calculate_next_sync(&self, last_sync_at: &str, interval_ms: i64) -> Result<String> {
        calculate_next_sync(last_sync_at, interval_ms)
    }

    /// Whether automatic syncing is on and the next sync is due.
    pub fn is_sync_due(&self) -> Result<bool> {
        Ok(is_due(&self.scheduled_config()?, self.clock.now()))
    }

    /// The configuration. If another program has recorded a sync and not when the next one is due, that is
    /// stored, unless somebody else is writing just now: then it is for the next call.
    pub(crate) fn scheduled_config(&self) -> Result<SyncConfig> {
        let mut config = self.get_config()?;
        if config.next_sync_at.is_some() || self.database.is_read_only() {
            return Ok(config);
        }
        if let (Some(last), Some(next)) = (&config.last_sync_at, next_sync(&config)) {
            let next = to_iso(next);
            _ = self.database.write_at_once(|conn| {
                conn.execute(
                    "UPDATE sync_config SET next_sync_at = ?1
                     WHERE id = 'default' AND next_sync_at IS NULL AND last_sync_at = ?2",
                    params![next, last],
                )
            });
            config.next_sync_at = Some(next);
        }
        Ok(config)
    }

    /// Enables automatic syncing.
    pub fn enable(&self) -> Result<SyncConfig> {
        self.update_config(SyncConfigUpdate::new().enabled(true))
    }

    /// Disables automatic syncing. A manual sync still works.
    pub fn disable(&self) -> Result<SyncConfig> {
        self.update_config(SyncConfigUpdate::new().enabled(false))
    }

    /// Changes the frequency and reschedules the next sync.
    pub fn set_frequency(&self, frequency: SyncFrequency) -> Result<SyncConfig> {
        self.update_config(SyncConfigUpdate::new().frequency(frequency))
    }
}

/// Whether a sync of this configuration is due at `now`.
pub(crate) fn is_due(config: &SyncConfig, now: DateTime<Utc>) -> bool {
    if !config.enabled {
        return false;
    }
    // Never synced, or to be synced anew: whatever the schedule says.
    let Some(last) = &config.last_sync_at else {
        return true;
    };
    // A last sync in the future was recorded under a wrong clock, so its schedule is ignored.
    from_iso(last).is_some_and(|last| last > now)
        || next_sync(config).is_none_or(|next| now >= next)
}

/// When the next sync is due, also if another program has recorded a sync only.
fn next_sync(config: &SyncConfig) -> Option<DateTime<Utc>> {
    let written = config.next_sync_at.as_deref().and_then(from_iso);
    written.or_else(|| {
        let last = config.last_sync_at.as_deref().and_then(from_iso)?;
        last.checked_add_signed(TimeDelta::try_milliseconds(config.interval_ms)?)
    })
}

pub(crate) fn load(conn: &dyn Statements) -> Result<SyncConfig> {
    if !has_table(conn, "sync_config")? {
        return defaults(conn);
    }
    let found = conn.first(
        "SELECT id, enabled, frequency, interval_ms, last_sync_at, next_sync_at,
                last_sync_count, last_sync_error, created_at, updated_at
         FROM sync_config WHERE id = 'default'",
        params![],
        from_row,
    )?;
    if let Some(config) = found {
        return Ok(config);
    }
    // The first write creates the row; a program that empties the table gets the defaults.
    defaults(conn)
}

fn defaults(conn: &dyn Statements) -> Result<SyncConfig> {
    conn.one(
        "SELECT 'default' AS id, 1 AS enabled, 'daily' AS frequency, 86400000 AS interval_ms,
                NULL AS last_sync_at, NULL AS next_sync_at, 0 AS last_sync_count, NULL AS last_sync_error,
                datetime('now') AS created_at, datetime('now') AS updated_at",
        params![],
        from_row,
    )
}

/// Creates the row if a program has deleted it; inside the caller's transaction.
fn ensure_row(conn: &dyn Statements) -> Result<()> {
    // Not every file has the UNIQUE that would tell.
    conn.execute(
        "INSERT OR IGNORE INTO sync_config (id)
         SELECT 'default' WHERE NOT EXISTS (SELECT 1 FROM sync_config WHERE id = 'default')",
        params![],
    )?;
    Ok(())
}

fn from_row(row: &dyn Columns) -> rusqlite::Result<SyncConfig> {
    // The column's CHECK allows only these words; a file without it gets the default.
    let frequency = text(row, "frequency")?
        .parse()
        .unwrap_or(SyncFrequency::Daily);
    Ok(SyncConfig {
        id: text(row, "id")?,
        enabled: is_on(row, "enabled")?,
        frequency,
        interval_ms: interval(row, frequency)?,
        last_sync_at: optional_text(row, "last_sync_at")?,
        next_sync_at: optional_text(row, "next_sync_at")?,
        last_sync_count: count(row, "last_sync_count")?,
        last_sync_error: optional_text(row, "last_sync_error")?,
        created_at: text(row, "created_at")?,
        updated_at: text(row, "updated_at")?,
    })
}

/// The stored interval if it is valid, else that of the frequency. The next change of the
/// configuration then stores that one.
fn interval(row: &dyn Columns, frequency: SyncFrequency) -> rusqlite::Result<i64> {
    // A hundred years: never in practice, but safe for arithmetic.
    const LONGEST_MS: i64 = 36_525 * 86_400_000;
    let written = match row.value("interval_ms")? {
        ValueRef::Integer(_) => stored::whole(row, "interval_ms")?,
        _ => None,
    };
    Ok(written
        .filter(|ms| (1..=LONGEST_MS).contains(ms))
        .unwrap_or(frequency.interval_ms()))
}

/// [`SyncConfigRepository::set_last_sync`] inside the caller's transaction.
///
/// `spread`, in thousandths: the next one is due so much of a tenth of the interval earlier. Clients that
/// were started together, by an update say, then do not come back together for ever.
pub(crate) fn record_last_sync(
    conn: &dyn Statements,
    timestamp: &str,
    count: i64,
    spread: i64,
) -> Result<()> {
    ensure_row(conn)?;
    let config = load(conn)?;
    let earlier = config
        .interval_ms
        .max(0)
        .div_euclid(10_000)
        .saturating_mul(spread);
    let interval_ms = config.interval_ms.saturating_sub(earlier);
    let next = calculate_next_sync(timestamp, interval_ms)?;
    let written = conn.execute(
        "UPDATE sync_config
         SET last_sync_at = ?1, next_sync_at = ?2, last_sync_count = ?3,
             last_sync_error = NULL, updated_at = datetime('now')
         WHERE id = 'default'",
        params![timestamp, next, count],
    )?;
    let last = load(conn)?.last_sync_at;
    ensure_written(written > 0 && last.as_deref() == Some(timestamp))
}

/// [`SyncConfigRepository::set_last_sync_error`] inside the caller's transaction.
pub(crate) fn record_error(conn: &dyn Statements, error: Option<&str>) -> Result<()> {
    ensure_row(conn)?;
    let written = conn.execute(
        "UPDATE sync_config SET last_sync_error = ?1, updated_at = datetime('now') WHERE id = 'default'",
        params![error],
    )?;
    ensure_written(written > 0)
}

fn calculate_next_sync(last_sync_at: &str, interval_ms: i64) -> Result<String> {
    let last = from_iso(last_sync_at).ok_or_else(|| {
        Error::InvalidArgument(format!(
            "'{last_sync_at}' is not a timestamp. Use ISO 8601, such as 2026-01-31T08:00:00.000Z."
        ))
    })?;
    TimeDelta::try_milliseconds(interval_ms)
        .and_then(|interval| last.checked_add_signed(interval))
        .map(to_iso)
        .ok_or_else(|| {
            Error::InvalidArgument(format!("An interval of {interval_ms} ms is out of range."))
        })
}
