//! Finding skills: by words, page by page, and with all that is known of one.

use std::ffi::c_int;
use std::ptr;

use skillsmith_sync::search::{
    ListOptions, SearchOptions, SearchResults, SkillDetails, SkillFilter, SkillMatch, SkillPage,
};
use skillsmith_sync::{Error, Result, SkillRecord, memory};

use crate::api::freshness::skillsmith_freshness;
use crate::api::skills::{skillsmith_skill, skillsmith_skill_repository};
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::HandlePtr;
use crate::ffi::input::{OptionsPtr, TextPtr};
use crate::ffi::members::options;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, skillsmith_text};
use crate::ffi::status::skillsmith_status;

/// Which skills a search or a list may return. Each condition that is set has to hold; a zero
/// member sets none.
///
/// The texts are copied.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_skill_filter {
    /// `sizeof(skillsmith_skill_filter)`.
    pub struct_size: usize,
    /// Only skills in this category, by its id or its name; the letters A to Z in either case.
    /// Default: all.
    pub category: TextPtr,
    /// Only skills of this tier, such as "verified"; those without one are "unknown". Default:
    /// all.
    pub trust_tier: TextPtr,
    /// Only skills with at least this quality score, up to 1. Negative: at least 0, so any
    /// score. Default: all skills, including those without a score.
    pub min_score: f64,
    /// Not 0: only skills that have passed a security scan, so not those without one and not
    /// those in quarantine. Default: 0.
    pub safe_only: c_int,
    /// Only skills from there: "registry", or "local" for the user's own. Default: all.
    pub source: TextPtr,
}

// `repr(C)`, the size first, and numbers and pointers only.
options!(skillsmith_skill_filter as "filter" {
    struct_size, category, trust_tier, min_score, safe_only, source,
});

/// Options of `skillsmith_skill_repository_search`. A zero member means its default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_skill_search_options {
    /// `sizeof(skillsmith_skill_search_options)`.
    pub struct_size: usize,
    /// Which skills count at all. Default: all. It is read before the function returns.
    pub filter: OptionsPtr<skillsmith_skill_filter>,
    /// Most skills in the answer, up to 1000. Default: 20.
    pub limit: u32,
    /// How many of the best matches to leave out, up to 4294967295. Default: 0.
    pub offset: u64,
}

// `repr(C)`, the size first, and numbers and pointers only.
options!(skillsmith_skill_search_options as "options" { struct_size, filter, limit, offset });

/// Options of `skillsmith_skill_repository_list`. A zero member means its default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_skill_list_options {
    /// `sizeof(skillsmith_skill_list_options)`.
    pub struct_size: usize,
    /// Which skills count at all. Default: all. It is read before the function returns.
    pub filter: OptionsPtr<skillsmith_skill_filter>,
    /// Most skills of the page, up to 1000. Default: 100.
    pub limit: u32,
    /// The page begins behind this id, which need not exist: `next.data` of the page before.
    /// Default: at the first skill.
    pub after: TextPtr,
    /// Length of `after` in bytes: `next.length` of the page before, because the id of a skill may
    /// contain U+0000. Default: up to the first NUL.
    pub after_length: usize,
}

// `repr(C)`, the size first, and numbers and pointers only.
options!(skillsmith_skill_list_options as "options" { struct_size, filter, limit, after, after_length });

fn skill_filter(given: OptionsPtr<skillsmith_skill_filter>) -> Result<SkillFilter> {
    let mut filter = SkillFilter::new();
    let Some(given) = given.read()? else {
        return Ok(filter);
    };
    if let Some(category) = given.category.optional("category")? {
        filter = filter.category(category);
    }
    if let Some(tier) = given.trust_tier.optional("trust_tier")? {
        filter = filter.trust_tier(tier);
    }
    if let Some(source) = given.source.optional("source")? {
        filter = filter.source(source);
    }
    if !given.min_score.is_finite() {
        return Err(Error::InvalidArgument(format!(
            "The argument 'min_score' is {}. Use a finite number.",
            given.min_score
        )));
    }
    if given.min_score != 0.0 {
        filter = filter.min_score(given.min_score.max(0.0));
    }
    Ok(filter.safe_only(given.safe_only != 0))
}

fn search_options(given: OptionsPtr<skillsmith_skill_search_options>) -> Result<SearchOptions> {
    let mut options = SearchOptions::new();
    let Some(given) = given.read()? else {
        return Ok(options);
    };
    if given.limit != 0 {
        options = options.limit(given.limit);
    }
    let offset = u32::try_from(given.offset).map_err(|_| {
        Error::InvalidArgument(format!(
            "The offset is {}. Use a number from 0 to {}.",
            given.offset,
            u32::MAX
        ))
    })?;
    Ok(options.offset(offset).filter(skill_filter(given.filter)?))
}

