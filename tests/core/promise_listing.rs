//! Promise 1, *Complete*, where a registry's metadata is wrong: limits, totals, order, end, tiers,
//! hidden rows. No incomplete listing is reported as complete.

use std::time::Duration;

use serde_json::{Value, json};
use skillsmith_sync::{Coverage, ErrorCode, SyncOptions, SyncResult, SyncStatus};
use skillsmith_test_registry::{
    Catalogue, DepthLimit, Fault, LimitSays, Options, Order, Plain, Total,
};

use crate::support::{World, assert_mirrored, assert_success, row_count, rows};

fn sync(world: &World, page_size: u32) -> SyncResult {
    world.sync_with(SyncOptions::new().page_size(page_size))
}

#[track_caller]
fn assert_complete(result: &SyncResult, what: &str) {
    assert!(
        result.success && result.errors.is_empty() && result.warnings.is_empty(),
        "{what}: {result:?}"
    );
    assert_eq!(result.coverage, Coverage::Complete, "{what}");
}

/// A success that reports that something may be missing.
#[track_caller]
fn assert_best_effort(result: &SyncResult, warning: &str) {
    assert!(result.success, "{result:?}");
    assert_eq!(result.coverage, Coverage::BestEffort, "{result:?}");
    assert!(
        result.warnings.iter().any(|text| text.contains(warning)),
        "{warning}: {result:?}"
    );
}

/// The first run stores all visible rows, and the second has nothing to do.
#[track_caller]
fn complete(skills: usize, page_size: u32, options: Options) -> World {
    let what = format!("{skills} by {page_size}: {options:?}");
    let world = World::new(skills, options);
    let visible = world.server.visible_skills();
    let first = sync(&world, page_size);
    assert_complete(&first, &what);
    assert_eq!(first.skills_added as usize, visible.len(), "{what}");
    assert_mirrored(&world.path(), &visible);
    let second = sync(&world, page_size);
    assert_complete(&second, &what);
    assert_eq!(second.skills_unchanged as usize, visible.len(), "{what}");
    world
}

fn last_sync_at(world: &World) -> Option<String> {
    world.engine().get_status().unwrap().config.last_sync_at
}

#[test]
fn promise_1_complete_whatever_the_registry_says_of_its_limit() {
    for (page_size, max_limit, limit_says) in [
        (500, 100, LimitSays::Asked),
        (100, 50, LimitSays::Asked),
        (1_000, 30, LimitSays::Asked),
        (100, 100, LimitSays::Number(1_000)),
        (500, 100, LimitSays::Number(1_000)),
        (100, 100, LimitSays::Number(7)),
        (100, 100, LimitSays::Number(0)),
    ] {
        for total in [Total::TrueTotal, Total::Absent, Total::PageCount] {
            complete(
                650,
                page_size,
                Options {
                    max_limit,
                    limit_says,
                    total,
                    ..Options::default()
                },
            );
        }
    }
}

#[test]
fn promise_1_complete_whatever_a_total_counts() {
    let total = |total| Options {
        total,
        ..Options::default()
    };
    complete(650, 100, total(Total::ReadSoFar));
    complete(200, 100, total(Total::ReadSoFar));
    // Each page starts with the last row of the previous one: full pages end at 100, 199 and 595,
    // too.
    for cap in [100, 199, 200, 500, 595, 600, 649] {
        complete(
            650,
            100,
            Options {
                total_cap: Some(cap),
                ..Options::default()
            },
        );
    }
    complete(
        650,
        500,
        Options {
            total_cap: Some(500),
            limit_says: LimitSays::Asked,
            ..Options::default()
        },
    );
}

#[test]
fn promise_1_a_total_that_was_true_may_be_wrong_by_now() {
    let world = complete(595, 100, Options::default());
    world.server.catalogue(|catalogue| catalogue.add(205, 9));
    world.server.options(|options| {
        options.total_cap = Some(595);
        options.order = Order::Inserted;
    });
    let result = world.sync();
    assert!(result.success, "{result:?}");
    assert_eq!(result.skills_added, 205, "{result:?}");
    world.assert_mirrored();
}

#[test]
fn promise_1_a_total_that_is_confirmed_saves_the_pages_behind_the_end() {
    let world = World::new(650, Options::default());
    assert_complete(&world.sync(), "the first");
    let pages = [0, 99, 198, 297, 396, 495, 594];
    // Not trusted yet.
    assert_eq!(world.offsets()[..7], pages);
    assert_eq!(world.offsets().len(), 9);
    world.server.clear_requests();
    assert_complete(&world.sync(), "the second");
    assert_eq!(world.offsets(), pages);
}

