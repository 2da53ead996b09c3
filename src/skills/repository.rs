//! Reading single skills.

use rusqlite::params;
use rusqlite::types::FromSql;
use serde::Serialize;

#[cfg(feature = "cli")]
use super::{fts, table::Table, triggers};
#[cfg(feature = "cli")]
use crate::CancelToken;
use crate::Result;
use crate::database::Database;
use crate::database::oversize::Reading;
use crate::database::text::Text;
#[cfg(feature = "cli")]
use crate::database::{has_table, interruptible};
use crate::statements::{Columns, ensure_row_available};
use crate::stored::{count, text};

/// A skill in the database.
///
/// ```
/// use skillsmith_sync::{Database, SkillRecord, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// let skill: Option<SkillRecord> = skills.find_by_id("community/git-helper")?;
/// println!("{}", skill.map_or("not here".into(), |skill| skill.name));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SkillRecord {
    /// Id of the skill in the registry.
    pub id: String,
    /// The name.
    pub name: String,
    /// Description of the skill.
    pub description: Option<String>,
    /// Author of the skill.
    pub author: Option<String>,
    /// URL of its repository.
    pub repo_url: Option<String>,
    /// Quality score from 0 to 1.
    pub quality_score: Option<f64>,
    /// Trust tier; `unknown` if none is stored.
    pub trust_tier: String,
    /// Its tags; none if the stored text is not an array of texts.
    pub tags: Vec<String>,
    /// Whether the skill can be installed; `false` if nothing is stored.
    pub installable: bool,
    /// What the last security scan, the registry's or the host's own, made of it: from 0 to 100.
    pub risk_score: Option<i64>,
    /// Number of findings of the security scan.
    pub security_findings_count: i64,
    /// When the security scan ran.
    pub security_scanned_at: Option<String>,
    /// Whether it passed; `false` too for a skill in the registry's quarantine, `None` before a scan.
    pub security_passed: Option<bool>,
    /// When the skill was created, as stored.
    pub created_at: Option<String>,
    /// When the skill was last changed, as stored.
    pub updated_at: Option<String>,
}

/// Reads the skills of a database.
///
/// Every call is short and blocks on the disk only.
///
/// ```
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// assert_eq!(skills.count()?, 0);
/// assert!(!skills.exists("community/git-helper")?);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SkillRepository {
    database: Database,
}

impl SkillRepository {
    /// Creates a repository for an open database.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
        }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The skill with this id, or `None`.
    pub fn find_by_id(&self, id: &str) -> Result<Option<SkillRecord>> {
        self.database.short_read(|conn| {
            Reading::each(|reading| {
                let names = if reading == Reading::Whole {
                    Vec::new()
                } else {
                    let names = "SELECT name FROM pragma_table_info('skills')";
                    conn.all(names, params![], |row| text(row, "name"))?
                };
                let columns = reading.all(&names);
                let sql = format!("SELECT {columns} FROM skills AS k WHERE k.id = ?1");
                conn.first(&sql, params![id], from_row)
            })
        })
    }

    /// Whether a skill with this id exists.
    pub fn exists(&self, id: &str) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM skills WHERE id = ?1) AS found";
        self.database
            .short_read(|conn| conn.exists(sql, params![id]))
    }

    /// Whether the full-text index agrees with the skills; true without one. Reads both in full.
    #[cfg(feature = "cli")]
    pub(crate) fn index_agrees(&self, cancel: &CancelToken) -> Result<bool> {
        self.database.read(|conn| {
            let _guard = interruptible(conn, cancel, None);
            let has_index = has_table(conn, "skills_fts")? && has_table(conn, "skills_fts_data")?;
            if has_index {
                fts::agrees(conn)
            } else {
                Ok(true)
            }
        })
    }

    /// What of every registry the table has no column for, in words.
    #[cfg(feature = "cli")]
    pub(crate) fn lacks(&self) -> Result<Option<String>> {
        self.database.read(|conn| Ok(Table::read(conn)?.lacks()))
    }

    /// The names of the triggers of other programs on tables that a sync writes to, each with its table.
    #[cfg(feature = "cli")]
    pub(crate) fn foreign_triggers(&self) -> Result<Vec<(String, String)>> {
        self.database.read(triggers::others)
    }

    /// Number of skills, including the user's own.
    pub fn count(&self) -> Result<i64> {
        let sql = "SELECT count(*) AS skills FROM skills";
        self.database
            .short_read(|conn| conn.one(sql, params![], |row| count(row, "skills")))
    }
}

/// Columns that this file does not have count as empty.
pub(crate) fn from_row(row: &dyn Columns) -> rusqlite::Result<SkillRecord> {
    fn optional<T: FromSql>(row: &dyn Columns, name: &str) -> rusqlite::Result<Option<T>> {
        match row.value(name) {
            // A column without a strict type may hold any value.
            Ok(found) => Ok(T::column_result(found).ok()),
            Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
    ensure_row_available(row)?;
    let words =
        |name| -> rusqlite::Result<_> { Ok(optional::<Text>(row, name)?.map(|Text(text)| text)) };
    let tags: Option<String> = words("tags")?;
    Ok(SkillRecord {
        id: text(row, "id")?,
        name: text(row, "name")?,
        description: words("description")?,
        author: words("author")?,
        repo_url: words("repo_url")?,
        quality_score: optional(row, "quality_score")?,
        trust_tier: words("trust_tier")?.unwrap_or_else(|| "unknown".into()),
        tags: tags
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default(),
        installable: optional(row, "installable")?.unwrap_or_default(),
        risk_score: optional(row, "risk_score")?,
        security_findings_count: optional(row, "security_findings_count")?.unwrap_or_default(),
        security_scanned_at: words("security_scanned_at")?,
        security_passed: optional(row, "security_passed")?,
        created_at: words("created_at")?,
        updated_at: words("updated_at")?,
    })
}