fn list_options(given: OptionsPtr<skillsmith_skill_list_options>) -> Result<ListOptions> {
    let mut options = ListOptions::new();
    let Some(given) = given.read()? else {
        return Ok(options);
    };
    if given.limit != 0 {
        options = options.limit(given.limit);
    }
    if let Some(id) = given.after.optional_of("after", given.after_length)? {
        options = options.after(id);
    }
    Ok(options.filter(skill_filter(given.filter)?))
}

/// A skill that matches.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_skill_match {
    /// The skill.
    pub skill: *const skillsmith_skill,
    /// How well it matches by BM25, in which a word in the name weighs most: more is better. It
    /// compares the skills of one answer; 0 where no index was asked, or no word.
    pub rank: f64,
    /// The part of its texts in which most words are found, on one line; none where no index was
    /// asked, or no word.
    pub snippet: skillsmith_text,
}

impl skillsmith_skill_match {
    fn of(found: &SkillMatch, arena: &mut Arena) -> Self {
        let skill = skillsmith_skill::of(&found.skill, arena);
        Self {
            skill: arena.one(skill),
            rank: found.rank,
            snippet: arena.optional_text(found.snippet.as_deref()),
        }
    }
}

/// The answer to a search.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_skill_search_results {
    /// `count` pointers, the best match first; NULL if there are none. They belong to the answer
    /// and are not freed separately.
    pub matches: *const *const skillsmith_skill_match,
    /// Number of matches.
    pub count: usize,
    /// Whether more skills match than these.
    pub has_more: bool,
    /// Whether the full-text index was asked. Without it, or where it is damaged, texts are
    /// compared letter by letter, so that "testing" does not find "tests"; the best quality comes
    /// first then.
    pub indexed: bool,
    /// How complete and how old the skills are; belongs to the answer.
    pub freshness: *const skillsmith_freshness,
}

impl Record for skillsmith_skill_search_results {
    const NAME: &'static str = "results";
}

impl skillsmith_skill_search_results {
    fn of(found: &SearchResults, arena: &mut Arena) -> Self {
        let freshness = skillsmith_freshness::of(&found.freshness, arena);
        Self {
            matches: pointers(&found.matches, arena, skillsmith_skill_match::of),
            count: found.matches.len(),
            has_more: found.has_more,
            indexed: found.indexed,
            freshness: arena.one(freshness),
        }
    }
}

/// A page of a list.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_skill_page {
    /// `count` pointers, in the order of the ids; NULL if there are none. They belong to the page
    /// and are not freed separately.
    pub skills: *const *const skillsmith_skill,
    /// Number of skills.
    pub count: usize,
    /// The id behind which the next page begins; none for the last page.
    pub next: skillsmith_text,
    /// How complete and how old the skills are; belongs to the page.
    pub freshness: *const skillsmith_freshness,
}

impl Record for skillsmith_skill_page {
    const NAME: &'static str = "page";
}

impl skillsmith_skill_page {
    fn of(page: &SkillPage, arena: &mut Arena) -> Self {
        let freshness = skillsmith_freshness::of(&page.freshness, arena);
        Self {
            skills: pointers(&page.skills, arena, skillsmith_skill::of),
            count: page.skills.len(),
            next: arena.optional_text(page.next.as_deref()),
            freshness: arena.one(freshness),
        }
    }
}

/// A skill with what other tables have of it.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_skill_details {
    /// The skill; belongs to this record and is not freed separately.
    pub skill: *const skillsmith_skill,
    /// The names of the categories that it is in, in their order; NULL if it is in none.
    pub categories: *const skillsmith_text,
    /// Number of categories.
    pub category_count: usize,
    /// Where it is from: "registry", or "local" for the user's own.
    pub source: skillsmith_text,
}

impl Record for skillsmith_skill_details {
    const NAME: &'static str = "details";
}

impl skillsmith_skill_details {
    fn of(details: &SkillDetails, arena: &mut Arena) -> Self {
        let skill = skillsmith_skill::of(&details.skill, arena);
        Self {
            skill: arena.one(skill),
            categories: arena.texts(&details.categories),
            category_count: details.categories.len(),
            source: arena.text(&details.source),
        }
    }
}

