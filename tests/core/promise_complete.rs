//! Promise 1, *Complete*: after a run that reports success, every valid row that the registry served is stored.

use std::time::Duration;

use serde_json::Value;
use skillsmith_sync::{CancelToken, Coverage, SyncOptions};
use skillsmith_test_registry::{Options, Order, Plain, QueryMatches, Total};

use crate::support::{World, assert_success, forbid_skill_writes};

/// Syncs everything once, and again with nothing changed.
#[track_caller]
fn complete(skills: usize, page_size: u32, options: Options) -> World {
    let world = World::new(skills, options);
    let sync = || world.sync_with(SyncOptions::new().page_size(page_size));
    let first = sync();
    assert_success(&first);
    assert_eq!(first.coverage, Coverage::Complete, "{first:?}");
    assert_eq!(first.skills_added as usize, skills, "{first:?}");
    world.assert_mirrored();
    let second = sync();
    assert_success(&second);
    assert_eq!(second.skills_unchanged as usize, skills, "{second:?}");
    world
}

#[test]
fn promise_1_complete_with_every_page_size() {
    for page_size in [1, 7, 19, 20, 99, 100, 101, 250, 10_000] {
        complete(230, page_size, Options::default());
    }
}

#[test]
fn promise_1_complete_with_every_size_around_a_page() {
    for skills in [0, 1, 2, 19, 20, 21, 98, 99, 100, 101, 199, 200, 201, 397] {
        complete(skills, 100, Options::default());
    }
}

#[test]
fn promise_1_complete_whatever_total_means() {
    for total in [
        Total::TrueTotal,
        Total::PageCount,
        Total::Absent,
        Total::Number(3),
    ] {
        for echo_limit in [true, false] {
            for page_size in [10, 100, 500] {
                complete(
                    330,
                    page_size,
                    Options {
                        total,
                        echo_limit,
                        ..Options::default()
                    },
                );
            }
        }
    }
}

#[test]
fn promise_1_complete_when_rows_are_hidden_after_the_limit() {
    for total in [Total::TrueTotal, Total::PageCount, Total::Absent] {
        for hide in [
            Options {
                hide_every: Some(3),
                ..Options::default()
            },
            Options {
                hide_every: Some(50),
                ..Options::default()
            },
            Options {
                hide_range: Some((100, 205)),
                ..Options::default()
            },
        ] {
            let world = World::new(460, Options { total, ..hide });
            let result = world.sync();
            assert_success(&result);
            let visible = world.server.visible_skills();
            assert!(visible.len() < 460);
            assert_eq!(result.skills_added as usize, visible.len());
            crate::support::assert_mirrored(&world.path(), &visible);
        }
    }
}

#[test]
fn promise_1_complete_by_tiers_where_a_plain_listing_is_refused() {
    let options = Options {
        plain: Plain::NeedsFilter,
        ..Options::default()
    };
    let world = complete(500, 100, options);
    // The plan is stored: the second run did not request a plain listing.
    world.server.clear_requests();
    assert_success(&world.sync());
    assert!(world.server.listings().iter().all(
        |request| request.param("trust_tier").is_some() || request.param("min_score").is_some()
    ));
}

#[test]
fn promise_1_complete_by_tiers_that_an_older_registry_does_not_know() {
    let mut options = Options {
        plain: Plain::NeedsFilter,
        ..Options::default()
    };
    options
        .known_tiers
        .retain(|tier| tier != "experimental" && tier != "unknown");
    complete(300, 100, options);
}

#[test]
fn promise_1_complete_when_a_tier_is_new() {
    let options = Options {
        plain: Plain::NeedsFilter,
        ignore_filters: false,
        ..Options::default()
    };
    let world = World::new(200, options);
    world
        .server
        .options(|options| options.known_tiers.push("platinum".into()));
    // One row of the new tier shows up elsewhere, as it does when a skill is promoted while tiers are read.
    let mut promoted = world.server.catalogue(|catalogue| catalogue.values())[0].clone();
    promoted["trust_tier"] = "platinum".into();
    let id = promoted["id"].as_str().unwrap().to_owned();
    let mut hidden = promoted.clone();
    hidden["id"] = "another-platinum-skill".into();
    hidden["repo_url"] = serde_json::Value::Null;
    world.server.catalogue(|catalogue| {
        catalogue.upsert(hidden);
    });
    let page = serde_json::json!({ "data": [promoted], "meta": { "total": 1, "limit": 100, "offset": 0 } });
    world
        .server
        .fault(skillsmith_test_registry::Fault::replace_body(page).for_tier("unknown"));
    let result = world.sync();
    assert_success(&result);
    let rows = crate::support::rows(&world.path());
    assert!(rows.contains_key(&id) && rows.contains_key("another-platinum-skill"));
}

/// What a newer version of the other stack does to the file between two syncs.
const NEWER: &str = "ALTER TABLE skills ADD COLUMN compatibility TEXT";

/// The served skills whose `compatibility` is stored, and those that have one.
fn compatibilities(world: &World) -> (usize, usize) {
    let look = world.look();
    let served = world.server.catalogue(|catalogue| catalogue.values());
    let wanted = served.iter().filter_map(|skill| {
        let value = skill.get("compatibility").filter(|value| !value.is_null());
        Some((skill["id"].as_str()?, value?))
    });
    let stored = wanted.clone().filter(|(id, value)| {
        let text: Option<String> = look
            .query_row(
                "SELECT compatibility FROM skills WHERE id = ?1",
                [id],
                |row| row.get(0),
            )
            .unwrap();
        text.is_some_and(|text| serde_json::from_str::<Value>(&text).unwrap() == **value)
    });
    (stored.count(), wanted.count())
}

