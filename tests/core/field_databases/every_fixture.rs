//! One test for every file in the field: opened, synced, synced again.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::Value;
use serde_json::Value as Json;
use skillsmith_sync::{
    Coverage, Database, SyncConfigRepository, SyncFrequency, SyncHistoryRepository, SyncStatus,
};

use super::fixture::{Field, all};
use super::served;
use super::support::{
    SYNC_TABLES, SkillRow, assert_sound, dump, dump_table, has_table, look, matching, schema,
    skills, sync_well, text, versions,
};

/// What is different from fixture to fixture.
#[derive(Default)]
struct Expected {
    /// The rows of `schema_version` once we have opened it.
    stamps: Option<&'static [i64]>,
    journal: &'static str,
    /// The words of the CHECK on `trust_tier`; `None` where there is none.
    tiers: Option<&'static [&'static str]>,
    /// Served ids that are the user's own here.
    local: &'static [&'static str],
    /// Served ids whose URL another row has.
    without_url: &'static [&'static str],
    /// It has the configuration and the runs of a user.
    has_books: bool,
}

const NARROW: Option<&[&str]> = Some(&["verified", "community", "experimental", "unknown"]);
const UPGRADED: Option<&[&str]> = Some(&[
    "verified",
    "curated",
    "community",
    "experimental",
    "unknown",
    "local",
]);
const WIDE: Option<&[&str]> = Some(&[
    "official",
    "verified",
    "curated",
    "community",
    "unverified",
    "experimental",
    "unknown",
    "local",
]);
const TO_17: &[i64] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];
const TO_18: &[i64] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
];

macro_rules! fixtures {
    ($($name:ident: $expected:expr;)+) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name), &$expected);
            }
        )+

        #[test]
        fn every_fixture_has_its_test() {
            let mut tested = vec![$(stringify!($name)),+];
            tested.sort_unstable();
            assert_eq!(all(), tested);
        }
    };
}

fixtures! {
    v0_no_schema_version: Expected { journal: "wal", tiers: NARROW, ..Default::default() };
    v1: Expected { stamps: Some(&[1]), journal: "wal", tiers: NARROW, ..Default::default() };
    v2: Expected { stamps: Some(&[1, 2, 3]), journal: "wal", tiers: NARROW, ..Default::default() };
    v3: Expected { stamps: Some(&[1, 2, 3]), journal: "wal", tiers: NARROW, has_books: true, ..Default::default() };
    v4_without_sync_tables: Expected { stamps: Some(&[4]), journal: "wal", tiers: NARROW, ..Default::default() };
    narrow_tiers: Expected { stamps: Some(&[1, 2, 3, 4, 8, 11]), journal: "wal", tiers: NARROW, has_books: true, ..Default::default() };
    with_skill_versions: Expected { stamps: Some(&[1, 2, 3, 4, 5, 6]), journal: "wal", tiers: NARROW, has_books: true, ..Default::default() };
    v5: Expected { stamps: Some(&[1, 2, 3, 4, 5]), journal: "wal", tiers: NARROW, has_books: true, ..Default::default() };
    v8: Expected { stamps: Some(&[1, 2, 3, 4, 5, 6, 7, 8]), journal: "wal", tiers: NARROW, has_books: true, ..Default::default() };
    v13: Expected { stamps: Some(&TO_17[..13]), journal: "wal", tiers: NARROW, has_books: true, ..Default::default() };
    v18_upgraded: Expected { stamps: Some(TO_18), journal: "wal", tiers: UPGRADED, has_books: true, ..Default::default() };
    v18_created: Expected { stamps: Some(TO_18), journal: "wal", tiers: WIDE, has_books: true, ..Default::default() };
    v17_upgraded: Expected { stamps: Some(TO_17), journal: "wal", tiers: UPGRADED, has_books: true, ..Default::default() };
    v17_created: Expected { stamps: Some(TO_17), journal: "wal", tiers: WIDE, has_books: true, ..Default::default() };
    local_rows: Expected {
        stamps: Some(&[1, 2, 3, 4, 8, 11, 16]), journal: "wal", tiers: UPGRADED, has_books: true,
        local: &["field/local"], without_url: &["field/wants-url"],
    };
    imported: Expected { journal: "delete", ..Default::default() };
    imported_fts_without_triggers: Expected { stamps: Some(&[1, 3, 4]), journal: "delete", ..Default::default() };
    rollback_journal: Expected { stamps: Some(&[1, 2, 3, 4]), journal: "delete", tiers: NARROW, has_books: true, ..Default::default() };
    upset_index: Expected { stamps: Some(&[1, 2, 3]), journal: "wal", tiers: NARROW, ..Default::default() };
}

