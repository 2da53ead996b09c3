//! Withdrawn skills: noted by every whole listing, removed with `prune` once two in a row did not
//! have them, and nothing else ever.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use skillsmith_sync::engine::Listing;
use skillsmith_sync::{
    ClientOptions, Coverage, Database, ErrorCode, SyncEngine, SyncOptions, SyncResult, SyncStatus,
};
use skillsmith_test_registry::{Catalogue, Fault, Options, Order, SyncEndpoint};

use crate::support::{
    World, assert_sound, assert_success, client_with, forbid_skill_writes, row_count, rows,
};

fn with_endpoint() -> Options {
    Options {
        sync_endpoint: Some(SyncEndpoint::default()),
        ..Options::default()
    }
}

/// A registry that has been listed once.
fn world(skills: usize) -> World {
    let world = World::new(skills, with_endpoint());
    assert_success(&world.sync());
    world
}

fn ids(world: &World) -> Vec<String> {
    let mut ids = world.server.catalogue(|catalogue| catalogue.ids());
    ids.sort();
    ids
}

/// The registry withdraws some skills, from all over its listing. Returns them.
fn withdraw(world: &World, count: usize) -> Vec<Value> {
    let all = ids(world);
    let step = all.len() / count;
    let chosen: BTreeSet<&String> = all.iter().step_by(step).take(count).collect();
    world.server.catalogue(|catalogue| {
        let values = catalogue.values();
        for id in &chosen {
            catalogue.remove(id);
        }
        let is_chosen = |value: &Value| chosen.iter().any(|id| value["id"] == **id);
        values.into_iter().filter(is_chosen).collect()
    })
}

fn put(world: &World, skills: impl IntoIterator<Item = Value>) {
    world.server.catalogue(|catalogue| catalogue.extend(skills));
}

fn pruning() -> SyncOptions<'static> {
    SyncOptions::new().prune(true)
}

fn prune(world: &World) -> SyncResult {
    world.sync_with(pruning())
}

/// A whole listing that removes nothing.
fn list(world: &World) -> SyncResult {
    world.sync_with(SyncOptions::new().full_listing_every(Duration::ZERO))
}

#[track_caller]
fn assert_removed(result: &SyncResult, count: u64) {
    assert_success(result);
    assert_eq!(result.skills_removed, count, "{result:?}");
}

/// What is noted as unmet.
fn noted(world: &World) -> i64 {
    let exists = "SELECT count(*) FROM sqlite_master WHERE name = 'sync_unmet'";
    let look = world.look();
    let number = |sql| look.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    if number(exists) == 0 {
        return 0;
    }
    number("SELECT count(*) FROM sync_unmet")
}

#[track_caller]
fn assert_same_as_registry(world: &World) {
    world.assert_mirrored();
    let here: Vec<String> = rows(&world.path()).into_keys().collect();
    assert_eq!(here, ids(world));
}

#[test]
fn what_two_whole_listings_in_a_row_do_not_have_is_removed() {
    for options in [with_endpoint(), Options::default()] {
        let world = World::new(300, options);
        assert_success(&world.sync());
        withdraw(&world, 7);
        let first = prune(&world);
        assert_removed(&first, 0);
        assert!(first.warnings[0].starts_with("7 skills"), "{first:?}");
        assert_eq!((row_count(&world.path()), noted(&world)), (300, 7));
        let second = prune(&world);
        assert_removed(&second, 7);
        assert_eq!(second.total_processed, 293);
        assert!(second.warnings.is_empty(), "{second:?}");
        assert_same_as_registry(&world);
        assert_eq!(noted(&world), 0);
        let entry = world.history().get_history(2).unwrap();
        assert_eq!((entry[0].skills_removed, entry[1].skills_removed), (7, 0));
        let last = world.history().get_last_successful().unwrap().unwrap();
        assert_eq!(last.skills_removed, 7);
        assert_removed(&prune(&world), 0);
    }
}

#[test]
fn without_prune_listings_only_note() {
    let world = world(300);
    withdraw(&world, 5);
    // Changes only: such a listing tells nothing of what is gone.
    assert_removed(&world.sync(), 0);
    assert_eq!(noted(&world), 0);
    assert_removed(&list(&world), 0);
    assert_removed(&list(&world), 0);
    assert_eq!((row_count(&world.path()), noted(&world)), (300, 5));
    assert_removed(&prune(&world), 5);
    assert_same_as_registry(&world);
}

