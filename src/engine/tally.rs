//! The counts and messages of a run.

use std::collections::HashSet;

use super::cursor::Findings;
use crate::Result;
use crate::history::SyncRunResult;
use crate::registry::wire::shortened;
use crate::skills::RowOutcome;

/// How many rejected rows and warnings are named; further ones are only counted.
const NAMED: usize = 20;

/// Ids can be of any length, and so can messages about them, which may quote an unknown tier or a
/// database error.
const MAX_LABEL: usize = 80;
const MAX_REASON: usize = 200;

/// Consistent counts, and messages for the user. Updated only when something is committed; result,
/// history, progress and exit code derive from it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) added: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    /// Withdrawn skills that were removed.
    pub(super) removed: u64,
    /// Identities of rejected rows, since pages overlap and passes are read again.
    rejected: HashSet<u64>,
    /// Rows that were stored and are gone again.
    lost: u64,
    /// Identities of rows that are stored with other values than were served, and the id of one of them.
    altered: HashSet<u64>,
    altered_id: Option<String>,
    errors: Vec<String>,
    /// Messages of earlier runs of this listing about rows they could not store, and the number of
    /// these rows.
    earlier_errors: Vec<String>,
    earlier_rejected: u64,
    warnings: Vec<String>,
    more_warnings: u64,
    /// The database refused rows that it may accept another time.
    has_refused: bool,
    /// Rows left as they are because the registry served an older copy.
    left: u64,
    /// Why withdrawn skills were not removed, though the user wants it.
    not_removed: Option<String>,
}

impl Tally {
    /// A tally for a run that continues a listing with these findings.
    pub(super) fn going_on(findings: &Findings) -> Self {
        Self {
            earlier_errors: findings.errors.clone(),
            earlier_rejected: findings.rejected,
            has_refused: findings.refused,
            left: findings.left,
            ..Self::default()
        }
    }

    /// Notes in the findings of a cursor what has gone wrong so far.
    pub(super) fn note_in(&self, findings: &mut Findings) {
        let named = self.errors.iter().chain(&self.earlier_errors);
        findings.errors = named.take(NAMED).cloned().collect();
        findings.rejected = self.all_rejected();
        findings.refused = self.has_refused;
        findings.left = self.left;
    }

    /// Rows that this run could not store.
    pub(super) fn rejected(&self) -> u64 {
        (self.rejected.len() as u64).saturating_add(self.lost)
    }

    /// Rows that the whole listing could not store.
    pub(super) fn all_rejected(&self) -> u64 {
        self.rejected().saturating_add(self.earlier_rejected)
    }

    /// Distinct skills processed so far.
    pub(super) fn processed(&self) -> u64 {
        self.changed()
            .saturating_add(self.unchanged)
            .saturating_add(self.rejected())
    }

    pub(super) const fn changed(&self) -> u64 {
        self.added.saturating_add(self.updated)
    }

    pub(super) const fn run_result(&self) -> SyncRunResult {
        SyncRunResult {
            skills_added: self.added,
            skills_updated: self.updated,
            skills_unchanged: self.unchanged,
            skills_removed: self.removed,
        }
    }

    /// Moves a skill from one outcome to another.
    pub(super) const fn transition(&mut self, from: RowOutcome, to: RowOutcome) {
        self.uncount(from);
        if let Some(count) = self.of(to) {
            *count = count.saturating_add(1);
        }
    }

    /// Removes a skill from the outcome it was counted under.
    pub(super) const fn uncount(&mut self, outcome: RowOutcome) {
        if let Some(count) = self.of(outcome) {
            *count = count.saturating_sub(1);
        }
    }

    const fn of(&mut self, outcome: RowOutcome) -> Option<&mut u64> {
        match outcome {
            RowOutcome::Unseen => None,
            RowOutcome::Unchanged => Some(&mut self.unchanged),
            RowOutcome::Added => Some(&mut self.added),
            RowOutcome::Updated => Some(&mut self.updated),
        }
    }

    /// Reserves memory for one more rejected row; to be called before one is counted.
    pub(super) fn reserve_one(&mut self) -> Result<()> {
        self.rejected.try_reserve(1)?;
        Ok(())
    }

    /// Counts a row that cannot be stored. `identity` tells it from others.
    pub(super) fn reject(&mut self, identity: u64, label: Option<&str>, reason: &str) {
        if self.rejected.insert(identity) && self.errors.len() < NAMED {
            let label = label.map_or_else(
                || "Skill without id".to_owned(),
                |label| format!("Skill '{}'", shortened(label, MAX_LABEL)),
            );
            let reason = shortened(reason, MAX_REASON);
            self.errors.push(format!("{label} was rejected: {reason}"));
        }
    }

    /// Counts a row that the database refused.
    pub(super) fn refuse(&mut self, identity: u64, id: &str, reason: &str) {
        self.has_refused = true;
        self.reject(identity, Some(id), reason);
    }

    /// Takes back a row that was counted and is not in the table any more.
    pub(super) const fn lose(&mut self, outcome: RowOutcome) {
        self.uncount(outcome);
        self.lost = self.lost.saturating_add(1);
        self.has_refused = true;
    }

