//! Reading single skills.

use std::ptr;

use skillsmith_sync::{SkillRecord, SkillRepository};

use crate::api::database::skillsmith_database;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::TextPtr;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, give, skillsmith_text};
use crate::ffi::status::skillsmith_status;

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
    /// Whether it can be installed; false where nothing is stored.
    pub installable: bool,
    /// Whether the host's own security scan has given it a score.
    pub has_risk_score: bool,
    /// That score, from 0 to 100; 0 where it has none.
    pub risk_score: i64,
    /// How much that scan has found.
    pub security_findings_count: i64,
    /// When that scan was made, as stored; none before one.
    pub security_scanned_at: skillsmith_text,
    /// Whether that scan has come to a verdict.
    pub has_security_verdict: bool,
    /// Whether it passed; false where there is no verdict.
    pub security_passed: bool,
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
            installable: skill.installable,
            has_risk_score: skill.risk_score.is_some(),
            risk_score: skill.risk_score.unwrap_or_default(),
            security_findings_count: skill.security_findings_count,
            security_scanned_at: arena.optional_text(skill.security_scanned_at.as_deref()),
            has_security_verdict: skill.security_passed.is_some(),
            security_passed: skill.security_passed.unwrap_or_default(),
        }
    }
}

/// Makes a repository for an open database.
///
/// Gives an owned handle: `skillsmith_skill_repository_free`. Does not block; any thread
/// may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_new(
    database: HandlePtr<skillsmith_database>,
    out_repository: OutPtr<*mut skillsmith_skill_repository>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_repository.fill("out_repository", || {
            let repository = SkillRepository::new(&*database.get()?);
            Ok(handles::insert(repository))
        })
    })
}

/// Frees a repository. The database stays open.
///
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks
/// on the disk, shortly, if it is the last that keeps a database whose own handle was
/// freed; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_free(
    repository: OwnedHandle<skillsmith_skill_repository>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || repository.remove().map(drop))
}

/// The skill of that id.
///
/// Gives an owned record, `skillsmith_skill_free`; NULL where there is no such skill,
/// which is no error. Blocks on the disk, shortly; any thread may call it. Errors:
/// `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`,
/// `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_find_by_id(
    repository: HandlePtr<skillsmith_skill_repository>,
    id: TextPtr,
    out_skill: OutPtr<*mut skillsmith_skill>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_skill.fill("out_skill", || {
            let skill = repository.get()?.find_by_id(&id.text("id")?)?;
            Ok(skill.map_or(ptr::null_mut(), |skill| {
                give(|arena| skillsmith_skill::of(&skill, arena))
            }))
        })
    })
}

/// Whether there is a skill of that id.
///
/// Blocks on the disk, shortly; any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_exists(
    repository: HandlePtr<skillsmith_skill_repository>,
    id: TextPtr,
    out_exists: OutPtr<bool>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_exists.fill("out_exists", || {
            let id = id.text("id")?;
            repository.get()?.exists(&id)
        })
    })
}

/// How many skills there are, the user's own included.
///
/// Blocks on the disk, shortly; any thread may call it. Errors: as for
/// `skillsmith_skill_repository_find_by_id`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_count(
    repository: HandlePtr<skillsmith_skill_repository>,
    out_count: OutPtr<i64>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_count.fill("out_count", || repository.get()?.count())
    })
}

/// Frees a skill with its texts.
///
/// NULL is fine. What is not such a record, or was freed already, is refused with
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_free(skill: *mut skillsmith_skill) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(skill))
}
