//! Whole runs: the bytes are a script of what a registry does, and what happens in between.
//!
//! A few hundred requests at most, whatever the script says; the table holds nothing that was not
//! served, and the counts are those of the table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use skillsmith_sync::clock::{Clock, from_iso};
use skillsmith_sync::engine::SyncResult;
use skillsmith_sync::registry::{Call, Page, PageRequest};
use skillsmith_sync::{
    CancelToken, Database, Error, Result, SyncEngine, SyncHistoryRepository, SyncOptions,
};

use super::answering::Answering;
use super::bytes::Bytes;
use super::folder::Folder;

/// Far more than any honest listing of so few skills can take, in every plan and read again.
const MOST_REQUESTS: u64 = 6_000;

const TIERS: [Option<&str>; 6] = [
    Some("verified"),
    Some("community"),
    Some("curated"),
    Some("platinum"),
    None,
    Some("local"),
];

const STAMPS: [&str; 14] = [
    "2026-01-31T08:00:00Z",
    "2026-02-01T08:00:00.123456789Z",
    "2026-02-01 08:00:00",
    "2026-02-01T10:00:00+02:00",
    "2099-01-01T00:00:00Z",
    "+262142-12-31T23:59:60.9+00:00",
    "-262143-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "1969-12-31T23:59:59Z",
    "2016-12-31T23:59:60.5Z",
    "soon",
    "",
    "0000-00-00T00:00:00Z",
    "2026-02-01T08:00:00.00000000000000000001Z",
];

pub fn runs(data: &[u8]) {
    let mut bytes = Bytes(data);
    let setting = bytes.byte();
    let place = Place::new(setting & 1 == 1);
    let clock = Arc::new(FuzzClock::default());
    let registry = Arc::new(Scripted {
        state: Mutex::new(State::new(&mut bytes)),
        requests: AtomicU64::new(0),
        clock: Arc::clone(&clock),
    });
    for run in 0..3 {
        if run > 0 && bytes.is_empty() {
            break;
        }
        registry.with(|state| state.begin(&mut bytes, run));
        clock.jump(bytes.byte());
        let options = SyncOptions::new()
            .force(bytes.below(4) == 1)
            .dry_run(bytes.below(8) == 1)
            .page_size(bytes.one_of(&[100, 1, 7, 10_000, 20]));
        one_run(&place, &registry, &clock, options);
    }
}

fn one_run(
    place: &Place,
    registry: &Arc<Scripted>,
    clock: &Arc<FuzzClock>,
    options: SyncOptions<'_>,
) {
    let before = place.rows();
    registry.requests.store(0, Ordering::SeqCst);
    let scripted = Arc::clone(registry);
    let engine = SyncEngine::with_clock(
        Arc::new(Answering(move |request: &PageRequest, call: &Call<'_>| {
            scripted.search(request, call)
        })),
        &place.database,
        Arc::clone(clock) as Arc<dyn Clock>,
    );
    let result = engine.sync(options).expect("the options are right");
    let after = place.rows();
    let status = engine.get_status().expect("a status");
    assert!(!status.is_running);

    let requests = registry.requests.load(Ordering::SeqCst);
    let claims_more = registry.with(|state| state.claims_more);
    assert!(
        requests < MOST_REQUESTS || claims_more,
        "{requests} requests"
    );
    assert!(
        !result
            .errors
            .iter()
            .any(|error| error.contains("Internal error")),
        "{result:?}"
    );
    assert_eq!(
        result.skills_added
            + result.skills_updated
            + result.skills_unchanged
            + result.skills_rejected,
        result.total_processed,
        "{result:?}"
    );
    registry.with(|state| {
        for (id, name) in &after {
            assert!(
                state.served.contains(&(id.clone(), name.clone())),
                "nobody served {id:?} {name:?}"
            );
        }
    });
    for id in before.keys() {
        assert!(after.contains_key(id), "{id} is gone");
    }
    let new = after.keys().filter(|id| !before.contains_key(*id)).count() as u64;
    if result.dry_run {
        assert_eq!(before, after, "a dry run wrote");
        return;
    }
    assert_eq!(result.skills_added, new, "{result:?}");
    history_says_the_same(place, &result);
    comes_back_within_a_month(place);
}

