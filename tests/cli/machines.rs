//! File systems that several machines use at the same time.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use skillsmith_test_registry::Fault;

use crate::support::{FileSystem, Place, Running, wait_until};

const NFS: i64 = 0x6969;
const FUSE: i64 = 0x6573_5546;

/// The line in the lock file.
fn line(place: &Place) -> String {
    fs::read_to_string(place.path(".skillsmith/skills.db-sync-lock")).unwrap()
}

/// A sync that hangs in its second page.
fn hanging(place: &Place, disk: &FileSystem<'_>) -> Running {
    place.server().fault(Fault::stall_after(100).at_request(2));
    let sync = disk.start(&["sync"]);
    wait_until("the second page stalls", || {
        place.server().listings().len() >= 2
    });
    sync
}

#[test]
fn a_file_system_of_several_machines_is_told_everywhere_and_has_no_write_ahead_log() {
    for (number, name) in [
        (NFS, "NFS"),
        (0xFE53_4D42, "SMB2"),
        (0x0102_1997, "9P"),
        (FUSE, "FUSE"),
    ] {
        let place = Place::with_skills(25);
        let disk = FileSystem::of(&place).with("FS_TYPE", number);
        for _ in 0..2 {
            let outcome = disk.run(&["sync", "--json"]);
            assert_eq!(outcome.code, 0, "{name}: {}", outcome.stderr);
            let told = outcome.warnings();
            assert!(
                told.len() == 1 && told[0].contains(&format!("at the same time ({name})")),
                "{told:?}"
            );
            assert_eq!(line(&place), "", "released");
        }
        assert_eq!(place.journal_mode(), "delete");
        let status = disk.run(&["sync", "status", "--json"]).json();
        assert_eq!(status["sharedFileSystem"], name);
        assert_eq!(status["isRunning"], false);
        let text = disk.run(&["sync", "status"]).stdout;
        let expected = format!("File system: {name}, which other machines");
        assert!(text.contains(&expected), "{text}");
        assert!(
            text.contains("Journal:     delete (other machines"),
            "{text}"
        );
        let doctor = disk.run(&["doctor", "--json"]).json();
        let findings = doctor["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["name"] == "file system");
        assert_eq!(found.unwrap()["state"], "warning", "{doctor:#}");
    }
}

#[test]
fn a_local_file_system_has_nothing_of_that() {
    let place = Place::with_skills(250);
    let sync = hanging(&place, &FileSystem::of(&place));
    assert_eq!(line(&place), "");
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    place.server().clear_faults();
    assert_eq!(place.run(&["sync", "--json"]).warnings(), [""; 0]);
    let status = place.json(&["sync", "status", "--json"]);
    assert_eq!(
        (&status["sharedFileSystem"], &status["journalMode"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_write_ahead_log_of_several_machines_is_told_and_given_up_by_the_next_run() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    for args in [&["doctor"][..], &["sync", "--dry-run"]] {
        let outcome = disk.run(args);
        let log = "warning: journal: wal, which";
        let is_told = args == ["doctor"];
        assert_eq!(outcome.stdout.contains(log), is_told, "{}", outcome.stdout);
        assert_eq!(place.journal_mode(), "wal", "{args:?} changes nothing");
    }
    let outcome = disk.run(&["sync", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(outcome.warnings().len(), 1, "{:?}", outcome.warnings());
    assert_eq!(place.journal_mode(), "delete");
    assert_eq!(
        place.names_in(".skillsmith"),
        ["skills.db", "skills.db-sync-lock"]
    );
    place.assert_sound();
}

#[test]
fn a_write_ahead_log_of_several_machines_that_is_in_use_stays_and_says_why() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    place.server().catalogue(|catalogue| catalogue.add(5, 3));
    let host = place.look();
    let count = || -> i64 {
        host.query_row("SELECT count(*) FROM skills", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(), 25);
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let outcome = disk.run(&["sync", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let told = outcome.warnings();
    let is_told = |told: &String| {
        told.contains("could not be changed to a rollback journal: another program")
            && told.contains("(NFS)")
    };
    assert!(told.iter().any(is_told), "{told:?}");
    // The host's connection works as before.
    assert_eq!(count(), 30);
    assert_eq!(place.journal_mode(), "wal");
    drop(host);
    let outcome = disk.run(&["sync", "--json"]);
    assert!(!outcome.warnings().iter().any(is_told));
    assert_eq!(place.journal_mode(), "delete");
    place.assert_sound();
}

/// The line of a sync of another machine, which has taken over.
fn take_over(place: &Place) {
    let other = r#"{"host":"other","boot":"other","pid":1,"id":1,"number":7}"#;
    fs::write(place.path(".skillsmith/skills.db-sync-lock"), other).unwrap();
}

/// The file, byte for byte, and the ids of runs in the history.
fn content(place: &Place) -> Vec<u8> {
    fs::read(place.database()).unwrap()
}

#[test]
fn a_sync_that_another_machine_has_taken_over_ends_while_it_waits() {
    let place = Place::with_skills(250);
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let sync = hanging(&place, &disk);
    wait_until("the first page is written", || {
        place.count("SELECT count(*) FROM skills") == 100
    });
    // Its requests and its cursor are written within a fifth of a second.
    std::thread::sleep(Duration::from_secs(1));
    take_over(&place);
    let before = content(&place);
    let outcome = sync.end();
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("Another sync has taken over, as ")
            && outcome.stderr.contains("100 skills were written"),
        "{}",
        outcome.stderr
    );
    assert!(content(&place) == before, "it wrote after it had ended");
    assert!(line(&place).contains("\"other\""), "{}", line(&place));
}

#[test]
fn a_sync_that_another_machine_has_taken_over_commits_nothing_more() {
    let place = Place::with_skills(250);
    place.server().fault(Fault::delay(2_500).at_request(2));
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let sync = disk.start(&["sync", "--json"]);
    wait_until("the second page is asked for", || {
        place.server().listings().len() >= 2
    });
    wait_until("the first page is written", || {
        place.count("SELECT count(*) FROM skills") == 100
    });
    std::thread::sleep(Duration::from_secs(1));
    take_over(&place);
    let before = content(&place);
    let outcome = sync.end();
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    let told = outcome.json();
    assert_eq!(
        (&told["success"], &told["skillsAdded"]),
        (&false.into(), &100.into())
    );
    assert!(content(&place) == before, "it wrote after it had ended");
    place.assert_sound();
}

#[test]
fn a_sync_of_another_kernel_is_seen_as_long_as_it_runs() {
    let place = Place::with_skills(250);
    fs::write(place.path("boot"), "another-boot\n").unwrap();
    let one = FileSystem::of(&place)
        .with("FS_TYPE", NFS)
        .with("FS_NO_LOCKS", 1);
    let other = FileSystem::of(&place)
        .with("FS_TYPE", NFS)
        .with("FS_NO_LOCKS", 1)
        .with_path("FS_BOOT", &place.path("boot"));
    let mut sync = hanging(&place, &one);
    let entry: Value = serde_json::from_str(&line(&place)).unwrap();
    assert_eq!(entry["pid"], sync.child().id());
    for name in ["host", "boot"] {
        assert!(entry[name].is_string(), "{entry}");
    }
    let status = other.run(&["sync", "status", "--json"]).json();
    assert_eq!(status["isRunning"], true);
    let refused = other.run(&["sync", "--json"]);
    assert_eq!(refused.code, 4, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("already in progress"),
        "{}",
        refused.stderr
    );
    let later: Value = serde_json::from_str(&line(&place)).unwrap();
    assert_eq!(later["id"], entry["id"]);
    assert!(later["number"].as_u64() > entry["number"].as_u64());
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    assert_eq!(line(&place), "");
    place.server().clear_faults();
    let outcome = other.run(&["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 250);
    place.assert_sound();
}

#[test]
fn the_line_of_a_dead_sync_of_another_kernel_is_taken_over() {
    let place = Place::with_skills(25);
    fs::create_dir(place.path(".skillsmith")).unwrap();
    let dead = r#"{"host":"gone","boot":"gone","pid":1,"id":1,"number":7}"#;
    fs::write(place.path(".skillsmith/skills.db-sync-lock"), dead).unwrap();
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let outcome = disk.run(&["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(line(&place), "");
    // One of this kernel is known to be dead by its lock.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let ours = dead.replace(
        "\"boot\":\"gone\"",
        &format!("\"boot\":\"{}\"", boot.trim()),
    );
    for left in [&*ours, "not JSON", "{}"] {
        fs::write(place.path(".skillsmith/skills.db-sync-lock"), left).unwrap();
        let status = disk.run(&["sync", "status", "--json"]).json();
        assert_eq!(status["isRunning"], false, "{left}");
        assert_eq!(disk.run(&["sync"]).code, 0, "{left}");
        assert_eq!(line(&place), "");
    }
}

#[test]
fn a_wait_for_another_kernel_s_sync_can_be_cancelled() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let dead = r#"{"host":"gone","boot":"gone","pid":1,"id":1,"number":7}"#;
    fs::write(place.path(".skillsmith/skills.db-sync-lock"), dead).unwrap();
    place.server().clear_requests();
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let sync = disk.start(&["sync"]);
    std::thread::sleep(Duration::from_millis(500));
    sync.signal(Signal::INT);
    let outcome = sync.end();
    assert_eq!(outcome.code, 130, "{}", outcome.stderr);
    assert_eq!(line(&place), dead);
}

#[test]
fn damage_where_another_machine_may_be_writing_is_not_to_be_moved_away() {
    let place = Place::with_skills(250);
    place.ok(&["sync"]);
    let mut bytes = fs::read(place.database()).unwrap();
    bytes[100..20_000].fill(0x5a);
    fs::write(place.database(), bytes).unwrap();
    let local = place.run(&["sync"]);
    assert!(local.stderr.contains("move it away"), "{}", local.stderr);
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    for args in [&["sync"][..], &["sync", "status"], &["doctor"]] {
        let outcome = disk.run(args);
        let told = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.code, 1, "{told}");
        assert!(
            told.contains("one of them may be writing to it") && !told.contains("move"),
            "{args:?}: {told}"
        );
    }
}
