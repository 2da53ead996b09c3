//! How much goes into one transaction: as much as the last ones say fits the time.

use std::time::Duration;

/// While the write lock is held, a host's own write waits on its event loop.
/// About that, and 100 ms at most, are promised; the rest is for a disk that
/// hesitates. At 45 ms a first sync of 100,000 skills takes a tenth longer.
const TARGET: Duration = Duration::from_millis(60);

/// Nothing is known of the machine before the first batch.
const FIRST: u64 = 200;
const SMALLEST: u64 = 10;
const LARGEST: u64 = 5_000;

/// The size of the next batch, in units of about one ordinary row.
#[derive(Debug)]
pub(super) struct BatchSize {
    capacity: u64,
}

impl Default for BatchSize {
    fn default() -> Self {
        Self { capacity: FIRST }
    }
}

impl BatchSize {
    pub(super) const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// A row counts as one, and as one more for each KiB of its text.
    pub(super) const fn weight(text_bytes: usize) -> u64 {
        1 + text_bytes as u64 / 1024
    }

    /// Learns from a batch of `weight` that held the lock for `held`.
    pub(super) fn learn(&mut self, weight: u64, held: Duration) {
        if weight == 0 {
            return;
        }
        let held = held.max(Duration::from_micros(100));
        let fitting = u64::try_from(u128::from(weight) * TARGET.as_micros() / held.as_micros())
            .unwrap_or(LARGEST);
        // Shrinks at once, grows by half at most: one quick batch proves little.
        self.capacity = fitting
            .min(self.capacity.max(weight) * 3 / 2)
            .clamp(SMALLEST, LARGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_settles_on_the_target() {
        let mut size = BatchSize::default();
        // 60 µs a row.
        for _ in 0..20 {
            let weight = size.capacity();
            size.learn(weight, Duration::from_micros(60 * weight));
        }
        assert_eq!(size.capacity(), 1_000);
        // The disk becomes ten times as slow.
        size.learn(1_000, Duration::from_millis(600));
        assert_eq!(size.capacity(), 100);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut size = BatchSize::default();
        size.learn(200, Duration::from_secs(3600));
        assert_eq!(size.capacity(), SMALLEST);
        for _ in 0..50 {
            let weight = size.capacity();
            size.learn(weight, Duration::ZERO);
        }
        assert_eq!(size.capacity(), LARGEST);
    }
}
