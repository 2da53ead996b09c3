//! `skillsmith sync history`.

use std::path::Path;

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};

use super::console::{Console, shortened};
use super::time::{duration, moment};
use super::{Exit, database};
use crate::{Result, SyncHistoryEntry, SyncHistoryRepository, SyncStatus};

/// Longest error message in a table; the JSON has the whole message.
const LONGEST_ERROR: usize = 80;

const HEADER: [&str; 7] = [
    "Started (UTC)",
    "Status",
    "Added",
    "Updated",
    "Unchanged",
    "Duration",
    "Error",
];
const NUMBERS: std::ops::RangeInclusive<usize> = 2..=5;

pub(super) fn run(limit: u32, path: &Path, console: &Console<'_>) -> Result<Exit> {
    let database = database::for_reading(path, console)?;
    let repository = SyncHistoryRepository::new(&database);
    // Entries of runs that died are marked before they are shown.
    repository.is_running()?;
    let entries = repository.get_history(limit)?;
    if console.json {
        console.say_json(&entries);
    } else if entries.is_empty() {
        console.say("No syncs yet. Run `skillsmith sync` for the first one.");
    } else {
        console.say(&table(&entries, console).trim_fmt());
    }
    Ok(Exit::Success)
}

fn table(entries: &[SyncHistoryEntry], console: &Console<'_>) -> Table {
    let mut table = Table::new();
    // comfy-table would check the process's own terminal instead of ours.
    table.force_no_tty();
    if console.colours_stdout() {
        table.enforce_styling();
    }
    match console.terminal.stdout.width() {
        Some(width) => table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width),
        None => table.load_style(NOTHING),
    };
    table.set_header(HEADER.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    table.add_rows(entries.iter().map(row));
    for number in NUMBERS {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if !console.terminal.stdout.is_terminal() {
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
    }
    table
}

fn row(entry: &SyncHistoryEntry) -> [Cell; 7] {
    let colour = match entry.status {
        SyncStatus::Success => Color::Green,
        SyncStatus::Failed => Color::Red,
        SyncStatus::Partial => Color::Yellow,
        SyncStatus::Running => Color::Cyan,
    };
    let time = entry
        .duration_ms
        .and_then(|ms| u64::try_from(ms).ok())
        .map_or_else(|| "-".into(), duration);
    [
        Cell::new(moment(&entry.started_at)),
        Cell::new(entry.status.as_str()).fg(colour),
        Cell::new(entry.skills_added),
        Cell::new(entry.skills_updated),
        Cell::new(entry.skills_unchanged),
        Cell::new(time),
        Cell::new(shortened(
            entry.error_message.as_deref().unwrap_or_default(),
            LONGEST_ERROR,
        )),
    ]
}