fn history_says_the_same(place: &Place, result: &SyncResult) {
    let runs = SyncHistoryRepository::new(&place.database);
    let entries = runs.get_history(u32::MAX).expect("a history");
    // The clock jumps, so the newest is not always the last one; but this run's is there.
    assert!(
        entries.iter().any(|entry| entry.status == result.status
            && entry.skills_added.unsigned_abs() == result.skills_added
            && entry.skills_updated.unsigned_abs() == result.skills_updated
            && entry.skills_unchanged.unsigned_abs() == result.skills_unchanged),
        "{result:?} is in no entry of {entries:?}"
    );
}

/// Whatever a registry says of when to come back.
fn comes_back_within_a_month(place: &Place) {
    let kept: Option<String> = place
        .look()
        .query_row(
            "SELECT value FROM sync_state WHERE key = 'backoff'",
            [],
            |row| row.get(0),
        )
        .ok();
    let Some(kept) = kept else { return };
    let kept: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
    let time = |key: &str| kept[key].as_str().and_then(from_iso);
    let (Some(failed), Some(next)) = (time("failed_at"), time("next_try_at")) else {
        return;
    };
    assert!(next - failed <= TimeDelta::days(32), "{kept}");
}

/// A database in a file: one in memory cannot be looked at from outside.
struct Place {
    database: Database,
    /// Deleted after the database is closed.
    _folder: Folder,
}

impl Place {
    fn new(rollback_journal: bool) -> Self {
        let folder = Folder::new();
        let path = folder.0.join("f.db");
        let mut database = Database::open(&path).expect("a new database");
        if rollback_journal {
            database.close();
            Connection::open(&path)
                .and_then(|conn| conn.pragma_update(None, "journal_mode", "delete"))
                .expect("nobody else has it open");
            database = Database::open(&path).expect("the same database");
        }
        Self {
            database,
            _folder: folder,
        }
    }

    fn look(&self) -> Connection {
        Connection::open(self.database.path().expect("a file")).expect("a connection")
    }

    fn rows(&self) -> BTreeMap<String, String> {
        let conn = self.look();
        let mut found = conn
            .prepare("SELECT id, name FROM skills")
            .expect("a table");
        found
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("rows of text")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.database.close();
    }
}

struct Scripted {
    state: Mutex<State>,
    requests: AtomicU64,
    clock: Arc<FuzzClock>,
}

#[derive(Default)]
struct State {
    /// JSON of each skill, in the order of the listing.
    skills: Vec<(String, Option<&'static str>, String)>,
    /// What happens at each request; when it is used up, nothing.
    script: Vec<u8>,
    next: usize,
    cap: usize,
    total: u8,
    limit: u8,
    order: u8,
    /// Which listings are refused, as bits.
    refuses: u8,
    /// A page of raw bytes.
    raw: Vec<u8>,
    /// It has said that there is more than anybody could read: asking for that is no fault, up to
    /// the bound of pages, and a run that goes on there remembers it.
    claims_more: bool,
    served: BTreeSet<(String, String)>,
}

impl State {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let mut state = Self::default();
        for index in 0..bytes.below(48) {
            state.add(bytes, index);
        }
        state
    }

    fn add(&mut self, bytes: &mut Bytes<'_>, index: u8) {
        let what = bytes.byte();
        let id = format!("s/{}", if what == 255 { 0 } else { index });
        let skill = Self::skill(&id, what, bytes);
        self.skills
            .push((id, TIERS[usize::from(what) % TIERS.len()], skill));
    }

