//! The statements that find skills.

use std::collections::HashMap;

use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, ToSql, params};

use super::columns::Layout;
use super::filter::SkillFilter;
use super::options::{ListOptions, SearchOptions};
use super::query::{self, Query};
use super::{Freshness, SearchResults, SkillDetails, SkillMatch, SkillPage, Skills};
use crate::database::oversize::{Reading, is_of_length};
use crate::database::{has_ordinary_table, is_too_long};
use crate::skills::fts;
use crate::skills::repository::from_row;
use crate::statements::{Columns, Statements};
use crate::stored::{optional_text, text, whole};
use crate::{Error, Result, SkillRecord, SkillRepository};

/// Words of a snippet.
const SNIPPET: &str = "snippet(skills_fts, -1, '', '', '…', 16)";

/// How many of the best matches are looked at beyond the page, at least: others may have the rank of the last of the page.
const SPARE: i64 = 16;

/// How many snippets one statement reads. A host's SQLite may take no more than 999 values.
const MOST_PLACES: usize = 500;

/// How many times as many as a page of the best matches are looked at, and how many times more where a filter or equal ranks
/// leave the page open. To look at a few more costs less than to rank them all again.
const STEP: i64 = 8;

impl SkillRepository {
    /// The skills in which every word of the text is found, the best match first, then the best quality, then by id.
    ///
    /// Nothing in the text is an operator: quotes, `-`, `*` and `NEAR` are looked for, or are between words. A word matches in
    /// all its forms, as the full-text index has them; the last one, if it has three letters, matches every word that begins
    /// with it. An empty text leaves nothing out, and the best quality comes first.
    ///
    /// Blocks on the disk only, and waits for no sync. What it takes grows with the number of skills that match.
    ///
    /// ```
    /// use skillsmith_sync::search::SearchOptions;
    /// use skillsmith_sync::{Database, SkillRepository};
    ///
    /// let skills = SkillRepository::new(&Database::open_in_memory()?);
    /// let found = skills.search("git hel", &SearchOptions::new().limit(5))?;
    /// for found in &found.matches {
    ///     println!("{}: {}", found.skill.id, found.snippet.as_deref().unwrap_or(""));
    /// }
    /// assert!(found.freshness.is_empty);
    /// # Ok::<(), skillsmith_sync::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a text of more than 1,000 characters, and for options out of range.
    pub fn search(&self, text: &str, options: &SearchOptions) -> Result<SearchResults> {
        options.selection.check()?;
        let query = Query::of(text)?;
        let found = self.database().short_read(|conn| {
            let freshness = Freshness::read(conn)?;
            let (mut matches, indexed) = Layout::read(conn)?.read_rows(|layout| {
                let search = Search {
                    conn,
                    layout,
                    options,
                };
                search.find(&query)
            })?;
            let has_more = options.selection.cut(&mut matches);
            Ok(SearchResults {
                matches,
                has_more,
                indexed,
                freshness,
            })
        });
        found.map_err(|error| match error {
            error if is_too_long(&error) => Error::InvalidArgument(
                "The search took too long and was stopped: each of its words is in too many skills. Give fewer words, or others."
                    .into(),
            ),
            error => error,
        })
    }

    /// A page of all skills, in the order of their ids.
    ///
    /// ```
    /// use skillsmith_sync::search::ListOptions;
    /// use skillsmith_sync::{Database, SkillRepository};
    ///
    /// let skills = SkillRepository::new(&Database::open_in_memory()?);
    /// let page = skills.list(&ListOptions::new().limit(50))?;
    /// assert!(page.skills.is_empty() && page.next.is_none());
    /// # Ok::<(), skillsmith_sync::Error>(())
    /// ```
    ///
    /// A skill whose id is not a text of valid UTF-8, which no sync stores, is left out.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for options out of range.
    pub fn list(&self, options: &ListOptions) -> Result<SkillPage> {
        options.selection.check()?;
        self.database().short_read(|conn| {
            let mut skills = Layout::read(conn)?.read_rows(|layout| page(conn, layout, options))?;
            let has_more = options.selection.cut(&mut skills);
            let next = skills
                .last()
                .filter(|_| has_more)
                .map(|last| last.id.clone());
            Ok(SkillPage {
                skills,
                next,
                freshness: Freshness::read(conn)?,
            })
        })
    }

