//! Skills, and reading single ones.

use std::ptr;

use skillsmith_sync::{SkillRecord, SkillRepository};

use crate::api::database::skillsmith_database;
use crate::ffi::boundary::boundary;
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::TextPtr;
use crate::ffi::out::OutPtr;
use crate::ffi::records::{self, Arena, Record, skillsmith_text};
use crate::ffi::status::skillsmith_status;

/// Reads the skills of a database.
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

/// A snapshot of a skill in the database.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_skill {
    /// Id of the skill in the registry.
    pub id: skillsmith_text,
    /// The name.
    pub name: skillsmith_text,
    /// Description of the skill.
    pub description: skillsmith_text,
    /// Author of the skill.
    pub author: skillsmith_text,
    /// URL of its repository.
    pub repo_url: skillsmith_text,
    /// Whether it has a score.
    pub has_quality_score: bool,
    /// Quality score from 0 to 1; 0 if it has none.
    pub quality_score: f64,
    /// Trust tier; "unknown" if none is stored.
    pub trust_tier: skillsmith_text,
    /// Its tags; NULL if it has none.
    pub tags: *const skillsmith_text,
    /// Number of tags.
    pub tag_count: usize,
    /// When the skill was created, as stored.
    pub created_at: skillsmith_text,
    /// When the skill was last changed, as stored.
    pub updated_at: skillsmith_text,
    /// Whether the skill can be installed; false if nothing is stored.
    pub installable: bool,
    /// Whether a security scan, the registry's or the host's, gave it a risk score.
    pub has_risk_score: bool,
    /// Risk score from 0 to 100; 0 if it has none.
    pub risk_score: i64,
    /// Number of findings of the security scan.
    pub security_findings_count: i64,
    /// When the security scan ran, as stored; none before the scan.
    pub security_scanned_at: skillsmith_text,
    /// Whether the security scan has a verdict.
    pub has_security_verdict: bool,
    /// Whether the skill passed the scan; false if there is no verdict.
    pub security_passed: bool,
}

impl Record for skillsmith_skill {
    const NAME: &'static str = "skill";
}

impl skillsmith_skill {
    pub(crate) fn of(skill: &SkillRecord, arena: &mut Arena) -> Self {
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

/// Creates a repository for an open database.
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
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Blocks briefly on
/// the disk, if it is the last user of a database whose own handle was freed; any thread
/// may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_repository_free(
    repository: OwnedHandle<skillsmith_skill_repository>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || repository.remove().map(drop))
}

/// The skill with this id.
///
/// Gives an owned record, `skillsmith_skill_free`; NULL if there is no such skill, which is
/// not an error. Blocks briefly on the disk; any thread may call it. Errors:
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
                records::give(|arena| skillsmith_skill::of(&skill, arena))
            }))
        })
    })
}

/// Whether a skill with this id exists.
///
/// Blocks briefly on the disk; any thread may call it. Errors: as for
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

/// Number of skills, including the user's own.
///
/// Blocks briefly on the disk; any thread may call it. Errors: as for
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
/// NULL is a no-op. A pointer that is not such a record, or was already freed, returns
/// `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_skill_free(skill: *mut skillsmith_skill) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || records::free(skill))
}
