//! `skillsmith sync config`.

use insta::assert_snapshot;

use crate::support::Place;

#[test]
fn shows_the_defaults_without_creating_anything() {
    let place = Place::without_registry();
    assert_snapshot!(place.ok(&["sync", "config"]), @"
    Auto-sync:   on, daily
    Last sync:   never
    Next sync:   due now
    ");
    assert!(!place.path(".skillsmith").exists());
}

#[test]
fn changes_are_kept() {
    let place = Place::with_skills(20);
    place.ok(&["sync"]);
    assert_snapshot!(place.settled(&place.ok(&["sync", "config", "--frequency", "weekly"])), @"
    Auto-sync:   on, weekly
    Last sync:   YYYY-MM-DD HH:MM UTC (just now)
    Next sync:   YYYY-MM-DD HH:MM UTC (in 6 days)
    ");
    assert_snapshot!(place.settled(&place.ok(&["sync", "config", "--disable"])), @"
    Auto-sync:   off, weekly
    Last sync:   YYYY-MM-DD HH:MM UTC (just now)
    Next sync:   manual only
    ");
    let config = place.json(&["sync", "config", "--json"]);
    assert_eq!(
        (&config["enabled"], &config["frequency"]),
        (&false.into(), &"weekly".into())
    );

    // A manual sync still works, and changes nothing of it.
    place.ok(&["sync"]);
    place.ok(&["sync", "config", "--enable", "--frequency", "daily"]);
    let config = place.json(&["sync", "config", "--json"]);
    assert_eq!(
        (&config["enabled"], &config["frequency"]),
        (&true.into(), &"daily".into())
    );
    assert_eq!(config["intervalMs"], 86_400_000);
}

#[test]
fn a_change_in_a_new_place_creates_the_database() {
    let place = Place::without_registry();
    assert_eq!(place.ok(&["sync", "config", "--disable", "--quiet"]), "");
    assert_eq!(
        place.count("SELECT enabled FROM sync_config WHERE id = 'default'"),
        0
    );
}
