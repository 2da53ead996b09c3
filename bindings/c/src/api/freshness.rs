//! How complete and how old the skills of a database are.

use skillsmith_sync::Coverage;
use skillsmith_sync::search::Freshness;

use crate::api::engine::skillsmith_coverage;
use crate::api::skills::skillsmith_skill_repository;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::HandlePtr;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, skillsmith_text};
use crate::ffi::status::skillsmith_status;

/// How complete and how old the skills of a database are, so that a database that is empty or
/// old is not taken for "no match".
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_freshness {
    /// Whether there is no skill at all.
    pub is_empty: bool,
    /// When the last whole listing of the registry ended or, where another program has synced,
    /// when its last sync began, in ISO 8601; none if there was none.
    pub listed_at: skillsmith_text,
    /// How long ago that was, in milliseconds; -1 if it is not known.
    pub age_ms: i64,
    /// Whether that is longer ago than the time between two automatic syncs, or never was.
    pub is_stale: bool,
    /// Whether it is known what that listing could see.
    pub has_coverage: bool,
    /// Whether it could see every skill of the registry; `SKILLSMITH_COVERAGE_BEST_EFFORT` if
    /// that is not known.
    pub coverage: skillsmith_coverage,
    /// Whether it was a listing by a few search words, which finds a part of the skills only.
    pub by_words: bool,
}

impl Record for skillsmith_freshness {
    const NAME: &'static str = "freshness";
}

impl skillsmith_freshness {
    pub(crate) fn of(freshness: &Freshness, arena: &mut Arena) -> Self {
        Self {
            is_empty: freshness.is_empty,
            listed_at: arena.optional_text(freshness.listed_at.as_deref()),
            age_ms: freshness
                .age_ms
                .map_or(-1, |age| i64::try_from(age).unwrap_or(i64::MAX)),
            is_stale: freshness.is_stale,
            has_coverage: freshness.coverage.is_some(),
            coverage: freshness.coverage.unwrap_or(Coverage::BestEffort).into(),
            by_words: freshness.by_words,
        }
    }
}

/// How complete and how old the skills are. Each search and each page of a list says it, too.
///
/// Gives an owned record, never NULL: `skillsmith_freshness_free`. Blocks briefly on the disk
/// and waits for no sync; any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_freshness(
    repository: HandlePtr<skillsmith_skill_repository>,
    out_freshness: OutPtr<*mut skillsmith_freshness>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_freshness.fill("out_freshness", || {
            let freshness = repository.get()?.freshness()?;
            Ok(records::give(|arena| {
                skillsmith_freshness::of(&freshness, arena)
            }))
        })
    })
}

/// Frees what `skillsmith_skill_repository_freshness` gave. That of an answer is refused.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_freshness_free(
    freshness: *mut skillsmith_freshness,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(freshness))
}
