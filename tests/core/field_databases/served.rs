//! What the registry serves in these tests, and what has to stand in a table for it.

use serde_json::{Value as Json, json};
use skillsmith_test_registry::{Catalogue, Options, Server};

/// Rows that the fixtures have too. All stand there with an older stamp but
/// `field/equal` (same instant, spelled otherwise) and `field/unstamped`.
pub(crate) fn known() -> Vec<Json> {
    vec![
        json!({"id": "field/equal", "name": "equal", "description": "Stands here as the registry has it", "author": "ada",
            "repo_url": "https://github.com/ada/equal", "quality_score": 0.5, "trust_tier": "community",
            "tags": ["git", "same"], "created_at": "2025-11-01T10:00:00Z", "updated_at": "2026-01-10T09:00:00+01:00"}),
        json!({"id": "field/older", "name": "older, renamed", "description": "A newer text", "author": "ada & co",
            "repo_url": "https://github.com/ada/older", "quality_score": 0.333_333_333_333_333_3, "trust_tier": "verified",
            "tags": ["new", "née \"x\""], "stars": 12, "installable": true, "content_hash": "beef", "compatibility": ["claude", "cursor"],
            "created_at": "2025-11-02T10:00:00Z", "updated_at": "2026-03-01T12:30:00.123456+00:00"}),
        json!({"id": "field/nulls", "name": "nulls", "description": null, "author": null, "repo_url": null,
            "quality_score": null, "trust_tier": null, "tags": null, "stars": null, "installable": null,
            "content_hash": null, "compatibility": null, "categories": null, "license": null, "security_score": null,
            "last_scanned_at": null, "quarantined": null, "created_at": null, "updated_at": "2026-03-02T00:00:00Z"}),
        json!({"id": "field/sparse", "name": "sparse", "updated_at": "2026-03-03T00:00:00Z"}),
        json!({"id": "field/unstamped", "name": "unstamped", "description": "It never had a stamp", "author": "eve",
            "trust_tier": "community", "tags": []}),
    ]
}

/// Rows that no fixture has, but for `field/local` in one.
fn others() -> Vec<Json> {
    let mut rows = vec![
        json!({"id": "field/local", "name": "the registry's", "description": "Not the user's", "tags": ["theirs"],
            "trust_tier": "verified", "updated_at": "2026-04-01T00:00:00Z"}),
        json!({"id": "field/wants-url", "name": "wants-url", "repo_url": "https://github.com/me/mine",
            "updated_at": "2026-04-01T00:00:00Z"}),
        json!({"id": "field/ünï-😀", "name": "'; DROP TABLE skills; --", "description": "Ελληνικά \u{1} und 漢字\n", "author": "",
            "tags": ["😀"], "quality_score": 1, "updated_at": "2026-04-01T00:00:00.000000001Z"}),
        json!({"id": "field/new-sparse", "name": "new-sparse"}),
    ];
    for tier in [
        "official",
        "verified",
        "curated",
        "community",
        "unverified",
        "experimental",
        "unknown",
        "local",
        "platinum",
    ] {
        rows.push(
            json!({"id": format!("field/tier-{tier}"), "last_scanned_at": "2026-04-01T12:00:00Z", "security_score": 12.4,
                "security_findings": [{"rule": "a"}, {"rule": "b"}], "quarantined": tier == "unverified",
                "categories": ["Field Work", "testing"], "name": tier, "description": null, "author": null,
                "quality_score": 0.5, "tags": [], "trust_tier": tier, "updated_at": "2026-04-02T00:00:00Z"}),
        );
    }
    rows
}

pub(crate) fn start() -> Server {
    let mut catalogue = Catalogue::generate(250, 1);
    catalogue.extend(known());
    catalogue.extend(others());
    Server::start(catalogue, Options::default())
}