#[test]
fn promise_1_a_column_that_appears_later_is_filled_once() {
    let world = World::new(600, Options::default());
    assert_success(&world.sync());
    world.look().execute_batch(NEWER).unwrap();
    let result = world.sync();
    assert_success(&result);
    let (stored, wanted) = compatibilities(&world);
    assert!(wanted > 5);
    assert_eq!(stored, wanted);
    assert_eq!(result.skills_updated as usize, wanted, "{result:?}");
    world.assert_mirrored();

    // From then on, timestamps decide again.
    forbid_skill_writes(&world.path());
    assert_eq!(world.sync().skills_unchanged, 600);
}

#[test]
fn promise_1_a_column_that_appears_later_is_filled_by_short_sessions_too() {
    let world = World::by_id(1_500, Plain::Allowed);
    let session = |requests: u64| {
        let cancel = CancelToken::new();
        let mut left = requests;
        world.server.on_listing({
            let cancel = cancel.clone();
            move |_, _| {
                left = left.saturating_sub(1);
                if left == 0 {
                    cancel.cancel();
                }
            }
        });
        world.sync_with(SyncOptions::new().cancel(cancel))
    };
    assert_success(&world.sync());
    // What this run has read must be read again; what later runs have read must not.
    assert!(!session(4).success);
    world.look().execute_batch(NEWER).unwrap();
    world.server.clear_requests();
    assert!(!session(4).success);
    assert_eq!(world.offsets()[0], 0);
    let mut sessions = 0;
    while !session(4).success {
        sessions += 1;
        assert!(sessions < 20, "no progress");
    }
    assert!(sessions > 1);
    let (stored, wanted) = compatibilities(&world);
    assert!(wanted > 5);
    assert_eq!(stored, wanted);
}

#[test]
fn promise_1_a_tier_that_the_table_takes_later_is_stored() {
    let world = World::new(300, Options::default());
    let narrow = "(''verified''";
    let wide = "(''official'', ''verified''";
    let change_check = |from: &str, to: &str| {
        world
            .look()
            .execute_batch(&format!(
                "PRAGMA writable_schema = ON;
                 UPDATE sqlite_master SET sql = replace(sql, '{from}', '{to}') WHERE name = 'skills';
                 PRAGMA schema_version = 1000{};",
                to.len()
            ))
            .unwrap();
    };
    change_check(wide, narrow);
    assert_success(&world.sync());
    let official = || {
        let rows = crate::support::rows(&world.path());
        let official = rows.values().filter(|row| row["trust_tier"] == "official");
        official.count()
    };
    assert_eq!(official(), 0);
    change_check(narrow, wide);
    assert_success(&world.sync());
    assert!(official() > 0);
    world.assert_mirrored();
}

#[test]
fn promise_1_best_effort_is_said_where_only_words_find_skills() {
    let options = Options {
        plain: Plain::NeedsQuery,
        query_matches: QueryMatches::Substring,
        ..Options::default()
    };
    let world = World::new(400, options);
    let result = world.sync();
    assert_success(&result);
    assert_eq!(result.coverage, Coverage::BestEffort);
    assert!(
        result.warnings[0].contains("searched, not listed"),
        "{result:?}"
    );
    assert!(result.skills_added > 0);
    // Everything that a search word finds is there.
    let rows = crate::support::rows(&world.path());
    assert_eq!(rows.len() as u64, result.skills_added);
}

#[test]
fn promise_1_a_registry_that_can_be_listed_by_now_is_listed() {
    let options = Options {
        plain: Plain::NeedsQuery,
        ..Options::default()
    };
    let world = World::new(400, options);
    assert_eq!(world.sync().coverage, Coverage::BestEffort);
    world
        .server
        .options(|options| options.plain = Plain::Allowed);
    // Not asked again within a day, because that costs a request for each tier.
    world.clock.advance(Duration::from_secs(23 * 3600));
    assert_eq!(world.sync().coverage, Coverage::BestEffort);
    world.clock.advance(Duration::from_secs(3600));
    let result = world.sync();
    assert_success(&result);
    assert_eq!(result.coverage, Coverage::Complete, "{result:?}");
    world.assert_mirrored();
}

#[test]
fn promise_1_complete_though_rows_move_while_they_are_read() {
    for total in [Total::TrueTotal, Total::PageCount] {
        let world = World::new(
            1_000,
            Options {
                total,
                order: Order::Score,
                ..Options::default()
            },
        );
        // Once, in the middle: the last row moves to the front, so that every later row moves by one.
        world.server.on_listing({
            let mut moved = false;
            move |number, catalogue| {
                if number == 5 && !moved {
                    moved = true;
                    let last = catalogue.ids().pop().unwrap();
                    let mut skill = catalogue.get(&last).unwrap();
                    catalogue.remove(&last);
                    skill["quality_score"] = 1.0.into();
                    skill["updated_at"] = "2027-01-01T00:00:00Z".into();
                    catalogue.upsert(skill);
                }
            }
        });
        let result = world.sync();
        assert_success(&result);
        world.assert_mirrored();
    }
}

#[test]
fn promise_1_a_registry_that_never_stands_still_is_read_twice_and_said() {
    let world = World::new(
        300,
        Options {
            order: Order::Shuffled,
            ..Options::default()
        },
    );
    let result = world.sync();
    assert!(result.success, "{result:?}");
    assert_eq!(result.coverage, Coverage::BestEffort);
    assert!(
        result
            .warnings
            .iter()
            .any(|warning| warning.contains("kept moving")),
        "{result:?}"
    );
    let first_pages = world
        .offsets()
        .iter()
        .filter(|offset| **offset == 0)
        .count();
    assert_eq!(first_pages, 2);
}
