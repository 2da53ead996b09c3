//! Promise 3, *Exact counts*, and the other claims of a run: it reports nothing that is not stored
//! or not known, and loses nothing that an earlier run found. The user's own rows stay untouched.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use skillsmith_sync::{
    CancelToken, ClientOptions, Coverage, ErrorCode, SyncOptions, SyncPhase, SyncResult, SyncStatus,
};
use skillsmith_test_registry::{Catalogue, Fault, Options, Order, Plain};

use crate::support::{
    World, assert_sound, assert_success, client, client_with, forbid_skill_writes, row_count, rows,
};

fn ordered(skills: usize) -> World {
    World::by_id(skills, Plain::Allowed)
}

fn inserted(skills: impl IntoIterator<Item = Value>) -> World {
    let mut catalogue = Catalogue::new();
    for skill in skills {
        catalogue.push(skill);
    }
    World::with_catalogue(
        catalogue,
        Options {
            order: Order::Inserted,
            ..Options::default()
        },
    )
}

fn skill(id: &str, url: Option<&str>, stamp: u32) -> Value {
    json!({ "id": id, "name": format!("{id} of {stamp}"), "repo_url": url, "trust_tier": "community",
            "updated_at": format!("2026-01-01T00:00:{stamp:02}Z") })
}

/// A run that is cancelled at this listing request.
fn session(world: &World, request: u64) -> SyncResult {
    let cancel = CancelToken::new();
    let mut left = request;
    world.server.on_listing({
        let cancel = cancel.clone();
        move |_, _| {
            left = left.saturating_sub(1);
            if left == 0 {
                cancel.cancel();
            }
        }
    });
    let result = world.sync_with(SyncOptions::new().cancel(cancel));
    assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
    world.server.on_listing(|_, _| {});
    result
}

/// Result, history and progress match the content of the file.
#[track_caller]
fn assert_honest(world: &World, result: &SyncResult, before: usize) {
    let stored = row_count(&world.path()) - before;
    assert_eq!(result.skills_added as usize, stored, "{result:?}");
    let (status, _, [added, updated, _]) = world.last_entry();
    assert_eq!(
        (added, updated),
        (result.skills_added, result.skills_updated)
    );
    assert_eq!(status, result.status.as_str());
    assert_sound(&world.path());
}

/// `sync_history` has no column for it.
#[test]
fn the_history_has_the_codes_of_the_errors_of_runs() {
    let world = ordered(250);
    let history = world.history();
    let newest = || history.get_history(1).unwrap().remove(0);
    assert_success(&world.sync());
    assert_eq!(newest().code, None);

    // Failed, in part, and cancelled: as in the result.
    let failing = [
        Fault::status(401),
        Fault::status(418),
        Fault::status(401).from_offset(100),
    ];
    let mut codes = Vec::new();
    for fault in failing {
        world.server.fault(fault.always());
        let result = world.sync_with(SyncOptions::new().force(true));
        assert!(result.code.is_some(), "{result:?}");
        assert_eq!(newest().code, result.code, "{result:?}");
        assert_eq!(newest().error_message.as_ref(), result.errors.first());
        codes.push(result.code);
        world.server.clear_faults();
    }
    world.server.catalogue(|catalogue| catalogue.change(1, 3));
    codes.push(session(&world, 1).code);
    assert_eq!(newest().code, Some(ErrorCode::Cancelled));
    let stored = || history.get_history(9).unwrap();
    let all: Vec<_> = stored()
        .iter()
        .rev()
        .skip(1)
        .map(|entry| entry.code)
        .collect();
    assert_eq!(all, codes);

    // An error that somebody else records has none, whatever it had before.
    let id = newest().id;
    history.fail_run(&id, "something else").unwrap();
    let entry = history.get_by_id(&id).unwrap().unwrap();
    assert_eq!(
        (entry.code, entry.error_message.as_deref()),
        (None, Some("something else"))
    );

    // What another version stores, or a program that knows nothing of it.
    for odd in [r#"{"%":"CODE_OF_A_NEWER_VERSION"}"#, "[1]", "", "{"] {
        let kept = odd.replace('%', &stored()[1].id);
        world
            .look()
            .execute(
                "UPDATE sync_state SET value = ?1 WHERE key = 'codes'",
                [kept],
            )
            .unwrap();
        assert!(stored().iter().all(|entry| entry.code.is_none()), "{odd}");
    }
    world.server.fault(Fault::status(403).always());
    let result = world.sync();
    assert_eq!(newest().code, result.code);
    assert_eq!(newest().code, Some(ErrorCode::Forbidden));
}