    /// Notes a row that a trigger changed while it was stored.
    pub(super) fn note_altered(&mut self, identity: u64, id: &str) {
        if self.altered.try_reserve(1).is_ok() {
            self.altered.insert(identity);
        }
        self.altered_id
            .get_or_insert_with(|| shortened(id, MAX_LABEL));
    }

    pub(super) const fn has_refused(&self) -> bool {
        self.has_refused
    }

    /// Counts a row left as it is, for the next listing to decide which copy is meant.
    pub(super) const fn leave_for_next(&mut self) {
        self.left = self.left.saturating_add(1);
    }

    /// Whether rows were left as they are.
    pub(super) const fn has_left(&self) -> bool {
        self.left > 0
    }

    /// Adds the error that withdrawn skills were not removed.
    pub(super) fn note_not_removed(&mut self, why: String) {
        self.not_removed = Some(why);
    }

    /// Adds a warning, which unlike an error does not make the run a partial one.
    pub(super) fn warn(&mut self, text: String) {
        if self.warnings.len() < NAMED {
            self.warnings.push(text);
        } else {
            self.more_warnings = self.more_warnings.saturating_add(1);
        }
    }

    /// Adds a warning about the whole listing, before those about single rows.
    pub(super) fn warn_first(&mut self, text: String) {
        self.warnings.insert(0, text);
    }

    /// Adds a warning about a skill.
    pub(super) fn warn_of(&mut self, id: &str, what: &str) {
        self.warn(about(id, what));
    }

    /// Messages about rejected rows, this run's first.
    pub(super) fn errors(&self) -> Vec<String> {
        let named: Vec<String> = self
            .errors
            .iter()
            .chain(&self.earlier_errors)
            .take(NAMED)
            .cloned()
            .collect();
        let unnamed = self.all_rejected().saturating_sub(self.lost);
        let unnamed = unnamed.saturating_sub(named.len() as u64);
        let mut errors = Vec::new();
        // Before those about single rows: the history keeps the beginning only.
        if let Some(id) = &self.altered_id {
            errors.push(format!(
                "Skills that are stored with other values than the registry has: {}, '{id}' among them. A trigger of the database changes them; remove it, and force a sync",
                self.altered.len()
            ));
        }
        errors.extend(with_rest(&named, unnamed, "more rejected"));
        if self.lost > 0 {
            let (skills, were) = if self.lost == 1 {
                ("1 skill is".into(), "it was")
            } else {
                (format!("{} skills are", self.lost), "they were")
            };
            errors.push(format!(
                "{skills} gone again after {were} stored; look at the triggers of the database"
            ));
        }
        if self.left > 0 {
            let skills = if self.left == 1 {
                "1 skill was".into()
            } else {
                format!("{} skills were", self.left)
            };
            errors.push(format!(
                "{skills} served with an older stamp than the one that is stored; the next sync decides which is meant"
            ));
        }
        errors.extend(self.not_removed.clone());
        errors
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        with_rest(&self.warnings, self.more_warnings, "more warnings")
    }
}

/// A message about a skill.
pub(super) fn about(id: &str, what: &str) -> String {
    let (id, what) = (shortened(id, MAX_LABEL), shortened(what, MAX_REASON));
    format!("Skill '{id}': {what}")
}

fn with_rest(named: &[String], rest: u64, what: &str) -> Vec<String> {
    let mut all = named.to_vec();
    if rest > 0 {
        all.push(format!("and {rest} {what}"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_are_named_and_the_rest_counted() {
        let mut tally = Tally::default();
        for row in 0..25 {
            tally.reject(row, Some(&format!("s{row}")), "it has no name");
            tally.reject(row, Some("again"), "read twice");
        }
        assert_eq!(tally.rejected(), 25);
        let errors = tally.errors();
        assert_eq!(
            (errors.len(), errors[0].as_str()),
            (21, "Skill 's0' was rejected: it has no name")
        );
        assert_eq!(errors[20], "and 5 more rejected");
    }

    #[test]
    fn outcomes_add_up_in_every_run() {
        let mut tally = Tally::default();
        tally.transition(RowOutcome::Unseen, RowOutcome::Added);
        let to = RowOutcome::after(RowOutcome::Added, false);
        tally.transition(RowOutcome::Added, to);
        tally.transition(RowOutcome::Unseen, RowOutcome::Unchanged);
        let to = RowOutcome::after(RowOutcome::Unchanged, false);
        tally.transition(RowOutcome::Unchanged, to);
        let counts = (tally.added, tally.updated, tally.unchanged);
        assert_eq!((counts, tally.processed()), ((1, 1, 0), 2));
    }

    #[test]
    fn what_earlier_runs_of_a_listing_found_is_told_by_the_last() {
        let mut first = Tally::default();
        for identity in 0..30 {
            first.reject(identity, Some("bad"), "it has no name");
        }
        let mut findings = Findings::default();
        first.note_in(&mut findings);
        let mut last = Tally::going_on(&findings);
        last.reject(99, Some("worse"), "it has no name");
        let errors = last.errors();
        assert_eq!(
            (errors.len(), last.rejected(), last.all_rejected()),
            (21, 1, 31)
        );
        assert!(errors[0].contains("worse") && errors[20] == "and 11 more rejected");
    }
}
