//! Promise 1, *Complete*: after a run that reports success, every valid row that the registry served is stored.

use skillsmith_sync::{Coverage, SyncOptions};
use skillsmith_test_registry::{Options, Order, Plain, QueryMatches, Total};

use crate::support::{World, assert_success};

/// Syncs everything once, and once more with nothing changed.
#[track_caller]
fn complete(skills: usize, page_size: u32, options: Options) -> World {
    let world = World::new(skills, options);
    let sync = || {
        world.sync_with(SyncOptions {
            page_size,
            ..SyncOptions::default()
        })
    };
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
        Total::Number(5_000),
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
    // The plan is remembered: the second run asked for no plain listing any more.
    world.server.clear_requests();
    assert_success(&world.sync());
    assert!(
        world
            .server
            .listings()
            .iter()
            .all(|request| request.param("trust_tier").is_some())
    );
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
    // Everything that a word finds is there.
    let rows = crate::support::rows(&world.path());
    assert_eq!(rows.len() as u64, result.skills_added);
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
fn promise_1_a_registry_that_never_stands_still_is_read_three_times_and_said() {
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
    assert_eq!(first_pages, 3);
}
