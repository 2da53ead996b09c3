//! Random skills and searches against plain SQL over the same index.

use proptest::prelude::*;
use rusqlite::{Connection, params};
use skillsmith_sync::search::{SearchOptions, SkillFilter};
use skillsmith_sync::{Database, SkillRepository};

const WORDS: [&str; 12] = [
    "git",
    "helper",
    "test",
    "testing",
    "docs",
    "über",
    "naïve",
    "шаблон",
    "工具",
    "c++",
    "end-to-end",
    "émoji\u{1F680}",
];

fn texts() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&WORDS[..]), 1..5).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_search_finds_what_plain_sql_finds(
        rows in prop::collection::vec((texts(), texts(), prop::option::of(0..4_u8), any::<bool>()), 1..60),
        searched in prop::collection::vec(prop::sample::select(&WORDS[..]), 1..3),
        limit in 1..12_u32,
        offset in 0..20_u32,
        safe in any::<bool>(),
        least in prop::option::of(0..4_u8),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        let skills = SkillRepository::new(&Database::open(&path).unwrap());
        let conn = Connection::open(&path).unwrap();
        for (at, (name, description, quality, passed)) in rows.iter().enumerate() {
            conn.execute(
                "INSERT INTO skills (id, name, description, quality_score, security_passed) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![format!("s{:02}", at * 7 % 61), name, description, quality.map(|n| f64::from(n) / 4.0), passed],
            ).unwrap();
        }
        // Each word on its own, and all of them by INTERSECT.
        let one = "SELECT rowid FROM skills_fts WHERE skills_fts MATCH ";
        let quoted = |word: &str| format!("'\"{word}\"'");
        let last = searched.len() - 1;
        let each: Vec<_> = searched.iter().enumerate().map(|(at, word)| {
            let ends_in_word = word.ends_with(char::is_alphanumeric);
            let letters = word.rsplit('-').next().unwrap().chars().count();
            if at == last && ends_in_word && letters >= 3 {
                format!("{one}{}", quoted(word).replace("\"'", "\"*'"))
            } else {
                format!("{one}{}", quoted(word))
            }
        }).collect();
        let expression: Vec<_> = searched.iter().enumerate().map(|(at, word)| {
            let ends_in_word = word.ends_with(char::is_alphanumeric);
            let letters = word.rsplit('-').next().unwrap().chars().count();
            let star = if at == last && ends_in_word && letters >= 3 { "*" } else { "" };
            format!("\"{word}\"{star}")
        }).collect();
        let sql = format!(
            "SELECT k.id FROM skills AS k
             JOIN (SELECT rowid, bm25(skills_fts, 10.0, 2.0, 4.0, 1.0) AS score FROM skills_fts WHERE skills_fts MATCH ?1) AS f ON f.rowid = k.rowid
             WHERE k.rowid IN ({}) AND (NOT ?2 OR k.security_passed = 1) AND (?3 IS NULL OR k.quality_score >= ?3)
             ORDER BY f.score, k.quality_score DESC, k.id LIMIT ?4 OFFSET ?5",
            each.join(" INTERSECT "),
        );
        let least = least.map(|n| f64::from(n) / 4.0);
        let expected: Vec<String> = conn.prepare(&sql).unwrap()
            .query_map(params![expression.join(" "), safe, least, limit, offset], |row| row.get(0)).unwrap()
            .collect::<Result<_, _>>().unwrap();
        let mut filter = SkillFilter::new().safe_only(safe);
        if let Some(least) = least {
            filter = filter.min_score(least);
        }
        let options = SearchOptions::new().limit(limit).offset(offset).filter(filter);
        let found = skills.search(&searched.join(" "), &options).unwrap();
        prop_assert!(found.indexed);
        let found: Vec<_> = found.matches.into_iter().map(|found| found.skill.id).collect();
        prop_assert_eq!(found, expected);
    }
}