/// Served rows that stand in every fixture as they are served.
const UNCHANGED: [&str; 2] = ["field/equal", "field/unstamped"];
/// Served rows that stand in every fixture, but older.
const UPDATED: [&str; 3] = ["field/older", "field/nulls", "field/sparse"];

fn check(name: &str, expected: &Expected) {
    let field = Field::new(name);
    let conn = look(&field.path);
    let before = State::of(&conn);
    drop(conn);

    // Opened.
    let database = Database::open(&field.path).unwrap();
    let conn = look(&field.path);
    let opened = State::of(&conn);
    assert_eq!(opened.schema, before.schema, "opening changed the schema");
    assert_same(&opened, &before, &[], "opening");
    assert_eq!(
        text(&conn, "PRAGMA journal_mode").unwrap(),
        expected.journal
    );
    check_books_of_opened(&database, &before, &opened, expected);

    // Synced.
    let server = served::start();
    let result = sync_well(&database, &server);
    let live = server.catalogue(|catalogue| catalogue.values());
    assert_eq!(result.coverage, Coverage::Complete);
    assert_eq!(versions(&look(&field.path)).as_deref(), expected.stamps);
    assert_eq!(result.total_processed, live.len() as u64);
    assert_eq!(result.skills_updated, UPDATED.len() as u64);
    let unchanged = UNCHANGED.len() + expected.local.len();
    assert_eq!(result.skills_unchanged, unchanged as u64);
    for warning in &result.warnings {
        let about_url = expected
            .without_url
            .iter()
            .any(|id| warning.contains(id) && warning.contains("repo_url"));
        assert!(
            about_url
                || (warning.contains("trust tier") && warning.contains("is stored as"))
                || warning.ends_with("more warnings"),
            "{warning}"
        );
    }

    let synced = State::of(&conn);
    assert_eq!(synced.schema, opened.schema, "the sync changed the schema");
    let written = [
        "skills",
        "skills_fts_data",
        "skills_fts_idx",
        "skills_fts_docsize",
        "skill_versions",
        "sqlite_sequence",
        "schema_version",
        "categories",
        "skill_categories",
    ];
    assert_same(&synced, &opened, &written, "the sync");
    for stamp in before.dump.get("schema_version").into_iter().flatten() {
        assert!(synced.dump["schema_version"].contains(stamp), "{stamp}");
    }
    assert_eq!(
        text(&conn, "PRAGMA journal_mode").unwrap(),
        expected.journal
    );
    check_rows(&conn, &before.skills, &live, expected);
    check_versions(&conn, &before, &live, expected);
    check_categories(&conn, &before, &live, expected);
    assert_sound(&conn);
    if has_table(&conn, "skills_fts") {
        assert!(matching(&conn, "description:newer").contains(&"field/older".to_owned()));
        assert!(matching(&conn, "quetzalcoatlus OR archaeopteryx").is_empty());
        assert!(matching(&conn, "\"A text of last year\"").is_empty());
    }
    check_books_of_synced(&database, expected);

    // Synced again, and closed.
    let again = sync_well(&database, &server);
    assert_eq!(again.skills_unchanged, live.len() as u64, "{again:?}");
    assert_eq!(
        again.warnings.len(),
        expected.without_url.len(),
        "{:?}",
        again.warnings
    );
    assert_same(&State::of(&conn), &synced, &[], "the second sync");
    assert_sound(&conn);
    drop(conn);
    drop(database);
    assert_eq!(
        text(&look(&field.path), "PRAGMA journal_mode").unwrap(),
        expected.journal
    );
}

