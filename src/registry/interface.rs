//! What the engine asks of a registry.

use super::{Call, Caller, Health, Page, PageRequest, SyncRequest, Validator};
use crate::log::Log;
use crate::{Error, Result};

/// A source of skills: the live registry, or a replacement for it.
///
/// The engine calls it on a thread of its own. Calls may block, and should return soon after
/// [`Call::cancel`] is cancelled. Retries are up to the implementation; it makes none if
/// [`Call::single_try`] is set.
///
/// A registry in a file:
///
/// ```
/// use std::sync::Arc;
/// use skillsmith_sync::registry::{Call, Health, Page, PageRequest, Registry};
/// use skillsmith_sync::{Database, Result, SyncEngine, SyncOptions};
///
/// struct Fixed(&'static [u8]);
///
/// impl Registry for Fixed {
///     fn name(&self) -> String {
///         "fixed".into()
///     }
///
///     fn is_offline(&self) -> bool {
///         false
///     }
///
///     fn check_health(&self, _: &Call<'_>) -> Result<Health> {
///         Ok(Health::Healthy)
///     }
///
///     fn search(&self, request: &PageRequest, _: &Call<'_>) -> Result<Page> {
///         // Everything is on the first page.
///         Page::parse(if request.offset == 0 { self.0 } else { br#"{"data": []}"# })
///     }
/// }
///
/// let registry = Fixed(br#"{"data": [{"id": "a/b", "name": "b"}, {"id": "c/d", "name": "d"}]}"#);
/// let engine = SyncEngine::new(Arc::new(registry), &Database::open_in_memory()?);
/// let result = engine.sync(SyncOptions::new())?;
/// assert_eq!(result.skills_added, 2);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
pub trait Registry: Send + Sync {
    /// Identifies the registry: the base URL. The cursor of an unfinished listing, and the listing
    /// plan that worked, are stored under this name.
    fn name(&self) -> String;

    /// Whether nothing may be sent at all.
    fn is_offline(&self) -> bool;

    /// Checks the health of the registry.
    fn check_health(&self, call: &Call<'_>) -> Result<Health>;

    /// Fetches one page of the listing.
    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page>;

    /// Fetches one page of the listing, unless it is still the one that came with `known`: then
    /// `None`. By default the page is fetched.
    #[doc(hidden)]
    fn search_if_changed(
        &self,
        request: &PageRequest,
        _known: &Validator,
        call: &Call<'_>,
    ) -> Result<Option<Page>> {
        self.search(request, call).map(Some)
    }

    /// Fetches one page of the sync endpoint: all rows, ordered by id, or with
    /// [`since`](SyncRequest::since) those changed later.
    ///
    /// A registry without this endpoint returns [`Error::Refused`] with status 404, 405, 410 or
    /// 501, as the default implementation does. The engine then uses [`search`](Self::search).
    fn sync_registry(&self, _request: &SyncRequest, _call: &Call<'_>) -> Result<Page> {
        Err(Error::Refused {
            status: 404,
            detail: None,
        })
    }

    /// Where a sync with this registry logs its progress. Default: nowhere.
    fn log(&self) -> Log {
        Log::default()
    }

    /// What the result of a sync says of how the registry is asked, beside what it says of the run.
    #[doc(hidden)]
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Who has asked last.
    #[doc(hidden)]
    fn caller(&self) -> Caller {
        Caller::default()
    }

    /// Who will ask next, as far as that is known. Sends nothing, and may read a file.
    #[doc(hidden)]
    fn next_caller(&self) -> Caller {
        self.caller()
    }
}
