//! Promise 4, *Idempotent*: a second run against an unchanged registry writes no skill row and no FTS row.

use skillsmith_sync::SyncOptions;
use skillsmith_test_registry::{Options, Plain};

use crate::support::{World, assert_success, forbid_skill_writes};

fn fts_rows(world: &World) -> Vec<(i64, Vec<u8>)> {
    world
        .look()
        .prepare("SELECT id, block FROM skills_fts_data ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn promise_4_a_second_run_writes_no_row() {
    for plain in [Plain::Allowed, Plain::NeedsFilter] {
        let world = World::new(
            700,
            Options {
                plain,
                ..Options::default()
            },
        );
        assert_success(&world.sync());
        let before = fts_rows(&world);
        forbid_skill_writes(&world.path());
        for force in [false, true] {
            let result = world.sync_with(SyncOptions::new().force(force));
            assert_success(&result);
            assert_eq!(result.skills_unchanged, 700);
        }
        assert_eq!(fts_rows(&world), before);
    }
}

#[test]
fn promise_4_only_what_changed_is_written() {
    let world = World::new(700, Options::default());
    assert_success(&world.sync());
    let changed = world.server.catalogue(|catalogue| catalogue.change(9, 5));
    let list = changed
        .iter()
        .map(|id| format!("'{id}'"))
        .collect::<Vec<_>>()
        .join(",");
    world
        .look()
        .execute_batch(&format!(
            "CREATE TRIGGER others BEFORE UPDATE ON skills WHEN old.id NOT IN ({list})
             BEGIN SELECT RAISE(ABORT, 'written'); END;"
        ))
        .unwrap();
    let result = world.sync();
    assert_success(&result);
    assert_eq!((result.skills_updated, result.skills_unchanged), (9, 691));
    world.assert_mirrored();
}

#[test]
fn promise_4_another_spelling_of_a_stamp_is_no_change() {
    let world = World::new(50, Options::default());
    assert_success(&world.sync());
    world.server.catalogue(|catalogue| {
        for id in catalogue.ids() {
            catalogue.edit(&id, |skill| {
                let stamp = skill["updated_at"].as_str().unwrap();
                let time = chrono::DateTime::parse_from_rfc3339(stamp).unwrap();
                let elsewhere =
                    time.with_timezone(&chrono::FixedOffset::east_opt(5 * 3600 + 1800).unwrap());
                skill["updated_at"] = elsewhere
                    .to_rfc3339_opts(chrono::SecondsFormat::Nanos, false)
                    .into();
            });
        }
    });
    forbid_skill_writes(&world.path());
    let result = world.sync();
    assert_success(&result);
    assert_eq!(result.skills_unchanged, 50);
}
