//! Hooks for this project's own tests (feature `test-hooks`); not part of a published library.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::Result;
use crate::database::{Handle, OpenOptions, coexistence};
use crate::registry::pacing;
use crate::skills::stamp;

/// A bare connection, opened like every connection of the library.
#[derive(Debug)]
pub struct RawConnection(Handle);

impl RawConnection {
    /// Opens a database as [`Database::open`](crate::Database::open) does.
    pub fn open(path: impl AsRef<Path>, busy_ms: u32) -> Result<Self> {
        let busy = Duration::from_millis(busy_ms.into());
        let database = OpenOptions::new().busy_budget(busy).open(path)?;
        let conn = database.connect_for(&crate::CancelToken::new())?;
        conn.busy_timeout(busy)?;
        Ok(Self(conn))
    }

    /// Runs statements.
    pub fn exec(&self, sql: &str) -> Result<()> {
        self.0.check()?;
        Ok(self.0.execute_batch(sql)?)
    }

    /// The first column of the first row.
    pub fn int(&self, sql: &str) -> Result<i64> {
        self.0.check()?;
        Ok(self.0.query_row(sql, [], |row| row.get(0))?)
    }
}

/// Whether the system calls of our SQLite are replaced.
pub fn coexistence_is_installed() -> bool {
    coexistence::is_installed()
}

/// Number of kept descriptors of databases and -shm files, used or not.
pub fn descriptors() -> usize {
    coexistence::descriptors()
}

static LONGEST_LOCK_WAIT_MS: AtomicU64 = AtomicU64::new(u64::MAX);

/// Limits every wait for the write lock: for simulations, in which a permanently held lock
/// would cost half a minute each time.
pub fn limit_lock_waits(longest: Duration) {
    let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    LONGEST_LOCK_WAIT_MS.store(longest, Ordering::Relaxed);
}

pub(crate) fn longest_lock_wait() -> Duration {
    Duration::from_millis(LONGEST_LOCK_WAIT_MS.load(Ordering::Relaxed))
}

/// A text that is equal for equal stamps.
pub fn canonical_stamp(stamp: &str) -> String {
    stamp::canonical(stamp).into_owned()
}

/// Whether a stamp is after `since`.
pub fn is_newer(stamp: &str, since: DateTime<Utc>) -> bool {
    stamp::newer_than(stamp, since)
}

/// The pauses that the headers of a response ask for: before a retry, and before the next
/// request.
pub fn waits(headers: &[(&str, &str)], now: DateTime<Utc>) -> (Option<Duration>, Option<Duration>) {
    let headers: HeaderMap = headers
        .iter()
        .filter_map(|(name, value)| {
            Some((
                HeaderName::try_from(*name).ok()?,
                HeaderValue::try_from(*value).ok()?,
            ))
        })
        .collect();
    (
        pacing::retry_after(&headers, now),
        pacing::pause_after(&headers, now),
    )
}
