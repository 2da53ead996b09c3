//! What the tables of this file have: files of many versions are in use.

use rusqlite::params;

use crate::Result;
use crate::database::oversize::Reading;
use crate::database::{has_ordinary_table, has_table};
use crate::skills::fts;
use crate::statements::Statements;
use crate::stored::text;

/// How much a word counts by the column of the index that it is in.
const WEIGHTS: [(&str, &str); 4] = [
    ("name", "10.0"),
    ("tags", "4.0"),
    ("description", "2.0"),
    ("author", "1.0"),
];

/// The columns in which words are looked for where there is no index.
const SEARCHED: [&str; 4] = ["name", "description", "tags", "author"];

#[derive(Debug)]
pub(super) struct Layout {
    columns: Vec<String>,
    /// Those of the full-text index, in their order; none without one.
    indexed: Vec<String>,
    pub(super) has_categories: bool,
    /// Values that are too long to be read count as missing.
    pub(super) reading: Reading,
}

impl Layout {
    pub(super) fn read(conn: &dyn Statements) -> Result<Self> {
        let has_index = has_table(conn, "skills_fts")?;
        let name = |row: &dyn crate::statements::Columns| text(row, "name");
        let columns = |table: &str| -> Result<Vec<String>> {
            conn.all(
                "SELECT name FROM pragma_table_info(?1)",
                params![table],
                name,
            )
        };
        Ok(Self {
            columns: columns("skills")?,
            indexed: match has_index.then(|| columns("skills_fts")) {
                Some(Err(error)) if !fts::is_unusable(&error) => return Err(error),
                Some(Ok(columns)) => columns,
                _ => Vec::new(),
            },
            has_categories: has_ordinary_table(conn, "categories")?
                && has_ordinary_table(conn, "skill_categories")?,
            reading: Reading::Whole,
        })
    }

    pub(super) fn has_index(&self) -> bool {
        !self.indexed.is_empty()
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    /// Calls what reads rows: where it meets a value that is too long, once more without such values.
    pub(super) fn read_rows<T>(mut self, mut read: impl FnMut(&Self) -> Result<T>) -> Result<T> {
        Reading::each(|reading| {
            self.reading = reading;
            read(&self)
        })
    }

    /// All columns of the row `k`.
    pub(super) fn all(&self) -> String {
        self.reading.all(&self.columns)
    }

    /// One column of the row `k`, which is there.
    pub(super) fn column(&self, name: &str) -> String {
        self.reading.column(name)
    }

    /// A column of the row `k`, or what stands for it where there is none.
    pub(super) fn or(&self, column: &str, missing: &str) -> String {
        if self.has(column) {
            self.column(column)
        } else {
            missing.to_owned()
        }
    }

    /// The quality score of the row `k`, if it is a number.
    pub(super) fn score(&self) -> String {
        if self.has("quality_score") {
            let score = self.column("quality_score");
            format!("CASE WHEN typeof({score}) IN ('real', 'integer') THEN {score} END")
        } else {
            "NULL".into()
        }
    }

    /// The ranking function of the index.
    pub(super) fn ranking(&self) -> String {
        let weight = |name: &String| {
            let found = WEIGHTS.iter().find(|(known, _)| known == name);
            found.map_or("1.0", |(_, weight)| weight)
        };
        let weights: Vec<_> = self.indexed.iter().map(weight).collect();
        format!("bm25({})", weights.join(", "))
    }

    /// The text of the row `k` that is searched where there is no index.
    pub(super) fn searched(&self) -> String {
        let found: Vec<_> = SEARCHED
            .iter()
            .filter(|name| self.has(name))
            .map(|name| format!("coalesce({}, '')", self.column(name)))
            .collect();
        if found.is_empty() {
            "''".into()
        } else {
            found.join(" || ' ' || ")
        }
    }
}
