//! The only place where the processor looks at the clock.

/// Milliseconds since 1970-01-01T00:00:00Z by the wall clock; 0 before it.
pub fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
