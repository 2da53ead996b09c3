//! Promises 8, 10 and 12 where much is left to settle at the end of a run: checking the index and
//! settling URLs can be cancelled, large URLs stay within bounded memory, and their content is
//! never shown.

use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use skillsmith_sync::clock::SystemClock;
use skillsmith_sync::registry::{Call, PageRequest, Registry, SyncRequest};
use skillsmith_sync::{
    CancelToken, ClientOptions, Coverage, Database, ErrorCode, SkillsmithApiClient, SyncEngine,
    SyncOptions, SyncPhase, SyncStatus,
};
use skillsmith_test_registry::{Catalogue, Options, Order, Server};

use crate::support::{World, assert_sound, assert_success, client, client_with, rows};

fn skill(id: &str, url: &str, stamp: u32) -> Value {
    json!({ "id": id, "name": id, "description": id, "repo_url": url, "trust_tier": "community",
            "updated_at": format!("2026-01-01T00:00:{stamp:02}Z") })
}

fn index_is_sound(world: &World) -> bool {
    let check = "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)";
    world.look().execute_batch(check).is_ok()
}

/// A run that is cancelled as soon as its progress matches.
fn cancelled_at(
    world: &World,
    says: impl Fn(SyncPhase, u64) -> bool,
) -> skillsmith_sync::SyncResult {
    let cancel = CancelToken::new();
    world.sync_with(
        SyncOptions::new()
            .cancel(cancel.clone())
            .on_progress(move |progress| {
                if says(progress.phase, progress.skills_processed) {
                    cancel.cancel();
                }
            }),
    )
}

/// A mirror whose index is out of step but has the same number of rows, so that only the full check
/// finds it; and the state of our last run is deleted.
fn with_a_bad_index() -> World {
    let world = World::new(4_000, Options::default());
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(
            "INSERT INTO skills_fts (skills_fts, rowid, name, description, tags, author)
               SELECT 'delete', rowid, name, description, tags, author FROM skills WHERE rowid = 7;
             INSERT INTO skills_fts (rowid, name) VALUES (7, 'something else');
             DELETE FROM sync_state WHERE key LIKE 'index%'",
        )
        .unwrap();
    assert!(!index_is_sound(&world));
    world
}

#[test]
fn promise_12_a_check_of_the_index_obeys_cancel() {
    let world = with_a_bad_index();
    let before = rows(&world.path());
    let result = cancelled_at(&world, |phase, _| phase == SyncPhase::Connecting);
    assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
    assert_eq!(result.status, SyncStatus::Failed);
    // The check was interrupted: a completed one would have rebuilt the index.
    assert!(!index_is_sound(&world));
    assert_eq!(rows(&world.path()), before);
}

#[test]
fn promise_3_a_check_of_the_index_that_was_given_up_is_made_by_the_next_run() {
    for cancels in [false, true] {
        let world = with_a_bad_index();
        if cancels {
            cancelled_at(&world, |phase, _| phase == SyncPhase::Connecting);
        }
        assert_success(&world.sync());
        assert!(index_is_sound(&world), "after a cancelled run: {cancels}");
        world.assert_mirrored();
    }
}

#[test]
fn promise_12_an_index_without_triggers_is_made_anew_by_the_run_after_a_cancelled_one() {
    let world = World::new(3_000, Options::default());
    assert_success(&world.sync());
    world
        .look()
        .execute_batch("DROP TRIGGER skills_ai; DROP TRIGGER skills_au; DROP TRIGGER skills_ad")
        .unwrap();
    world
        .server
        .catalogue(|catalogue| catalogue.change(3_000, 2));
    let result = cancelled_at(&world, |phase, processed| {
        phase == SyncPhase::Upserting && processed >= 1_000
    });
    assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
    assert!(result.skills_updated > 0);
    assert_success(&world.sync());
    world.assert_mirrored();
    // Also if the run itself changes nothing.
    world
        .look()
        .execute_batch("UPDATE skills SET description = 'not in the index' WHERE rowid % 3 = 0")
        .unwrap();
    assert!(!index_is_sound(&world));
    assert_eq!(world.sync().skills_unchanged, 3_000);
    assert_sound(&world.path());
}

