//! Tests of the border, by calls as C makes them.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::api::background::*;
use crate::api::cancel::*;
use crate::api::client::*;
use crate::api::config::*;
use crate::api::database::*;
use crate::api::engine::*;
use crate::api::error::*;
use crate::api::history::*;
use crate::api::objects::*;
use crate::api::options::*;
use crate::api::registry::*;
use crate::api::skills::*;
use crate::api::status::*;
#[cfg(feature = "test-hooks")]
use crate::api::test_hooks::*;
use crate::ffi::error::{ErrorPtr, skillsmith_error};
use crate::ffi::handles::{HandlePtr, OwnedHandle};
use crate::ffi::input::{OptionsPtr, TextPtr};
use crate::ffi::out::OutPtr;
use crate::ffi::records::skillsmith_text;
use crate::ffi::status::skillsmith_status;
use skillsmith_sync::ErrorCode;

use skillsmith_status::*;

/// An argument, made of what C passes.
trait FromC<P> {
    fn from_c(passed: P) -> Self;
}

macro_rules! pointers {
    ($($pointer:ty => $parameter:ty;)+) => {$(
        impl FromC<$pointer> for $parameter {
            fn from_c(passed: $pointer) -> Self {
                // SAFETY: a transparent type around this pointer; the tests keep its promise.
                unsafe { std::mem::transmute(passed) }
            }
        }
    )+};
}

pointers! {
    *mut *mut skillsmith_error => ErrorPtr;
    *const c_char => TextPtr;
}

macro_rules! generic_pointers {
    ($($parameter:ident: $($mutability:ident)+;)+) => {$(
        impl<T> FromC<*$($mutability)+ T> for $parameter<T> {
            fn from_c(passed: *$($mutability)+ T) -> Self {
                // SAFETY: as above.
                unsafe { std::mem::transmute(passed) }
            }
        }
    )+};
}

generic_pointers! {
    OutPtr: mut;
    HandlePtr: mut;
    OwnedHandle: mut;
    OptionsPtr: const;
}

macro_rules! themselves {
    ($($parameter:ty)+) => {$(
        impl FromC<$parameter> for $parameter {
            fn from_c(passed: $parameter) -> Self {
                passed
            }
        }
    )+};
}

themselves! { i32 u32 i64 u64 usize *const c_char }

impl<T> FromC<*mut T> for *mut T {
    fn from_c(passed: *mut T) -> Self {
        passed
    }
}

/// A call as C makes it.
macro_rules! c {
    ($function:ident($($argument:expr),* $(,)?)) => { $function($(FromC::from_c($argument)),*) };
}

