//! `skillsmith sync config`.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::args::{Budget, ConfigArguments};
use super::console::Console;
use super::database;
use super::exit::Exit;
use super::fields::{auto_sync, field, last_sync, next_sync};
use crate::clock::{Clock, SystemClock};
use crate::engine;
use crate::{Result, SyncConfig, SyncConfigRepository, SyncConfigUpdate};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    config: &'a SyncConfig,
    request_budget: Option<u64>,
}

pub(super) fn run(arguments: &ConfigArguments, path: &Path, console: &Console<'_>) -> Result<Exit> {
    let update = SyncConfigUpdate {
        enabled: (arguments.enable || arguments.disable).then_some(arguments.enable),
        frequency: arguments.frequency,
    };
    let changes = update != SyncConfigUpdate::default() || arguments.request_budget.is_some();
    let database = if changes {
        database::for_writing(path, console)?
    } else {
        database::for_reading(path, console)?
    };
    let repository = SyncConfigRepository::new(&database);
    if let Some(Budget(budget)) = arguments.request_budget {
        repository.set_request_budget(budget)?;
    }
    let config = repository.update_config(update)?;
    let budget = repository.request_budget()?;
    if console.json {
        console.say_json(&Document {
            config: &config,
            request_budget: budget,
        });
    } else if !(changes && console.quiet) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let status = engine::status(&database, &clock)?;
        let now = clock.now();
        let environment = &console.terminal.environment;
        field(console, "Auto-sync", &auto_sync(&config, environment));
        field(console, "Last sync", &last_sync(&config, console.zone, now));
        field(console, "Next sync", &next_sync(&status, console.zone, now));
        if let Some(budget) = budget {
            field(console, "Requests", &format!("{budget} a month at most"));
        }
    }
    Ok(Exit::Success)
}
