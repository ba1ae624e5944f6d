//! The checksum by which a record of the log is known again.

/// Checksum of a record's payload, as snapshots and databases remember it.
pub fn checksum(payload: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(payload)
}
