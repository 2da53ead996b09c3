//! The allocator of the C library: the system's, and behind it a reserve.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

use crate::reserve::Reserve;
use crate::shortage;

#[global_allocator]
static ALLOCATOR: WithReserve<System> = WithReserve {
    first: System,
    reserve: &RESERVE,
};

static RESERVE: Reserve = Reserve::new();

/// Makes the system cache a few pieces of the size of a thread's handle, and of nearby
/// sizes in case it changes: glibc caches the last seven of a size for the thread that
/// freed them. False if there is no memory.
///
/// Starting a thread, and waiting for its messages, needs such a handle of some 50 bytes.
/// Rust allocates it without our allocator, and ends the process if that fails.
pub(crate) fn has_room_for_handle() -> bool {
    const SIZES: [usize; 5] = [32, 48, 64, 80, 96];
    const PIECES: usize = 7;
    SIZES.into_iter().all(|size| {
        // SAFETY: aligned to 1, and small.
        let layout = unsafe { Layout::from_size_align_unchecked(size, 1) };
        // SAFETY: the size is not 0.
        let pieces = [(); PIECES].map(|()| unsafe { System.alloc(layout) });
        // The compiler may remove an unused allocation.
        std::hint::black_box(&pieces);
        let has_all = pieces.iter().all(|piece| !piece.is_null());
        for piece in pieces.into_iter().filter(|piece| !piece.is_null()) {
            // SAFETY: given above, with this layout.
            unsafe { System.dealloc(piece, layout) };
        }
        has_all
    })
}

/// Allocates from `first`, or from the reserve if that fails.
struct WithReserve<A> {
    first: A,
    reserve: &'static Reserve,
}

impl<A> WithReserve<A> {
    #[cold]
    fn rescue(&self, layout: Layout) -> *mut u8 {
        shortage::note();
        #[cfg(feature = "test-hooks")]
        if !hooks::may_help() {
            return ptr::null_mut();
        }
        let place = self.reserve.take(layout);
        #[cfg(feature = "test-hooks")]
        hooks::note(self.reserve.in_use());
        place
    }
}

// SAFETY: what is given comes from `first` or from the reserve, and goes back to where
// it came from: addresses of the reserve are never `first`'s. Nothing here panics.
unsafe impl<A: GlobalAlloc> GlobalAlloc for WithReserve<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let place = unsafe { self.first.alloc(layout) };
        if place.is_null() {
            return self.rescue(layout);
        }
        place
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let place = unsafe { self.first.alloc_zeroed(layout) };
        if !place.is_null() {
            return place;
        }
        let place = self.rescue(layout);
        if !place.is_null() {
            // SAFETY: given with this size.
            unsafe { place.write_bytes(0, layout.size()) };
        }
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if self.reserve.holds(place) {
            // SAFETY: the caller's promise, and it is from there.
            unsafe { self.reserve.give_back(place) };
        } else {
            // SAFETY: the caller's promise, and it is from there.
            unsafe { self.first.dealloc(place, layout) };
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.reserve.holds(place) {
            if size <= self.reserve.room(place) {
                return place;
            }
        } else {
            // SAFETY: the caller's promise, and it is from there.
            let moved = unsafe { self.first.realloc(place, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller promises that this is a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: its size is not 0, by the caller's promise.
        let moved = unsafe { self.alloc(wanted) };
        if !moved.is_null() {
            // SAFETY: two pieces of memory, with at least so many bytes each; the old one
            // is the caller's to give up.
            unsafe {
                ptr::copy_nonoverlapping(place, moved, layout.size().min(size));
                self.dealloc(place, layout);
            }
        }
        moved
    }
}

/// Hooks for tests.
#[cfg(feature = "test-hooks")]
pub(crate) mod hooks {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    static OFF: AtomicBool = AtomicBool::new(false);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    pub(super) fn may_help() -> bool {
        !OFF.load(Ordering::Relaxed)
    }

    pub(super) fn note(in_use: usize) {
        MOST.fetch_max(in_use, Ordering::Relaxed);
    }

    /// Behaves as without the reserve.
    pub(crate) fn switch_off() {
        OFF.store(true, Ordering::Relaxed);
    }

    /// Bytes of the reserve in use, now and at the peak.
    pub(crate) fn in_use_and_most() -> (usize, usize) {
        (super::RESERVE.in_use(), MOST.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// The system's allocator, which can be made to fail.
    struct Moody(AtomicBool);

    // SAFETY: the system's, or nothing.
    unsafe impl GlobalAlloc for Moody {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if self.0.load(Ordering::Relaxed) {
                return ptr::null_mut();
            }
            // SAFETY: the caller's promise.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(place, layout) };
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    /// The content, which begins with 1, 2, 3 ...
    fn counts(place: *mut u8, size: usize) -> bool {
        // SAFETY: the tests pass what they own.
        let bytes = unsafe { std::slice::from_raw_parts(place, size) };
        bytes.iter().zip(1..).all(|(byte, at)| *byte == at)
    }

    #[test]
    fn it_moves_between_the_system_and_the_reserve_and_back() {
        static OWN: Reserve = Reserve::new();
        let allocator = WithReserve {
            first: Moody(AtomicBool::new(false)),
            reserve: &OWN,
        };
        // SAFETY: each call has the layout of the one before.
        unsafe {
            let place = allocator.alloc(layout(50));
            assert!(!OWN.holds(place));
            for at in 0..50_u8 {
                place.add(at.into()).write(at + 1);
            }
            allocator.first.0.store(true, Ordering::Relaxed);

            // Grown without memory: into the reserve.
            let place = allocator.realloc(place, layout(50), 60);
            assert!(OWN.holds(place) && counts(place, 50));
            // Within its slot.
            assert_eq!(allocator.realloc(place, layout(60), 64), place);
            assert_eq!(allocator.realloc(place, layout(64), 50), place);
            // Into a larger slot; the smaller one is free again.
            let place = allocator.realloc(place, layout(50), 5_000);
            assert!(OWN.holds(place) && counts(place, 50));
            assert_eq!(OWN.in_use(), 8 * 1024);
            // Larger than any: refused, and nothing is lost.
            let refused = allocator.realloc(place, layout(5_000), 5_000_000);
            assert!(refused.is_null() && counts(place, 50));

            allocator.first.0.store(false, Ordering::Relaxed);
            let place = allocator.realloc(place, layout(5_000), 5_000_000);
            assert!(!OWN.holds(place) && counts(place, 50));
            assert_eq!(OWN.in_use(), 0);
            allocator.dealloc(place, layout(5_000_000));
        }
    }

    #[test]
    fn zeroed_memory_is_zeroed_again() {
        static OWN: Reserve = Reserve::new();
        let allocator = WithReserve {
            first: Moody(AtomicBool::new(true)),
            reserve: &OWN,
        };
        for _ in 0..2 {
            // SAFETY: given with this layout, and given back once.
            unsafe {
                let place = allocator.alloc_zeroed(layout(200));
                assert!(OWN.holds(place));
                assert!((0..200).all(|at| *place.add(at) == 0));
                place.write_bytes(7, 200);
                allocator.dealloc(place, layout(200));
            }
        }
    }
}
