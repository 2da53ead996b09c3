//! Side by side with the published TypeScript stack: real Node processes on the same file.
//!
//! `tests/node/setup` installs what these tests need.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value as Json, json};
use skillsmith_sync::{
    Database, SkillRepository, SyncConfigRepository, SyncFrequency, SyncHistoryEntry,
    SyncHistoryRepository, SyncRunResult,
};
use skillsmith_test_registry::{Catalogue, Options, Server};
use tempfile::TempDir;

use crate::field_databases::support::{assert_sound, look, number, sync_well, text, versions};

/// A row with the fewest fields that the registry may serve. No search word of the TypeScript
/// engine finds it.
const BARE: &str = "interop/bare";

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node")
}

/// A Node process. Fails with instructions if Node or the packages are missing.
fn node(script: &str) -> Command {
    let folder = scripts();
    assert!(
        folder.join("node_modules/.skillsmith-setup").exists(),
        "The Node packages of the tests are missing. Run {}/setup once.",
        folder.display()
    );
    let mut command = Command::new("node");
    command
        .arg(folder.join("interop").join(script))
        .env_remove("SKILLSMITH_OFFLINE_MODE")
        .env_remove("SKILLSMITH_API_URL")
        .env_remove("SUPABASE_URL")
        .env_remove("NODE_OPTIONS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Entries of the history without what the TypeScript stack does not know.
fn as_the_stack_has_it(entries: &[SyncHistoryEntry]) -> Json {
    let mut all = serde_json::to_value(entries).unwrap();
    for entry in all.as_array_mut().unwrap() {
        let removed = entry.as_object_mut().unwrap().remove("skillsRemoved");
        assert_eq!(removed, Some(0.into()));
    }
    all
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!(
            "Node cannot be started ({error}). Install Node 20 or newer, then run tests/node/setup."
        )
    })
}

/// Runs steps in the TypeScript stack. Every step must succeed without warnings.
fn turn<const N: usize>(how: &str, path: &Path, steps: [Json; N]) -> [Json; N] {
    outcomes(how, path, &steps)
        .into_iter()
        .zip(steps)
        .map(|(outcome, step)| {
            outcome
                .get("ok")
                .unwrap_or_else(|| panic!("{step}: {outcome}"))
                .clone()
        })
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

fn outcomes(how: &str, path: &Path, steps: &[Json]) -> Vec<Json> {
    let steps = Json::from(steps.to_vec());
    let output = run(node("turn.mjs").args([how.as_ref(), path, Path::new(&steps.to_string())]));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{steps}: {complaints}");
    assert_eq!(complaints, "", "the TypeScript stack complains");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Skills that the TypeScript client accepts: it rejects a whole page for a single unknown enum
/// value.
fn catalogue(count: usize) -> Catalogue {
    let mut skills = Catalogue::generate(count, 11);
    for id in skills.ids() {
        skills.edit(&id, |skill| {
            let known = match skill["trust_tier"].as_str() {
                Some("official" | "verified") => "verified",
                Some("curated" | "community") => "community",
                Some("experimental") => "experimental",
                _ => "unknown",
            };
            skill["trust_tier"] = known.into();
        });
    }
    skills.upsert(json!({"id": BARE, "name": "unadorned", "description": null, "author": null, "repo_url": null,
        "quality_score": null, "trust_tier": "unknown", "tags": null, "updated_at": "2026-05-01T00:00:00Z"}));
    skills.upsert(json!({"id": "interop/full", "name": "git archaeology", "description": "Digs in the xylophonic history of code",
        "author": "ada", "repo_url": "https://github.com/ada/dig", "quality_score": 0.625, "trust_tier": "verified",
        "tags": ["git", "née", "日本"], "created_at": "2026-04-01T00:00:00Z", "updated_at": "2026-05-02T01:02:03.456789+00:00"}));
    skills
}

struct Scene {
    _folder: TempDir,
    path: PathBuf,
    server: Server,
}

impl Scene {
    fn new(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            path: folder.path().join("skills.db"),
            _folder: folder,
            server: Server::start(catalogue(count), Options::default()),
        }
    }

    fn live(&self) -> Vec<Json> {
        self.server.catalogue(|catalogue| catalogue.values())
    }

    /// The file holds exactly the registry's values.
    fn assert_caught_up(&self) {
        self.assert_values();
        assert_sound(&look(&self.path));
    }

    fn assert_values(&self) {
        let conn = look(&self.path);
        let live = self.live();
        for served in &live {
            let id = served["id"].as_str().unwrap();
            let stored = conn
                .query_row(
                    "SELECT json_object('id', id, 'name', name, 'description', description, 'author', author,
                            'repo_url', repo_url, 'quality_score', quality_score, 'trust_tier', trust_tier,
                            'tags', json(tags), 'updated_at', updated_at) FROM skills WHERE id = ?1",
                    [id],
                    |row| row.get::<_, String>(0),
                )
                .unwrap_or_else(|error| panic!("{id}: {error}"));
            let stored: Json = serde_json::from_str(&stored).unwrap();
            for (field, value) in stored.as_object().unwrap() {
                assert_eq!(value, &served[field], "{id}, {field}");
            }
        }
        assert_eq!(
            number(&conn, "SELECT count(*) FROM skills"),
            i64::try_from(live.len()).unwrap()
        );
    }

    /// Changes some skills and adds some, a few of them with a search word of the TypeScript
    /// engine.
    fn change(&self, seed: u64) {
        self.server.catalogue(|catalogue| {
            catalogue.change(20, seed);
            let stamp = format!("2027-01-{:02}T00:00:00Z", seed % 28 + 1);
            catalogue.upsert(json!({"id": format!("interop/new-{seed}"), "name": format!("git-tool-{seed}"),
                "description": "Came later", "author": "bob", "repo_url": null, "quality_score": 0.5,
                "trust_tier": "community", "tags": ["git"], "updated_at": stamp}));
        });
    }
}