#[test]
fn promise_1_pages_that_come_empty_before_the_total_are_not_the_end_of_a_complete_listing() {
    let world = World::new(300, Options::default());
    world
        .server
        .options(|options| options.hide_range = Some((100, 300)));
    for _ in 0..3 {
        let result = world.sync();
        assert_best_effort(&result, "has 300 skills, and served 100");
        assert_eq!(row_count(&world.path()), 100);
    }
    world.server.options(|options| options.hide_range = None);
    let result = world.sync();
    assert!(result.success, "{result:?}");
    assert_eq!(result.skills_added, 200, "{result:?}");
    world.assert_mirrored();
    assert_complete(&world.sync(), "whole again");
}

#[test]
fn promise_1_fewer_rows_than_a_confirmed_total_are_not_complete() {
    let world = complete(300, 100, Options::default());
    world.server.catalogue(|catalogue| catalogue.change(300, 3));
    world
        .server
        .options(|options| options.hide_range = Some((100, 300)));
    let result = world.sync();
    assert_best_effort(&result, "has 300 skills, and served 100");
    assert_eq!(result.skills_updated, 100, "{result:?}");
    world.server.options(|options| options.hide_range = None);
    assert_eq!(world.sync().skills_updated, 200);
    world.assert_mirrored();
}

#[test]
fn promise_1_hidden_rows_and_no_limit_hide_no_others() {
    for (skills, from, to) in [
        (3, 0, 1),
        (3, 1, 2),
        (3, 0, 2),
        (30, 0, 12),
        (30, 9, 21),
        (230, 0, 150),
    ] {
        for page_size in [2, 10, 100] {
            for total in [Total::TrueTotal, Total::Absent, Total::PageCount] {
                // Two empty pages are the end, unless a total says that there is more.
                if total != Total::TrueTotal && to - from > page_size as usize {
                    continue;
                }
                let options = Options {
                    hide_range: Some((from, to)),
                    echo_limit: false,
                    total,
                    ..Options::default()
                };
                if total != Total::TrueTotal {
                    complete(skills, page_size, options);
                    continue;
                }
                // A total that counts them may include rows that should be there.
                let world = World::new(skills, options);
                let visible = world.server.visible_skills();
                let result = sync(&world, page_size);
                assert!(
                    result.success && result.errors.is_empty(),
                    "{from} to {to} of {skills} by {page_size}: {result:?}"
                );
                assert_eq!(
                    result.coverage == Coverage::BestEffort,
                    result.warnings.len() == 1,
                    "{result:?}"
                );
                assert_mirrored(&world.path(), &visible);
            }
        }
    }
}

#[test]
fn promise_1_hidden_rows_in_one_tier_do_not_end_those_behind_it() {
    for echo_limit in [false, true] {
        for hide_range in [(0, 1), (0, 40), (100, 180)] {
            let world = World::new(
                300,
                Options {
                    plain: Plain::NeedsFilter,
                    hide_range: Some(hide_range),
                    echo_limit,
                    ..Options::default()
                },
            );
            let visible = world.server.visible_skills();
            let result = sync(&world, 10);
            assert!(result.success, "{hide_range:?}: {result:?}");
            assert_mirrored(&world.path(), &visible);
        }
    }
}

#[test]
fn promise_1_an_order_that_changes_with_every_request_is_never_called_complete_with_rows_missing() {
    let mut doubted = 0;
    for page_size in [10, 20, 50, 100] {
        for total in [Total::TrueTotal, Total::Absent] {
            let world = World::new(
                102,
                Options {
                    order: Order::Shuffled,
                    total,
                    ..Options::default()
                },
            );
            for _ in 0..3 {
                let result = sync(&world, page_size);
                assert!(result.success, "{result:?}");
                let stored = row_count(&world.path());
                assert!(
                    result.coverage == Coverage::BestEffort || stored == 102,
                    "{stored} by {page_size}: {result:?}"
                );
                assert_eq!(
                    result.coverage == Coverage::BestEffort,
                    !result.warnings.is_empty(),
                    "{result:?}"
                );
                doubted += usize::from(result.coverage == Coverage::BestEffort);
            }
        }
    }
    assert!(doubted > 6, "{doubted}");
}

