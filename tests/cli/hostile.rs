//! Databases that mean harm: no command waits for them, and damage to the index is found and told.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Outcome, Place, wait_until};

const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

#[test]
fn every_command_refuses_a_view_in_place_of_a_table() {
    for table in ["sync_config", "sync_history", "sync_state"] {
        let place = Place::with_skills(5);
        place.ok(&["sync"]);
        let sql = format!(
            "DROP TABLE {table}; CREATE VIEW {table} AS SELECT i AS id, i AS key, i AS value FROM ({ENDLESS})"
        );
        place.look().execute_batch(&sql).unwrap();
        for args in [
            &["sync", "status"][..],
            &["sync", "history"],
            &["sync", "config", "--enable"],
            &["sync"],
            &["doctor"],
        ] {
            let outcome = place.run(args);
            assert_eq!(outcome.code, 1, "{args:?}: {}", outcome.stderr);
            let said = outcome.stdout + &outcome.stderr;
            let found = format!("its '{table}' is a view, not an ordinary table");
            assert!(said.contains(&found), "{args:?}: {said}");
        }
    }
}

#[test]
fn the_first_signal_ends_a_sync_in_a_trigger() {
    let place = Place::with_skills(5);
    let sql = format!(
        "CREATE TRIGGER odd AFTER INSERT ON skills BEGIN SELECT count(*) FROM ({ENDLESS}); END"
    );
    place.ok(&["sync", "config", "--enable"]);
    place.look().execute_batch(&sql).unwrap();
    let sync = place.start(&["sync"]);
    wait_until("the page was served", || {
        !place.server().listings().is_empty()
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
}

fn last_check(place: &Place) -> Value {
    let status = place.json(&["sync", "status", "--json"]);
    status.get("lastCheck").cloned().unwrap_or_default()
}

#[test]
fn the_status_tells_when_the_index_was_checked() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    assert_eq!(last_check(&place), Value::Null);
    place.ok(&["doctor"]);
    assert_eq!(last_check(&place), Value::Null);
    place.ok(&["doctor", "--check"]);
    assert_eq!(last_check(&place)["sound"], true);

    // A row changes without its trigger.
    let look = place.look();
    let trigger: String = look
        .query_row(
            "SELECT sql FROM sqlite_master WHERE name = 'skills_au'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    look.execute_batch(&format!(
        "DROP TRIGGER skills_au; UPDATE skills SET description = 'other words' WHERE rowid = 3; {trigger}"
    ))
    .unwrap();
    let outcome = place.run(&["doctor", "--check"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(last_check(&place)["sound"], false);
    let text = place.ok(&["sync", "status"]);
    assert!(text.contains("Last check"), "{text}");
    assert!(text.contains("damaged, "), "{text}");
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains("damaged, "), "{}", doctor.stdout);
    place.ok(&["sync", "--force"]);
    assert_eq!(last_check(&place)["sound"], true);
    place.ok(&["doctor", "--check"]);
}

#[test]
fn a_check_leaves_a_file_alone_that_no_sync_has_written_to() {
    let place = Place::with_skills(5);
    let path = place.path("old.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE skills (id TEXT PRIMARY KEY, name TEXT NOT NULL)")
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    place.ok(&["doctor", "--check", "--db", "old.db"]);
    assert!(std::fs::read(&path).unwrap() == before);
}

/// The program, which is ended if it hangs: long before a run's own end, which is half an hour.
fn run(place: &Place, args: &[&str]) -> Outcome {
    let mut all = vec!["60", env!("CARGO_BIN_EXE_skillsmith")];
    all.extend(args);
    Outcome::of(&mut place.command_of("timeout", &all))
}

const COMMANDS: [&[&str]; 6] = [
    &["sync", "status"],
    &["sync", "history", "--json"],
    &["doctor", "--check"],
    &["sync"],
    &["sync", "config"],
    &["sync", "config", "--frequency", "weekly"],
];

/// These commands end, with words for what they cannot do.
fn commands_end(place: &Place, what: &str, commands: &[&[&str]]) {
    for args in commands {
        let outcome = run(place, args);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(
            matches!(outcome.code, 0 | 1 | 3),
            "{what}: {args:?} ends with {}: {}",
            outcome.code,
            said.chars().take(2_000).collect::<String>()
        );
        assert!(!said.contains("panicked"), "{what}: {args:?}: {said}");
        assert!(!said.contains("Internal error"), "{what}: {args:?}: {said}");
        assert!(!said.is_empty(), "{what}: {args:?} says nothing");
    }
}

#[test]
fn every_command_ends_over_every_hostile_database() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let sql = std::fs::read_to_string(&path).unwrap();
        let place = Place::with_skills(5);
        place.ok(&["sync"]);
        place.look().execute_batch(&sql).unwrap();
        let what = path.file_stem().unwrap().to_str().unwrap();
        commands_end(&place, what, &COMMANDS);
        count += 1;
    }
    assert!(count > 25, "{count}");
}

#[test]
fn every_command_ends_over_a_file_with_flipped_bits() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let look = place.look();
    look.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(look);
    let sound = std::fs::read(place.database()).unwrap();
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    for number in 0..150 {
        let mut bytes = sound.clone();
        for _ in 0..4 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = usize::try_from(seed >> 8).unwrap() % bytes.len();
            bytes[at] ^= 1 << (seed & 7);
        }
        for suffix in ["-wal", "-shm"] {
            _ = std::fs::remove_file(place.path(&format!(".skillsmith/skills.db{suffix}")));
        }
        std::fs::write(place.database(), bytes).unwrap();
        commands_end(&place, &format!("damage {number}"), &COMMANDS[..4]);
    }
}