    /// All skills of a list, read page by page.
    ///
    /// ```
    /// use skillsmith_sync::search::ListOptions;
    /// use skillsmith_sync::{Database, SkillRepository};
    ///
    /// let skills = SkillRepository::new(&Database::open_in_memory()?);
    /// for skill in skills.iter(ListOptions::new()) {
    ///     println!("{}", skill?.id);
    /// }
    /// # Ok::<(), skillsmith_sync::Error>(())
    /// ```
    pub fn iter(&self, options: ListOptions) -> Skills {
        Skills::new(self.clone(), options)
    }

    /// The skill with this id and its categories, or `None`.
    pub fn get(&self, id: &str) -> Result<Option<SkillDetails>> {
        self.database().short_read(|conn| {
            let layout = Layout::read(conn)?;
            let has_categories = layout.has_categories;
            let found = layout.read_rows(|layout| {
                let (columns, source) = (layout.all(), layout.or("source", "NULL"));
                let sql = format!(
                    "SELECT {columns}, {source} AS skillsmith_source FROM skills AS k WHERE k.id = ?1"
                );
                conn.first(&sql, params![id], |row| {
                    Ok((from_row(row)?, optional_text(row, "skillsmith_source")?))
                })
            })?;
            let Some((skill, source)) = found else {
                return Ok(None);
            };
            let categories = if has_categories {
                let names = "SELECT place.name AS name FROM skill_categories AS placed
                             JOIN categories AS place ON place.id = placed.category_id
                             WHERE placed.skill_id = ?1 ORDER BY place.name";
                conn.all(names, params![id], |row| text(row, "name"))?
            } else {
                Vec::new()
            };
            Ok(Some(SkillDetails {
                skill,
                categories,
                source: source.unwrap_or_else(|| "registry".into()),
            }))
        })
    }

    /// How complete and how old the skills are.
    pub fn freshness(&self) -> Result<Freshness> {
        self.database().short_read(Freshness::read)
    }
}

/// The skills of a page, and one more if there is one.
fn page(conn: &dyn Statements, layout: &Layout, options: &ListOptions) -> Result<Vec<SkillRecord>> {
    let (is_behind, after) = match &options.after {
        Some(id) => (">", id.as_str()),
        None => (">=", ""),
    };
    let condition = SkillFilter::condition(layout);
    let (columns, id) = (layout.all(), layout.column("id"));
    // Other values stand behind all texts, and no call could ask for what is behind them.
    let sql = format!(
        "SELECT {columns} FROM skills AS k
         WHERE {id} {is_behind} ?6 AND typeof({id}) = 'text' AND {condition} ORDER BY {id} LIMIT ?7 OFFSET ?8"
    );
    let most = options.selection.most();
    let [category, tier, score, safe, source] = options.selection.filter.values();
    let mut skills = Vec::new();
    let mut passed = 0_i64;
    loop {
        let found = i64::try_from(skills.len()).unwrap_or(i64::MAX);
        let missing = most.saturating_sub(found);
        let values: [&dyn ToSql; 8] = [
            category, tier, score, safe, source, &after, &missing, &passed,
        ];
        let rows: Vec<SkillRecord> = conn.all(&sql, &values[..], from_row)?;
        let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        for skill in rows {
            if is_of_text(conn, &skill.id)? {
                skills.push(skill);
            }
        }
        let is_full = i64::try_from(skills.len()).is_ok_and(|found| found >= most);
        if read < missing || is_full {
            return Ok(skills);
        }
        passed = passed.saturating_add(read);
    }
}

/// Whether an id is what is stored. One that is not valid UTF-8 is read with U+FFFD in it, is another one then, and would be a
/// wrong place to go on from.
fn is_of_text(conn: &dyn Statements, id: &str) -> Result<bool> {
    if !id.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(true);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM skills WHERE id = ?1) AS found";
    conn.exists(sql, params![id])
}

