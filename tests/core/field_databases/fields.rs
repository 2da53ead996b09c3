//! How single fields are stored: tiers, nulls, absent fields.

use rusqlite::types::Value;
use serde_json::json;
use skillsmith_sync::Database;
use skillsmith_test_registry::{Catalogue, Options, Server};

use super::fixture::Field;
use super::support::{look, number, skill, sync_well, text};

fn tiers_in(fixture: &str) -> Vec<(&'static str, String)> {
    let tiers = [
        "official",
        "verified",
        "curated",
        "community",
        "unverified",
        "experimental",
        "unknown",
        "platinum",
    ];
    let field = Field::new(fixture);
    let database = Database::open(&field.path).unwrap();
    let rows = tiers
        .into_iter()
        .map(|tier| json!({"id": tier, "name": tier, "trust_tier": tier, "updated_at": "2026-05-01T00:00:00Z"}));
    let server = Server::start(rows.collect::<Catalogue>(), Options::default());

    let first = sync_well(&database, &server);
    let stored: Vec<_> = tiers
        .into_iter()
        .map(|tier| match &skill(&field.path, tier)["trust_tier"] {
            Value::Text(stored) => (tier, stored.clone()),
            other => panic!("{tier}: {other:?}"),
        })
        .collect();
    for (tier, stored) in &stored {
        let warned = first.warnings.iter().any(|text| {
            text.contains(&format!("Skill '{tier}'")) && text.contains(&format!("'{stored}'"))
        });
        assert_eq!(warned, tier != stored, "{tier}: {:?}", first.warnings);
    }

    // A narrowed tier is no difference, not even where contents are compared.
    let second = sync_well(&database, &server);
    assert_eq!(second.skills_unchanged, 8, "{second:?}");
    let forced = skillsmith_sync::SyncEngine::new(super::support::client(&server), &database)
        .sync(skillsmith_sync::SyncOptions::new().force(true))
        .unwrap();
    assert_eq!(forced.skills_unchanged, 8, "{forced:?}");
    stored
}

fn assert_tiers(fixture: &str, narrowed: &[(&str, &str)]) {
    for (tier, stored) in tiers_in(fixture) {
        let expected = narrowed
            .iter()
            .find(|(from, _)| *from == tier)
            .map_or(tier, |(_, to)| to);
        assert_eq!(stored, expected, "{tier} in {fixture}");
    }
}

#[test]
fn a_tier_that_version_1_refuses_is_stored_as_one_that_grants_no_more_trust() {
    assert_tiers(
        "v1",
        &[
            ("official", "verified"),
            ("curated", "community"),
            ("unverified", "unknown"),
            ("platinum", "unknown"),
        ],
    );
}

#[test]
fn an_upgraded_file_keeps_curated() {
    assert_tiers(
        "v17_upgraded",
        &[
            ("official", "verified"),
            ("unverified", "unknown"),
            ("platinum", "unknown"),
        ],
    );
}

#[test]
fn the_widest_check_narrows_only_unknown_words() {
    assert_tiers("v17_created", &[("platinum", "unknown")]);
}

#[test]
fn without_a_check_every_tier_is_stored_as_it_is() {
    assert_tiers("imported", &[]);
}

#[test]
fn a_changed_skill_keeps_being_narrowed() {
    let field = Field::new("v1");
    let database = Database::open(&field.path).unwrap();
    let server = Server::start(Catalogue::new(), Options::default());
    let serve = |tier: &str, stamp: &str| {
        server.catalogue(|catalogue| {
            catalogue
                .upsert(json!({"id": "t", "name": "t", "trust_tier": tier, "updated_at": stamp}));
        });
        sync_well(&database, &server);
        skill(&field.path, "t")["trust_tier"].clone()
    };
    for (at, (tier, stored)) in [
        ("official", "verified"),
        ("unverified", "unknown"),
        ("community", "community"),
        ("curated", "community"),
    ]
    .into_iter()
    .enumerate()
    {
        let stamp = format!("2026-05-0{}T00:00:00Z", at + 1);
        assert_eq!(serve(tier, &stamp), Value::Text(stored.into()));
    }
}

/// The columns of `field/older` that a registry's row fills, before and after a row that names none of them.
#[test]
fn an_absent_field_leaves_the_column() {
    let field = Field::new("v17_upgraded");
    let before = skill(&field.path, "field/older");
    let database = Database::open(&field.path).unwrap();
    let row = json!({"id": "field/older", "name": "renamed", "updated_at": "2026-05-01T00:00:00Z"});
    let server = Server::start([row].into_iter().collect(), Options::default());
    let result = sync_well(&database, &server);
    assert_eq!(result.skills_updated, 1);

    let mut expected = before;
    expected.insert("name".into(), Value::Text("renamed".into()));
    expected.insert(
        "updated_at".into(),
        Value::Text("2026-05-01T00:00:00Z".into()),
    );
    assert_eq!(skill(&field.path, "field/older"), expected);
}