#[test]
fn a_skill_that_comes_again_begins_anew_whichever_run_meets_it() {
    let meet: [fn(&World); 3] = [
        // A whole listing, one that fails after the page, and a listing of changes.
        |world| assert_removed(&list(world), 0),
        |world| {
            let last = world.server.catalogue(|catalogue| catalogue.ids().len()) as u64 - 50;
            let fault = Fault::status(401).on_sync().from_offset(last);
            world.server.fault(fault.always());
            assert_eq!(list(world).code, Some(ErrorCode::Unauthorized));
            world.server.clear_faults();
        },
        |world| assert_removed(&world.sync(), 0),
    ];
    for (at, meet) in meet.into_iter().enumerate() {
        let world = world(300);
        let mut gone = withdraw(&world, 1);
        assert_removed(&list(&world), 0);
        assert_eq!(noted(&world), 1);
        if at == 2 {
            gone[0]["updated_at"] = json!("2026-11-26T12:00:00Z");
        }
        put(&world, gone.clone());
        meet(&world);
        assert_eq!(noted(&world), 0, "{at}");
        // Withdrawn again.
        world
            .server
            .catalogue(|catalogue| catalogue.remove(gone[0]["id"].as_str().unwrap()));
        let mut last = prune(&world);
        if at == 1 {
            // It went on where the failed one ended.
            assert_removed(&last, 0);
            last = prune(&world);
        }
        assert_removed(&last, 0);
        assert_eq!(row_count(&world.path()), 300, "{at}");
        assert_removed(&prune(&world), 1);
    }
}

#[test]
fn promise_1_the_users_own_skills_are_never_removed() {
    let world = world(300);
    let gone = withdraw(&world, 4);
    let id = |at: usize| gone[at]["id"].as_str().unwrap().to_owned();
    let look = world.look();
    for (sql, at) in [
        ("UPDATE skills SET source = 'local' WHERE id = ?1", 0),
        ("UPDATE skills SET trust_tier = 'local' WHERE id = ?1", 1),
    ] {
        look.execute(sql, [id(at)]).unwrap();
    }
    look.execute_batch("INSERT INTO skills (id, name, source) VALUES ('mine', 'mine', 'local')")
        .unwrap();
    assert_removed(&prune(&world), 0);
    // One becomes the user's own after it was noted.
    look.execute("UPDATE skills SET source = 'local' WHERE id = ?1", [id(2)])
        .unwrap();
    assert_removed(&world.sync_with(pruning().force(true)), 1);
    let here = rows(&world.path());
    for kept in [id(0), id(1), id(2), "mine".into()] {
        assert!(here.contains_key(&kept), "{kept}");
    }
    assert!(!here.contains_key(&id(3)));
    assert_sound(&world.path());
}

type Doubt = fn(&World);

#[test]
fn nothing_is_removed_after_a_listing_in_doubt() {
    let doubts: [(Doubt, SyncStatus); 3] = [
        (
            |world| put(world, [json!({"id": "bad", "name": 7})]),
            SyncStatus::Partial,
        ),
        (
            |world| {
                let held = ids(world).swap_remove(40);
                let fault = Fault::status(422).on_sync().holding(held);
                world.server.fault(fault.always());
            },
            SyncStatus::Partial,
        ),
        (
            |world| {
                let fault = Fault::status(401).on_sync().from_offset(150);
                world.server.fault(fault.always());
                assert_eq!(prune(world).code, Some(ErrorCode::Unauthorized));
                world.server.clear_faults();
            },
            SyncStatus::Success,
        ),
    ];
    for (doubt, status) in doubts {
        let world = world(300);
        withdraw(&world, 3);
        assert_removed(&list(&world), 0);
        doubt(&world);
        let result = prune(&world);
        assert_eq!((result.status, result.skills_removed), (status, 0));
        let said = result.warnings.join(" ");
        assert!(said.contains("does not show for certain"), "{result:?}");
        assert_eq!(row_count(&world.path()), 300);
        assert_eq!(noted(&world), 3);
    }
}

#[test]
fn no_more_than_a_tenth_is_removed_unless_forced() {
    let world = world(300);
    withdraw(&world, 31);
    assert_removed(&list(&world), 0);
    for options in [pruning(), pruning().dry_run(true)] {
        let result = world.sync_with(options);
        assert_eq!(
            (result.status, result.skills_removed),
            (SyncStatus::Partial, 0)
        );
        assert_eq!(result.coverage, Coverage::Complete);
        assert!(result.errors[0].contains("31 of 300 skills"), "{result:?}");
        assert!(result.errors[0].contains("prune and force"), "{result:?}");
        assert_eq!(row_count(&world.path()), 300);
    }
    let forced = world.sync_with(pruning().force(true));
    assert_removed(&forced, 31);
    assert_same_as_registry(&world);
    // Exactly a tenth.
    let world = World::new(300, with_endpoint());
    assert_success(&world.sync());
    withdraw(&world, 30);
    assert_removed(&list(&world), 0);
    assert_removed(&prune(&world), 30);
}

