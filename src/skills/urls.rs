//! URLs that cannot be stored yet: `repo_url` is UNIQUE, and another row may have this one.
//!
//! Two skills may have swapped their URLs, so such a row is first stored with
//! none, and its URL is tried again at the end of the run. The list is a TEMP
//! table, since a registry could make it as long as it likes.

use rusqlite::{Connection, OptionalExtension};

use super::stage::Stage;
use super::table::Table;
use crate::Result;
use crate::database::text::Text;

/// A row whose URL was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetAside {
    pub(crate) id: String,
    pub(crate) url: String,
}

/// How a URL that was set aside stands now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It was free and is stored.
    Stored,
    /// Another row has it.
    TakenBy(String),
    /// The row itself is not here: the database refused it, or another program deleted it.
    NoRow,
}

/// Makes the list; it belongs to the connection.
pub(crate) fn create_list(conn: &Connection) -> Result<()> {
    conn.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS skillsmith_urls (id TEXT PRIMARY KEY, repo_url TEXT NOT NULL);
         DELETE FROM temp.skillsmith_urls;",
    )?;
    Ok(())
}

/// Remembers a URL for the end of the run.
pub(crate) fn set_aside(conn: &Connection, id: &str, url: &str) -> Result<()> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO temp.skillsmith_urls (id, repo_url) VALUES (?1, ?2)",
    )?
    .execute([id, url])?;
    Ok(())
}

/// Some rows of the list after `id`, in the order of their ids.
pub(crate) fn list_after(conn: &Connection, id: &str, limit: u32) -> Result<Vec<SetAside>> {
    Ok(conn
        .prepare_cached(
            "SELECT id, repo_url FROM temp.skillsmith_urls WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?
        .query_map((id, limit), |row| {
            Ok(SetAside {
                id: row.get(0)?,
                url: row.get(1)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// Stores a URL that was set aside, if it is free by now; inside the caller's transaction.
///
/// `gone` tells of another row whether the registry has it no more; such a row
/// gives its URL up to one that the registry does have.
pub(crate) fn settle(
    conn: &Connection,
    table: &Table,
    row: &SetAside,
    gone: impl Fn(&str) -> bool,
) -> Result<Settled> {
    let owner: Option<(Text, bool)> = conn
        .prepare_cached(if table.has.source {
            "SELECT id, source IS 'local' FROM main.skills WHERE repo_url = ?1"
        } else {
            "SELECT id, 0 FROM main.skills WHERE repo_url = ?1"
        })?
        .query_row([&row.url], |found| Ok((found.get(0)?, found.get(1)?)))
        .optional()?;
    match owner {
        Some((Text(owner), is_local)) if owner != row.id => {
            if is_local || !gone(&owner) {
                return Ok(Settled::TakenBy(owner));
            }
            conn.prepare_cached("UPDATE main.skills SET repo_url = NULL WHERE id = ?1")?
                .execute([owner])?;
        }
        _ => {}
    }
    let stored = conn
        .prepare_cached("UPDATE main.skills SET repo_url = ?2 WHERE id = ?1")?
        .execute([&row.id, &row.url])?;
    Ok(if stored == 1 {
        Settled::Stored
    } else {
        Settled::NoRow
    })
}

impl Stage<'_> {
    /// Takes the URLs out of the batch that other rows have; outside any lock.
    pub(crate) fn set_taken_urls_aside(&self) -> Result<()> {
        if !self.table.has.unique_url || self.is_empty() {
            return Ok(());
        }
        // A row that is written again brings its own URL.
        self.conn
            .prepare_cached("DELETE FROM temp.skillsmith_urls WHERE id IN (SELECT id FROM temp.skillsmith_stage)")?
            .execute([])?;
        let taken: Vec<SetAside> = self
            .conn
            .prepare_cached(
                "SELECT s.id, s.repo_url FROM temp.skillsmith_stage AS s
                 WHERE s.repo_url IS NOT NULL
                   AND (EXISTS (SELECT 1 FROM main.skills AS k WHERE k.repo_url = s.repo_url AND k.id <> s.id)
                     OR EXISTS (SELECT 1 FROM temp.skillsmith_stage AS t
                                WHERE t.repo_url = s.repo_url AND t.rowid < s.rowid))",
            )?
            .query_map([], |row| Ok(SetAside { id: row.get(0)?, url: row.get(1)? }))?
            .collect::<rusqlite::Result<_>>()?;
        for row in taken {
            self.set_one_aside(&row.id, &row.url)?;
        }
        Ok(())
    }

    /// Takes the URL out of one staged row.
    fn set_one_aside(&self, id: &str, url: &str) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE temp.skillsmith_stage SET repo_url = NULL WHERE id = ?1")?
            .execute([id])?;
        set_aside(self.conn, id, url)
    }

    /// The same for a row that is about to be written alone, whose URL may have been taken meanwhile.
    pub(crate) fn set_url_aside_if_taken(&self, id: &str) -> Result<()> {
        if !self.table.has.unique_url {
            return Ok(());
        }
        let taken: Option<String> = self
            .conn
            .prepare_cached(
                "SELECT s.repo_url FROM temp.skillsmith_stage AS s
                 WHERE s.id = ?1
                   AND EXISTS (SELECT 1 FROM main.skills AS k WHERE k.repo_url = s.repo_url AND k.id <> s.id)",
            )?
            .query_row([id], |row| row.get(0))
            .optional()?;
        taken.map_or(Ok(()), |url| self.set_one_aside(id, &url))
    }
}
