//! `skillsmith sync history`.

use std::path::Path;

use comfy_table::{Attribute, Cell, Color, Table};

use super::console::{Console, FAINT};
use super::database;
use super::exit::Exit;
use super::table::{INDENT, NARROW, NARROWEST, framed, wrapped};
use super::text::{clean, shortened};
use super::time::{Zone, duration};
use crate::clock::from_iso;
use crate::{Result, SyncHistoryEntry, SyncHistoryRepository, SyncStatus};

/// Longest error message in a table at a terminal, whose columns are narrow. Elsewhere a line may be long.
const LONGEST_ERROR: usize = 80;
const LONGEST_ERROR_ELSEWHERE: usize = 1_000;
/// The same below one another, where it takes several lines.
const LONGEST_ERROR_IN_LINES: usize = 400;

/// After the time of the start, whose heading depends on the zone.
const HEADER: [&str; 6] = [
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
        match console.terminal.stdout.width() {
            Some(width) if width < NARROW => {
                console.say(&lines(&entries, width.max(NARROWEST), console));
            }
            _ => console.say(&table(&entries, console).trim_fmt()),
        }
        let (listed, all) = (entries.len(), repository.get_stats()?.total_runs);
        if !console.quiet && i64::try_from(listed).is_ok_and(|listed| listed < all) {
            console.say(&format!(
                "{FAINT}The last {listed} of {all} syncs; --limit N lists more.{FAINT:#}"
            ));
        }
    }
    Ok(Exit::Success)
}

/// The times of the starts, and their heading: the offset stands there unless it differs between them.
fn starts(entries: &[SyncHistoryEntry], zone: Zone) -> (String, Vec<String>) {
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| match from_iso(&entry.started_at) {
            Some(time) => zone.show(time),
            None => (clean(&entry.started_at), String::new()),
        })
        .collect();
    let mut offsets = shown.iter().map(|(_, offset)| offset.as_str());
    let first = offsets.find(|offset| !offset.is_empty()).unwrap_or("UTC");
    if offsets.all(|offset| offset.is_empty() || offset == first) {
        let heading = format!("Started ({first})");
        (heading, shown.into_iter().map(|(time, _)| time).collect())
    } else {
        let with_offset = |(time, offset)| format!("{time} {offset}");
        (
            "Started".into(),
            shown.into_iter().map(with_offset).collect(),
        )
    }
}

/// The runs below one another, where a table does not fit.
fn lines(entries: &[SyncHistoryEntry], width: u16, console: &Console<'_>) -> String {
    let blocks = entries.iter().map(|entry| {
        let started = match from_iso(&entry.started_at) {
            Some(time) => {
                let (time, offset) = console.zone.show(time);
                format!("{time} {offset}")
            }
            None => clean(&entry.started_at),
        };
        let heading = Cell::new(format!("{started} {}", entry.status.as_str()));
        let heading = heading.fg(colour(entry)).add_attribute(Attribute::Bold);
        let counts = format!(
            "{} added, {} updated, {} unchanged, {}",
            entry.skills_added,
            entry.skills_updated,
            entry.skills_unchanged,
            time(entry)
        );
        let error = entry.error_message.as_deref().unwrap_or_default();
        let error = shortened(&console.zone.in_message(error), LONGEST_ERROR_IN_LINES);
        let details = [counts, error].into_iter().filter(|text| !text.is_empty());
        let details = details.map(|text| wrapped(Cell::new(text), INDENT, width, console));
        let heading = wrapped(heading, 0, width, console);
        std::iter::once(heading)
            .chain(details)
            .collect::<Vec<_>>()
            .join("\n")
    });
    blocks.collect::<Vec<_>>().join("\n")
}

fn table(entries: &[SyncHistoryEntry], console: &Console<'_>) -> Table {
    let (heading, starts) = starts(entries, console.zone);
    let headings = std::iter::once(heading.as_str()).chain(HEADER);
    let longest = if console.terminal.stdout.is_terminal() {
        LONGEST_ERROR
    } else {
        LONGEST_ERROR_ELSEWHERE
    };
    let rows = entries.iter().zip(starts);
    let rows = rows.map(|(entry, started)| row(entry, started, console.zone, longest));
    framed(headings, rows, NUMBERS, console)
}

fn row(entry: &SyncHistoryEntry, started: String, zone: Zone, longest: usize) -> [Cell; 7] {
    let error = entry.error_message.as_deref().unwrap_or_default();
    [
        Cell::new(started),
        Cell::new(entry.status.as_str()).fg(colour(entry)),
        Cell::new(entry.skills_added),
        Cell::new(entry.skills_updated),
        Cell::new(entry.skills_unchanged),
        Cell::new(time(entry)),
        Cell::new(shortened(&zone.in_message(error), longest)),
    ]
}

const fn colour(entry: &SyncHistoryEntry) -> Color {
    match entry.status {
        SyncStatus::Success => Color::Green,
        SyncStatus::Failed => Color::Red,
        SyncStatus::Partial => Color::Yellow,
        SyncStatus::Running => Color::Cyan,
    }
}

/// How long it took.
fn time(entry: &SyncHistoryEntry) -> String {
    entry
        .duration_ms
        .and_then(|ms| u64::try_from(ms).ok())
        .map_or_else(|| "-".into(), duration)
}