#[test]
fn a_dry_run_tells_what_would_be_removed_and_writes_nothing() {
    let world = world(300);
    withdraw(&world, 9);
    let dry = || world.sync_with(pruning().dry_run(true));
    assert_removed(&dry(), 0);
    assert_eq!(noted(&world), 0);
    assert_removed(&list(&world), 0);
    forbid_skill_writes(&world.path());
    let before = world.history().count().unwrap();
    assert_removed(&dry(), 9);
    assert_removed(&dry(), 9);
    assert_eq!((row_count(&world.path()), noted(&world)), (300, 9));
    assert_eq!(world.history().count().unwrap(), before);
}

#[test]
fn promise_10_skills_of_another_registry_are_not_removed() {
    let one = world(100);
    let other = World::with_catalogue(Catalogue::generate(80, 9), with_endpoint());
    let at_other = || {
        let options = ClientOptions::new().base_url(other.server.base_url());
        let engine = one.engine_with(client_with(options));
        engine.sync(pruning().force(true)).unwrap()
    };
    let before = row_count(&one.path());
    for _ in 0..3 {
        let result = at_other();
        assert_removed(&result, 0);
        let said = result.warnings.join(" ");
        assert!(said.contains("several registries"), "{result:?}");
    }
    assert!(row_count(&one.path()) > before);
    let all = row_count(&one.path());
    assert_removed(&one.sync_with(pruning().force(true)), 0);
    assert_eq!(row_count(&one.path()), all);
}

#[test]
fn promise_1_the_search_does_not_remove_what_only_the_sync_endpoint_lists() {
    let world = world(300);
    world
        .server
        .options(|options| options.hide_every = Some(20));
    let total = world.server.catalogue(|catalogue| catalogue.ids().len());
    for _ in 0..3 {
        let result = world.sync_with(pruning().listing(Listing::Search).force(true));
        assert_eq!(result.skills_removed, 0, "{result:?}");
    }
    assert_eq!(row_count(&world.path()), total);
    assert_removed(&prune(&world), 0);
    world.assert_mirrored();
}

#[test]
fn promise_1_rows_that_move_while_they_are_read_are_not_taken_for_withdrawn() {
    let options = Options {
        order: Order::Score,
        rotate_after_requests: Some(2),
        ..Options::default()
    };
    let world = World::new(600, options);
    world.sync();
    for _ in 0..4 {
        let result = world.sync_with(pruning().force(true));
        assert_eq!(result.skills_removed, 0, "{result:?}");
    }
    world.assert_mirrored();
    assert_eq!(row_count(&world.path()), 600);
}

#[test]
fn promise_1_what_is_added_while_a_listing_is_read_stays() {
    let world = world(300);
    let new = json!({"id": "0-first", "name": "n", "updated_at": "2026-11-20T00:00:00Z"});
    // Before what the listing has read, and from here: both runs miss it at first.
    let fault = Fault::mutate([new.clone()], []).on_sync().at_offset(198);
    world.server.fault(fault);
    assert_removed(&list(&world), 0);
    let insert = "INSERT INTO skills (id, name, source) VALUES ('0-first', 'n', 'registry')";
    world.look().execute(insert, []).unwrap();
    assert_removed(&prune(&world), 0);
    assert!(rows(&world.path()).contains_key("0-first"));
    assert_eq!(noted(&world), 0);
}

