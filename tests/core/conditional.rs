//! Conditional requests: a page that the registry says is unchanged is not sent, and nothing is lost.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use skillsmith_sync::{
    CancelToken, Coverage, ErrorCode, SyncOptions, SyncPhase, SyncResult, SyncStatus,
};
use skillsmith_test_registry::{
    Catalogue, Fault, LoggedRequest, NotModified, Options, Order, Plain, Validators,
};

use crate::support::{World, assert_success, forbid_skill_writes, row_count};

fn options() -> Options {
    Options {
        order: Order::Id,
        validators: Validators::Etag,
        ..Options::default()
    }
}

fn world(skills: usize) -> World {
    World::new(skills, options())
}

/// The pages that were asked for, and those of them that were not sent.
#[derive(Debug, PartialEq, Eq)]
struct Pages {
    asked: usize,
    conditional: usize,
    unchanged: usize,
}

fn is_conditional(request: &LoggedRequest) -> bool {
    request.header("if-none-match").is_some() || request.header("if-modified-since").is_some()
}

fn pages(world: &World) -> Pages {
    let asked = world.server.listings();
    Pages {
        asked: asked.len(),
        conditional: asked.iter().filter(|page| is_conditional(page)).count(),
        unchanged: asked.iter().filter(|page| page.status == Some(304)).count(),
    }
}

fn sync(world: &World) -> (SyncResult, Pages) {
    sync_with(world, SyncOptions::new())
}

fn sync_with(world: &World, options: SyncOptions<'_>) -> (SyncResult, Pages) {
    world.server.clear_requests();
    let result = world.sync_with(options);
    (result, pages(world))
}

