//! What the rules remember between runs.

use std::collections::BTreeSet;

use skillsmith_sync::{Coverage, ErrorCode};

use super::Ended;
use super::withdrawn::Missed;
use crate::scenario::{Failure, Fault, FileKind, Foreign, RunSpec};

/// Facts about earlier runs, and about events between them.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub struct Memory {
    /// The wall clock has jumped.
    pub jumped: bool,
    /// The number of the first change after the current listing began.
    pub(super) listing: Option<u64>,
    /// The last run listed everything, and nothing has changed since.
    pub(super) settled: bool,
    /// The full-text index may be out of step; `unindexed`: with rows that another program wrote.
    pub(super) upset: bool,
    pub(super) unindexed: bool,
    /// A trigger may reject rows.
    pub(super) triggers: bool,
    /// Pages of the current listing were wrongly empty.
    pub(super) emptied: bool,
    /// Rows that other programs have written.
    pub written: BTreeSet<u32>,
    /// Those written since the current listing began: it may already be past them.
    pub(super) overwritten: BTreeSet<u32>,
    /// A listing was refused, so the engine may list by tiers.
    pub(super) by_tiers: bool,
    /// The file was replaced or deleted once.
    pub(super) file_lost: bool,
    /// What the last whole listings did not have.
    pub(super) missed: Missed,
    /// How the last run ended.
    pub last: Option<(bool, Option<ErrorCode>, Coverage)>,
}

impl Memory {
    /// Something has changed since the last run.
    pub fn touched(&mut self) {
        self.settled = false;
    }

    pub fn foreign(&mut self, foreign: &Foreign) {
        self.settled = false;
        match foreign {
            Foreign::Local(n, _) | Foreign::Stale(n) => {
                self.written.insert(*n);
                self.overwritten.insert(*n);
                self.unindexed = true;
            }
            Foreign::Reindex => self.upset = true,
            Foreign::Trigger(..) => self.triggers = true,
            Foreign::AddColumn(_) | Foreign::Interval(_) | Foreign::LastSync(_) => {}
        }
    }

    /// Records what these faults may have led the engine to assume.
    pub(super) fn met<'f>(&mut self, faults: impl Iterator<Item = &'f Fault>) {
        for fault in faults {
            self.by_tiers |= matches!(fault.what, Failure::Refused(_));
            self.emptied |= matches!(fault.what, Failure::Empty(_));
        }
    }

    /// The process died in a run that began before this change of the registry.
    pub fn crashed(&mut self, spec: &RunSpec, seq: u64, file: FileKind) {
        self.met(spec.faults.iter());
        if !spec.dry {
            self.listing.get_or_insert(seq);
        }
        self.settled = false;
        self.upset |= file == FileKind::NoTriggers && !spec.dry;
    }

    /// Resets the memory of a lost file.
    pub(super) fn lost(&mut self) {
        *self = Self {
            jumped: self.jumped,
            by_tiers: self.by_tiers,
            // The run may have ended before the loss.
            triggers: self.triggers,
            listing: self.listing,
            written: std::mem::take(&mut self.written),
            missed: std::mem::take(&mut self.missed),
            upset: true,
            unindexed: true,
            file_lost: true,
            ..Self::default()
        };
    }

    /// A run has ended that read the listing from `since` on.
    pub(super) fn ended(&mut self, ended: &Ended<'_>, since: u64, settles: bool, unchanged: bool) {
        if ended.spec.dry {
            self.settled &= unchanged;
            return;
        }
        self.settled = settles && unchanged && !self.emptied;
        let ended_listing = ended.result.success || ended.result.code.is_none();
        self.listing = (!ended_listing).then_some(since);
        self.emptied &= !ended_listing;
        if ended_listing {
            self.overwritten.clear();
        }
    }
}
