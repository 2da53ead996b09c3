//! Reading single skills.

use rusqlite::{OptionalExtension, Row};
use serde::Serialize;

use crate::database::Database;
use crate::{Result, memory};

/// A skill as it stands in the database.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SkillRecord {
    /// The registry's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Where it lives.
    pub repo_url: Option<String>,
    /// From 0 to 1.
    pub quality_score: Option<f64>,
    /// How far it is trusted; `unknown` where nothing is stored.
    pub trust_tier: String,
    /// Its tags; none where the stored text is no array of texts.
    pub tags: Vec<String>,
    /// When it was made, as stored.
    pub created_at: Option<String>,
    /// When it was last changed, as stored.
    pub updated_at: Option<String>,
}

/// Looks skills up. Every call is short and blocks on the disk only.
#[derive(Debug, Clone)]
pub struct SkillRepository {
    database: Database,
}

impl SkillRepository {
    /// For an open database.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
        }
    }

    /// The database that this works on.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The skill of that id, or `None`.
    pub fn find_by_id(&self, id: &str) -> Result<Option<SkillRecord>> {
        self.database.read(|conn| {
            Ok(conn
                .prepare_cached("SELECT * FROM skills WHERE id = ?1")?
                .query_row([id], from_row)
                .optional()?)
        })
    }

    /// Whether there is a skill of that id.
    pub fn exists(&self, id: &str) -> Result<bool> {
        self.database.read(|conn| {
            Ok(conn
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM skills WHERE id = ?1)")?
                .query_row([id], |row| row.get(0))?)
        })
    }

    /// How many skills there are, the user's own included.
    pub fn count(&self) -> Result<i64> {
        self.database
            .read(|conn| Ok(conn.query_row("SELECT count(*) FROM skills", [], |row| row.get(0))?))
    }
}

/// Columns that this file does not have count as empty.
fn from_row(row: &Row<'_>) -> rusqlite::Result<SkillRecord> {
    fn optional<T: rusqlite::types::FromSql>(
        row: &Row<'_>,
        name: &str,
    ) -> rusqlite::Result<Option<T>> {
        match row.get(name) {
            Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
            found => found,
        }
    }
    memory::afford_row(row)?;
    let tags: Option<String> = optional(row, "tags")?;
    Ok(SkillRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        description: optional(row, "description")?,
        author: optional(row, "author")?,
        repo_url: optional(row, "repo_url")?,
        quality_score: optional(row, "quality_score")?,
        trust_tier: optional(row, "trust_tier")?.unwrap_or_else(|| "unknown".into()),
        tags: tags
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default(),
        created_at: optional(row, "created_at")?,
        updated_at: optional(row, "updated_at")?,
    })
}