/// Compares the TypeScript stack's view of a skill with the fields that the registry serves.
fn assert_seen(seen: &Json, served: &Json) {
    for (theirs, field) in [
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("author", "author"),
        ("repoUrl", "repo_url"),
        ("qualityScore", "quality_score"),
        ("trustTier", "trust_tier"),
        ("updatedAt", "updated_at"),
    ] {
        assert_eq!(seen[theirs], served[field], "{theirs} of {}", served["id"]);
    }
    let tags = match &served["tags"] {
        Json::Null => json!([]),
        tags => tags.clone(),
    };
    assert_eq!(seen["tags"], tags, "tags of {}", served["id"]);
}

fn ids_of(found: &Json) -> Vec<&str> {
    found["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{found}"))
        .iter()
        .map(|hit| hit["skill"]["id"].as_str().unwrap())
        .collect()
}

#[test]
fn the_typescript_stack_opens_a_database_of_ours() {
    let scene = Scene::new(300);
    let (config, history) = {
        let database = Database::open(&scene.path).unwrap();
        sync_well(&database, &scene.server);
        let failed = SyncHistoryRepository::new(&database);
        let id = failed.start_run().unwrap();
        failed.fail_run(&id, "Of no account").unwrap();
        let config = SyncConfigRepository::new(&database).get_config().unwrap();
        (
            serde_json::to_value(config).unwrap(),
            as_the_stack_has_it(&failed.get_history(10).unwrap()),
        )
    };
    assert_eq!(versions(&look(&scene.path)), Some(vec![1, 2, 3]));

    let [
        version,
        columns,
        their_config,
        due,
        their_history,
        last,
        stats,
        full,
        bare,
        count,
        found,
    ] = turn(
        "open",
        &scene.path,
        [
            json!(["version"]),
            json!(["columns"]),
            json!(["config", "getConfig"]),
            json!(["config", "isSyncDue"]),
            json!(["history", "getHistory"]),
            json!(["history", "getLastSuccessful"]),
            json!(["history", "getStats"]),
            json!(["skills", "findById", "interop/full"]),
            json!(["skills", "findById", BARE]),
            json!(["skills", "count"]),
            json!(["search", {"query": "xylophonic"}]),
        ],
    );
    // Its migration 4 has run, with all of its columns.
    assert_eq!(version, 4);
    for column in [
        "risk_score",
        "security_findings_count",
        "security_scanned_at",
        "security_passed",
    ] {
        assert!(columns.as_array().unwrap().contains(&column.into()));
    }
    // Identical to ours, key by key.
    assert_eq!(their_config, config);
    assert_eq!(due, false);
    assert_eq!(their_history, history);
    assert_eq!(last["id"], history[1]["id"]);
    assert_eq!(
        (&stats["totalRuns"], &stats["failedRuns"]),
        (&json!(2), &json!(1))
    );
    let live = scene.live();
    let served = |id: &str| live.iter().find(|served| served["id"] == id).unwrap();
    assert_seen(&full, served("interop/full"));
    assert_seen(&bare, served(BARE));
    assert_eq!(count, live.len());
    assert_eq!(ids_of(&found), ["interop/full"]);

    // And we continue with the file as it left it.
    let database = Database::open(&scene.path).unwrap();
    assert_eq!(versions(&look(&scene.path)), Some(vec![1, 2, 3, 4]));
    let again = sync_well(&database, &scene.server);
    assert_eq!(again.skills_unchanged, live.len() as u64);
    scene.assert_caught_up();
    scene.change(1);
    sync_well(&database, &scene.server);
    scene.assert_caught_up();
}

