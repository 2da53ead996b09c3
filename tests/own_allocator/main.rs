//! A program with an allocator of its own links the core, and everything that the core needs
//! comes from that allocator.
#![expect(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use skillsmith_sync::{ClientOptions, Database, SkillsmithApiClient, SyncEngine, SyncOptions};
use skillsmith_test_registry::{Catalogue, Options, Server};

/// The system's, counted.
struct Counting;

static GIVEN: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        GIVEN.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_program_with_an_allocator_of_its_own_syncs() {
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let options = ClientOptions::new().base_url(server.base_url());
    let client = SkillsmithApiClient::new(options).unwrap();
    let database = Database::open_in_memory().unwrap();
    let engine = SyncEngine::new(Arc::new(client), &database);
    let before = GIVEN.load(Ordering::Relaxed);
    let result = engine.sync(SyncOptions::default()).unwrap();
    assert!(result.success, "{:?}", result.errors);
    assert_eq!(result.skills_added, 250);
    assert!(GIVEN.load(Ordering::Relaxed) > before + 250);
}