#[test]
fn what_other_tables_hold_goes_too_or_keeps_the_skill() {
    let world = world(300);
    let gone = withdraw(&world, 3);
    let id = |at: usize| gone[at]["id"].as_str().unwrap().to_owned();
    let look = world.look();
    look.execute_batch(
        "CREATE TABLE skill_versions (id INTEGER PRIMARY KEY, skill_id TEXT, content_hash TEXT,
           recorded_at INTEGER, UNIQUE (skill_id, content_hash));
         INSERT INTO categories (id, name) VALUES ('c', 'C');
         CREATE TABLE notes (skill_id TEXT REFERENCES skills (id), text TEXT);",
    )
    .unwrap();
    for sql in [
        "INSERT INTO skill_versions (skill_id, content_hash, recorded_at) VALUES (?1, 'h', 1)",
        "INSERT INTO skill_categories (skill_id, category_id) VALUES (?1, 'c')",
    ] {
        for at in 0..3 {
            look.execute(sql, [id(at)]).unwrap();
        }
    }
    look.execute("INSERT INTO notes VALUES (?1, 'mine')", [id(1)])
        .unwrap();
    assert_removed(&prune(&world), 0);
    let result = prune(&world);
    assert_removed(&result, 2);
    assert!(result.warnings[0].contains(&id(1)), "{result:?}");
    for table in ["skill_versions", "skill_categories", "notes"] {
        let sql = format!("SELECT group_concat(skill_id) FROM {table}");
        let left: String = look.query_row(&sql, [], |row| row.get(0)).unwrap();
        let of_gone = gone
            .iter()
            .filter(|skill| left.contains(skill["id"].as_str().unwrap()));
        assert_eq!(of_gone.count(), 1, "{table}: {left}");
    }
    assert_eq!(row_count(&world.path()), 298);
    assert_sound(&world.path());
}

#[test]
fn an_index_that_another_program_upset_does_not_keep_a_skill() {
    let world = world(300);
    withdraw(&world, 3);
    assert_removed(&list(&world), 0);
    let upset = "INSERT INTO skills_fts (skills_fts) VALUES ('delete-all')";
    world.look().execute_batch(upset).unwrap();
    assert_removed(&prune(&world), 3);
    assert_same_as_registry(&world);
}

#[test]
fn promise_3_a_run_that_is_cut_off_while_it_removes_claims_what_is_gone() {
    // The third removal ends the run, as a full disk or a closed database would.
    let world = world(300);
    withdraw(&world, 8);
    assert_removed(&list(&world), 0);
    world
        .look()
        .execute_batch(
            "CREATE TABLE left_to_remove (n INTEGER);
             INSERT INTO left_to_remove VALUES (3);
             CREATE TRIGGER stop BEFORE DELETE ON skills BEGIN
               UPDATE left_to_remove SET n = n - 1;
               SELECT RAISE(ROLLBACK, 'not now') WHERE (SELECT n FROM left_to_remove) < 1;
             END;",
        )
        .unwrap();
    let first = prune(&world);
    let left = row_count(&world.path()) as u64;
    assert_eq!(first.skills_removed, 300 - left, "{first:?}");
    let entry = &world.history().get_history(1).unwrap()[0];
    assert_eq!(entry.skills_removed.unsigned_abs(), first.skills_removed);
    world.look().execute_batch("DROP TRIGGER stop").unwrap();
    assert_removed(&prune(&world), left - 292);
    assert_same_as_registry(&world);
}

#[test]
fn what_others_wrote_into_the_notes_is_no_reason_to_remove() {
    let world = world(300);
    withdraw(&world, 2);
    assert_removed(&list(&world), 0);
    let kept = ids(&world).swap_remove(7);
    let look = Connection::open(world.path()).unwrap();
    // As if every skill had been noted long ago, and things that are no ids.
    look.execute_batch(
        "INSERT OR IGNORE INTO sync_unmet SELECT u.registry, s.id, 'x' FROM skills AS s, sync_unmet AS u;
         INSERT INTO sync_unmet SELECT registry, x'00', 7 FROM sync_unmet LIMIT 1;
         INSERT INTO sync_unmet VALUES ('another', 'x', 'y');",
    )
    .unwrap();
    assert_removed(&prune(&world), 2);
    assert!(rows(&world.path()).contains_key(&kept));
    assert_same_as_registry(&world);
}

#[test]
fn promise_1_where_nothing_tells_whose_a_skill_is_none_is_removed() {
    let world = World::new(100, with_endpoint());
    let v1 = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1.sql");
    let path = world.folder.path().join("v1.db");
    let look = Connection::open(&path).unwrap();
    look.execute_batch(&std::fs::read_to_string(v1).unwrap())
        .unwrap();
    let count = || -> i64 {
        let sql = "SELECT count(*) FROM skills";
        look.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let before = count();
    let engine = SyncEngine::new(Arc::new(world.client()), &Database::open(&path).unwrap());
    for _ in 0..3 {
        let result = engine.sync(pruning().force(true)).unwrap();
        assert_removed(&result, 0);
        let said = result.warnings.join(" ");
        assert!(said.contains("no column 'source'"), "{result:?}");
    }
    assert_eq!(count(), before + 100);
}
