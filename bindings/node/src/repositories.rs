//! The three repositories. Their calls are short and run on the JavaScript thread.

use napi_derive::napi;
use skillsmith_sync as core;
use skillsmith_sync::search::{ListOptions, SearchOptions, SkillFilter};
use skillsmith_sync::{
    SkillRepository, SyncConfigRepository, SyncConfigUpdate, SyncFrequency, SyncHistoryRepository,
};

use crate::boundary::{Result, boundary};
use crate::clock::clock;
use crate::database::NativeDatabase;
use crate::values::{
    SkillRecord, SyncConfig, SyncHistoryEntry, SyncRunResult, SyncStats, count, number,
};

#[napi]
pub struct NativeConfig {
    inner: SyncConfigRepository,
}

#[napi]
impl NativeConfig {
    #[napi(constructor)]
    pub fn new(database: &NativeDatabase) -> Self {
        Self {
            inner: SyncConfigRepository::with_clock(&database.inner, clock()),
        }
    }

    #[napi]
    pub fn get(&self) -> Result<SyncConfig> {
        boundary(|| Ok(self.inner.get_config()?.into()))
    }

    #[napi]
    pub fn update(&self, enabled: Option<bool>, frequency: Option<String>) -> Result<SyncConfig> {
        boundary(|| {
            let mut update = SyncConfigUpdate::new();
            update.enabled = enabled;
            update.frequency = frequency.map(|word| word.parse()).transpose()?;
            Ok(self.inner.update_config(update)?.into())
        })
    }

    #[napi]
    pub fn set_last_sync(&self, timestamp: String, count: i64) -> Result<()> {
        boundary(|| self.inner.set_last_sync(&timestamp, count))
    }

    #[napi]
    pub fn set_last_sync_error(&self, error: String) -> Result<()> {
        boundary(|| self.inner.set_last_sync_error(&error))
    }

    #[napi]
    pub fn clear_error(&self) -> Result<()> {
        boundary(|| self.inner.clear_error())
    }

    #[napi]
    pub fn calculate_next_sync(&self, last_sync_at: String, interval_ms: i64) -> Result<String> {
        boundary(|| self.inner.calculate_next_sync(&last_sync_at, interval_ms))
    }

    #[napi]
    pub fn is_sync_due(&self) -> Result<bool> {
        boundary(|| self.inner.is_sync_due())
    }

    #[napi(ts_return_type = "number | null")]
    pub fn request_budget(&self) -> Result<Option<i64>> {
        boundary(|| Ok(self.inner.request_budget()?.map(number)))
    }

    #[napi]
    pub fn set_request_budget(&self, budget: Option<i64>) -> Result<()> {
        boundary(|| self.inner.set_request_budget(budget.map(count)))
    }
}

/// The interval of `frequency` in milliseconds.
#[napi]
pub fn frequency_interval(frequency: String) -> Result<i64> {
    boundary(|| Ok(frequency.parse::<SyncFrequency>()?.interval_ms()))
}

#[napi]
pub struct NativeHistory {
    inner: SyncHistoryRepository,
}

#[napi]
impl NativeHistory {
    #[napi(constructor)]
    pub fn new(database: &NativeDatabase) -> Self {
        Self {
            inner: SyncHistoryRepository::with_clock(&database.inner, clock()),
        }
    }

    #[napi]
    pub fn start_run(&self) -> Result<String> {
        boundary(|| self.inner.start_run())
    }

    #[napi]
    pub fn complete_run(&self, id: String, result: SyncRunResult) -> Result<()> {
        boundary(|| self.inner.complete_run(&id, result.into()))
    }

    #[napi]
    pub fn complete_run_partial(
        &self,
        id: String,
        result: SyncRunResult,
        error_message: String,
    ) -> Result<()> {
        boundary(|| {
            self.inner
                .complete_run_partial(&id, result.into(), &error_message)
        })
    }

    #[napi]
    pub fn fail_run(&self, id: String, error: String) -> Result<()> {
        boundary(|| self.inner.fail_run(&id, &error))
    }

    #[napi(ts_return_type = "SyncHistoryEntry | null")]
    pub fn get_by_id(&self, id: String) -> Result<Option<SyncHistoryEntry>> {
        boundary(|| Ok(self.inner.get_by_id(&id)?.map(Into::into)))
    }

    #[napi]
    pub fn get_history(&self, limit: u32) -> Result<Vec<SyncHistoryEntry>> {
        boundary(|| Ok(entries(self.inner.get_history(limit)?)))
    }

