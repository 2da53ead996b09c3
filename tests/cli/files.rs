//! Where the database is stored, who may read it, and which files are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

use crate::support::{Outcome, Place};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_default_place_is_the_owner_s_alone() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    assert_eq!(mode(&place.path(".skillsmith")), 0o700);
    for entry in fs::read_dir(place.path(".skillsmith")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_missing_folder_is_made() {
    let place = Place::with_skills(25);
    place.ok(&["sync", "--db", "a/b/skills.db"]);
    assert_eq!(mode(&place.path("a/b")), 0o700);
    assert!(place.path("a/b/skills.db").exists());
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let place = Place::with_skills(25);
    let text = "# Notes\n".repeat(400);
    fs::write(place.path("notes.md"), &text).unwrap();
    for command in [
        vec!["sync"],
        vec!["sync", "status"],
        vec!["sync", "history"],
        vec!["sync", "config", "--disable"],
        vec!["sync", "--dry-run"],
    ] {
        let outcome = Outcome::of(place.command(&command).args(["--db", "notes.md"]));
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (1, ""),
            "{command:?}"
        );
        assert_eq!(
            place.settled(&outcome.stderr),
            "error: <home>/notes.md is not a database. It was left as it is; choose another file, or move this one away.\n",
            "{command:?}"
        );
        assert_eq!(
            fs::read_to_string(place.path("notes.md")).unwrap(),
            text,
            "{command:?}"
        );
    }
    let left: Vec<_> = fs::read_dir(place.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["notes.md"]);
}

#[test]
fn a_folder_is_no_database() {
    let place = Place::with_skills(25);
    let outcome = place.run(&["sync", "--db", "."]);
    assert_eq!(outcome.code, 1);
    assert_snapshot!(place.settled(&outcome.stderr), @"error: <home> is a folder. Give the path of a database file.");
}

/// The program as a user other than root, to whom permissions apply.
fn as_nobody(place: &Place, args: &[&str]) -> Command {
    if !rustix::process::getuid().is_root() {
        return place.command(args);
    }
    // Other users may have no access to the build folder.
    let program = place.path("skillsmith");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_skillsmith"), &program).unwrap();
        set_mode(&program, 0o755);
    }
    let mut command = place.command_of(
        "setpriv",
        &["--reuid=65534", "--regid=65534", "--clear-groups"],
    );
    command.arg(program).args(args);
    command
}