/// Of many runs those of the newest hundred are kept.
#[test]
fn the_codes_of_old_runs_go() {
    let world = ordered(3);
    world.server.fault(Fault::status(403).always());
    let ids: Vec<String> = (0..103)
        .map(|_| {
            world.sync();
            world.history().get_history(1).unwrap().remove(0).id
        })
        .collect();
    let kept: Vec<String> = world
        .look()
        .prepare("SELECT key FROM json_each((SELECT value FROM sync_state WHERE key = 'codes'))")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut newest: Vec<String> = ids;
    newest.sort();
    assert_eq!(kept, newest.split_off(3));
}

/// A sync that checks that progress never reports uncommitted rows.
fn watched(world: &World, mut options: SyncOptions<'_>) -> SyncResult {
    let path = world.path();
    options = options.on_progress(move |progress| {
        let stored = row_count(&path);
        assert!(
            progress.skills_changed as usize <= stored,
            "{stored} are there: {progress:?}"
        );
    });
    world.sync_with(options)
}

#[test]
fn promise_3_what_a_trigger_takes_back_is_not_claimed() {
    for (trigger, stored) in [
        // Earlier writes of the same transaction are rolled back as well.
        (
            "AFTER INSERT ON skills WHEN (SELECT count(*) FROM skills) > 200
             BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
            200,
        ),
        (
            "AFTER INSERT ON skills WHEN (SELECT count(*) FROM skills) > 200
             BEGIN SELECT RAISE(ABORT, 'full'); END",
            200,
        ),
        (
            "BEFORE INSERT ON skills WHEN (SELECT count(*) FROM skills) >= 200
             BEGIN SELECT RAISE(IGNORE); END",
            200,
        ),
        (
            "AFTER INSERT ON skills BEGIN INSERT INTO nowhere VALUES (new.id); END",
            0,
        ),
    ] {
        let world = ordered(300);
        world
            .look()
            .execute_batch(&format!("CREATE TRIGGER odd {trigger}"))
            .unwrap();
        let result = watched(&world, SyncOptions::default());
        assert!(!result.success, "{trigger}: {result:?}");
        assert_honest(&world, &result, 0);
        assert_eq!(row_count(&world.path()), stored, "{trigger}");
        world.look().execute_batch("DROP TRIGGER odd").unwrap();
        let result = world.sync();
        assert_success(&result);
        assert_honest(&world, &result, stored);
        world.assert_mirrored();
    }
}

#[test]
fn promise_3_a_row_that_the_database_refuses_is_not_stored() {
    // RAISE(FAIL) keeps what its statement has done so far.
    let world = ordered(300);
    world
        .look()
        .execute_batch(
            "CREATE TRIGGER odd AFTER INSERT ON skills WHEN (SELECT count(*) FROM skills) > 200
             BEGIN SELECT RAISE(FAIL, 'full'); END",
        )
        .unwrap();
    let result = watched(&world, SyncOptions::default());
    assert_honest(&world, &result, 0);
    world.look().execute_batch("DROP TRIGGER odd").unwrap();
    let before = row_count(&world.path());
    let result = world.sync();
    assert_success(&result);
    assert_honest(&world, &result, before);
    world.assert_mirrored();
}

#[test]
fn promise_3_updates_that_are_taken_back_are_not_claimed() {
    for action in ["ROLLBACK, 'no'", "ABORT, 'no'", "IGNORE"] {
        let world = ordered(300);
        assert_success(&world.sync());
        let before = rows(&world.path());
        world.server.catalogue(|catalogue| catalogue.change(300, 8));
        let odd: Vec<&String> = before.keys().step_by(7).collect();
        let list = format!("{odd:?}").replace(['[', ']'], "").replace('"', "'");
        world
            .look()
            .execute_batch(&format!(
                "CREATE TRIGGER odd BEFORE UPDATE ON skills WHEN old.id IN ({list})
                 BEGIN SELECT RAISE({action}); END"
            ))
            .unwrap();
        let result = watched(&world, SyncOptions::default());
        let after = rows(&world.path());
        let changed = after.iter().filter(|(id, row)| before[*id] != **row);
        let changed = changed.count();
        assert_eq!(changed, 300 - odd.len());
        assert_eq!(result.skills_updated as usize, changed, "{result:?}");
        assert!(!result.success);
        assert_honest(&world, &result, 300);
    }
}

