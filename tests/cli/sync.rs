//! `skillsmith sync` when all goes well.

use insta::assert_snapshot;

use crate::support::Place;

const ROWS: &str = "SELECT count(*) FROM skills";

#[test]
fn the_first_sync_brings_everything_and_the_second_nothing() {
    let place = Place::with_skills(847);
    assert_snapshot!(place.ok(&["sync"]), @"Synced 847 skills (847 new, 0 updated)");
    assert_eq!(place.count(ROWS), 847);
    assert_snapshot!(place.ok(&["sync"]), @"
    Synced 0 skills (0 new, 0 updated)
    All 847 skills are up to date.
    ");
}

#[test]
fn the_line_tells_new_from_updated() {
    let place = Place::with_skills(300);
    place.ok(&["sync"]);
    place.server().catalogue(|catalogue| {
        catalogue.change(20, 3);
        catalogue.add(5, 4);
    });
    assert_snapshot!(place.ok(&["sync"]), @"Synced 25 skills (5 new, 20 updated)");
}

#[test]
fn force_finds_what_has_no_new_stamp() {
    let place = Place::with_skills(120);
    place.ok(&["sync"]);
    place
        .look()
        .execute(
            "UPDATE skills SET name = 'altered here' WHERE id IN (SELECT id FROM skills LIMIT 3)",
            [],
        )
        .unwrap();
    assert_snapshot!(place.ok(&["sync", "--force"]), @"Synced 3 skills (0 new, 3 updated)");
    assert_snapshot!(place.ok(&["sync", "-f"]), @"
    Synced 0 skills (0 new, 0 updated)
    All 120 skills are up to date.
    ");
}

#[test]
fn withdrawn_skills_are_removed_when_two_whole_listings_did_not_have_them() {
    let place = Place::with_skills(120);
    place.ok(&["sync"]);
    place.server().catalogue(|catalogue| {
        for id in catalogue.ids().iter().step_by(10) {
            catalogue.remove(id);
        }
    });
    let outcome = place.run(&["sync", "--prune"]);
    assert_snapshot!(outcome.stdout, @"
    Synced 0 skills (0 new, 0 updated)
    All 108 skills are up to date.
    ");
    assert_snapshot!(outcome.stderr, @"warning: 12 skills are no longer listed. The next sync with prune removes those that are not listed again.");
    assert_snapshot!(place.ok(&["sync", "--prune", "--dry-run"]), @"
    Would sync 0 skills (0 new, 0 updated)
    Would remove 12 withdrawn skills.
    All 108 skills are up to date.
    ");
    assert_eq!(place.count(ROWS), 120);
    assert_snapshot!(place.ok(&["sync", "--prune"]), @"
    Synced 0 skills (0 new, 0 updated)
    Removed 12 withdrawn skills.
    All 108 skills are up to date.
    ");
    assert_eq!(place.count(ROWS), 108);
    let entries = place.json(&["sync", "history", "--json"]);
    assert_eq!(entries[0]["skillsRemoved"], 12);
    place.assert_sound();
}

#[test]
fn more_than_a_tenth_is_removed_with_force_only() {
    let place = Place::with_skills(120);
    place.ok(&["sync"]);
    place.server().catalogue(|catalogue| {
        for id in &catalogue.ids()[..13] {
            catalogue.remove(id);
        }
    });
    assert_eq!(place.run(&["sync", "--prune"]).code, 0);
    let outcome = place.run(&["sync", "--prune"]);
    assert_eq!(outcome.code, 3);
    assert!(
        outcome.stderr.contains("13 of 120 skills") && outcome.stderr.contains("prune and force"),
        "{}",
        outcome.stderr
    );
    let result = place.json(&["sync", "--prune", "--force", "--json"]);
    assert_eq!(
        (&result["success"], &result["skillsRemoved"]),
        (&true.into(), &13.into())
    );
    assert_eq!(place.count(ROWS), 107);
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::with_skills(150);
    assert_snapshot!(
        place.ok(&["sync", "--dry-run"]),
        @"Would sync 150 skills (150 new, 0 updated)"
    );
    assert!(!place.path(".skillsmith").exists());

    place.ok(&["sync"]);
    place
        .server()
        .catalogue(|catalogue| catalogue.change(12, 9));
    let before = std::fs::read(place.database()).unwrap();
    assert_snapshot!(
        place.ok(&["sync", "--dry-run"]),
        @"Would sync 12 skills (0 new, 12 updated)"
    );
    assert_eq!(std::fs::read(place.database()).unwrap(), before);
    assert_eq!(place.count("SELECT count(*) FROM sync_history"), 1);
    assert_snapshot!(place.ok(&["sync"]), @"Synced 12 skills (0 new, 12 updated)");
}

#[test]
fn the_page_size_is_asked_for() {
    let place = Place::with_skills(600);
    place.server().options(|options| options.max_limit = 1_000);
    place.ok(&["sync", "--page-size", "250"]);
    let listings = place.server().listings();
    assert!(
        listings
            .iter()
            .all(|page| page.param("limit") == Some("250"))
    );
    assert_eq!(place.count(ROWS), 600);

    place.server().clear_requests();
    place.ok(&["sync", "--force"]);
    assert_eq!(place.server().listings()[0].param("limit"), Some("100"));
}

#[test]
fn a_clamped_page_size_loses_nothing() {
    let place = Place::with_skills(350);
    place.ok(&["sync", "--page-size=10000"]);
    assert_eq!(place.count(ROWS), 350);
}

#[test]
fn quiet_says_nothing() {
    let place = Place::with_skills(50);
    assert_eq!(place.ok(&["sync", "--quiet"]), "");
    assert_eq!(place.ok(&["-q", "sync"]), "");
    assert_eq!(place.count(ROWS), 50);
}

#[test]
fn options_of_every_command_work_on_either_side_of_its_name() {
    let place = Place::with_skills(30);
    let db = place.path("elsewhere.db");
    let db = db.to_str().unwrap();
    place.ok(&["-d", db, "-q", "sync"]);
    for args in [
        ["--db", db, "--json", "sync", "status"],
        ["sync", "--db", db, "--json", "status"],
        ["sync", "status", "-d", db, "--json"],
    ] {
        assert_eq!(place.json(&args)["config"]["lastSyncCount"], 30, "{args:?}");
    }
    assert!(!place.database().exists());
}
