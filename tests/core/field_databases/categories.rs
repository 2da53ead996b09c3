//! The categories of skills, which the TypeScript stack searches and never fills.

use serde_json::{Value as Json, json};
use skillsmith_sync::{Database, SyncResult};
use skillsmith_test_registry::{Catalogue, Options, Server};

use super::fixture::Field;
use super::support::{assert_sound, dump, dump_table, look, number, sync_well};

struct Scene {
    field: Field,
    database: Database,
    server: Server,
}

impl Scene {
    fn with(fixture: &str, more: &str) -> Self {
        let field = Field::with(fixture, more);
        Self {
            database: Database::open(&field.path).unwrap(),
            field,
            server: Server::start(Catalogue::new(), Options::default()),
        }
    }

    fn serve(&self, id: &str, day: u32, categories: Option<Json>) -> SyncResult {
        let mut row =
            json!({"id": id, "name": "one", "updated_at": format!("2026-05-{day:02}T00:00:00Z")});
        if let Some(categories) = categories {
            row["categories"] = categories;
        }
        self.server.catalogue(|catalogue| catalogue.upsert(row));
        sync_well(&self.database, &self.server)
    }

    /// The ids and names of a skill's categories.
    fn of(&self, id: &str) -> Vec<(String, String)> {
        look(&self.field.path)
            .prepare(
                "SELECT c.id, c.name FROM skill_categories AS l JOIN categories AS c ON c.id = l.category_id
                 WHERE l.skill_id = ?1 ORDER BY c.id",
            )
            .unwrap()
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(id, name)| ((*id).to_owned(), (*name).to_owned()))
        .collect()
}

#[test]
fn a_skill_is_in_the_categories_that_its_row_names() {
    let scene = Scene::with("v17_created", "");
    scene.serve("a", 1, Some(json!(["Code Review", "testing"])));
    // One that has the name is taken, whatever its id.
    assert_eq!(
        scene.of("a"),
        pairs(&[("c1", "testing"), ("code-review", "Code Review")])
    );
    // Absent leaves, another list replaces, null clears.
    scene.serve("a", 2, None);
    assert_eq!(scene.of("a").len(), 2);
    scene.serve("a", 3, Some(json!(["code review", "DevOps"])));
    assert_eq!(
        scene.of("a"),
        pairs(&[("code-review", "Code Review"), ("devops", "DevOps")])
    );
    scene.serve("a", 4, Some(json!({"no": "array"})));
    assert_eq!(scene.of("a").len(), 2);
    scene.serve("a", 5, Some(Json::Null));
    assert_eq!(scene.of("a"), []);
    // What others have linked stays with rows that do not tell.
    scene.serve("field/older", 5, None);
    assert_eq!(scene.of("field/older"), pairs(&[("c1", "testing")]));
    assert_sound(&look(&scene.field.path));
}

#[test]
fn categories_that_are_there_are_used_and_never_altered() {
    let scene = Scene::with(
        "v17_created",
        "INSERT INTO categories (id, name, description, skill_count) VALUES ('devops', 'Operations', 'mine', 7)",
    );
    let before = dump_table(&look(&scene.field.path), "categories");
    scene.serve("a", 1, Some(json!(["DevOps", "testing"])));
    assert_eq!(
        scene.of("a"),
        pairs(&[("c1", "testing"), ("devops", "Operations")])
    );
    assert_eq!(dump_table(&look(&scene.field.path), "categories"), before);
}

/// A row without a stamp is compared by content in every run.
#[test]
fn a_sync_without_news_writes_no_category() {
    let scene = Scene::with("v17_created", "");
    let odd = json!(["B", "b", " B ", "a  b", "A B", 5, "testing"]);
    let row = json!({"id": "unstamped", "name": "one", "categories": odd});
    scene.server.catalogue(|catalogue| catalogue.upsert(row));
    scene.serve("a", 1, Some(odd));
    assert_eq!(scene.of("a"), scene.of("unstamped"));
    let before = dump(&look(&scene.field.path));
    for force in [false, true] {
        let again = skillsmith_sync::SyncEngine::new(
            super::support::client(&scene.server),
            &scene.database,
        )
        .sync(skillsmith_sync::SyncOptions::new().force(force))
        .unwrap();
        assert_eq!(again.skills_unchanged, 2, "{again:?}");
        let after = dump(&look(&scene.field.path));
        for table in ["skills", "categories", "skill_categories"] {
            assert_eq!(after[table], before[table], "{table}");
        }
    }
    // A link that went is put back where rows are compared by content.
    look(&scene.field.path)
        .execute_batch("DELETE FROM skill_categories")
        .unwrap();
    assert_eq!(scene.serve("b", 1, None).skills_updated, 1);
    assert_eq!(scene.of("unstamped").len(), 3);
}