/// A variable for an output, filled with rubbish that a function has to clear.
fn rubbish<T>() -> *mut T {
    ptr::without_provenance_mut(0xBAD)
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn said(error: *mut skillsmith_error) -> String {
    // SAFETY: a text of a live error.
    let text = unsafe { CStr::from_ptr(c!(skillsmith_error_message(error))) };
    let text = text.to_str().unwrap().to_owned();
    assert_eq!(c!(skillsmith_error_free(error)), SKILLSMITH_OK);
    text
}

fn shown(text: skillsmith_text) -> Option<String> {
    if text.data.is_null() {
        return None;
    }
    // SAFETY: a text of a live record.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.length) };
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

fn in_memory() -> *mut skillsmith_database {
    let mut database = rubbish();
    let status = c!(skillsmith_database_open_in_memory(
        &raw mut database,
        ptr::null_mut()
    ));
    assert_eq!(status, SKILLSMITH_OK);
    database
}

#[test]
fn every_code_has_its_status_and_its_name() {
    for code in ErrorCode::ALL {
        let status = skillsmith_status::of(*code);
        assert_eq!(status as i32, code.number());
        assert_eq!(format!("{status:?}"), format!("SKILLSMITH_{}", code.name()));
        assert_eq!(
            c!(skillsmith_status_is_retryable(code.number())),
            code.retryable()
        );
        // SAFETY: a static text.
        let name = unsafe { CStr::from_ptr(c!(skillsmith_status_name(code.number()))) };
        assert_eq!(name.to_str(), Ok(code.name()));
    }
    for (number, name) in [(0, c"OK"), (-1, c"UNKNOWN"), (999, c"UNKNOWN")] {
        // SAFETY: a static text.
        let found = unsafe { CStr::from_ptr(c!(skillsmith_status_name(number))) };
        assert_eq!(found, name);
        assert!(!c!(skillsmith_status_is_retryable(number)));
    }
}

#[test]
fn stale_and_foreign_handles_are_refused() {
    let database = in_memory();
    let mut name = rubbish::<c_char>();
    let mut error = rubbish();
    // SAFETY: pointers to variables; handles are never dereferenced.
    unsafe {
        let mut repository = rubbish();
        // Another type's handle, and a pointer to anything.
        assert_eq!(
            c!(skillsmith_sync_config_repository_new(
                (&raw mut name).cast(),
                &raw mut repository,
                ptr::null_mut()
            )),
            SKILLSMITH_INVALID_HANDLE
        );
        assert!(repository.is_null());
        assert_eq!(
            c!(skillsmith_error_free(database.cast())),
            SKILLSMITH_INVALID_HANDLE
        );
        assert!(c!(skillsmith_database_is_open(database)));
        assert_eq!(c!(skillsmith_database_free(database)), SKILLSMITH_OK);
        assert_eq!(
            c!(skillsmith_database_free(database)),
            SKILLSMITH_INVALID_HANDLE
        );
        assert_eq!(
            c!(skillsmith_database_name(
                database,
                &raw mut name,
                &raw mut error
            )),
            SKILLSMITH_INVALID_HANDLE
        );
        assert!(name.is_null());
        assert_eq!(c!(skillsmith_error_code(error)), SKILLSMITH_INVALID_HANDLE);
        assert_eq!(
            said(error),
            "The database is not a valid handle: it was already freed, or is not from this library."
        );
        assert_eq!(c!(skillsmith_error_free(error)), SKILLSMITH_INVALID_HANDLE);
        assert_eq!(*c!(skillsmith_error_message(error)), 0);
        assert!(!c!(skillsmith_database_is_open(database)));
        assert_eq!(c!(skillsmith_database_free(ptr::null_mut())), SKILLSMITH_OK);
    }
}

#[test]
fn strings_and_records_are_freed_once() {
    let database = in_memory();
    let mut name = rubbish();
    // SAFETY: pointers to variables, and a string of ours.
    unsafe {
        assert_eq!(
            c!(skillsmith_database_name(
                database,
                &raw mut name,
                ptr::null_mut()
            )),
            SKILLSMITH_OK
        );
        assert_eq!(CStr::from_ptr(name), c":memory:");
        assert_eq!(
            c!(skillsmith_string_free(name.add(1))),
            SKILLSMITH_INVALID_HANDLE
        );
        assert_eq!(
            c!(skillsmith_sync_config_free(name.cast())),
            SKILLSMITH_INVALID_HANDLE
        );
        assert_eq!(c!(skillsmith_string_free(name)), SKILLSMITH_OK);
        assert_eq!(c!(skillsmith_string_free(name)), SKILLSMITH_INVALID_HANDLE);
        assert_eq!(c!(skillsmith_string_free(ptr::null_mut())), SKILLSMITH_OK);
    }
    c!(skillsmith_database_free(database));
}

#[test]
fn missing_pointers_and_bad_texts_are_named() {
    let database = in_memory();
    let mut repository = rubbish();
    let mut error = rubbish();
    let mut found = true;
    assert_eq!(
        c!(skillsmith_skill_repository_new(
            database,
            ptr::null_mut(),
            &raw mut error
        )),
        SKILLSMITH_NULL_ARGUMENT
    );
    assert_eq!(said(error), "The argument 'out_repository' is NULL.");
    assert_eq!(
        c!(skillsmith_skill_repository_new(
            database,
            &raw mut repository,
            &raw mut error
        )),
        SKILLSMITH_OK
    );
    assert!(error.is_null());
    assert_eq!(
        c!(skillsmith_skill_repository_exists(
            repository,
            ptr::null(),
            &raw mut found,
            &raw mut error
        )),
        SKILLSMITH_NULL_ARGUMENT
    );
    assert!(!found);
    assert_eq!(said(error), "The argument 'id' is NULL.");
    assert_eq!(
        c!(skillsmith_skill_repository_exists(
            repository,
            c"ab\xFF".as_ptr(),
            &raw mut found,
            &raw mut error
        )),
        SKILLSMITH_INVALID_ARGUMENT
    );
    assert_eq!(
        said(error),
        "The argument 'id' is not valid UTF-8 (at byte 2)."
    );
    c!(skillsmith_skill_repository_free(repository));
    c!(skillsmith_database_free(database));
}

#[test]
fn options_of_other_versions_are_read_as_far_as_they_go() {
    #[repr(C)]
    struct Larger {
        known: skillsmith_sync_config_update,
        unknown: u64,
    }
    let database = in_memory();
    let mut repository = rubbish();
    let mut config = rubbish();
    let mut error = rubbish();
    let mut update = Larger {
        known: skillsmith_sync_config_update {
            struct_size: size_of::<Larger>(),
            enabled: 2,
            frequency: 2,
        },
        unknown: 0,
    };
    // SAFETY: pointers to variables.
    unsafe {
        c!(skillsmith_sync_config_repository_new(
            database,
            &raw mut repository,
            ptr::null_mut()
        ));
        let config = &raw mut config;
        let mut call = |update: &Larger| {
            c!(skillsmith_sync_config_repository_update_config(
                repository,
                (&raw const *update).cast(),
                config,
                &raw mut error,
            ))
        };
        assert_eq!(call(&update), SKILLSMITH_OK);
        update.unknown = 1;
        assert_eq!(call(&update), SKILLSMITH_INVALID_ARGUMENT);
        // An older program, whose structure ends before the frequency.
        update.known.struct_size = size_of::<usize>() + 4;
        update.known.frequency = 77;
        assert_eq!(call(&update), SKILLSMITH_OK);
        assert!(!(**config).enabled);
        assert_eq!(
            (**config).frequency,
            skillsmith_sync_frequency::SKILLSMITH_SYNC_FREQUENCY_WEEKLY
        );
        for size in [0, 1, usize::MAX] {
            update.known.struct_size = size;
            assert_eq!(call(&update), SKILLSMITH_INVALID_ARGUMENT);
        }
        update.known.struct_size = size_of::<skillsmith_sync_config_update>();
        assert_eq!(call(&update), SKILLSMITH_INVALID_ARGUMENT);
        assert!(said(error).starts_with("Unknown frequency 77"));
    }
    c!(skillsmith_sync_config_repository_free(repository));
    c!(skillsmith_database_free(database));
}

/// A registry of one page, whose callbacks count.
struct Host {
    pages: AtomicI32,
    destroyed: AtomicI32,
    database: *mut skillsmith_database,
}

unsafe extern "C" fn search(
    user_data: *mut c_void,
    request: *const skillsmith_page_request,
    call: *mut skillsmith_registry_call,
) -> c_int {
    // SAFETY: the host and the request outlive the call.
    unsafe {
        (*user_data.cast::<Host>())
            .pages
            .fetch_add(1, Ordering::SeqCst);
        let json = if (*request).offset == 0 {
            r#"{"data":[{"id":"a/b","name":"a skill","tags":["x","y"]},{"id":5}],"meta":{"total":2}}"#
        } else {
            r#"{"data":[]}"#
        };
        let status = c!(skillsmith_registry_call_set_page(
            call,
            json.as_ptr().cast(),
            json.len(),
            ptr::null_mut(),
        ));
        c_int::from(status != SKILLSMITH_OK)
    }
}

unsafe extern "C" fn destroy(user_data: *mut c_void) {
    // SAFETY: the host outlives its registry.
    unsafe { &*user_data.cast::<Host>() }
        .destroyed
        .fetch_add(1, Ordering::SeqCst);
}

/// Calls back in; ends the run where the host has no database.
unsafe extern "C" fn progress(
    user_data: *mut c_void,
    progress: *const skillsmith_sync_progress,
) -> c_int {
    // SAFETY: the host and the progress outlive the call.
    unsafe {
        let host = &*user_data.cast::<Host>();
        assert!(!(*progress).message.is_null());
        if host.database.is_null() {
            return 7;
        }
        c_int::from(!c!(skillsmith_database_is_open(host.database)))
    }
}

fn engine(host: &Host, database: *mut skillsmith_database) -> *mut skillsmith_sync_engine {
    let callbacks = skillsmith_registry_callbacks {
        struct_size: size_of::<skillsmith_registry_callbacks>(),
        health: None,
        search: Some(search),
        user_data: (&raw const *host).cast_mut().cast(),
        destroy: Some(destroy),
        sync_registry: None,
    };
    let (mut registry, mut engine) = (rubbish(), rubbish());
    assert_eq!(
        c!(skillsmith_registry_new(
            c("test").as_ptr(),
            &raw const callbacks,
            &raw mut registry,
            ptr::null_mut()
        )),
        SKILLSMITH_OK
    );
    assert_eq!(
        c!(skillsmith_sync_engine_new_with_registry(
            registry,
            database,
            &raw mut engine,
            ptr::null_mut()
        )),
        SKILLSMITH_OK
    );
    c!(skillsmith_registry_free(registry));
    engine
}

fn sync_options(host: &Host, cancel: *mut skillsmith_cancel_token) -> skillsmith_sync_options {
    skillsmith_sync_options {
        struct_size: size_of::<skillsmith_sync_options>(),
        force: 0,
        dry_run: 0,
        page_size: 0,
        deadline_ms: 0,
        on_progress: Some(progress),
        user_data: (&raw const *host).cast_mut().cast(),
        cancel: FromC::from_c(cancel),
        listing: 0,
        full_listing_every_ms: 0,
        request_budget: 0,
        monthly_request_budget: 0,
        prune: 0,
    }
}

#[test]
fn a_host_supplies_the_registry() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let mut database = rubbish();
    let status = c!(skillsmith_database_open(
        c(path.to_str().unwrap()).as_ptr(),
        ptr::null(),
        &raw mut database,
        ptr::null_mut()
    ));
    assert_eq!(status, SKILLSMITH_OK);
    let host = Host {
        pages: AtomicI32::new(0),
        destroyed: AtomicI32::new(0),
        database,
    };
    let engine = engine(&host, database);
    let options = sync_options(&host, ptr::null_mut());
    let mut result = rubbish();
    let (mut repository, mut skill) = (rubbish(), rubbish());
    // SAFETY: pointers to variables; records that live.
    unsafe {
        let status = c!(skillsmith_sync_engine_sync(
            engine,
            &raw const options,
            &raw mut result,
            ptr::null_mut(),
        ));
        assert_eq!(status, SKILLSMITH_OK);
        assert_eq!(
            ((*result).skills_added, (*result).skills_rejected),
            (1, 1),
            "{:?}",
            shown(*(*result).errors)
        );
        assert_eq!(
            (*result).status,
            skillsmith_sync_status::SKILLSMITH_SYNC_STATUS_PARTIAL
        );
        assert_eq!((*result).error_count, 1);
        assert!(shown(*(*result).errors).unwrap().contains("id"));
        assert_eq!(c!(skillsmith_sync_result_free(result)), SKILLSMITH_OK);

        c!(skillsmith_skill_repository_new(
            database,
            &raw mut repository,
            ptr::null_mut()
        ));
        // Another program has put a NUL into the database.
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute("UPDATE skills SET name = 'nul' || char(0) || 'within'", [])
            .unwrap();
        c!(skillsmith_skill_repository_find_by_id(
            repository,
            c("a/b").as_ptr(),
            &raw mut skill,
            ptr::null_mut(),
        ));
        assert_eq!(shown((*skill).name).as_deref(), Some("nul\0within"));
        assert_eq!((*skill).tag_count, 2);
        assert_eq!(shown(*(*skill).tags.add(1)).as_deref(), Some("y"));
        assert_eq!(shown((*skill).description), None);
        assert!(!(*skill).has_quality_score);
    }
    assert!(host.pages.load(Ordering::SeqCst) >= 1);
    c!(skillsmith_skill_free(skill));
    c!(skillsmith_skill_repository_free(repository));
    c!(skillsmith_database_free(database));
    assert_eq!(host.destroyed.load(Ordering::SeqCst), 0);
    c!(skillsmith_sync_engine_free(engine));
    assert_eq!(host.destroyed.load(Ordering::SeqCst), 1);
}

#[test]
fn a_callback_ends_its_run_and_not_the_token() {
    let database = in_memory();
    let host = Host {
        pages: AtomicI32::new(0),
        destroyed: AtomicI32::new(0),
        database: ptr::null_mut(),
    };
    let engine = engine(&host, database);
    let (mut token, mut result) = (rubbish(), rubbish());
    // SAFETY: pointers to variables; records that live.
    unsafe {
        c!(skillsmith_cancel_token_new(&raw mut token, ptr::null_mut()));
        let mut options = sync_options(&host, token);
        let mut sync = |options: &skillsmith_sync_options| {
            let status = c!(skillsmith_sync_engine_sync(
                engine,
                &raw const *options,
                &raw mut result,
                ptr::null_mut()
            ));
            assert_eq!(status, SKILLSMITH_OK);
            let code = (*result).code;
            let cause = shown(*(*result).errors);
            c!(skillsmith_sync_result_free(result));
            (code, cause.unwrap())
        };
        let (code, cause) = sync(&options);
        assert_eq!(code, SKILLSMITH_HOST_ERROR);
        assert_eq!(
            cause,
            "The progress callback ended the sync (it returned 7)."
        );
        assert!(!c!(skillsmith_cancel_token_is_cancelled(token)));

        options.on_progress = None;
        assert_eq!(c!(skillsmith_cancel_token_raise(token)), SKILLSMITH_OK);
        assert!(c!(skillsmith_cancel_token_is_cancelled(token)));
        assert_eq!(sync(&options).0, SKILLSMITH_CANCELLED);
        assert_eq!(c!(skillsmith_cancel_token_free(token)), SKILLSMITH_OK);
        assert_eq!(
            c!(skillsmith_cancel_token_free(token)),
            SKILLSMITH_INVALID_HANDLE
        );
        // A slot that is free now is not NULL's, nor that of the number that marks a busy one.
        assert_eq!(
            c!(skillsmith_cancel_token_free(ptr::null_mut())),
            SKILLSMITH_OK
        );
        assert_eq!(
            c!(skillsmith_cancel_token_raise(ptr::without_provenance_mut(
                2
            ))),
            SKILLSMITH_INVALID_HANDLE
        );
        assert_eq!(
            c!(skillsmith_cancel_token_raise(token)),
            SKILLSMITH_INVALID_HANDLE
        );
        assert_eq!(
            c!(skillsmith_cancel_token_raise(ptr::null_mut())),
            SKILLSMITH_NULL_ARGUMENT
        );
    }
    c!(skillsmith_sync_engine_free(engine));
    c!(skillsmith_database_free(database));
}

#[test]
fn tokens_are_raised_while_others_come_and_go() {
    let stop = skillsmith_sync::CancelToken::new();
    let mut token = rubbish();
    c!(skillsmith_cancel_token_new(&raw mut token, ptr::null_mut()));
    let number = token.addr();
    let raiser = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            while !stop.is_cancelled() {
                c!(skillsmith_cancel_token_raise(ptr::without_provenance_mut(
                    number
                )));
            }
        })
    };
    let others: Vec<_> = (0..2)
        .map(|_| {
            std::thread::spawn(|| {
                for _ in 0..50 {
                    let tokens: Vec<_> = (0..40)
                        .map(|_| {
                            let mut token = rubbish();
                            c!(skillsmith_cancel_token_new(&raw mut token, ptr::null_mut()));
                            token
                        })
                        .collect();
                    for token in tokens {
                        assert!(!c!(skillsmith_cancel_token_is_cancelled(token)));
                        c!(skillsmith_cancel_token_free(token));
                    }
                }
            })
        })
        .collect();
    for other in others {
        other.join().unwrap();
    }
    assert!(c!(skillsmith_cancel_token_is_cancelled(token)));
    c!(skillsmith_cancel_token_free(token));
    stop.cancel();
    raiser.join().unwrap();
}

