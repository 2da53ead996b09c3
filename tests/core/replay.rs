//! The history of a registry, served at twenty moments in turn, with a sync at each.
//!
//! `SKILLSMITH_REPLAY` names a history file (JSON Lines, see `tests/registry/README.md`); without
//! it, the history is generated.

use skillsmith_test_registry::{Catalogue, History, Options, Plain};

use crate::support::{World, assert_success, forbid_skill_writes};

const MOMENTS: usize = 20;

fn replay(history: &History, options: Options) {
    let world = World::with_catalogue(Catalogue::new(), options);
    for events in history.moments(MOMENTS) {
        let live = history.catalogue_at(events);
        let skills = live.len() as u64;
        world.server.catalogue(|catalogue| *catalogue = live);

        let result = world.sync();
        assert_success(&result);
        assert_eq!(result.total_processed, skills, "at {events}: {result:?}");
        world.assert_mirrored();

        let again = world.sync();
        assert_success(&again);
        assert_eq!(again.skills_unchanged, skills, "at {events}: {again:?}");
    }
    forbid_skill_writes(&world.path());
    assert_success(&world.sync());
}

#[test]
fn replay_of_a_registrys_life() {
    let history = match std::env::var_os("SKILLSMITH_REPLAY") {
        Some(path) => History::load(path).unwrap(),
        None => History::generate(11, 700, 2_000),
    };
    assert!(history.len() > 1_000);
    for plain in [Plain::Allowed, Plain::NeedsFilter] {
        replay(
            &history,
            Options {
                plain,
                ..Options::default()
            },
        );
    }
}
