//! The outcome of a run: its status, errors and result.

use super::context::{Context, Run};
use super::result::{Coverage, SyncResult};
use crate::Error;
use crate::history::SyncStatus;

impl Run {
    pub(super) fn status(&self, error: Option<&Error>) -> SyncStatus {
        match error {
            None if self.errors().is_empty() => SyncStatus::Success,
            // Stopping at a budget is what the user wanted.
            None | Some(Error::BudgetUsed { .. }) => SyncStatus::Partial,
            Some(error) if self.tally.processed() > 0 && leaves_a_part(error) => {
                SyncStatus::Partial
            }
            Some(_) => SyncStatus::Failed,
        }
    }

    /// Messages about rows that could not be read or stored.
    pub(super) fn errors(&self) -> Vec<String> {
        self.gaps
            .iter()
            .cloned()
            .chain(self.tally.errors())
            .collect()
    }

    pub(super) fn into_result(
        self,
        context: &Context<'_, '_>,
        error: Option<&Error>,
    ) -> SyncResult {
        let status = self.status(error);
        let (budget, error) = match error {
            Some(budget @ Error::BudgetUsed { .. }) => (Some(budget), None),
            error => (None, error),
        };
        let mut errors: Vec<String> = error.map(ToString::to_string).into_iter().collect();
        errors.extend(self.errors());
        let warnings = budget.map(ToString::to_string).into_iter();
        let duration = context.took();
        SyncResult {
            success: status == SyncStatus::Success,
            skills_added: self.tally.added,
            skills_updated: self.tally.updated,
            skills_unchanged: self.tally.unchanged,
            skills_rejected: self.tally.rejected(),
            skills_removed: self.tally.removed,
            total_processed: self.tally.processed(),
            errors,
            warnings: warnings.chain(self.tally.warnings()).collect(),
            requests: self.requests.used(),
            coverage: if self.is_complete && error.is_none() && budget.is_none() {
                Coverage::Complete
            } else {
                Coverage::BestEffort
            },
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            dry_run: context.options.dry_run,
            status,
            code: error.map(Error::code),
        }
    }
}

/// The result of a sync that could not even begin; it leaves no history entry.
pub(super) fn not_begun(error: &Error, dry_run: bool) -> SyncResult {
    SyncResult {
        success: false,
        skills_added: 0,
        skills_updated: 0,
        skills_unchanged: 0,
        skills_rejected: 0,
        skills_removed: 0,
        total_processed: 0,
        errors: vec![error.to_string()],
        warnings: Vec::new(),
        coverage: Coverage::BestEffort,
        duration_ms: 0,
        requests: 0,
        dry_run,
        status: SyncStatus::Failed,
        code: Some(error.code()),
    }
}

/// Whether rows written before this error make the run a partial one, because the registry failed
/// for some page. A run that was stopped, or whose database failed, has failed.
const fn leaves_a_part(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable(_)
            | Error::CutOff(_)
            | Error::Timeout(_)
            | Error::Server { .. }
            | Error::Unauthorized(_)
            | Error::SignInExpired(_)
            | Error::Forbidden(_)
            | Error::PlanRequired(_)
            | Error::Protocol(_)
            | Error::Refused { .. }
            | Error::RedirectRefused(_)
            | Error::TooLarge(_)
    )
}
