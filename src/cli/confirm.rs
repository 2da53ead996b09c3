//! The question before a large first listing, at a terminal.

use std::path::Path;
use std::time::{Duration, Instant};

use super::args::SyncArguments;
use super::console::{Console, STRONG};
use super::database;
use super::time::duration;
use crate::clock::{Clock, SystemClock};
use crate::engine::{Counter, DEFAULT_PAGE_SIZE};
use crate::registry::{Call, RegistryStatistics};
use crate::{Database, Error, Result, SkillsmithApiClient, SyncHistoryRepository};

/// A listing of more skills than this is not started without a word.
const LARGE: u64 = 10_000;

/// The size is worth no longer wait: where it does not come, nothing is asked.
const STATISTICS_TIMEOUT: Duration = Duration::from_secs(5);

/// Besides the pages: health, the end of the listing, and a fallback.
const REQUESTS_BESIDE: u64 = 3;

/// Asks whether a large first listing is wanted. Returns the requests that were sent for the question.
///
/// Nothing is asked with `--yes` or `--json`, where `CI` is set, or where nobody can answer.
///
/// # Errors
/// [`Error::Cancelled`] where the answer is no, or Ctrl-C.
pub(super) fn first_listing(
    arguments: &SyncArguments,
    client: &SkillsmithApiClient,
    path: &Path,
    console: &Console<'_>,
) -> Result<u64> {
    let is_wanted = arguments.yes || console.json || !console.can_ask();
    if is_wanted {
        return Ok(0);
    }
    let Some(counter) = counter_of_first(path, console)? else {
        return Ok(0);
    };
    let begun = Instant::now();
    let cancel = &console.terminal.cancel;
    let call = Call {
        single_try: true,
        meter: Some(&counter),
        ..Call::new(cancel, &SystemClock).time_limit(STATISTICS_TIMEOUT)
    };
    let asked = call.count_request().and_then(|()| client.statistics(&call));
    let statistics = match asked {
        Ok(statistics) => statistics,
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        // Nothing was sent.
        Err(Error::Offline) => return Ok(0),
        // The sync itself tells what is wrong; not every registry has this endpoint.
        Err(_) => return Ok(counter.used()),
    };
    let Some(skills) = statistics.skill_count.filter(|skills| *skills > LARGE) else {
        return Ok(counter.used());
    };
    let rows = arguments.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
    let requests = requests_of(skills, rows);
    let time = estimated_time(requests, begun.elapsed(), &statistics);
    let question = format!(
        "The registry has {STRONG}{skills}{STRONG:#} skills. The first sync sends about {requests} requests and takes \
         about {}. Later syncs fetch only what has changed.\nContinue? [Y/n] ",
        duration(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    );
    if console.ask(&question)? {
        Ok(counter.used())
    } else {
        Err(Error::Cancelled)
    }
}

/// The counter of the requests before a first sync, within the user's budget; `None` if a sync of
/// this database was started before.
fn counter_of_first(path: &Path, console: &Console<'_>) -> Result<Option<Counter>> {
    if database::is_missing(path) {
        return Ok(Some(Counter::default()));
    }
    let database: Database = database::for_reading(path, console)?;
    let history = SyncHistoryRepository::new(&database).get_history(1)?;
    if history.is_empty() {
        Counter::before_run(&database, SystemClock.now()).map(Some)
    } else {
        Ok(None)
    }
}

/// Each page begins with the last row of the one before it. The live registry sends no larger pages than
/// the default.
fn requests_of(skills: u64, page_size: u32) -> u64 {
    let new_rows = u64::from(page_size.clamp(2, DEFAULT_PAGE_SIZE)).saturating_sub(1);
    skills.div_ceil(new_rows).saturating_add(REQUESTS_BESIDE)
}

/// By how long one request took, and by the requests that the registry allows in a minute.
fn estimated_time(requests: u64, of_one: Duration, statistics: &RegistryStatistics) -> Duration {
    let one_by_one = of_one.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX));
    let in_a_minute = statistics.rate_limit.filter(|limit| *limit > 0);
    let minutes = in_a_minute.map_or(0, |limit| requests.saturating_sub(1) / limit);
    one_by_one.max(Duration::from_secs(minutes.saturating_mul(60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_as_a_first_sync_sends_them() {
        assert_eq!(requests_of(9_900, 100), 103);
        assert_eq!(requests_of(9_901, 100), 104);
        // No registry is known to send more.
        assert_eq!(requests_of(9_900, 10_000), 103);
        assert_eq!(requests_of(100, 1), 103);
    }

    #[test]
    fn a_rate_limit_makes_it_longer() {
        let mut statistics = RegistryStatistics::default();
        let time = |statistics: &RegistryStatistics| {
            estimated_time(300, Duration::from_millis(100), statistics)
        };
        assert_eq!(time(&statistics), Duration::from_secs(30));
        statistics.rate_limit = Some(30);
        assert_eq!(time(&statistics), Duration::from_secs(9 * 60));
        statistics.rate_limit = Some(0);
        assert_eq!(time(&statistics), Duration::from_secs(30));
    }
}
