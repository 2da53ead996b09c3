//! The database: its place, its rights, its state.

use std::path::Path;

use super::super::console::Console;
use super::super::database::{for_reading, is_missing};
use super::super::fields::journal;
use super::report::{Area, State};
use super::{check, system};
use crate::database::{file_system_kind, is_writable, shared_file_system};
use crate::{Database, Error, SkillRepository};

/// Looks at the file, and returns the database if it can be read.
pub(super) fn look(
    area: &mut Area<'_>,
    path: &Path,
    source: &str,
    check: bool,
    console: &Console<'_>,
) -> Option<Database> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    area.setting("path", absolute.display().to_string(), source);
    if path == Path::new(":memory:") {
        return None;
    }
    let missing = is_missing(path);
    look_at_folder(area, &absolute, missing);
    if missing {
        area.ok("file", "not created yet; the first sync creates it");
    } else {
        look_at_file(area, &absolute);
    }
    let database = match for_reading(path, console) {
        Ok(database) => database,
        Err(error) => {
            area.failed("content", &error);
            return None;
        }
    };
    if missing {
        return Some(database);
    }
    if database.is_read_only() {
        let text = "it can be read, but not written: a sync fails";
        area.note("access", State::Error, text);
    }
    if let Err(error) = look_inside(area, &database, check, console) {
        area.failed("content", &error);
    }
    Some(database)
}

fn look_at_folder(area: &mut Area<'_>, path: &Path, missing: bool) {
    let Some(folder) = path.parent() else { return };
    let existing = folder.ancestors().find(|folder| folder.exists());
    let Some(existing) = existing else { return };
    let place = existing.display();
    let mode = system::mode(existing);
    if !is_writable(existing) {
        // SQLite creates its journal beside the file.
        let text = format!("{place}{mode} cannot be written; a sync creates files in it");
        area.note("folder", State::Error, text);
    } else if missing && existing != folder {
        area.ok("folder", format!("not created yet, in {place}{mode}"));
    } else {
        area.ok("folder", format!("{place}{mode}"));
    }
    if let Some(kind) = shared_file_system(existing) {
        let text = format!(
            "{kind}, which other machines may use at the same time: SQLite is not safe there. Use a local folder, or sync from one machine only"
        );
        area.note("file system", State::Warning, text);
    } else if let Some(kind) = file_system_kind(existing) {
        area.ok("file system", kind);
    }
}

fn look_at_file(area: &mut Area<'_>, path: &Path) {
    if let Ok(found) = std::fs::metadata(path) {
        let mode = system::mode(path);
        area.ok("file", format!("{} bytes{mode}", found.len()));
    }
    match system::users_of(path) {
        None => {}
        Some(users) if users.is_empty() => area.ok("open in", "no other program that is visible"),
        Some(users) => area.ok("open in", users.join(", ")),
    }
}

fn look_inside(
    area: &mut Area<'_>,
    database: &Database,
    check: bool,
    console: &Console<'_>,
) -> Result<(), Error> {
    let found = database.examine()?;
    let is_shared = database.path().and_then(shared_file_system).is_some();
    if is_shared && found.journal.mode == "wal" {
        let text = "wal, which damages a database that two machines use. End all programs that use it, and set `PRAGMA journal_mode = DELETE`";
        area.note("journal", State::Warning, text);
    } else {
        area.ok("journal", journal(&found.journal));
    }
    let version = found.schema_version;
    let version = version.map_or_else(|| "none".into(), |version| version.to_string());
    area.ok("schema", format!("version {version}"));
    let skills = SkillRepository::new(database);
    let free = found.free_bytes / 1024;
    area.ok(
        "skills",
        format!("{} ({free} KiB are free in the file)", skills.count()?),
    );
    if !check {
        return Ok(());
    }
    match database.quick_check(&console.terminal.cancel)? {
        None => area.ok("pages", "all sound"),
        Some(fault) => area.note("pages", State::Error, fault),
    }
    match skills.index_agrees(&console.terminal.cancel) {
        Ok(true) => area.ok("index", "the full-text index agrees with the skills"),
        Ok(false) => {
            let text = "the full-text index does not agree with the skills; `skillsmith sync --force` rebuilds it";
            area.note("index", State::Error, text);
        }
        Err(error) => area.note("index", State::Warning, error.to_string()),
    }
    check::note(area, database);
    Ok(())
}
