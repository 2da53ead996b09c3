//! Requests pages of the current pass.

use super::{Lister, Step};
use crate::Result;
use crate::engine::gap::Gap;
use crate::engine::plan::Pass;
use crate::registry::{Call, Page};

impl Lister<'_> {
    pub(super) fn ask_page(&mut self, pass: &Pass, call: &Call<'_>) -> Result<Option<Step>> {
        let asked = self.cursor.at.asked(self.limit);
        let gap = self.known_gap(pass, asked.start, asked.limit);
        let single_try = gap.is_some() || self.failed_in_row > 0;
        match self.ask(pass, asked, single_try, call) {
            Ok(came) => self.take(pass, asked, came).map(Some),
            Err(error) => self.page_failed(pass, asked, gap.as_ref(), error, call),
        }
    }

    pub(super) fn search(
        &mut self,
        pass: &Pass,
        offset: u64,
        limit: u64,
        single_try: bool,
        call: &Call<'_>,
    ) -> Result<Page> {
        let since = self.cursor.since.clone();
        self.search_since(pass, since.as_deref(), (offset, limit), single_try, call)
    }

    pub(super) fn search_since(
        &mut self,
        pass: &Pass,
        since: Option<&str>,
        (offset, limit): (u64, u64),
        single_try: bool,
        call: &Call<'_>,
    ) -> Result<Page> {
        let limit = self.limit_of(limit);
        let registry = self.registry;
        let page = self.send(single_try, call, |call| {
            pass.fetch(registry, since, (offset, limit), call)
        })?;
        if *pass == Pass::Sync {
            self.cursor.horizon.note(&page, call.clock.now());
            self.cursor.misses_endpoint = false;
            self.endpoint_answered = true;
        }
        Ok(page)
    }

    pub(super) fn limit_of(&self, limit: u64) -> u32 {
        u32::try_from(limit).unwrap_or(self.page_size).max(1)
    }

    /// Makes one request, which is counted.
    pub(super) fn send<T>(
        &mut self,
        single_try: bool,
        call: &Call<'_>,
        request: impl FnOnce(&Call<'_>) -> Result<T>,
    ) -> Result<T> {
        self.pages = self.pages.saturating_add(1);
        let call = Call {
            single_try,
            ..*call
        };
        call.count_request()?;
        let found = request(&call)?;
        self.has_answered = true;
        Ok(found)
    }

    pub(super) fn known_gap(&self, pass: &Pass, start: u64, length: u64) -> Option<Gap> {
        let mut gaps = self.known_gaps.iter();
        gaps.find(|gap| gap.touches(pass, start, length)).cloned()
    }
}
