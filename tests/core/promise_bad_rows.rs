//! Promise 5, *Bad rows are isolated*.

use serde_json::{Value, json};
use skillsmith_sync::SyncStatus;
use skillsmith_test_registry::Options;

use crate::support::{World, assert_success, rows};

#[test]
fn promise_5_bad_rows_cost_themselves_and_are_named() {
    let world = World::new(300, Options::default());
    let bad: Vec<Value> = vec![
        json!({ "name": "no id" }),
        json!({ "id": "no-name" }),
        json!({ "id": "score", "name": "n", "quality_score": 7 }),
        json!({ "id": "tags", "name": "n", "tags": "a,b" }),
        json!({ "id": "nul", "name": "a\u{0}b" }),
        json!("not even an object"),
    ];
    world
        .server
        .catalogue(|catalogue| bad.iter().for_each(|row| catalogue.push(row.clone())));
    let good = world.server.catalogue(|catalogue| catalogue.values());
    let good: Vec<Value> = good.into_iter().filter(|row| !bad.contains(row)).collect();

    let result = world.sync();
    assert_eq!(result.status, SyncStatus::Partial);
    assert!(!result.success);
    assert_eq!(
        (result.skills_added, result.skills_rejected),
        (300, 6),
        "{result:?}"
    );
    for (label, reason) in [
        ("'no id'", "it has no id"),
        ("'no-name'", "it has no name"),
        ("'score'", "its quality_score is not a number from 0 to 1"),
        ("'tags'", "its tags is not an array or object"),
        ("'nul'", "free of NUL"),
        ("without id", "expected a skill"),
    ] {
        assert!(
            result
                .errors
                .iter()
                .any(|error| error.contains(label) && error.contains(reason)),
            "{label}: {:#?}",
            result.errors
        );
    }
    crate::support::assert_mirrored(&world.path(), &good);
    // The listing was complete, so the schedule continues as after a success.
    let config = world.engine().get_status().unwrap().config;
    assert!(config.last_sync_at.is_some());
    assert!(config.last_sync_error.unwrap().contains("was rejected"));
    let entry = world.history().get_history(1).unwrap().remove(0);
    assert_eq!(entry.status, SyncStatus::Partial);
    assert!(entry.error_message.unwrap().contains("it has no id"));
}

#[test]
fn promise_5_the_database_may_refuse_rows_too() {
    let world = World::new(250, Options::default());
    world
        .look()
        .execute_batch(
            "CREATE TRIGGER picky BEFORE INSERT ON skills WHEN new.name LIKE 'refused%'
             BEGIN SELECT RAISE(ABORT, 'not this one'); END;",
        )
        .unwrap();
    world.server.catalogue(|catalogue| {
        for number in 0..30 {
            catalogue
                .push(json!({ "id": format!("r{number}"), "name": format!("refused {number}") }));
        }
    });
    let result = world.sync();
    assert_eq!(
        (result.skills_added, result.skills_rejected),
        (250, 30),
        "{result:?}"
    );
    assert_eq!(result.errors.len(), 21);
    assert!(
        result.errors[0].contains("not this one"),
        "{:?}",
        result.errors
    );
    assert_eq!(result.errors[20], "and 10 more rejected");
    assert_eq!(rows(&world.path()).len(), 250);

    // Once fixed, they come with the next run.
    world.look().execute_batch("DROP TRIGGER picky").unwrap();
    let result = world.sync();
    assert_success(&result);
    assert_eq!((result.skills_added, result.skills_unchanged), (30, 250));
    world.assert_mirrored();
}

fn skill(id: &str, url: Option<&str>, stamp: u32) -> Value {
    json!({ "id": id, "name": id, "description": id, "repo_url": url, "trust_tier": "community",
            "updated_at": format!("2026-01-01T00:00:{stamp:02}Z") })
}

#[test]
fn promise_5_swapped_urls_are_stored() {
    let world = World::new(0, Options::default());
    let serve = |skills: &[Value]| {
        world.server.catalogue(|catalogue| {
            for row in skills {
                catalogue.upsert(row.clone());
            }
        });
    };
    serve(&[
        skill("a", Some("u1"), 1),
        skill("b", Some("u2"), 1),
        skill("c", Some("u3"), 1),
    ]);
    assert_success(&world.sync());
    // A rotation: a → u2, b → u3, c → u1.
    serve(&[
        skill("a", Some("u2"), 2),
        skill("b", Some("u3"), 2),
        skill("c", Some("u1"), 2),
    ]);
    let result = world.sync();
    assert_success(&result);
    assert_eq!(
        (result.skills_updated, result.warnings.len()),
        (3, 0),
        "{result:?}"
    );
    world.assert_mirrored();
}

#[test]
fn promise_5_a_url_that_two_skills_have_is_stored_once_and_noted() {
    let world = World::new(0, Options::default());
    world.server.catalogue(|catalogue| {
        catalogue.upsert(skill("first", Some("same"), 1));
        catalogue.upsert(skill("second", Some("same"), 1));
    });
    for _ in 0..2 {
        let result = world.sync();
        assert_success(&result);
        assert_eq!(result.warnings.len(), 1, "{result:?}");
        assert!(
            result.warnings[0].contains("without its repo_url, which skill"),
            "{result:?}"
        );
        let urls = rows(&world.path())
            .values()
            .filter(|row| row["repo_url"] == "same")
            .count();
        assert_eq!(urls, 1);
    }
    // The URL is free again: the other row gets it, although that row has not changed.
    let owner = rows(&world.path())
        .into_iter()
        .find(|(_, row)| row["repo_url"] == "same")
        .unwrap()
        .0;
    world
        .server
        .catalogue(|catalogue| catalogue.upsert(skill(&owner, Some("new"), 2)));
    let result = world.sync();
    assert_success(&result);
    assert_eq!(
        (result.skills_updated, result.warnings.len()),
        (2, 0),
        "{result:?}"
    );
    world.assert_mirrored();
}

#[test]
fn promise_5_a_skill_that_left_the_registry_gives_its_url_up() {
    let world = World::new(0, Options::default());
    world
        .server
        .catalogue(|catalogue| catalogue.upsert(skill("old", Some("u"), 1)));
    assert_success(&world.sync());
    world.server.catalogue(|catalogue| {
        catalogue.remove("old");
        catalogue.upsert(skill("new", Some("u"), 2));
    });
    let result = world.sync();
    assert_success(&result);
    world.assert_mirrored();
    // Syncing is additive: the row itself stays.
    assert!(rows(&world.path())["old"]["repo_url"].is_null());
}

#[test]
fn promise_5_a_skill_whose_row_was_rejected_keeps_its_url() {
    let world = World::new(0, Options::default());
    world
        .server
        .catalogue(|catalogue| catalogue.upsert(skill("a", Some("u"), 1)));
    assert_success(&world.sync());
    let mut bad = skill("a", Some("u"), 2);
    bad["quality_score"] = 7.into();
    world.server.catalogue(|catalogue| {
        catalogue.upsert(bad);
        catalogue.upsert(skill("b", Some("u"), 2));
    });
    let result = world.sync();
    assert_eq!(result.status, SyncStatus::Partial);
    assert_eq!(
        (result.skills_added, result.skills_rejected),
        (1, 1),
        "{result:?}"
    );
    assert!(
        result
            .warnings
            .iter()
            .any(|warning| warning.contains("which skill 'a' has")),
        "{result:?}"
    );
    let rows = rows(&world.path());
    assert_eq!(rows["a"]["repo_url"], "u");
    assert!(rows["b"]["repo_url"].is_null());
}