#[test]
fn a_null_clears_the_column() {
    let field = Field::new("v17_upgraded");
    let before = skill(&field.path, "field/older");
    let database = Database::open(&field.path).unwrap();
    let cleared = [
        "description",
        "author",
        "repo_url",
        "quality_score",
        "trust_tier",
        "tags",
        "stars",
        "content_hash",
        "compatibility",
    ];
    let mut row =
        json!({"id": "field/older", "name": "older", "updated_at": "2026-05-01T00:00:00Z"});
    for column in cleared {
        row[column] = json!(null);
    }
    // The column does not take a null.
    row["created_at"] = json!(null);
    let server = Server::start([row].into_iter().collect(), Options::default());
    sync_well(&database, &server);

    let mut expected = before;
    for column in cleared {
        expected.insert(column.into(), Value::Null);
    }
    expected.insert(
        "updated_at".into(),
        Value::Text("2026-05-01T00:00:00Z".into()),
    );
    assert_eq!(skill(&field.path, "field/older"), expected);
    assert_eq!(sync_well(&database, &server).skills_unchanged, 1);
}

#[test]
fn absent_and_null_differ_in_one_batch() {
    let field = Field::new("v3");
    let database = Database::open(&field.path).unwrap();
    let rows = [
        json!({"id": "field/older", "name": "older", "description": null, "updated_at": "2026-05-01T00:00:00Z"}),
        json!({"id": "field/nulls", "name": "nulls", "author": null, "updated_at": "2026-05-01T00:00:00Z"}),
        json!({"id": "new/null", "name": "new", "tags": null, "trust_tier": null, "updated_at": "2026-05-01T00:00:00Z"}),
        json!({"id": "new/absent", "name": "new", "updated_at": "2026-05-01T00:00:00Z"}),
    ];
    let server = Server::start(rows.into_iter().collect(), Options::default());
    sync_well(&database, &server);
    let texts = |id: &str, columns: [&str; 2]| {
        let row = skill(&field.path, id);
        columns.map(|column| match &row[column] {
            Value::Null => "NULL".to_owned(),
            Value::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(
        texts("field/older", ["description", "author"]),
        ["NULL", "ada"]
    );
    assert_eq!(
        texts("field/nulls", ["description", "author"]),
        ["To be cleared", "NULL"]
    );
    assert_eq!(texts("new/null", ["tags", "trust_tier"]), ["NULL", "NULL"]);
    assert_eq!(
        texts("new/absent", ["tags", "trust_tier"]),
        ["[]", "unknown"]
    );
}

/// The user's own skill gives nothing up, not even to a registry that insists.
#[test]
fn the_users_own_skills_are_never_written() {
    let field = Field::new("local_rows");
    let before: Vec<_> = ["field/local", "own/local", "own/local-nulls"]
        .map(|id| skill(&field.path, id))
        .into();
    let database = Database::open(&field.path).unwrap();
    let rows = [
        json!({"id": "field/local", "name": "a", "repo_url": "https://github.com/me/local", "updated_at": "2027-01-01T00:00:00Z"}),
        json!({"id": "own/local", "name": "b", "updated_at": "2027-01-01T00:00:00Z"}),
        json!({"id": "own/local-nulls", "name": "c", "source": "registry"}),
        json!({"id": "x", "name": "x", "repo_url": "https://github.com/me/mine", "source": "local"}),
    ];
    let server = Server::start(rows.into_iter().collect(), Options::default());
    for force in [false, true] {
        let result = skillsmith_sync::SyncEngine::new(super::support::client(&server), &database)
            .sync(skillsmith_sync::SyncOptions::new().force(force))
            .unwrap();
        assert!(result.success, "{result:?}");
        assert_eq!(result.total_processed, 4);
        assert_eq!(result.skills_unchanged, 3 + u64::from(force), "{result:?}");
        let after: Vec<_> = ["field/local", "own/local", "own/local-nulls"]
            .map(|id| skill(&field.path, id))
            .into();
        assert_eq!(after, before);
    }
    let new = skill(&field.path, "x");
    assert_eq!(new["source"], Value::Text("registry".into()));
    assert_eq!(new["repo_url"], Value::Null);
}

/// `last_sync_at` of a database that the other engine has synced says nothing about what stands in it.
#[test]
fn a_database_of_the_other_engine_is_caught_up_whatever_its_last_sync() {
    let field = Field::with(
        "v3",
        "UPDATE sync_config SET last_sync_at = '2099-01-01T00:00:00.000Z', next_sync_at = '2099-01-02T00:00:00.000Z'",
    );
    let server = super::served::start();
    let database = Database::open(&field.path).unwrap();
    sync_well(&database, &server);
    let conn = look(&field.path);
    let live = server.catalogue(|catalogue| catalogue.len());
    // One row is not the registry's.
    assert_eq!(
        number(&conn, "SELECT count(*) FROM skills"),
        i64::try_from(live).unwrap() + 1
    );
    assert!(
        text(&conn, "SELECT last_sync_at FROM sync_config").is_some_and(|at| at.as_str() < "2099")
    );
}
