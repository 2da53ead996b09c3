//! Selects which of many possible faults a run tries.

/// Whether everything is tried, however long it takes.
pub(crate) fn long() -> bool {
    std::env::var_os("SKILLSMITH_LONG_TESTS").is_some_and(|value| value == "1")
}

/// Numbers from 1 to `last`, spread evenly: `few` of them, or `many` in a long run; the first and
/// the last always among them.
pub(crate) fn of(last: u64, few: u64, many: u64) -> Vec<u64> {
    let most = if long() { many } else { few };
    if last <= most {
        return (1..=last).collect();
    }
    let mut random = Random::new(last);
    let mut chosen = vec![1, last];
    let slots = most.saturating_sub(2).max(1);
    for slot in 0..slots {
        let (from, to) = (last * slot / slots, last * (slot + 1) / slots);
        chosen.push((from + 1 + random.below(to - from)).min(last));
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Random numbers that depend only on the seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(salt: u64) -> Self {
        let seed = std::env::var("FAULT_SEED")
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(1);
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt)
    }

    /// A number below `bound`, which is not 0. SplitMix64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