    fn skill(id: &str, what: u8, bytes: &mut Bytes<'_>) -> String {
        let tier = TIERS[usize::from(what) % TIERS.len()];
        let tier = tier.map_or("null".into(), |tier| format!("\"{tier}\""));
        let stamp = bytes.one_of(&STAMPS);
        let mut json = format!(
            "{{\"id\":\"{id}\",\"name\":\"n{}\",\"trust_tier\":{tier}",
            what % 5
        );
        if what & 8 == 0 {
            _ = write!(json, ",\"updated_at\":\"{stamp}\"");
        }
        match what >> 4 {
            1 => json.push_str(",\"description\":\"\\ud83d cut\""),
            2 => json.push_str(",\"description\":\"a\\u0000b\""),
            3 => json.push_str(",\"quality_score\":7"),
            4 => json.push_str(",\"stars\":1e400"),
            5 => json.push_str(",\"tags\":[\"\\\\u0000\"]"),
            6 => json.push_str(",\"repo_url\":\"https://x/1\""),
            7 => json.push_str(",\"repo_url\":\"https://x/2\""),
            8 => _ = write!(json, ",\"repo_url\":\"https://x/{id}\",\"created_at\":null"),
            9 => json.push_str(",\"description\":NaN"),
            10 => {
                _ = write!(
                    json,
                    ",\"compatibility\":{}1{}",
                    "[".repeat(200),
                    "]".repeat(200)
                );
            }
            11 => json.push_str(",\"created_at\":\"+262142-12-31T23:59:60.9+00:00\""),
            12 => json.push_str(",\"updated_at\":5"),
            13 => json.push_str(",\"categories\":[null,1,\"A b\"],\"quarantined\":1"),
            _ => {}
        }
        json.push('}');
        json
    }

    /// What is different from now on.
    fn begin(&mut self, bytes: &mut Bytes<'_>, run: u8) {
        if run > 0 {
            for _ in 0..bytes.below(8) {
                let index = usize::from(bytes.byte());
                match bytes.below(4) {
                    0 => self.add(bytes, 48 + bytes.0.first().map_or(0, |byte| byte % 64)),
                    1 if !self.skills.is_empty() => {
                        let gone = index % self.skills.len();
                        self.skills.remove(gone);
                    }
                    2 if self.skills.len() > 1 => {
                        let last = self.skills.len() - 1;
                        self.skills.swap(index % last, last);
                    }
                    _ if !self.skills.is_empty() => {
                        let changed = index % self.skills.len();
                        let what = bytes.byte();
                        let id = self.skills[changed].0.clone();
                        self.skills[changed].2 = Self::skill(&id, what, bytes);
                    }
                    _ => {}
                }
            }
        }
        self.cap = usize::from(bytes.one_of(&[100_u8, 5, 1, 13, 20]));
        self.total = bytes.below(6);
        self.claims_more |= self.total == 4;
        self.limit = bytes.below(5);
        self.order = bytes.below(4);
        self.refuses = if bytes.below(4) == 1 { bytes.byte() } else { 0 };
        self.raw = bytes.some(120).to_vec();
        self.script = bytes.some(40).to_vec();
        self.next = 0;
    }

    fn page(&mut self, request: &PageRequest, count: u64) -> Result<String> {
        let deed = self.script.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        match (request.trust_tier.is_some(), request.query.is_some()) {
            (false, false) if self.refuses & 1 == 1 => return Err(refused(400)),
            (true, _) if self.refuses & 2 == 2 => return Err(refused(400)),
            (_, true) if self.refuses & 4 == 4 => return Err(refused(400)),
            _ => {}
        }
        let mut skills: Vec<_> = self
            .skills
            .iter()
            .filter(|(_, tier, _)| {
                self.refuses & 8 == 8
                    || request
                        .trust_tier
                        .as_deref()
                        .is_none_or(|wanted| *tier == Some(wanted))
            })
            .collect();
        match self.order {
            1 if !skills.is_empty() => {
                let by = usize::try_from(count).unwrap_or(0) % skills.len();
                skills.rotate_left(by);
            }
            2 => skills.reverse(),
            _ => {}
        }
        let all = skills.len();
        let limit = self.cap.min(request.limit as usize);
        let offset = usize::try_from(request.offset)
            .unwrap_or(usize::MAX)
            .min(all);
        let offset = if self.order == 3 { 0 } else { offset };
        let mut rows: Vec<&str> = skills[offset..(offset + limit).min(all)]
            .iter()
            .map(|(_, _, json)| json.as_str())
            .collect();
        match deed {
            0..=127 => {}
            128..=143 => return Err(refused(400 + u16::from(deed % 24))),
            144..=159 => rows.clear(),
            160..=175 => return Err(failure(deed)),
            176..=191 => rows.truncate(1),
            192..=207 => rows.reverse(),
            208..=215 => {
                self.claims_more = true;
                return Ok(String::from_utf8_lossy(&self.raw).into_owned());
            }
            216..=223 => rows.push("{\"id\":\"\\ud83d\",\"name\":\"x\",\"name\":5}"),
            224..=231 => rows.push("[[[[]]]]"),
            232..=239 => rows.push(
                "{\"id\":\"s/0\",\"name\":\"again\",\"updated_at\":\"2026-03-01T00:00:00Z\"}",
            ),
            240..=255 => rows = rows.into_iter().flat_map(|row| [row, row]).collect(),
        }
        let mut meta = String::from("\"offset\":0");
        _ = match self.total {
            0 => write!(meta, ",\"total\":{all}"),
            1 => write!(meta, ",\"total\":{}", rows.len()),
            2 => Ok(()),
            3 => write!(meta, ",\"total\":{}", offset + rows.len()),
            4 => write!(meta, ",\"total\":18446744073709551615"),
            _ => write!(meta, ",\"total\":1e300"),
        };
        _ = match self.limit {
            0 => write!(meta, ",\"limit\":{limit}"),
            1 => write!(meta, ",\"limit\":{}", request.limit),
            2 => Ok(()),
            3 => write!(meta, ",\"limit\":1000"),
            _ => write!(meta, ",\"limit\":18446744073709551615"),
        };
        Ok(format!(
            "{{\"data\":[{}],\"meta\":{{{meta}}}}}",
            rows.join(",")
        ))
    }
}

