//! `sync_unmet`: the skills that the last whole listings of a registry did not have.
//!
//! A table of its own, since there can be as many as skills; it is created once there is one. A
//! skill that comes again is forgotten at once, so what is noted under an earlier listing than the
//! current one was missing from two whole listings in a row.

use std::collections::HashMap;

use rusqlite::Connection;

use super::columns::Versions;
use super::table::Table;
use crate::Result;
use crate::database::oversize::{LONGEST, bounded};
use crate::database::{are_bytewise, has_columns};
use crate::registry::field::Field;

const TABLE: &str = "sync_unmet";

const CREATE: &str = "
CREATE TABLE IF NOT EXISTS main.sync_unmet (
  registry TEXT NOT NULL,
  id       TEXT NOT NULL,
  since    TEXT NOT NULL,   -- when the first whole listing without it began
  PRIMARY KEY (registry, id)
) WITHOUT ROWID";

/// Whether the table is there, as this version makes it.
fn is_there(conn: &Connection) -> Result<bool> {
    let is_ours = has_columns(conn, TABLE, &["registry", "id", "since"])?;
    Ok(is_ours && are_bytewise(conn, TABLE, &["registry", "id"]))
}

/// The condition for a row that a sync may remove: only what the registry has brought. A table
/// without `source` does not tell.
fn is_removable(table: &Table) -> String {
    if !table.has.source {
        return "0".to_owned();
    }
    let mut condition = format!(
        "typeof(s.id) = 'text' AND octet_length(s.id) <= {LONGEST} AND {} = 'registry'",
        bounded("s.source")
    );
    let mut columns = table.columns.iter();
    if columns.any(|column| column.field == Field::TrustTier) {
        condition.push_str(" AND ");
        condition.push_str(&bounded("s.trust_tier"));
        condition.push_str(" IS NOT 'local'");
    }
    condition
}

/// The ids that are noted of a registry, by their hashes.
pub(crate) fn load(
    conn: &Connection,
    registry: &str,
    hash: impl Fn(&str) -> u64,
) -> Result<HashMap<u64, String>> {
    let mut noted = HashMap::new();
    if !is_there(conn)? {
        return Ok(noted);
    }
    // A dry run does not take out what is too long to be read.
    let mut found = conn.prepare(&format!(
        "SELECT id FROM main.sync_unmet
         WHERE {} = ?1 AND typeof(id) = 'text' AND octet_length(id) <= {LONGEST}",
        bounded("registry")
    ))?;
    let mut rows = found.query([registry])?;
    while let Some(row) = rows.next()? {
        noted.try_reserve(1)?;
        let id: String = row.get(0)?;
        noted.insert(hash(&id), id);
    }
    Ok(noted)
}

/// Forgets ids that came again, inside the caller's transaction.
pub(crate) fn forget(conn: &Connection, registry: &str, ids: &[String]) -> Result<()> {
    if ids.is_empty() || !is_there(conn)? {
        return Ok(());
    }
    let mut delete =
        conn.prepare_cached("DELETE FROM main.sync_unmet WHERE registry = ?1 AND id = ?2")?;
    for id in ids {
        delete.execute([registry, id])?;
    }
    Ok(())
}

/// Forgets all that is noted of any registry, inside the caller's transaction.
pub(crate) fn forget_all(conn: &Connection) -> Result<()> {
    if is_there(conn)? {
        conn.execute("DELETE FROM main.sync_unmet", [])?;
    }
    Ok(())
}

/// Forgets some ids that have no row any more, inside the caller's transaction.
pub(crate) fn forget_gone(conn: &Connection, registry: &str, most: usize) -> Result<()> {
    if is_there(conn)? {
        conn.execute(
            "DELETE FROM main.sync_unmet WHERE registry = ?1 AND id IN
               (SELECT id FROM main.sync_unmet AS u WHERE registry = ?1
                   AND NOT EXISTS (SELECT 1 FROM main.skills AS s WHERE s.id = u.id) LIMIT ?2)",
            (registry, i64::try_from(most).unwrap_or(i64::MAX)),
        )?;
    }
    Ok(())
}