#[test]
fn the_way_of_a_run_through_the_history() {
    let database = in_memory();
    let (mut repository, mut id, mut list, mut stats) =
        (rubbish(), rubbish(), rubbish(), rubbish());
    let result = skillsmith_sync_run_result {
        struct_size: size_of::<skillsmith_sync_run_result>(),
        skills_added: 1,
        skills_updated: 2,
        skills_unchanged: 3,
        skills_removed: 4,
    };
    // SAFETY: pointers to variables; records that live.
    unsafe {
        let none = ptr::null_mut();
        c!(skillsmith_sync_history_repository_new(
            database,
            &raw mut repository,
            none
        ));
        c!(skillsmith_sync_history_repository_start_run(
            repository,
            &raw mut id,
            none
        ));
        assert_eq!(
            c!(skillsmith_sync_history_repository_complete_run(
                repository,
                id.cast_const(),
                &raw const result,
                none
            )),
            SKILLSMITH_OK
        );
        assert_eq!(
            c!(skillsmith_sync_history_repository_fail_run(
                repository,
                c("no such run").as_ptr(),
                c("why").as_ptr(),
                none
            )),
            SKILLSMITH_RUN_NOT_FOUND
        );
        c!(skillsmith_sync_history_repository_get_history(
            repository,
            10,
            &raw mut list,
            none
        ));
        assert_eq!((*list).count, 1);
        let entry = *(*list).entries;
        assert_eq!((*entry).skills_unchanged, 3);
        assert_eq!((*entry).skills_removed, 4);
        assert!(shown((*entry).id).unwrap().starts_with("sync-"));
        // An entry of a list is the list's.
        assert_eq!(
            c!(skillsmith_sync_history_entry_free(entry.cast_mut())),
            SKILLSMITH_INVALID_HANDLE
        );
        assert_eq!(c!(skillsmith_sync_history_list_free(list)), SKILLSMITH_OK);
        c!(skillsmith_sync_history_repository_get_running(
            repository,
            &raw mut list,
            none
        ));
        assert_eq!((*list).count, 0);
        assert!((*list).entries.is_null());
        c!(skillsmith_sync_history_list_free(list));
        c!(skillsmith_sync_history_repository_get_stats(
            repository,
            &raw mut stats,
            none
        ));
        assert_eq!((*stats).successful_runs, 1);
        c!(skillsmith_sync_stats_free(stats));
        c!(skillsmith_string_free(id));
    }
    c!(skillsmith_sync_history_repository_free(repository));
    c!(skillsmith_database_free(database));
}

