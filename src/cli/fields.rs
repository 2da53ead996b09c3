//! Lines of a name and a value.

use chrono::{DateTime, Utc};

use comfy_table::Cell;

use super::console::{Console, STRONG};
use super::table::{INDENT, NARROW, NARROWEST, wrapped};
use super::text::clean;
use super::time::Zone;
use crate::SyncConfig;
use crate::database::Journal;
use crate::engine::EngineStatus;
use crate::environment::Environment;
use crate::error::in_brackets;

/// The longest name, its colon, and a space.
const NAME_WIDTH: usize = 13;

/// Prints `Name:   value`.
pub(super) fn field(console: &Console<'_>, name: &str, value: &str) {
    let gap = " ".repeat(NAME_WIDTH.saturating_sub(name.len() + 1).max(1));
    console.say(&format!("{STRONG}{name}:{STRONG:#}{gap}{}", clean(value)));
}

/// The same for a value of any length: in lines, at a terminal.
pub(super) fn long_field(console: &Console<'_>, name: &str, value: &str) {
    let Some(width) = console.terminal.stdout.width() else {
        return field(console, name, value);
    };
    let heading = format!("{STRONG}{name}:{STRONG:#}");
    let indent = u16::try_from(NAME_WIDTH).unwrap_or(u16::MAX);
    let value = Cell::new(clean(value));
    if width < NARROW {
        console.say(&heading);
        let width = width.max(NARROWEST);
        return console.say(&wrapped(value, INDENT, width, console));
    }
    let text = wrapped(value, indent, width, console);
    let gap = " ".repeat(NAME_WIDTH.saturating_sub(name.len() + 1).max(1));
    console.say(&format!("{heading}{gap}{}", text.trim_start()));
}

/// `on, daily`, and the variable that disables it, if any.
pub(super) fn auto_sync(config: &SyncConfig, environment: &Environment) -> String {
    let state = if config.enabled { "on" } else { "off" };
    let held = match (environment.offline_mode(), environment.background_sync()) {
        _ if !config.enabled => String::new(),
        (Err(error), _) | (_, Err(error)) => in_brackets(Some(&error.to_string())),
        (Ok(true), _) => " (disabled by SKILLSMITH_OFFLINE_MODE)".into(),
        (_, Ok(false)) => " (disabled by SKILLSMITH_BACKGROUND_SYNC)".into(),
        _ => String::new(),
    };
    format!("{state}, {}{held}", config.frequency)
}

/// `wal`, or another mode and why.
pub(super) fn journal(journal: &Journal) -> String {
    let reason = in_brackets(journal.reason.as_deref());
    format!("{}{reason}", journal.mode)
}

/// When the last complete sync was.
pub(super) fn last_sync(config: &SyncConfig, zone: Zone, now: DateTime<Utc>) -> String {
    config
        .last_sync_at
        .as_deref()
        .map_or_else(|| "never".into(), |iso| zone.moment_from(iso, now))
}

/// When the next automatic one may start.
pub(super) fn next_sync(status: &EngineStatus, zone: Zone, now: DateTime<Utc>) -> String {
    let due_at = status.config.next_sync_at.as_ref();
    let due_at = due_at.filter(|_| !status.is_due);
    // Both are ISO times of one form.
    let pause = status.paused_until.as_ref();
    let pause = pause.filter(|until| due_at.is_none_or(|due_at| due_at < *until));
    match (pause, due_at) {
        _ if !status.config.enabled => "manual only".into(),
        (Some(until), _) => format!("{}, after a pause", zone.moment_from(until, now)),
        (None, Some(due_at)) => zone.moment_from(due_at, now),
        (None, None) => "due now".into(),
    }
}
