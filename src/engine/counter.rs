//! Counts the requests of a run, and enforces the user's budgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::options::SyncOptions;
#[cfg(feature = "cli")]
use crate::database::has_table;
use crate::registry::Meter;
use crate::{Error, Result, requests};

/// The requests of one run, and how many it may make.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    used: Arc<AtomicU64>,
    /// How many of them the database has counted.
    recorded: Arc<AtomicU64>,
    /// The budget of the run, and what is left of the month's.
    of_run: Option<u64>,
    of_month: Option<u64>,
}

impl Counter {
    /// `used`: requests that were sent before.
    fn new(used: u64, of_run: Option<u64>, of_month: Option<u64>) -> Self {
        Self {
            used: Arc::new(AtomicU64::new(used)),
            recorded: Arc::default(),
            of_run,
            of_month,
        }
    }

    /// For a run with these options, which begins at `now`.
    pub(super) fn of_run(
        conn: &Connection,
        options: &SyncOptions<'_>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let budget = options.monthly_request_budget;
        let of_month = left_of_month(conn, budget, now)?;
        Ok(Self::new(
            options.requests_before,
            options.request_budget,
            of_month,
        ))
    }

    /// For requests before a run, which count as the run's ([`SyncOptions::requests_before`]).
    #[cfg(feature = "cli")]
    pub(crate) fn before_run(database: &crate::Database, now: DateTime<Utc>) -> Result<Self> {
        let of_month = database.read(|conn| left_of_month(conn, None, now))?;
        Ok(Self::new(0, None, of_month))
    }

    /// The requests that were sent so far.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Adds the requests to those of the month, in a transaction of its own. A file that no sync has
    /// prepared yet has no place for them, and stays as it is.
    #[cfg(feature = "cli")]
    pub(crate) fn keep(&self, database: &crate::Database, now: DateTime<Utc>) -> Result<()> {
        let has_place = || database.read(|conn| has_table(conn, "sync_state"));
        if self.has_unrecorded() && has_place()? {
            self.note_recorded(database.write(|conn| self.record(conn, now))?);
        }
        Ok(())
    }

    /// Adds the requests that were sent since the last time to those of the month, inside the
    /// caller's transaction. Returns what to tell [`note_recorded`](Self::note_recorded) once it is
    /// committed.
    pub(super) fn record(&self, conn: &Connection, now: DateTime<Utc>) -> Result<u64> {
        let used = self.used();
        let new = used.saturating_sub(self.recorded.load(Ordering::Relaxed));
        if new > 0 {
            requests::add(conn, now, new)?;
        }
        Ok(used)
    }

    /// Notes that the transaction with these requests is committed.
    pub(super) fn note_recorded(&self, used: u64) {
        self.recorded.store(used, Ordering::Relaxed);
    }

    /// Whether requests were sent that the database has not counted.
    pub(super) fn has_unrecorded(&self) -> bool {
        self.used() > self.recorded.load(Ordering::Relaxed)
    }
}

impl Meter for Counter {
    fn count(&self, now: DateTime<Utc>) -> Result<()> {
        let used = self.used();
        if self.of_month.is_some_and(|most| used >= most) {
            return Err(Error::BudgetUsed {
                resumes_at: requests::next_month(now),
            });
        }
        if self.of_run.is_some_and(|most| used >= most) {
            return Err(Error::BudgetUsed { resumes_at: None });
        }
        self.used.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn uncount(&self) {
        self.used.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is left of the month's budget: `budget`, else the user's. `None`: no bound.
fn left_of_month(
    conn: &Connection,
    budget: Option<u64>,
    now: DateTime<Utc>,
) -> Result<Option<u64>> {
    let budget = match budget {
        Some(budget) => Some(budget),
        None => requests::monthly_budget(conn)?,
    };
    let used = requests::this_month(conn, now)?;
    Ok(budget.map(|budget| budget.saturating_sub(used)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_iso;

    #[test]
    fn a_budget_ends_the_requests_and_says_when_they_go_on() {
        let now = from_iso("2026-11-26T00:00:00Z").unwrap();
        let of_run = Counter::new(0, Some(2), Some(5));
        assert!(of_run.count(now).is_ok() && of_run.count(now).is_ok());
        assert!(matches!(
            of_run.count(now),
            Err(Error::BudgetUsed { resumes_at: None })
        ));
        assert_eq!(of_run.used(), 2);
        let of_month = Counter::new(0, Some(2), Some(0));
        assert!(matches!(
            of_month.count(now),
            Err(Error::BudgetUsed { resumes_at: Some(at) }) if Some(at) == from_iso("2026-12-01T00:00:00Z")
        ));
    }
}
