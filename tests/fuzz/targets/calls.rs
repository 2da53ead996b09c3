//! Sequences of calls of the C interface, with handles that are right, NULL, freed or of another
//! type, and texts that are right, NULL or no UTF-8.
//!
//! The functions are called by their C names, as C would. No pointer is wild: what C cannot be
//! protected from is not tried.
#![expect(unsafe_code, reason = "it is the C interface that is called")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Mutex;

// So that the functions below are there.
use skillsmith_sync_c as _;

use super::bytes::Bytes;

type Pointer = *mut c_void;

/// Safe to call from here: handles may be anything, and this file gives texts that end with a NUL,
/// options with their size, and outputs that are large enough.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        unsafe extern "C" { $(safe fn $name($(_: $argument),*) -> $result;)* }
    };
}

type Unary = extern "C" fn(Pointer) -> i32;
type WithError = extern "C" fn(Pointer, *mut Pointer) -> i32;
type WithOut = extern "C" fn(Pointer, Pointer, *mut Pointer) -> i32;
type WithText = extern "C" fn(Pointer, *const c_char, Pointer, *mut Pointer) -> i32;

functions! {
    skillsmith_live_objects: fn() -> usize;
    skillsmith_status_name: fn(i32) -> *const c_char;
    skillsmith_error_code: fn(Pointer) -> i32;
    skillsmith_error_name: fn(Pointer) -> *const c_char;
    skillsmith_error_message: fn(Pointer) -> *const c_char;
    skillsmith_error_free: fn(Pointer) -> i32;
    skillsmith_string_free: fn(Pointer) -> i32;
    skillsmith_cancel_token_new: fn(*mut Pointer, *mut Pointer) -> i32;
    skillsmith_cancel_token_cancel: fn(Pointer) -> i32;
    skillsmith_cancel_token_raise: fn(Pointer) -> i32;
    skillsmith_cancel_token_is_cancelled: fn(Pointer) -> bool;
    skillsmith_cancel_token_free: fn(Pointer) -> i32;
    skillsmith_database_open: fn(*const c_char, *const OpenOptions, *mut Pointer, *mut Pointer) -> i32;
    skillsmith_database_open_in_memory: fn(*mut Pointer, *mut Pointer) -> i32;
    skillsmith_database_close: fn(Pointer, *mut Pointer) -> i32;
    skillsmith_database_is_open: fn(Pointer) -> bool;
    skillsmith_database_is_read_only: fn(Pointer) -> bool;
    skillsmith_database_name: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_database_free: fn(Pointer) -> i32;
    skillsmith_sync_config_repository_new: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_free: fn(Pointer) -> i32;
    skillsmith_sync_config_repository_get_config: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_set_last_sync: fn(Pointer, *const c_char, i64, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_set_last_sync_error: fn(Pointer, *const c_char, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_clear_error: fn(Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_calculate_next_sync: fn(Pointer, *const c_char, i64, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_is_sync_due: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_enable: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_disable: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_set_frequency: fn(Pointer, i32, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_get_request_budget: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_config_repository_set_request_budget: fn(Pointer, i64, *mut Pointer) -> i32;
    skillsmith_sync_config_free: fn(Pointer) -> i32;
    skillsmith_sync_history_repository_new: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_free: fn(Pointer) -> i32;
    skillsmith_sync_history_repository_start_run: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_complete_run: fn(Pointer, *const c_char, *const RunResult, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_fail_run: fn(Pointer, *const c_char, *const c_char, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_get_by_id: fn(Pointer, *const c_char, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_get_history: fn(Pointer, u32, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_get_last_successful: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_get_running: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_is_running: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_cleanup: fn(Pointer, u32, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_count: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_repository_get_stats: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_history_entry_free: fn(Pointer) -> i32;
    skillsmith_sync_history_list_free: fn(Pointer) -> i32;
    skillsmith_sync_stats_free: fn(Pointer) -> i32;
    skillsmith_skill_repository_new: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_skill_repository_free: fn(Pointer) -> i32;
    skillsmith_skill_repository_find_by_id: fn(Pointer, *const c_char, Pointer, *mut Pointer) -> i32;
    skillsmith_skill_repository_exists: fn(Pointer, *const c_char, Pointer, *mut Pointer) -> i32;
    skillsmith_skill_repository_count: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_skill_free: fn(Pointer) -> i32;
    skillsmith_registry_new: fn(*const c_char, *const Callbacks, *mut Pointer, *mut Pointer) -> i32;
    skillsmith_registry_free: fn(Pointer) -> i32;
    skillsmith_registry_set_offline: fn(Pointer, c_int) -> i32;
    skillsmith_registry_call_set_page: fn(Pointer, *const c_char, usize, *mut Pointer) -> i32;
    skillsmith_registry_call_fail: fn(Pointer, i32, *const c_char) -> i32;
    skillsmith_registry_call_fail_http: fn(Pointer, c_int, i64, *const c_char) -> i32;
    skillsmith_registry_call_is_cancelled: fn(Pointer) -> bool;
    skillsmith_sync_engine_new_with_registry: fn(Pointer, Pointer, *mut Pointer, *mut Pointer) -> i32;
    skillsmith_sync_engine_free: fn(Pointer) -> i32;
    skillsmith_sync_engine_sync: fn(Pointer, *const SyncOptions, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_engine_get_status: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_sync_engine_is_offline: fn(Pointer) -> bool;
    skillsmith_sync_result_free: fn(Pointer) -> i32;
    skillsmith_engine_status_free: fn(Pointer) -> i32;
    skillsmith_background_sync_service_new: fn(Pointer, *const c_void, *mut Pointer, *mut Pointer) -> i32;
    skillsmith_background_sync_service_start: fn(Pointer, *mut Pointer) -> i32;
    skillsmith_background_sync_service_stop: fn(Pointer, *mut Pointer) -> i32;
    skillsmith_background_sync_service_get_state: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_background_sync_service_manual_sync: fn(Pointer, Pointer, *mut Pointer) -> i32;
    skillsmith_background_sync_service_is_sync_running: fn(Pointer) -> bool;
    skillsmith_background_sync_service_free: fn(Pointer) -> i32;
    skillsmith_background_sync_state_free: fn(Pointer) -> i32;
}

/// As in the header.
#[repr(C)]
struct OpenOptions {
    struct_size: usize,
    read_only: c_int,
    busy_budget_ms: i64,
}

#[repr(C)]
struct RunResult {
    struct_size: usize,
    numbers: [u64; 3],
}

#[repr(C)]
struct Callbacks {
    struct_size: usize,
    health: Option<extern "C" fn(Pointer, Pointer) -> c_int>,
    search: Option<extern "C" fn(Pointer, *const c_void, Pointer) -> c_int>,
    user_data: Pointer,
    destroy: Option<extern "C" fn(Pointer)>,
}

#[repr(C)]
struct SyncOptions {
    struct_size: usize,
    force: c_int,
    dry_run: c_int,
    page_size: u32,
    deadline_ms: u64,
    on_progress: *const c_void,
    user_data: Pointer,
    cancel: Pointer,
}

const INVALID_ARGUMENT: i32 = 101;
const NULL_ARGUMENT: i32 = 108;
const INVALID_HANDLE: i32 = 109;

/// What a pointer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Token,
    Database,
    Config,
    History,
    Skills,
    Registry,
    Engine,
    Service,
    /// Records, and the last one a text.
    SyncConfig,
    Entry,
    List,
    Stats,
    Skill,
    Result,
    Status,
    State,
    Text,
    /// A number or a truth, of so many bytes.
    Number(u8),
}

const HANDLES: [Kind; 8] = [
    Kind::Token,
    Kind::Database,
    Kind::Config,
    Kind::History,
    Kind::Skills,
    Kind::Registry,
    Kind::Engine,
    Kind::Service,
];

impl Kind {
    fn free(self) -> Option<Unary> {
        Some(match self {
            Self::Token => skillsmith_cancel_token_free,
            Self::Database => skillsmith_database_free,
            Self::Config => skillsmith_sync_config_repository_free,
            Self::History => skillsmith_sync_history_repository_free,
            Self::Skills => skillsmith_skill_repository_free,
            Self::Registry => skillsmith_registry_free,
            Self::Engine => skillsmith_sync_engine_free,
            Self::Service => skillsmith_background_sync_service_free,
            Self::SyncConfig => skillsmith_sync_config_free,
            Self::Entry => skillsmith_sync_history_entry_free,
            Self::List => skillsmith_sync_history_list_free,
            Self::Stats => skillsmith_sync_stats_free,
            Self::Skill => skillsmith_skill_free,
            Self::Result => skillsmith_sync_result_free,
            Self::Status => skillsmith_engine_status_free,
            Self::State => skillsmith_background_sync_state_free,
            Self::Text => skillsmith_string_free,
            Self::Number(_) => return None,
        })
    }
}

/// Calls with a handle, an output and an error.
const WITH_OUT: [(WithOut, Kind, Kind); 23] = [
    (skillsmith_database_name, Kind::Database, Kind::Text),
    (
        skillsmith_sync_config_repository_new,
        Kind::Database,
        Kind::Config,
    ),
    (
        skillsmith_sync_history_repository_new,
        Kind::Database,
        Kind::History,
    ),
    (
        skillsmith_skill_repository_new,
        Kind::Database,
        Kind::Skills,
    ),
    (
        skillsmith_sync_config_repository_get_config,
        Kind::Config,
        Kind::SyncConfig,
    ),
    (
        skillsmith_sync_config_repository_enable,
        Kind::Config,
        Kind::SyncConfig,
    ),
    (
        skillsmith_sync_config_repository_disable,
        Kind::Config,
        Kind::SyncConfig,
    ),
    (
        skillsmith_sync_config_repository_is_sync_due,
        Kind::Config,
        Kind::Number(1),
    ),
    (
        skillsmith_sync_history_repository_start_run,
        Kind::History,
        Kind::Text,
    ),
    (
        skillsmith_sync_history_repository_get_last_successful,
        Kind::History,
        Kind::Entry,
    ),
    (
        skillsmith_sync_history_repository_get_running,
        Kind::History,
        Kind::List,
    ),
    (
        skillsmith_sync_history_repository_is_running,
        Kind::History,
        Kind::Number(1),
    ),
    (
        skillsmith_sync_history_repository_count,
        Kind::History,
        Kind::Number(8),
    ),
    (
        skillsmith_sync_history_repository_get_stats,
        Kind::History,
        Kind::Stats,
    ),
    (
        skillsmith_skill_repository_count,
        Kind::Skills,
        Kind::Number(8),
    ),
    (
        skillsmith_sync_engine_get_status,
        Kind::Engine,
        Kind::Status,
    ),
    (
        skillsmith_background_sync_service_get_state,
        Kind::Service,
        Kind::State,
    ),
    (
        skillsmith_background_sync_service_manual_sync,
        Kind::Service,
        Kind::Result,
    ),
    (skillsmith_database_name, Kind::Database, Kind::Text),
    (
        skillsmith_sync_engine_get_status,
        Kind::Engine,
        Kind::Status,
    ),
    (
        skillsmith_sync_config_repository_get_config,
        Kind::Config,
        Kind::SyncConfig,
    ),
    (
        skillsmith_sync_history_repository_count,
        Kind::History,
        Kind::Number(8),
    ),
    (
        skillsmith_sync_config_repository_get_request_budget,
        Kind::Config,
        Kind::Number(8),
    ),
];

const WITH_TEXT: [(WithText, Kind, Kind); 3] = [
    (
        skillsmith_sync_history_repository_get_by_id,
        Kind::History,
        Kind::Entry,
    ),
    (
        skillsmith_skill_repository_find_by_id,
        Kind::Skills,
        Kind::Skill,
    ),
    (
        skillsmith_skill_repository_exists,
        Kind::Skills,
        Kind::Number(1),
    ),
];

const WITH_ERROR: [(WithError, Kind); 4] = [
    (skillsmith_database_close, Kind::Database),
    (skillsmith_sync_config_repository_clear_error, Kind::Config),
    (skillsmith_background_sync_service_start, Kind::Service),
    (skillsmith_background_sync_service_stop, Kind::Service),
];

const TEXTS: [&[u8]; 12] = [
    b"s/1\0",
    b"\0",
    b"\xff\xfe\0",
    b"2026-01-31T08:00:00Z\0",
    b"+262142-12-31T23:59:60.9+00:00\0",
    b"-262143-01-01T00:00:00Z\0",
    b"\xef\xbb\xbfbom\0",
    b"\xf0\x9f\x98\x80\0",
    b"' OR 1 --\0",
    b"99999999999\0",
    b"1969-12-31T23:59:59Z\0",
    b"\xed\xa0\xbd\0",
];

const NUMBERS: [i64; 10] = [
    0,
    1,
    -1,
    i64::MAX,
    i64::MIN,
    86_400_000,
    99_999_999_999,
    i64::MAX / 1000,
    604_800_000,
    4_294_967_296,
];

const PAGES: [&[u8]; 8] = [
    b"{\"data\":[{\"id\":\"s/1\",\"name\":\"n\"},{\"id\":\"s/2\",\"name\":\"m\"}],\"meta\":{\"total\":2}}",
    b"{\"data\":[]}",
    b"",
    b"{\"data\":[{\"id\":\"s/1\",\"name\":\"\\ud83d\",\"updated_at\":\"+262142-12-31T23:59:60.9+00:00\"}]}",
    b"\xef\xbb\xbf{\"data\":[NaN]}",
    b"{\"data\":[{\"id\":\"\\u0000\",\"name\":\"a\\u0000b\"}],\"meta\":{\"total\":1e300,\"limit\":0}}",
    b"[]",
    b"{\"data\":[{\"id\":\"s/3\",\"name\":\"\xff\"}]}",
];

/// What the callbacks do next, and the calls that are over.
#[derive(Default)]
struct Host {
    script: Vec<u8>,
    next: usize,
    ended: Vec<usize>,
}

static HOST: Mutex<Host> = Mutex::new(Host {
    script: Vec::new(),
    next: 0,
    ended: Vec::new(),
});

extern "C" fn search(_: Pointer, request: *const c_void, call: Pointer) -> c_int {
    assert!(!request.is_null() && !call.is_null());
    let mut host = HOST.lock().expect("no panic before");
    let deed = host.script.get(host.next).copied().unwrap_or(0);
    host.next += 1;
    // One that is over answers nothing any more.
    for ended in host.ended.iter().rev().take(2) {
        let ended = ptr::without_provenance_mut(*ended);
        let page = PAGES[1];
        let status = skillsmith_registry_call_set_page(
            ended,
            page.as_ptr().cast(),
            page.len(),
            ptr::null_mut(),
        );
        assert_eq!(status, INVALID_HANDLE, "a call that is over");
    }
    host.ended.push(call.addr());
    drop(host);
    let page = PAGES[usize::from(deed) % PAGES.len()];
    let text = TEXTS[usize::from(deed) % TEXTS.len()].as_ptr().cast();
    {
        _ = skillsmith_registry_call_is_cancelled(call);
        match deed {
            0..=159 => {
                skillsmith_registry_call_set_page(
                    call,
                    page.as_ptr().cast(),
                    page.len(),
                    ptr::null_mut(),
                );
            }
            160..=191 => {
                skillsmith_registry_call_fail(call, i32::from(deed) * 3 - 400, text);
            }
            192..=223 => {
                let after = NUMBERS[usize::from(deed) % NUMBERS.len()];
                skillsmith_registry_call_fail_http(call, c_int::from(deed) * 3 - 180, after, text);
            }
            224..=239 => return 1,
            // No answer at all.
            _ => {}
        }
    }
    0
}

/// Handles and records.
#[derive(Default)]
struct Pool {
    live: Vec<(Kind, Pointer)>,
    freed: Vec<(Kind, Pointer)>,
}

/// One argument, and whether it is a live one of the right kind.
#[derive(Clone, Copy)]
struct Handle {
    pointer: Pointer,
    is_right: bool,
}

impl Pool {
    /// Mostly a right one, else NULL, a freed one, one of another kind, or a number.
    fn pick(&self, kind: Kind, bytes: &mut Bytes<'_>) -> Handle {
        let how = bytes.byte();
        let of = |list: &[(Kind, Pointer)], fits: &dyn Fn(Kind) -> bool| {
            let fitting: Vec<_> = list.iter().filter(|(kind, _)| fits(*kind)).collect();
            let chosen = fitting.get(usize::from(how >> 4) % fitting.len().max(1));
            chosen.map_or(ptr::null_mut(), |(_, pointer)| *pointer)
        };
        let pointer = match how % 16 {
            0..=11 => of(&self.live, &|found| found == kind),
            12 => ptr::null_mut(),
            13 => of(&self.freed, &|found| found == kind),
            14 => of(&self.live, &|found| {
                found != kind && HANDLES.contains(&found)
            }),
            _ => ptr::without_provenance_mut(usize::from(how) * 0x0123_4567),
        };
        Handle {
            pointer,
            is_right: how % 16 <= 11 && !pointer.is_null(),
        }
    }

    /// Judges a call, and keeps what it gave.
    fn judge(&mut self, status: i32, error: Pointer, handles: &[Handle], out: Option<(Kind, u64)>) {
        let is_ok = status == 0;
        if handles.iter().any(|handle| !handle.is_right) {
            // Of two mistakes either may be told.
            assert!(
                [INVALID_ARGUMENT, NULL_ARGUMENT, INVALID_HANDLE].contains(&status),
                "a wrong handle gave {status}"
            );
        } else {
            assert_ne!(status, INVALID_HANDLE, "the handles are right");
        }
        // SAFETY: the error is the one that the call gave, or NULL.
        unsafe {
            assert_ne!(CStr::from_ptr(skillsmith_status_name(status)), c"UNKNOWN");
            if is_ok {
                assert!(error.is_null());
            } else {
                assert_eq!(skillsmith_error_code(error), status);
                assert_ne!(
                    status,
                    901,
                    "{:?}",
                    CStr::from_ptr(skillsmith_error_message(error))
                );
                assert!(!CStr::from_ptr(skillsmith_error_message(error)).is_empty());
                assert!(!skillsmith_error_name(error).is_null());
                assert_eq!(skillsmith_error_free(error), 0);
                assert_eq!(skillsmith_error_free(error), INVALID_HANDLE);
            }
        }
        let Some((kind, value)) = out else { return };
        if let Kind::Number(size) = kind {
            let mask = if size == 8 { u64::MAX } else { 0xFF };
            assert!(is_ok || value & mask == 0, "an output of a failure");
            return;
        }
        let pointer: Pointer =
            ptr::with_exposed_provenance_mut(usize::try_from(value).expect("an address"));
        assert!(is_ok || pointer.is_null(), "an output of a failure");
        if !pointer.is_null() {
            self.live.push((kind, pointer));
        }
    }

    fn free(&mut self, index: usize) {
        let (kind, pointer) = self.live.swap_remove(index);
        let free = kind.free().expect("not a number");
        {
            assert_eq!(free(pointer), 0, "{kind:?}");
            assert_eq!(free(pointer), INVALID_HANDLE, "{kind:?} twice");
        }
        if HANDLES.contains(&kind) {
            self.freed.push((kind, pointer));
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        while !std::thread::panicking() && !self.live.is_empty() {
            self.free(self.live.len() - 1);
        }
    }
}

const RUBBISH: u64 = 0xA5A5_A5A5_A5A5_A5A5;

fn text(bytes: &mut Bytes<'_>) -> *const c_char {
    let which = bytes.byte();
    if which % 16 == 15 {
        return ptr::null();
    }
    TEXTS[usize::from(which) % TEXTS.len()].as_ptr().cast()
}

pub fn calls(data: &[u8]) {
    // The host's callbacks are one set for the process.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut bytes = Bytes(data);
    {
        let mut host = HOST
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        HOST.clear_poison();
        *host = Host {
            script: bytes.some(24).to_vec(),
            ..Host::default()
        };
    }
    let before = skillsmith_live_objects();
    let mut pool = Pool::default();
    let mut costly = 0;
    for _ in 0..60 {
        if bytes.is_empty() {
            break;
        }
        step(&mut pool, &mut bytes, &mut costly);
    }
    drop(pool);
    let left = || skillsmith_live_objects();
    // A call of a run that was cancelled ends by itself.
    for _ in 0..2_000 {
        if left() <= before {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{} objects are left", left() - before);
}

#[expect(clippy::too_many_lines, reason = "one arm for each shape of a call")]
fn step(pool: &mut Pool, bytes: &mut Bytes<'_>, costly: &mut u32) {
    let mut error: Pointer = ptr::null_mut();
    let mut out = RUBBISH;
    let out_error = &raw mut error;
    let out_value: Pointer = (&raw mut out).cast();
    let out_pointer: *mut Pointer = out_value.cast();
    let choice = bytes.below(24);
    match choice {
        0 => {
            let status = skillsmith_cancel_token_new(out_pointer, out_error);
            pool.judge(status, error, &[], Some((Kind::Token, out)));
        }
        1 if *costly < 3 => {
            *costly += 1;
            let status = skillsmith_database_open_in_memory(out_pointer, out_error);
            pool.judge(status, error, &[], Some((Kind::Database, out)));
        }
        2 => {
            let options = OpenOptions {
                struct_size: usize::from(bytes.one_of(&[24_u8, 0, 8, 64])),
                read_only: c_int::from(bytes.below(2)),
                busy_budget_ms: bytes.one_of(&NUMBERS),
            };
            // Nothing that could be made; a larger size would be read, too.
            let path = bytes.one_of(&[c"/proc/nowhere/x.db", c"", c"/proc/self/status", c"/"]);
            let options = if options.struct_size > 24 {
                ptr::null()
            } else {
                &raw const options
            };
            let status = skillsmith_database_open(path.as_ptr(), options, out_pointer, out_error);
            assert_ne!(status, 0, "there is no such database");
            pool.judge(status, error, &[], Some((Kind::Database, out)));
        }
        3 => {
            let callbacks = Callbacks {
                struct_size: size_of::<Callbacks>(),
                health: None,
                search: (bytes.below(8) != 7).then_some(search),
                user_data: ptr::null_mut(),
                destroy: None,
            };
            let status =
                skillsmith_registry_new(text(bytes), &raw const callbacks, out_pointer, out_error);
            pool.judge(status, error, &[], Some((Kind::Registry, out)));
        }
        4 => {
            let registry = pool.pick(Kind::Registry, bytes);
            let database = pool.pick(Kind::Database, bytes);
            let status = skillsmith_sync_engine_new_with_registry(
                registry.pointer,
                database.pointer,
                out_pointer,
                out_error,
            );
            pool.judge(
                status,
                error,
                &[registry, database],
                Some((Kind::Engine, out)),
            );
        }
        5 if *costly < 6 => {
            *costly += 1;
            let engine = pool.pick(Kind::Engine, bytes);
            let token = pool.pick(Kind::Token, bytes);
            let options = SyncOptions {
                struct_size: size_of::<SyncOptions>(),
                force: c_int::from(bytes.below(2)),
                dry_run: c_int::from(bytes.below(2)),
                page_size: u32::from(bytes.one_of(&[0_u16, 1, 100, 10_000, 10_001])),
                deadline_ms: bytes.one_of(&[0, 1, 5_000]),
                on_progress: ptr::null(),
                user_data: ptr::null_mut(),
                cancel: token.pointer,
            };
            let status = skillsmith_sync_engine_sync(
                engine.pointer,
                &raw const options,
                out_value,
                out_error,
            );
            let mut handles = vec![engine];
            if !token.pointer.is_null() {
                handles.push(token);
            }
            pool.judge(status, error, &handles, Some((Kind::Result, out)));
        }
        6 if *costly < 6 => {
            *costly += 1;
            let engine = pool.pick(Kind::Engine, bytes);
            let status = skillsmith_background_sync_service_new(
                engine.pointer,
                ptr::null(),
                out_pointer,
                out_error,
            );
            pool.judge(status, error, &[engine], Some((Kind::Service, out)));
        }
        7 => {
            let (call, kind) = bytes.one_of(&WITH_ERROR);
            let handle = pool.pick(kind, bytes);
            let status = call(handle.pointer, out_error);
            pool.judge(status, error, &[handle], None);
        }
        8 => {
            let (call, kind, gives) = bytes.one_of(&WITH_TEXT);
            let handle = pool.pick(kind, bytes);
            let status = call(handle.pointer, text(bytes), out_value, out_error);
            pool.judge(status, error, &[handle], Some((gives, out)));
        }
        9 if !pool.live.is_empty() => {
            let index = usize::from(bytes.byte()) % pool.live.len();
            pool.free(index);
        }
        10 => {
            // Freeing what is wrong, and what only asks.
            let kind = bytes.one_of(&HANDLES);
            let handle = pool.pick(kind, bytes);
            if let (false, Some(free)) = (handle.is_right, kind.free()) {
                let status = free(handle.pointer);
                let wanted = if handle.pointer.is_null() {
                    0
                } else {
                    INVALID_HANDLE
                };
                assert_eq!(status, wanted, "freeing a wrong {kind:?}");
            }
            {
                _ = skillsmith_cancel_token_is_cancelled(handle.pointer);
                _ = skillsmith_database_is_open(handle.pointer);
                _ = skillsmith_database_is_read_only(handle.pointer);
                _ = skillsmith_sync_engine_is_offline(handle.pointer);
                _ = skillsmith_background_sync_service_is_sync_running(handle.pointer);
                _ = skillsmith_registry_call_is_cancelled(handle.pointer);
                _ = skillsmith_error_code(handle.pointer);
                _ = skillsmith_error_message(handle.pointer);
            }
        }
        11 => {
            let token = pool.pick(Kind::Token, bytes);
            let call = bytes.one_of(&[
                skillsmith_cancel_token_cancel as Unary,
                skillsmith_cancel_token_raise,
            ]);
            let status = call(token.pointer);
            assert_eq!(status == 0, token.is_right, "{status}");
        }
        12 => {
            let registry = pool.pick(Kind::Registry, bytes);
            let status =
                skillsmith_registry_set_offline(registry.pointer, c_int::from(bytes.byte()) - 1);
            assert_eq!(status == 0, registry.is_right, "{status}");
        }
        13 => {
            let config = pool.pick(Kind::Config, bytes);
            let (text, number) = (text(bytes), bytes.one_of(&NUMBERS));
            let status = skillsmith_sync_config_repository_calculate_next_sync(
                config.pointer,
                text,
                number,
                out_value,
                out_error,
            );
            pool.judge(status, error, &[config], Some((Kind::Text, out)));
        }
        14 => {
            let config = pool.pick(Kind::Config, bytes);
            let (text, number) = (text(bytes), bytes.one_of(&NUMBERS));
            let status = match bytes.below(3) {
                0 => skillsmith_sync_config_repository_set_last_sync(
                    config.pointer,
                    text,
                    number,
                    out_error,
                ),
                1 => skillsmith_sync_config_repository_set_last_sync_error(
                    config.pointer,
                    text,
                    out_error,
                ),
                _ => skillsmith_sync_config_repository_set_request_budget(
                    config.pointer,
                    number,
                    out_error,
                ),
            };
            pool.judge(status, error, &[config], None);
        }
        15 => {
            let history = pool.pick(Kind::History, bytes);
            let number = bytes.one_of(&[0, 1, 5, u32::MAX]);
            if bytes.below(2) == 0 {
                let status = skillsmith_sync_history_repository_get_history(
                    history.pointer,
                    number,
                    out_value,
                    out_error,
                );
                pool.judge(status, error, &[history], Some((Kind::List, out)));
            } else {
                let status = skillsmith_sync_history_repository_cleanup(
                    history.pointer,
                    number,
                    out_value,
                    out_error,
                );
                pool.judge(status, error, &[history], Some((Kind::Number(8), out)));
            }
        }
        16 => {
            let history = pool.pick(Kind::History, bytes);
            // The id of a run that was begun, where there is one.
            let begun = pool.live.iter().find(|(kind, _)| *kind == Kind::Text);
            let id = begun.map_or(text(bytes), |(_, id)| id.cast_const().cast());
            let result = RunResult {
                struct_size: size_of::<RunResult>(),
                numbers: [1, u64::MAX, bytes.byte().into()],
            };
            let status = if bytes.below(2) == 0 {
                skillsmith_sync_history_repository_complete_run(
                    history.pointer,
                    id,
                    &raw const result,
                    out_error,
                )
            } else {
                skillsmith_sync_history_repository_fail_run(
                    history.pointer,
                    id,
                    text(bytes),
                    out_error,
                )
            };
            pool.judge(status, error, &[history], None);
        }
        17 => {
            let config = pool.pick(Kind::Config, bytes);
            let frequency = i32::from(bytes.byte()) - 2;
            let status = skillsmith_sync_config_repository_set_frequency(
                config.pointer,
                frequency,
                out_value,
                out_error,
            );
            pool.judge(status, error, &[config], Some((Kind::SyncConfig, out)));
        }
        _ => {
            let (call, kind, gives) = bytes.one_of(&WITH_OUT);
            let handle = pool.pick(kind, bytes);
            let status = call(handle.pointer, out_value, out_error);
            pool.judge(status, error, &[handle], Some((gives, out)));
        }
    }
}
