//! Values that are longer than a connection of this library reads: they lock nobody out.

use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::search::{ListOptions, SearchOptions};
use skillsmith_sync::{
    Database, SkillRepository, SyncConfigRepository, SyncFrequency, SyncHistoryRepository,
    SyncOptions,
};
use skillsmith_test_registry::{Options, Validators};

use crate::support::{World, assert_sound, assert_success, row_count};

/// More than 128 MiB.
const LONG: &str = "CAST(zeroblob(140000000) AS TEXT)";

/// The table without its constraints, which any program may leave out.
fn loosen(world: &World, table: &str) {
    world
        .look()
        .execute_batch(&format!(
            "CREATE TABLE loose AS SELECT * FROM {table}; DROP TABLE {table}; ALTER TABLE loose RENAME TO {table};"
        ))
        .unwrap();
}

/// All that reads answers, whoever may write.
#[track_caller]
fn assert_readable(world: &World, what: &str) {
    let read_only = OpenOptions::new()
        .read_only(true)
        .open(world.path())
        .unwrap();
    let before = std::fs::metadata(world.path()).unwrap().modified().unwrap();
    for database in [&read_only, &world.database] {
        let fine = |call: &str, outcome: skillsmith_sync::Result<()>| {
            outcome.unwrap_or_else(|error| panic!("{what}: {call}: {error}"));
        };
        let (config, history) = (
            SyncConfigRepository::new(database),
            SyncHistoryRepository::new(database),
        );
        fine("get_config", config.get_config().map(|_| ()));
        fine("request_budget", config.request_budget().map(|_| ()));
        fine("get_history", history.get_history(9).map(|_| ()));
        fine("get_stats", history.get_stats().map(|_| ()));
        fine("get_by_id", history.get_by_id("x").map(|_| ()));
        fine("last", history.get_last_successful().map(|_| ()));
    }
    let after = std::fs::metadata(world.path()).unwrap().modified().unwrap();
    assert_eq!(before, after, "{what}");
    world
        .engine()
        .get_status()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
}

