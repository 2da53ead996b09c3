//! Requests to registries by calendar month, and the user's budget for one. Kept in `sync_state`.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::database::state;
use crate::statements::Statements;

/// The requests of a month, as they are kept in `sync_state`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Month {
    /// Such as `2026-11`, of the UTC calendar.
    month: String,
    count: u64,
}

fn name_of(now: DateTime<Utc>) -> String {
    format!("{:04}-{:02}", now.year(), now.month())
}

/// When the next month begins.
pub(crate) fn next_month(now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let first = now.date_naive().with_day(1)?;
    let next = first.checked_add_months(chrono::Months::new(1))?;
    Some(next.and_hms_opt(0, 0, 0)?.and_utc())
}

/// Requests of the calendar month (UTC) that runs of this database have made so far.
pub(crate) fn this_month(conn: &dyn Statements, now: DateTime<Utc>) -> Result<u64> {
    let kept: Option<Month> = state::get(conn, state::key::REQUESTS)?;
    let kept = kept.filter(|kept| kept.month == name_of(now));
    Ok(kept.map_or(0, |kept| kept.count))
}

/// Adds those of a run, inside the caller's transaction.
pub(crate) fn add(conn: &dyn Statements, now: DateTime<Utc>, requests: u64) -> Result<()> {
    let count = this_month(conn, now)?.saturating_add(requests);
    let month = name_of(now);
    state::set(conn, state::key::REQUESTS, &Month { month, count })
}

/// The user's budget for a month; `None`: no bound.
pub(crate) fn monthly_budget(conn: &dyn Statements) -> Result<Option<u64>> {
    state::get(conn, state::key::REQUEST_BUDGET)
}

/// Sets the user's budget for a month, inside the caller's transaction.
pub(crate) fn set_monthly_budget(conn: &dyn Statements, budget: Option<u64>) -> Result<()> {
    match budget {
        Some(budget) => state::set(conn, state::key::REQUEST_BUDGET, &budget),
        None => state::remove(conn, state::key::REQUEST_BUDGET),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_iso;

    #[test]
    fn months_are_those_of_the_calendar() {
        let now = from_iso("2026-12-31T23:59:59Z").unwrap();
        assert_eq!(name_of(now), "2026-12");
        assert_eq!(next_month(now), from_iso("2027-01-01T00:00:00Z"));
        for at in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
            _ = (name_of(at), next_month(at));
        }
    }
}
