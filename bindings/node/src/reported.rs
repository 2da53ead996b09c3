//! A registry whose requests are told to JavaScript, for the subscribers of its diagnostics.

use std::sync::Arc;
use std::time::Instant;

use skillsmith_sync::registry::{
    Call, Caller, Health, Page, PageRequest, Registry, SyncRequest, Validator,
};
use skillsmith_sync::{Log, Result};

use crate::event::TaskEvent;
use crate::task::EventSender;

pub struct Reported {
    pub registry: Arc<dyn Registry>,
    pub events: EventSender,
}

impl Reported {
    /// Makes a request, and tells of it before and after. `rows` counts those of the answer.
    fn tell<T>(
        &self,
        kind: &'static str,
        limit: Option<u32>,
        offset: u64,
        rows: fn(&T) -> Option<usize>,
        request: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let report = |outcome: Option<(&Result<T>, u128)>| {
            // Fails only after the environment has ended.
            _ = self.events.send(TaskEvent::Request {
                kind: kind.to_owned(),
                limit,
                offset: i64::try_from(offset).unwrap_or(i64::MAX),
                duration_ms: outcome.map(|(_, ms)| i64::try_from(ms).unwrap_or(i64::MAX)),
                rows: outcome
                    .and_then(|(answer, _)| rows(answer.as_ref().ok()?))
                    .and_then(|rows| rows.try_into().ok()),
                code: outcome
                    .and_then(|(answer, _)| answer.as_ref().err())
                    .map(|error| error.code().name().to_owned()),
            });
        };
        report(None);
        let start = Instant::now();
        let answer = request();
        report(Some((&answer, start.elapsed().as_millis())));
        answer
    }
}

impl Registry for Reported {
    fn name(&self) -> String {
        self.registry.name()
    }

    fn is_offline(&self) -> bool {
        self.registry.is_offline()
    }

    fn check_health(&self, call: &Call<'_>) -> Result<Health> {
        let request = || self.registry.check_health(call);
        self.tell("health", None, 0, |_| None, request)
    }

    fn search(&self, page: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let request = || self.registry.search(page, call);
        let rows = |page: &Page| Some(page.row_count());
        self.tell("search", Some(page.limit), page.offset, rows, request)
    }

    fn search_if_changed(
        &self,
        page: &PageRequest,
        known: &Validator,
        call: &Call<'_>,
    ) -> Result<Option<Page>> {
        let request = || self.registry.search_if_changed(page, known, call);
        let rows = |page: &Option<Page>| page.as_ref().map(Page::row_count);
        self.tell("search", Some(page.limit), page.offset, rows, request)
    }

    fn sync_registry(&self, page: &SyncRequest, call: &Call<'_>) -> Result<Page> {
        let request = || self.registry.sync_registry(page, call);
        let rows = |page: &Page| Some(page.row_count());
        self.tell("sync", Some(page.limit), page.offset, rows, request)
    }

    fn log(&self) -> Log {
        self.registry.log()
    }

    fn warnings(&self) -> Vec<String> {
        self.registry.warnings()
    }

    fn caller(&self) -> Caller {
        self.registry.caller()
    }

    fn next_caller(&self) -> Caller {
        self.registry.next_caller()
    }
}