/// It must not fail on a row whose tags and texts are NULL. `createDatabase` creates its indexes
/// before it migrates, so the columns of its migration 4 must exist.
#[test]
fn the_typescript_stacks_create_database_takes_a_database_of_ours() {
    let scene = Scene::new(30);
    sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
    let [found, config] = turn(
        "create",
        &scene.path,
        [
            json!(["skills", "findById", BARE]),
            json!(["config", "getConfig"]),
        ],
    );
    assert_eq!(found["id"], BARE);
    assert_eq!(config["frequency"], "daily");
    sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
    scene.assert_values();
}

#[test]
fn the_typescript_stack_copes_with_null_tags() {
    let scene = Scene::new(30);
    sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
    assert_eq!(
        text(
            &look(&scene.path),
            "SELECT typeof(tags) FROM skills WHERE id = 'interop/bare'"
        )
        .as_deref(),
        Some("null")
    );
    let [found, all, searched, filtered, _, _, updated] = turn(
        "open",
        &scene.path,
        [
            json!(["skills", "findById", BARE]),
            json!(["skills", "findAll", {"limit": 100, "offset": 0}]),
            json!(["search", {"query": "unadorned"}]),
            json!(["search", {"query": "", "trustTier": "unknown", "limit": 100}]),
            json!(["similar", BARE]),
            json!(["popular", "unknown", 100]),
            json!(["skills", "update", BARE, {"name": "touched"}]),
        ],
    );
    assert_eq!(found["tags"], json!([]));
    assert_eq!(found["description"], Json::Null);
    assert_eq!(all["items"].as_array().unwrap().len(), 32);
    assert_eq!(ids_of(&searched), [BARE]);
    assert!(ids_of(&filtered).contains(&BARE));
    assert_eq!(updated["name"], "touched");

    sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
    scene.assert_values();
}

