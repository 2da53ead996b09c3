//! Any split of the same listing into pages, with rows repeated or out of order, gives the same database.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use skillsmith_sync::registry::{Call, Health, Page, PageRequest, Registry};
use skillsmith_sync::{Database, SyncEngine, SyncOptions};
use skillsmith_test_registry::Catalogue;

use crate::support::{assert_sound, rows};

/// Serves these pages in turn, whatever the request, and then empty ones.
struct Script {
    pages: Vec<Vec<Value>>,
    with_meta: bool,
    next: std::sync::atomic::AtomicUsize,
}

impl Registry for Script {
    fn name(&self) -> String {
        "script".into()
    }

    fn is_offline(&self) -> bool {
        false
    }

    fn check_health(&self, _: &Call<'_>) -> skillsmith_sync::Result<Health> {
        Ok(Health::Healthy)
    }

    fn search(&self, request: &PageRequest, _: &Call<'_>) -> skillsmith_sync::Result<Page> {
        let at = self.next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let data = self.pages.get(at).cloned().unwrap_or_default();
        let mut body = serde_json::json!({ "data": data });
        if self.with_meta {
            body["meta"] = serde_json::json!({ "total": data.len(), "limit": request.limit });
        }
        Page::parse(body.to_string().as_bytes())
    }
}

fn sync(pages: Vec<Vec<Value>>, page_size: u32, with_meta: bool) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let database = Database::open(&path).unwrap();
    let script = Script {
        pages,
        with_meta,
        next: 0.into(),
    };
    let result = SyncEngine::new(Arc::new(script), &database)
        .sync(SyncOptions::new().page_size(page_size))
        .unwrap();
    assert!(result.success, "{result:?}");
    let stored = rows(&path);
    assert_eq!(result.skills_added as usize, stored.len());
    assert_sound(&path);
    stored
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_same_listing_gives_the_same_database(
        // Each number is a row to serve: out of order, and most of them more than once.
        mut order in prop::collection::vec(0_usize..40, 0..120),
        cuts in prop::collection::vec(1_usize..12, 120),
        page_size in 1_u32..150,
        with_meta: bool,
    ) {
        let skills = Catalogue::generate(40, 5).values();
        order.extend(0..skills.len());
        let whole = sync(vec![skills.clone()], 100, true);

        let mut rest = order.as_slice();
        let mut pages = Vec::new();
        for cut in cuts {
            let (page, after) = rest.split_at(cut.min(rest.len()));
            rest = after;
            if !page.is_empty() {
                pages.push(page.iter().map(|at| skills[*at].clone()).collect());
            }
        }
        pages.push(rest.iter().map(|at| skills[*at].clone()).collect::<Vec<_>>());
        // Two identical pages in a row would mean that the registry ignores the offset.
        pages.dedup_by(|one, other| one == other);
        pages.retain(|page| !page.is_empty());
        // When rows move, the engine reads the listing again, up to three times in all.
        let script: Vec<_> = (0..3).flat_map(|_| pages.clone().into_iter().chain([vec![], vec![]])).collect();
        prop_assert_eq!(sync(script, page_size, with_meta), whole);
    }
}