struct State {
    schema: Vec<String>,
    dump: BTreeMap<String, Vec<String>>,
    skills: BTreeMap<String, SkillRow>,
}

impl State {
    fn of(conn: &Connection) -> Self {
        Self {
            schema: schema(conn),
            dump: dump(conn),
            skills: skills(conn),
        }
    }
}

/// All tables are the same, but for the library's own and `written`.
#[track_caller]
fn assert_same(now: &State, before: &State, written: &[&str], what: &str) {
    let others = |state: &State| -> BTreeMap<String, Vec<String>> {
        state
            .dump
            .iter()
            .filter(|(table, _)| {
                !SYNC_TABLES.contains(&table.as_str()) && !written.contains(&table.as_str())
            })
            .map(|(table, rows)| (table.clone(), rows.clone()))
            .collect()
    };
    let (now, before) = (others(now), others(before));
    assert_eq!(
        now.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>()
    );
    for (table, rows) in now {
        assert_eq!(rows, before[&table], "{what} changed the table {table}");
    }
}

/// Every served skill stands there with the registry's values, and all others as before.
fn check_rows(
    conn: &Connection,
    before: &BTreeMap<String, SkillRow>,
    live: &[Json],
    expected: &Expected,
) {
    let columns = columns(conn);
    let mut now = skills(conn);
    for served in live {
        let id = served["id"].as_str().unwrap();
        let row = now.remove(id).unwrap_or_else(|| panic!("{id} is missing"));
        let old = before.get(id);
        if UNCHANGED.contains(&id) || expected.local.contains(&id) {
            assert_eq!(Some(&row), old, "{id} was to be left alone");
            continue;
        }
        for column in &columns {
            let found = &row[&column.name];
            let wanted = column.wanted(served, old, expected);
            assert!(
                wanted.is(found),
                "{id}, {}: {found:?} instead of {wanted:?}",
                column.name
            );
        }
    }
    for (id, row) in now {
        assert_eq!(Some(&row), before.get(&id), "{id} is not in the registry");
    }
}

struct Column {
    name: String,
    not_null: bool,
    default: Value,
}

