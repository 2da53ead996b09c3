//! Looks at one area after the other.

use std::path::PathBuf;

use super::report::{self, Area, Report, State};
use super::{database, registry, runs};
use crate::cli::args::Global;
use crate::cli::console::Console;
use crate::cli::exit::Exit;

/// Sends at most three requests, and writes nothing but their number and the time of a check.
pub(in crate::cli) fn run(global: &Global, check: bool, console: &Console<'_>) -> Exit {
    let environment = &console.terminal.environment;
    let path = crate::cli::database::path(global, environment);
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
        console.interrupted("The check was not finished.");
        return Exit::Interrupted;
    }
    let report = Report {
        ok: findings.iter().all(|finding| finding.state != State::Error),
        version: env!("CARGO_PKG_VERSION"),
        findings,
    };
    if console.json {
        console.say_json(&report);
    } else {
        report::print(&report, console);
    }
    if report.ok {
        Exit::Success
    } else {
        Exit::Failed
    }
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
