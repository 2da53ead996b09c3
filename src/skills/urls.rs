//! URLs that cannot be stored yet: `repo_url` is UNIQUE, and another row may have this one.
//!
//! Two skills may have swapped their URLs, so such a row is first stored without one, and its URL
//! is tried again at the end of the listing. Until then `sync_state` keeps the URL, written in the
//! transaction that stores the row, because a later run may end the listing. A URL that another
//! skill still has then stays there, and every later run tries it again.

use rusqlite::{Connection, OptionalExtension};

use super::table::Table;
use crate::Result;
use crate::database::oversize::bounded;
use crate::database::text::Text;

/// A row whose URL was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetAside {
    pub(crate) id: String,
    pub(crate) url: String,
}

/// State of a URL that was set aside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It was free and is stored.
    Stored,
    /// Another row has it.
    TakenBy(String),
    /// The database refuses it, with these words.
    Refused(String),
    /// The row no longer needs it: the row is gone, belongs to the user, or now has a URL.
    NotNeeded,
}

/// Creates the list of URLs that the next transaction stores; it belongs to the connection.
pub(crate) fn create_list(conn: &Connection) -> Result<()> {
    conn.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS skillsmith_urls (id TEXT PRIMARY KEY, repo_url TEXT NOT NULL);
         DELETE FROM temp.skillsmith_urls;",
    )?;
    Ok(())
}

/// Adds a URL for the next transaction. Returns whether it is new.
pub(crate) fn set_aside(conn: &Connection, id: &str, url: &str) -> Result<bool> {
    let kept: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM main.sync_state WHERE key = 'url:' || ?1 AND value = json_quote(?2))",
        )?
        .query_row([id, url], |row| row.get(0))?;
    if !kept {
        conn.prepare_cached(
            "INSERT OR REPLACE INTO temp.skillsmith_urls (id, repo_url) VALUES (?1, ?2)",
        )?
        .execute([id, url])?;
    }
    Ok(!kept)
}

/// Deletes what was set aside of a row that comes with a URL of its own.
pub(super) fn forget_set_aside(conn: &Connection, id: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM temp.skillsmith_urls WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Stores the list in `sync_state`, inside the caller's transaction. A written row has a new
/// URL, so an earlier one of that row is deleted.
pub(crate) fn keep_list(conn: &Connection) -> Result<()> {
    conn.prepare_cached(
        "DELETE FROM main.sync_state WHERE key IN (
           SELECT 'url:' || id FROM temp.skillsmith_stage UNION ALL SELECT 'url:' || id FROM temp.skillsmith_urls)",
    )?
    .execute([])?;
    conn.prepare_cached(
        "INSERT INTO main.sync_state (key, value)
         SELECT 'url:' || id, json_quote(repo_url) FROM temp.skillsmith_urls",
    )?
    .execute([])?;
    Ok(())
}

/// Stores the URL of one row that was written by itself, or deletes an earlier one; inside the
/// transaction that wrote the row.
pub(crate) fn keep_one(conn: &Connection, id: &str) -> Result<()> {
    forget(conn, id)?;
    conn.prepare_cached(
        "INSERT INTO main.sync_state (key, value)
         SELECT 'url:' || id, json_quote(repo_url) FROM temp.skillsmith_urls WHERE id = ?1",
    )?
    .execute([id])?;
    Ok(())
}

/// Stored URLs after that of `id`, in order of their ids: at most `limit`, and at most one
/// beyond `bytes` of text. What another program has stored there, and is none, is passed over.
pub(crate) fn list_after(
    conn: &Connection,
    id: &str,
    limit: usize,
    bytes: usize,
) -> Result<Vec<SetAside>> {
    let mut found = conn.prepare_cached(
        "SELECT substr(key, 5), value FROM main.sync_state
         WHERE key > 'url:' || ?1 AND key < 'url;' ORDER BY key",
    )?;
    let mut rows = found.query([id])?;
    let (mut list, mut size) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let url = row.get_ref(1)?.as_bytes().ok();
        let url = url.and_then(|json| serde_json::from_slice::<String>(json).ok());
        // Only an id that is read as it stands is one after which a later call goes on.
        let (Ok(id), Some(url)) = (row.get_ref(0)?.as_str(), url) else {
            continue;
        };
        size = size.saturating_add(url.len());
        let id = id.to_owned();
        list.push(SetAside { id, url });
        if list.len() >= limit || size >= bytes {
            break;
        }
    }
    Ok(list)
}

/// Deletes a stored URL; inside the caller's transaction.
pub(crate) fn forget(conn: &Connection, id: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM main.sync_state WHERE key = 'url:' || ?1")?
        .execute([id])?;
    Ok(())
}

/// Gives a row its URL that was set aside, if it is free now; inside the caller's transaction.
///
/// `gone` says whether the registry no longer has another row; such a row loses its URL to one that
/// the registry has. The user's own rows neither lose nor get one.
pub(crate) fn settle(
    conn: &Connection,
    table: &Table,
    row: &SetAside,
    gone: impl Fn(&str) -> bool,
) -> Result<Settled> {
    let not_local = if table.has.source {
        " AND source IS NOT 'local'"
    } else {
        ""
    };
    let wants_it: bool = conn
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM main.skills WHERE id = ?1 AND repo_url IS NULL{not_local})"
        ))?
        .query_row([&row.id], |found| found.get(0))?;
    if !wants_it || gone(&row.id) {
        forget(conn, &row.id)?;
        return Ok(Settled::NotNeeded);
    }
    match owner_of(conn, table, &row.url)? {
        Some((owner, is_local)) if owner != row.id => {
            if is_local || !gone(&owner) {
                return Ok(Settled::TakenBy(owner));
            }
            // By the URL: another program's id may be no text.
            conn.prepare_cached(&format!(
                "UPDATE OR ABORT main.skills SET repo_url = NULL WHERE repo_url = ?1{not_local}"
            ))?
            .execute([&row.url])?;
        }
        _ => {}
    }
    let stored = conn
        .prepare_cached(&format!(
            "UPDATE OR ABORT main.skills SET repo_url = ?2 WHERE id = ?1 AND repo_url IS NULL{not_local}"
        ))?
        .execute([&row.id, &row.url])?;
    forget(conn, &row.id)?;
    Ok(if stored == 1 {
        Settled::Stored
    } else {
        Settled::NotNeeded
    })
}

/// The row that has a URL, and whether it is the user's own.
fn owner_of(conn: &Connection, table: &Table, url: &str) -> Result<Option<(String, bool)>> {
    let is_local = if table.has.source {
        format!("{} IS 'local'", bounded("source"))
    } else {
        "0".to_owned()
    };
    Ok(conn
        .prepare_cached(&format!(
            "SELECT coalesce({}, ''), {is_local} FROM main.skills WHERE repo_url = ?1",
            bounded("id")
        ))?
        .query_row([url], |found| {
            let Text(id) = found.get(0)?;
            Ok((id, found.get(1)?))
        })
        .optional()?)
}