#[test]
fn a_service_tells_its_callbacks_and_ends_its_user_data() {
    unsafe extern "C" fn complete(user_data: *mut c_void, result: *const skillsmith_sync_result) {
        // SAFETY: both outlive the call.
        unsafe {
            assert_eq!((*result).total_processed, 2);
            (*user_data.cast::<Host>())
                .pages
                .store(-1, Ordering::SeqCst);
        }
    }
    unsafe extern "C" fn failed(user_data: *mut c_void, message: *const c_char) {
        // SAFETY: both outlive the call.
        unsafe {
            assert!(!CStr::from_ptr(message).is_empty());
            (*user_data.cast::<Host>())
                .pages
                .store(-2, Ordering::SeqCst);
        }
    }
    let database = in_memory();
    let host = Host {
        pages: AtomicI32::new(0),
        destroyed: AtomicI32::new(0),
        database,
    };
    let engine = engine(&host, database);
    let told = Host {
        pages: AtomicI32::new(0),
        destroyed: AtomicI32::new(0),
        database,
    };
    let mut options = skillsmith_background_options {
        struct_size: size_of::<skillsmith_background_options>(),
        check_interval_ms: 0,
        sync_on_start: 9,
        on_sync_complete: Some(complete),
        on_sync_error: Some(failed),
        user_data: (&raw const told).cast_mut().cast(),
        destroy: Some(destroy),
        listing: 0,
    };
    let (mut service, mut result, mut state) = (rubbish(), rubbish(), rubbish());
    // SAFETY: pointers to variables; records that live.
    unsafe {
        let none = ptr::null_mut();
        let new = |options: &skillsmith_background_options, service| {
            c!(skillsmith_background_sync_service_new(
                engine,
                &raw const *options,
                service,
                none
            ))
        };
        assert_eq!(new(&options, &raw mut service), SKILLSMITH_INVALID_ARGUMENT);
        assert_eq!(told.destroyed.load(Ordering::SeqCst), 0);
        options.sync_on_start = 2;
        assert_eq!(new(&options, &raw mut service), SKILLSMITH_OK);
        c!(skillsmith_background_sync_service_start(service, none));
        assert!(c!(skillsmith_background_sync_service_is_service_started(
            service
        )));
        assert_eq!(
            c!(skillsmith_background_sync_service_manual_sync(
                service,
                &raw mut result,
                none
            )),
            SKILLSMITH_OK
        );
        c!(skillsmith_sync_result_free(result));
        // One row of the two is none: the run is partial, and no success.
        assert_eq!(told.pages.load(Ordering::SeqCst), -2);
        c!(skillsmith_background_sync_service_get_state(
            service,
            &raw mut state,
            none
        ));
        assert_eq!((*state).syncs_triggered, 1);
        assert_eq!((*(*state).last_result).total_processed, 2);
        assert!(shown((*state).last_error).is_some());
        c!(skillsmith_background_sync_state_free(state));
    }
    assert_eq!(
        c!(skillsmith_background_sync_service_free(service)),
        SKILLSMITH_OK
    );
    assert_eq!(told.destroyed.load(Ordering::SeqCst), 1);
    c!(skillsmith_sync_engine_free(engine));
    c!(skillsmith_database_free(database));
}

