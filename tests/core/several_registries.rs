//! One database that is synced with several registries in turn: the one that was synced last has its
//! values there, and nothing of the others is lost for it.

use serde_json::{Value, json};
use skillsmith_sync::{ClientOptions, Coverage, SyncOptions, SyncResult};
use skillsmith_test_registry::{Catalogue, Options, SyncEndpoint};

use crate::support::{World, assert_mirrored, assert_success, client_with, rows};

fn with_endpoint() -> Options {
    Options {
        sync_endpoint: Some(SyncEndpoint::default()),
        ..Options::default()
    }
}

fn skill(id: &str, name: &str, url: Option<&str>, day: u32) -> Value {
    json!({
        "id": id, "name": name, "description": null, "author": null, "repo_url": url,
        "quality_score": 0.5, "trust_tier": "community", "tags": [],
        "created_at": "2026-01-01T00:00:00.000Z", "updated_at": format!("2026-05-{day:02}T00:00:00.000Z"),
    })
}

fn catalogue(skills: impl IntoIterator<Item = Value>) -> Catalogue {
    let mut catalogue = Catalogue::new();
    for skill in skills {
        catalogue.push(skill);
    }
    catalogue
}

/// Syncs the database of `world` with the registry of another one.
fn sync_with(world: &World, other: &World) -> SyncResult {
    let options = ClientOptions::new().base_url(other.server.base_url());
    let engine = world.engine_with(client_with(options));
    engine.sync(SyncOptions::new()).unwrap()
}

fn url_of(world: &World, id: &str) -> Value {
    rows(&world.path())[id]["repo_url"].clone()
}

#[test]
fn promise_1_what_another_registry_has_overwritten_comes_back() {
    let named = |name: &str, day, ids: std::ops::Range<u32>| {
        let skills = ids.map(|id| skill(&format!("s{id:03}"), name, None, day));
        World::with_catalogue(catalogue(skills), with_endpoint())
    };
    let (one, other) = (named("one", 3, 0..120), named("other", 4, 100..150));
    assert_success(&one.sync());
    assert_success(&one.sync());
    assert_success(&sync_with(&one, &other));
    assert_mirrored(&one.path(), &other.server.visible_skills());
    let back = one.sync();
    assert_success(&back);
    assert_eq!(back.skills_updated, 20);
    one.assert_mirrored();
    // Alone again, it is asked for changes only.
    assert_success(&one.sync());
    assert_eq!(one.sync().requests, 2);
}

#[test]
fn promise_1_a_listing_of_changes_is_not_resumed_after_another_registry() {
    let skills = |name: &'static str, day| {
        (0..400).map(move |id| skill(&format!("s{id:03}"), name, None, day))
    };
    let one = World::with_catalogue(catalogue(skills("one", 3)), with_endpoint());
    let other = World::with_catalogue(catalogue(skills("other", 4)), with_endpoint());
    assert_success(&one.sync());
    assert_success(&one.sync());
    one.server.catalogue(|all| all.extend(skills("later", 5)));
    let result = one.sync_with(SyncOptions::new().request_budget(3));
    assert!(
        !result.success || result.total_processed < 400,
        "{result:?}"
    );
    assert_success(&sync_with(&one, &other));
    assert_success(&one.sync());
    one.assert_mirrored();
}

#[test]
fn promise_5_a_url_that_was_set_aside_outlives_the_sync_of_another_registry() {
    let one = World::with_catalogue(
        catalogue([
            skill("a", "a", Some("https://x.example/1"), 1),
            skill("b", "b", Some("https://x.example/1"), 1),
        ]),
        with_endpoint(),
    );
    let other = World::with_catalogue(
        catalogue([skill("x", "x", Some("https://x.example/9"), 1)]),
        with_endpoint(),
    );
    assert_success(&one.sync());
    assert_eq!(url_of(&one, "b"), Value::Null);
    assert_success(&sync_with(&one, &other));
    assert_success(&sync_with(&one, &other));
    one.server.catalogue(|all| {
        all.extend([skill("a", "a", Some("https://x.example/2"), 2)]);
    });
    let result = one.sync();
    assert_eq!(
        (result.success, result.coverage),
        (true, Coverage::Complete)
    );
    one.assert_mirrored();
}

#[test]
fn promise_1_a_skill_of_another_registry_keeps_its_url() {
    let url = Some("https://x.example/1");
    let one = World::with_catalogue(catalogue([skill("a", "a", url, 1)]), with_endpoint());
    let other = World::with_catalogue(catalogue([skill("x", "x", url, 1)]), with_endpoint());
    assert_success(&one.sync());
    let result = sync_with(&one, &other);
    assert_eq!(url_of(&one, "a"), "https://x.example/1");
    assert_eq!(url_of(&one, "x"), Value::Null);
    let said = [result.errors, result.warnings].concat().join(" ");
    assert!(
        said.contains("https://x.example/1") || said.contains("'x'"),
        "{said}"
    );
}