/// Its own engine does not fill the columns that these searches use.
#[test]
fn the_typescript_stack_searches_by_category_and_safety_after_our_sync() {
    let scene = Scene::new(30);
    let row = |id: &str, more: Json| {
        let mut row = json!({"id": id, "name": "trilobite", "trust_tier": "verified", "tags": [],
            "last_scanned_at": "2026-05-01T00:00:00Z", "updated_at": "2026-05-02T00:00:00Z"});
        row.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        row
    };
    let rows = [
        row(
            "scan/safe",
            json!({"security_score": 4, "security_findings": [], "categories": ["Fossil Tools"]}),
        ),
        row(
            "scan/risky",
            json!({"security_score": 61, "security_findings": [{}, {}], "categories": ["Fossil Tools", "Other"]}),
        ),
        row(
            "scan/bad",
            json!({"security_score": 4, "quarantined": true, "categories": ["Other"]}),
        ),
        row("scan/never", json!({"last_scanned_at": null})),
    ];
    scene.server.catalogue(|catalogue| catalogue.extend(rows));
    sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
    let ids = |found: &Json| {
        let mut ids: Vec<String> = ids_of(found).into_iter().map(str::to_owned).collect();
        ids.sort();
        ids
    };
    let [category, both, safe, low, read] = turn(
        "open",
        &scene.path,
        [
            json!(["search", {"query": "", "category": "Fossil Tools"}]),
            json!(["search", {"query": "trilobite", "category": "Other"}]),
            json!(["search", {"query": "trilobite", "safeOnly": true}]),
            json!(["search", {"query": "trilobite", "maxRiskScore": 60}]),
            json!(["skills", "findById", "scan/risky"]),
        ],
    );
    assert_eq!(ids(&category), ["scan/risky", "scan/safe"]);
    assert_eq!(ids(&both), ["scan/bad", "scan/risky"]);
    assert_eq!(ids(&safe), ["scan/risky", "scan/safe"]);
    assert_eq!(ids(&low), ["scan/bad", "scan/never", "scan/safe"]);
    let scan = [
        "riskScore",
        "securityFindingsCount",
        "securityScannedAt",
        "securityPassed",
    ];
    assert_eq!(
        json!(scan.map(|field| read[field].clone())),
        json!([61, 2, "2026-05-01T00:00:00Z", true])
    );
}

#[test]
fn the_typescript_engine_syncs_a_database_of_ours_and_we_go_on() {
    let scene = Scene::new(300);
    {
        let database = Database::open(&scene.path).unwrap();
        sync_well(&database, &scene.server);
    }
    for forced in [false, true] {
        scene.change(2 + u64::from(forced));
        let [result, config, history] = turn(
            "open",
            &scene.path,
            [
                json!(["sync", scene.server.base_url(), {"force": forced}]),
                json!(["config", "getConfig"]),
                json!(["history", "getHistory", 1]),
            ],
        );
        assert_eq!(result["success"], true, "{result}");
        assert!(result["skillsAdded"].as_u64().unwrap() >= 1, "{result}");

        let database = Database::open(&scene.path).unwrap();
        let ours = SyncHistoryRepository::new(&database)
            .get_history(1)
            .unwrap();
        assert_eq!(as_the_stack_has_it(&ours)[0], history[0]);
        let our_config = SyncConfigRepository::new(&database).get_config().unwrap();
        assert_eq!(serde_json::to_value(our_config).unwrap(), config);

        let again = sync_well(&database, &scene.server);
        assert!(again.skills_updated > 0, "{again:?}");
        scene.assert_caught_up();
        let third = sync_well(&database, &scene.server);
        assert_eq!(third.skills_unchanged, scene.live().len() as u64);
    }
}

/// Its `openDatabase` inserts all rows into the full-text index again each time, so the index no
/// longer matches the table. The history does not record that.
#[test]
fn we_mend_the_index_that_the_typescript_stack_upsets_by_opening() {
    let scene = Scene::new(100);
    for changed in [false, true] {
        sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
        scene.assert_caught_up();
        turn("open", &scene.path, [json!(["version"])]);
        if changed {
            scene.change(9);
        }
        sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
        scene.assert_caught_up();
    }
}

