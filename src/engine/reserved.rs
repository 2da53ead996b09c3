//! Registries that reserve their listing for other plans than the caller's. Kept in `sync_state`
//! for a week, in which only a sync by hand asks again.
#![warn(clippy::arithmetic_side_effects)]

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plan::Listing;
use crate::clock::{from_iso, to_iso};
use crate::database::state;
use crate::registry::{Caller, Registry};
use crate::{Error, Result};

const KEPT_FOR: TimeDelta = TimeDelta::days(7);

/// Callers with one database. The earliest refusals are forgotten first.
const MOST: usize = 16;

/// A refusal as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Refusal {
    caller: Caller,
    /// The name of the [`Listing`] that was wanted.
    listing: String,
    at: String,
}

impl Refusal {
    /// Whether it still counts at `now`. One of the future was noted under a wrong clock.
    fn is_fresh_at(&self, now: DateTime<Utc>) -> bool {
        from_iso(&self.at).is_some_and(|at| {
            let age = now.signed_duration_since(at);
            (TimeDelta::zero()..KEPT_FOR).contains(&age)
        })
    }
}

/// Whether the registry refused this caller the listing less than a week before `now`.
pub(crate) fn is_known(
    conn: &Connection,
    (registry, listing): (&dyn Registry, Listing),
    now: DateTime<Utc>,
) -> Result<bool> {
    let kept = load(conn, registry)?;
    let mut refusals = kept
        .iter()
        .filter_map(read)
        .filter(|refusal| refusal.listing == listing.as_str() && refusal.is_fresh_at(now))
        .peekable();
    if refusals.peek().is_none() {
        return Ok(false);
    }
    // Only now, since it may read a file.
    let caller = registry.next_caller();
    Ok(refusals.any(|refusal| caller.may_be(&refusal.caller)))
}

/// Notes how a run ended, inside the caller's transaction: the registry refused the listing, or
/// served it. Any other error tells nothing.
pub(super) fn note(
    conn: &Connection,
    (registry, listing): (&dyn Registry, Listing),
    error: Option<&Error>,
    now: DateTime<Utc>,
) -> Result<()> {
    let is_refused = match error {
        None => false,
        Some(Error::PlanRequired(_)) => true,
        Some(_) => return Ok(()),
    };
    let mut kept = load(conn, registry)?;
    if kept.is_empty() && !is_refused {
        return Ok(());
    }
    let caller = registry.caller();
    // What a newer version keeps here stays.
    kept.retain(|value| {
        read(value).is_none_or(|refusal| {
            let is_this = refusal.listing == listing.as_str() && refusal.caller == caller;
            refusal.is_fresh_at(now) && !is_this
        })
    });
    if is_refused {
        let refusal = Refusal {
            caller,
            listing: listing.as_str().into(),
            at: to_iso(now),
        };
        let value = serde_json::to_value(refusal);
        kept.push(value.map_err(|error| Error::Internal(error.to_string()))?);
    }
    let surplus = kept.len().saturating_sub(MOST);
    kept.drain(..surplus);
    let key = state::key::reserved(&registry.name());
    if kept.is_empty() {
        state::remove(conn, &key)
    } else {
        state::set(conn, &key, &kept)
    }
}

fn load(conn: &Connection, registry: &dyn Registry) -> Result<Vec<Value>> {
    let key = state::key::reserved(&registry.name());
    Ok(state::get(conn, &key)?.unwrap_or_default())
}

fn read(value: &Value) -> Option<Refusal> {
    Refusal::deserialize(value).ok()
}
