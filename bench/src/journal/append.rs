//! Durable appends.

use std::path::Path;
use std::time::{Duration, Instant};

use onsale_log::journal::{Journal, JournalOptions};
use onsale_log::{AppendRecord, LogWriter};
use onsale_schemas::PartitionId;

const PARTITIONS: u16 = 8;
const RECORD_BYTES: usize = 128;
const RECORDS_PER_BATCH: u16 = 256;

/// How long the syncs took.
#[derive(Default)]
pub(super) struct Syncs(Vec<Duration>);

impl Syncs {
    /// Median and 99th percentile, in microseconds.
    pub(super) fn percentiles_us(&mut self) -> (f64, f64) {
        self.0.sort_unstable();
        let at = |percent: usize| {
            let i = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
            self.0.get(i).map_or(0.0, |took| took.as_secs_f64() * 1e6)
        };
        (at(50), at(99))
    }
}

/// Appends a number of batches to a new journal.
pub(super) fn records_per_second(
    folder: &Path,
    batches: usize,
    syncs: &mut Syncs,
) -> anyhow::Result<f64> {
    let (mut writer, _journal) = Journal::open(folder, &JournalOptions::new(PARTITIONS))?;
    let payload = [0x5a; RECORD_BYTES];
    let records: Vec<_> = (0..RECORDS_PER_BATCH)
        .map(|i| AppendRecord {
            partition: PartitionId(i % PARTITIONS),
            payload: &payload,
        })
        .collect();
    let mut appended = Vec::with_capacity(records.len());
    let begin = Instant::now();
    let mut count = 0u32;
    for now_ms in 0..batches {
        appended.clear();
        writer.append(&records, now_ms as u64, &mut appended)?;
        syncs.0.push(writer.last_sync());
        count += u32::from(RECORDS_PER_BATCH);
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}
