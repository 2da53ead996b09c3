//! What the last syncs said.

use std::sync::Arc;

use super::super::console::Console;
use super::super::fields::{auto_sync, next_sync};
use super::report::{Area, State};
use crate::clock::{Clock, SystemClock};
use crate::engine;
use crate::{Database, Result, SyncHistoryRepository, SyncStatus};

/// How many syncs are looked at.
const LATEST: u32 = 3;

pub(super) fn look(area: &mut Area<'_>, database: &Database, console: &Console<'_>) {
    if let Err(error) = look_at(area, database, console) {
        area.failed("history", &error);
    }
}

fn look_at(area: &mut Area<'_>, database: &Database, console: &Console<'_>) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let status = engine::status(database, &clock)?;
    let (config, now) = (&status.config, clock.now());
    let environment = &console.terminal.environment;
    match environment.background_sync() {
        Ok(_) => area.ok("automatic", auto_sync(config, environment)),
        Err(error) => area.failed("automatic", &error),
    }
    area.ok("next", next_sync(&status, console.zone, now));
    if status.is_running {
        area.ok("running", "a sync is running now");
    }
    let entries = SyncHistoryRepository::new(database).get_history(LATEST)?;
    if entries.is_empty() {
        area.ok("latest", "none yet");
    }
    let is_told = entries
        .first()
        .is_some_and(|entry| matches!(entry.status, SyncStatus::Failed | SyncStatus::Partial));
    if let Some(error) = config.last_sync_error.as_deref().filter(|_| !is_told) {
        let text = format!("it left no entry in the history, which may refuse it: {error}");
        area.note("last error", State::Error, text);
    }
    let backoff = database.short_read(engine::backoff::load)?;
    let is_lasting = backoff.is_some_and(|backoff| backoff.is_lasting());
    for (number, entry) in entries.iter().enumerate() {
        let name = if number == 0 { "latest" } else { "before" };
        let state = match entry.status {
            // The next one fails in the same way.
            SyncStatus::Failed if number == 0 && is_lasting => State::Error,
            SyncStatus::Failed | SyncStatus::Partial if number == 0 => State::Warning,
            _ => State::Ok,
        };
        let when = console.zone.moment_from(&entry.started_at, now);
        let error = entry.error_message.as_deref();
        let error = error.map_or_else(String::new, |error| format!(": {error}"));
        area.note(
            name,
            state,
            format!("{}, {when}{error}", entry.status.as_str()),
        );
    }
    Ok(())
}