#[test]
fn hostile_categories_bring_no_more_than_a_few_rows() {
    let scene = Scene::with("v17_created", "");
    let mut names: Vec<Json> = (0..10_000).map(|n| json!(format!("Name {n}"))).collect();
    names.extend([
        json!(""),
        json!("   "),
        json!("x".repeat(100_000)),
        json!(null),
        json!([["deep"]]),
        json!("a\u{0}b"),
    ]);
    names.extend(["NAME 1", "name 1", "Name\u{a0}1"].map(|name| json!(name)));
    names.rotate_right(12);
    let result = scene.serve("a", 1, Some(json!(names)));
    assert!(
        result
            .warnings
            .iter()
            .any(|text| text.contains("of its categories are left out")),
        "{result:?}"
    );
    let conn = look(&scene.field.path);
    assert_eq!(
        number(
            &conn,
            "SELECT count(*) FROM skill_categories WHERE skill_id = 'a'"
        ),
        50
    );
    assert_eq!(number(&conn, "SELECT count(*) FROM categories"), 51);
    assert_eq!(
        number(
            &conn,
            "SELECT count(*) FROM categories WHERE length(name) > 200 OR trim(name) = ''"
        ),
        0
    );
    assert_sound(&conn);
    assert_eq!(
        sync_well(&scene.database, &scene.server).skills_unchanged,
        1
    );
}

#[test]
fn the_users_own_skills_stay_in_their_categories() {
    let scene = Scene::with(
        "local_rows",
        "INSERT INTO skill_categories VALUES ('field/local', 'c1')",
    );
    for categories in [json!(["Other"]), json!(null)] {
        scene.serve("field/local", 1, Some(categories));
        assert_eq!(scene.of("field/local"), pairs(&[("c1", "testing")]));
    }
}

/// A row that cannot be stored has all others of its batch written one by one, with what belongs to them.
#[test]
fn a_refused_row_costs_no_other_its_categories() {
    let scene = Scene::with(
        "v18_created",
        "CREATE TRIGGER t BEFORE INSERT ON skills WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END",
    );
    let row = |id: &str| json!({"id": id, "name": id, "categories": ["A", id], "content_hash": "ab", "quarantined": true});
    scene.server.catalogue(|catalogue| {
        for id in ["one", "bad", "two"] {
            catalogue.upsert(row(id));
        }
    });
    let result = super::support::sync(&scene.database, &scene.server);
    assert_eq!((result.skills_added, result.skills_rejected), (2, 1));
    for id in ["one", "two"] {
        assert_eq!(scene.of(id), pairs(&[("a", "A"), (id, id)]));
    }
    let conn = look(&scene.field.path);
    assert_eq!(
        number(
            &conn,
            "SELECT count(*) FROM skill_versions WHERE content_hash = 'ab'"
        ),
        2
    );
    assert_eq!(
        number(
            &conn,
            "SELECT count(*) FROM skill_categories WHERE skill_id = 'bad'"
        ),
        0
    );
}

/// Imported files have tables of these names that are something else, or none at all.
#[test]
fn tables_of_another_shape_are_left_alone() {
    for more in [
        "DROP TABLE skill_categories",
        "DROP TABLE skill_categories; DROP TABLE categories; CREATE TABLE categories (title TEXT); CREATE VIEW skill_categories AS SELECT id AS skill_id, id AS category_id FROM skills",
        "ALTER TABLE categories RENAME COLUMN name TO title",
    ] {
        let scene = Scene::with("v17_created", more);
        assert_eq!(
            scene.serve("a", 1, Some(json!(["A"]))).skills_added,
            1,
            "{more}"
        );
        assert_eq!(
            number(&look(&scene.field.path), "SELECT count(*) FROM categories"),
            i64::from(!more.contains("title TEXT"))
        );
    }
}