fn columns(conn: &Connection) -> Vec<Column> {
    conn.prepare("SELECT name, \"notnull\" OR pk, dflt_value FROM pragma_table_info('skills')")
        .unwrap()
        .query_map([], |row| {
            let default: Option<String> = row.get(2)?;
            Ok(Column {
                name: row.get(0)?,
                not_null: row.get(1)?,
                default: default.map_or(Ok(Value::Null), |sql| {
                    conn.query_row(&format!("SELECT {sql}"), [], |row| row.get(0))
                })?,
            })
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// What has to stand in a column.
#[derive(Debug)]
enum Wanted {
    Exactly(Value),
    /// A text that means this JSON.
    Json(Json),
    /// The moment of the writing, which the test does not know.
    SomeText,
}

impl Wanted {
    fn is(&self, found: &Value) -> bool {
        match (self, found) {
            (Self::Exactly(wanted), found) => wanted == found,
            (Self::Json(wanted), Value::Text(text)) => {
                serde_json::from_str::<Json>(text).is_ok_and(|found| found == *wanted)
            }
            (Self::SomeText, Value::Text(text)) => !text.is_empty(),
            _ => false,
        }
    }
}

impl Column {
    fn wanted(&self, served: &Json, old: Option<&SkillRow>, expected: &Expected) -> Wanted {
        let id = served["id"].as_str().unwrap();
        let name = self.name.as_str();
        if name == "source" {
            return Wanted::Exactly(
                old.map_or_else(|| Value::Text("registry".into()), |old| old[name].clone()),
            );
        }
        match told_of(served, name).as_ref() {
            Some(Json::Null) if !self.not_null => Wanted::Exactly(Value::Null),
            // Absent, or a null that the column does not take.
            None | Some(Json::Null) => match old {
                Some(old) => Wanted::Exactly(old[name].clone()),
                None if self.name.ends_with("_at") && self.default != Value::Null => {
                    Wanted::SomeText
                }
                None => Wanted::Exactly(self.default.clone()),
            },
            Some(Json::String(url)) if name == "repo_url" => {
                Wanted::Exactly(if expected.without_url.contains(&id) {
                    Value::Null
                } else {
                    Value::Text(url.clone())
                })
            }
            Some(Json::String(tier)) if name == "trust_tier" => {
                Wanted::Exactly(Value::Text(tier_in(tier, expected.tiers).into()))
            }
            Some(Json::String(text)) => Wanted::Exactly(Value::Text(text.clone())),
            Some(Json::Bool(is)) => Wanted::Exactly(Value::Integer((*is).into())),
            Some(Json::Number(number)) if name == "quality_score" => {
                Wanted::Exactly(Value::Real(number.as_f64().unwrap()))
            }
            Some(Json::Number(number)) => Wanted::Exactly(Value::Integer(number.as_i64().unwrap())),
            Some(other) => Wanted::Json(other.clone()),
        }
    }
}

/// What a row tells of a column, by the contract; `None` where it does not.
fn told_of(served: &Json, column: &str) -> Option<Json> {
    match column {
        "security_scanned_at" => served.get("last_scanned_at").cloned(),
        "risk_score" => served
            .get("security_score")
            .map(|score| match score.as_f64() {
                Some(score) if (0.0..=100.0).contains(&score) => {
                    Json::from(format!("{score:.0}").parse::<i64>().unwrap())
                }
                _ => Json::Null,
            }),
        "security_findings_count" => served
            .get("security_findings")
            .map(|findings| match findings.as_array() {
                Some(findings) => Json::from(findings.len()),
                None => Json::Null,
            }),
        "security_passed" if served.get("quarantined") == Some(&Json::Bool(true)) => Some(0.into()),
        "security_passed" => match told_of(served, "risk_score") {
            Some(Json::Null) => Some(Json::Null),
            score => score.map(|_| 1.into()),
        },
        name => served.get(name).cloned(),
    }
}

/// The contract's table of narrowed tiers.
fn tier_in<'t>(tier: &'t str, allowed: Option<&[&str]>) -> &'t str {
    let allows = |tier: &str| allowed.is_none_or(|allowed| allowed.contains(&tier));
    match tier {
        // Only the user's own rows are local.
        "local" => "unknown",
        tier if allows(tier) => tier,
        "official" => "verified",
        "curated" => "community",
        _ => "unknown",
    }
}

fn check_versions(conn: &Connection, before: &State, live: &[Json], expected: &Expected) {
    if !has_table(conn, "skill_versions") {
        return;
    }
    let old = &before.dump["skill_versions"];
    let now = dump_table(conn, "skill_versions");
    assert_eq!(
        now[..old.len()],
        old[..],
        "recorded versions stay as they are"
    );
    let recorded: Vec<(String, String)> = conn
        .prepare("SELECT skill_id, content_hash FROM skill_versions ORDER BY id LIMIT -1 OFFSET ?1")
        .unwrap()
        .query_map([i64::try_from(old.len()).unwrap()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let is_local = |id: &str| expected.local.contains(&id);
    if expected.stamps == Some(TO_18) {
        // Of every skill that carries one the registry's own hash.
        let served = live.iter().filter_map(|served| {
            let hash = served["content_hash"].as_str()?;
            Some((served["id"].as_str()?.to_owned(), hash.to_owned()))
        });
        let mut served: Vec<_> = served.filter(|(id, _)| !is_local(id)).collect();
        let mut recorded = recorded;
        served.sort();
        recorded.sort();
        assert!(served.len() > 10);
        assert_eq!(recorded, served);
        return;
    }
    let each_once: BTreeSet<&String> = recorded.iter().map(|(id, _)| id).collect();
    assert_eq!(each_once.len(), recorded.len());
    let now = skills(conn);
    let changed: BTreeSet<&String> = now
        .keys()
        .filter(|id| {
            UPDATED.contains(&id.as_str()) || (!before.skills.contains_key(*id) && !is_local(id))
        })
        .collect();
    assert_eq!(each_once, changed);
}

/// A skill is in the categories that were served, and in those it was in where none were.
fn check_categories(conn: &Connection, before: &State, live: &[Json], expected: &Expected) {
    if !has_table(conn, "skill_categories") {
        return;
    }
    let old = &before.dump["categories"];
    let now = dump_table(conn, "categories");
    assert_eq!(now[..old.len()], old[..], "categories stay as they are");
    let mut now = categories(conn);
    assert!(now.len() > 10);
    for served in live {
        let id = served["id"].as_str().unwrap();
        let found = now.remove(id).unwrap_or_default();
        match &served["categories"] {
            _ if expected.local.contains(&id) => assert_eq!(found, BTreeSet::new(), "{id}"),
            Json::Array(names) => {
                let names = names.iter().map(|name| name.as_str().unwrap().to_owned());
                assert_eq!(found, names.collect(), "{id}");
            }
            _ if id == "field/older" => assert_eq!(found, BTreeSet::from(["testing".into()])),
            _ => assert_eq!(found, BTreeSet::new(), "{id}"),
        }
    }
    let own = [(
        "own/unknown".to_owned(),
        BTreeSet::from(["testing".to_owned()]),
    )];
    assert_eq!(now, own.into());
    let odd = "SELECT id FROM categories WHERE id <> replace(lower(name), ' ', '-') AND id <> 'c1'";
    assert_eq!(text(conn, odd), None);
}

fn categories(conn: &Connection) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut rows = conn
        .prepare("SELECT l.skill_id, c.name FROM skill_categories AS l JOIN categories AS c ON c.id = l.category_id")
        .unwrap();
    let mut rows = rows.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        found
            .entry(row.get(0).unwrap())
            .or_default()
            .insert(row.get(1).unwrap());
    }
    found
}

/// The user's settings and runs stay; where there were none, the row of defaults is there.
fn check_books_of_opened(database: &Database, before: &State, opened: &State, expected: &Expected) {
    assert_eq!(
        before.dump.contains_key("sync_config")
            && before.dump["sync_config"].len() == 1
            && before.dump["sync_history"].len() == 2,
        expected.has_books
    );
    let config = SyncConfigRepository::new(database).get_config().unwrap();
    if expected.has_books {
        for table in ["sync_config", "sync_history"] {
            assert_eq!(opened.dump[table], before.dump[table]);
        }
    } else {
        assert!(config.enabled);
        assert_eq!(config.frequency, SyncFrequency::Daily);
        assert_eq!(config.interval_ms, 86_400_000);
        assert_eq!(config.last_sync_at, None);
        assert_eq!(SyncHistoryRepository::new(database).count().unwrap(), 0);
    }
}

fn check_books_of_synced(database: &Database, expected: &Expected) {
    let config = SyncConfigRepository::new(database).get_config().unwrap();
    let history = SyncHistoryRepository::new(database)
        .get_history(10)
        .unwrap();
    assert_eq!(history.len(), if expected.has_books { 3 } else { 1 });
    assert_eq!(history[0].status, SyncStatus::Success);
    assert_eq!(
        config.last_sync_at.as_ref(),
        Some(&history[0].started_at),
        "the time at which the run started"
    );
    assert_eq!(
        config.last_sync_count,
        history[0].skills_added + history[0].skills_updated
    );
    if expected.has_books {
        assert!(!config.enabled);
        assert_eq!(config.frequency, SyncFrequency::Weekly);
        assert_eq!(history[1].id, "sync-20260601080000-def456");
        assert_eq!(history[2].status, SyncStatus::Failed);
    }
}
