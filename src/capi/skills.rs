//! Reading single skills.

use std::ffi::c_char;

use super::boundary::boundary;
use super::database::skillsmith_database;
use super::error::{ErrorOut, skillsmith_error};
use super::input;
use super::live::{self, Handle};
use super::memory::{self, Arena, Record, give, skillsmith_text};
use super::out::Out;
use super::status::skillsmith_status;
use crate::{SkillRecord, SkillRepository};

/// Looks skills up in one database.
///
/// Any thread may use it. Every call is short and blocks on the disk only.
#[derive(Debug)]
pub struct skillsmith_skill_repository {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_skill_repository {
    type Object = SkillRepository;
    const NAME: &'static str = "repository";
}

/// A skill as it stood in the database when it was asked for.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_skill {
    /// The registry's id.
    pub id: skillsmith_text,
    /// The name.
    pub name: skillsmith_text,
    /// What it does.
    pub description: skillsmith_text,
    /// Who wrote it.
    pub author: skillsmith_text,
    /// Where it lives.
    pub repo_url: skillsmith_text,
    /// Whether it has a score.
    pub has_quality_score: bool,
    /// From 0 to 1; 0 where it has none.
    pub quality_score: f64,
    /// How far it is trusted; "unknown" where nothing is stored.
    pub trust_tier: skillsmith_text,
    /// Its tags; NULL where it has none.
    pub tags: *const skillsmith_text,
    /// How many tags.
    pub tag_count: usize,
    /// When it was made, as stored.
    pub created_at: skillsmith_text,
    /// When it was last changed, as stored.
    pub updated_at: skillsmith_text,
}

impl Record for skillsmith_skill {
    const NAME: &'static str = "skill";
}

impl skillsmith_skill {
    fn of(skill: &SkillRecord, arena: &mut Arena) -> Self {
        Self {
            id: arena.text(&skill.id),
            name: arena.text(&skill.name),
            description: arena.optional_text(skill.description.as_deref()),
            author: arena.optional_text(skill.author.as_deref()),
            repo_url: arena.optional_text(skill.repo_url.as_deref()),
            has_quality_score: skill.quality_score.is_some(),
            quality_score: skill.quality_score.unwrap_or_default(),
            trust_tier: arena.text(&skill.trust_tier),
            tags: arena.texts(&skill.tags),
            tag_count: skill.tags.len(),
            created_at: arena.optional_text(skill.created_at.as_deref()),
            updated_at: arena.optional_text(skill.updated_at.as_deref()),
        }
    }
}

/// Makes a repository for an open database.
///
/// Gives an owned handle: `skillsmith_skill_repository_free`. Does not block; any thread
/// may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_skill_repository_new(
    database: *const skillsmith_database,
    out_repository: *mut *mut skillsmith_skill_repository,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe {
        (
            Out::new(out_repository, "out_repository"),
            ErrorOut::new(out_error),
        )
    };
    boundary(&errors, || {
        out.check()?;
        let repository = SkillRepository::new(&*live::get(database)?);
        out.give(live::issue(repository));
        Ok(())
    })
}

/// Frees a repository. The database stays open.
///
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks
/// on the disk, shortly, if it is the last that keeps a database whose own handle was
/// freed; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_free(
    repository: *mut skillsmith_skill_repository,
) -> skillsmith_status {
    boundary(&ErrorOut::nowhere(), || live::retire(repository).map(drop))
}

/// The skill of that id.
///
/// Gives an owned record, `skillsmith_skill_free`; NULL where there is no such skill,
/// which is no error. Blocks on the disk, shortly; any thread may call it. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`,
/// `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_skill_repository_find_by_id(
    repository: *const skillsmith_skill_repository,
    id: *const c_char,
    out_skill: *mut *mut skillsmith_skill,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_skill, "out_skill"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        // SAFETY: the caller's promise.
        let id = unsafe { input::text(id, "id") }?;
        if let Some(skill) = live::get(repository)?.find_by_id(&id)? {
            out.give(give(|arena| skillsmith_skill::of(&skill, arena)));
        }
        Ok(())
    })
}

/// Whether there is a skill of that id.
///
/// Blocks on the disk, shortly; any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_skill_repository_exists(
    repository: *const skillsmith_skill_repository,
    id: *const c_char,
    out_exists: *mut bool,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_exists, "out_exists"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        // SAFETY: the caller's promise.
        let id = unsafe { input::text(id, "id") }?;
        out.give(live::get(repository)?.exists(&id)?);
        Ok(())
    })
}

/// How many skills there are, the user's own included.
///
/// Blocks on the disk, shortly; any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_skill_repository_count(
    repository: *const skillsmith_skill_repository,
    out_count: *mut i64,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_count, "out_count"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        out.give(live::get(repository)?.count()?);
        Ok(())
    })
}

/// Frees a skill with its texts.
///
/// NULL is fine. What is not such a record, or was freed already, is refused with
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_free(skill: *mut skillsmith_skill) -> skillsmith_status {
    memory::free(skill)
}
