//! Section `log`.

use onsale_settings::{ConfigProblem, check_range};
use serde::{Deserialize, Serialize};

use crate::journal::JournalOptions;

const HOUR_MS: u64 = 3_600_000;
/// Most partitions that one node serves.
const PARTITIONS_MAX: u16 = 1_024;
/// Sizes of a segment, in MiB. Smaller ones could not take the largest record beside a batch.
const SEGMENT_SIZE_MIN_MIB: u64 = 4;
const SEGMENT_SIZE_MAX_MIB: u64 = 1_024;
/// Longest silence of a log that can be configured, in days (a hundred years).
const SILENCE_MAX_DAYS: u64 = 36_500;
/// Longest retention that can be configured, in hours (a hundred years).
pub(crate) const RETENTION_MAX_HOURS: u64 = 24 * 365 * 100;

/// The log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Partitions; fixed when the log is created.
    pub partitions: u16,
    /// Size of a journal segment, in MiB.
    pub segment_size_mib: u64,
    /// Segments wholly older than this many hours that no kept snapshot needs are deleted. 0 keeps
    /// the whole log: it is the audit trail, and `onsale verify` and `replay` can begin anywhere.
    pub retention_hours: u64,
    /// Days of silence in the log beyond which a start assumes that the clock is wrong and appends
    /// nothing; 0 for no limit.
    pub silence_max_days: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            partitions: 8,
            segment_size_mib: 16,
            retention_hours: 0,
            silence_max_days: 180,
        }
    }
}

impl LogConfig {
    /// How the journal is created and written.
    pub fn journal_options(&self) -> JournalOptions {
        let mut options = JournalOptions::new(self.partitions);
        options.segment_size_bytes = self.segment_size_mib << 20;
        options
    }

    /// See [`LogConfig::retention_hours`], in milliseconds; `None` keeps the whole log.
    pub fn retention_ms(&self) -> Option<u64> {
        (self.retention_hours > 0).then_some(self.retention_hours.saturating_mul(HOUR_MS))
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "log.partitions",
            self.partitions,
            1..=PARTITIONS_MAX,
        );
        check_range(
            problems,
            "log.segment_size_mib",
            self.segment_size_mib,
            SEGMENT_SIZE_MIN_MIB..=SEGMENT_SIZE_MAX_MIB,
        );
        check_range(
            problems,
            "log.silence_max_days",
            self.silence_max_days,
            0..=SILENCE_MAX_DAYS,
        );
        check_range(
            problems,
            "log.retention_hours",
            self.retention_hours,
            0..=RETENTION_MAX_HOURS,
        );
    }
}
