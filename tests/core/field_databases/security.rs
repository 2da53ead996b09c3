//! The columns of a security scan, which the TypeScript engine never fills.

use rusqlite::types::Value;
use serde_json::{Value as Json, json};
use skillsmith_sync::{Database, SkillRepository, SyncResult};
use skillsmith_test_registry::{Catalogue, Options, Server};

use super::fixture::Field;
use super::support::{assert_sound, dump, look, skill, skills, sync_well};

const ID: &str = "s/one";

struct Scene {
    field: Field,
    database: Database,
    server: Server,
}

impl Scene {
    fn new(fixture: &str) -> Self {
        let field = Field::new(fixture);
        Self {
            database: Database::open(&field.path).unwrap(),
            field,
            server: Server::start(Catalogue::new(), Options::default()),
        }
    }

    /// Serves one skill with these fields, under that day's stamp.
    fn serve(&self, day: u32, fields: &Json) -> SyncResult {
        let mut row =
            json!({"id": ID, "name": "one", "updated_at": format!("2026-05-{day:02}T00:00:00Z")});
        row.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        self.server.catalogue(|catalogue| catalogue.upsert(row));
        sync_well(&self.database, &self.server)
    }

    /// What stands there: when it was scanned, risk, findings, passed.
    fn stored(&self) -> [Value; 4] {
        let mut row = skill(&self.field.path, ID);
        [
            "security_scanned_at",
            "risk_score",
            "security_findings_count",
            "security_passed",
        ]
        .map(|column| row.remove(column).unwrap())
    }

    fn passed(&self) -> Value {
        let [_, _, _, passed] = self.stored();
        passed
    }
}

#[test]
fn a_scan_that_a_row_carries_is_stored_and_read_back() {
    let scene = Scene::new("v17_created");
    let scan = json!({"last_scanned_at": "2026-04-30T10:00:00Z", "security_score": 12.6,
        "security_findings": [{"a": [1, 2]}, "b", null], "quarantined": false});
    scene.serve(1, &scan);
    let at = Value::Text("2026-04-30T10:00:00Z".into());
    let whole = Value::Integer;
    assert_eq!(scene.stored(), [at.clone(), whole(13), whole(3), whole(1)]);
    let read = SkillRepository::new(&scene.database)
        .find_by_id(ID)
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            read.risk_score,
            read.security_findings_count,
            read.security_passed
        ),
        (Some(13), 3, Some(true))
    );

    // A row that says nothing of a scan leaves all of it.
    scene.serve(2, &json!({"quarantined": false}));
    assert_eq!(scene.stored(), [at, whole(13), whole(3), whole(1)]);
    // Null clears.
    scene.serve(3, &json!({"last_scanned_at": null, "security_score": null, "security_findings": null, "quarantined": null}));
    assert_eq!(
        scene.stored(),
        [Value::Null, Value::Null, Value::Null, Value::Null]
    );
    assert_sound(&look(&scene.field.path));
}

#[test]
fn a_skill_that_gets_into_quarantine_is_marked_at_the_next_sync() {
    // Out of quarantine, of one whose rows have no score nothing is known.
    for (fields, free) in [
        (json!({}), Value::Null),
        (json!({"security_score": 100}), Value::Integer(1)),
    ] {
        let scene = Scene::new("v18_created");
        let serve = |quarantined: bool| {
            let mut fields = fields.clone();
            fields["quarantined"] = quarantined.into();
            // Under one and the same stamp.
            scene.serve(1, &fields)
        };
        serve(false);
        assert_eq!(scene.passed(), free);
        for (quarantined, passed) in [(true, Value::Integer(0)), (false, free.clone())] {
            assert_eq!(serve(quarantined).skills_updated, 1);
            assert_eq!(scene.passed(), passed, "{fields}");
            let before = dump(&look(&scene.field.path));
            assert_eq!(serve(quarantined).skills_unchanged, 1);
            let after = dump(&look(&scene.field.path));
            assert_eq!(after["skills"], before["skills"]);
        }
    }
}