#[test]
fn a_configuration_that_this_user_cannot_read_is_told_and_nothing_is_sent() {
    let place = Place::with_skills(25);
    fs::create_dir(place.path(".skillsmith")).unwrap();
    let file = place.path(".skillsmith/config.json");
    fs::write(&file, r#"{"apiKey": "sk-file"}"#).unwrap();
    set_mode(&file, 0o000);
    for (folder, db) in [(0o755, "a.db"), (0o000, "b.db")] {
        set_mode(&place.path(".skillsmith"), folder);
        set_mode(place.home(), 0o777);
        let outcome = Outcome::of(&mut as_nobody(&place, &["sync", "--db", db]));
        assert_eq!(outcome.code, 1);
        assert_eq!(
            place.settled(&outcome.stderr),
            "error: No permission to read <home>/.skillsmith/config.json. Check the owner and the mode of the file and its folder.\n"
        );
        assert!(place.server().requests().is_empty());
        // It matters only where a value is asked of it.
        let mut command = as_nobody(&place, &["sync", "--db", db]);
        let outcome = Outcome::of(command.env("SKILLSMITH_API_KEY", "sk-12345"));
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        place.server().clear_requests();
    }
    set_mode(&place.path(".skillsmith"), 0o755);
}

#[test]
fn no_permission_to_create() {
    let place = Place::with_skills(25);
    set_mode(place.home(), 0o555);
    let outcome = Outcome::of(&mut as_nobody_after(&place, 0o555, &["sync"]));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_snapshot!(place.settled(&outcome.stderr), @"error: No permission to create the folder <home>/.skillsmith. Check the owner and the mode of the file and its folder.");
    set_mode(place.home(), 0o755);
}

/// The same, after the folder got this mode; copying the program needs it open.
fn as_nobody_after(place: &Place, mode: u32, args: &[&str]) -> Command {
    set_mode(place.home(), 0o755);
    let command = as_nobody(place, args);
    set_mode(place.home(), mode);
    command
}

#[test]
fn no_permission_to_write() {
    let place = Place::with_skills(25);
    place.ok(&["sync", "--db", "shared.db"]);
    set_mode(&place.path("shared.db"), 0o444);
    let before = fs::read(place.path("shared.db")).unwrap();
    let outcome = Outcome::of(&mut as_nobody_after(
        &place,
        0o555,
        &["sync", "--db", "shared.db"],
    ));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_snapshot!(place.settled(&outcome.stderr), @"error: No permission to write <home>/shared.db. Check the owner and the mode of the file and its folder.");
    assert_eq!(fs::read(place.path("shared.db")).unwrap(), before);
    set_mode(place.home(), 0o755);
}

#[test]
fn a_file_that_can_be_written_in_a_folder_that_cannot_is_told_by_the_folder() {
    for mode in ["wal", "delete"] {
        let place = Place::with_skills(25);
        place.ok(&["sync", "--db", "shared.db"]);
        rusqlite::Connection::open(place.path("shared.db"))
            .unwrap()
            .pragma_update(None, "journal_mode", mode)
            .unwrap();
        fs::remove_file(place.path("shared.db-sync-lock")).unwrap();
        set_mode(&place.path("shared.db"), 0o666);
        let args = ["sync", "--db", "shared.db"];
        let outcome = Outcome::of(&mut as_nobody_after(&place, 0o555, &args));
        assert_eq!(outcome.code, 1, "{mode}: {}", outcome.stdout);
        assert!(
            place
                .settled(&outcome.stderr)
                .contains("No permission to create files in <home>."),
            "{mode}: {}",
            outcome.stderr
        );
        set_mode(place.home(), 0o755);
    }
}

/// Even to read, SQLite needs the -shm of a write-ahead log.
#[test]
fn a_write_ahead_log_in_a_folder_that_cannot_be_written_is_told_by_the_folder() {
    for mode in [0o444, 0o666] {
        let place = Place::with_skills(25);
        place.ok(&["sync", "--db", "shared.db"]);
        assert!(!place.path("shared.db-shm").exists());
        set_mode(&place.path("shared.db"), mode);
        std::os::unix::fs::symlink(place.path("shared.db"), place.path("link.db")).unwrap();
        for name in ["shared.db", "link.db"] {
            for command in ["status", "history", "config"] {
                let args = ["sync", command, "--json", "--db", name];
                let outcome = Outcome::of(&mut as_nobody_after(&place, 0o555, &args));
                assert_eq!(outcome.code, 1, "{args:?}: {}", outcome.stdout);
                assert_eq!(outcome.json()["error"]["code"], "PERMISSION_DENIED");
                let words = format!(
                    "error: <home>/{name} has a write-ahead log, so that SQLite creates a file beside it even to read it, and you have \
                     no write access to <home>. Get write access to the folder, or copy the file (and <home>/{name}-wal, if there is one) \
                     to a folder of your own, and read the copy.\n"
                );
                assert_eq!(place.settled(&outcome.stderr), words);
            }
            let args = ["doctor", "--db", name];
            let outcome = Outcome::of(&mut as_nobody_after(&place, 0o555, &args));
            let words = "warning: content: it cannot be read, because SQLite creates files beside it for that too. Get";
            assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
        }
        // As it says.
        set_mode(place.home(), 0o777);
        let outcome = Outcome::of(&mut as_nobody(
            &place,
            &["sync", "status", "--db", "shared.db"],
        ));
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        set_mode(place.home(), 0o755);
    }
}

#[test]
fn what_may_only_be_read_can_be_looked_at() {
    let place = Place::with_skills(25);
    place.ok(&["sync", "--db", "shared.db"]);
    rusqlite::Connection::open(place.path("shared.db"))
        .unwrap()
        .pragma_update(None, "journal_mode", "delete")
        .unwrap();
    set_mode(&place.path("shared.db"), 0o444);
    for args in [
        ["sync", "status", "--db", "shared.db"],
        ["sync", "history", "--db", "shared.db"],
        ["sync", "config", "--db", "shared.db"],
    ] {
        let outcome = Outcome::of(&mut as_nobody_after(&place, 0o555, &args));
        assert_eq!(outcome.code, 0, "{args:?}: {}", outcome.stderr);
    }
    let outcome = Outcome::of(&mut as_nobody_after(
        &place,
        0o555,
        &["sync", "config", "--disable", "--db", "shared.db"],
    ));
    assert_eq!(outcome.code, 1);
    set_mode(place.home(), 0o755);
}

#[test]
fn a_sync_by_root_leaves_the_owner_of_the_database_a_lock_file_of_his_own() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::with_skills(25);
    place.ok(&["sync", "--db", "shared.db"]);
    std::os::unix::fs::chown(place.path("shared.db"), Some(65534), Some(65534)).unwrap();
    std::os::unix::fs::chown(place.home(), Some(65534), Some(65534)).unwrap();
    fs::remove_file(place.path("shared.db-sync-lock")).unwrap();
    place.ok(&["sync", "--db", "shared.db"]);
    assert_eq!(
        fs::metadata(place.path("shared.db-sync-lock"))
            .unwrap()
            .uid(),
        65534
    );
    let outcome = Outcome::of(&mut as_nobody(&place, &["sync", "--db", "shared.db"]));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn what_root_makes_in_the_folder_of_another_user_is_told() {
    let place = Place::with_skills(25);
    if !rustix::process::getuid().is_root() {
        assert_eq!(place.run(&["sync", "--json"]).warnings(), [""; 0]);
        return;
    }
    // As of root's own home.
    let outcome = place.run(&["sync", "--json", "--db", "own.db"]);
    assert_eq!(outcome.warnings(), [""; 0]);
    std::os::unix::fs::chown(place.home(), Some(65534), Some(65534)).unwrap();
    let outcome = place.run(&["sync", "--json"]);
    let told: Vec<_> = outcome
        .warnings()
        .iter()
        .map(|told| place.settled(told))
        .collect();
    assert_eq!(
        told,
        [
            "<home>/.skillsmith/skills.db was created for root in <home>, a folder of another user (number 65534), who cannot \
             use it. If it is for that user: chown -R 65534 <home>/.skillsmith"
        ]
    );
    let outcome = place.run(&["sync", "--json", "--db", "named.db"]);
    let told = place.settled(&outcome.warnings()[0]);
    assert!(
        told.ends_with(": chown -R 65534 <home>/named.db*"),
        "{told}"
    );
    // Once, and not of what is there already.
    assert_eq!(place.run(&["sync", "--json"]).warnings(), [""; 0]);
    // As it says.
    let chown = place
        .command_of("chown", &["-R", "65534", ".skillsmith"])
        .status();
    assert!(chown.unwrap().success());
    let outcome = Outcome::of(&mut as_nobody(&place, &["sync"]));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}
