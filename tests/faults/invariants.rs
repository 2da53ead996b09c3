//! What must hold after a fault, and after the run that follows.
//!
//! Each function lists everything that is wrong, so that one problem does not hide the others. The
//! database is read from a copy: a connection to the file itself would repair what the next run
//! must find.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use serde_json::Value;

use crate::rig::Told;

type Row = BTreeMap<String, Stored>;

/// The content of a database.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// By id, every column.
    rows: BTreeMap<String, Row>,
    history: BTreeMap<String, Entry>,
    last_sync_at: Option<String>,
    /// Damage that SQLite or FTS5 finds.
    damage: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    status: String,
    added: u64,
    updated: u64,
}

impl Snapshot {
    /// Reads the database at this path as the next program to open it would.
    pub(crate) fn take(database: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        for suffix in ["", "-wal", "-journal"] {
            let mut from = database.as_os_str().to_owned();
            from.push(suffix);
            let from = Path::new(&from);
            if from.exists() {
                fs::copy(from, folder.path().join(format!("copy.db{suffix}"))).unwrap();
            }
        }
        let mut snapshot = Self::default();
        if copy.exists()
            && let Err(error) = snapshot.read(&copy)
        {
            snapshot.damage.push(format!("it cannot be read: {error}"));
        }
        snapshot
    }

    fn read(&mut self, copy: &Path) -> rusqlite::Result<()> {
        let conn = Connection::open(copy)?;
        for check in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
            let mut found = conn.prepare(check)?;
            let mut rows = found.query([])?;
            while let Some(row) = rows.next()? {
                let verdict: String = row.get(0)?;
                if verdict != "ok" {
                    self.damage.push(format!("{check}: {verdict}"));
                }
            }
        }
        let has = |table: &str| -> rusqlite::Result<bool> {
            conn.query_row(
                "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1)",
                [table],
                |row| row.get(0),
            )
        };
        if has("skills")? {
            let mut found = conn.prepare("SELECT * FROM skills")?;
            let names: Vec<String> = found.column_names().map(Into::into).collect();
            let mut rows = found.query([])?;
            while let Some(row) = rows.next()? {
                let mut columns = Row::new();
                for (index, name) in names.iter().enumerate() {
                    columns.insert(name.clone(), row.get(index)?);
                }
                let id: String = row.get("id")?;
                self.rows.insert(id, columns);
            }
        }
        if has("skills_fts")? {
            let outcome = conn.execute(
                "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
                [],
            );
            if let Err(error) = outcome {
                self.damage.push(format!("the full-text index: {error}"));
            }
        }
        if has("sync_history")? {
            let mut found =
                conn.prepare("SELECT id, status, skills_added, skills_updated FROM sync_history")?;
            let mut rows = found.query([])?;
            while let Some(row) = rows.next()? {
                let entry = Entry {
                    status: row.get(1)?,
                    added: row.get::<_, Option<u32>>(2)?.unwrap_or(0).into(),
                    updated: row.get::<_, Option<u32>>(3)?.unwrap_or(0).into(),
                };
                self.history.insert(row.get(0)?, entry);
            }
        }
        if has("sync_config")? {
            let mut found = conn.prepare("SELECT last_sync_at FROM sync_config")?;
            let mut rows = found.query([])?;
            if let Some(row) = rows.next()? {
                self.last_sync_at = row.get(0)?;
            }
        }
        Ok(())
    }

    fn is_local(&self, id: &str) -> bool {
        self.rows.get(id).is_some_and(|row| {
            row.get("source")
                .is_some_and(|source| *source == Stored::Text("local".into()))
        })
    }

    /// The number of rows that are not in `before`, and of rows that differ.
    fn news(&self, before: &Self) -> (u64, u64) {
        let is_new = |id: &&String| !before.rows.contains_key(*id);
        let new = self.rows.keys().filter(is_new).count();
        let same = self
            .rows
            .iter()
            .filter(|(id, row)| before.rows.get(*id) == Some(row))
            .count();
        (
            new.try_into().unwrap(),
            (self.rows.len() - new - same).try_into().unwrap(),
        )
    }

    fn entries_since<'s>(
        &'s self,
        before: &'s Self,
    ) -> impl Iterator<Item = (&'s String, &'s Entry)> {
        self.history
            .iter()
            .filter(|(id, _)| !before.history.contains_key(*id))
    }
}

/// What the registry serves, by id.
pub(crate) struct Served(BTreeMap<String, Value>);

impl Served {
    pub(crate) fn new(skills: &[Value]) -> Self {
        let by_id = |skill: &Value| (skill["id"].as_str().unwrap().to_owned(), skill.clone());
        Self(skills.iter().map(by_id).collect())
    }

    /// Whether the row has the served values, except for the tier: an old file stores the nearest
    /// one.
    fn matches(&self, id: &str, row: &Row) -> bool {
        const FIELDS: [&str; 6] = [
            "name",
            "description",
            "author",
            "repo_url",
            "created_at",
            "updated_at",
        ];
        self.0.get(id).is_some_and(|skill| {
            FIELDS.iter().all(|field| {
                let Some(served) = skill.get(*field) else {
                    return true;
                };
                match (served, &row[*field]) {
                    (Value::Null, Stored::Null) => true,
                    (Value::String(served), Stored::Text(stored)) => served == stored,
                    _ => false,
                }
            })
        })
    }

    /// The ids that are missing in the table or differ.
    fn missing(&self, snapshot: &Snapshot) -> Vec<&str> {
        self.0
            .keys()
            .filter(|id| {
                !snapshot.is_local(id)
                    && !snapshot
                        .rows
                        .get(*id)
                        .is_some_and(|row| self.matches(id, row))
            })
            .map(String::as_str)
            .collect()
    }
}