#[test]
fn turns_alternate_and_each_reads_what_the_other_wrote() {
    let scene = Scene::new(200);
    drop(Database::open(&scene.path).unwrap());
    for round in 0..4_u64 {
        // The TypeScript stack's turn.
        let stamp = format!("2026-06-0{}T10:00:00.000Z", round + 1);
        let frequency = if round % 2 == 0 { "weekly" } else { "daily" };
        let [_, _, id, _, partial_id, _, config, history] = turn(
            "open",
            &scene.path,
            [
                json!(["config", "setLastSync", stamp, round]),
                json!(["config", "setFrequency", frequency]),
                json!(["history", "startRun"]),
                json!(["config", "setLastSyncError", format!("error {round}")]),
                json!(["history", "startRun"]),
                json!(["skills", "upsert", {"id": format!("host/{round}"), "name": "by the host", "tags": ["mine"]}]),
                json!(["config", "getConfig"]),
                json!(["history", "getHistory", 2]),
            ],
        );

        // Ours.
        let database = Database::open(&scene.path).unwrap();
        let our_config = SyncConfigRepository::new(&database);
        let our_history = SyncHistoryRepository::new(&database);
        let read = our_config.get_config().unwrap();
        assert_eq!(read.last_sync_at.as_deref(), Some(stamp.as_str()));
        assert_eq!(read.last_sync_error, Some(format!("error {round}")));
        assert_eq!(serde_json::to_value(&read).unwrap(), config);
        // Its queries do not define an order for runs of the same millisecond.
        let entries = |history: &Json| {
            let mut all: Vec<String> = history
                .as_array()
                .unwrap()
                .iter()
                .map(Json::to_string)
                .collect();
            all.sort();
            all
        };
        let ours = as_the_stack_has_it(&our_history.get_history(2).unwrap());
        assert_eq!(entries(&ours), entries(&history));
        let (id, partial_id) = (id.as_str().unwrap(), partial_id.as_str().unwrap());
        let counts = SyncRunResult::default()
            .skills_added(1)
            .skills_updated(2)
            .skills_unchanged(3);
        our_history.complete_run(id, counts).unwrap();
        our_history
            .complete_run_partial(partial_id, counts, "half of it")
            .unwrap();
        let skill = SkillRepository::new(&database)
            .find_by_id(&format!("host/{round}"))
            .unwrap()
            .unwrap();
        assert_eq!(skill.tags, ["mine"]);
        scene.change(100 + round);
        sync_well(&database, &scene.server);
        our_config.set_frequency(SyncFrequency::Weekly).unwrap();
        our_config.disable().unwrap();
        let config = serde_json::to_value(our_config.get_config().unwrap()).unwrap();
        let history = as_the_stack_has_it(&our_history.get_history(3).unwrap());
        drop((our_config, our_history, database));

        // And how the TypeScript stack sees it.
        let [their_config, due, their_history, completed, newest] = turn(
            "open",
            &scene.path,
            [
                json!(["config", "getConfig"]),
                json!(["config", "isSyncDue"]),
                json!(["history", "getHistory", 3]),
                json!(["history", "getById", id]),
                json!(["skills", "findById", format!("interop/new-{}", 100 + round)]),
            ],
        );
        assert_eq!(their_config, config);
        assert_eq!(due, false);
        assert_eq!(entries(&their_history), entries(&history));
        assert_eq!(completed["status"], "success");
        assert_eq!(completed["skillsUpdated"], 2);
        assert_eq!(newest["description"], "Came later");
    }
    sync_well(&Database::open(&scene.path).unwrap(), &scene.server);
    let conn = look(&scene.path);
    assert_eq!(
        number(&conn, "SELECT count(*) FROM skills WHERE id LIKE 'host/%'"),
        4
    );
    assert_eq!(number(&conn, "SELECT count(*) FROM sync_history"), 13);
    assert_sound(&conn);
}

