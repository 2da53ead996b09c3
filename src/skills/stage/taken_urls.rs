//! URLs of staged rows that other rows have.

use rusqlite::OptionalExtension;

use super::Stage;
use crate::Result;
use crate::database::oversize::bounded;
use crate::skills::urls::SetAside;

impl Stage<'_> {
    /// Removes URLs from the batch that other rows have; outside any lock. What was set aside before
    /// stays: the batch may be written a second time, after its first try failed.
    pub(crate) fn set_taken_urls_aside(&self) -> Result<()> {
        if !self.table.has.unique_url || self.is_empty() {
            return Ok(());
        }
        let taken: Vec<SetAside> = self
            .conn
            .prepare_cached(&format!(
                "SELECT s.id, s.repo_url FROM temp.skillsmith_stage AS s
                 WHERE s.repo_url IS NOT NULL
                   AND (EXISTS (SELECT 1 FROM main.skills AS k WHERE k.repo_url = s.repo_url AND {} IS NOT s.id)
                     OR EXISTS (SELECT 1 FROM temp.skillsmith_stage AS t
                                WHERE t.repo_url = s.repo_url AND t.rowid < s.rowid))",
                bounded("k.id")
            ))?
            .query_map([], |row| Ok(SetAside { id: row.get(0)?, url: row.get(1)? }))?
            .collect::<rusqlite::Result<_>>()?;
        for row in taken {
            self.set_one_aside(&row.id, &row.url)?;
        }
        Ok(())
    }

    /// Removes the URL from one staged row.
    fn set_one_aside(&self, id: &str, url: &str) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE temp.skillsmith_stage SET repo_url = NULL WHERE id = ?1")?
            .execute([id])?;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO temp.skillsmith_urls (id, repo_url) VALUES (?1, ?2)",
            )?
            .execute([id, url])?;
        Ok(())
    }

    /// The same for a row that is about to be written separately, whose URL may now be taken.
    pub(crate) fn set_url_aside_if_taken(&self, id: &str) -> Result<()> {
        if !self.table.has.unique_url {
            return Ok(());
        }
        let taken: Option<String> = self
            .conn
            .prepare_cached(&format!(
                "SELECT s.repo_url FROM temp.skillsmith_stage AS s
                 WHERE s.id = ?1
                   AND EXISTS (SELECT 1 FROM main.skills AS k WHERE k.repo_url = s.repo_url AND {} IS NOT s.id)",
                bounded("k.id")
            ))?
            .query_row([id], |row| row.get(0))
            .optional()?;
        taken.map_or(Ok(()), |url| self.set_one_aside(id, &url))
    }
}