#[test]
fn promise_12_settling_urls_obeys_cancel_and_goes_on_later() {
    const SKILLS: u32 = 600;
    let world = World::with_catalogue(
        Catalogue::new(),
        Options {
            order: Order::Id,
            ..Options::default()
        },
    );
    let serve = |step: u32, stamp: u32| {
        world.server.catalogue(|catalogue| {
            for nth in 0..SKILLS {
                let url = format!("https://x.example/{}", (nth + step) % SKILLS);
                catalogue.upsert(skill(&format!("s{nth:03}"), &url, stamp));
            }
        });
    };
    serve(0, 1);
    assert_success(&world.sync());
    // Every skill takes the URL of the next one: all are set aside.
    serve(1, 2);
    let without_url = || {
        let rows = rows(&world.path());
        rows.values()
            .filter(|row| row["repo_url"].is_null())
            .count()
    };
    // The last write has been reported: only settling is left.
    let result = cancelled_at(&world, |phase, processed| {
        phase == SyncPhase::Upserting && processed == u64::from(SKILLS)
    });
    assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
    assert_eq!(result.coverage, Coverage::BestEffort);
    assert_eq!(result.skills_updated, u64::from(SKILLS));
    let left = without_url();
    assert!(left > 0, "all were settled");
    let result = world.sync();
    assert_success(&result);
    assert!(result.warnings.is_empty(), "{result:?}");
    assert_eq!(without_url(), 0);
    world.assert_mirrored();
}

const HELPER: [&str; 2] = ["SKILLSMITH_HEAVY_PATH", "SKILLSMITH_HEAVY_REGISTRY"];

