//! Commands per second in the mix of the design.

use onsale_engine::{Limits, OutcomeSink, Partition};
use onsale_schemas::{Outcome, OutcomeRecord, PartitionId};

use super::workload::{Log, Mix, Shape, Workload};
use super::{Size, Spread};
use crate::counting_allocator::allocations;

/// What came out.
pub(super) struct Throughput {
    pub(super) per_second: Spread,
    pub(super) allocations_per_command: f64,
}

/// Looks at each outcome and drops it, so that none can be optimised away.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) records: u64,
    pub(super) refused: u64,
}

impl OutcomeSink for Tally {
    fn emit(&mut self, record: OutcomeRecord) {
        self.records += 1;
        self.refused += u64::from(matches!(record.outcome, Outcome::Rejected(_)));
    }
}

/// Commands that are made at a time; making them is not measured.
pub(super) const CHUNK_COMMANDS: usize = 100_000;

pub(super) const MIX: Mix = Mix {
    reserve: 70,
    confirm: 20,
    give_back: 0,
    release: 10,
};

/// Seconds of this thread's processor time: the same as by the clock where nobody else wants the
/// core, and still the machine's own cost where somebody does.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Applies a log and gives the processor time it took, in seconds.
pub(super) fn apply(partition: &mut Partition, log: &Log, tally: &mut Tally) -> f64 {
    let begin = processor_seconds();
    for entry in log.entries() {
        partition.apply(entry, tally);
    }
    processor_seconds() - begin
}

pub(super) fn measure(size: Size, keyed: bool) -> anyhow::Result<Throughput> {
    let mut rates = Vec::new();
    let mut allocated = 0;
    let mut commands = 0usize;
    for _ in 0..size.runs {
        let mut workload = Workload::new(Shape {
            shows: 1_000,
            seats_per_zone: 2_000,
            seats_per_row: 25,
            holds: 50_000,
            mix: MIX,
            keyed,
            tickets_max: 4,
        });
        let mut partition = Partition::new(PartitionId(0), Limits::default());
        let mut tally = Tally::default();
        apply(&mut partition, &workload.open()?, &mut tally);
        // Until expiries flow as fast as reservations make up for them.
        for _ in 0..3 {
            apply(
                &mut partition,
                &workload.commands(CHUNK_COMMANDS)?,
                &mut tally,
            );
        }
        let mut seconds = 0.0;
        let mut applied = 0;
        tally = Tally::default();
        while applied < size.commands {
            let log = workload.commands(CHUNK_COMMANDS)?;
            let before = allocations();
            seconds += apply(&mut partition, &log, &mut tally);
            allocated += allocations() - before;
            applied += log.len();
        }
        anyhow::ensure!(
            tally.refused * 100 < tally.records,
            "{} of {} commands were refused: the workload is not what it says",
            tally.refused,
            tally.records
        );
        commands += applied;
        rates.push(applied as f64 / seconds);
    }
    Ok(Throughput {
        per_second: Spread::of(rates),
        allocations_per_command: allocated as f64 / commands as f64,
    })
}
