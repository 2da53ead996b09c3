//! What every surface is asked, by the Rust functions.

use std::path::Path;

use rusqlite::Connection;
use skillsmith_sync::search::{ListOptions, SearchOptions, SkillFilter};
use skillsmith_sync::{Database, SkillRepository};

use crate::searches::{self, Options};

fn filter(options: &Options) -> SkillFilter {
    let mut filter = SkillFilter::new().safe_only(options.safe_only);
    if let Some(category) = &options.category {
        filter = filter.category(category);
    }
    if let Some(tier) = &options.trust_tier {
        filter = filter.trust_tier(tier);
    }
    if let Some(score) = options.min_score {
        filter = filter.min_score(score);
    }
    if let Some(source) = &options.source {
        filter = filter.source(source);
    }
    filter
}

#[test]
fn the_table_of_all_surfaces_holds_in_rust() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = searches::read(root);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let skills = SkillRepository::new(&Database::open(&path).unwrap());
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(&searches::skills(root)).unwrap();
    for case in &table.searches {
        let mut options = SearchOptions::new().filter(filter(&case.options));
        if let Some(limit) = case.options.limit {
            options = options.limit(limit);
        }
        if let Some(offset) = case.options.offset {
            options = options.offset(offset);
        }
        match skills.search(&case.text.whole(), &options) {
            Ok(found) => {
                let ids: Vec<_> = found.matches.iter().map(|found| &found.skill.id).collect();
                let expected: Vec<_> = case.ids.iter().collect();
                assert_eq!((ids, found.has_more), (expected, case.has_more), "{case:?}");
                assert!(found.indexed && case.error.is_none(), "{case:?}");
            }
            Err(error) => assert_eq!(Some(error.code().name()), case.error.as_deref(), "{case:?}"),
        }
    }
    for case in &table.lists {
        let mut options = ListOptions::new().filter(filter(&case.options));
        if let Some(limit) = case.options.limit {
            options = options.limit(limit);
        }
        if let Some(id) = &case.options.after {
            options = options.after(id);
        }
        match skills.list(&options) {
            Ok(page) => {
                let ids: Vec<_> = page.skills.iter().map(|skill| &skill.id).collect();
                let expected: Vec<_> = case.ids.iter().collect();
                assert_eq!((ids, &page.next), (expected, &case.next), "{case:?}");
                assert!(case.error.is_none(), "{case:?}");
            }
            Err(error) => assert_eq!(Some(error.code().name()), case.error.as_deref(), "{case:?}"),
        }
    }
    for case in &table.details {
        let found = skills.get(&case.id).unwrap();
        let found = found.map(|found| (found.categories, found.source));
        assert_eq!(
            found,
            case.categories.clone().zip(case.source.clone()),
            "{case:?}"
        );
    }
}
