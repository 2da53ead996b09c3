//! `skillsmith sync`.

use std::path::Path;
use std::sync::Arc;

use super::args::SyncArguments;
use super::console::{BAD, Console, FAINT, GOOD, STRONG, WARNING};
use super::exit::Exit;
use super::progress::Line;
use super::{confirm, database};
use crate::engine::{DEFAULT_PAGE_SIZE, Listing};
use crate::log::plural;
use crate::{
    Coverage, Error, ErrorCode, Result, SkillsmithApiClient, SyncEngine, SyncOptions, SyncResult,
    SyncStatus,
};

pub(super) fn run(arguments: &SyncArguments, path: &Path, console: &Console<'_>) -> Result<Exit> {
    let environment = &console.terminal.environment;
    let client = SkillsmithApiClient::with_environment(console.client_options(), environment)?;
    let address = client.base_url().to_owned();
    let asked = match confirm::first_listing(arguments, &client, path, console) {
        Err(Error::Cancelled) => {
            console.labelled(WARNING, "Cancelled.", "Nothing was changed.");
            return Ok(Exit::Interrupted);
        }
        asked => asked?,
    };
    let database = if arguments.dry_run {
        database::for_reading(path, console)?
    } else {
        database::for_writing(path, console)?
    };
    let listing = match arguments.listing {
        Some(listing) => listing,
        None => Listing::of_environment(environment)?,
    };
    let line = Line::new(console);
    let mut shown = line.clone();
    let outcome = SyncEngine::new(Arc::new(client), &database).sync(SyncOptions {
        force: arguments.force,
        dry_run: arguments.dry_run,
        prune: arguments.prune,
        page_size: arguments.page_size.unwrap_or(DEFAULT_PAGE_SIZE),
        listing,
        requests_before: asked,
        on_progress: Some(Box::new(move |progress| shown.show(progress))),
        cancel: console.terminal.cancel.clone(),
        ..SyncOptions::default()
    });
    line.clear();
    let result = outcome?;
    report(&result, &address, path, console);
    Ok(match (result.status, result.code) {
        (SyncStatus::Success, _) => Exit::Success,
        (SyncStatus::Partial, _) => Exit::Partial,
        (_, Some(code)) => Exit::of(code),
        (_, None) => Exit::Failed,
    })
}

/// Prints the result and its warnings.
fn report(result: &SyncResult, address: &str, path: &Path, console: &Console<'_>) {
    if console.json {
        console.say_json(result);
    }
    for warning in &result.warnings {
        console.warning(warning);
    }
    match (result.status, result.code) {
        (SyncStatus::Success | SyncStatus::Partial, _) => tell_success(result, console),
        (_, Some(ErrorCode::Cancelled)) => tell_interrupted(result, console),
        (_, code) => tell_failure(result, code, address, path, console),
    }
}

/// Prints the summary line of the specification, then the errors.
fn tell_success(result: &SyncResult, console: &Console<'_>) {
    let changed = result.skills_added + result.skills_updated;
    if !console.json && !console.quiet {
        let (verb, style) = match (result.dry_run, result.success) {
            (true, _) => ("Would sync", STRONG),
            (false, true) => ("Synced", GOOD),
            (false, false) => ("Synced", WARNING),
        };
        console.say(&format!(
            "{style}{verb} {changed} skills{style:#} ({} new, {} updated)",
            result.skills_added, result.skills_updated
        ));
        if result.skills_removed > 0 {
            let verb = if result.dry_run {
                "Would remove"
            } else {
                "Removed"
            };
            console.say(&format!(
                "{verb} {} withdrawn skill{}.",
                result.skills_removed,
                plural(result.skills_removed == 1)
            ));
        }
        if result.success && result.total_processed == 0 && result.coverage == Coverage::Complete {
            console.say(&format!(
                "{FAINT}Nothing has changed since the last sync.{FAINT:#}"
            ));
        } else if result.success && changed == 0 && result.skills_unchanged > 0 {
            console.say(&format!(
                "{FAINT}All {} skills are up to date.{FAINT:#}",
                result.skills_unchanged
            ));
        }
    }
    for error in &result.errors {
        console.error(error);
    }
    let tells_itself = result.code == Some(ErrorCode::RunDeadline);
    if result.code.is_some() && !result.dry_run && !tells_itself {
        console.hint("The listing was not read to its end; the next sync continues from there.");
    }
}

fn tell_interrupted(result: &SyncResult, console: &Console<'_>) {
    console.labelled(WARNING, "Interrupted.", &kept(result));
}

fn tell_failure(
    result: &SyncResult,
    code: Option<ErrorCode>,
    address: &str,
    path: &Path,
    console: &Console<'_>,
) {
    let mut errors = result.errors.iter();
    console.labelled(
        BAD,
        "Sync failed:",
        errors.next().map_or("unknown cause", String::as_str),
    );
    for error in errors {
        console.error(error);
    }
    // This error's message already says so.
    let kept = kept(result);
    if !kept.is_empty() && code != Some(ErrorCode::RunDeadline) {
        console.hint(&kept);
    }
    match code {
        Some(ErrorCode::SyncInProgress) => console.hint(&format!(
            "Another sync of {} is running. Wait until it ends; `skillsmith sync status` shows it.",
            path.display()
        )),
        Some(ErrorCode::Offline) => {
            console.hint("SKILLSMITH_OFFLINE_MODE is set. Unset it to sync. The database can be used offline.");
        }
        Some(
            ErrorCode::Unreachable
            | ErrorCode::Unhealthy
            | ErrorCode::Timeout
            | ErrorCode::Server
            | ErrorCode::Protocol
            | ErrorCode::Refused
            | ErrorCode::TooLarge
            | ErrorCode::Forbidden,
        ) => console.hint(&format!(
            "The registry's address is {address}. `skillsmith doctor` checks it."
        )),
        Some(ErrorCode::Database | ErrorCode::Io) => {
            console.hint("`skillsmith doctor --check` looks for what is wrong with the database.");
        }
        _ => {}
    }
}

/// Says what a run that ended early has kept.
fn kept(result: &SyncResult) -> String {
    match result.skills_added + result.skills_updated {
        0 => String::new(),
        _ if result.dry_run => String::new(),
        1 => "1 skill was written and is kept; the next sync continues from there.".into(),
        written => {
            format!(
                "{written} skills were written and are kept; the next sync continues from there."
            )
        }
    }
}
