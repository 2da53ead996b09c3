//! Counts the requests of a run, and enforces the user's budgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};

use crate::registry::Meter;
use crate::requests::next_month;
use crate::{Error, Result};

/// The requests of one run, and how many it may make.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    used: Arc<AtomicU64>,
    /// The budget of the run, and what is left of the month's.
    of_run: Option<u64>,
    of_month: Option<u64>,
}

impl Counter {
    /// `used`: requests that were sent before.
    pub(super) fn new(used: u64, of_run: Option<u64>, of_month: Option<u64>) -> Self {
        Self {
            used: Arc::new(AtomicU64::new(used)),
            of_run,
            of_month,
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Meter for Counter {
    fn count(&self, now: DateTime<Utc>) -> Result<()> {
        let used = self.used();
        if self.of_month.is_some_and(|most| used >= most) {
            return Err(Error::BudgetUsed {
                resumes_at: next_month(now),
            });
        }
        if self.of_run.is_some_and(|most| used >= most) {
            return Err(Error::BudgetUsed { resumes_at: None });
        }
        self.used.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
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
