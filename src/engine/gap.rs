//! What a listing could not read: put off while a pass continues, requested again in parts, and
//! kept as a gap.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::plan::Pass;
use crate::Error;
use crate::registry::wire::shortened;

/// Further gaps are only counted.
pub(super) const MOST_GAPS: usize = 64;

/// Ids next to a gap serve to find it again; longer ones are not kept.
const LONGEST_ID: usize = 200;
const LONGEST_CAUSE: usize = 200;

/// Positions of a failed page, requested again at the end of the pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Region {
    pub(super) from: u64,
    /// End, exclusive.
    pub(super) to: u64,
    /// The id just before it.
    pub(super) before: Option<String>,
    /// The id just after it.
    pub(super) after: Option<String>,
    /// Why the page failed.
    pub(super) cause: String,
    /// The registry refused it, so there may be no rows.
    pub(super) is_refused: bool,
}

/// Rows that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gap {
    pub(super) pass: Pass,
    pub(super) since: Option<String>,
    pub(super) from: u64,
    /// End, exclusive; `None`: up to the end of the pass.
    pub(super) to: Option<u64>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) cause: String,
    /// How many listings have requested it since it was found.
    #[serde(default)]
    pub(super) turn: u64,
    /// It is a single row that this run has already requested without success.
    #[serde(skip)]
    pub(super) failed_now: bool,
}

impl Region {
    pub(super) fn new(from: u64, to: u64, before: Option<&str>, cause: &Error) -> Self {
        Self {
            from,
            to,
            before: before.and_then(kept_id),
            after: None,
            cause: cause_of(cause),
            is_refused: is_refused(cause),
        }
    }

    pub(super) const fn len(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// Whether a page failed like one past the end. Status 422 is about content that exists.
pub(super) const fn is_refused(cause: &Error) -> bool {
    matches!(cause, Error::Refused { status, .. } if *status != 422)
}

/// Why a page failed, short enough to be kept.
pub(super) fn cause_of(error: &Error) -> String {
    shortened(&error.to_string(), LONGEST_CAUSE)
}

/// An id, if it is short enough to be kept next to a gap.
pub(super) fn kept_id(id: &str) -> Option<String> {
    (id.len() <= LONGEST_ID).then(|| id.to_owned())
}

impl Gap {
    /// Whether a page of `pass` at `start`, `len` rows long, overlaps it.
    pub(super) fn touches(&self, pass: &Pass, start: u64, len: u64) -> bool {
        self.pass == *pass
            && self.to.is_none_or(|to| start < to)
            && start.saturating_add(len) > self.from
    }

    /// Whether a later listing of changes by the sync endpoint can find it again, by the row before
    /// it.
    pub(super) const fn can_be_found(&self) -> bool {
        self.to.is_some() && (self.from == 0 || self.before.is_some())
    }

    /// Whether the other gap lies directly before or after it.
    pub(super) fn adjoins(&self, other: &Self) -> bool {
        let is_same = self.pass == other.pass && self.since == other.since;
        let is_behind = self.to == Some(other.from) || other.to == Some(self.from);
        is_same && self.to.is_some() && other.to.is_some() && is_behind
    }

    /// Merges an adjoining gap into this one.
    pub(super) fn take_in(&mut self, other: Self) {
        if other.from < self.from {
            self.from = other.from;
            self.before = other.before;
        } else {
            self.to = other.to;
            self.after = other.after;
        }
        self.turn = self.turn.max(other.turn);
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listing = self.pass.in_words();
        match (self.from, self.to) {
            (0, None) => write!(f, "Nothing of {listing} could be read")?,
            (from, None) => write!(
                f,
                "What comes after {from} rows of {listing} could not be read"
            )?,
            (from, Some(to)) if to == from.saturating_add(1) => {
                write!(f, "One row of {listing} could not be read, number {to}")?;
            }
            (from, Some(to)) => {
                let first = from.saturating_add(1);
                write!(f, "Rows {first} to {to} of {listing} could not be read")?;
            }
        }
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                write!(
                    f,
                    " (between skills '{}' and '{}')",
                    short(before),
                    short(after)
                )?;
            }
            (Some(before), None) => write!(f, " (after skill '{}')", short(before))?,
            (None, Some(after)) => write!(f, " (before skill '{}')", short(after))?,
            (None, None) => {}
        }
        write!(f, ": {}", self.cause)
    }
}

fn short(id: &str) -> String {
    shortened(id, 80)
}
