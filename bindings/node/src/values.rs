//! Objects passed to and from JavaScript. A missing value is `null`, never `undefined`.

use napi::bindgen_prelude::{Either, Null};
use napi_derive::napi;

use skillsmith_sync as core;
use skillsmith_sync::ErrorCode;

/// Converts a counter to a JavaScript number, which is exact up to 2^53.
pub fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Converts a JavaScript number, which the package has checked, to a counter.
pub fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[napi(object, use_nullable = true)]
pub struct SyncConfig {
    pub id: String,
    pub enabled: bool,
    #[napi(ts_type = "'daily' | 'weekly'")]
    pub frequency: String,
    pub interval_ms: i64,
    pub last_sync_at: Option<String>,
    pub next_sync_at: Option<String>,
    pub last_sync_count: i64,
    pub last_sync_error: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

impl From<core::SyncConfig> for SyncConfig {
    fn from(config: core::SyncConfig) -> Self {
        Self {
            id: config.id,
            enabled: config.enabled,
            frequency: config.frequency.to_string(),
            interval_ms: config.interval_ms,
            last_sync_at: config.last_sync_at,
            next_sync_at: config.next_sync_at,
            last_sync_count: config.last_sync_count,
            last_sync_error: config.last_sync_error,
            created_at: config.created_at,
            updated_at: config.updated_at,
        }
    }
}

/// Without `use_nullable`, so that `code` and `retryable` are missing where there is no code.
#[napi(object, object_from_js = false)]
pub struct SyncHistoryEntry {
    pub id: String,
    pub started_at: String,
    pub completed_at: Either<String, Null>,
    #[napi(ts_type = "'running' | 'success' | 'failed' | 'partial'")]
    pub status: String,
    pub skills_added: i64,
    pub skills_updated: i64,
    pub skills_unchanged: i64,
    pub error_message: Either<String, Null>,
    pub duration_ms: Either<i64, Null>,
    pub created_at: String,
    #[napi(ts_type = "import('./errors.js').SkillsmithErrorCode")]
    pub code: Option<String>,
    pub retryable: Option<bool>,
}

fn or_null<T>(value: Option<T>) -> Either<T, Null> {
    value.map_or(Either::B(Null), Either::A)
}

impl From<core::SyncHistoryEntry> for SyncHistoryEntry {
    fn from(entry: core::SyncHistoryEntry) -> Self {
        Self {
            id: entry.id,
            started_at: entry.started_at,
            completed_at: or_null(entry.completed_at),
            status: entry.status.as_str().to_owned(),
            skills_added: entry.skills_added,
            skills_updated: entry.skills_updated,
            skills_unchanged: entry.skills_unchanged,
            error_message: or_null(entry.error_message),
            duration_ms: or_null(entry.duration_ms),
            created_at: entry.created_at,
            code: entry.code.map(|code| code.name().to_owned()),
            retryable: entry.code.map(ErrorCode::retryable),
        }
    }
}

/// The counters of a run that the host records itself.
#[expect(
    clippy::struct_field_names,
    reason = "the names of the JavaScript fields"
)]
#[napi(object, object_to_js = false)]
pub struct SyncRunResult {
    pub skills_added: i64,
    pub skills_updated: i64,
    pub skills_unchanged: i64,
}

impl From<SyncRunResult> for core::SyncRunResult {
    fn from(result: SyncRunResult) -> Self {
        Self::default()
            .skills_added(count(result.skills_added))
            .skills_updated(count(result.skills_updated))
            .skills_unchanged(count(result.skills_unchanged))
    }
}

#[napi(object, use_nullable = true)]
pub struct SyncStats {
    pub total_runs: i64,
    pub successful_runs: i64,
    pub failed_runs: i64,
    pub last_success_at: Option<String>,
    pub average_duration_ms: Option<i64>,
}

impl From<core::SyncStats> for SyncStats {
    fn from(stats: core::SyncStats) -> Self {
        Self {
            total_runs: stats.total_runs,
            successful_runs: stats.successful_runs,
            failed_runs: stats.failed_runs,
            last_success_at: stats.last_success_at,
            average_duration_ms: stats.average_duration_ms,
        }
    }
}

