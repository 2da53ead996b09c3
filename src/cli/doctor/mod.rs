//! `skillsmith doctor`: what is used, where it came from, and what is wrong.

mod database;
mod registry;
mod runs;
mod system;

use std::path::PathBuf;

use serde::Serialize;

use super::args::Global;
use super::console::{BAD, Console, GOOD, STRONG, WARNING};
use super::exit::Exit;
use super::fields::field;
use super::text::clean;
use crate::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Works, but may not be what the user expects.
    Warning,
    Error,
}

/// One line of the page.
#[derive(Debug, Serialize)]
struct Finding {
    area: &'static str,
    name: &'static str,
    state: State,
    value: String,
    /// Where a setting came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    version: &'static str,
    findings: Vec<Finding>,
}

/// What one area writes its findings to.
struct Area<'r> {
    name: &'static str,
    findings: &'r mut Vec<Finding>,
}

impl Area<'_> {
    fn note(&mut self, name: &'static str, state: State, value: impl Into<String>) {
        self.findings.push(Finding {
            area: self.name,
            name,
            state,
            value: value.into(),
            source: None,
        });
    }

    fn ok(&mut self, name: &'static str, value: impl Into<String>) {
        self.note(name, State::Ok, value);
    }

    fn setting(&mut self, name: &'static str, value: impl Into<String>, source: impl Into<String>) {
        self.ok(name, value);
        if let Some(last) = self.findings.last_mut() {
            last.source = Some(source.into());
        }
    }

    /// A setting that may be the default.
    fn used(&mut self, name: &'static str, value: String, source: Option<&'static str>) {
        match source {
            Some(source) => self.setting(name, value, source),
            None => self.ok(name, value),
        }
    }

    fn failed(&mut self, name: &'static str, error: &crate::Error) {
        self.note(name, State::Error, error.to_string());
    }
}

/// Sends at most three requests, and writes nothing but their number.
pub(super) fn run(global: &Global, check: bool, console: &Console<'_>) -> Result<Exit> {
    let environment = &console.terminal.environment;
    let path = super::database::path(global, environment);
    let mut findings = Vec::new();
    let mut area = Area {
        name: "database",
        findings: &mut findings,
    };
    let database = match path {
        Ok(path) => {
            let source = source_of_path(global, console);
            database::look(&mut area, &path, source, check, console)
        }
        Err(error) => {
            area.failed("path", &error);
            None
        }
    };
    area.name = "registry";
    registry::look(&mut area, database.as_ref(), console);
    if let Some(database) = &database {
        area.name = "syncs";
        runs::look(&mut area, database, console);
    }
    if console.terminal.cancel.is_cancelled() {
        return Err(crate::Error::Cancelled);
    }
    let report = Report {
        ok: findings.iter().all(|finding| finding.state != State::Error),
        version: env!("CARGO_PKG_VERSION"),
        findings,
    };
    if console.json {
        console.say_json(&report);
    } else {
        print(&report, console);
    }
    Ok(if report.ok {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn source_of_path(global: &Global, console: &Console<'_>) -> &'static str {
    let named: Option<&PathBuf> = global.database.as_ref();
    if named.is_some() {
        "--db"
    } else if console
        .terminal
        .environment
        .word("SKILLSMITH_DB_PATH")
        .is_some()
    {
        "SKILLSMITH_DB_PATH"
    } else {
        "the default"
    }
}

fn print(report: &Report, console: &Console<'_>) {
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