/// A registry in which the plan by tiers does not find some rows by tier or score.
fn with_tiers(count: usize, odd: usize, change: impl FnMut(&mut Value)) -> World {
    let mut skills = Catalogue::generate(count, 1).values();
    skills.iter_mut().take(odd).for_each(change);
    World::with_catalogue(
        skills.into_iter().collect(),
        Options {
            plain: Plain::NeedsFilter,
            ..Options::default()
        },
    )
}

#[test]
fn promise_1_tiers_do_not_reach_every_row_and_say_so() {
    // Half of the rows have no tier: the listing by score returns them.
    let world = with_tiers(200, 100, |skill| {
        skill["trust_tier"] = Value::Null;
        skill["quality_score"] = 0.5.into();
    });
    for _ in 0..2 {
        assert_best_effort(&world.sync(), "only be listed by trust tier");
        assert_eq!(row_count(&world.path()), 200);
    }
    world.assert_mirrored();

    // Some have no score either: no request returns them.
    let world = with_tiers(200, 100, |skill| {
        let has_score = skill["name"].as_str().unwrap().len().is_multiple_of(2);
        skill["trust_tier"] = Value::Null;
        skill["quality_score"] = if has_score { json!(0.5) } else { Value::Null };
    });
    assert_best_effort(&world.sync(), "only be listed by trust tier");
    let reached = row_count(&world.path());
    assert!((101..200).contains(&reached), "{reached}");
    // Listed as a whole once that is allowed; with force, at once.
    world
        .server
        .options(|options| options.plain = Plain::Allowed);
    assert_eq!(world.sync().coverage, Coverage::BestEffort);
    let result = world.sync_with(SyncOptions::new().force(true));
    assert_complete(&result, "forced");
    world.assert_mirrored();
    world.server.clear_requests();
    assert_complete(&world.sync(), "after it");
    assert!(
        world
            .server
            .listings()
            .iter()
            .all(|request| request.param("trust_tier").is_none())
    );
}

#[test]
fn promise_1_a_plan_by_tiers_is_given_up_after_a_day() {
    let world = with_tiers(200, 100, |skill| {
        skill["trust_tier"] = Value::Null;
        skill["quality_score"] = Value::Null;
    });
    world.sync();
    assert_eq!(row_count(&world.path()), 100);
    world
        .server
        .options(|options| options.plain = Plain::Allowed);
    world.clock.advance(Duration::from_secs(86_400 + 60));
    assert_complete(&world.sync(), "a day later");
    world.assert_mirrored();
}

#[test]
fn promise_1_rows_without_a_tier_among_others_without_a_score_are_reached() {
    // The listing by score is shorter than the tiers together: 10 of its rows have no tier, and 20
    // rows of the tiers have no score. Its first page has none of the 10.
    for tier in [Value::Null, "platinum".into()] {
        let mut number = 0;
        let world = with_tiers(250, 250, |skill| {
            number += 1;
            skill["quality_score"] = match number {
                1..=10 => 0.125.into(),
                11..=30 => Value::Null,
                _ => 0.5.into(),
            };
            if number <= 10 {
                skill["trust_tier"] = tier.clone();
            }
        });
        let result = world.sync();
        assert!(result.success, "{result:?}");
        let stored = row_count(&world.path());
        assert!(
            stored == 250 || result.coverage == Coverage::BestEffort,
            "{stored} of 250: {result:?}"
        );
    }
}

#[test]
fn promise_1_a_tier_that_nobody_knows_is_reached() {
    let world = with_tiers(200, 15, |skill| {
        skill["trust_tier"] = "platinum".into();
        skill["quality_score"] = 1.0.into();
    });
    let result = world.sync();
    assert_eq!(row_count(&world.path()), 200);
    assert_best_effort(&result, "one that is not known");
}

#[test]
fn promise_1_many_warnings_of_rows_do_not_hide_why_a_listing_may_not_be_whole() {
    let world = with_tiers(200, 100, |skill| {
        skill["trust_tier"] = "platinum".into();
        skill["quality_score"] = 1.0.into();
    });
    assert_best_effort(&world.sync(), "one that is not known");
}