/// Notes an id that a whole listing begun at `since` did not have, inside the caller's transaction.
/// Returns whether it was not noted before.
pub(crate) fn note(conn: &Connection, registry: &str, id: &str, since: &str) -> Result<bool> {
    if !is_there(conn)? {
        conn.execute_batch("DROP TABLE IF EXISTS main.sync_unmet")?;
        conn.execute_batch(CREATE)?;
    }
    let noted = conn
        .prepare_cached(
            "INSERT INTO main.sync_unmet (registry, id, since) VALUES (?1, ?2, ?3)
             ON CONFLICT (registry, id) DO NOTHING",
        )?
        .execute([registry, id, since])?;
    Ok(noted == 1)
}

/// Up to `most` ids after `after`, in their order, of rows that a sync may remove.
pub(crate) fn removable_after(
    conn: &Connection,
    table: &Table,
    after: &str,
    most: usize,
) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT s.id FROM main.skills AS s WHERE s.id > ?1 AND {} ORDER BY s.id LIMIT ?2",
        is_removable(table)
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = conn.prepare_cached(&sql)?;
    let rows = found.query_map((after, most), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The same of those that were noted by another listing than the one begun at `since`.
pub(crate) fn due_after(
    conn: &Connection,
    table: &Table,
    (registry, since): (&str, &str),
    after: &str,
    most: usize,
) -> Result<Vec<String>> {
    if !is_there(conn)? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT s.id FROM main.sync_unmet AS u JOIN main.skills AS s ON s.id = u.id
         WHERE u.registry = ?1 AND u.since <> ?2 AND u.id > ?3 AND {} ORDER BY u.id LIMIT ?4",
        is_removable(table)
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = conn.prepare_cached(&sql)?;
    let rows = found.query_map((registry, since, after, most), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The number of skills, whoever has brought them.
pub(crate) fn count_skills(conn: &Connection) -> Result<u64> {
    let count: i64 = conn.query_row("SELECT count(*) FROM main.skills", [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// What became of a skill that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    Removed,
    /// There is none that a sync may remove.
    NotThere,
    /// A trigger leaves it there, or stores it again.
    Kept,
}

/// Removes a skill with what this library writes about it, inside the caller's transaction.
///
/// The full-text index follows by its triggers, or is repaired at the end of the run. What other
/// programs keep about the skill follows by their foreign keys, which may refuse its removal.
pub(crate) fn remove(
    conn: &Connection,
    table: &Table,
    registry: &str,
    id: &str,
) -> Result<Removal> {
    let removable = is_removable(table);
    let is_there: bool = conn
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM main.skills AS s WHERE s.id = ?1 AND {removable})"
        ))?
        .query_row([id], |row| row.get(0))?;
    if is_there {
        // What is kept is kept as a whole.
        conn.prepare_cached("SAVEPOINT one_skill")?.execute([])?;
        remove_with_all(conn, table, &removable, id)?;
        let is_kept = exists(conn, id)?;
        if is_kept {
            conn.prepare_cached("ROLLBACK TO one_skill")?.execute([])?;
        }
        conn.prepare_cached("RELEASE one_skill")?.execute([])?;
        if is_kept {
            return Ok(Removal::Kept);
        }
    }
    conn.prepare_cached("DELETE FROM main.sync_unmet WHERE registry = ?1 AND id = ?2")?
        .execute([registry, id])?;
    Ok(if is_there {
        Removal::Removed
    } else {
        Removal::NotThere
    })
}

fn remove_with_all(conn: &Connection, table: &Table, removable: &str, id: &str) -> Result<()> {
    if table.has.categories {
        conn.prepare_cached(&format!(
            "DELETE FROM main.skill_categories WHERE skill_id IN
               (SELECT s.id FROM main.skills AS s WHERE s.id = ?1 AND {removable})"
        ))?
        .execute([id])?;
    }
    if table.has.versions != Versions::None {
        conn.prepare_cached(&format!(
            "DELETE FROM main.skill_versions WHERE skill_id IN
               (SELECT s.id FROM main.skills AS s WHERE s.id = ?1 AND {removable})"
        ))?
        .execute([id])?;
    }
    conn.prepare_cached(&format!(
        "DELETE FROM main.skills AS s WHERE s.id = ?1 AND {removable}"
    ))?
    .execute([id])?;
    Ok(())
}

/// Whether there is a skill with this id, whoever has brought it.
pub(crate) fn exists(conn: &Connection, id: &str) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM main.skills WHERE id = ?1)")?
        .query_row([id], |row| row.get(0))?)
}
