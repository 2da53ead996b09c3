//! The size of a transaction: as much as fits the target time, learned from the last transactions.

use std::time::Duration;

/// How long a batch may hold the write lock: a host's own write blocks its event loop meanwhile. We
/// promise about this, and 100 ms at most; the rest is for a slow disk. At 45 ms a first sync of
/// 100,000 skills takes a tenth longer.
const TARGET: Duration = Duration::from_millis(60);

/// Capacity of the first batch, when nothing is known about the machine.
const FIRST: Weight = Weight {
    rows: 200,
    bytes: 128 * 1024,
};
const SMALLEST: Weight = Weight {
    rows: 10,
    bytes: 8 * 1024,
};
/// Indexing text takes about a second per 8 MiB, so what small rows allow is too much for large
/// ones.
const LARGEST: Weight = Weight {
    rows: 5_000,
    bytes: 1024 * 1024,
};

/// The size of a batch: writing many rows takes time, and so does indexing long texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    rows: u64,
    /// Bytes of text.
    bytes: u64,
}

impl Weight {
    pub(super) const fn rows(self) -> u64 {
        self.rows
    }

    /// Adds a row with this much text.
    pub(super) fn add(&mut self, text_bytes: usize) {
        self.rows = self.rows.saturating_add(1);
        self.bytes = self.bytes.saturating_add(text_bytes as u64);
    }
}

/// The capacity of the next batch.
#[derive(Debug)]
pub(super) struct BatchSize {
    capacity: Weight,
}

impl Default for BatchSize {
    fn default() -> Self {
        Self { capacity: FIRST }
    }
}

impl BatchSize {
    pub(super) const fn is_full(&self, staged: Weight) -> bool {
        staged.rows >= self.capacity.rows || staged.bytes >= self.capacity.bytes
    }

    /// Learns from a batch that held the lock for `held`.
    pub(super) fn learn(&mut self, staged: Weight, held: Duration) {
        if staged.rows == 0 {
            return;
        }
        let held = held.max(Duration::from_micros(100)).as_micros();
        let fitting = |weight: u64, known: u64, smallest: u64, largest: u64| {
            let fitting = u128::from(weight).saturating_mul(TARGET.as_micros()) / held;
            // Shrinks at once, grows by half at most: one quick batch proves little.
            let most = known.saturating_mul(3) / 2;
            u64::try_from(fitting)
                .unwrap_or(largest)
                .min(most)
                .clamp(smallest, largest)
        };
        let known = self.capacity;
        self.capacity = Weight {
            rows: fitting(staged.rows, known.rows, SMALLEST.rows, LARGEST.rows),
            bytes: fitting(staged.bytes, known.bytes, SMALLEST.bytes, LARGEST.bytes),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Learns from batches of equal rows, on a machine that takes this long (µs) per row and per
    /// KiB.
    fn settle(size: &mut BatchSize, text: usize, per_row: u64, per_kib: u64) -> Duration {
        let mut held = Duration::ZERO;
        for _ in 0..30 {
            let mut staged = Weight::default();
            while !size.is_full(staged) {
                staged.add(text);
            }
            held = Duration::from_micros(per_row * staged.rows + per_kib * staged.bytes / 1024);
            size.learn(staged, held);
        }
        held
    }

    #[test]
    fn promise_7_it_settles_on_the_target() {
        for (text, per_row, per_kib) in [
            (300, 60, 0),
            (300, 600, 0),
            (300, 30, 100),
            (20_000, 60, 130),
            (150_000, 60, 130),
        ] {
            let mut size = BatchSize::default();
            let held = settle(&mut size, text, per_row, per_kib);
            // Plus or minus one row.
            let row = Duration::from_micros(per_row + per_kib * text as u64 / 1024);
            assert!(
                (TARGET.saturating_sub(row)..=TARGET + row).contains(&held),
                "{text}: {held:?}"
            );
        }
    }

    #[test]
    fn promise_7_large_rows_behind_small_ones_hold_the_lock_for_a_moment_only() {
        let mut size = BatchSize::default();
        settle(&mut size, 300, 10, 10);
        let mut staged = Weight::default();
        while !size.is_full(staged) {
            staged.add(150_000);
        }
        let held = Duration::from_micros(130 * staged.bytes / 1024);
        assert!(held < Duration::from_millis(160), "{held:?}");
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut size = BatchSize::default();
        let staged = Weight {
            rows: 200,
            bytes: 60_000,
        };
        size.learn(staged, Duration::from_secs(3600));
        assert_eq!(size.capacity, SMALLEST);
        for _ in 0..50 {
            let staged = size.capacity;
            size.learn(staged, Duration::ZERO);
        }
        assert_eq!(size.capacity, LARGEST);
    }
}
