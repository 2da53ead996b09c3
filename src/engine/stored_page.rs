//! Pages whose rows stand in the table as they were served, each with a validator: if the registry
//! says that such a page is still the same, its rows need not be fetched, parsed or compared.
//!
//! Kept in the table `sync_pages`, one row for each request, in the transaction that stores the last
//! of its rows. A page is only used while the table of skills holds every row of it with the stamp it
//! was served with, whoever wrote there meanwhile: the run compares it with the fingerprints of all
//! rows, which it reads in any case. So rows that were changed, deleted, refused or restored from a
//! backup make their page one that is fetched.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::plan::is_known_tier;
use super::watermark::is_within;
use crate::database::oversize::bounded;
use crate::database::{are_bytewise, has_columns};
use crate::fingerprint::fingerprint;
use crate::registry::Validator;
use crate::skills::Fingerprints;
use crate::{Error, Result};

/// Not STRICT: a host with a SQLite older than 3.37 could then not open the file.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS sync_pages (
  scope     INTEGER NOT NULL,      -- of which registry, and as stored by which version in which layout
  request   TEXT NOT NULL,         -- its parameters
  validator TEXT NOT NULL,         -- an ETag or a Last-Modified
  read_at   TEXT NOT NULL,         -- begin of the listing that fetched it, local ISO time
  facts     TEXT NOT NULL,         -- JSON
  rows      BLOB NOT NULL,         -- fingerprints of id and state, 16 bytes a row
  PRIMARY KEY (scope, request)
)";

const TABLE: &str = "sync_pages";

/// The bit of a row's state, always clear there, that tells whether the row has a score.
const HAS_SCORE: u64 = 1;

/// A longer tier is not kept, nor the page that has it.
const LONGEST_TIER: usize = 64;

/// The usable pages of a registry, by request.
pub(super) type StoredPages = HashMap<String, Arc<StoredPage>>;

/// A page, without the content of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredPage {
    /// The parameters of its request.
    pub(super) request: String,
    validator: Validator,
    /// When the listing began that fetched it, as local ISO time.
    read_at: String,
    pub(super) facts: PageFacts,
    rows: Vec<StoredRow>,
}

/// What the listing needs to know about a page beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageFacts {
    pub(super) total: Option<u64>,
    pub(super) limit: Option<u64>,
    /// The ids of the first and the last row, if they are short enough to keep.
    pub(super) first_id: Option<String>,
    pub(super) last_id: Option<String>,
    /// Hashes of their stamps.
    pub(super) stamps: (Option<u64>, Option<u64>),
    /// Tiers of its rows that the plan by tiers does not always list; `None` for no tier.
    pub(super) tiers: Vec<Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StoredRow {
    /// The row's identity.
    id: u64,
    /// The state it was served in, as [`Fingerprints`] has it, and whether it has a score.
    state: u64,
}

impl StoredPage {
    /// A page to which its rows are still to be added.
    pub(super) const fn new(
        request: String,
        validator: Validator,
        read_at: String,
        facts: PageFacts,
    ) -> Self {
        Self {
            request,
            validator,
            read_at,
            facts,
            rows: Vec::new(),
        }
    }

    /// Adds a row that stands, or is staged, in this state.
    pub(super) fn add(&mut self, id: u64, state: u64, has_score: bool) -> Result<()> {
        self.rows.try_reserve(1)?;
        let state = state | if has_score { HAS_SCORE } else { 0 };
        self.rows.push(StoredRow { id, state });
        Ok(())
    }

    pub(super) const fn validator(&self) -> &Validator {
        &self.validator
    }

    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// The identities of its rows.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().map(|row| row.id)
    }

    pub(super) fn has_score(&self, place: usize) -> bool {
        let row = self.rows.get(place);
        row.is_some_and(|row| row.state & HAS_SCORE != 0)
    }

    /// Whether the other one is the same page, whenever it was read.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.validator == other.validator && self.facts == other.facts && self.rows == other.rows
    }

    /// Whether the table holds every row of it in the state it was served in.
    fn stands(&self, fingerprints: &Fingerprints) -> bool {
        let mut rows = self.rows.iter();
        rows.all(|row| fingerprints.state(row.id) == Some(row.state & !HAS_SCORE))
    }

    fn blob(&self) -> Vec<u8> {
        let numbers = self.rows.iter().flat_map(|row| [row.id, row.state]);
        numbers.flat_map(u64::to_le_bytes).collect()
    }
}

/// The tiers of a page that are to be kept; `None` if one of them is too long.
pub(super) fn kept_tiers<'t>(
    tiers: impl Iterator<Item = Option<&'t str>>,
) -> Option<Vec<Option<String>>> {
    let mut kept = Vec::new();
    for tier in tiers.filter(|tier| tier.is_none_or(|tier| !is_known_tier(tier))) {
        if tier.is_some_and(|tier| tier.len() > LONGEST_TIER) {
            return None;
        }
        let tier = tier.map(str::to_owned);
        if !kept.contains(&tier) {
            kept.push(tier);
        }
    }
    Some(kept)
}

