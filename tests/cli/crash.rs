//! Promise 3, *Exact counts*: a process may die at any instruction.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use skillsmith_test_registry::{Catalogue, Options, Order, Server};

const SKILLS: usize = 6_000;

fn sync(server: &Server, database: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skillsmith"));
    command
        .args(["sync", "--quiet", "--db"])
        .arg(database)
        .env_clear()
        .env("SKILLSMITH_API_URL", server.base_url())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Kills a sync after this time; returns whether it was still running.
fn kill_after(server: &Server, database: &Path, after: Duration) -> bool {
    let mut child = sync(server, database).spawn().unwrap();
    std::thread::sleep(after);
    let was_running = child.try_wait().unwrap().is_none();
    _ = child.kill();
    child.wait().unwrap();
    was_running
}

/// After a kill: everything that the file claims is stored.
fn assert_books_are_true(path: &Path, ids: &[String]) {
    let Ok(conn) = Connection::open(path) else {
        return;
    };
    let number = |sql: &str| -> i64 { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
    if number("SELECT count(*) FROM sqlite_master WHERE name = 'sync_state'") == 0 {
        return;
    }
    let verdict: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    // The cursor claims that everything before it has been applied.
    let reached = number(
        "SELECT coalesce(max(json_extract(value, '$.at.offset')), 0) FROM sync_state WHERE key = 'place'",
    );
    let mut known = conn.prepare("SELECT 1 FROM skills WHERE id = ?1").unwrap();
    for id in &ids[..usize::try_from(reached).unwrap()] {
        assert!(
            known.exists([id]).unwrap(),
            "the place is {reached}, and {id} is missing"
        );
    }
    // And there is a sync time only if everything is stored.
    let synced = number("SELECT last_sync_at IS NOT NULL FROM sync_config") == 1;
    let rows = usize::try_from(number("SELECT count(*) FROM skills")).unwrap();
    assert!(!synced || rows == SKILLS);
    // At most one run is marked as running: the one that was just killed.
    assert!(number("SELECT count(*) FROM sync_history WHERE status = 'running'") <= 1);
}

/// At the end: the registry's values, a sound index, a correct history.
fn assert_everything_is_there(path: &Path, skills: &[serde_json::Value]) {
    let conn = Connection::open(path).unwrap();
    for skill in skills {
        let stored: (String, String) = conn
            .query_row(
                "SELECT description, updated_at FROM skills WHERE id = ?1",
                [skill["id"].as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(Some(stored.0.as_str()), skill["description"].as_str());
        assert_eq!(Some(stored.1.as_str()), skill["updated_at"].as_str());
    }
    conn.execute(
        "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
        [],
    )
    .unwrap();
    let count = |what: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM sync_history WHERE {what}");
        conn.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert!(count("status = 'failed' AND error_message = 'interrupted'") > 0);
    assert_eq!(count("status = 'running'"), 0);
}

#[test]
fn promise_3_a_killed_sync_claims_no_more_than_it_has() {
    let options = Options {
        order: Order::Id,
        delay_ms: 2,
        ..Options::default()
    };
    let server = Server::start(Catalogue::generate(SKILLS, 1), options);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let mut ids = server.catalogue(|catalogue| catalogue.ids());
    ids.sort();
    let mut killed = 0;
    for round in 0..25_u64 {
        // Sometimes a row changes in the part that has already been read.
        server.catalogue(|catalogue| catalogue.change(5, round));
        let after = Duration::from_millis(15 + round * 37 % 160);
        killed += u64::from(kill_after(&server, &path, after));
        assert_books_are_true(&path, &ids);
    }
    assert!(
        killed > 5,
        "only {killed} runs were killed; the rest had ended"
    );

    // After two undisturbed runs, nothing is missing, not even the changes in the part that had
    // been read.
    for _ in 0..2 {
        assert!(sync(&server, &path).status().unwrap().success());
    }
    assert_everything_is_there(&path, &server.catalogue(|catalogue| catalogue.values()));
}
