//! What a run is told, and what it tells while it runs.

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

use skillsmith_sync::engine::Listing;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{CancelToken, Error, Result, SyncOptions, SyncPhase, SyncProgress};

use crate::api::cancel::skillsmith_cancel_token;
use crate::ffi::error::readable;
use crate::ffi::handles::HandlePtr;
use crate::ffi::members::options;

/// Phase of a run.
///
/// The phases first appear in this order. Fetching and upserting then alternate, because
/// each page is written when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_sync_phase {
    /// Checking the health of the registry.
    SKILLSMITH_SYNC_PHASE_CONNECTING = 1,
    /// Reading pages.
    SKILLSMITH_SYNC_PHASE_FETCHING = 2,
    /// Comparing rows with the database.
    SKILLSMITH_SYNC_PHASE_COMPARING = 3,
    /// Writing.
    SKILLSMITH_SYNC_PHASE_UPSERTING = 4,
    /// Done: the last phase of every run that read the whole listing.
    SKILLSMITH_SYNC_PHASE_COMPLETE = 5,
}

impl From<SyncPhase> for skillsmith_sync_phase {
    fn from(phase: SyncPhase) -> Self {
        match phase {
            SyncPhase::Connecting => Self::SKILLSMITH_SYNC_PHASE_CONNECTING,
            SyncPhase::Fetching => Self::SKILLSMITH_SYNC_PHASE_FETCHING,
            SyncPhase::Comparing => Self::SKILLSMITH_SYNC_PHASE_COMPARING,
            SyncPhase::Upserting => Self::SKILLSMITH_SYNC_PHASE_UPSERTING,
            SyncPhase::Complete => Self::SKILLSMITH_SYNC_PHASE_COMPLETE,
            _ => unreachable!("a phase of the core that has no number here"),
        }
    }
}

/// Progress of a run. Valid until the callback returns.
#[derive(Debug)]
#[repr(C)]
pub struct skillsmith_sync_progress {
    /// Current phase.
    pub phase: skillsmith_sync_phase,
    /// Number of rows read; while upserting, number of changed rows written.
    pub current: u64,
    /// Number of rows of the listing, 0 while unknown; while upserting, number of changed
    /// rows found so far.
    pub total: u64,
    /// Number of skills compared so far.
    pub skills_processed: u64,
    /// Number of new or changed skills found so far.
    pub skills_changed: u64,
    /// Message for the user: the progress, or the reason for a wait. Never NULL, but may be
    /// "". A U+0000 in it becomes U+FFFD.
    pub message: *const c_char,
}

/// Called with the progress of a run, on the thread that called
/// `skillsmith_sync_engine_sync`, while no lock is held and no transaction is open.
///
/// Returns 0 to continue; any other value ends the run as failed with `HOST_ERROR`. What
/// was written is kept. It may call any function of this library; another sync of the same
/// database fails with `SYNC_IN_PROGRESS`.
pub type skillsmith_progress_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        progress: *const skillsmith_sync_progress,
    ) -> c_int,
>;

/// Which listings of a registry may be used.
#[expect(dead_code, reason = "callers in C give them")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_listing {
    /// What the environment variable `SKILLSMITH_LISTING` says (`auto` or `search`), else
    /// `SKILLSMITH_LISTING_AUTO`.
    SKILLSMITH_LISTING_DEFAULT = 0,
    /// The sync endpoint or, if the registry has none, its search. If it reserves the endpoint
    /// for some plans, the run fails with `PLAN_REQUIRED`.
    SKILLSMITH_LISTING_AUTO = 1,
    /// Only its search: for a registry of your own, or where you are allowed to use it.
    SKILLSMITH_LISTING_SEARCH = 2,
}

/// A listing as the caller gives it: any number at all.
pub type skillsmith_listing_value = i32;

/// The listing that a caller names; `None` for the default.
pub(crate) fn named_listing(value: skillsmith_listing_value) -> Result<Option<Listing>> {
    match value {
        0 => Ok(None),
        1 => Ok(Some(Listing::Auto)),
        2 => Ok(Some(Listing::Search)),
        other => Err(Error::InvalidArgument(format!(
            "Unknown listing {other}. Use SKILLSMITH_LISTING_DEFAULT, _AUTO or _SEARCH."
        ))),
    }
}

/// The listing of an engine's runs: the only one that its registry has, or the one that is named,
/// or that of the environment.
pub(crate) fn listing(only: Option<Listing>, named: Option<Listing>) -> Result<Listing> {
    let wanted = match named {
        Some(named) => named,
        None => Listing::of_environment(&Environment::of_process())?,
    };
    Ok(only.unwrap_or(wanted))
}

