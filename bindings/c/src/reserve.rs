//! A reserve of memory.
//!
//! Slots of a few sizes, and a bit for each that says whether it is in use. Allocating and
//! freeing are one atomic operation on that bit, so nothing ever waits, not even in a child
//! that was forked while another thread was here. The content of the slots is never read.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Slots of one size.
struct Class {
    /// A power of two.
    size: usize,
    count: usize,
}

/// From the smallest to the largest. The buffers of a connection have 128 KiB.
const CLASSES: [Class; 7] = [
    Class::new(64, 8192),
    Class::new(256, 2048),
    Class::new(1024, 1024),
    Class::new(8 * 1024, 128),
    Class::new(32 * 1024, 16),
    Class::new(128 * 1024, 8),
    Class::new(512 * 1024, 4),
];

/// Slots are aligned to their size, but memory is aligned to a page at most.
const ALIGNMENT: usize = 4096;

const SIZE: usize = begin_of(CLASSES.len());
const WORDS: usize = first_word_of(CLASSES.len());

impl Class {
    const fn new(size: usize, count: usize) -> Self {
        assert!(size.is_power_of_two() && (count.is_multiple_of(64) || count < 64));
        Self { size, count }
    }

    const fn words(&self) -> usize {
        self.count.div_ceil(64)
    }

    /// The bits of a word that represent slots.
    const fn mask(&self) -> u64 {
        if self.count < 64 {
            (1 << self.count) - 1
        } else {
            u64::MAX
        }
    }

    fn fits(&self, layout: Layout) -> bool {
        layout.size() <= self.size && layout.align() <= self.size.min(ALIGNMENT)
    }
}

/// The offset of the slots of a class, in bytes.
const fn begin_of(class: usize) -> usize {
    let (mut begin, mut at) = (0, 0);
    while at < class {
        begin += CLASSES[at].size * CLASSES[at].count;
        at += 1;
    }
    begin
}

/// The offset of the bits of a class.
const fn first_word_of(class: usize) -> usize {
    let (mut first, mut at) = (0, 0);
    while at < class {
        first += CLASSES[at].words();
        at += 1;
    }
    first
}

/// All zeros, so that a static one takes no space in the file, and none in memory before it
/// is used.
#[repr(C, align(4096))]
pub(crate) struct Reserve {
    memory: UnsafeCell<[u8; SIZE]>,
    /// 1: in use.
    taken: [AtomicU64; WORDS],
}

// SAFETY: the memory is only touched by those who were given a part of it, and no two
// are given the same.
unsafe impl Sync for Reserve {}

