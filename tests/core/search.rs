//! Finding skills: by words, in lists, by id, in databases of every kind.

mod oracle;
mod surroundings;
mod table;

use rusqlite::{Connection, params};
use skillsmith_sync::search::{ListOptions, SearchOptions, SkillFilter};
use skillsmith_sync::{Database, Error, SkillRepository};

/// Id, name, description, quality, tier, passed, and category.
type Row<'r> = (
    &'r str,
    &'r str,
    &'r str,
    Option<f64>,
    &'r str,
    Option<bool>,
    Option<&'r str>,
);

/// A database with these skills.
fn filled(skills: &[Row<'_>]) -> (tempfile::TempDir, SkillRepository) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let database = Database::open(&path).unwrap();
    let conn = Connection::open(&path).unwrap();
    for (id, name, description, quality, tier, passed, category) in skills {
        conn.execute(
            "INSERT INTO skills (id, name, description, quality_score, trust_tier, security_passed, tags)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, '[\"tagged\"]')",
            params![id, name, description, quality, tier, passed],
        )
        .unwrap();
        if let Some(category) = category {
            conn.execute(
                "INSERT OR IGNORE INTO categories (id, name) VALUES (lower(?1), ?1)",
                [category],
            )
            .unwrap();
            conn.execute(
                "INSERT INTO skill_categories (skill_id, category_id) VALUES (?1, lower(?2))",
                [id, category],
            )
            .unwrap();
        }
    }
    (folder, SkillRepository::new(&database))
}

fn ids(skills: &SkillRepository, text: &str, options: &SearchOptions) -> Vec<String> {
    let found = skills.search(text, options).unwrap();
    assert!(found.indexed, "{text}");
    found
        .matches
        .into_iter()
        .map(|found| found.skill.id)
        .collect()
}

fn four() -> (tempfile::TempDir, SkillRepository) {
    filled(&[
        (
            "a/described",
            "Helper",
            "works with git repositories",
            Some(0.9),
            "verified",
            Some(true),
            Some("Version Control"),
        ),
        (
            "b/named",
            "Git helper",
            "commits and branches",
            Some(0.4),
            "community",
            Some(false),
            Some("Version Control"),
        ),
        (
            "c/better",
            "Git helper",
            "commits and branches",
            Some(0.6),
            "community",
            None,
            None,
        ),
        (
            "d/other",
            "Testing",
            "runs tests \"quickly\" (NEAR 50%)",
            None,
            "unknown",
            Some(true),
            Some("Testing"),
        ),
    ])
}

#[test]
fn every_word_has_to_match_and_the_name_weighs_most() {
    let (_folder, skills) = four();
    let options = SearchOptions::new();
    for (text, expected) in [
        ("git", &["c/better", "b/named", "a/described"][..]),
        ("GIT Helper", &["c/better", "b/named", "a/described"]),
        ("helper git commits", &["c/better", "b/named"]),
        // The beginning of the last word, from three letters on.
        ("reposi", &["a/described"]),
        ("git rep", &["a/described"]),
        ("gi", &[]),
        ("reposi git", &[]),
        // In all its forms.
        ("tested", &["d/other"]),
        ("tagged testing", &["d/other"]),
        // No operators.
        ("\"quickly\"", &["d/other"]),
        ("\"quickly", &["d/other"]),
        ("NEAR", &["d/other"]),
        ("quickly* -tests", &["d/other"]),
        ("git OR testing", &[]),
        ("name:git", &[]),
        ("git AND helper", &["c/better", "b/named"]),
        ("git NOT helper", &[]),
        ("50%", &["d/other"]),
        ("%", &[]),
        ("()", &[]),
        ("nothing", &[]),
        // Best quality first.
        ("", &["a/described", "c/better", "b/named", "d/other"]),
        ("  \n\t", &["a/described", "c/better", "b/named", "d/other"]),
    ] {
        assert_eq!(ids(&skills, text, &options), expected, "{text}");
    }
}

#[test]
fn filters_are_the_same_for_searches_and_lists() {
    let (_folder, skills) = four();
    for (filter, expected) in [
        (
            SkillFilter::new(),
            &["a/described", "b/named", "c/better", "d/other"][..],
        ),
        (
            SkillFilter::new().category("version control"),
            &["a/described", "b/named"],
        ),
        (SkillFilter::new().category("none such"), &[]),
        (
            SkillFilter::new().trust_tier("community"),
            &["b/named", "c/better"],
        ),
        (SkillFilter::new().trust_tier("unknown"), &["d/other"]),
        (
            SkillFilter::new().min_score(0.6),
            &["a/described", "c/better"],
        ),
        (
            SkillFilter::new().safe_only(true),
            &["a/described", "d/other"],
        ),
        (
            SkillFilter::new().source("registry"),
            &["a/described", "b/named", "c/better", "d/other"],
        ),
        (SkillFilter::new().source("local"), &[]),
        (
            SkillFilter::new()
                .safe_only(true)
                .min_score(0.1)
                .category("Version Control"),
            &["a/described"],
        ),
    ] {
        let listed = skills
            .list(&ListOptions::new().filter(filter.clone()))
            .unwrap();
        let listed: Vec<_> = listed
            .skills
            .iter()
            .map(|skill| skill.id.as_str())
            .collect();
        assert_eq!(listed, expected, "{filter:?}");
        let mut searched = ids(
            &skills,
            "tagged",
            &SearchOptions::new().filter(filter.clone()),
        );
        searched.sort();
        assert_eq!(searched, expected, "{filter:?}");
    }
}

#[test]
fn pages_join_without_gaps() {
    let names: Vec<String> = (0..57).map(|number| format!("skill-{number:03}")).collect();
    let rows: Vec<_> = names
        .iter()
        .map(|name| {
            (
                name.as_str(),
                "Same name",
                "same words",
                None,
                "unknown",
                None,
                None,
            )
        })
        .collect();
    let (_folder, skills) = filled(&rows);
    for limit in [1, 7, 19, 56, 57, 58] {
        let mut found = Vec::new();
        loop {
            let offset = u32::try_from(found.len()).unwrap();
            let options = SearchOptions::new().limit(limit).offset(offset);
            let page = skills.search("same words", &options).unwrap();
            found.extend(page.matches.into_iter().map(|found| found.skill.id));
            if !page.has_more {
                break;
            }
        }
        assert_eq!(found, names, "{limit}");
        let listed = skills
            .iter(ListOptions::new().limit(limit))
            .map(|skill| skill.unwrap().id);
        assert_eq!(listed.collect::<Vec<_>>(), names, "{limit}");
    }
    let behind = ListOptions::new().after("skill-0550").limit(9);
    let page = skills.list(&behind).unwrap();
    assert_eq!((page.skills.len(), page.next), (1, None));
}

#[test]
fn a_match_has_a_rank_and_a_snippet_and_details_have_categories() {
    let (_folder, skills) = four();
    let found = skills
        .search("repositories", &SearchOptions::new())
        .unwrap();
    let [found] = &found.matches[..] else {
        panic!("one matches")
    };
    assert!(found.rank > 0.0);
    assert_eq!(
        found.snippet.as_deref(),
        Some("works with git repositories")
    );
    let details = skills.get("a/described").unwrap().unwrap();
    assert_eq!(details.categories, ["Version Control"]);
    assert_eq!(
        (details.source.as_str(), details.skill.name.as_str()),
        ("registry", "Helper")
    );
    assert_eq!(skills.get("no/such").unwrap(), None);
}

#[test]
fn each_match_of_the_largest_page_has_its_own_snippet() {
    let names: Vec<String> = (0..1_001)
        .map(|number| format!("skill{number:04}"))
        .collect();
    let rows: Vec<_> = names
        .iter()
        .map(|name| {
            (
                name.as_str(),
                name.as_str(),
                "same words",
                None,
                "unknown",
                None,
                None,
            )
        })
        .collect();
    let (_folder, skills) = filled(&rows);
    let options = SearchOptions::new().limit(1_000);
    let found = skills.search("same skill", &options).unwrap();
    assert!(found.has_more && found.matches.len() == 1_000);
    for found in found.matches {
        let snippet = found.snippet.unwrap();
        assert!(
            snippet == found.skill.name || snippet == "same words",
            "{snippet} of {}",
            found.skill.name
        );
    }
}

#[test]
fn what_is_out_of_range_is_refused() {
    let (_folder, skills) = four();
    let many_letters = "git ".repeat(2_500_000);
    let too_long = skills
        .search(&many_letters, &SearchOptions::new())
        .unwrap_err();
    assert!(
        matches!(&too_long, Error::InvalidArgument(text) if text.contains("1000 characters")),
        "{too_long}"
    );
    for limit in [0, 1_001, u32::MAX] {
        let refused = skills
            .search("git", &SearchOptions::new().limit(limit))
            .unwrap_err();
        assert!(
            matches!(&refused, Error::InvalidArgument(text) if text.contains("1 to 1000")),
            "{refused}"
        );
        assert!(skills.list(&ListOptions::new().limit(limit)).is_err());
    }
    for score in [-0.1, 1.1, f64::NAN] {
        let filter = SkillFilter::new().min_score(score);
        assert!(
            skills
                .search("git", &SearchOptions::new().filter(filter))
                .is_err()
        );
    }
}