#[test]
fn a_client_knows_its_options() {
    let url = c("http://127.0.0.1:1/functions/v1/");
    let mut options = skillsmith_client_options {
        struct_size: size_of::<skillsmith_client_options>(),
        base_url: FromC::from_c(url.as_ptr()),
        anon_key: FromC::from_c(ptr::null()),
        api_key: FromC::from_c(ptr::null()),
        jwt_token: FromC::from_c(ptr::null()),
        timeout_ms: 1000,
        max_retries: -1,
        offline: 1,
        token: None,
        user_data: ptr::null_mut(),
        destroy: None,
        log: None,
        log_user_data: ptr::null_mut(),
        log_destroy: None,
        allow_insecure_http: 0,
    };
    let (mut client, mut text, mut error) = (rubbish(), rubbish(), rubbish());
    let mut health = skillsmith_health::SKILLSMITH_HEALTH_HEALTHY;
    // SAFETY: pointers to variables.
    unsafe {
        assert_eq!(
            c!(skillsmith_api_client_new(
                &raw const options,
                &raw mut client,
                &raw mut error
            )),
            SKILLSMITH_OK
        );
        assert!(c!(skillsmith_api_client_is_offline(client)));
        c!(skillsmith_api_client_base_url(
            client,
            &raw mut text,
            ptr::null_mut()
        ));
        assert_eq!(CStr::from_ptr(text), c"http://127.0.0.1:1/functions/v1");
        c!(skillsmith_string_free(text));
        assert_eq!(
            c!(skillsmith_api_client_check_health(
                client,
                ptr::null_mut(),
                &raw mut health,
                &raw mut error
            )),
            SKILLSMITH_OFFLINE
        );
        assert_eq!(health, skillsmith_health::SKILLSMITH_HEALTH_UNKNOWN);
        c!(skillsmith_error_free(error));
        c!(skillsmith_api_client_free(client));

        options.offline = 2;
        c!(skillsmith_api_client_new(
            &raw const options,
            &raw mut client,
            ptr::null_mut()
        ));
        assert!(!c!(skillsmith_api_client_is_offline(client)));
        assert_eq!(
            c!(skillsmith_api_client_check_health(
                client,
                ptr::null_mut(),
                &raw mut health,
                &raw mut error
            )),
            SKILLSMITH_API_UNHEALTHY
        );
        assert!(c!(skillsmith_error_is_retryable(error)));
        assert_eq!(c!(skillsmith_error_retry_at_ms(error)), -1);
        c!(skillsmith_error_free(error));
    }
    c!(skillsmith_api_client_free(client));
}

#[cfg(feature = "test-hooks")]
#[test]
fn a_panic_is_an_error() {
    let mut error = rubbish();
    assert_eq!(
        c!(skillsmith_test_panic(&raw mut error)),
        SKILLSMITH_INTERNAL
    );
    assert_eq!(
        said(error),
        "Internal error (please report it): panic: a test wants it so"
    );
    assert_eq!(
        c!(skillsmith_test_panic(ptr::null_mut())),
        SKILLSMITH_INTERNAL
    );
    // Every number can be had, with a text that C can show.
    for code in ErrorCode::ALL {
        let status = c!(skillsmith_test_fail(code.number(), &raw mut error));
        assert_eq!(status as i32, code.number());
        assert!(!said(error).is_empty());
    }
    assert_eq!(c!(skillsmith_test_panic_in_getter()), -1);
    assert!(c!(skillsmith_test_panic_on_thread()));
}
