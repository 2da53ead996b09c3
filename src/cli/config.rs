//! `skillsmith sync config`.

use std::path::Path;

use super::args::ConfigArguments;
use super::console::Console;
use super::fields::{auto_sync, field, last_sync, next_sync};
use super::{Exit, database};
use crate::clock::{Clock, SystemClock};
use crate::{Result, SyncConfigRepository, SyncConfigUpdate};

pub(super) fn run(arguments: &ConfigArguments, path: &Path, console: &Console<'_>) -> Result<Exit> {
    let update = SyncConfigUpdate {
        enabled: (arguments.enable || arguments.disable).then_some(arguments.enable),
        frequency: arguments.frequency,
    };
    let changes = update != SyncConfigUpdate::default();
    let database = if changes {
        database::for_writing(path, console)?
    } else {
        database::for_reading(path, console)?
    };
    let repository = SyncConfigRepository::new(&database);
    let config = repository.update_config(update)?;
    if console.json {
        console.say_json(&config);
    } else if !(changes && console.quiet) {
        let now = SystemClock.now();
        let is_due = repository.is_sync_due()?;
        let environment = &console.terminal.environment;
        field(console, "Auto-sync", &auto_sync(&config, environment));
        field(console, "Last sync", &last_sync(&config, now));
        field(console, "Next sync", &next_sync(&config, is_due, now));
    }
    Ok(Exit::Success)
}