fn refused(status: u16) -> Error {
    Error::Refused {
        status,
        detail: None,
    }
}

fn failure(kind: u8) -> Error {
    match kind % 16 {
        0 => Error::Unreachable("gone".into()),
        1 => Error::Timeout("slow".into()),
        2 => Error::RateLimited { retry_at: None },
        3 => Error::RateLimited {
            retry_at: from_iso("5195-01-01T00:00:00Z"),
        },
        4 => Error::QuotaExceeded {
            detail: None,
            resets_at: Some(DateTime::<Utc>::MAX_UTC),
        },
        5 => Error::Unauthorized("who?".into()),
        6 => Error::Forbidden("no".into()),
        7 => Error::Protocol("what?".into()),
        8 => Error::TooLarge(1),
        9 => Error::Host("a host's own words".into()),
        _ => Error::Server {
            status: 500,
            detail: None,
            retry_at: Some(DateTime::<Utc>::MAX_UTC),
        },
    }
}

impl Scripted {
    fn with<R>(&self, call: impl FnOnce(&mut State) -> R) -> R {
        call(
            &mut self
                .state
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let count = self.requests.fetch_add(1, Ordering::SeqCst);
        let most = if self.with(|state| state.claims_more) {
            300
        } else {
            MOST_REQUESTS
        };
        if count >= most {
            // The run has to end at once, whatever it has become.
            call.cancel.cancel();
            return Err(Error::Cancelled);
        }
        self.clock.advance(Duration::from_millis(20));
        self.with(|state| {
            let body = state.page(request, count)?;
            let page = Page::parse(body.as_bytes())?;
            for row in page.rows() {
                if let (Some(id), Some(name)) = (row.id(), row.name()) {
                    state.served.insert((id.to_owned(), name.to_owned()));
                }
            }
            Ok(page)
        })
    }
}

/// Waiting takes no time; the wall clock jumps between the runs.
#[derive(Debug, Default)]
struct FuzzClock {
    elapsed_ms: AtomicU64,
    jumped: Mutex<TimeDelta>,
}

impl FuzzClock {
    fn advance(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4);
        self.elapsed_ms
            .fetch_add(ms.min(u64::MAX / 4), Ordering::SeqCst);
    }

    fn jump(&self, how: u8) {
        *self.jumped.lock().expect("not poisoned") = match how % 8 {
            1 => TimeDelta::days(2),
            2 => TimeDelta::days(-400),
            3 => TimeDelta::days(40 * 365),
            // Before 1970.
            4 => TimeDelta::days(-60 * 365),
            _ => TimeDelta::zero(),
        };
    }
}

impl Clock for FuzzClock {
    fn now(&self) -> DateTime<Utc> {
        let start = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        start + self.elapsed() + *self.jumped.lock().expect("not poisoned")
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
        self.advance(duration);
        !cancel.is_cancelled()
    }
}
