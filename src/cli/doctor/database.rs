//! The database: its place, its rights, its state.

use std::io::ErrorKind;
use std::path::Path;

use super::super::console::Console;
use super::super::database::{for_reading, is_missing};
use super::super::fields::journal;
use super::report::{Area, State};
use super::{check, system};
use crate::database::{
    file_system_kind, foreign_empty_file, has_all_files, is_writable, lacks_room,
    shared_file_system, too_long, unusable_lock, unwritable_beside,
};
use crate::{Database, Error, SkillRepository, own_file};

/// How many triggers are named.
const MOST_TRIGGERS: usize = 5;

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
    let (is_empty, is_there) = (is_missing(path), absolute.exists());
    let is_writable = look_at_folder(area, &absolute, is_there);
    // Where nothing can be written, that is the one fault.
    let is_told = |error: &Error| is_writable || !matches!(error, Error::PermissionDenied { .. });
    if let Some(error) = unusable_lock(&absolute).filter(is_told) {
        area.failed("lock file", &error);
    }
    if let Some(error) = too_long(&absolute) {
        area.failed("path", &error);
        return None;
    }
    if is_there {
        look_at_file(area, &absolute, is_empty);
    } else if is_empty {
        area.ok("file", "not created yet; the first sync creates it");
    }
    let database = for_reading(path, console);
    look_at_room(area, &absolute);
    let database = match database {
        Ok(database) => database,
        // The folder was told.
        Err(error) if is_of_folder(&error, is_writable) => {
            let text = "it cannot be read, because SQLite creates files beside it for that too. Get write access to the folder, or look at a copy";
            area.note("content", State::Warning, text);
            return None;
        }
        Err(error) => {
            area.failed("content", &error);
            return None;
        }
    };
    if is_empty {
        return Some(database);
    }
    // Otherwise the folder was told.
    if let Some(journal) = unwritable_beside(&absolute).filter(|_| is_writable) {
        let text = format!(
            "{} cannot be written: a sync fails. Another user has looked at the database; delete the file when no program has the database open",
            journal.display()
        );
        area.note("access", State::Error, text);
    } else if database.is_read_only() && is_writable {
        let text = "it can be read, but not written: a sync fails";
        area.note("access", State::Error, text);
    }
    if let Err(error) = look_inside(area, &database, check, console) {
        area.failed("content", &error);
        // What else is in it would fail in the same way.
        return None;
    }
    Some(database)
}

/// Whether a file cannot be read because nothing can be created in its folder.
fn is_of_folder(error: &Error, is_writable: bool) -> bool {
    match error {
        Error::FolderNotWritable { .. } => true,
        Error::PermissionDenied { action, .. } => !is_writable && *action != "open",
        _ => false,
    }
}

/// Whether there is nothing at a path, and not something that the system cannot look at now.
fn is_nothing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The folder of a file, or the one above it in which it is not there yet.
fn existing_folder(path: &Path) -> Option<&Path> {
    let is_there = |folder: &Path| {
        let found = folder.metadata();
        found.err().is_none_or(|error| !is_nothing(&error))
    };
    path.ancestors().skip(1).find(|folder| is_there(folder))
}

fn look_at_room(area: &mut Area<'_>, path: &Path) {
    let Some(folder) = existing_folder(path).filter(|folder| is_writable(folder)) else {
        return;
    };
    let Some((lack, is_fatal)) = lacks_room(folder, path) else {
        return;
    };
    let state = if is_fatal {
        State::Error
    } else {
        State::Warning
    };
    let text = format!("{}: {lack}", folder.display());
    area.note("space", state, text);
}