/// One search.
struct Search<'s> {
    conn: &'s dyn Statements,
    layout: &'s Layout,
    options: &'s SearchOptions,
}

impl Search<'_> {
    /// The matches, and whether the index was used, or would be.
    fn find(&self, query: &Query) -> Result<(Vec<SkillMatch>, bool)> {
        let has_index = self.layout.has_index();
        Ok(match query {
            Query::Nothing => (Vec::new(), has_index),
            Query::Everything => (self.without_index(&[])?, has_index),
            Query::Words(words) if has_index => match self.by_index(words) {
                Err(error) if is_of_index(&error) => (self.without_index(words)?, false),
                Ok(found) if found.is_empty() && self.is_unfilled()? => {
                    (self.without_index(words)?, false)
                }
                found => (found?, true),
            },
            Query::Words(words) => (self.without_index(words)?, false),
        })
    }

    /// Whether there are skills, and none of them is in the index: whoever made it did not fill it.
    fn is_unfilled(&self) -> Result<bool> {
        if !has_ordinary_table(self.conn, "skills_fts_docsize")? {
            return Ok(false);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM skills) AND NOT EXISTS (SELECT 1 FROM skills_fts_docsize) AS found";
        self.conn.exists(sql, params![])
    }

    /// By the index. The limit is inside the full-text query, and rows are read for those of the best ranks only: more of
    /// them where a filter leaves some out, or the last ones have the same rank as those behind.
    fn by_index(&self, words: &[String]) -> Result<Vec<SkillMatch>> {
        let expression = query::expression(words);
        let ranking = self.layout.ranking();
        let condition = SkillFilter::condition(self.layout);
        let (columns, score) = (self.layout.all(), self.layout.score());
        let id = self.layout.column("id");
        let sql = format!(
            "WITH best AS MATERIALIZED (
               SELECT rowid AS place, rank AS score FROM skills_fts
               WHERE skills_fts MATCH ?6 AND rank MATCH ?7 ORDER BY rank LIMIT ?8)
             SELECT {columns}, best.place AS skillsmith_place, best.score AS skillsmith_rank,
                    (SELECT count(*) FROM best) AS skillsmith_seen, (SELECT max(score) FROM best) AS skillsmith_last
             FROM best CROSS JOIN skills AS k ON k.rowid = best.place
             WHERE best.score <= coalesce((SELECT score FROM best ORDER BY score LIMIT 1 OFFSET ?11), 9e999)
               AND {condition}
             ORDER BY best.score, {score} DESC, {id} LIMIT ?9 OFFSET ?10"
        );
        let filter = &self.options.selection.filter;
        let [category, tier, least, safe, source] = filter.values();
        let (most, offset) = (
            self.options.selection.most(),
            i64::from(self.options.offset),
        );
        let page = most.saturating_add(offset);
        let mut seen = page.saturating_add(SPARE).saturating_mul(STEP);
        // No row is read behind the last of the page and those of the same rank, unless a filter may leave some out before.
        let cut = if *filter == SkillFilter::new() {
            page.saturating_sub(1)
        } else {
            i64::MAX
        };
        loop {
            let values: [&dyn ToSql; 11] = [
                category,
                tier,
                least,
                safe,
                source,
                &expression,
                &ranking,
                &seen,
                &most,
                &offset,
                &cut,
            ];
            let found = self.conn.all(&sql, &values[..], Ranked::of)?;
            if is_settled(&found, seen, most) {
                return self.with_snippets(found, &expression);
            }
            seen = if found.is_empty() {
                i64::MAX
            } else {
                seen.saturating_mul(STEP)
            };
        }
    }

    /// With their snippets, which one more pass over the matches finds: `+rowid` is no condition of the index, which would look
    /// up every word that begins with the last one for each row again.
    fn with_snippets(&self, found: Vec<Ranked>, expression: &str) -> Result<Vec<SkillMatch>> {
        let mut snippets = HashMap::new();
        for some in found.chunks(MOST_PLACES) {
            let places: Vec<_> = (0..some.len())
                .map(|at| format!("?{}", at.saturating_add(2)))
                .collect();
            let sql = format!(
                "SELECT rowid AS place, {SNIPPET} AS words FROM skills_fts WHERE skills_fts MATCH ?1 AND +rowid IN ({})",
                places.join(", ")
            );
            let mut values: Vec<&dyn ToSql> = vec![&expression];
            values.extend(some.iter().map(|found| &found.place as &dyn ToSql));
            let read = |row: &dyn Columns| Ok((whole(row, "place")?, optional_text(row, "words")?));
            match self.conn.all(&sql, &values[..], read) {
                // FTS5 reads the whole texts for them.
                Err(error) if self.layout.reading != Reading::Whole && is_of_length(&error) => {}
                found => snippets.extend(found?),
            }
        }
        let with_snippet = |found: Ranked| SkillMatch {
            snippet: snippets
                .remove(&Some(found.place))
                .flatten()
                .map(|text| on_one_line(&text)),
            skill: found.skill,
            rank: -found.rank,
        };
        Ok(found.into_iter().map(with_snippet).collect())
    }

    /// Letter by letter, which reads all skills.
    fn without_index(&self, words: &[String]) -> Result<Vec<SkillMatch>> {
        let condition = SkillFilter::condition(self.layout);
        let (columns, score) = (self.layout.all(), self.layout.score());
        let id = self.layout.column("id");
        let searched = self.layout.searched();
        let patterns: Vec<_> = query::patterns(words).collect();
        let matching: Vec<_> = (0..patterns.len())
            .map(|at| format!("{searched} LIKE ?{} ESCAPE '\\'", at.saturating_add(8)))
            .collect();
        let all_match = if matching.is_empty() {
            "1".to_owned()
        } else {
            matching.join(" AND ")
        };
        let sql = format!(
            "SELECT {columns} FROM skills AS k WHERE {condition} AND {all_match} ORDER BY {score} DESC, {id} LIMIT ?6 OFFSET ?7"
        );
        let (most, offset) = (
            self.options.selection.most(),
            i64::from(self.options.offset),
        );
        let mut values: Vec<&dyn ToSql> = self.options.selection.filter.values().into();
        values.extend([&most as &dyn ToSql, &offset]);
        values.extend(patterns.iter().map(|pattern| pattern as &dyn ToSql));
        self.conn.all(&sql, &values[..], |row| {
            Ok(SkillMatch {
                skill: from_row(row)?,
                rank: 0.0,
                snippet: None,
            })
        })
    }
}

