//! The page: its lines, and how they are printed.

use serde::Serialize;

use crate::cli::console::{BAD, Console, GOOD, STRONG, WARNING};
use crate::cli::fields::field;
use crate::cli::text::clean;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// Works, but may not be what the user expects.
    Warning,
    Error,
}

/// One line of the page.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) area: &'static str,
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) value: String,
    /// Where a setting came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) ok: bool,
    pub(super) version: &'static str,
    pub(super) findings: Vec<Finding>,
}

/// What one area writes its findings to.
pub(super) struct Area<'r> {
    pub(super) name: &'static str,
    pub(super) findings: &'r mut Vec<Finding>,
}

impl Area<'_> {
    pub(super) fn note(&mut self, name: &'static str, state: State, value: impl Into<String>) {
        self.findings.push(Finding {
            area: self.name,
            name,
            state,
            value: value.into(),
            source: None,
        });
    }

    pub(super) fn ok(&mut self, name: &'static str, value: impl Into<String>) {
        self.note(name, State::Ok, value);
    }

    pub(super) fn setting(
        &mut self,
        name: &'static str,
        value: impl Into<String>,
        source: impl Into<String>,
    ) {
        self.ok(name, value);
        if let Some(last) = self.findings.last_mut() {
            last.source = Some(source.into());
        }
    }

    /// A setting that may be the default.
    pub(super) fn used(&mut self, name: &'static str, value: String, source: Option<&'static str>) {
        match source {
            Some(source) => self.setting(name, value, source),
            None => self.ok(name, value),
        }
    }

    pub(super) fn failed(&mut self, name: &'static str, error: &crate::Error) {
        self.note(name, State::Error, error.to_string());
    }
}

pub(super) fn print(report: &Report, console: &Console<'_>) {
    let mut last = "";
    for finding in &report.findings {
        if console.quiet && finding.state == State::Ok {
            continue;
        }
        if finding.area != last && !console.quiet {
            let gap = if last.is_empty() { "" } else { "\n" };
            console.say(&format!("{gap}{STRONG}{}{STRONG:#}", finding.area));
        }
        last = finding.area;
        let value = clean(&console.zone.in_message(&finding.value));
        let source = finding.source.as_ref();
        let source = source.map_or_else(String::new, |source| format!(" ({source})"));
        match finding.state {
            State::Ok => field(console, finding.name, &format!("{value}{source}")),
            State::Warning => console.say(&marked(WARNING, "warning", finding.name, &value)),
            State::Error => console.say(&marked(BAD, "error", finding.name, &value)),
        }
    }
    let wrong = report.findings.iter();
    let wrong = wrong
        .filter(|finding| finding.state == State::Error)
        .count();
    if !console.quiet {
        console.say(&match wrong {
            0 => format!("\n{GOOD}Nothing is wrong.{GOOD:#}"),
            1 => format!("\n{BAD}One thing is wrong.{BAD:#}"),
            wrong => format!("\n{BAD}{wrong} things are wrong.{BAD:#}"),
        });
    }
}

fn marked(style: anstyle::Style, word: &str, name: &str, value: &str) -> String {
    format!("{style}{word}:{style:#} {name}: {value}")
}