#[test]
fn promise_13_a_value_of_any_length_in_a_table_of_a_sync_locks_nobody_out() {
    for (table, column, which) in [
        ("sync_state", "value", "key LIKE 'plan:%'"),
        ("sync_state", "key", "key LIKE 'plan:%'"),
        ("sync_config", "last_sync_error", "true"),
        ("sync_config", "frequency", "true"),
        ("sync_history", "error_message", "true"),
        ("sync_history", "started_at", "true"),
    ] {
        let world = World::new(30, Options::default());
        assert_success(&world.sync());
        if column == "frequency" {
            loosen(&world, table);
        }
        let what = format!("{table}.{column}");
        let long = world
            .look()
            .execute(
                &format!("UPDATE {table} SET {column} = {LONG} WHERE {which}"),
                [],
            )
            .unwrap();
        assert!(long > 0, "{what}");
        assert_readable(&world, &what);
        let config = SyncConfigRepository::new(&world.database);
        config
            .disable()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let config = config.set_frequency(SyncFrequency::Weekly).unwrap();
        assert!(!config.enabled, "{what}");
        world.server.catalogue(|catalogue| catalogue.change(10, 8));
        assert_success(&world.sync());
        world.assert_mirrored();
        // Nothing of it is left.
        let left: i64 = world
            .look()
            .query_row(
                &format!("SELECT count(*) FROM {table} WHERE octet_length({column}) > 100000000"),
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(left, 0, "{what}");
    }
}

#[test]
fn promise_13_a_run_repairs_a_value_of_any_length_itself() {
    for (table, column) in [
        ("sync_state", "value"),
        ("sync_config", "last_sync_error"),
        ("sync_history", "id"),
    ] {
        let world = World::new(30, Options::default());
        assert_success(&world.sync());
        let sql = format!("UPDATE {table} SET {column} = {LONG}");
        world.look().execute_batch(&sql).unwrap();
        world.server.catalogue(|catalogue| catalogue.change(10, 8));
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

/// It gets the registry's values, whatever the index has to read for that.
#[test]
fn promise_5_a_skill_of_any_length_is_written_over() {
    for column in [
        "description",
        "updated_at",
        "security_passed",
        "quality_score",
    ] {
        let world = World::new(30, Options::default());
        assert_success(&world.sync());
        let sql = format!(
            "PRAGMA ignore_check_constraints = ON; UPDATE skills SET {column} = {LONG} WHERE rowid = 7"
        );
        world.look().execute_batch(&sql).unwrap();
        world.server.catalogue(|catalogue| catalogue.change(30, 8));
        let result = world.sync();
        assert_success(&result);
        assert_eq!(result.skills_updated, 30, "{column}: {result:?}");
        world.engine().get_status().unwrap();
        assert_success(&world.sync_with(SyncOptions::new().prune(true).force(true)));
        world.assert_mirrored();
    }
}

#[test]
fn promise_5_a_row_of_any_length_that_the_registry_does_not_have_costs_nothing() {
    for sql in [
        format!("UPDATE skills SET id = {LONG} WHERE rowid = 7"),
        format!(
            "INSERT INTO skills (id, name, author, source) VALUES ('mine', 'mine', {LONG}, 'local')"
        ),
    ] {
        let world = World::new(30, Options::default());
        assert_success(&world.sync());
        world.look().execute_batch(&sql).unwrap();
        world.server.catalogue(|catalogue| catalogue.change(30, 8));
        assert_success(&world.sync());
        for _ in 0..2 {
            assert_success(&world.sync_with(SyncOptions::new().prune(true).force(true)));
        }
        assert_eq!(row_count(&world.path()), 31);
        assert_sound(&world.path());
    }
}

/// A dry run writes nothing, so that it does not repair.
#[test]
fn promise_13_a_dry_run_passes_over_a_value_of_any_length() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    let sql = format!("UPDATE sync_state SET value = {LONG} WHERE key LIKE 'plan:%'");
    world.look().execute_batch(&sql).unwrap();
    let result = world.sync_with(SyncOptions::new().dry_run(true));
    assert_eq!(result.code, None, "{result:?}");
}

/// Longer than what is read, in a table that is opened for the first time.
#[test]
fn promise_13_a_file_with_a_long_value_can_be_opened() {
    let world = World::new(3, Options::default());
    assert_success(&world.sync());
    let sql = format!("UPDATE sync_config SET last_sync_error = {LONG}");
    world.look().execute_batch(&sql).unwrap();
    world.database.close();
    let database = Database::open(world.path()).unwrap();
    let config = SyncConfigRepository::new(&database);
    assert_eq!(config.get_config().unwrap().last_sync_error, None);
}

/// What is too long is missing in what is read; the rest of the skill, and all others, are there.
#[test]
fn promise_13_a_skill_with_a_value_of_any_length_is_read() {
    for column in [
        "description",
        "repo_url",
        "tags",
        "trust_tier",
        "security_passed",
        "quality_score",
    ] {
        let world = World::new(30, Options::default());
        assert_success(&world.sync());
        let look = world.look();
        let (id, name): (String, String) = look
            .query_row("SELECT id, name FROM skills WHERE rowid = 7", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        let sql = format!(
            "PRAGMA ignore_check_constraints = ON; DROP TRIGGER skills_au;
             UPDATE skills SET {column} = {LONG} WHERE rowid = 7"
        );
        look.execute_batch(&sql).unwrap();
        let skills = SkillRepository::new(&world.database);
        let found = skills
            .find_by_id(&id)
            .unwrap_or_else(|error| panic!("{column}: {error}"));
        let found = found.unwrap();
        assert_eq!(found.name, name, "{column}");
        assert!(found.description.is_none_or(|text| text.len() < 1_000));
        let details = skills
            .get(&id)
            .unwrap_or_else(|error| panic!("{column}: {error}"));
        assert_eq!(details.unwrap().skill.name, name);
        assert!(skills.exists(&id).unwrap());
        let page = skills.list(&ListOptions::new().limit(100));
        let page = page.unwrap_or_else(|error| panic!("{column}: {error}"));
        assert_eq!(page.skills.len(), 30, "{column}");
        for text in [name.as_str(), ""] {
            let found = skills.search(text, &SearchOptions::new().limit(100));
            let found = found.unwrap_or_else(|error| panic!("{column}: '{text}': {error}"));
            assert!(
                found.matches.iter().any(|found| found.skill.id == id),
                "{column}: '{text}'"
            );
        }
        // Without an index, letter by letter.
        look.execute_batch("DROP TABLE skills_fts; DROP TRIGGER skills_ai; DROP TRIGGER skills_ad")
            .unwrap();
        let found = skills.search(&name, &SearchOptions::new().limit(100));
        let found = found.unwrap_or_else(|error| panic!("{column}: {error}"));
        assert!(
            found.matches.iter().any(|found| found.skill.id == id),
            "{column}"
        );
    }
}

#[test]
fn promise_13_an_id_of_any_length_hides_no_other_skill() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    let sql = format!("UPDATE skills SET id = {LONG} WHERE rowid = 7");
    world.look().execute_batch(&sql).unwrap();
    let skills = SkillRepository::new(&world.database);
    let page = skills.list(&ListOptions::new().limit(100)).unwrap();
    assert_eq!(page.skills.len(), 29);
    let found = skills.search("", &SearchOptions::new().limit(100)).unwrap();
    assert!(found.matches.len() >= 29);
    assert!(!skills.exists("none").unwrap());
    assert_eq!(skills.find_by_id("none").unwrap(), None);
}

/// Pages and notes that any program can write to as well.
#[test]
fn promise_13_a_value_of_any_length_beside_the_state_costs_no_run() {
    for (table, column) in [
        ("sync_pages", "request"),
        ("sync_pages", "validator"),
        ("sync_pages", "facts"),
        ("sync_pages", "rows"),
        ("sync_unmet", "id"),
        ("sync_unmet", "registry"),
        ("sync_unmet", "since"),
    ] {
        let world = World::new(
            30,
            Options {
                validators: Validators::Etag,
                ..Options::default()
            },
        );
        assert_success(&world.sync());
        let gone = world
            .server
            .catalogue(|catalogue| catalogue.ids()[3].clone());
        world.server.catalogue(|catalogue| catalogue.remove(&gone));
        assert_success(&world.sync_with(SyncOptions::new().prune(true)));
        let what = format!("{table}.{column}");
        let which = format!("(SELECT {column} FROM {table} LIMIT 1)");
        let long = world
            .look()
            .execute(
                &format!("UPDATE {table} SET {column} = {LONG} WHERE {column} = {which}"),
                [],
            )
            .unwrap();
        assert!(long > 0, "{what}");
        assert_readable(&world, &what);
        let result = world.sync_with(SyncOptions::new().dry_run(true));
        assert_eq!(result.code, None, "{what}: {result:?}");
        world.server.catalogue(|catalogue| catalogue.change(10, 8));
        assert_success(&world.sync());
        assert_success(&world.sync_with(SyncOptions::new().prune(true)));
        world.assert_mirrored();
    }
}