/// For which registry a page was stored, by which version of this library, and in which layout of the
/// table: another version may store more of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope(i64);

impl Scope {
    pub(super) fn of(registry: &str, layout: &str) -> Self {
        let scope = fingerprint(&(env!("CARGO_PKG_VERSION"), registry, layout));
        Self(scope.cast_signed())
    }
}

/// Whether the table is there, as this version makes it.
fn is_there(conn: &Connection) -> Result<bool> {
    let columns = ["scope", "request", "validator", "read_at", "facts", "rows"];
    Ok(has_columns(conn, TABLE, &columns)? && are_bytewise(conn, TABLE, &["request"]))
}

/// Reads the pages that were fetched less than `every` before `now`. One that cannot be read is left
/// out.
pub(super) fn load(
    conn: &Connection,
    scope: Scope,
    now: DateTime<Utc>,
    every: TimeDelta,
) -> Result<Vec<StoredPage>> {
    if !is_there(conn)? {
        return Ok(Vec::new());
    }
    // A dry run does not take out what is too long to be read.
    let columns = ["request", "validator", "read_at", "facts", "rows"].map(bounded);
    let mut found = conn.prepare(&format!(
        "SELECT {} FROM main.sync_pages WHERE scope = ?1",
        columns.join(", ")
    ))?;
    let mut rows = found.query([scope.0])?;
    let mut pages = Vec::new();
    while let Some(row) = rows.next()? {
        crate::statements::ensure_row_available(row)?;
        if let Some(page) = read(row).filter(|page| is_within(&page.read_at, now, every)) {
            pages.push(page);
        }
    }
    Ok(pages)
}

/// Another program may have stored anything here.
fn read(row: &rusqlite::Row<'_>) -> Option<StoredPage> {
    let text = |at| row.get_ref(at).ok()?.as_str().ok();
    let blob = row.get_ref(4).ok()?.as_blob().ok()?;
    let (numbers, []) = blob.as_chunks::<8>() else {
        return None;
    };
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|bytes| u64::from_le_bytes(*bytes))
        .collect();
    let (pairs, []) = numbers.as_chunks::<2>() else {
        return None;
    };
    let rows = pairs.iter().map(|&[id, state]| StoredRow { id, state });
    Some(StoredPage {
        request: text(0)?.to_owned(),
        validator: Validator::new(text(1)?)?,
        read_at: text(2)?.to_owned(),
        facts: serde_json::from_str(text(3)?).ok()?,
        rows: rows.collect(),
    })
    .filter(|page| !page.rows.is_empty())
}

/// Those pages of which the table holds every row as it was served.
pub(super) fn standing(pages: Vec<StoredPage>, fingerprints: &Fingerprints) -> StoredPages {
    let pages = pages.into_iter().filter(|page| page.stands(fingerprints));
    pages
        .map(|page| (page.request.clone(), Arc::new(page)))
        .collect()
}

/// Stores pages, inside the transaction that stores their rows.
pub(super) fn keep(conn: &Connection, scope: Scope, pages: &[StoredPage]) -> Result<()> {
    if pages.is_empty() {
        return Ok(());
    }
    if !is_there(conn)? {
        conn.execute_batch("DROP TABLE IF EXISTS main.sync_pages")?;
        conn.execute_batch(CREATE)?;
    }
    let mut insert = conn.prepare_cached(
        "INSERT OR REPLACE INTO main.sync_pages (scope, request, validator, read_at, facts, rows)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for page in pages {
        let facts = serde_json::to_string(&page.facts);
        let facts = facts.map_err(|error| Error::Internal(error.to_string()))?;
        insert.execute((
            scope.0,
            &page.request,
            page.validator.as_str(),
            &page.read_at,
            facts,
            page.blob(),
        ))?;
    }
    Ok(())
}

/// Deletes all pages but those of these requests.
pub(super) fn keep_only(conn: &Connection, scope: Scope, used: &HashSet<String>) -> Result<()> {
    if !is_there(conn)? {
        return Ok(());
    }
    conn.execute("DELETE FROM main.sync_pages WHERE scope <> ?1", [scope.0])?;
    let mut found = conn.prepare("SELECT rowid, request FROM main.sync_pages")?;
    let unused: Vec<i64> = found
        .query_map([], |row| {
            let is_used = row
                .get_ref(1)?
                .as_str()
                .is_ok_and(|text| used.contains(text));
            Ok((row.get(0)?, is_used))
        })?
        .filter_map(|row| {
            row.map(|(at, is_used)| (!is_used).then_some(at))
                .transpose()
        })
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = conn.prepare_cached("DELETE FROM main.sync_pages WHERE rowid = ?1")?;
    for at in unused {
        delete.execute([at])?;
    }
    Ok(())
}
