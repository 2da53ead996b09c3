//! The table of skills in this file: files of many versions are in use.

use rusqlite::{Connection, OptionalExtension};

use super::columns::{self, CONTENT_VERSION, Column, TableFeatures, Versions};
use super::sql::Sql;
use super::triggers;
use crate::Result;
use crate::database::oversize::bounded;
use crate::database::{are_bytewise, has_table};
use crate::registry::field::Field;

/// What a run needs to know about the table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    /// The tiers that the CHECK allows; `None` if there is no such CHECK.
    pub(crate) tiers: Option<Vec<String>>,
    pub(crate) has: TableFeatures,
    pub(crate) sql: Sql,
}

impl Table {
    pub(crate) fn read(conn: &Connection) -> Result<Self> {
        let declared = declared_columns(conn)?;
        let columns: Vec<Column> = columns::known()
            .filter_map(|(name, field, made)| {
                let declared = declared.iter().find(|column| column.name == name)?;
                Some(Column {
                    name,
                    field,
                    made,
                    not_null: declared.not_null,
                    default: declared.default.clone(),
                })
            })
            .collect();
        let definition = definition(conn)?;
        let has = features(conn, &declared, &columns, definition.as_deref())?;
        Ok(Self {
            tiers: definition.as_deref().and_then(allowed_tiers),
            sql: Sql::new(&columns, has),
            has,
            columns,
        })
    }

    /// A key of everything that decides how a served row is stored. If it differs from that of
    /// the last listing, a row with the same stamp may still be incomplete.
    pub(crate) fn layout_key(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| column.name).collect();
        let tiers = self.tiers.as_ref().map(|tiers| tiers.join(","));
        let also = [
            (self.has.unique_url, ",unique"),
            (self.has.categories, ",categories"),
            (self.has.versions == Versions::OfContent, ",versions"),
        ];
        let also: String = also
            .into_iter()
            .filter_map(|(has, what)| has.then_some(what))
            .collect();
        format!(
            "{};{};{also}",
            columns.join(","),
            tiers.as_deref().unwrap_or("*"),
        )
    }

    /// Fields of every registry that the table has no column for, so that a sync does not store them; `None` if there are
    /// none.
    pub(crate) fn lacks(&self) -> Option<String> {
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        let missing = BASIC.into_iter().filter(|name| !has(name));
        let missing: Vec<_> = missing.map(|name| format!("'{name}'")).collect();
        let columns = if missing.len() == 1 {
            "column"
        } else {
            "columns"
        };
        (!missing.is_empty()).then(|| {
            let missing = missing.join(", ");
            format!("the table of skills has no {columns} {missing}, so that a sync does not store what the registry says there")
        })
    }

    /// The number of entries in the record of versions, if it is one of contents, in which an
    /// unchanged row may lack an entry.
    pub(crate) fn count_versions(&self, conn: &Connection) -> Result<Option<i64>> {
        if self.has.versions != Versions::OfContent {
            return Ok(None);
        }
        let count = conn.query_row("SELECT count(*) FROM main.skill_versions", [], |row| {
            row.get(0)
        });
        Ok(Some(count?))
    }

    /// The tier under which a skill is stored: its own, or the nearest one that the CHECK
    /// allows and that does not grant more trust.
    pub(crate) fn tier_for<'t>(&self, tier: &'t str) -> &'t str {
        let allows = |tier: &str| {
            self.tiers
                .as_ref()
                .is_none_or(|known| known.iter().any(|known| known == tier))
        };
        if allows(tier) && tier != "local" {
            return tier;
        }
        match tier {
            "official" if allows("verified") => "verified",
            "curated" if allows("community") => "community",
            _ => "unknown",
        }
    }
}

/// What a registry says of every skill; the table has had a column for each from its first version on.
const BASIC: [&str; 6] = [
    "description",
    "author",
    "repo_url",
    "quality_score",
    "trust_tier",
    "tags",
];

/// A column as the file declares it.
struct DeclaredColumn {
    name: String,
    not_null: bool,
    /// The SQL expression of its default, if any.
    default: Option<String>,
}