/// A process that was not killed must exit normally.
pub(crate) fn ended_by_itself(told: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    if !matches!(told.code, Some(0 | 1 | 3)) {
        wrong.push(format!(
            "it ended with code {:?}, signal {:?}: {}",
            told.code, told.signal, told.stderr
        ));
    }
    for bad in ["panic", "Internal error"] {
        if told.stderr.contains(bad) || told.stdout.contains(bad) {
            wrong.push(format!("it said: {}{}", told.stderr, told.stdout));
        }
    }
    if told.result.is_none() && !told.stdout.is_empty() {
        wrong.push(format!("it wrote no JSON: {}", told.stdout));
    }
    if told.code != Some(0) && told.stderr.is_empty() && told.result.is_none() {
        wrong.push("it failed without a word".into());
    }
    wrong
}

/// Promise 3: neither the file nor the result claims more than is stored; no stored row is lost, or
/// changed to values that were never served.
pub(crate) fn after_a_fault(
    before: &Snapshot,
    after: &Snapshot,
    told: &Told,
    served: &Served,
) -> Vec<String> {
    let mut wrong = after.damage.clone();
    let missing = served.missing(after);
    let (new, changed) = after.news(before);

    for (id, row) in &before.rows {
        match after.rows.get(id) {
            None => wrong.push(format!("the row of {id} is gone")),
            Some(now) if before.is_local(id) && now != row => {
                wrong.push(format!("the user's own row {id} was changed"));
            }
            Some(_) => {}
        }
    }
    for (id, row) in &after.rows {
        if before.rows.get(id) != Some(row) && !served.matches(id, row) {
            wrong.push(format!("nobody ever served what stands at {id}"));
        }
    }

    let entries: Vec<_> = after.entries_since(before).collect();
    let added: u64 = entries.iter().map(|(_, entry)| entry.added).sum();
    let updated: u64 = entries.iter().map(|(_, entry)| entry.updated).sum();
    if added > new || updated > changed {
        wrong.push(format!(
            "the history claims {added} new and {updated} changed rows, {new} and {changed} are there"
        ));
    }
    let running = entries
        .iter()
        .filter(|(_, entry)| entry.status == "running")
        .count();
    // A run that cannot write cannot close its entry; the next run does.
    if running > 1 {
        wrong.push(format!("{running} entries are marked as running"));
    }
    if !missing.is_empty() {
        let lacks = format!(
            "{} skills are missing, such as {}",
            missing.len(),
            missing[0]
        );
        if let Some((id, _)) = entries.iter().find(|(_, entry)| entry.status == "success") {
            wrong.push(format!("{id} is called a success, and {lacks}"));
        }
        if after.last_sync_at != before.last_sync_at {
            wrong.push(format!("it is marked as synced, and {lacks}"));
        }
        if told.code == Some(0) {
            wrong.push(format!("it ended with 0, and {lacks}"));
        }
    }
    wrong.extend(claims(told, new, changed, missing.len()));
    wrong
}

/// Compares what the run reported with what is stored.
fn claims(told: &Told, new: u64, changed: u64, missing: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(result) = &told.result {
        let number = |key: &str| result[key].as_u64().unwrap_or(0);
        let (added, updated) = (number("skillsAdded"), number("skillsUpdated"));
        if added > new || updated > changed {
            wrong.push(format!(
                "the result claims {added} new and {updated} changed rows, {new} and {changed} are there"
            ));
        }
        if result["success"] == true && missing > 0 {
            wrong.push(format!(
                "the result says success, {missing} skills are missing"
            ));
        }
        // It may be killed after it has printed its result.
        if told.signal.is_none() && (told.code == Some(0)) != (result["success"] == true) {
            wrong.push(format!("code {:?} with {result}", told.code));
        }
    }
    // "1637 skills were written and are kept"
    for line in told.stderr.lines() {
        if let Some((words, _)) = line
            .split_once(" were written")
            .or_else(|| line.split_once(" was written"))
            && let Some(number) = words.split(' ').find_map(|word| word.parse::<u64>().ok())
            && number > new + changed
        {
            wrong.push(format!("\"{line}\", {} are there", new + changed));
        }
    }
    wrong
}

/// The run after a fault, without any fault of its own.
pub(crate) fn after_a_good_run(
    before: &Snapshot,
    after: &Snapshot,
    told: &Told,
    served: &Served,
) -> Vec<String> {
    let mut wrong = after_a_fault(before, after, told, served);
    wrong.extend(ended_by_itself(told));
    if told.code != Some(0) {
        wrong.push(format!("code {:?}: {}", told.code, told.stderr));
    }
    let missing = served.missing(after);
    if !missing.is_empty() {
        wrong.push(format!("{} skills are missing", missing.len()));
    }
    let is_running = |entry: &Entry| entry.status == "running";
    if after.history.values().any(is_running) {
        wrong.push("an entry is still marked as running".into());
    }
    wrong
        .into_iter()
        .map(|what| format!("the next run: {what}"))
        .collect()
}

/// A run that had nothing to do.
pub(crate) fn after_no_change(before: &Snapshot, after: &Snapshot, told: &Told) -> Vec<String> {
    let mut wrong = after.damage.clone();
    if told.code != Some(0) || after.rows != before.rows {
        wrong.push(format!("code {:?}: {}", told.code, told.stderr));
    }
    if let Some(result) = &told.result
        && (result["skillsAdded"] != 0 || result["skillsUpdated"] != 0)
    {
        wrong.push(format!("it found something new: {result}"));
    }
    wrong
        .into_iter()
        .map(|what| format!("the run after that: {what}"))
        .collect()
}

/// Panics with the first problem, and the number of others.
#[track_caller]
pub(crate) fn assert_none(trials: u64, wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} faults of {trials} trials:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
}
