//! The counts and messages of a run.

use std::collections::HashSet;

use crate::Result;
use crate::history::SyncRunResult;
use crate::registry::wire::shortened;
use crate::skills::Class;

/// Rejected rows and warnings are named up to this many; the rest is a number.
const NAMED: usize = 20;

/// An id can be as long as the registry likes, and so can what is said of it: an unknown
/// tier, or a database's own word.
const MAX_LABEL: usize = 80;
const MAX_REASON: usize = 200;

/// Counts that add up, and what the user is told.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) added: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    /// Fingerprints of the rejected rows: pages overlap, and sweeps are read again.
    rejected: HashSet<u64>,
    errors: Vec<String>,
    warnings: Vec<String>,
    more_warnings: u64,
}

impl Tally {
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.len() as u64
    }

    /// Different skills that were looked at.
    pub(super) fn processed(&self) -> u64 {
        self.added + self.updated + self.unchanged + self.rejected()
    }

    pub(super) const fn changed(&self) -> u64 {
        self.added + self.updated
    }

    pub(super) fn run_result(&self) -> SyncRunResult {
        SyncRunResult {
            skills_added: self.added,
            skills_updated: self.updated,
            skills_unchanged: self.unchanged,
        }
    }

    /// Moves a skill from one class to another, and returns the one it is in then.
    ///
    /// A skill that was added stays added, however often it is written.
    pub(super) fn reclass(&mut self, from: Class, to: Class) -> Class {
        let to = match (from, to) {
            (Class::Added, _) => Class::Added,
            (Class::Updated, Class::Unchanged) => Class::Updated,
            (_, to) => to,
        };
        if let Some(count) = self.of(from) {
            *count -= 1;
        }
        if let Some(count) = self.of(to) {
            *count += 1;
        }
        to
    }

    /// Takes a skill out of its class again: the database would not have it.
    pub(super) fn withdraw(&mut self, class: Class) {
        if let Some(count) = self.of(class) {
            *count -= 1;
        }
    }

    fn of(&mut self, class: Class) -> Option<&mut u64> {
        match class {
            Class::Unseen => None,
            Class::Unchanged => Some(&mut self.unchanged),
            Class::Added => Some(&mut self.added),
            Class::Updated => Some(&mut self.updated),
        }
    }

    /// Has room for one more rejected row; to be asked before one is counted.
    pub(super) fn make_room(&mut self) -> Result<()> {
        self.rejected.try_reserve(1)?;
        Ok(())
    }

    /// Counts a row that cannot be stored; `print` tells it from others.
    pub(super) fn reject(&mut self, print: u64, label: Option<&str>, reason: &str) {
        if self.rejected.insert(print) && self.errors.len() < NAMED {
            let label = label.map_or_else(
                || "Skill without id".to_owned(),
                |label| format!("Skill '{}'", shortened(label, MAX_LABEL)),
            );
            let reason = shortened(reason, MAX_REASON);
            self.errors.push(format!("{label} was rejected: {reason}"));
        }
    }

    /// Tells the user of something that costs nothing.
    pub(super) fn warn(&mut self, text: String) {
        if self.warnings.len() < NAMED {
            self.warnings.push(text);
        } else {
            self.more_warnings += 1;
        }
    }

    /// The same about a skill.
    pub(super) fn warn_of(&mut self, id: &str, what: &str) {
        let (id, what) = (shortened(id, MAX_LABEL), shortened(what, MAX_REASON));
        self.warn(format!("Skill '{id}': {what}"));
    }

    /// What is told of rejected rows.
    pub(super) fn errors(&self) -> Vec<String> {
        let unnamed = self.rejected().saturating_sub(self.errors.len() as u64);
        with_rest(&self.errors, unnamed, "more rejected")
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        with_rest(&self.warnings, self.more_warnings, "more warnings")
    }
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
        for print in 0..25 {
            tally.reject(print, Some(&format!("s{print}")), "it has no name");
            tally.reject(print, Some("again"), "read twice");
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
    fn classes_add_up_whatever_a_run_meets() {
        let mut tally = Tally::default();
        let class = tally.reclass(Class::Unseen, Class::Added);
        assert_eq!(tally.reclass(class, Class::Updated), Class::Added);
        let class = tally.reclass(Class::Unseen, Class::Unchanged);
        let class = tally.reclass(class, Class::Updated);
        assert_eq!(tally.reclass(class, Class::Unchanged), Class::Updated);
        assert_eq!(
            (
                tally.added,
                tally.updated,
                tally.unchanged,
                tally.processed()
            ),
            (1, 1, 0, 2)
        );
    }
}
