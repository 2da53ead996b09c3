//! Histories: inventing, reading and replaying them.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use skillsmith_test_registry::{Change, History};

use crate::client::read_all;

fn text(history: &History) -> String {
    let lines = history.events().iter().map(|event| match &event.change {
        Change::Upsert(skill) => {
            json!({ "at": event.at, "op": "upsert", "skill": skill.value() }).to_string() + "\n"
        }
        Change::Delete(id) => {
            json!({ "at": event.at, "op": "delete", "id": id }).to_string() + "\n"
        }
    });
    lines.collect()
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = History::generate(4, 100, 600);
    assert_eq!(history.len(), 600);
    assert_eq!(text(&history), text(&History::generate(4, 100, 600)));
    assert_ne!(text(&history), text(&History::generate(5, 100, 600)));
}

#[test]
fn an_invented_life_has_everything_in_it() {
    let history = History::generate(1, 200, 2000);
    let mut live: HashMap<String, Value> = HashMap::new();
    let mut ever = HashSet::new();
    let (mut updates, mut moves, mut deaths, mut returns, mut new_urls) = (0, 0, 0, 0, 0);
    let mut last = String::new();
    for event in history.events() {
        assert!(event.at >= last, "events are in order of time");
        last.clone_from(&event.at);
        match &event.change {
            Change::Delete(id) => {
                assert!(live.remove(id).is_some(), "only what lives is deleted");
                deaths += 1;
            }
            Change::Upsert(skill) => {
                let new = skill.value();
                let born = ever.insert(skill.id().to_owned());
                match live.insert(skill.id().to_owned(), new.clone()) {
                    Some(old) => {
                        assert_ne!(
                            old["updated_at"], new["updated_at"],
                            "a change has a new stamp"
                        );
                        updates += 1;
                        moves += usize::from(old["trust_tier"] != new["trust_tier"]);
                        new_urls += usize::from(old["repo_url"] != new["repo_url"]);
                    }
                    None => returns += usize::from(!born),
                }
            }
        }
        let urls: Vec<&str> = live
            .values()
            .filter_map(|skill| skill["repo_url"].as_str())
            .collect();
        assert_eq!(
            urls.iter().collect::<HashSet<_>>().len(),
            urls.len(),
            "URLs are unique at every moment"
        );
    }
    assert!((190..=210).contains(&ever.len()), "{} skills", ever.len());
    assert!(updates > 500 && moves > 50 && deaths > 50 && returns > 10 && new_urls > 50);
}

#[test]
fn a_prefix_gives_the_registry_of_that_moment() {
    let history = History::generate(2, 50, 400);
    let mut expected: Vec<(String, Value)> = Vec::new();
    assert!(history.catalogue_at(0).is_empty());
    for (number, event) in history.events().iter().enumerate() {
        match &event.change {
            Change::Delete(id) => expected.retain(|(other, _)| other != id),
            Change::Upsert(skill) => match expected.iter_mut().find(|(id, _)| id == skill.id()) {
                Some((_, value)) => *value = skill.value(),
                None => expected.push((skill.id().to_owned(), skill.value())),
            },
        }
        if number % 37 == 0 {
            let values: Vec<Value> = expected.iter().map(|(_, value)| value.clone()).collect();
            assert_eq!(history.catalogue_at(number + 1).values(), values);
        }
    }
    assert_eq!(history.catalogue_at(9999).len(), expected.len());
}

#[test]
fn moments_are_spread_evenly_and_end_with_all() {
    let history = History::generate(3, 10, 103);
    assert_eq!(history.moments(4), [25, 51, 77, 103]);
    assert_eq!(history.moments(1), [103]);
    assert!(history.moments(0).is_empty());
    assert_eq!(history.moments(1000), (1..=103).collect::<Vec<_>>());
    assert!(History::default().moments(5).is_empty());
    assert!(History::default().is_empty());
}

#[test]
fn a_history_file_is_read_back() {
    let history = History::generate(6, 30, 200);
    let file = std::env::temp_dir().join(format!(
        "skillsmith-registry-history-{}.jsonl",
        std::process::id()
    ));
    std::fs::write(&file, text(&history)).expect("the temporary directory is writable");
    assert_eq!(
        text(&History::load(&file).expect("every line is an event")),
        text(&history)
    );
    std::fs::write(
        &file,
        "{\"at\":\"2026-01-01T00:00:00Z\",\"op\":\"rename\"}\n",
    )
    .expect("it is writable");
    let problem = History::load(&file)
        .expect_err("there is no such event")
        .to_string();
    assert!(
        problem.contains("line 1") && problem.contains("rename"),
        "{problem}"
    );
    std::fs::remove_file(&file).expect("the file is there");
}

#[test]
fn a_server_replays_its_history() {
    let history = History::generate(8, 60, 300);
    let server = skillsmith_test_registry::Server::start(history.catalogue_at(100), <_>::default());
    assert!(server.replay(200).is_err(), "it has none yet");
    server.set_history(history.clone());
    for moment in history.moments(3) {
        let expected = history.catalogue_at(moment);
        assert_eq!(
            server.replay(moment).expect("there are so many events"),
            expected.len()
        );
        let mut listed = read_all(&server, "", 7);
        let mut ids = expected.ids();
        listed.sort();
        ids.sort();
        assert_eq!(listed, ids);
    }
    assert!(server.replay(301).is_err());
}
