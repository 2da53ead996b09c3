//! What the objects of a file are. Nothing is believed by its name: a view or a virtual table in place of one of
//! our tables does what its author wants when it is read.

/// Tables that must be ordinary ones, where they are. Those of the other stack that we only add to are passed over
/// where they are not.
const TABLES: [&str; 7] = [
    "skills",
    "schema_version",
    "sync_config",
    "sync_history",
    "sync_state",
    "sync_pages",
    "sync_unmet",
];

/// The full-text index, and the start of the names of the tables that hold it.
const INDEX: &str = "skills_fts";

/// Functions of SQLite that are read like tables. A table of that name would be read instead.
const FUNCTIONS: [&str; 6] = [
    "pragma_table_info",
    "pragma_table_xinfo",
    "pragma_index_list",
    "pragma_index_info",
    "pragma_quick_check",
    "json_each",
];

/// A row of `sqlite_schema`.
pub(super) struct Object<'r> {
    pub(super) kind: &'r str,
    pub(super) name: &'r str,
    pub(super) root_page: i64,
    pub(super) sql: &'r str,
}

impl Object<'_> {
    /// What is wrong with it, if it has a name that we use.
    pub(super) fn fault(&self) -> Option<String> {
        // Triggers have names of their own.
        if self.kind == "trigger" {
            return None;
        }
        let is = |known: &&str| known.eq_ignore_ascii_case(self.name);
        let expected = if TABLES.iter().any(is) {
            (!self.is_table()).then_some("an ordinary table")
        } else if is(&INDEX) {
            (!self.is_index()).then_some("an FTS5 table over 'skills'")
        } else if self.is_part_of_index() {
            (!self.is_table()).then_some("an ordinary table")
        } else if FUNCTIONS.iter().any(is) {
            Some("a function of SQLite")
        } else {
            None
        };
        expected.map(|expected| {
            format!(
                "its '{}' is {}, not {expected}",
                self.name.to_ascii_lowercase(),
                self.in_words()
            )
        })
    }

    fn is_table(&self) -> bool {
        self.kind == "table" && self.root_page > 0 && starts_with(self.sql, "CREATE TABLE ")
    }

    fn is_part_of_index(&self) -> bool {
        starts_with(self.name, INDEX)
            && ["_config", "_content", "_data", "_docsize", "_idx"]
                .iter()
                .any(|part| part.eq_ignore_ascii_case(&self.name[INDEX.len()..]))
    }

    /// Whether it is an FTS5 table that has its text from the skills, or holds it itself.
    fn is_index(&self) -> bool {
        let Some(options) = self.options_of_fts5() else {
            return false;
        };
        let mut options = options
            .split(',')
            .filter_map(|option| option.split_once('='));
        options.all(|(key, value)| {
            let value = value.trim().trim_end_matches(')').trim();
            let value = value.trim_matches(['\'', '"', '`', '[', ']']);
            match key.trim() {
                "content" => value == "skills",
                "content_rowid" => matches!(value, "rowid" | "oid" | "_rowid_"),
                _ => true,
            }
        })
    }

    /// What stands in the brackets behind `USING fts5`, in lower case.
    fn options_of_fts5(&self) -> Option<String> {
        let sql = self.sql.to_ascii_lowercase();
        let rest = sql.strip_prefix("create virtual table ")?;
        let rest = rest.trim_start_matches(['\'', '"', '`', '[']);
        let rest = rest.strip_prefix(INDEX)?;
        let rest = rest.trim_start_matches(['\'', '"', '`', ']']);
        let rest = rest.trim_start().strip_prefix("using")?;
        let rest = rest.trim_start().strip_prefix("fts5")?;
        let rest = rest.trim_start().strip_prefix('(')?;
        (self.kind == "table").then(|| rest.trim_end().to_owned())
    }

    fn in_words(&self) -> &str {
        if starts_with(self.sql, "CREATE VIRTUAL TABLE ") {
            if self.options_of_fts5().is_some() {
                "an FTS5 table over something else"
            } else {
                "a virtual table"
            }
        } else if self.is_table() {
            "a table"
        } else {
            match self.kind {
                "view" => "a view",
                "index" => "an index",
                _ => "something else",
            }
        }
    }
}

fn starts_with(text: &str, start: &str) -> bool {
    text.as_bytes()
        .get(..start.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: &str, name: &str, root_page: i64, sql: &str) -> Option<String> {
        Object {
            kind,
            name,
            root_page,
            sql,
        }
        .fault()
    }

    #[test]
    fn the_index_is_an_fts5_table_over_the_skills() {
        let index = |sql: &str| fault("table", "skills_fts", 0, sql);
        for sound in [
            "CREATE VIRTUAL TABLE skills_fts USING fts5(name, tags, content='skills', content_rowid='rowid')",
            "CREATE VIRTUAL TABLE \"skills_fts\" using FTS5 (\n name, content = skills)",
            "CREATE VIRTUAL TABLE skills_fts USING fts5(name, tokenize='porter unicode61')",
        ] {
            assert_eq!(index(sound), None, "{sound}");
        }
        for odd in [
            "CREATE VIRTUAL TABLE skills_fts USING fts5(name, content='other')",
            "CREATE VIRTUAL TABLE skills_fts USING fts5(name, content='')",
            "CREATE VIRTUAL TABLE skills_fts USING fts5(name, content='skills', content_rowid='risk_score')",
            "CREATE VIRTUAL TABLE skills_fts USING fts5(name, content='other', content='skills')",
            "CREATE VIRTUAL TABLE skills_fts USING fts4(name)",
            "CREATE VIEW skills_fts AS SELECT 1",
            "CREATE TABLE skills_fts (name)",
        ] {
            assert!(index(odd).is_some(), "{odd}");
        }
    }

    #[test]
    fn tables_of_ours_are_ordinary_tables() {
        assert_eq!(
            fault("table", "SKILLS", 2, "CREATE TABLE SKILLS (id)"),
            None
        );
        assert_eq!(
            fault(
                "table",
                "sync_state",
                0,
                "CREATE VIRTUAL TABLE sync_state USING fts5(key)"
            )
            .as_deref(),
            Some("its 'sync_state' is a virtual table, not an ordinary table")
        );
        assert_eq!(
            fault(
                "view",
                "Sync_History",
                0,
                "CREATE VIEW Sync_History AS SELECT 1"
            )
            .as_deref(),
            Some("its 'sync_history' is a view, not an ordinary table")
        );
        assert!(
            fault(
                "table",
                "skills",
                2,
                "CREATE/**/VIRTUAL TABLE skills USING fts5(id)"
            )
            .is_some()
        );
        assert!(
            fault(
                "view",
                "skills_fts_data",
                0,
                "CREATE VIEW skills_fts_data AS SELECT 1"
            )
            .is_some()
        );
        assert!(fault("table", "json_each", 2, "CREATE TABLE json_each (value)").is_some());
        assert_eq!(
            fault(
                "view",
                "skills_view",
                0,
                "CREATE VIEW skills_view AS SELECT 1"
            ),
            None
        );
        assert_eq!(
            fault("index", "sync_state", 2, ""),
            Some("its 'sync_state' is an index, not an ordinary table".into())
        );
    }
}
