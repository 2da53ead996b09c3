//! Violations of the rules.

use std::sync::OnceLock;

/// One violation.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The name of the rule.
    pub rule: &'static str,
    pub detail: String,
}

pub type Check = Result<(), Violation>;

/// Rules that a survey ignores because they hide others: `SKILLSMITH_SIM_IGNORE=coverage,internal`.
pub fn tolerated(check: Check) -> Check {
    static IGNORED: OnceLock<String> = OnceLock::new();
    let ignored =
        IGNORED.get_or_init(|| std::env::var("SKILLSMITH_SIM_IGNORE").unwrap_or_default());
    match check {
        Err(violation) if ignored.split(',').any(|rule| rule == violation.rule) => Ok(()),
        check => check,
    }
}

pub fn violation<T>(rule: &'static str, detail: impl Into<String>) -> Result<T, Violation> {
    let detail = detail.into();
    Err(Violation { rule, detail })
}
