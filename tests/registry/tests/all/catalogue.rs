//! The catalogue: what it invents and how it changes.

use std::collections::HashSet;

use chrono::DateTime;
use serde_json::{Value, json};
use skillsmith_test_registry::{Catalogue, Skill};

fn bytes(catalogue: &Catalogue) -> Vec<u8> {
    catalogue
        .iter()
        .flat_map(|skill| [skill.bytes(), b"\n"].concat())
        .collect()
}

fn moment(skill: &Value) -> DateTime<chrono::FixedOffset> {
    let text = skill["updated_at"]
        .as_str()
        .expect("skills have updated_at");
    DateTime::parse_from_rfc3339(text).expect("updated_at is ISO 8601")
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let one = Catalogue::generate(500, 7);
    assert_eq!(bytes(&one), bytes(&Catalogue::generate(500, 7)));
    assert_ne!(bytes(&one), bytes(&Catalogue::generate(500, 8)));
    let mut grown = Catalogue::generate(300, 7);
    grown.add(200, 7);
    assert_eq!(
        bytes(&one),
        bytes(&grown),
        "a larger registry begins with the smaller one"
    );
}

#[test]
fn invented_skills_are_varied_and_valid() {
    let catalogue = Catalogue::generate(5000, 1);
    let skills = catalogue.values();
    let unique = |field: &str| {
        let all: Vec<&str> = skills
            .iter()
            .filter_map(|skill| skill[field].as_str())
            .collect();
        let distinct: HashSet<&str> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len(), "{field} is unique");
        all.len()
    };
    assert_eq!(unique("id"), 5000);
    let urls = unique("repo_url");
    assert!(
        (4500..5000).contains(&urls),
        "some have no repository: {urls}"
    );

    let mut forms = HashSet::new();
    for skill in &skills {
        let id = skill["id"].as_str().expect("an id is a string");
        assert_eq!(
            id.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12],
            "{id}"
        );
        let length = skill["description"]
            .as_str()
            .expect("a string")
            .chars()
            .count();
        assert!((80..=500).contains(&length), "{length} characters");
        let score = &skill["quality_score"];
        assert!(
            score.is_null() || (0.0..=1.0).contains(&score.as_f64().expect("a number")),
            "{score}"
        );
        assert!(skill["tags"].as_array().expect("a list").len() <= 6);
        let stamp = skill["updated_at"].as_str().expect("a string");
        forms.insert((stamp.len(), stamp.ends_with('Z')));
        let created = DateTime::parse_from_rfc3339(skill["created_at"].as_str().expect("a string"));
        assert!(created.expect("created_at is ISO 8601") <= moment(skill));
        if let Some(url) = skill["repo_url"].as_str() {
            let author = skill["author"].as_str().expect("a string");
            assert_eq!(
                url,
                format!(
                    "https://github.com/{author}/{}",
                    skill["name"].as_str().expect("a string")
                )
            );
        }
    }
    assert_eq!(forms.len(), 6, "all spellings of time occur: {forms:?}");
    for field in ["quality_score", "repo_url", "stars"] {
        assert!(
            skills.iter().any(|skill| skill[field].is_null()),
            "{field} may be null"
        );
    }
    for field in ["content_hash", "license", "categories", "compatibility"] {
        let some = skills
            .iter()
            .filter(|skill| skill.get(field).is_some())
            .count();
        assert!((100..1000).contains(&some), "{some} have {field}");
    }
    let tier = |name| {
        skills
            .iter()
            .filter(|skill| skill["trust_tier"] == name)
            .count()
    };
    assert!(tier("community") > 2500);
    for name in ["official", "verified", "curated", "unverified"] {
        assert!(tier(name) > 50, "{name}");
    }
    assert!(
        bytes(&catalogue)
            .windows(9)
            .any(|nine| nine == "日本語".as_bytes())
    );
    let average = bytes(&catalogue).len() / 5000;
    assert!((500..700).contains(&average), "{average} bytes");
}