impl Reserve {
    #[expect(
        clippy::large_stack_arrays,
        reason = "for statics: it is made by the compiler"
    )]
    pub(crate) const fn new() -> Self {
        Self {
            memory: UnsafeCell::new([0; SIZE]),
            taken: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    fn base(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// Whether the memory belongs to this reserve.
    pub(crate) fn holds(&self, place: *mut u8) -> bool {
        place.addr().wrapping_sub(self.base().addr()) < SIZE
    }

    /// Allocates uninitialized memory of that layout; null if there is none.
    pub(crate) fn take(&self, layout: Layout) -> *mut u8 {
        let classes = CLASSES.iter().enumerate();
        for (at, class) in classes.filter(|(_, class)| class.fits(layout)) {
            let first = first_word_of(at);
            let words = &self.taken[first..first + class.words()];
            for (word, bits) in words.iter().enumerate() {
                if let Some(bit) = take_bit(bits, class.mask()) {
                    let slot = word * 64 + bit;
                    // SAFETY: a slot of the class, so within the memory.
                    return unsafe { self.base().add(begin_of(at) + slot * class.size) };
                }
            }
        }
        ptr::null_mut()
    }

    /// The size of the slot at that address, which `take` returned.
    pub(crate) fn room(&self, place: *mut u8) -> usize {
        CLASSES[self.find(place).0].size
    }

    /// Frees a slot.
    ///
    /// # Safety
    /// `place` was given by `take`, was not given back since, and is not used any more.
    pub(crate) unsafe fn give_back(&self, place: *mut u8) {
        let (class, slot) = self.find(place);
        let word = &self.taken[first_word_of(class) + slot / 64];
        // Orders our accesses before those of the next owner.
        word.fetch_and(!(1 << (slot % 64)), Ordering::Release);
    }

    /// The class and the number of the slot at that address.
    fn find(&self, place: *mut u8) -> (usize, usize) {
        let offset = place.addr() - self.base().addr();
        let class = (1..CLASSES.len())
            .take_while(|class| begin_of(*class) <= offset)
            .last()
            .unwrap_or(0);
        (class, (offset - begin_of(class)) / CLASSES[class].size)
    }

    /// Bytes in slots that are in use.
    #[cfg(any(test, feature = "test-hooks"))]
    pub(crate) fn in_use(&self) -> usize {
        let of_class = |(at, class): (usize, &Class)| {
            let first = first_word_of(at);
            let taken: u32 = self.taken[first..first + class.words()]
                .iter()
                .map(|word| word.load(Ordering::Relaxed).count_ones())
                .sum();
            taken as usize * class.size
        };
        CLASSES.iter().enumerate().map(of_class).sum()
    }
}

/// Sets a clear bit of the mask, and returns its index.
fn take_bit(bits: &AtomicU64, mask: u64) -> Option<usize> {
    loop {
        let free = !bits.load(Ordering::Relaxed) & mask;
        if free == 0 {
            return None;
        }
        let bit = free.trailing_zeros();
        if bits.fetch_or(1 << bit, Ordering::Acquire) & (1 << bit) == 0 {
            return Some(bit as usize);
        }
        // Another thread was faster.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn everything_is_aligned_writable_and_apart() {
        static RESERVE: Reserve = Reserve::new();
        let mut given: Vec<(*mut u8, usize, u8)> = Vec::new();
        let wishes = [0, 3, 4, 6, 9, 12].into_iter().flat_map(|align| {
            [1, 60, 64, 65, 250, 1000, 8000, 32_000, 100_000].map(|size| layout(size, 1 << align))
        });
        for (mark, wish) in (0_u8..).zip(wishes) {
            let place = RESERVE.take(wish);
            assert!(!place.is_null() && RESERVE.holds(place), "{wish:?}");
            assert!(place.addr().is_multiple_of(wish.align()), "{wish:?}");
            assert!(RESERVE.room(place) >= wish.size());
            // SAFETY: just given, with this size.
            unsafe { place.write_bytes(mark, wish.size()) };
            given.push((place, wish.size(), mark));
        }
        for (place, size, mark) in given {
            // SAFETY: written above, and still ours.
            let bytes = unsafe { std::slice::from_raw_parts(place, size) };
            assert!(bytes.iter().all(|byte| *byte == mark));
            // SAFETY: given above, once.
            unsafe { RESERVE.give_back(place) };
        }
        assert_eq!(RESERVE.in_use(), 0);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_comes_back_is_given_again() {
        static RESERVE: Reserve = Reserve::new();
        assert!(RESERVE.take(layout(512 * 1024 + 1, 1)).is_null());
        assert!(RESERVE.take(layout(1, 8192)).is_null());
        assert!(!RESERVE.holds(ptr::null_mut()));
        assert!(!RESERVE.holds(RESERVE.base().wrapping_add(SIZE)));
        for _ in 0..2 {
            let mut given = Vec::new();
            loop {
                let place = RESERVE.take(layout(64, 64));
                if place.is_null() {
                    break;
                }
                given.push(place);
            }
            // Small allocations also use large slots when the small ones are used up.
            let slots: usize = CLASSES.iter().map(|class| class.count).sum();
            assert_eq!((given.len(), RESERVE.in_use()), (slots, SIZE));
            for place in given {
                // SAFETY: given above, once.
                unsafe { RESERVE.give_back(place) };
            }
            assert_eq!(RESERVE.in_use(), 0);
        }
    }

    #[test]
    fn threads_never_get_the_same() {
        static RESERVE: Reserve = Reserve::new();
        std::thread::scope(|scope| {
            for mark in 0..4_u8 {
                scope.spawn(move || {
                    for round in 0..2_000 {
                        let wish = layout(1 + (round * 37) % 5_000, 8);
                        let places = [(); 5].map(|()| RESERVE.take(wish));
                        for place in places {
                            assert!(!place.is_null());
                            // SAFETY: just given, with this size.
                            unsafe { place.write_bytes(mark, wish.size()) };
                        }
                        for place in places {
                            // SAFETY: written above, and still ours.
                            let bytes = unsafe { std::slice::from_raw_parts(place, wish.size()) };
                            assert!(bytes.iter().all(|byte| *byte == mark));
                            // SAFETY: given above, once.
                            unsafe { RESERVE.give_back(place) };
                        }
                    }
                });
            }
        });
        assert_eq!(RESERVE.in_use(), 0);
    }
}