fn declared_columns(conn: &Connection) -> Result<Vec<DeclaredColumn>> {
    Ok(conn
        .prepare("SELECT name, \"notnull\", dflt_value FROM pragma_table_info('skills')")?
        .query_map([], |row| {
            Ok(DeclaredColumn {
                name: row.get(0)?,
                not_null: row.get(1)?,
                default: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// The CREATE TABLE statement of the table.
fn definition(conn: &Connection) -> Result<Option<String>> {
    let definition = conn
        .query_row(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'skills' COLLATE NOCASE",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(definition.flatten())
}

fn features(
    conn: &Connection,
    declared: &[DeclaredColumn],
    columns: &[Column],
    definition: Option<&str>,
) -> Result<TableFeatures> {
    let has = |name: &str| declared.iter().any(|column| column.name == name);
    let has_field = |wanted: Field| columns.iter().any(|column| column.field == wanted);
    Ok(TableFeatures {
        stamp: has_field(Field::UpdatedAt),
        source: has("source"),
        unique_url: has_field(Field::RepoUrl) && url_is_unique(conn)?,
        mark: has("security_passed"),
        versions: versions(conn)?,
        categories: has_categories(conn)?,
        fts: has_table(conn, "skills_fts")?,
        fts_triggers: conn.query_row(
            "SELECT count(*) >= 3 FROM sqlite_master
             WHERE type = 'trigger' AND tbl_name = 'skills' COLLATE NOCASE AND sql LIKE '%skills_fts%'",
            [],
            |row| row.get(0),
        )?,
        foreign_writes: triggers::have_others(conn)?
            || definition.is_some_and(|sql| sql.to_ascii_lowercase().contains("replace")),
    })
}

/// Whether the table has rows that are not the user's own.
pub(crate) fn has_registry_rows(conn: &Connection, table: &Table) -> Result<bool> {
    let which = if table.has.source {
        format!(" WHERE {} IS NOT 'local'", bounded("source"))
    } else {
        String::new()
    };
    let sql = format!("SELECT EXISTS (SELECT 1 FROM main.skills{which})");
    Ok(conn.query_row(&sql, [], |row| row.get(0))?)
}

/// The ids of rows that are not the user's own and are `wanted`; `None` if there are more than `most`.
pub(crate) fn registry_ids(
    conn: &Connection,
    table: &Table,
    wanted: impl Fn(&String) -> bool,
    most: usize,
) -> Result<Option<Vec<String>>> {
    let which = if table.has.source {
        format!(" WHERE {} IS NOT 'local'", bounded("source"))
    } else {
        String::new()
    };
    let text = format!("SELECT {} FROM main.skills{which}", bounded("id"));
    let mut found = conn.prepare(&text)?;
    let mut rows = found.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(id) = row.get::<_, String>(0) else {
            continue;
        };
        if wanted(&id) {
            if ids.len() == most {
                return Ok(None);
            }
            ids.push(id);
        }
    }
    Ok(Some(ids))
}

fn versions(conn: &Connection) -> Result<Versions> {
    if !has_columns(
        conn,
        "skill_versions",
        &["skill_id", "content_hash", "recorded_at"],
    )? || !are_bytewise(conn, "skill_versions", &["skill_id", "content_hash"])
    {
        return Ok(Versions::None);
    }
    if !has_columns(conn, "schema_version", &["version"])? {
        return Ok(Versions::OfRow { is_stamped: false });
    }
    let newest: Option<i64> = conn.query_row(
        "SELECT max(version) FROM schema_version WHERE typeof(version) = 'integer'",
        [],
        |row| row.get(0),
    )?;
    Ok(if newest >= Some(CONTENT_VERSION) {
        Versions::OfContent
    } else {
        Versions::OfRow { is_stamped: true }
    })
}

/// Whether the two tables of categories are there, and take a row that holds nothing but what a registry says.
fn has_categories(conn: &Connection) -> Result<bool> {
    for (table, ours, keys) in [
        ("categories", ["id", "name"], &["id"][..]),
        (
            "skill_categories",
            ["skill_id", "category_id"],
            &["skill_id", "category_id"],
        ),
    ] {
        let needs_more: bool = conn.query_row(
            "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1)
                            WHERE \"notnull\" AND dflt_value IS NULL AND name NOT IN (?2, ?3))",
            [table, ours[0], ours[1]],
            |row| row.get(0),
        )?;
        if needs_more || !has_columns(conn, table, &ours)? || !are_bytewise(conn, table, keys) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether there is an ordinary table of that name with these columns.
fn has_columns(conn: &Connection, table: &str, columns: &[&str]) -> Result<bool> {
    let mut found = conn.prepare(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master
                        WHERE name = ?1 COLLATE NOCASE AND type = 'table' AND rootpage > 0 AND sql LIKE 'CREATE TABLE %')
            AND EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)",
    )?;
    for column in columns {
        if !found.query_row([table, column], |row| row.get(0))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn url_is_unique(conn: &Connection) -> Result<bool> {
    Ok(conn.query_row(
        "SELECT EXISTS (
           SELECT 1 FROM pragma_index_list('skills') AS list
           WHERE list.\"unique\" AND NOT list.partial
             AND (SELECT group_concat(name) FROM pragma_index_info(list.name)) = 'repo_url')",
        [],
        |row| row.get(0),
    )?)
}

/// The words of `CHECK (trust_tier IN ('…', …))` in a table's definition.
fn allowed_tiers(definition: &str) -> Option<Vec<String>> {
    let lower = definition.to_ascii_lowercase();
    let mut from = 0;
    // The column's own name comes first, then its name inside the CHECK.
    while let Some(found) = lower[from..].find("trust_tier") {
        from += found + "trust_tier".len();
        let rest = lower[from..].trim_start_matches(['"', '`', ']', ' ', '\n', '\t', '\r']);
        let Some(rest) = rest.strip_prefix("in") else {
            continue;
        };
        let Some(list) = rest.trim_start().strip_prefix('(') else {
            continue;
        };
        let list = list.split(')').next().unwrap_or_default();
        let words = list
            .split(',')
            .map(|word| word.trim().trim_matches('\'').to_owned())
            .collect();
        return Some(words);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(definition: &str) -> Table {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(definition).unwrap();
        Table::read(&conn).unwrap()
    }

    #[test]
    fn tiers_are_read_from_the_check() {
        let narrow = table(
            "CREATE TABLE skills (id TEXT, trust_tier TEXT CHECK(trust_tier IN ('verified', 'community',
               'experimental', 'unknown')) DEFAULT 'unknown')",
        );
        for (served, stored) in [
            ("official", "verified"),
            ("verified", "verified"),
            ("curated", "community"),
            ("unverified", "unknown"),
            ("local", "unknown"),
            ("platinum", "unknown"),
        ] {
            assert_eq!(narrow.tier_for(served), stored);
        }
        assert_eq!(
            table("CREATE TABLE skills (id TEXT, trust_tier TEXT)").tier_for("platinum"),
            "platinum"
        );
    }

    #[test]
    fn a_registry_cannot_make_its_rows_local() {
        let wide = table(
            "CREATE TABLE skills (id TEXT, trust_tier TEXT CHECK (\"trust_tier\" IN('local','unknown')))",
        );
        assert_eq!(
            wide.tiers.as_deref(),
            Some(&["local".to_owned(), "unknown".to_owned()][..])
        );
        assert_eq!(wide.tier_for("local"), "unknown");
    }

    #[test]
    fn only_columns_that_exist_are_written() {
        let old = table(
            "CREATE TABLE skills (id TEXT PRIMARY KEY, name TEXT NOT NULL, repo_url TEXT UNIQUE)",
        );
        assert_eq!(
            old.columns
                .iter()
                .map(|column| column.name)
                .collect::<Vec<_>>(),
            ["repo_url"]
        );
        let only_url = TableFeatures {
            stamp: false,
            source: false,
            unique_url: true,
            mark: false,
            versions: Versions::None,
            categories: false,
            fts: false,
            fts_triggers: false,
            foreign_writes: false,
        };
        assert_eq!(old.has, only_url);
    }
}
