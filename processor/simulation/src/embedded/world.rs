//! The world, from life to life of the process.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use onsale_disk::MemoryDisk;
use onsale_engine::Limits;
use onsale_log::journal::{Journal, JournalOptions, JournalWriter, PrepareSegments};
use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::{Entry, LogTimeMs, PartitionId};

use crate::agreement;
use crate::model::{MACHINE_VERSION_KNOWN, ModelLimits};
use crate::projection::Database;
use crate::seed::{Lived, Options};
use crate::snapshots::LOG_ID;
use crate::stats::Stats;
use crate::trace::Trace;
use crate::truth::Truth;
use crate::workload::{Profile, Rng, START_MS, Workload};

/// What happens in one step, or what is wrong.
pub(super) type Step = Result<(), String>;

const FOLDER: &str = "/journal";
/// Bytes of one read of the journal.
pub(super) const READ_BYTES: usize = 16 << 10;

/// A record of the log.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) log_time_ms: LogTimeMs,
    pub(super) payload: Rc<[u8]>,
}

/// What is known about a partition, whatever happens to the process.
pub(super) struct Partition {
    pub(super) id: PartitionId,
    /// All records that must be in the log.
    pub(super) log: Vec<Record>,
    pub(super) truth: Truth,
    pub(super) workload: Workload,
    pub(super) database: Database,
    /// What of the database survives a power cut.
    pub(super) durable: Database,
    /// Snapshots on the disk, the oldest first.
    pub(super) snapshots: Vec<Rc<[u8]>>,
}

/// Everything there is.
pub(super) struct World {
    /// Of the program.
    pub(super) limits: Limits,
    pub(super) rng: Rng,
    pub(super) trace: Trace,
    pub(super) stats: Stats,
    pub(super) disk: MemoryDisk,
    pub(super) partitions: Vec<Partition>,
    /// The wall clock, which jumps.
    pub(super) clock_ms: u64,
    pub(super) asks_left: u64,
    /// Records of the batch that may or may not be in the log.
    pub(super) in_doubt: Vec<(usize, Record)>,
}

/// Runs the world of a seed to its end.
pub(crate) fn run(options: Options) -> Lived {
    let mut world = World::new(options);
    let result = world.live();
    Lived {
        result,
        stats: world.stats,
        trace: world.trace,
    }
}

impl World {
    fn new(options: Options) -> Self {
        let mut rng = Rng::new(options.seed);
        let count = rng.one_of([1, 2, 4]);
        // The one place of this world that says what its program knows.
        let limits = Limits {
            machine_version_known: options.machine_version.max(MACHINE_VERSION_KNOWN),
            ..Limits::default()
        };
        let profile = Profile {
            keys: rng.one_of([10, 300, u64::MAX]),
            ..Profile::of_clients(options.machine_version)
        };
        let partitions = (0u16..)
            .map(PartitionId)
            .take(count)
            .map(|id| Partition {
                id,
                log: Vec::new(),
                truth: Truth::new(
                    id,
                    ModelLimits {
                        machine_version_known: limits.machine_version_known,
                        ..ModelLimits::default()
                    },
                ),
                workload: Workload::new(profile.clone(), rng.next_u64()),
                database: Database::default(),
                durable: Database::default(),
                snapshots: Vec::new(),
            })
            .collect();
        Self {
            limits,
            rng,
            trace: Trace::new(options.in_words),
            stats: Stats::default(),
            disk: MemoryDisk::new(),
            partitions,
            clock_ms: START_MS,
            asks_left: options.commands,
            in_doubt: Vec::new(),
        }
    }

    fn live(&mut self) -> Step {
        while self.asks_left > 0 {
            self.set_traps();
            match self.open() {
                Ok((writer, journal)) => self.live_once(writer, journal, false)?,
                // A fault of the disk; without faults it has to open.
                Err(_) => {
                    self.stats.failed_openings += 1;
                    self.die();
                }
            }
        }
        self.take_traps_away();
        let opened = self.open();
        let (writer, journal) = opened.map_err(|error| format!("a sound disk: {error}"))?;
        self.live_once(writer, journal, true)?;
        for partition in &self.partitions {
            let model = partition.truth.checker().model();
            let live: Vec<_> = agreement::live(model).collect();
            if partition.database.live() != live {
                return Err(format!(
                    "the database and the model differ in the live bookings of partition {}",
                    partition.id
                ));
            }
        }
        Ok(())
    }

    fn open(&self) -> Result<(JournalWriter, Journal), LogError> {
        let count = u16::try_from(self.partitions.len()).unwrap_or(u16::MAX);
        let options = JournalOptions {
            segment_size_bytes: 64 << 10,
            log_id: Some(LOG_ID),
            prepare: PrepareSegments::OnDemand,
            ..JournalOptions::new(count)
        };
        Journal::open_on(Arc::new(self.disk.clone()), Path::new(FOLDER), &options)
    }

    /// The journal holds what was acknowledged, or that and the batch that was in flight.
    pub(super) fn check_log(&mut self, journal: &Journal) -> Step {
        let in_doubt = std::mem::take(&mut self.in_doubt);
        let ends: Result<Vec<u64>, LogError> = self
            .partitions
            .iter()
            .map(|partition| journal.bounds(partition.id).map(|(_, end)| end))
            .collect();
        let ends = ends.map_err(|error| error.to_string())?;
        let lengths = |partitions: &[Partition]| -> Vec<u64> {
            partitions
                .iter()
                .map(|partition| partition.log.len() as u64)
                .collect()
        };
        if ends != lengths(&self.partitions) {
            for (index, record) in in_doubt {
                self.partitions[index].take(record, &mut self.stats)?;
                self.stats.records += 1;
            }
        }
        if ends != lengths(&self.partitions) {
            return Err(format!(
                "the journal ends at {ends:?}, acknowledged (with the batch in doubt) was {:?}",
                lengths(&self.partitions)
            ));
        }
        let mut batch = EntryBatch::default();
        for partition in &self.partitions {
            let (mut next, end) = journal.bounds(partition.id).map_err(|e| e.to_string())?;
            while next < end {
                journal
                    .reader()
                    .read(partition.id, next, READ_BYTES, &mut batch)
                    .map_err(|error| error.to_string())?;
                if batch.is_empty() {
                    return Err(format!("partition {} ends at {next}", partition.id));
                }
                for entry in batch.iter() {
                    if entry.offset != next || partition.entry(next) != Some(entry) {
                        return Err(format!(
                            "partition {} does not have at {next} what was acknowledged",
                            partition.id
                        ));
                    }
                    next += 1;
                }
            }
        }
        Ok(())
    }
}

impl Partition {
    pub(super) fn entry(&self, offset: u64) -> Option<Entry<'_>> {
        let record = self.log.get(usize::try_from(offset).ok()?)?;
        Some(Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        })
    }

    /// A record is in the log for good.
    pub(super) fn take(&mut self, record: Record, stats: &mut Stats) -> Step {
        let offset = self.log.len() as u64;
        let outcome = self.truth.append(Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        })?;
        stats.too_early += u64::from(self.truth.newest_is_early());
        if let Some(outcome) = outcome {
            stats.note(&outcome);
            self.workload.observe(&outcome);
        }
        self.log.push(record);
        Ok(())
    }
}