    #[napi]
    pub fn get_last_successful(&self) -> Result<Option<SyncHistoryEntry>> {
        boundary(|| Ok(self.inner.get_last_successful()?.map(Into::into)))
    }

    #[napi]
    pub fn get_running(&self) -> Result<Vec<SyncHistoryEntry>> {
        boundary(|| Ok(entries(self.inner.get_running()?)))
    }

    #[napi]
    pub fn is_running(&self) -> Result<bool> {
        boundary(|| self.inner.is_running())
    }

    #[napi]
    pub fn cleanup(&self, days_to_keep: u32) -> Result<i64> {
        boundary(|| {
            let deleted = self.inner.cleanup(days_to_keep)?;
            Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
        })
    }

    #[napi]
    pub fn count(&self) -> Result<i64> {
        boundary(|| self.inner.count())
    }

    #[napi]
    pub fn get_stats(&self) -> Result<SyncStats> {
        boundary(|| Ok(self.inner.get_stats()?.into()))
    }
}

fn entries(entries: Vec<core::SyncHistoryEntry>) -> Vec<SyncHistoryEntry> {
    entries.into_iter().map(Into::into).collect()
}

/// Options of a search or a list, which the package has checked. Missing ones are at their default.
#[napi(object, object_to_js = false)]
pub struct SkillQuery {
    pub limit: Option<u32>,
    pub offset: Option<u32>,
    pub after: Option<String>,
    pub category: Option<String>,
    pub trust_tier: Option<String>,
    pub min_score: Option<f64>,
    pub safe_only: Option<bool>,
    pub source: Option<String>,
}

impl SkillQuery {
    fn filter(&mut self) -> SkillFilter {
        let mut filter = SkillFilter::new().safe_only(self.safe_only.unwrap_or_default());
        if let Some(category) = self.category.take() {
            filter = filter.category(category);
        }
        if let Some(tier) = self.trust_tier.take() {
            filter = filter.trust_tier(tier);
        }
        if let Some(score) = self.min_score {
            filter = filter.min_score(score);
        }
        if let Some(source) = self.source.take() {
            filter = filter.source(source);
        }
        filter
    }
}

impl From<SkillQuery> for SearchOptions {
    fn from(mut query: SkillQuery) -> Self {
        let mut options = Self::new().filter(query.filter());
        if let Some(limit) = query.limit {
            options = options.limit(limit);
        }
        options.offset(query.offset.unwrap_or_default())
    }
}

impl From<SkillQuery> for ListOptions {
    fn from(mut query: SkillQuery) -> Self {
        let mut options = Self::new().filter(query.filter());
        if let Some(limit) = query.limit {
            options = options.limit(limit);
        }
        if let Some(id) = query.after {
            options = options.after(id);
        }
        options
    }
}

fn json(value: &impl serde::Serialize) -> core::Result<String> {
    serde_json::to_string(value).map_err(|error| core::Error::Internal(error.to_string()))
}

#[napi]
pub struct NativeSkills {
    inner: SkillRepository,
}

#[napi]
impl NativeSkills {
    #[napi(constructor)]
    pub fn new(database: &NativeDatabase) -> Self {
        Self {
            inner: SkillRepository::new(&database.inner),
        }
    }

    #[napi]
    pub fn find_by_id(&self, id: String) -> Result<Option<SkillRecord>> {
        boundary(|| Ok(self.inner.find_by_id(&id)?.map(Into::into)))
    }

    /// The answer as JSON text, as are those below: they have many objects, which JavaScript makes of it faster.
    #[napi]
    pub fn search(&self, text: String, query: SkillQuery) -> Result<String> {
        boundary(|| json(&self.inner.search(&text, &query.into())?))
    }

    #[napi]
    pub fn list(&self, query: SkillQuery) -> Result<String> {
        boundary(|| json(&self.inner.list(&query.into())?))
    }

    /// `null` where there is no such skill.
    #[napi]
    pub fn get(&self, id: String) -> Result<String> {
        boundary(|| json(&self.inner.get(&id)?))
    }

    #[napi]
    pub fn freshness(&self) -> Result<String> {
        boundary(|| json(&self.inner.freshness()?))
    }

    #[napi]
    pub fn exists(&self, id: String) -> Result<bool> {
        boundary(|| self.inner.exists(&id))
    }

    #[napi]
    pub fn count(&self) -> Result<i64> {
        boundary(|| self.inner.count())
    }
}
