//! How tables compare the keys by which rows are found. By another collation than SQLite's own, or as numbers, two of them
//! may be one: what is counted would not be so, and a row could be removed for another.

use rusqlite::Connection;

use super::raw::{self, Comparison};

/// Tables with their keys, and what to do where these are not compared byte by byte.
const KEYS: [(&str, &str, &str); 2] = [
    ("skills", "id", "a sync needs 'id TEXT PRIMARY KEY'"),
    (
        "sync_state",
        "key",
        "drop that table, and the next sync makes a new one",
    ),
];

/// What is wrong with such a key, if anything is.
pub(super) fn fault(conn: &Connection) -> Option<String> {
    if has_own_rowid(conn) {
        return Some("its 'skills' has a column of the name 'rowid', so that rows cannot be found by their numbers; rename the column".into());
    }
    KEYS.into_iter().find_map(|(table, column, advice)| {
        let how = raw::comparison(conn, table, column)?.in_words()?;
        Some(format!(
            "its '{table}' compares '{column}' {how}, and not byte by byte, so that one can be taken for another; {advice}"
        ))
    })
}

/// The full-text index finds rows by the number that SQLite gives them, which such a column hides.
fn has_own_rowid(conn: &Connection) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_xinfo('skills') WHERE name = 'rowid' COLLATE NOCASE)";
    conn.query_row(sql, [], |row| row.get(0)).unwrap_or(false)
}

/// Whether a table compares these columns byte by byte, as far as it has them.
pub(crate) fn are_bytewise(conn: &Connection, table: &str, columns: &[&str]) -> bool {
    let mut found = columns
        .iter()
        .filter_map(|column| raw::comparison(conn, table, column));
    found.all(|comparison| comparison.in_words().is_none())
}

impl Comparison {
    /// How values are compared, if not byte by byte.
    fn in_words(&self) -> Option<String> {
        if !self.collation.eq_ignore_ascii_case("BINARY") {
            return Some(format!("by the collation {}", self.collation));
        }
        self.is_numeric()
            .then(|| format!("as numbers ({})", self.declared))
    }

    /// Whether texts that are numbers become numbers, by SQLite's rules for the words of a type.
    fn is_numeric(&self) -> bool {
        let declared = self.declared.to_ascii_uppercase();
        let has = |word: &str| declared.contains(word);
        if has("INT") {
            return true;
        }
        !(declared.is_empty() || ["CHAR", "CLOB", "TEXT", "BLOB"].into_iter().any(has))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether SQLite keeps the texts of such a column apart.
    fn keeps_apart(conn: &Connection) -> bool {
        let sql = "INSERT INTO skills (id) VALUES ('1'), ('01'), ('1.0'), ('a'), ('A'), ('a ')";
        conn.execute(sql, []).unwrap();
        let sql = "SELECT count(DISTINCT id) FROM skills";
        let count: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        count == 6
    }

    #[test]
    fn the_number_of_a_row_is_hidden_by_no_column() {
        for (declared, is_sound) in [
            ("id TEXT PRIMARY KEY, oid TEXT", true),
            ("id TEXT PRIMARY KEY, RowId TEXT", false),
            ("id TEXT PRIMARY KEY, rowid TEXT AS ('x')", false),
        ] {
            let conn = Connection::open_in_memory().unwrap();
            conn.execute_batch(&format!("CREATE TABLE skills ({declared})"))
                .unwrap();
            assert_eq!(fault(&conn).is_none(), is_sound, "{declared}");
        }
    }

    #[test]
    fn a_key_is_as_sqlite_compares_it() {
        for (declared, is_sound) in [
            ("TEXT", true),
            ("text COLLATE binary", true),
            ("VARCHAR(20)", true),
            ("CLOB", true),
            ("", true),
            ("BLOB", true),
            ("TEXT COLLATE NOCASE", false),
            ("TEXT COLLATE RTRIM", false),
            ("NUMERIC", false),
            ("CHARINT", false),
            ("REAL", false),
            ("STRING", false),
            ("ANY", false),
            ("DATE", false),
        ] {
            let conn = Connection::open_in_memory().unwrap();
            conn.execute_batch(&format!("CREATE TABLE skills (id {declared})"))
                .unwrap();
            assert_eq!(fault(&conn).is_none(), is_sound, "{declared}");
            assert_eq!(are_bytewise(&conn, "skills", &["id", "none"]), is_sound);
            assert_eq!(keeps_apart(&conn), is_sound, "{declared}");
        }
    }
}
