//! Remembers a check of the database, so that the status can tell when it was.

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

fn note_in(database: &Database, checked: &Checked) -> Result<()> {
    if database.read(state::exists)? {
        database.write_at_once(|conn| checked::note(conn, checked))?;
    }
    Ok(())
}