/// Not a test: syncs, and records its peak memory.
#[test]
fn helper_that_measures_its_memory() {
    let [Ok(path), Ok(registry)] = HELPER.map(std::env::var) else {
        return;
    };
    let database = Database::open(&path).unwrap();
    let engine = SyncEngine::new(Arc::new(client(&registry)), &database);
    let mut told = Vec::new();
    for _ in 0..2 {
        let result = engine.sync(SyncOptions::default()).unwrap();
        assert!(result.success, "{:.2000}", format!("{result:?}"));
        told.push(result.warnings.len().to_string());
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    told.push(most.unwrap().trim().trim_end_matches(" kB").to_owned());
    std::fs::write(format!("{path}.told"), told.join(" ")).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn promise_8_large_urls_that_two_skills_claim_stay_in_bounded_memory() {
    const URL: usize = 8_000_000;
    const PAIRS: usize = 12;
    let mut catalogue = Catalogue::new();
    for pair in 0..PAIRS {
        let url = format!("https://x.example/{pair}/{}", "u".repeat(URL));
        for half in ["a", "b"] {
            catalogue.push(skill(&format!("{half}{pair}"), &url, 1));
        }
    }
    let server = Server::start(
        catalogue,
        Options {
            order: Order::Inserted,
            ..Options::default()
        },
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "promise_large_values::helper_that_measures_its_memory",
        ])
        .env(HELPER[0], &path)
        .env(HELPER[1], server.base_url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    let told = std::fs::read_to_string(folder.path().join("skills.db.told")).unwrap();
    let numbers: Vec<usize> = told.split(' ').map(|text| text.parse().unwrap()).collect();
    // One of each pair has the URL, and both runs report the other.
    assert_eq!(numbers[..2], [PAIRS, PAIRS], "{told}");
    let rows = rusqlite::Connection::open(&path).unwrap();
    let stored: i64 = rows
        .query_row(
            "SELECT count(*) FROM skills WHERE length(repo_url) > 8000000",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(usize::try_from(stored), Ok(PAIRS));
    // Memory does not grow with their number: all URLs together have 192 MB, and twice that when
    // read and staged.
    assert!(numbers[2] < 256_000, "{told}");
}

#[test]
fn promise_10_a_url_that_holds_the_credential_is_told_to_nobody() {
    const KEY: &str = "sk-live-0123456789";
    let url = format!("https://x.example/?key={KEY}");
    let mut catalogue = Catalogue::generate(50, 1);
    for id in ["one", "two", "three"] {
        catalogue.push(skill(id, &url, 1));
    }
    let world = World::with_catalogue(
        catalogue,
        Options {
            api_keys: vec![KEY.into()],
            ..Options::default()
        },
    );
    let sync = || {
        let options = ClientOptions::new()
            .base_url(world.server.base_url())
            .api_key(KEY);
        let told = RefCell::new(Vec::new());
        let result = world
            .engine_with(client_with(options))
            .sync(SyncOptions::new().on_progress(|progress| {
                told.borrow_mut().push(format!("{progress:?}"));
            }))
            .unwrap();
        let entry = world.history().get_history(1).unwrap();
        let config = world.engine().get_status().unwrap();
        let told = format!("{result:?} {entry:?} {config:?} {told:?}");
        assert!(!told.contains(KEY) && !told.contains("?key="), "{told}");
        result
    };
    for _ in 0..2 {
        // Two of three have no URL, and are reported.
        let result = sync();
        assert!(result.success, "{result:?}");
        assert_eq!(result.warnings.len(), 2, "{result:?}");
    }
    // The database's own message about it is not shown either.
    world
        .look()
        .execute_batch(
            "DELETE FROM skills WHERE id = 'one';
             CREATE TRIGGER loud BEFORE INSERT ON skills WHEN new.id = 'one'
             BEGIN INSERT INTO skills (id, name, repo_url) SELECT 'other', 'n', new.repo_url; SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let result = sync();
    assert_eq!(result.skills_rejected, 1, "{result:?}");
}

/// Its totals do not change, so that only a check of all of it finds it.
#[test]
fn promise_7_a_forced_run_finds_an_index_that_another_program_damaged() {
    for damage in [
        "DELETE FROM skills_fts_data WHERE id > 10",
        "DELETE FROM skills_fts_docsize WHERE id < 50",
    ] {
        let world = World::new(200, Options::default());
        assert_success(&world.sync());
        world.look().execute_batch(damage).unwrap();
        assert!(!index_is_sound(&world), "{damage}");
        assert_success(&world.sync_with(SyncOptions::new().force(true)));
        assert_sound(&world.path());
    }
}

#[test]
fn promise_13_a_text_that_no_url_holds_is_an_error() {
    let server = Server::start(Catalogue::generate(3, 1), Options::default());
    let client = client(&server.base_url());
    let cancel = CancelToken::new();
    let call = Call::new(&cancel, &SystemClock).single_try(true);
    let page = |text: &str| {
        client
            .search_text(&PageRequest::new().query(text), &call)
            .map(drop)
    };
    // 70 of them stand for themselves, and the others take three bytes.
    let all: String = ('\0'..='\u{7f}').collect();
    let before = format!(
        "{}/skills-search?limit=100&offset=0&query=",
        client.base_url()
    );
    let room = 65_534 - before.len() - 70 - 58 * 3;
    for (more, fits) in [
        (room - 1, true),
        (room, true),
        (room + 1, false),
        (room + 2, false),
    ] {
        let sent = server.requests().len();
        let code = page(&format!("{all}{}", "a".repeat(more))).map_err(|error| error.code());
        assert_eq!(
            code != Err(ErrorCode::InvalidArgument),
            fits,
            "{more}: {code:?}"
        );
        assert!(code != Err(ErrorCode::Internal), "{more}: {code:?}");
        assert_eq!(server.requests().len() > sent, fits, "{more}");
    }
    let long = "é".repeat(22_000);
    let pages = PageRequest::new();
    for (name, outcome) in [
        ("'query'", page(&long)),
        (
            "'category'",
            client
                .search(&pages.clone().query("a").category(&long), &call)
                .map(drop),
        ),
        (
            "'trust_tier'",
            client.search(&pages.trust_tier(&long), &call).map(drop),
        ),
        (
            "'since'",
            client
                .sync_registry(&SyncRequest::new().since(&long), &call)
                .map(drop),
        ),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        let text = error.to_string();
        assert!(
            text.contains(name) && text.contains("at most 65534"),
            "{text}"
        );
    }
    let address = format!("{}/{}", server.base_url(), "a".repeat(65_500));
    let error = SkillsmithApiClient::new(ClientOptions::new().base_url(address)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("it is too long"), "{error}");
}