/// A match, and what tells whether the page is right.
struct Ranked {
    skill: SkillRecord,
    place: i64,
    /// As FTS5 has it: less is better.
    rank: f64,
    seen: i64,
    last: f64,
}

impl Ranked {
    fn of(row: &dyn Columns) -> rusqlite::Result<Self> {
        let real = |name: &str| -> rusqlite::Result<f64> {
            Ok(match row.value(name)? {
                ValueRef::Real(number) => number,
                _ => 0.0,
            })
        };
        Ok(Self {
            skill: from_row(row)?,
            place: whole(row, "skillsmith_place")?.unwrap_or(0),
            rank: real("skillsmith_rank")?,
            seen: whole(row, "skillsmith_seen")?.unwrap_or(0),
            last: real("skillsmith_last")?,
        })
    }
}

/// Whether more of the best matches would not change the page: all were seen, or it is full and its last skill is better than
/// what was seen last, whose rank others may have that were not.
fn is_settled(found: &[Ranked], asked: i64, most: i64) -> bool {
    match found.last() {
        Some(last) => {
            let is_full = i64::try_from(found.len()) == Ok(most);
            last.seen < asked || (is_full && last.rank < last.last)
        }
        None => asked == i64::MAX,
    }
}

/// Whether the index is damaged, or out of step with the table.
fn is_of_index(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt))
        || matches!(error, Error::DatabaseDamaged { .. })
        || fts::is_unusable(error)
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
