//! The statements of a run. They depend on the columns of the file, so they are built once per run.

use std::fmt::Write;

use crate::database::oversize::{SCORE, bounded};

use super::columns::{CONTENT_VERSION, Column, TableFeatures, Versions};

/// The texts of the statements, for one table.
#[derive(Debug)]
pub(crate) struct Sql {
    /// Every row's id, stamp, whether it has a URL, and whether it is marked as not safe.
    pub(super) fingerprints: String,
    /// The same of one row.
    pub(super) fingerprint: String,
    /// One row: name, source, then the columns.
    pub(super) stored: String,
    /// The same without the score, whose length cannot be asked for.
    pub(super) stored_without_score: String,
    /// Creates the staging table.
    pub(super) create_stage: String,
    /// Inserts a row into it.
    pub(super) stage: String,
    /// All staged rows that are new, in one statement: a statement that fires
    /// triggers opens a savepoint, and FTS5 writes its index out at every one.
    pub(super) insert: String,
    /// All staged rows that exist, likewise.
    pub(super) update: String,
    /// One staged row by its id, as a new one, or over the one that stands there.
    pub(super) insert_one: String,
    pub(super) update_one: String,
    /// The staged rows that are stored with other values, all or the one with an id.
    pub(super) altered: String,
    pub(super) altered_one: String,
    /// The numbers of staged rows that are new and that exist, as the two statements above should count
    /// them.
    pub(super) expected: String,
    pub(super) versions: Option<VersionsSql>,
    pub(super) categories: Option<CategoriesSql>,
}

/// The record of versions.
#[derive(Debug)]
pub(crate) struct VersionsSql {
    /// Adds the version of each staged row, of one, and of rows that stay as they are.
    pub(super) of_all: String,
    pub(super) of_one: String,
    pub(super) of_unchanged: String,
    /// Whether the version of a skill of the registry's is missing.
    pub(super) is_missing: String,
}

/// The categories of staged rows: for all of them, and for one.
#[derive(Debug)]
pub(crate) struct CategoriesSql {
    pub(super) of_all: [String; 4],
    pub(super) of_one: [String; 4],
    /// Whether a skill is in other categories than those of a JSON array of ids and names.
    pub(super) differ: &'static str,
}

impl Sql {
    pub(super) fn new(columns: &[Column], has: TableFeatures) -> Self {
        let names = columns.iter().fold(String::new(), |mut list, column| {
            _ = write!(list, ", {}", column.name);
            list
        });
        let id = bounded("id");
        let stamp = if has.stamp {
            bounded("updated_at")
        } else {
            "NULL".to_owned()
        };
        let has_url = if has.unique_url {
            "repo_url IS NOT NULL"
        } else {
            "0"
        };
        let mark = if has.mark {
            format!("({}) IS 0", bounded("security_passed"))
        } else {
            "0".to_owned()
        };
        let source = if has.source {
            bounded("source")
        } else {
            "NULL".to_owned()
        };
        let stored = |is_left_out: fn(&str) -> bool| {
            let mut sql = format!("SELECT {}, {source}", bounded("name"));
            for column in columns {
                if is_left_out(column.name) {
                    sql.push_str(", NULL");
                } else {
                    _ = write!(sql, ", {}", bounded(column.name));
                }
            }
            sql + " FROM main.skills WHERE id = ?1"
        };
        let not_local = if has.source {
            " AND k.source IS NOT 'local'"
        } else {
            ""
        };
        let fingerprints = format!("SELECT {id}, {stamp}, {has_url}, {mark} FROM main.skills");
        Self {
            fingerprint: format!("{fingerprints} WHERE id = ?1"),
            fingerprints,
            stored: stored(|_| false),
            stored_without_score: stored(|name| name == SCORE),
            create_stage: create_stage(&names, has),
            stage: format!(
                "INSERT OR REPLACE INTO temp.skillsmith_stage (mask, is_new, version_hash, id, name{names}) VALUES ({})",
                vec!["?"; columns.len() + 5].join(", ")
            ),
            insert: insert(columns, has.source, &names, "is_new = 1"),
            update: update(columns, not_local, "s.is_new = 0"),
            insert_one: insert(columns, has.source, &names, "id = ?1"),
            update_one: update(columns, not_local, "s.id = ?1"),
            altered: altered(columns, has.source, "true"),
            altered_one: altered(columns, has.source, "s.id = ?1"),
            expected:
                "SELECT count(*) FILTER (WHERE is_new = 1), count(*) FILTER (WHERE is_new = 0)
                       FROM temp.skillsmith_stage"
                    .to_owned(),
            versions: versions(has.versions, not_local),
            categories: has.categories.then(|| CategoriesSql {
                of_all: categories(given_categories(columns), "", not_local),
                of_one: categories(given_categories(columns), " AND c.skill_id = ?1", not_local),
                differ: CATEGORIES_DIFFER,
            }),
        }
    }
}

