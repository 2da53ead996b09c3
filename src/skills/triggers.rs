//! Triggers of the file. Those that keep the full-text index change no row; what others do is not known.

use rusqlite::Connection;

use crate::Result;

/// The triggers of the index behind their names, without spaces and in lower case.
const OF_INDEX: [&str; 3] = [
    "afterinsertonskillsbegininsertintoskills_fts(rowid,name,description,tags,author)\
     values(new.rowid,new.name,new.description,new.tags,new.author);end",
    "afterdeleteonskillsbegininsertintoskills_fts(skills_fts,rowid,name,description,tags,author)\
     values('delete',old.rowid,old.name,old.description,old.tags,old.author);end",
    "afterupdateonskillsbegininsertintoskills_fts(skills_fts,rowid,name,description,tags,author)\
     values('delete',old.rowid,old.name,old.description,old.tags,old.author);\
     insertintoskills_fts(rowid,name,description,tags,author)\
     values(new.rowid,new.name,new.description,new.tags,new.author);end",
];

/// Whether there are any but those of the index: on the table of skills, or on one that is written beside it.
pub(super) fn have_others(conn: &Connection) -> Result<bool> {
    let mut found = conn.prepare("SELECT sql FROM main.sqlite_master WHERE type = 'trigger'")?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        if !row.get_ref(0)?.as_str().is_ok_and(is_of_index) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tables that a sync writes to.
#[cfg(feature = "cli")]
const WRITTEN: [&str; 11] = [
    "skills",
    "skill_versions",
    "categories",
    "skill_categories",
    "skills_fts_config",
    "skills_fts_data",
    "sync_config",
    "sync_history",
    "sync_pages",
    "sync_state",
    "sync_unmet",
];

/// The names of the triggers of other programs on tables that a sync writes to, each with its table.
#[cfg(feature = "cli")]
pub(super) fn others(conn: &Connection) -> Result<Vec<(String, String)>> {
    let mut found = conn.prepare(
        "SELECT name, tbl_name, sql FROM main.sqlite_master WHERE type = 'trigger' ORDER BY name",
    )?;
    let mut rows = found.query([])?;
    let mut others = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |at| -> Result<String> {
            let bytes = row.get_ref(at)?.as_bytes_or_null().ok().flatten();
            Ok(String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned())
        };
        let table = text(1)?;
        let is_written = WRITTEN.iter().any(|name| name.eq_ignore_ascii_case(&table));
        if is_written && !is_of_index(&text(2)?) {
            others.push((text(0)?, table));
        }
    }
    Ok(others)
}

fn is_of_index(sql: &str) -> bool {
    let Some(rest) = sql.strip_prefix("CREATE TRIGGER ") else {
        return false;
    };
    // A quoted name could hold anything.
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let mut text: String = rest.split_ascii_whitespace().collect();
    text.make_ascii_lowercase();
    OF_INDEX.contains(&text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[test]
    fn those_of_a_new_database_keep_the_index_only() {
        let database = Database::open_in_memory().unwrap();
        let others = |sql: &str| {
            database.read(|conn| {
                conn.execute_batch(sql)?;
                have_others(conn)
            })
        };
        assert!(!others("").unwrap());
        assert!(
            others("CREATE TRIGGER odd AFTER INSERT ON cache BEGIN DELETE FROM skills; END")
                .unwrap()
        );
    }

    #[test]
    fn text_that_looks_like_one_is_none() {
        let of_index = "AFTER INSERT ON skills BEGIN
           INSERT INTO skills_fts(rowid, name, description, tags, author)
           VALUES (NEW.rowid, NEW.name, NEW.description, NEW.tags, NEW.author); END";
        assert!(is_of_index(&format!("CREATE TRIGGER skills_ai {of_index}")));
        for odd in [
            format!(
                "CREATE TRIGGER \"x\" BEFORE INSERT ON skills BEGIN DELETE FROM skills; SELECT \"{of_index}"
            ),
            format!(
                "CREATE TRIGGER x BEFORE INSERT ON skills BEGIN DELETE FROM skills; -- {of_index}"
            ),
            of_index.replace("BEGIN", "BEGIN DELETE FROM skills;"),
        ] {
            assert!(!is_of_index(&odd), "{odd}");
        }
    }
}
