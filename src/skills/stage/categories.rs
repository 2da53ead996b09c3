//! The categories of staged rows.

use super::Stage;
use crate::Result;
use crate::skills::categories::Categories;

impl Stage<'_> {
    /// Adds the categories of a row that is staged.
    pub(super) fn push_categories(&self, id: &str, categories: &Categories) -> Result<()> {
        let mut add = self.conn.prepare_cached(
            "INSERT OR IGNORE INTO temp.skillsmith_categories (skill_id, slug, name) VALUES (?1, ?2, ?3)",
        )?;
        for name in &categories.names {
            add.execute([id, &name.id, &name.name])?;
        }
        Ok(())
    }

    /// Puts the skills that were written into their categories, or one of them; inside the caller's transaction.
    pub(super) fn write_categories(&self, id: Option<&str>) -> Result<()> {
        let Some(sql) = &self.table.sql.categories else {
            return Ok(());
        };
        let statements = if id.is_some() {
            &sql.of_one
        } else {
            &sql.of_all
        };
        for statement in statements {
            self.conn
                .prepare_cached(statement)?
                .execute(rusqlite::params_from_iter(id))?;
        }
        Ok(())
    }
}