/// An array of pointers to records in the arena; NULL if there are none.
fn pointers<T, R: 'static>(
    values: &[T],
    arena: &mut Arena,
    record: fn(&T, &mut Arena) -> R,
) -> *const *const R {
    if values.is_empty() {
        return ptr::null();
    }
    let pointers: Vec<*const R> = values
        .iter()
        .map(|value| {
            let record = record(value, arena);
            arena.one(record)
        })
        .collect();
    arena.slice(pointers)
}

/// Approximate size of a record without its texts.
const RECORD_BYTES: usize = 1024;

/// Fails if there is no memory for records of these skills: a page may have a thousand, with texts of any length.
fn ensure_room<'s>(skills: impl Iterator<Item = &'s SkillRecord>) -> Result<()> {
    let bytes = skills.fold(0_usize, |bytes, skill| {
        let optional = [&skill.description, &skill.author, &skill.repo_url];
        let texts = optional.into_iter().flatten().chain(&skill.tags);
        let texts: usize = texts.map(String::len).sum();
        bytes
            .saturating_add(RECORD_BYTES)
            .saturating_add(texts)
            .saturating_add(skill.name.len() + skill.id.len())
    });
    memory::ensure_available(bytes)
}

/// The skills in which every word of `text` is found, the best match first, then the best
/// quality, then by id.
///
/// Nothing in the text is an operator: quotes, `-`, `*` and `NEAR` are looked for, or are between
/// words. A word matches in all its forms, as the full-text index has them; the last one, if it
/// has three letters, matches every word that begins with it. "" leaves nothing out, and the best
/// quality comes first. `options` may be NULL: the first 20 of all skills that match.
///
/// Gives an owned record, never NULL: `skillsmith_skill_search_results_free`. Blocks on the disk
/// only, and waits for no sync; what it takes grows with the number of skills that match. It reads
/// only, and never changes the file. Any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`; `INVALID_ARGUMENT` also for a text of more than 1000
/// characters and for options out of range; `OUT_OF_MEMORY`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_search(
    repository: HandlePtr<skillsmith_skill_repository>,
    text: TextPtr,
    options: OptionsPtr<skillsmith_skill_search_options>,
    out_results: OutPtr<*mut skillsmith_skill_search_results>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_results.fill("out_results", || {
            let (text, options) = (text.text("text")?, search_options(options)?);
            let found = repository.get()?.search(&text, &options)?;
            ensure_room(found.matches.iter().map(|found| &found.skill))?;
            Ok(records::give(|arena| {
                skillsmith_skill_search_results::of(&found, arena)
            }))
        })
    })
}

/// A page of all skills, in the order of their ids. A page behind the last skill is empty.
///
/// `options` may be NULL: the first 100 of all skills. To read all, call it with the data and the
/// length of each page's `next` as `after` and `after_length`. No lock is held in between, so a
/// sync may write meanwhile; what it adds behind the last id is found too.
///
/// Gives an owned record, never NULL: `skillsmith_skill_page_free`. Blocks on the disk only, and
/// waits for no sync; any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`; `INVALID_ARGUMENT` also for options out of range;
/// `OUT_OF_MEMORY`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_list(
    repository: HandlePtr<skillsmith_skill_repository>,
    options: OptionsPtr<skillsmith_skill_list_options>,
    out_page: OutPtr<*mut skillsmith_skill_page>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_page.fill("out_page", || {
            let options = list_options(options)?;
            let page = repository.get()?.list(&options)?;
            ensure_room(page.skills.iter())?;
            Ok(records::give(|arena| {
                skillsmith_skill_page::of(&page, arena)
            }))
        })
    })
}

/// The skill with this id, its categories and where it is from.
///
/// Gives an owned record, `skillsmith_skill_details_free`; NULL if there is no such skill, which is
/// not an error. Blocks briefly on the disk; any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_get(
    repository: HandlePtr<skillsmith_skill_repository>,
    id: TextPtr,
    out_details: OutPtr<*mut skillsmith_skill_details>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_details.fill("out_details", || {
            let details = repository.get()?.get(&id.text("id")?)?;
            Ok(details.map_or(ptr::null_mut(), |details| {
                records::give(|arena| skillsmith_skill_details::of(&details, arena))
            }))
        })
    })
}

/// Frees the answer to a search with its matches.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_search_results_free(
    results: *mut skillsmith_skill_search_results,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(results))
}

/// Frees a page with its skills.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_page_free(
    page: *mut skillsmith_skill_page,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(page))
}

/// Frees details with their texts.
///
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_details_free(
    details: *mut skillsmith_skill_details,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(details))
}