#[test]
fn upsert_replaces_in_place_and_remove_removes() {
    let mut catalogue: Catalogue = [json!({ "id": "a", "name": "one" }), json!({ "id": "b" })]
        .into_iter()
        .collect();
    assert!(!catalogue.upsert(json!({ "id": "a", "name": "two" })));
    assert!(catalogue.upsert(json!({ "id": "c" })));
    assert_eq!(catalogue.ids(), ["a", "b", "c"]);
    assert_eq!(catalogue.get("a").expect("it is there")["name"], "two");
    assert!(catalogue.edit("a", |skill| skill["name"] = "three".into()));
    assert!(!catalogue.edit("x", |_| unreachable!("there is no x")));
    assert_eq!(
        catalogue.get("a"),
        Some(json!({ "id": "a", "name": "three" }))
    );
    assert!(catalogue.remove("b") && !catalogue.remove("b"));
    assert!(catalogue.contains("c") && !catalogue.contains("b"));
    assert_eq!(catalogue.len(), 2);
    assert!(catalogue.edit("c", |skill| skill["id"] = "d".into()));
    assert_eq!(catalogue.ids(), ["a", "d"]);
    catalogue.clear();
    assert!(catalogue.is_empty() && !catalogue.contains("a"));
}

#[test]
fn broken_rows_are_kept_as_they_are() {
    let mut catalogue = Catalogue::generate(2, 1);
    let first = catalogue.ids()[0].clone();
    catalogue.push(json!({ "id": first, "name": "twice" }));
    catalogue.push(json!({ "name": "no id" }));
    assert!(catalogue.upsert(json!({ "id": 42 })) && catalogue.upsert(json!({ "id": 42 })));
    catalogue.push(Value::Null);
    assert_eq!(catalogue.len(), 7);
    assert_eq!(
        catalogue.iter().last().map(Skill::bytes),
        Some(&b"null"[..])
    );
    assert_eq!(
        catalogue.change(100, 1).len(),
        6,
        "all but null can be changed"
    );
    assert!(catalogue.remove(&first));
    assert_eq!(catalogue.len(), 5, "both rows with the id are gone");
}

#[test]
fn change_alters_as_many_as_asked_and_moves_stamps_forward() {
    let before = Catalogue::generate(200, 1);
    let mut after = before.clone();
    let ids = after.change(30, 5);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 30);
    assert_eq!(before.clone().change(30, 5), ids, "the seed decides which");
    assert_ne!(before.clone().change(30, 6), ids);
    for (old, new) in before.values().iter().zip(after.values()) {
        let changed = ids.iter().any(|id| *id == old["id"]);
        assert_eq!(changed, *old != new);
        assert_eq!(changed, old["description"] != new["description"]);
        assert_eq!(changed, moment(old) < moment(&new));
        assert_eq!(old["repo_url"], new["repo_url"]);
    }
    let at = DateTime::from_timestamp(2_000_000_000, 0).expect("a moment");
    let id = after.change_at(1, 1, at).remove(0);
    assert_eq!(moment(&after.get(&id).expect("it is there")), at);
    after.change_at(200, 1, DateTime::UNIX_EPOCH);
    assert!(
        moment(&after.get(&id).expect("it is there")) > at,
        "never backwards"
    );
    assert_eq!(after.change(9999, 1).len(), 200);
}

#[test]
fn added_skills_are_new() {
    let mut catalogue = Catalogue::generate(10, 1);
    let gone = catalogue.ids()[3].clone();
    catalogue.remove(&gone);
    let ids = [
        catalogue.add(10, 1),
        catalogue.add(10, 1),
        catalogue.add(10, 2),
    ]
    .concat();
    assert_eq!(catalogue.len(), 39);
    assert!(!ids.contains(&gone));
    // Serial numbers that the ids were made from are passed over when those ids are in use.
    let mut other: Catalogue = Catalogue::generate(20, 1)
        .values()
        .split_off(5)
        .into_iter()
        .collect();
    assert_eq!(other.add(10, 1).len(), 10);
    assert_eq!(other.ids().iter().collect::<HashSet<_>>().len(), 25);
}

#[test]
fn a_snapshot_is_read_line_by_line() {
    let file = std::env::temp_dir().join(format!(
        "skillsmith-registry-snapshot-{}.jsonl",
        std::process::id()
    ));
    std::fs::write(&file, bytes(&Catalogue::generate(20, 3)))
        .expect("the temporary directory is writable");
    let loaded = Catalogue::load(&file).expect("every line is a skill");
    assert_eq!(bytes(&loaded), bytes(&Catalogue::generate(20, 3)));
    std::fs::write(&file, "{\"id\":\"a\"}\n\n{\"id\":")
        .expect("the temporary directory is writable");
    let problem = Catalogue::load(&file)
        .expect_err("line 3 is broken")
        .to_string();
    assert!(problem.contains("line 3"), "{problem}");
    std::fs::remove_file(&file).expect("the file is there");
    assert!(Catalogue::load(&file).is_err());
}