#[test]
fn we_open_a_database_that_the_typescript_stack_created() {
    let scene = Scene::new(200);
    let [version, _] = turn(
        "create",
        &scene.path,
        [json!(["version"]), json!(["check"])],
    );
    assert_eq!(version, 4);
    let stamps = versions(&look(&scene.path));
    let database = Database::open(&scene.path).unwrap();
    assert_eq!(versions(&look(&scene.path)), stamps);
    sync_well(&database, &scene.server);
    scene.assert_caught_up();
    let live = scene.live();
    let [version, config, full, bare, found] = turn(
        "open",
        &scene.path,
        [
            json!(["version"]),
            json!(["config", "getConfig"]),
            json!(["skills", "findById", "interop/full"]),
            json!(["skills", "findById", BARE]),
            json!(["search", {"query": "xylophonic"}]),
        ],
    );
    assert_eq!(version, 4);
    assert_eq!(config["lastSyncCount"], live.len());
    for seen in [full, bare] {
        assert_seen(
            &seen,
            live.iter()
                .find(|served| served["id"] == seen["id"])
                .unwrap(),
        );
    }
    assert_eq!(ids_of(&found), ["interop/full"]);
}

/// It lists by eight search words, and then assumes that it has everything.
#[test]
fn we_complete_what_the_typescript_engine_has_synced() {
    let scene = Scene::new(400);
    // `open` creates the tables for syncing, which `create` omits.
    turn("create", &scene.path, [json!(["version"])]);
    let database = Database::open(&scene.path).unwrap();
    database.close();
    let [result, count, history] = turn(
        "open",
        &scene.path,
        [
            json!(["sync", scene.server.base_url(), {}]),
            json!(["skills", "count"]),
            json!(["history", "getHistory"]),
        ],
    );
    assert_eq!(result["success"], true, "{result}");
    let live = scene.live();
    let stood = count.as_u64().unwrap();
    assert!(
        stood > 0 && stood < live.len() as u64,
        "it is to have found some skills, but not all: {stood}"
    );
    assert_eq!(history[0]["status"], "success");

    let database = Database::open(&scene.path).unwrap();
    let ours = sync_well(&database, &scene.server);
    assert_eq!(ours.skills_added, live.len() as u64 - stood);
    assert_eq!(ours.total_processed, live.len() as u64);
    scene.assert_caught_up();
    drop(database);

    let [full, bare, found] = turn(
        "open",
        &scene.path,
        [
            json!(["skills", "findById", "interop/full"]),
            json!(["skills", "findById", BARE]),
            json!(["search", {"query": "xylophonic"}]),
        ],
    );
    for seen in [full, bare] {
        assert_seen(
            &seen,
            live.iter()
                .find(|served| served["id"] == seen["id"])
                .unwrap(),
        );
    }
    assert_eq!(ids_of(&found), ["interop/full"]);
}

#[test]
fn a_host_writes_while_we_sync() {
    const SKILLS: usize = 5_000;
    let scene = Scene::new(SKILLS);
    let database = Database::open(&scene.path).unwrap();
    let mut host = node("writer.mjs")
        .arg(&scene.path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("Node cannot be started. Install Node 20 or newer, then run tests/node/setup.");
    let mut told = BufReader::new(host.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    if line.trim() != "writing" {
        let mut complaints = String::new();
        host.stderr
            .take()
            .unwrap()
            .read_to_string(&mut complaints)
            .unwrap();
        panic!("{line}{complaints}");
    }

    let first = sync_well(&database, &scene.server);
    assert_eq!(first.skills_added, SKILLS as u64 + 2);
    scene
        .server
        .catalogue(|catalogue| catalogue.change(SKILLS, 5));
    let second = sync_well(&database, &scene.server);
    assert_eq!(second.skills_updated, SKILLS as u64);

    drop(host.stdin.take());
    line.clear();
    told.read_line(&mut line).unwrap();
    let output = host.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let report: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(report["errors"], json!([]), "{report}");
    let rounds = report["rounds"].as_i64().unwrap();
    assert!(rounds >= 20, "the host wrote all the while: {report}");
    // The library holds the lock for at most 100 ms; the bound allows for a loaded machine.
    assert!(report["slowestMs"].as_i64().unwrap() < 2_000, "{report}");

    let conn = look(&scene.path);
    assert_eq!(number(&conn, "SELECT count(*) FROM cache"), rounds);
    assert_eq!(
        text(&conn, "SELECT last_sync_error FROM sync_config"),
        None,
        "the host's last word"
    );
    scene.assert_caught_up();
}
