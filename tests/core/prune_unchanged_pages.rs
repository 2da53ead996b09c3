//! Withdrawn skills where the registry sends only pages that have changed: a page that is still the
//! stored one shows that its skills are there. What is to be removed must be missing from pages that
//! were sent, so a run that removes asks for all of them.

use serde_json::Value;
use skillsmith_sync::{SyncOptions, SyncResult, SyncStatus};
use skillsmith_test_registry::{Options, Order, Validators};

use crate::support::{World, assert_success, row_count, rows};

/// A registry that has been listed once. Its pages have 100 rows, four of them and an empty one.
fn world() -> World {
    let options = Options {
        order: Order::Id,
        validators: Validators::Etag,
        ..Options::default()
    };
    let world = World::new(300, options);
    assert_success(&world.sync());
    world
}

/// The registry withdraws the skill in the middle of its listing.
fn withdraw(world: &World) -> Value {
    world.server.catalogue(|catalogue| {
        let mut ids = catalogue.ids();
        ids.sort();
        let id = ids.swap_remove(150);
        let mut skills = catalogue.values().into_iter();
        let skill = skills.find(|skill| skill["id"] == *id).unwrap();
        catalogue.remove(&id);
        skill
    })
}

fn put(world: &World, skill: &Value) {
    world
        .server
        .catalogue(|catalogue| catalogue.extend([skill.clone()]));
}

/// Also returns how many pages were not sent.
fn run(world: &World, options: SyncOptions<'_>) -> (SyncResult, usize) {
    world.server.clear_requests();
    let result = world.sync_with(options);
    let asked = world.server.listings();
    let unchanged = asked.iter().filter(|page| page.status == Some(304)).count();
    (result, unchanged)
}

fn prune(world: &World) -> (u64, usize) {
    let (result, unchanged) = run(world, SyncOptions::new().prune(true));
    assert_success(&result);
    (result.skills_removed, unchanged)
}

fn noted(world: &World) -> i64 {
    let count = "SELECT count(*) FROM sync_unmet";
    world.look().query_row(count, [], |row| row.get(0)).unwrap()
}

/// A listing without the skill that stays the last one to note anything, and leaves the pages that
/// have it: of other pages, and cut off right after it has noted.
fn list_without(world: &World) -> Value {
    let skill = withdraw(world);
    let look = world.look();
    look.execute_batch(
        "CREATE TRIGGER stop BEFORE UPDATE ON sync_history WHEN new.status = 'success' BEGIN
           SELECT RAISE(ABORT, 'not now'); END;",
    )
    .unwrap();
    let (result, _) = run(world, SyncOptions::new().page_size(50));
    assert_eq!(result.status, SyncStatus::Failed);
    look.execute_batch("DROP TRIGGER stop").unwrap();
    assert_eq!(noted(world), 1);
    skill
}

#[test]
fn promise_1_a_skill_that_comes_again_on_an_unchanged_page_is_not_removed() {
    let plain = (SyncOptions::new(), 4);
    for (meet, pages_unchanged) in [plain, (SyncOptions::new().prune(true), 0)] {
        let world = world();
        let skill = list_without(&world);
        put(&world, &skill);
        let (result, unchanged) = run(&world, meet);
        assert_success(&result);
        assert_eq!((result.skills_removed, unchanged), (0, pages_unchanged));
        assert_eq!((row_count(&world.path()), noted(&world)), (300, 0));
        // Withdrawn again, it needs two listings again.
        withdraw(&world);
        assert_eq!(prune(&world).0, 0);
        assert_eq!(row_count(&world.path()), 300);
        assert_eq!(prune(&world).0, 1);
        world.assert_mirrored();
    }
}

#[test]
fn a_dry_run_counts_no_skill_that_came_again() {
    let world = world();
    let skill = list_without(&world);
    let dry = || run(&world, SyncOptions::new().prune(true).dry_run(true));
    assert_eq!(dry().0.skills_removed, 1);
    put(&world, &skill);
    let (result, unchanged) = dry();
    assert_eq!((result.skills_removed, unchanged), (0, 0));
    assert_eq!(noted(&world), 1);
}

#[test]
fn promise_1_what_is_removed_is_missing_from_pages_that_were_sent() {
    let world = world();
    withdraw(&world);
    // Each page tells the number of skills, so each has changed.
    assert_eq!(prune(&world), (0, 0));
    assert_eq!(noted(&world), 1);
    assert_eq!(prune(&world), (1, 0));
    world.assert_mirrored();
    assert_eq!((row_count(&world.path()), noted(&world)), (299, 0));
    assert_eq!(prune(&world), (0, 0));
}

#[test]
fn promise_1_a_removed_skill_that_comes_again_is_sent_though_its_page_is_stored() {
    let world = world();
    let skill = list_without(&world);
    // The second listing is cut off as well, once it has removed the skill.
    let look = world.look();
    look.execute_batch(
        "CREATE TRIGGER stop BEFORE UPDATE ON sync_history WHEN new.status = 'success' BEGIN
           SELECT RAISE(ABORT, 'not now'); END;",
    )
    .unwrap();
    let (result, _) = run(&world, SyncOptions::new().prune(true).page_size(50));
    assert_eq!(result.skills_removed, 1, "{result:?}");
    look.execute_batch("DROP TRIGGER stop").unwrap();
    put(&world, &skill);
    let (result, unchanged) = run(&world, SyncOptions::new());
    assert_success(&result);
    // All but the page that holds it.
    assert_eq!((result.skills_added, unchanged), (1, 3));
    assert!(rows(&world.path()).contains_key(skill["id"].as_str().unwrap()));
    world.assert_mirrored();
}
