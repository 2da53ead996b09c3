//! `skillsmith sync status`.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::console::Console;
use super::database;
use super::exit::Exit;
use super::fields::{auto_sync, field, journal, last_sync, next_sync};
use super::text::{clean, shortened};
use super::time::duration;
use crate::clock::{Clock, SystemClock};
use crate::database::checked::{self, Checked};
use crate::database::{Journal, shared_file_system};
use crate::engine::{self, EngineStatus};
use crate::{
    Database, Result, SkillRepository, SyncHistoryEntry, SyncHistoryRepository, SyncStats,
    SyncStatus,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    status: &'a EngineStatus,
    stats: &'a SyncStats,
    /// As the user has named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    /// Only where it is not a write-ahead log.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal_mode: Option<&'a str>,
    /// What it is called, where other machines may use it at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_file_system: Option<&'a str>,
    /// The last check of the full-text index, by a forced sync or `doctor --check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_check: Option<&'a Checked>,
}

pub(super) fn run(client: Option<&str>, path: &Path, console: &Console<'_>) -> Result<Exit> {
    let missing = database::is_missing(path);
    let database = database::for_reading(path, console)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let now = clock.now();
    let status = engine::status(&database, &clock)?;
    let history = SyncHistoryRepository::new(&database);
    let figures = history.get_stats()?;
    let shared = database.path().and_then(shared_file_system);
    let rollback = database.rollback_journal()?;
    let checked = database.short_read(checked::load)?;
    if console.json {
        console.say_json(&Document {
            status: &status,
            stats: &figures,
            client,
            journal_mode: rollback.as_ref().map(|journal| &*journal.mode),
            shared_file_system: shared.as_deref(),
            last_check: checked.as_ref(),
        });
        return Ok(Exit::Success);
    }

    let newest = history.get_history(1)?.into_iter().next();
    let skills = SkillRepository::new(&database).count()?;
    let config = &status.config;
    if let Some(client) = client {
        field(console, "Client", &shortened(client, LONGEST_CLIENT));
    }
    field(console, "Database", &place(path, missing, &database));
    say_file_system(console, shared.as_deref(), rollback.as_ref());
    field(console, "Skills", &skills.to_string());
    let environment = &console.terminal.environment;
    field(console, "Auto-sync", &auto_sync(config, environment));
    field(console, "Last sync", &last_sync(config, console.zone, now));
    field(console, "Next sync", &next_sync(&status, console.zone, now));
    if let Some(checked) = &checked {
        let found = if checked.sound { "sound" } else { "damaged" };
        let when = console.zone.moment_from(&checked.at, now);
        field(console, "Last check", &format!("{found}, {when}"));
    }
    if let Some(entry) = &newest {
        field(
            console,
            "Last result",
            &last_result(entry, status.is_running),
        );
    }
    if let Some(error) = &config.last_sync_error {
        let error = shortened(&console.zone.in_message(error), LONGEST_ERROR);
        field(console, "Last error", &error);
    }
    let running = if status.is_running { "yes" } else { "no" };
    field(console, "Running now", running);
    let open = newest.is_some_and(|entry| entry.status == SyncStatus::Running);
    field(console, "Runs", &runs(&figures, open));
    field(console, "Requests", &requests(&status));
    Ok(Exit::Success)
}

fn say_file_system(console: &Console<'_>, shared: Option<&str>, rollback: Option<&Journal>) {
    if let Some(kind) = shared {
        let text = format!("{kind}, which other machines may use at the same time");
        field(console, "File system", &text);
    }
    if let Some(found) = rollback {
        field(console, "Journal", &journal(found));
    }
}

/// `12 this month`, with the budget where there is one.
fn requests(status: &EngineStatus) -> String {
    let budget = status
        .request_budget
        .map_or_else(String::new, |budget| format!(" of {budget} allowed"));
    format!("{}{budget} this month", status.requests_this_month)
}

/// A name is for one line.
const LONGEST_CLIENT: usize = 100;

/// Enough for any error of ours; another program may have stored a page of text.
const LONGEST_ERROR: usize = 400;

/// The path of the database; a missing one is replaced by one in memory, which has none.
fn place(path: &Path, missing: bool, database: &Database) -> String {
    if !missing {
        return database.name();
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let state = if path.exists() {
        "empty"
    } else {
        "not created yet"
    };
    format!("{} ({state})", path.display())
}

/// `success: 23 new, 824 updated, 0 unchanged in 1.2 s`.
fn last_result(entry: &SyncHistoryEntry, is_running: bool) -> String {
    let counts = format!(
        "{} new, {} updated, {} unchanged",
        entry.skills_added, entry.skills_updated, entry.skills_unchanged
    );
    let time = entry
        .duration_ms
        .and_then(|ms| u64::try_from(ms).ok())
        .map_or_else(String::new, |ms| format!(" in {}", duration(ms)));
    match entry.status {
        SyncStatus::Running if is_running => "running".into(),
        // Its end could not be recorded, or the other stack, which has no lock, is at it.
        SyncStatus::Running => "without an end: interrupted, or a run of another program".into(),
        status => clean(&format!("{}: {counts}{time}", status.as_str())),
    }
}

/// `12, of which 10 succeeded, 1 partly, 1 failed; 1.2 s on average`.
fn runs(stats: &SyncStats, one_is_open: bool) -> String {
    if stats.total_runs == 0 {
        return "none".into();
    }
    let rest = stats.total_runs - stats.successful_runs - stats.failed_runs;
    let partial = (rest - i64::from(one_is_open)).max(0);
    let partly = if partial > 0 {
        format!(", {partial} partial")
    } else {
        String::new()
    };
    let average = stats
        .average_duration_ms
        .and_then(|ms| u64::try_from(ms).ok())
        .map_or_else(String::new, |ms| format!("; {} on average", duration(ms)));
    format!(
        "{} in all, {} succeeded{partly}, {} failed{average}",
        stats.total_runs, stats.successful_runs, stats.failed_runs
    )
}