fn create_stage(names: &str, has: TableFeatures) -> String {
    let by_url = if has.unique_url {
        "CREATE INDEX IF NOT EXISTS temp.skillsmith_stage_url ON skillsmith_stage (repo_url);"
    } else {
        ""
    };
    format!(
        "{STAGE_OF_OTHERS}CREATE TEMP TABLE IF NOT EXISTS skillsmith_stage (
           id TEXT PRIMARY KEY, name{names}, mask INTEGER, is_new INTEGER, version_hash TEXT);
         CREATE INDEX IF NOT EXISTS temp.skillsmith_stage_new ON skillsmith_stage (is_new);{by_url}"
    )
}

/// What is staged beside rows: their categories, and versions of rows that stay as they are.
const STAGE_OF_OTHERS: &str = "
    CREATE TEMP TABLE IF NOT EXISTS skillsmith_categories (
      skill_id TEXT, slug TEXT, name TEXT, category_id TEXT, PRIMARY KEY (skill_id, slug));
    CREATE TEMP TABLE IF NOT EXISTS skillsmith_unchanged (id TEXT PRIMARY KEY, version_hash TEXT);";

/// The bit of a staged row's mask that says that it tells of categories.
pub(super) const fn given_categories(columns: &[Column]) -> i64 {
    1 << columns.len()
}

/// CROSS JOIN keeps its order: where somebody has run ANALYZE, the few staged rows, of which nothing is known, would else
/// be looked for in a scan of all skills.
fn versions(versions: Versions, not_local: &str) -> Option<VersionsSql> {
    let still = match versions {
        Versions::None => return None,
        // The other stack may have taken that step meanwhile: the two kinds are never mixed.
        Versions::OfRow { is_stamped: true } => format!(
            " AND (SELECT coalesce(max(version), 0) FROM main.schema_version WHERE typeof(version) = 'integer') < {CONTENT_VERSION}"
        ),
        Versions::OfRow { is_stamped: false } | Versions::OfContent => String::new(),
    };
    // Not every file has the UNIQUE that would tell.
    let add = |from: &str, which: &str| {
        format!(
            "INSERT OR IGNORE INTO main.skill_versions (skill_id, content_hash, recorded_at)
             SELECT s.id, s.version_hash, CAST(strftime('%s', 'now') AS INTEGER)
             FROM temp.{from} AS s CROSS JOIN main.skills AS k ON k.id = s.id
             WHERE s.version_hash IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM main.skill_versions AS v
               WHERE v.skill_id = s.id AND v.content_hash = s.version_hash){still}{which}{not_local}"
        )
    };
    Some(VersionsSql {
        of_all: add("skillsmith_stage", ""),
        of_one: add("skillsmith_stage", " AND s.id = ?1"),
        of_unchanged: add("skillsmith_unchanged", ""),
        is_missing: format!(
            "SELECT NOT EXISTS (SELECT 1 FROM main.skill_versions WHERE skill_id = ?1 AND content_hash = ?2)
                AND EXISTS (SELECT 1 FROM main.skills AS k WHERE k.id = ?1{not_local})"
        ),
    })
}