#[test]
fn promise_1_one_refusal_does_not_make_it_a_listing_by_tiers() {
    let by_tier = |world: &World| {
        let listings = world.server.listings();
        listings
            .iter()
            .any(|request| request.param("trust_tier").is_some())
    };
    for skills in [50, 500] {
        let world = World::new(skills, Options::default());
        world.server.fault(Fault::status(400));
        assert_complete(&world.sync(), "refused once");
        assert!(!by_tier(&world));
        world.assert_mirrored();
    }
    // Two refusals look like one, for that day.
    let world = World::new(500, Options::default());
    world.server.fault(Fault::status(400).times(2));
    assert!(world.sync().success);
    assert!(by_tier(&world));
    world.server.clear_requests();
    assert!(world.sync_with(SyncOptions::new().force(true)).success);
    assert!(!by_tier(&world));
    world.assert_mirrored();
}

#[test]
fn promise_1_an_end_that_is_refused_is_an_end() {
    for status in [416, 400, 404] {
        for total in [Total::TrueTotal, Total::Absent, Total::PageCount] {
            for skills in [1, 99, 100, 101, 199, 250, 298] {
                let world = complete(
                    skills,
                    100,
                    Options {
                        end_status: Some(status),
                        total,
                        ..Options::default()
                    },
                );
                assert!(last_sync_at(&world).is_some());
                let entries = world.history().get_history(9).unwrap();
                assert!(
                    entries
                        .iter()
                        .all(|entry| entry.status == SyncStatus::Success),
                    "{entries:?}"
                );
            }
        }
    }
}

#[test]
fn promise_1_an_end_that_is_refused_is_an_end_of_each_tier() {
    for status in [416, 400, 404] {
        let world = complete(
            500,
            20,
            Options {
                end_status: Some(status),
                plain: Plain::NeedsFilter,
                ..Options::default()
            },
        );
        assert!(last_sync_at(&world).is_some());
    }
}

#[test]
fn promise_1_a_registry_that_refuses_to_be_read_to_its_end_is_not_complete() {
    for status in [400, 404, 416] {
        let world = World::new(
            300,
            Options {
                depth_limit: Some(DepthLimit {
                    offset: 120,
                    status,
                }),
                ..Options::default()
            },
        );
        for _ in 0..3 {
            let result = sync(&world, 50);
            assert!(result.success, "{status}: {result:?}");
            assert_eq!(result.coverage, Coverage::BestEffort, "{result:?}");
            assert!(!result.warnings.is_empty(), "{result:?}");
            let stored = row_count(&world.path());
            assert!((120..300).contains(&stored), "{stored}");
        }
        // Changes within its reach are fetched all the same.
        world.server.catalogue(|catalogue| catalogue.change(300, 2));
        assert!(sync(&world, 50).skills_updated >= 120);
    }
}

#[test]
fn promise_1_an_empty_listing_over_stored_rows_is_no_news() {
    for body in [
        json!({ "data": [] }),
        json!({ "data": [], "meta": { "total": 0, "limit": 100, "offset": 0 } }),
        json!({ "data": [], "meta": {} }),
    ] {
        for plain in [Plain::Allowed, Plain::NeedsFilter] {
            for force in [false, true] {
                let world = World::new(
                    300,
                    Options {
                        plain,
                        ..Options::default()
                    },
                );
                assert_success(&world.sync());
                let (before, synced_at) = (rows(&world.path()), last_sync_at(&world));
                world
                    .server
                    .fault(Fault::replace_body(body.clone()).always());
                world.clock.advance(Duration::from_secs(60));
                let result = world.sync_with(SyncOptions::new().force(force));
                assert_eq!(result.status, SyncStatus::Failed, "{result:?}");
                assert_eq!(result.code, Some(ErrorCode::Protocol), "{result:?}");
                assert_eq!(result.coverage, Coverage::BestEffort);
                assert!(
                    result.errors[0].contains("its listing is empty"),
                    "{result:?}"
                );
                assert_eq!(rows(&world.path()), before);
                assert_eq!(last_sync_at(&world), synced_at);
                assert_eq!(world.last_entry().0, "failed");

                world.server.clear_faults();
                world.server.catalogue(|catalogue| catalogue.change(20, 4));
                assert_eq!(world.sync().skills_updated, 20);
                world.assert_mirrored();
            }
        }
    }
}

#[test]
fn promise_1_an_empty_registry_is_a_registry() {
    let world = World::new(0, Options::default());
    for _ in 0..2 {
        assert_complete(&world.sync(), "empty");
    }
    // The user's own rows are not the registry's.
    world
        .look()
        .execute_batch("INSERT INTO skills (id, name, source) VALUES ('mine', 'mine', 'local')")
        .unwrap();
    assert_complete(&world.sync(), "with rows of the user");
    assert_eq!(row_count(&world.path()), 1);
}
