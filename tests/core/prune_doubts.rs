//! Withdrawn skills where a listing is complete and a skill that the registry has is not in it: nothing is
//! removed.

use serde_json::Value;
use skillsmith_sync::{SyncOptions, SyncResult};
use skillsmith_test_registry::{Options, Plain, SyncEndpoint};

use crate::support::{World, assert_success, row_count};

fn with_endpoint() -> Options {
    Options {
        sync_endpoint: Some(SyncEndpoint::default()),
        ..Options::default()
    }
}

fn prune(world: &World) -> SyncResult {
    world.sync_with(SyncOptions::new().prune(true))
}

/// A row with an old timestamp that comes back before those already read: a whole listing of the sync
/// endpoint is complete without it, since rows that change get a new one.
#[test]
fn promise_1_a_skill_that_comes_back_behind_the_reader_is_not_removed() {
    let world = World::new(350, with_endpoint());
    assert_success(&world.sync());
    let withdrawn = world.server.catalogue(|catalogue| {
        let mut ids = catalogue.ids();
        ids.sort();
        let mut skills = catalogue.values().into_iter();
        let skill = skills.find(|skill| skill["id"] == *ids[10]).unwrap();
        catalogue.remove(&ids[10]);
        skill
    });
    assert_eq!(prune(&world).skills_removed, 0);
    let mut requests = 0;
    world.server.on_listing(move |_, catalogue| {
        requests += 1;
        if requests == 3 {
            catalogue.extend([withdrawn.clone()]);
        }
    });
    let result = prune(&world);
    assert_eq!(result.skills_removed, 0);
    assert_eq!(row_count(&world.path()), 350, "{result:?}");
}

/// Such a registry lists neither skills without a tier and a score.
#[test]
fn promise_1_nothing_is_removed_where_a_listing_cannot_have_every_skill() {
    let world = World::by_id(100, Plain::NeedsFilter);
    assert_success(&world.sync());
    world.server.catalogue(|catalogue| {
        let id = catalogue.ids().remove(0);
        catalogue.edit(&id, |skill| {
            skill["trust_tier"] = Value::Null;
            skill["quality_score"] = Value::Null;
        });
    });
    for _ in 0..3 {
        assert_eq!(prune(&world).skills_removed, 0);
    }
    assert_eq!(row_count(&world.path()), 100);
}

/// The watermark of the endpoint would never show again what the search did not have.
#[test]
fn promise_1_the_search_removes_nothing_at_a_registry_that_had_the_endpoint() {
    let world = World::new(200, with_endpoint());
    assert_success(&world.sync());
    world.server.options(|options| options.sync_endpoint = None);
    world.server.catalogue(|catalogue| {
        for id in catalogue.ids().into_iter().take(5) {
            catalogue.remove(&id);
        }
    });
    for _ in 0..4 {
        let result = prune(&world);
        assert_eq!(result.skills_removed, 0, "{result:?}");
    }
    assert_eq!(row_count(&world.path()), 200);
}

/// What is not served may be hidden: the total counts it.
#[test]
fn promise_1_what_a_registry_hides_and_counts_is_not_removed() {
    let world = World::new(300, Options::default());
    assert_success(&world.sync());
    world.server.options(|options| options.hide_every = Some(7));
    for _ in 0..4 {
        let result = world.sync_with(SyncOptions::new().prune(true).force(true));
        assert_eq!(result.skills_removed, 0, "{result:?}");
    }
    assert_eq!(row_count(&world.path()), 300);
}
