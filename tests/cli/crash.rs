//! Promise 3, *Atomic books*: a process may die at any instruction.

use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use skillsmith_test_registry::{Catalogue, Options, Order, Server};

/// Kills a sync after so many milliseconds; returns whether it was still running.
fn kill_after(server: &Server, database: &std::path::Path, after: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skillsmith"))
        .args(["sync", "--quiet", "--db"])
        .arg(database)
        .env_clear()
        .env("SKILLSMITH_API_URL", server.base_url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    let was_running = child.try_wait().unwrap().is_none();
    _ = child.kill();
    child.wait().unwrap();
    was_running
}

#[test]
fn promise_3_a_killed_sync_claims_no_more_than_it_has() {
    const SKILLS: usize = 6_000;
    let options = Options {
        order: Order::Id,
        delay_ms: 2,
        ..Options::default()
    };
    let server = Server::start(Catalogue::generate(SKILLS, 1), options);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let ids: Vec<String> = {
        let mut ids = server.catalogue(|catalogue| catalogue.ids());
        ids.sort();
        ids
    };
    let mut killed = 0;
    for round in 0..25_u64 {
        // Now and then something changes in the part that has been read already.
        server.catalogue(|catalogue| catalogue.change(5, round));
        killed += u64::from(kill_after(
            &server,
            &path,
            Duration::from_millis(15 + round * 37 % 160),
        ));
        let Ok(conn) = Connection::open(&path) else {
            continue;
        };
        let tables: i64 = conn
            .query_row(
                "SELECT count(*) FROM sqlite_master WHERE name = 'sync_state'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        if tables == 0 {
            continue;
        }
        let verdict: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");
        // The place says that everything before it has been applied.
        let place: Option<i64> = conn
            .query_row("SELECT max(json_extract(value, '$.at.offset')) FROM sync_state WHERE key = 'place'", [], |row| row.get(0))
            .unwrap();
        let reached = usize::try_from(place.unwrap_or(0)).unwrap();
        let mut known = conn.prepare("SELECT 1 FROM skills WHERE id = ?1").unwrap();
        for id in &ids[..reached] {
            assert!(
                known.exists([id]).unwrap(),
                "the place is {reached}, and {id} is missing"
            );
        }
        // And a sync time only if everything is there.
        let synced: Option<String> = conn
            .query_row("SELECT last_sync_at FROM sync_config", [], |row| row.get(0))
            .unwrap();
        let rows: i64 = conn
            .query_row("SELECT count(*) FROM skills", [], |row| row.get(0))
            .unwrap();
        assert!(synced.is_none() || usize::try_from(rows) == Ok(SKILLS));
        // At most one run is marked as running: the one that was just killed.
        let running: i64 = conn
            .query_row(
                "SELECT count(*) FROM sync_history WHERE status = 'running'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert!(running <= 1);
    }
    assert!(
        killed > 5,
        "only {killed} runs were killed; the rest had ended"
    );

    // Two calm runs, and nothing is missing, not even what changed behind the place.
    for _ in 0..2 {
        let done = Command::new(env!("CARGO_BIN_EXE_skillsmith"))
            .args(["sync", "--db"])
            .arg(&path)
            .env_clear()
            .env("SKILLSMITH_API_URL", server.base_url())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    let conn = Connection::open(&path).unwrap();
    for skill in server.catalogue(|catalogue| catalogue.values()) {
        let stored: (String, String) = conn
            .query_row(
                "SELECT description, updated_at FROM skills WHERE id = ?1",
                [skill["id"].as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(
            (Some(stored.0.as_str()), Some(stored.1.as_str())),
            (skill["description"].as_str(), skill["updated_at"].as_str())
        );
    }
    conn.execute(
        "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
        [],
    )
    .unwrap();
    let entries: Vec<(String, Option<String>)> = conn
        .prepare("SELECT status, error_message FROM sync_history")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(
        entries
            .iter()
            .any(|(status, error)| status == "failed" && error.as_deref() == Some("interrupted"))
    );
    assert!(entries.iter().all(|(status, _)| status != "running"));
}