/// A run during which a host takes the write lock at this listing request and keeps it to the end.
fn locked_out(world: &World, request: u64, cancels: bool, options: SyncOptions<'_>) -> SyncResult {
    let cancel = CancelToken::new();
    let options = options.cancel(cancel.clone());
    let path = world.path();
    let (give, lock) = std::sync::mpsc::channel();
    let mut number = 0;
    world.server.on_listing(move |_, _| {
        number += 1;
        if number == request {
            let host = rusqlite::Connection::open(&path).unwrap();
            host.busy_timeout(Duration::from_secs(20)).unwrap();
            host.execute_batch("BEGIN IMMEDIATE").unwrap();
            _ = give.send(host);
            if cancels {
                cancel.cancel();
            }
        }
    });
    let result = world.engine().sync(options).unwrap();
    world.server.on_listing(|_, _| {});
    drop(lock.try_recv().unwrap());
    result
}

#[test]
fn promise_8_waits_for_a_lock_end_with_the_run_and_claim_nothing() {
    // The run ends at its deadline: waiting for a lock counts.
    let world = ordered(1_000);
    let options = SyncOptions::new().deadline(Duration::from_secs(2));
    let result = locked_out(&world, 4, false, options);
    assert!(!result.success);
    // The lock may also prevent the history entry from being closed.
    assert_eq!(
        result.skills_added as usize,
        row_count(&world.path()),
        "{result:?}"
    );
    assert_eq!(result.code, Some(ErrorCode::RunDeadline), "{result:?}");
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_3_a_cancel_while_the_database_is_locked_claims_nothing() {
    for request in [1, 2, 4, 7] {
        let world = ordered(600);
        let result = locked_out(&world, request, true, SyncOptions::default());
        assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
        assert_eq!(
            result.skills_added as usize,
            row_count(&world.path()),
            "{result:?}"
        );
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

#[test]
fn promise_3_a_run_that_did_not_list_everything_does_not_say_complete() {
    let world = ordered(500);
    assert_eq!(world.sync().coverage, Coverage::Complete);
    let base_url = world.server.base_url();
    let failing = |client, options| {
        let result = world.engine_with(client).sync(options).unwrap();
        assert!(!result.success, "{result:?}");
        assert_eq!(result.coverage, Coverage::BestEffort, "{result:?}");
    };
    let offline = ClientOptions::new().base_url(&base_url).offline(true);
    failing(client_with(offline), SyncOptions::default());
    failing(client("http://127.0.0.1:1"), SyncOptions::default());
    let cancel = CancelToken::new();
    cancel.cancel();
    failing(client(&base_url), SyncOptions::new().cancel(cancel));
    for fault in [
        Fault::status(401),
        Fault::status(401).at_request(4),
        Fault::status(500).at_request(3),
        Fault::status(429)
            .with_header("Retry-After", "86400")
            .at_request(3),
        Fault::garbage().at_request(6),
        Fault::close(),
    ] {
        let world = ordered(500);
        world.server.fault(fault.always());
        failing(
            client(&world.server.base_url()),
            SyncOptions::new().force(true),
        );
    }
    let result = session(&world, 3);
    assert_eq!(result.coverage, Coverage::BestEffort);
    assert_eq!(world.sync().coverage, Coverage::Complete);
}

#[test]
fn promise_5_rows_that_an_earlier_run_of_the_listing_rejected_are_told_by_the_last() {
    let world = ordered(700);
    let mut ids = world.server.catalogue(|catalogue| catalogue.ids());
    ids.sort();
    let bad = &ids[20];
    world
        .server
        .catalogue(|catalogue| catalogue.edit(bad, |skill| skill["name"] = Value::Null));
    let first = session(&world, 5);
    assert_eq!(first.skills_rejected, 1, "{first:?}");
    let second = session(&world, 2);
    assert!(
        second.errors.iter().any(|error| error.contains(bad)),
        "{second:?}"
    );
    world.server.clear_requests();
    let last = world.sync();
    assert!(world.offsets()[0] > 100, "it begins anew");
    assert_eq!(last.status, SyncStatus::Partial, "{last:?}");
    assert!(last.errors[0].contains(bad), "{last:?}");
    assert_eq!(row_count(&world.path()), 699);
    let (status, message, _) = world.last_entry();
    assert_eq!(status, "partial");
    assert!(message.unwrap().contains(bad));
}

#[test]
fn promise_5_gaps_that_an_earlier_run_of_the_listing_met_are_told_by_the_last() {
    let world = ordered(700);
    let mut ids = world.server.catalogue(|catalogue| catalogue.ids());
    ids.sort();
    let refused = || Fault::status(500).holding(&ids[120]).always();
    world.server.fault(refused());
    // Its attempts, and some later pages.
    session(&world, 9);
    assert!(world.offsets().into_iter().max().unwrap() > 200);
    let last = world.sync();
    assert_eq!(last.status, SyncStatus::Partial, "{last:?}");
    assert!(last.errors[0].contains("number 121"), "{last:?}");
    assert_eq!(row_count(&world.path()), 699);
}

#[test]
fn promise_5_a_url_that_an_earlier_run_put_off_is_stored_by_the_last() {
    let world = ordered(700);
    assert_success(&world.sync());
    let mut ids = world.server.catalogue(|catalogue| catalogue.ids());
    ids.sort();
    let (early, late) = (&ids[20], &ids[690]);
    // The earlier row takes the URL of the later one, which gets another.
    world.server.catalogue(|catalogue| {
        let url = catalogue.get(late).unwrap()["repo_url"].clone();
        for (id, url) in [(late, json!("https://x.example/new")), (early, url)] {
            catalogue.edit(id, |skill| {
                skill["repo_url"] = url;
                skill["updated_at"] = "2026-12-12T00:00:00Z".into();
            });
        }
    });
    session(&world, 5);
    assert_eq!(rows(&world.path())[early]["repo_url"], Value::Null);
    world.server.clear_requests();
    let last = world.sync();
    assert!(world.offsets()[0] > 100, "it begins anew");
    assert_success(&last);
    assert!(last.warnings.is_empty(), "{last:?}");
    world.assert_mirrored();
}

#[test]
fn promise_2_what_lay_before_an_old_cursor_is_read_once_more() {
    for plain in [Plain::Allowed, Plain::NeedsFilter] {
        let world = World::by_id(900, plain);
        session(&world, 6);
        world.server.catalogue(|catalogue| catalogue.change(900, 6));
        world.clock.advance(Duration::from_secs(26 * 3600));
        let result = world.sync();
        assert_success(&result);
        world.assert_mirrored();
    }
}

#[test]
fn promise_4_a_skill_that_is_listed_twice_is_stored_with_the_later_stamp() {
    for later_first in [false, true] {
        for distance in [1, 40, 150] {
            let mut skills = Catalogue::generate(300, 1).values();
            let mut other = skills[20].clone();
            for (copy, stamp) in [(&mut skills[20], 1), (&mut other, 2)] {
                let stamp = if later_first { 3 - stamp } else { stamp };
                copy["updated_at"] = format!("2026-05-0{stamp}T00:00:00Z").into();
                copy["description"] = format!("copy {stamp}").into();
            }
            let id = other["id"].as_str().unwrap().to_owned();
            skills.insert(20 + distance, other);
            let world = inserted(skills);
            let first = world.sync();
            assert_success(&first);
            assert_eq!(first.skills_added, 300, "{first:?}");
            let stored = || rows(&world.path())[&id]["description"].clone();
            assert_eq!(stored(), "copy 2", "{later_first} {distance}");
            // In every run, without being written again.
            let second = world.sync();
            assert_success(&second);
            assert_eq!(stored(), "copy 2", "{later_first} {distance}");
            forbid_skill_writes(&world.path());
            for _ in 0..2 {
                let result = world.sync();
                assert_success(&result);
                assert_eq!(result.skills_unchanged, 300, "{result:?}");
            }
            assert_eq!(stored(), "copy 2");
        }
    }
}

#[test]
fn promise_3_a_row_is_compared_with_what_is_staged() {
    // The copy of second 5 is stored. The registry serves another one, and then the stored one
    // again.
    for (other, expected) in [(9, 9), (1, 5)] {
        for distance in [1, 30, 120] {
            let number = |nth: u32| skill(&format!("s{nth:03}"), None, 5);
            let world = inserted((0..200).map(number));
            assert_success(&world.sync());
            world.server.catalogue(|catalogue| {
                let mut served = catalogue.values();
                let again = served[10].clone();
                served[10] = skill("s010", None, other);
                served.insert(10 + distance, again);
                catalogue.clear();
                for skill in served {
                    catalogue.push(skill);
                }
            });
            for run in 0..3 {
                let result = world.sync();
                assert_eq!(
                    rows(&world.path())["s010"]["name"],
                    format!("s010 of {expected}"),
                    "{other} {distance} {run}: {result:?}"
                );
                // The first run notices that it is listed twice, and may write both; later runs
                // write neither.
                assert!(
                    result.skills_updated <= u64::from(run == 0),
                    "{run}: {result:?}"
                );
            }
            assert_success(&world.sync());
        }
    }
}

#[test]
fn promise_3_a_dry_run_counts_what_the_real_one_does() {
    let world = ordered(600);
    assert_success(&world.sync());
    let dry = || world.sync_with(SyncOptions::new().dry_run(true));
    world
        .look()
        .execute_batch("ALTER TABLE skills ADD COLUMN compatibility TEXT")
        .unwrap();
    world.server.catalogue(|catalogue| catalogue.change(10, 5));
    world.server.catalogue(|catalogue| catalogue.add(7, 5));
    let (told, done) = (dry(), world.sync());
    assert!(told.skills_updated > 15, "{told:?}");
    for (told, done) in [(told, done), (dry(), world.sync())] {
        assert_eq!(
            (
                told.skills_added,
                told.skills_updated,
                told.skills_unchanged
            ),
            (
                done.skills_added,
                done.skills_updated,
                done.skills_unchanged
            ),
        );
    }
}

#[test]
fn comparing_is_told_however_large_pages_and_rows_are() {
    let long = |nth: usize| json!({ "id": format!("long {nth}"), "name": "n", "description": "x".repeat(300_000) });
    let large = World::new(
        3_000,
        Options {
            max_limit: 1_000,
            ..Options::default()
        },
    );
    for (world, page_size) in [(large, 1_000), (inserted((0..40).map(long)), 100)] {
        for _ in 0..2 {
            let mut first: Vec<SyncPhase> = Vec::new();
            let result = world.sync_with(SyncOptions::new().page_size(page_size).on_progress(
                |progress| {
                    if !first.contains(&progress.phase) {
                        first.push(progress.phase);
                    }
                },
            ));
            assert_success(&result);
            let order = [
                SyncPhase::Connecting,
                SyncPhase::Fetching,
                SyncPhase::Comparing,
                SyncPhase::Upserting,
                SyncPhase::Complete,
            ];
            assert_eq!(first, order);
        }
    }
}

/// All columns of the user's own rows.
fn own_rows(world: &World) -> Vec<String> {
    let look = world.look();
    let mut found = look
        .prepare("SELECT * FROM skills WHERE source = 'local' ORDER BY id")
        .unwrap();
    let columns = found.column_count();
    let rows = found.query_map([], |row| {
        let values: Result<Vec<String>, _> = (0..columns)
            .map(|at| Ok(format!("{:?}", row.get_ref(at)?)))
            .collect();
        values.map(|values| values.join(", "))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn promise_3_no_run_changes_a_row_of_the_user() {
    for url in ["'mine'", "NULL"] {
        let world = inserted([
            skill("a", Some("u1"), 1),
            skill("b", Some("u2"), 1),
            skill("c", Some("u3"), 1),
        ]);
        assert_success(&world.sync());
        // They swap, so that both URLs are set aside; and one becomes the user's own during the
        // run.
        world.server.catalogue(|catalogue| {
            for (id, url) in [("a", "u2"), ("b", "u3"), ("c", "u1")] {
                catalogue.upsert(skill(id, Some(url), 2));
            }
        });
        let path = world.path();
        let mut number = 0;
        world.server.on_listing(move |_, _| {
            number += 1;
            // The rows came with the first page, and are written before or after the end of the
            // listing is seen.
            if number == 2 {
                let host = rusqlite::Connection::open(&path).unwrap();
                host.busy_timeout(Duration::from_secs(20)).unwrap();
                host.execute_batch(&format!(
                    "UPDATE skills SET source = 'local', name = 'mine', repo_url = {url} WHERE id = 'b'"
                ))
                .unwrap();
            }
        });
        world.sync();
        let own = own_rows(&world);
        assert_eq!(own.len(), 1);
        let stored = rows(&world.path());
        assert_eq!(stored["b"]["name"], "mine");
        assert_eq!(
            stored["b"]["repo_url"],
            if url == "NULL" {
                Value::Null
            } else {
                json!("mine")
            }
        );
        world.server.on_listing(|_, _| {});
        // Whatever happens later: other timestamps, force, a new column, rows that are gone.
        for round in 3..6 {
            world.server.catalogue(|catalogue| {
                catalogue.upsert(skill("b", Some("u9"), round));
                catalogue.upsert(skill("d", Some("mine"), round));
            });
            if round == 5 {
                world
                    .look()
                    .execute_batch("ALTER TABLE skills ADD COLUMN compatibility TEXT")
                    .unwrap();
                world.server.catalogue(|catalogue| catalogue.remove("b"));
            }
            let own = own_rows(&world);
            world.sync_with(SyncOptions::new().force(round == 4));
            assert_eq!(own_rows(&world), own, "round {round}");
        }
    }
}

#[test]
fn promise_3_a_row_that_became_the_users_after_it_was_written_is_not_settled() {
    // 300 rows, so that the first ones are committed while later pages are still to come.
    for url in ["'mine'", "NULL"] {
        let mut skills: Vec<Value> = (0..300)
            .map(|nth| skill(&format!("s{nth:03}"), Some(&format!("u{nth}")), 1))
            .collect();
        let world = inserted(skills.clone());
        assert_success(&world.sync());
        skills[5]["repo_url"] = "u290".into();
        skills[290]["repo_url"] = "u5".into();
        for nth in [5, 290] {
            skills[nth]["updated_at"] = "2026-06-06T00:00:00Z".into();
        }
        world.server.catalogue(|catalogue| {
            catalogue.clear();
            catalogue.extend(skills);
        });
        // The first run sets the URL of s005 aside and stops; the user takes over the row; the next
        // run settles it.
        session(&world, 3);
        assert_eq!(rows(&world.path())["s005"]["repo_url"], Value::Null);
        world
            .look()
            .execute_batch(&format!(
                "UPDATE skills SET source = 'local', repo_url = {url} WHERE id = 's005'"
            ))
            .unwrap();
        let own = own_rows(&world);
        for _ in 0..2 {
            world.sync();
            assert_eq!(own_rows(&world), own);
        }
    }
}

/// Every statement in the source that writes the table of skills or one of its dependent tables,
/// with its file.
fn statements_that_write_skills() -> Vec<(String, String)> {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("tests.rs")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        // Every string literal with such a statement, whatever is between its keywords.
        for literal in text.split('"') {
            let words: Vec<&str> = literal.split_whitespace().collect();
            for (at, word) in words.iter().enumerate() {
                let table = word.trim_start_matches("main.");
                let table = table.split(['(', ';', '{']).next().unwrap_or_default();
                let before = at.checked_sub(1).map_or("", |before| words[before]);
                let is_of_skills = ["skills", "skill_categories", "skill_versions", "categories"]
                    .into_iter()
                    .any(|name| table.trim_matches(['\\', '"']) == name);
                if is_of_skills
                    && matches!(
                        before,
                        "INTO" | "UPDATE" | "REPLACE" | "IGNORE" | "ABORT" | "FROM"
                    )
                    && (before != "FROM" || at >= 2 && words[at - 2] == "DELETE")
                {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    found.push((name, words.join(" ")));
                }
            }
        }
    }
    found.sort();
    found
}

#[test]
fn promise_3_every_statement_that_writes_skills_leaves_out_the_rows_of_the_user() {
    let found = statements_that_write_skills();
    let files: Vec<&str> = found.iter().map(|(file, _)| file.as_str()).collect();
    // Guards against statements that the search misses: a new one changes this list.
    assert_eq!(
        files,
        [&["sql.rs"; 6][..], &["unmet.rs"; 3], &["urls.rs"; 2]].concat(),
        "{found:#?}"
    );
    for (file, statement) in &found {
        if statement.starts_with("INSERT OR IGNORE INTO main.categories (id, name) ") {
            // It does not belong to a skill, and an existing one stays as it is.
            continue;
        }
        if statement.starts_with("INSERT OR ABORT INTO main.skills ") {
            // It fails on an existing id, and replaces no row, whatever the constraints of the table say.
            assert!(!statement.contains("ON CONFLICT"), "{statement}");
            continue;
        }
        let known = [
            "UPDATE OR ABORT main.skills ",
            "INSERT OR IGNORE INTO main.skill_versions ",
            "INSERT OR IGNORE INTO main.skill_categories ",
            "DELETE FROM main.skill_categories ",
            "DELETE FROM main.skill_versions ",
            "DELETE FROM main.skills ",
        ];
        assert!(
            known.iter().any(|start| statement.starts_with(start)),
            "{statement}"
        );
        let end = statement.trim_end_matches(')');
        // What is removed is the registry's for certain.
        let leaves_out = if file == "unmet.rs" {
            "{removable}"
        } else {
            "{not_local}"
        };
        assert!(end.ends_with(leaves_out), "{file}: {statement}");
    }
}
