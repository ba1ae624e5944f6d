//! Replay: what a start does with the journal.

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use onsale_engine::{Batch, Limits, NullSink, Partition};
use onsale_log::journal::{Journal, JournalOptions};
use onsale_log::{AppendRecord, LogWriter};
use onsale_schemas::{Offset, PartitionId, codec};

use super::workload::Workload;

const PARTITIONS: u16 = 4;
const COMMANDS_PER_BATCH: usize = 256;
/// Log time between two batches, in milliseconds.
const BATCH_STEP_MS: u64 = 2;

/// A journal full of commands.
pub(super) struct Recorded {
    journal: Journal,
    commands: usize,
}

impl Recorded {
    /// Records a sale of this many commands, in whole batches.
    pub(super) fn write(folder: &Path, commands: usize) -> anyhow::Result<Self> {
        let (mut writer, journal) = Journal::open(folder, &JournalOptions::new(PARTITIONS))?;
        let mut sales: Vec<_> = (0..u64::from(PARTITIONS)).map(Workload::new).collect();
        let mut appended = Vec::new();
        let mut written = 0;
        let mut now_ms = 1_700_000_000_000;
        while written < commands {
            let mut batch = Vec::with_capacity(COMMANDS_PER_BATCH);
            for partition in (0..PARTITIONS).cycle().take(COMMANDS_PER_BATCH) {
                let envelope = sales[usize::from(partition)].next_command();
                let bytes = codec::encode(&envelope)?;
                batch.push((PartitionId(partition), envelope, bytes));
            }
            let records: Vec<_> = batch
                .iter()
                .map(|(partition, _, payload)| AppendRecord {
                    partition: *partition,
                    payload,
                })
                .collect();
            appended.clear();
            writer.append(&records, now_ms, &mut appended)?;
            for ((partition, envelope, _), at) in batch.iter().zip(&appended) {
                sales[usize::from(partition.0)].appended(envelope, at.offset);
            }
            written += batch.len();
            now_ms += BATCH_STEP_MS;
        }
        writer.close()?;
        Ok(Self {
            journal,
            commands: written,
        })
    }

    fn starts() -> Vec<(PartitionId, Offset)> {
        (0..PARTITIONS).map(|i| (PartitionId(i), 0)).collect()
    }

    fn per_second(&self, seen: usize, begin: Instant) -> anyhow::Result<f64> {
        let took = begin.elapsed().as_secs_f64();
        ensure!(
            seen == self.commands,
            "{seen} of {} commands were read",
            self.commands
        );
        Ok(f64::from(u32::try_from(seen)?) / took)
    }

    /// Reads everything, applies nothing.
    pub(super) fn scan_per_second(&self) -> anyhow::Result<f64> {
        let begin = Instant::now();
        let mut scan = self.journal.scan(&Self::starts())?;
        let (mut seen, mut bytes) = (0, 0usize);
        loop {
            match scan.next_chunk(|_, entry| bytes += entry.payload.len())? {
                0 => break,
                count => seen += count,
            }
        }
        // So that reading cannot be optimized away.
        ensure!(bytes > seen, "payloads are missing");
        self.per_second(seen, begin)
    }

    /// Reads and applies everything.
    pub(super) fn replay_per_second(&self) -> anyhow::Result<f64> {
        let begin = Instant::now();
        let mut partitions: Vec<_> = (0..PARTITIONS)
            .map(|i| Partition::new(PartitionId(i), Limits::default()))
            .collect();
        let mut batches: Vec<_> = partitions.iter().map(|_| Batch::default()).collect();
        let mut scan = self.journal.scan(&Self::starts())?;
        let mut seen = 0;
        loop {
            let count = scan.next_chunk(|partition, entry| {
                let batch = &mut batches[usize::from(partition.0)];
                batch.push(&entry);
                if batch.is_full() {
                    partitions[usize::from(partition.0)].apply_batch(batch, &mut NullSink);
                }
            })?;
            if count == 0 {
                break;
            }
            seen += count;
        }
        for (partition, batch) in partitions.iter_mut().zip(&mut batches) {
            partition.apply_batch(batch, &mut NullSink);
        }
        let per_second = self.per_second(seen, begin)?;
        for partition in &partitions {
            ensure!(partition.next_offset() > 0, "a partition saw nothing");
        }
        Ok(per_second)
    }
}