/// The requests whose pages are stored.
fn stored(conn: &Connection) -> Vec<String> {
    let mut found = conn
        .prepare("SELECT request FROM sync_pages ORDER BY request")
        .unwrap();
    let rows = found.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn has_table(world: &World) -> bool {
    world
        .look()
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'sync_pages')",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

/// The registry's skills as it lists them.
fn listed(catalogue: &Catalogue) -> Vec<Value> {
    let mut skills = catalogue.values();
    skills.sort_by(|one, other| one["id"].as_str().cmp(&other["id"].as_str()));
    skills
}

fn change(world: &World, nth: usize) -> String {
    world.server.catalogue(|catalogue| {
        let mut skill = listed(catalogue)[nth].clone();
        let id = skill["id"].as_str().unwrap().to_owned();
        skill["description"] = json!("changed");
        skill["updated_at"] = json!("2027-01-01T00:00:00Z");
        catalogue.extend([skill]);
        id
    })
}

#[test]
fn an_unchanged_registry_sends_no_page_again() {
    for validators in [Validators::Etag, Validators::Weak] {
        let world = World::new(
            500,
            Options {
                validators,
                ..options()
            },
        );
        let (first, pages) = sync(&world);
        assert_success(&first);
        assert_eq!((pages.conditional, pages.unchanged), (0, 0));
        let bytes = world.server.stats().body_bytes;
        forbid_skill_writes(&world.path());
        let (again, pages) = sync(&world);
        assert_success(&again);
        assert_eq!((again.skills_unchanged, again.total_processed), (500, 500));
        assert_eq!(again.coverage, Coverage::Complete);
        // All but the empty page at the end.
        assert_eq!((pages.conditional, pages.unchanged), (6, 6), "{pages:?}");
        assert!(world.server.stats().body_bytes < bytes / 100);
        world.assert_mirrored();
    }
}

#[test]
fn only_the_page_with_a_change_is_sent() {
    let world = world(500);
    assert_success(&sync(&world).0);
    for nth in [0, 99, 250, 499] {
        let id = change(&world, nth);
        let (result, pages) = sync(&world);
        assert_success(&result);
        assert_eq!((result.skills_updated, result.skills_unchanged), (1, 499));
        let sent = pages.conditional - pages.unchanged;
        // The last row of a page is also the first of the next one.
        let of_two = nth > 0 && nth % 99 == 0;
        assert_eq!(sent, if of_two { 2 } else { 1 }, "{id}: {pages:?}");
        world.assert_mirrored();
    }
}

#[test]
fn promise_1_rows_that_come_and_go_between_unchanged_pages_are_not_missed() {
    let world = world(400);
    assert_success(&sync(&world).0);
    for round in 0..6 {
        world.server.catalogue(|catalogue| {
            let at = round * 61 % catalogue.len();
            let gone = listed(catalogue)[at]["id"].as_str().unwrap().to_owned();
            catalogue.remove(&gone);
            let middle = listed(catalogue)[at / 2]["id"].as_str().unwrap().to_owned();
            catalogue.extend([json!({
                "id": format!("{middle}-{round}"), "name": "new", "updated_at": "2027-01-01T00:00:00Z",
            })]);
        });
        let (result, pages) = sync(&world);
        assert_success(&result);
        assert_eq!(
            (result.skills_added, result.coverage),
            (1, Coverage::Complete)
        );
        assert!(pages.conditional > 0);
        world.assert_mirrored();
    }
}

#[test]
fn a_forced_sync_and_one_after_thirty_days_ask_without_conditions() {
    let world = world(300);
    assert_success(&sync(&world).0);
    let (forced, pages) = sync_with(&world, SyncOptions::new().force(true));
    assert_success(&forced);
    assert_eq!(pages.conditional, 0);
    let never = SyncOptions::new().full_listing_every(Duration::ZERO);
    assert_eq!(sync_with(&world, never).1.conditional, 0);
    assert_eq!(sync(&world).1.unchanged, 4);
    world.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(sync(&world).1.conditional, 0);
    assert_eq!(sync(&world).1.unchanged, 4);
}

#[test]
fn promise_2_a_cache_that_never_sees_a_change_is_believed_for_thirty_days_only() {
    let world = world(300);
    assert_success(&sync(&world).0);
    let ask = |when| world.server.options(|options| options.not_modified = when);
    ask(NotModified::IfAsked);
    change(&world, 150);
    let (fooled, _) = sync(&world);
    assert_eq!((fooled.skills_updated, fooled.skills_unchanged), (0, 300));
    world.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(sync(&world).0.skills_updated, 1);
    change(&world, 20);
    assert_eq!(sync(&world).0.skills_updated, 0);
    let (forced, _) = sync_with(&world, SyncOptions::new().force(true));
    assert_eq!(forced.skills_updated, 1);
    world.assert_mirrored();
}

#[test]
fn promise_1_rows_that_another_program_changed_or_deleted_are_sent_again() {
    let world = world(300);
    assert_success(&sync(&world).0);
    for (harm, pages_sent, changes) in [
        (
            "DELETE FROM skills WHERE id = (SELECT id FROM skills ORDER BY id LIMIT 1 OFFSET 150)",
            1,
            1,
        ),
        (
            "UPDATE skills SET updated_at = '2020-01-01T00:00:00Z', description = 'old'
          WHERE id IN (SELECT id FROM skills ORDER BY id LIMIT 10)",
            1,
            10,
        ),
        (
            "UPDATE skills SET repo_url = NULL WHERE id = (SELECT id FROM skills ORDER BY id LIMIT 1)",
            1,
            1,
        ),
        (
            "UPDATE skills SET source = 'local', updated_at = '2020-01-01'
          WHERE id = (SELECT id FROM skills ORDER BY id LIMIT 1)",
            1,
            0,
        ),
        ("DELETE FROM skills", 4, 300),
    ] {
        world.look().execute_batch(harm).unwrap();
        let (result, pages) = sync(&world);
        assert_success(&result);
        assert_eq!(
            result.skills_added + result.skills_updated,
            changes,
            "{harm}"
        );
        assert_eq!(pages.unchanged, 4 - pages_sent, "{harm}: {pages:?}");
        if changes > 0 {
            world.assert_mirrored();
        }
    }
}

#[test]
fn a_restored_database_asks_only_for_what_it_holds() {
    let world = world(300);
    assert_success(&sync(&world).0);
    let backup = world.folder.path().join("backup.db");
    world
        .look()
        .execute("VACUUM INTO ?1", [backup.to_string_lossy()])
        .unwrap();
    change(&world, 10);
    change(&world, 290);
    assert_eq!(sync(&world).0.skills_updated, 2);
    let conn = world.look();
    conn.execute("ATTACH ?1 AS backup", [backup.to_string_lossy()])
        .unwrap();
    for table in ["skills", "sync_pages", "sync_state"] {
        conn.execute_batch(&format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM backup.{table}"
        ))
        .unwrap();
    }
    drop(conn);
    let (result, pages) = sync(&world);
    assert_success(&result);
    assert_eq!((result.skills_updated, pages.unchanged), (2, 2));
    world.assert_mirrored();
}

