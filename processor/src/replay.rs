//! Applies a stretch of a partition's log again, offline, and shows what every record did.

use onsale_engine::{Limits, Partition};
use onsale_log::{EntryBatch, LogError, LogReader};
use onsale_schemas::{Entry, LogTimeMs, Offset, OutcomeRecord, PartitionId};

/// Bytes of one read of the log.
const READ_BYTES_MAX: usize = 4 << 20;

/// Where a replay ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Until {
    /// Before the record at this offset.
    pub offset: Option<Offset>,
    /// Before the first record later than this time, so that the state is the one "as of" it.
    pub time_ms: Option<LogTimeMs>,
}

impl Until {
    fn is_before(&self, entry: &Entry<'_>) -> bool {
        self.offset.is_some_and(|until| entry.offset >= until)
            || self.time_ms.is_some_and(|until| entry.log_time_ms > until)
    }
}

/// Applies records to `machine` from where it stands until `until` or the end of the log, and hands
/// each with its outcome to `each`.
///
/// # Errors
/// When the log cannot be read, or begins after the machine's position.
pub fn replay(
    reader: &mut (impl LogReader + ?Sized),
    mut machine: Partition,
    until: Until,
    mut each: impl FnMut(Entry<'_>, Option<OutcomeRecord>, &Partition),
) -> Result<Partition, LogError> {
    let partition = machine.id();
    let mut batch = EntryBatch::default();
    let mut outcome: Vec<OutcomeRecord> = Vec::with_capacity(1);
    loop {
        reader.read(partition, machine.next_offset(), READ_BYTES_MAX, &mut batch)?;
        if batch.is_empty() {
            return Ok(machine);
        }
        for entry in batch.iter() {
            if until.is_before(&entry) {
                return Ok(machine);
            }
            machine.apply(entry, &mut outcome);
            each(entry, outcome.pop(), &machine);
        }
    }
}

/// A machine that has applied nothing, to replay from the beginning of the log.
pub fn genesis(partition: PartitionId) -> Partition {
    Partition::new(partition, Limits::default())
}