/// Returns whether files can be created in the folder, as far as it is known.
fn look_at_folder(area: &mut Area<'_>, path: &Path, is_there: bool) -> bool {
    let (Some(folder), Some(existing)) = (path.parent(), existing_folder(path)) else {
        return true;
    };
    if let Err(error) = existing.metadata() {
        area.failed("folder", &Error::file("look at", existing, error));
        return false;
    }
    let place = existing.display();
    let mode = system::mode(existing);
    let can_create = is_writable(existing);
    let is_writable = can_create || has_all_files(path);
    if !is_writable {
        // SQLite creates its journal beside the file.
        let text = format!("{place}{mode} cannot be written; a sync creates files in it");
        area.note("folder", State::Error, text);
    } else if !can_create {
        let text = format!(
            "{place}{mode} cannot be written; a sync works only as long as the files that it needs there are not deleted: the database, its -wal and -shm, and the lock file"
        );
        area.note("folder", State::Warning, text);
    } else if !is_there && existing != folder {
        area.ok("folder", format!("not created yet, in {place}{mode}"));
    } else {
        let text = format!("{place}{mode}");
        say_who_writes(area, "folder", text, existing);
    }
    if let Some((above, who)) = own_file::replaceable_in(existing) {
        let text = format!(
            "{}: {who} can write to it, and so put other folders in the place of those in it",
            above.display()
        );
        area.note("folder above", State::Warning, text);
    }
    if let Some(kind) = shared_file_system(existing) {
        let text = format!(
            "{kind}, which other machines may use at the same time: SQLite is not safe there. Use a local folder, or sync from one machine only"
        );
        area.note("file system", State::Warning, text);
    } else if let Some(kind) = file_system_kind(existing) {
        area.ok("file system", kind);
    }
    is_writable
}

fn look_at_file(area: &mut Area<'_>, path: &Path, is_empty: bool) {
    if let Ok(found) = std::fs::metadata(path) {
        let mode = system::mode(path);
        let what = if is_empty {
            "; it is empty, and the first sync makes it a database"
        } else {
            ""
        };
        let text = format!("{} bytes{mode}{what}", found.len());
        if let Some(error) = foreign_empty_file(path) {
            return area.failed("file", &error);
        }
        say_who_writes(area, "file", text, path);
    }
    match system::users_of(path) {
        None => {}
        Some(users) if users.is_empty() => {
            area.ok("open in", "no other program, as far as this user can see");
        }
        Some(users) => area.ok("open in", users.join(", ")),
    }
}

/// Who can write to the file, or put a journal beside it, decides what is in the database.
fn say_who_writes(area: &mut Area<'_>, name: &'static str, text: String, path: &Path) {
    let by_mode = own_file::others_who_write(path).map(str::to_owned);
    let who = by_mode.or_else(|| {
        let owner = own_file::other_owner(path)?;
        Some(format!("its owner (user {owner})"))
    });
    match who {
        None => area.ok(name, text),
        Some(who) => {
            let text = format!("{text}: {who} can write to it, and so change the database");
            area.note(name, State::Warning, text);
        }
    }
}

/// Those of other programs run inside a sync: they can refuse what it writes, or change it.
fn say_triggers(area: &mut Area<'_>, found: &[(String, String)]) {
    if found.is_empty() {
        return;
    }
    let mut names: Vec<_> = found
        .iter()
        .take(MOST_TRIGGERS)
        .map(|(name, table)| format!("'{name}' on {table}"))
        .collect();
    if let Some(more @ 1..) = found.len().checked_sub(MOST_TRIGGERS) {
        names.push(format!("and {more} more"));
    }
    let text = format!(
        "{}: not of this library; a sync runs them, and they can refuse or change what it writes",
        names.join(", ")
    );
    area.note("triggers", State::Warning, text);
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
        let text = "wal, which damages a database that two machines use. The next sync changes it, if no other program has the file open then";
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
    if let Some(lacks) = skills.lacks()? {
        area.note("columns", State::Warning, lacks);
    }
    say_triggers(area, &skills.foreign_triggers()?);
    if !check {
        check::say_last(area, database, console)?;
        return Ok(());
    }
    match database.integrity_check(&console.terminal.cancel)? {
        None => area.ok("pages", "no damage found"),
        Some(fault) => {
            area.note("pages", State::Error, fault);
            check::note(area, database);
            return Ok(());
        }
    }
    match skills.index_agrees(&console.terminal.cancel) {
        Ok(true) => area.ok("index", "the full-text index agrees with the skills"),
        Ok(false) => {
            let text = "the full-text index does not agree with the skills; `skillsmith sync --force` rebuilds it";
            area.note("index", State::Error, text);
        }
        Err(Error::ReadOnly | Error::ReadOnlyFileSystem(_)) => {
            let text =
                "the full-text index is not checked: SQLite does that only where it may write";
            area.note("index", State::Warning, text);
        }
        Err(error) => area.note("index", State::Warning, error.to_string()),
    }
    check::note(area, database);
    Ok(())
}
