//! No value from outside breaks anything: promises 5, 9, 10 and 13 where a page, a header, a stamp or a
//! row of the database holds what nobody expects.

use std::time::Duration;

use skillsmith_sync::clock::Clock;
use skillsmith_sync::registry::{Call, Page, PageRequest, Registry, Wait};
use skillsmith_sync::{CancelToken, ErrorCode, Result};
use skillsmith_test_registry::{Fault, Options};

use crate::support::World;

/// Asks for the first page, once or with retries.
fn first_page(world: &World, single_try: bool) -> Result<Page> {
    world.client().search(
        &PageRequest {
            limit: 100,
            ..PageRequest::default()
        },
        &Call {
            cancel: &CancelToken::new(),
            clock: &*world.clock,
            deadline: world.clock.elapsed() + Duration::from_secs(600),
            on_wait: &|_: &Wait| {},
            single_try,
        },
    )
}

#[test]
fn promise_9_a_single_try_is_one_request() {
    for fault in [Fault::status(503), Fault::garbage(), Fault::cut(100)] {
        let world = World::new(50, Options::default());
        world.server.fault(fault.always());
        assert!(first_page(&world, true).is_err());
        assert_eq!(world.offsets().len(), 1);
        assert!(world.clock.waits().is_empty());
        assert!(first_page(&world, false).is_err());
        assert_eq!(world.offsets().len(), 5);
    }
    let world = World::new(50, Options::default());
    world
        .server
        .fault(Fault::status(429).with_header("Retry-After", "3").always());
    let error = first_page(&world, true).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RateLimited);
    assert!(error.retry_at().is_some());
    assert_eq!(world.offsets().len(), 1);
}