/// Options of a sync. A zero member means its default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_sync_options {
    /// `sizeof(skillsmith_sync_options)`.
    pub struct_size: usize,
    /// Not 0: compare the content of every row instead of its timestamp, and ignore the
    /// time of the last sync. Default: 0.
    pub force: c_int,
    /// Not 0: only count the changes; write no row, history entry or schedule. What the database would refuse is counted
    /// too. Default: 0.
    pub dry_run: c_int,
    /// Rows per page, up to 10000; the registry may send fewer. Default: 100.
    pub page_size: u32,
    /// Longest duration of the run in milliseconds. The next run continues where this one
    /// stopped. Default: 1800000, 30 minutes.
    pub deadline_ms: u64,
    /// Called with the progress of the run. Default: none.
    pub on_progress: skillsmith_progress_callback,
    /// Passed to `on_progress`.
    pub user_data: *mut c_void,
    /// Cancels the run. Default: none. It may be freed during the run, and is not changed.
    pub cancel: HandlePtr<skillsmith_cancel_token>,
    /// Which listings of the registry may be used, one of `skillsmith_listing`. Default: what
    /// `SKILLSMITH_LISTING` says.
    pub listing: skillsmith_listing_value,
    /// How long runs request only changes from the sync endpoint, in milliseconds, before one
    /// lists everything again, which finds what changed without a new timestamp; 1: every run
    /// lists everything. For as long, a page of the search is requested with a condition (its
    /// `ETag` or `Last-Modified`), and not sent while it is unchanged. Default: 2592000000, 30
    /// days.
    pub full_listing_every_ms: u64,
    /// The most requests of this run. If it reaches them, it ends as partial, without an
    /// error, and the next run continues from there. Default: no bound.
    pub request_budget: u64,
    /// The most requests of all runs of the database in a calendar month (UTC). Default:
    /// that of `skillsmith_sync_config_repository_set_request_budget`, else no bound.
    pub monthly_request_budget: u64,
    /// Not 0: read a whole listing, and remove the skills that neither it nor the whole listing
    /// before has. The user's own skills always stay. Nothing is removed after a listing that was
    /// read in several runs or leaves anything in doubt, in a database that several registries
    /// have filled or whose skills have no `source`, or if it would be more than a tenth of the
    /// table, unless `force` is set; the errors and warnings then say why. Where another engine has
    /// synced the file since, it takes two such listings again. Default: 0.
    pub prune: c_int,
}

// `repr(C)`, the size first, and numbers and pointers only.
options!(skillsmith_sync_options as "options" {
    struct_size, force, dry_run, page_size, deadline_ms, on_progress, user_data, cancel,
    listing, full_listing_every_ms, request_budget, monthly_request_budget, prune,
});

/// The options of the core. `only_listing`: the one that the registry has.
pub(crate) fn sync_options(
    given: Option<skillsmith_sync_options>,
    only_listing: Option<Listing>,
) -> Result<SyncOptions<'static>> {
    let Some(given) = given else {
        return Ok(SyncOptions::new().listing(listing(only_listing, None)?));
    };
    // A child token: a callback that ends this run must not end other runs with the same
    // token.
    let token = given.cancel.get_optional()?;
    let cancel = token.map_or_else(CancelToken::new, |token| token.child());
    let mut options = SyncOptions::new()
        .force(given.force != 0)
        .dry_run(given.dry_run != 0)
        .prune(given.prune != 0)
        .listing(listing(only_listing, named_listing(given.listing)?)?)
        .cancel(cancel.clone());
    options = bounded(options, &given);
    if let Some(callback) = given.on_progress {
        let mut ended = false;
        options = options.on_progress(move |progress| {
            // A callback that has ended the run is not called again, although the run takes
            // a moment to end.
            if ended {
                return;
            }
            // SAFETY: the host's function, with what its type says.
            let returned = show(progress, |progress| unsafe {
                callback(given.user_data, progress)
            });
            if returned != 0 {
                ended = true;
                cancel.cancel_because(format!(
                    "The progress callback ended the sync (it returned {returned})."
                ));
            }
        });
    }
    Ok(options)
}

/// The numbers, of which zero is the default.
fn bounded<'a>(mut options: SyncOptions<'a>, given: &skillsmith_sync_options) -> SyncOptions<'a> {
    if given.page_size != 0 {
        options = options.page_size(given.page_size);
    }
    if given.deadline_ms != 0 {
        options = options.deadline(Duration::from_millis(given.deadline_ms));
    }
    if given.full_listing_every_ms != 0 {
        options = options.full_listing_every(Duration::from_millis(given.full_listing_every_ms));
    }
    if given.request_budget != 0 {
        options = options.request_budget(given.request_budget);
    }
    if given.monthly_request_budget != 0 {
        options = options.monthly_request_budget(given.monthly_request_budget);
    }
    options
}

fn show<R>(progress: &SyncProgress, callback: impl FnOnce(&skillsmith_sync_progress) -> R) -> R {
    let message = readable(progress.message.as_deref().unwrap_or_default());
    callback(&skillsmith_sync_progress {
        phase: progress.phase.into(),
        current: progress.current,
        total: progress.total,
        skills_processed: progress.skills_processed,
        skills_changed: progress.skills_changed,
        message: message.as_ptr(),
    })
}
