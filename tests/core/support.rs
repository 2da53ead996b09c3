//! Shared by the tests: a registry, a database, an engine, and ways to inspect the result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde_json::Value;
use skillsmith_sync::clock::Clock;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{
    CancelToken, ClientOptions, Database, ErrorCode, SkillsmithApiClient, SyncEngine,
    SyncHistoryRepository, SyncOptions, SyncResult, SyncStatus,
};
use skillsmith_test_registry::{Catalogue, Fault, Options, Order, Plain, Server};
use tempfile::TempDir;

/// A registry and a database of its own.
pub struct World {
    pub server: Server,
    pub folder: TempDir,
    pub database: Database,
    pub clock: Arc<TestClock>,
}

impl World {
    pub fn new(skills: usize, options: Options) -> Self {
        Self::with_catalogue(Catalogue::generate(skills, 1), options)
    }

    pub fn with_catalogue(catalogue: Catalogue, options: Options) -> Self {
        let server = Server::start(catalogue, options);
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path().join("skills.db")).unwrap();
        Self {
            server,
            folder,
            database,
            clock: Arc::default(),
        }
    }

    /// A registry that lists its skills by id.
    pub fn by_id(skills: usize, plain: Plain) -> Self {
        let options = Options {
            plain,
            order: Order::Id,
            ..Options::default()
        };
        Self::new(skills, options)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("skills.db")
    }

    pub fn client(&self) -> SkillsmithApiClient {
        client(&self.server.base_url())
    }

    pub fn engine(&self) -> SyncEngine {
        self.engine_with(self.client())
    }

    pub fn engine_with(&self, client: SkillsmithApiClient) -> SyncEngine {
        SyncEngine::with_clock(
            Arc::new(client),
            &self.database,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
        )
    }

    pub fn sync(&self) -> SyncResult {
        self.sync_with(SyncOptions::default())
    }

    pub fn sync_with(&self, options: SyncOptions<'_>) -> SyncResult {
        let result = self.engine().sync(options).unwrap();
        assert_counts_add_up(&result);
        assert_punctuated(&result);
        result
    }

    /// Runs `meanwhile` while a sync hangs in the middle of a page, then cancels the sync.
    pub fn while_one_hangs(&self, meanwhile: impl FnOnce()) {
        self.server.fault(Fault::stall_after(50).at_offset(99));
        let cancel = CancelToken::new();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| self.sync_with(SyncOptions::new().cancel(cancel.clone())));
            while self.offsets().len() < 2 {
                assert!(!first.is_finished(), "{:?}", self.last_entry());
                std::thread::sleep(Duration::from_millis(5));
            }
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
            cancel.cancel();
            let first = first.join().unwrap();
            if let Err(panic) = outcome {
                std::panic::resume_unwind(panic);
            }
            assert_eq!(first.code, Some(ErrorCode::Cancelled), "{first:?}");
            assert_eq!(first.status, SyncStatus::Failed);
        });
    }

    /// A connection for inspection, separate from the library's.
    pub fn look(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    pub fn history(&self) -> SyncHistoryRepository {
        SyncHistoryRepository::new(&self.database)
    }

    /// The history entry that was inserted last, whatever its timestamps: status, message, and
    /// skills added, updated and unchanged.
    pub fn last_entry(&self) -> (String, Option<String>, [u64; 3]) {
        self.look()
            .query_row(
                "SELECT status, error_message, skills_added, skills_updated, skills_unchanged
                 FROM sync_history ORDER BY rowid DESC LIMIT 1",
                [],
                |row| {
                    let counts: [i64; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
                    Ok((row.get(0)?, row.get(1)?, counts.map(i64::unsigned_abs)))
                },
            )
            .unwrap()
    }

    /// Asserts that the table has every skill with the registry's values, and that the index is
    /// sound.
    pub fn assert_mirrored(&self) {
        assert_mirrored(
            &self.path(),
            &self.server.catalogue(|catalogue| catalogue.values()),
        );
    }

    pub fn clock_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The offsets of the listing requests since the log was cleared.
    pub fn offsets(&self) -> Vec<u64> {
        self.server
            .listings()
            .iter()
            .filter_map(|request| request.offset)
            .collect()
    }
}

pub fn client(base_url: &str) -> SkillsmithApiClient {
    client_with(ClientOptions::new().base_url(base_url))
}

/// A client that ignores the environment of this machine.
pub fn client_with(options: ClientOptions) -> SkillsmithApiClient {
    SkillsmithApiClient::with_environment(options, &Environment::new(|_| None)).unwrap()
}

/// Syncs with a client of its own for `url`, which has these environment variables.
pub fn sync_at(world: &World, url: &str, variables: &[(&str, &str)]) -> SyncResult {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let environment = Environment::new(move |name| {
        let known = variables.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.clone())
    });
    sync_in(world, url, &environment)
}