#[napi(object, use_nullable = true)]
pub struct SkillRecord {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub author: Option<String>,
    pub repo_url: Option<String>,
    pub quality_score: Option<f64>,
    pub trust_tier: String,
    pub tags: Vec<String>,
    pub installable: bool,
    pub risk_score: Option<i64>,
    pub security_findings_count: i64,
    pub security_scanned_at: Option<String>,
    pub security_passed: Option<bool>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

impl From<core::SkillRecord> for SkillRecord {
    fn from(skill: core::SkillRecord) -> Self {
        Self {
            id: skill.id,
            name: skill.name,
            description: skill.description,
            author: skill.author,
            repo_url: skill.repo_url,
            quality_score: skill.quality_score,
            trust_tier: skill.trust_tier,
            tags: skill.tags,
            installable: skill.installable,
            risk_score: skill.risk_score,
            security_findings_count: skill.security_findings_count,
            security_scanned_at: skill.security_scanned_at,
            security_passed: skill.security_passed,
            created_at: skill.created_at,
            updated_at: skill.updated_at,
        }
    }
}

#[napi(object, use_nullable = true, object_from_js = false)]
pub struct EngineStatus {
    pub config: SyncConfig,
    pub last_run: Option<SyncHistoryEntry>,
    pub is_running: bool,
    pub requests_this_month: i64,
    pub request_budget: Option<i64>,
    pub is_due: bool,
    pub paused_until: Option<String>,
}

impl From<core::EngineStatus> for EngineStatus {
    fn from(status: core::EngineStatus) -> Self {
        Self {
            config: status.config.into(),
            last_run: status.last_run.map(Into::into),
            is_running: status.is_running,
            requests_this_month: number(status.requests_this_month),
            request_budget: status.request_budget.map(number),
            is_due: status.is_due,
            paused_until: status.paused_until,
        }
    }
}

#[napi(object)]
pub struct SyncProgress {
    #[napi(ts_type = "'connecting' | 'fetching' | 'comparing' | 'upserting' | 'complete'")]
    pub phase: String,
    pub current: i64,
    pub total: i64,
    pub skills_processed: i64,
    pub skills_changed: i64,
    pub message: Option<String>,
}

impl From<core::SyncProgress> for SyncProgress {
    fn from(progress: core::SyncProgress) -> Self {
        Self {
            phase: progress.phase.as_str().to_owned(),
            current: number(progress.current),
            total: number(progress.total),
            skills_processed: number(progress.skills_processed),
            skills_changed: number(progress.skills_changed),
            message: progress.message,
        }
    }
}

#[napi(object)]
pub struct SyncResult {
    pub success: bool,
    pub skills_added: i64,
    pub skills_updated: i64,
    pub skills_unchanged: i64,
    pub skills_rejected: i64,
    pub skills_removed: i64,
    pub total_processed: i64,
    pub errors: Vec<String>,
    pub warnings: Vec<String>,
    #[napi(ts_type = "'complete' | 'best-effort'")]
    pub coverage: String,
    pub duration_ms: i64,
    pub requests: i64,
    pub dry_run: bool,
}

impl From<core::SyncResult> for SyncResult {
    fn from(result: core::SyncResult) -> Self {
        Self {
            success: result.success,
            skills_added: number(result.skills_added),
            skills_updated: number(result.skills_updated),
            skills_unchanged: number(result.skills_unchanged),
            skills_rejected: number(result.skills_rejected),
            skills_removed: number(result.skills_removed),
            total_processed: number(result.total_processed),
            errors: result.errors,
            warnings: result.warnings,
            coverage: result.coverage.as_str().to_owned(),
            duration_ms: number(result.duration_ms),
            requests: number(result.requests),
            dry_run: result.dry_run,
        }
    }
}

/// An error of another thread, as a plain object. The package makes an exception of it.
#[napi(object, object_from_js = false)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub cause: Option<FailureCause>,
}

/// The cause of an error, as far as it has numbers.
#[napi(object, object_from_js = false)]
pub struct FailureCause {
    pub message: String,
    pub os_error: Option<i32>,
    pub http_status: Option<u32>,
    pub sqlite_code: Option<i32>,
}

impl Failure {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: code.name().to_owned(),
            message: message.into(),
            cause: None,
        }
    }
}

impl FailureCause {
    pub fn of(error: &core::Error) -> Option<Self> {
        error.origin().map(|origin| Self {
            message: origin.message,
            os_error: origin.os_error,
            http_status: origin.http_status.map(Into::into),
            sqlite_code: origin.sqlite_code,
        })
    }
}

impl From<core::Error> for Failure {
    fn from(error: core::Error) -> Self {
        Self {
            cause: FailureCause::of(&error),
            ..Self::new(error.code(), error.to_string())
        }
    }
}
