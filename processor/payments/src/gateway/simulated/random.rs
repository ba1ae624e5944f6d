//! Numbers that follow from a seed.

/// Mixes a number well (the finalizer of SplitMix64).
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The number of a seed, for what is told apart by `topic` and `count`.
pub(crate) fn number(seed: u64, topic: u64, count: u64) -> u64 {
    let seed = mixed(seed.wrapping_add(0x9e37_79b9_7f4a_7c15));
    mixed(seed ^ mixed(topic.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mixed(count.wrapping_add(1))))
}

/// Whether something befalls `per_mille` of 1,000.
pub(crate) fn befalls(number: u64, per_mille: u32) -> bool {
    number % 1_000 < u64::from(per_mille)
}