/// The same, with this environment.
pub fn sync_in(world: &World, url: &str, environment: &Environment) -> SyncResult {
    let options = ClientOptions::new().base_url(url);
    let client = SkillsmithApiClient::with_environment(options, environment).unwrap();
    let engine = world.engine_with(client);
    let result = engine.sync(SyncOptions::default().force(true)).unwrap();
    assert_punctuated(&result);
    result
}

/// No sentence ends inside brackets, or twice.
pub fn assert_punctuated(result: &SyncResult) {
    for text in result.errors.iter().chain(&result.warnings) {
        for wrong in [".)", ".;", "()", "..."] {
            assert!(!text.contains(wrong), "{wrong:?} in: {text}");
        }
    }
}

pub fn assert_counts_add_up(result: &SyncResult) {
    assert_eq!(
        result.skills_added
            + result.skills_updated
            + result.skills_unchanged
            + result.skills_rejected,
        result.total_processed,
        "{result:?}"
    );
}

#[track_caller]
pub fn assert_success(result: &SyncResult) {
    assert!(result.success && result.errors.is_empty(), "{result:?}");
}

/// What the table should hold for each field of a served skill.
#[track_caller]
pub fn assert_mirrored(path: &Path, served: &[Value]) {
    let rows = rows(path);
    for skill in served {
        let id = skill["id"].as_str().unwrap();
        let row = rows.get(id).unwrap_or_else(|| panic!("{id} is missing"));
        for field in [
            "name",
            "description",
            "author",
            "repo_url",
            "trust_tier",
            "created_at",
            "updated_at",
        ] {
            if let Some(expected) = skill.get(field) {
                assert_eq!(&row[field], expected, "{field} of {id}");
            }
        }
        assert_eq!(
            row["quality_score"].as_f64(),
            skill["quality_score"].as_f64(),
            "quality_score of {id}"
        );
        if let Some(expected) = skill.get("tags") {
            let stored = row["tags"]
                .as_str()
                .map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
            assert_eq!(&stored, expected, "tags of {id}");
        }
    }
    assert_sound(path);
}

/// Asserts that SQLite and FTS5 find no damage.
#[track_caller]
pub fn assert_sound(path: &Path) {
    let conn = Connection::open(path).unwrap();
    conn.busy_timeout(Duration::from_secs(5)).unwrap();
    let verdict: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    conn.execute(
        "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
        [],
    )
    .unwrap();
}

/// The rows of the table by id, each as JSON.
pub fn rows(path: &Path) -> BTreeMap<String, Value> {
    let conn = Connection::open(path).unwrap();
    let mut found = conn
        .prepare(
            "SELECT id, json_object('name', name, 'description', description, 'author', author,
               'repo_url', repo_url, 'quality_score', quality_score, 'trust_tier', trust_tier,
               'tags', tags, 'created_at', created_at, 'updated_at', updated_at, 'source', source)
             FROM skills",
        )
        .unwrap();
    found
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .unwrap()
        .map(|row| {
            row.map(|(id, json)| (id, serde_json::from_str(&json).unwrap()))
                .unwrap()
        })
        .collect()
}

pub fn row_count(path: &Path) -> usize {
    rows(path).len()
}

/// Makes every write to the table of skills fail from now on.
pub fn forbid_skill_writes(path: &Path) {
    Connection::open(path)
        .unwrap()
        .execute_batch(
            "CREATE TRIGGER no_insert BEFORE INSERT ON skills BEGIN SELECT RAISE(ABORT, 'written'); END;
             CREATE TRIGGER no_update BEFORE UPDATE ON skills BEGIN SELECT RAISE(ABORT, 'written'); END;
             CREATE TRIGGER no_delete BEFORE DELETE ON skills BEGIN SELECT RAISE(ABORT, 'written'); END;",
        )
        .unwrap();
}

/// The real time plus all waits; a wait takes no real time.
#[derive(Debug)]
pub struct TestClock {
    real: skillsmith_sync::clock::SystemClock,
    ahead_ms: AtomicU64,
    /// Offset of the wall clock only.
    pub skew: Mutex<TimeDelta>,
    waits: Mutex<Vec<Duration>>,
    /// Waits block until cancelled instead.
    pub sleeps: std::sync::atomic::AtomicBool,
}

impl Default for TestClock {
    fn default() -> Self {
        Self {
            real: skillsmith_sync::clock::SystemClock,
            ahead_ms: AtomicU64::new(0),
            skew: Mutex::new(TimeDelta::zero()),
            waits: Mutex::default(),
            sleeps: false.into(),
        }
    }
}

impl TestClock {
    pub fn advance(&self, duration: Duration) {
        self.ahead_ms.fetch_add(
            u64::try_from(duration.as_millis()).unwrap(),
            Ordering::SeqCst,
        );
    }

    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.real.now() + self.ahead() + *self.skew.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed() + self.ahead()
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
        self.waits.lock().unwrap().push(duration);
        if self.sleeps.load(Ordering::SeqCst) {
            return !cancel.wait(duration);
        }
        self.advance(duration);
        !cancel.is_cancelled()
    }
}