#[test]
fn a_row_that_does_not_tell_of_the_quarantine_leaves_the_mark() {
    let scene = Scene::new("v17_created");
    scene.serve(1, &json!({"quarantined": true}));
    for (day, fields) in [
        (1, json!({})),
        (2, json!({"quarantined": null})),
        (3, json!({"security_score": null})),
        (4, json!({"quarantined": "perhaps", "security_score": 1})),
    ] {
        scene.serve(day, &fields);
        assert_eq!(scene.passed(), Value::Integer(0), "{fields}");
    }
}

#[test]
fn a_score_that_is_none_is_null_with_a_warning() {
    let scene = Scene::new("v17_created");
    for (day, score) in [
        json!(100.4),
        json!(-1),
        json!(1e30),
        json!("low"),
        json!([1]),
    ]
    .into_iter()
    .enumerate()
    {
        let day = u32::try_from(day).unwrap() * 2 + 1;
        scene.serve(day, &json!({"security_score": 7}));
        let result = scene.serve(
            day + 1,
            &json!({"security_score": score, "security_findings": {"a": 1}, "last_scanned_at": 5}),
        );
        let [at, risk, findings, passed] = scene.stored();
        assert_eq!(
            (at, risk, findings, passed),
            (Value::Null, Value::Null, Value::Null, Value::Null),
            "{score}"
        );
        assert_eq!(result.warnings.len(), 1, "{:?}", result.warnings);
        assert!(
            result.warnings[0].contains("security_score is not a number from 0 to 100"),
            "{:?}",
            result.warnings
        );
    }
}

/// Version 3 has none of the columns, and imported files may have some.
#[test]
fn a_file_that_lacks_a_column_is_written_without_it() {
    for more in [
        "",
        "ALTER TABLE skills ADD COLUMN security_passed INTEGER",
        "ALTER TABLE skills ADD COLUMN risk_score REAL",
    ] {
        let field = Field::with("v3", more);
        let database = Database::open(&field.path).unwrap();
        let row = json!({"id": ID, "name": "one", "security_score": 5, "quarantined": true, "last_scanned_at": "x",
            "updated_at": "2026-05-01T00:00:00Z"});
        let server = Server::start([row].into_iter().collect(), Options::default());
        assert_eq!(sync_well(&database, &server).skills_added, 1);
        assert_eq!(sync_well(&database, &server).skills_unchanged, 1);
        let row = skill(&field.path, ID);
        assert_eq!(
            row.get("security_passed")
                .is_some_and(|value| *value == Value::Integer(0)),
            more.contains("passed")
        );
        assert_eq!(
            row.get("risk_score")
                .is_some_and(|value| *value == Value::Real(5.0)),
            more.contains("risk")
        );
    }
}

/// As a step of the other stack brings them, or a newer version of this library that fills more.
#[test]
fn columns_that_come_later_are_filled_by_the_next_sync() {
    let scene = Scene::new("v3");
    let served = json!({"security_score": 5, "quarantined": true, "categories": ["A"]});
    scene.serve(1, &served);
    look(&scene.field.path)
        .execute_batch("ALTER TABLE skills ADD COLUMN risk_score INTEGER; ALTER TABLE skills ADD COLUMN security_passed INTEGER")
        .unwrap();
    assert_eq!(scene.serve(1, &served).skills_updated, 1);
    let row = skill(&scene.field.path, ID);
    assert_eq!(
        (&row["risk_score"], &row["security_passed"]),
        (&Value::Integer(5), &Value::Integer(0))
    );
    assert_eq!(scene.serve(1, &served).skills_unchanged, 1);
}

#[test]
fn the_users_own_skill_is_never_marked() {
    let field = Field::new("local_rows");
    let before = skills(&look(&field.path));
    let database = Database::open(&field.path).unwrap();
    let row = json!({"id": "field/local", "name": "x", "quarantined": true, "security_score": 3, "categories": ["A"],
        "content_hash": "ab", "updated_at": "2027-05-01T00:00:00Z"});
    let server = Server::start([row].into_iter().collect(), Options::default());
    sync_well(&database, &server);
    let conn = look(&field.path);
    assert_eq!(skills(&conn), before);
    assert!(
        !conn
            .prepare("SELECT 1 FROM skill_categories WHERE skill_id = 'field/local'")
            .unwrap()
            .exists([])
            .unwrap()
    );
}