/// Categories that are missing are added; one that has the name, or else the id, is taken as it is. Then the skills
/// are in those that were served, and in no others.
fn categories(given: i64, which: &str, not_local: &str) -> [String; 4] {
    [
        format!(
            "INSERT OR IGNORE INTO main.categories (id, name)
             SELECT c.slug, c.name FROM temp.skillsmith_categories AS c
             WHERE NOT EXISTS (SELECT 1 FROM main.categories AS k WHERE k.name = c.name)
               AND NOT EXISTS (SELECT 1 FROM main.categories AS k WHERE k.id = c.slug){which}"
        ),
        format!(
            "UPDATE temp.skillsmith_categories AS c SET category_id = coalesce(
               (SELECT k.id FROM main.categories AS k WHERE k.name = c.name),
               (SELECT k.id FROM main.categories AS k WHERE k.id = c.slug))
             WHERE true{which}"
        ),
        format!(
            "DELETE FROM main.skill_categories AS l
             WHERE NOT EXISTS (SELECT 1 FROM temp.skillsmith_categories AS c
                               WHERE c.skill_id = l.skill_id AND c.category_id = l.category_id)
               AND l.skill_id IN (
                 SELECT c.id FROM (SELECT s.id, s.id AS skill_id FROM temp.skillsmith_stage AS s
                                   WHERE s.mask & {given}) AS c
                 CROSS JOIN main.skills AS k ON k.id = c.id WHERE true{which}{not_local})"
        ),
        format!(
            "INSERT OR IGNORE INTO main.skill_categories (skill_id, category_id)
             SELECT DISTINCT c.skill_id, c.category_id
             FROM temp.skillsmith_categories AS c CROSS JOIN main.skills AS k ON k.id = c.skill_id
             WHERE c.category_id IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM main.skill_categories AS l
               WHERE l.skill_id = c.skill_id AND l.category_id = c.category_id){which}{not_local}"
        ),
    ]
}

const CATEGORIES_DIFFER: &str = "
    WITH served (id) AS MATERIALIZED (
      SELECT coalesce((SELECT k.id FROM main.categories AS k WHERE k.name = j.value ->> 1),
                      (SELECT k.id FROM main.categories AS k WHERE k.id = j.value ->> 0))
      FROM json_each(?2) AS j),
    linked (id) AS MATERIALIZED (SELECT category_id FROM main.skill_categories WHERE skill_id = ?1)
    SELECT EXISTS (SELECT 1 FROM served WHERE id IS NULL OR id NOT IN (SELECT id FROM linked))
        OR EXISTS (SELECT 1 FROM linked WHERE id NOT IN (SELECT id FROM served))";

/// An absent field gets the column's default; so does a null if the column is NOT NULL.
fn insert(columns: &[Column], has_source: bool, names: &str, which: &str) -> String {
    let mut values = String::new();
    for (bit, column) in columns.iter().enumerate() {
        let name = column.name;
        _ = match (&column.default, column.not_null) {
            (Some(default), true) => write!(values, ", coalesce({name}, {default})"),
            (Some(default), false) => write!(
                values,
                ", CASE WHEN mask & {} THEN {name} ELSE ({default}) END",
                1_u64 << bit
            ),
            (None, _) => write!(values, ", {name}"),
        };
    }
    let (source, registry) = if has_source {
        (", source", ", 'registry'")
    } else {
        ("", "")
    };
    // A table whose own constraints say ON CONFLICT REPLACE would have other rows deleted, the user's own too.
    format!(
        "INSERT OR ABORT INTO main.skills (id, name{names}{source})
         SELECT id, name{values}{registry} FROM temp.skillsmith_stage WHERE {which}"
    )
}

/// What a row gives stands in the table, else a trigger has changed it; so it has where the row is the user's own after
/// it was written.
fn altered(columns: &[Column], has_source: bool, which: &str) -> String {
    let mut is_sound = String::from("s.name IS k.name");
    for (bit, column) in columns.iter().enumerate() {
        let name = column.name;
        _ = if column.not_null {
            write!(is_sound, " AND (s.{name} IS NULL OR s.{name} IS k.{name})")
        } else {
            write!(
                is_sound,
                " AND (s.mask & {} = 0 OR s.{name} IS k.{name})",
                1_u64 << bit
            )
        };
    }
    if has_source {
        is_sound.push_str(" AND k.source IS NOT 'local'");
    }
    format!(
        "SELECT s.id FROM temp.skillsmith_stage AS s CROSS JOIN main.skills AS k ON k.id = s.id
         WHERE {which} AND NOT ({is_sound})"
    )
}

/// An absent field keeps the stored value; so does a null if the column is NOT NULL.
fn update(columns: &[Column], not_local: &str, which: &str) -> String {
    let mut values = String::new();
    for (bit, column) in columns.iter().enumerate() {
        let name = column.name;
        _ = if column.not_null {
            write!(values, ", {name} = coalesce(s.{name}, k.{name})")
        } else {
            write!(
                values,
                ", {name} = CASE WHEN s.mask & {} THEN s.{name} ELSE k.{name} END",
                1_u64 << bit
            )
        };
    }
    format!(
        "UPDATE OR ABORT main.skills AS k SET name = s.name{values}
         FROM temp.skillsmith_stage AS s WHERE {which} AND k.id = s.id{not_local}"
    )
}