#[test]
fn a_new_column_or_another_registry_makes_every_page_come() {
    let world = world(300);
    assert_success(&sync(&world).0);
    world
        .look()
        .execute_batch("ALTER TABLE skills ADD COLUMN stars INTEGER")
        .unwrap();
    assert_eq!(sync(&world).1.conditional, 0);
    assert_eq!(sync(&world).1.unchanged, 4);
    let other = World::new(300, options());
    let engine = world.engine_with(other.client());
    assert_success(&engine.sync(SyncOptions::new()).unwrap());
    assert_eq!(pages(&other).conditional, 0);
    // Those of the first registry are gone.
    let scopes: i64 = world
        .look()
        .query_row("SELECT count(DISTINCT scope) FROM sync_pages", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(scopes, 1);
    assert_eq!(sync(&world).1.conditional, 0);
}

#[test]
fn a_dry_run_stores_nothing_and_may_ask() {
    let world = world(300);
    let (dry, _) = sync_with(&world, SyncOptions::new().dry_run(true));
    assert_success(&dry);
    assert!(!has_table(&world));
    assert_success(&sync(&world).0);
    let (dry, pages) = sync_with(&world, SyncOptions::new().dry_run(true));
    assert_eq!((dry.skills_unchanged, pages.unchanged), (300, 4));
}

#[test]
fn promise_5_a_page_with_a_row_that_was_not_stored_as_served_comes_again() {
    let world = world(300);
    let ids: Vec<String> = world.server.catalogue(|catalogue| {
        let skills = listed(catalogue);
        let id = |nth: usize| skills[nth]["id"].as_str().unwrap().to_owned();
        // A row to be rejected, one without a stamp, and one whose URL belongs to another.
        let url = skills[1]["repo_url"].clone();
        catalogue.extend([
            json!({"id": id(20), "name": 5}),
            json!({"id": id(120), "name": "no stamp"}),
            json!({"id": id(220), "name": "url", "repo_url": url, "updated_at": "2026-01-01T00:00:00Z"}),
        ]);
        vec![id(20), id(120), id(220)]
    });
    let (first, _) = sync(&world);
    assert_eq!(
        (first.status, first.skills_rejected),
        (SyncStatus::Partial, 1)
    );
    let (again, pages) = sync(&world);
    assert_eq!(
        (again.status, again.skills_rejected),
        (SyncStatus::Partial, 1)
    );
    assert!(again.errors[0].contains(&ids[0]), "{again:?}");
    assert!(
        again.warnings.iter().any(|text| text.contains(&ids[2])),
        "{again:?}"
    );
    assert_eq!(
        (again.skills_unchanged, pages.unchanged),
        (299, 1),
        "{pages:?}"
    );
}

#[test]
fn an_answer_that_nothing_has_changed_counts_only_where_it_was_asked() {
    let world = World::new(
        300,
        Options {
            not_modified: NotModified::Always,
            ..options()
        },
    );
    let (result, pages) = sync(&world);
    assert_eq!(result.status, SyncStatus::Failed);
    assert_eq!(result.code, Some(ErrorCode::Protocol), "{result:?}");
    assert_eq!((pages.conditional, row_count(&world.path())), (0, 0));
}

#[test]
fn a_body_that_must_not_be_there_does_no_harm() {
    let world = World::new(
        300,
        Options {
            not_modified: NotModified::WithBody,
            ..options()
        },
    );
    assert_success(&sync(&world).0);
    change(&world, 150);
    for updated in [1, 0] {
        let (result, _) = sync(&world);
        assert_success(&result);
        assert_eq!(result.skills_updated, updated);
        world.assert_mirrored();
    }
}

#[test]
fn a_modification_time_is_asked_with_once_it_is_a_minute_old() {
    let world = World::new(
        300,
        Options {
            validators: Validators::LastModified,
            ..options()
        },
    );
    assert_success(&sync(&world).0);
    assert_eq!(sync(&world).1.conditional, 0);
    let minutes = |n: i64| {
        world
            .server
            .options(|options| options.clock_offset_ms = n * 60_000);
    };
    minutes(2);
    assert_eq!(sync(&world).1.conditional, 0);
    assert_eq!(sync(&world).1.unchanged, 4);
    minutes(4);
    change(&world, 150);
    let (result, pages) = sync(&world);
    assert_eq!((result.skills_updated, pages.unchanged), (1, 3));
    world.assert_mirrored();
}

#[test]
fn without_validators_nothing_is_stored_and_a_proxy_that_drops_them_does_no_harm() {
    let plain = World::by_id(300, Plain::Allowed);
    assert_success(&plain.sync());
    assert!(!has_table(&plain));
    let world = world(300);
    assert_success(&sync(&world).0);
    world
        .server
        .options(|options| options.dropped_headers = vec!["etag".into()]);
    change(&world, 150);
    let (result, pages) = sync(&world);
    assert_eq!((result.skills_updated, pages.unchanged), (1, 3));
    // The page that came without one is no longer stored.
    assert_eq!(stored(&world.look()).len(), 3);
    world.assert_mirrored();
}

#[test]
fn a_server_that_ignores_conditions_is_read_as_before() {
    let world = World::new(
        300,
        Options {
            not_modified: NotModified::Never,
            ..options()
        },
    );
    assert_success(&sync(&world).0);
    change(&world, 150);
    let (result, pages) = sync(&world);
    assert_eq!((result.skills_updated, pages.conditional), (1, 4));
    world.assert_mirrored();
}

#[test]
fn what_another_program_writes_into_the_table_is_not_sent() {
    let world = world(300);
    assert_success(&sync(&world).0);
    for harm in [
        "UPDATE sync_pages SET validator = '\"a\"' || char(13, 10) || 'x-injected: yes'",
        "UPDATE sync_pages SET validator = '*'",
        "UPDATE sync_pages SET validator = '\"' || hex(zeroblob(200)) || '\"'",
        "UPDATE sync_pages SET validator = zeroblob(10)",
        "UPDATE sync_pages SET rows = zeroblob(7)",
        "UPDATE sync_pages SET rows = ''",
        "UPDATE sync_pages SET facts = '{'",
        "UPDATE sync_pages SET read_at = 'soon'",
        "UPDATE sync_pages SET read_at = '2999-01-01T00:00:00.000Z'",
    ] {
        world.look().execute_batch(harm).unwrap();
        let (result, pages) = sync(&world);
        assert_success(&result);
        assert_eq!(
            (result.skills_unchanged, pages.conditional),
            (300, 0),
            "{harm}"
        );
        assert_eq!(sync(&world).1.unchanged, 4, "{harm}");
    }
    assert!(
        world
            .server
            .requests()
            .iter()
            .all(|r| r.header("x-injected").is_none())
    );
}

#[test]
fn listings_by_tier_need_not_be_sent_again_either() {
    let world = World::new(
        400,
        Options {
            plain: Plain::NeedsFilter,
            ..options()
        },
    );
    world.server.catalogue(|catalogue| {
        catalogue.extend([
            json!({"id": "a/untiered", "name": "n", "trust_tier": null, "quality_score": 0.5,
                   "updated_at": "2026-01-01T00:00:00Z"}),
        ]);
    });
    let (first, _) = sync(&world);
    let (again, pages) = sync(&world);
    assert_eq!(
        (first.coverage, first.warnings),
        (again.coverage, again.warnings)
    );
    assert_eq!(
        (again.skills_unchanged, again.status),
        (401, SyncStatus::Success)
    );
    assert!(pages.unchanged >= 8, "{pages:?}");
    world.assert_mirrored();
}

#[test]
fn pages_that_a_listing_no_longer_has_are_forgotten() {
    let world = world(400);
    assert_success(&sync(&world).0);
    assert_eq!(stored(&world.look()).len(), 6);
    assert_success(&sync_with(&world, SyncOptions::new().page_size(50)).0);
    let pages = stored(&world.look());
    assert_eq!(pages.len(), 9);
    assert!(pages.iter().all(|page| page.starts_with("limit=50&")));
    world.server.catalogue(|catalogue| {
        for skill in listed(catalogue).iter().skip(150) {
            catalogue.remove(skill["id"].as_str().unwrap());
        }
    });
    assert_success(&sync_with(&world, SyncOptions::new().page_size(50)).0);
    assert_eq!(stored(&world.look()).len(), 4);
}

#[test]
fn promise_17_a_run_that_stops_early_keeps_the_pages_it_has_read() {
    let world = world(900);
    let cancel = CancelToken::new();
    let token = cancel.clone();
    let stopped = world.sync_with(
        SyncOptions::new()
            .cancel(cancel)
            .on_progress(move |progress| {
                if progress.phase == SyncPhase::Fetching && progress.current > 400 {
                    token.cancel();
                }
            }),
    );
    assert_eq!(stopped.status, SyncStatus::Failed);
    let kept = stored(&world.look()).len();
    assert!(kept > 2, "{kept}");
    assert_success(&sync(&world).0);
    let (again, pages) = sync(&world);
    assert_success(&again);
    assert_eq!(
        (again.skills_unchanged, pages.unchanged),
        (900, 10),
        "{pages:?}"
    );
    world.assert_mirrored();
}

#[test]
fn a_page_that_failed_and_came_in_parts_is_not_stored() {
    let world = world(300);
    world
        .server
        .fault(Fault::status(500).at_offset(99).times(8));
    let (first, _) = sync(&world);
    assert_success(&first);
    assert!(
        stored(&world.look())
            .iter()
            .all(|page| page != "limit=100&offset=99")
    );
    assert_success(&sync(&world).0);
    world.assert_mirrored();
}

#[test]
fn an_entry_deleted_from_the_record_of_versions_comes_back() {
    let world = world(300);
    world
        .look()
        .execute_batch(
            "CREATE TABLE skill_versions (id INTEGER PRIMARY KEY, skill_id TEXT NOT NULL,
               content_hash TEXT NOT NULL, recorded_at INTEGER NOT NULL, semver TEXT, metadata TEXT,
               UNIQUE (skill_id, content_hash));
             INSERT INTO schema_version (version) VALUES (18)",
        )
        .unwrap();
    world.server.catalogue(|catalogue| {
        let skills: Vec<_> = catalogue.values();
        catalogue.extend(skills.into_iter().map(|mut skill| {
            skill["content_hash"] = json!("0".repeat(64));
            skill
        }));
    });
    assert_success(&sync(&world).0);
    let count = || -> i64 {
        let conn = world.look();
        conn.query_row("SELECT count(*) FROM skill_versions", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(), 300);
    assert_eq!(sync(&world).1.unchanged, 4);
    world
        .look()
        .execute_batch("DELETE FROM skill_versions WHERE id % 7 = 0")
        .unwrap();
    assert_eq!(sync(&world).1.conditional, 0);
    assert_eq!(count(), 300);
}
