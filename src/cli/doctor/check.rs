//! Remembers a check of the database, so that the status can tell when it was.

use super::super::console::Console;
use super::report::{Area, State};
use crate::clock::{Clock, SystemClock, to_iso};
use crate::database::checked::{self, Checked};
use crate::database::state;
use crate::{Database, Result};

/// Notes what was found of the pages and the index; best effort. A file that no sync has written to stays as it is.
pub(super) fn note(area: &Area<'_>, database: &Database) {
    let mut found = area.findings.iter();
    let checked = Checked {
        at: to_iso(SystemClock.now()),
        sound: !found
            .any(|found| matches!(found.name, "pages" | "index") && found.state == State::Error),
    };
    _ = note_in(database, &checked);
}

/// Says what the last check found, if that was damage: no later sync has found the index sound since.
pub(super) fn say_last(
    area: &mut Area<'_>,
    database: &Database,
    console: &Console<'_>,
) -> Result<()> {
    if let Some(last) = database
        .short_read(checked::load)?
        .filter(|last| !last.sound)
    {
        let when = console.zone.moment_from(&last.at, SystemClock.now());
        let text =
            format!("damaged, {when}; `skillsmith doctor --check` says what, and looks again");
        area.note("last check", State::Error, text);
    }
    Ok(())
}

fn note_in(database: &Database, checked: &Checked) -> Result<()> {
    if database.short_read(state::exists)? {
        database.write_at_once(|conn| checked::note(conn, checked))?;
    }
    Ok(())
}
