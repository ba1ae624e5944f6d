//! Commands per second in a realistic mix.

use onsale_engine::{Batch, Limits, NullSink, OutcomeSink, Partition};
use onsale_schemas::{Outcome, OutcomeRecord, PartitionId, codec};

use super::workload::{Log, Mix, Sells, Shape, Workload};
use super::{Size, Spread};
use crate::counting_allocator::allocations;

/// What came out.
pub(super) struct Throughput {
    pub(super) per_second: Spread,
    pub(super) allocations_per_command: f64,
    /// The part of the time per command that decoding alone takes.
    pub(super) decode_nanoseconds: Spread,
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

/// Commands that are generated at a time; generating them is not measured.
pub(super) const CHUNK_COMMANDS: usize = 100_000;

pub(super) const MIX: Mix = Mix {
    reserve: 70,
    confirm: 20,
    give_back: 0,
    release: 10,
};

/// Seconds of this thread's processor time: the same as wall-clock time on a quiet core, and still
/// the machine's own cost on a shared one.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Applies a log and returns the processor time it took, in seconds. A separate function, so that a
/// profiler can be limited to it.
#[inline(never)]
pub(super) fn apply(partition: &mut Partition, log: &Log, tally: &mut Tally) -> f64 {
    let mut batch = Batch::default();
    let begin = processor_seconds();
    partition.apply_all(log.entries(), &mut batch, tally);
    processor_seconds() - begin
}

/// Applies what comes before the measurement.
fn prepare(partition: &mut Partition, log: &Log) {
    for entry in log.entries() {
        partition.apply(entry, &mut NullSink);
    }
}

pub(super) fn measure(size: Size, sells: Sells, keyed: bool) -> anyhow::Result<Throughput> {
    let mut rates = Vec::new();
    let mut allocated = 0;
    let mut commands = 0usize;
    let mut workload = Workload::new(Shape {
        sells,
        shows: 1_000,
        seats_per_zone: 2_000,
        seats_per_row: 25,
        holds: 50_000,
        mix: MIX,
        rush: true,
        keyed,
        tickets_max: 4,
    });
    let open = workload.open()?;
    let logs = (0..size.commands.div_ceil(CHUNK_COMMANDS))
        .map(|_| workload.commands(CHUNK_COMMANDS))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut decoding = Vec::new();
    for _ in 0..size.runs {
        let mut place = None;
        let begin = processor_seconds();
        for entry in logs.iter().flat_map(Log::entries) {
            codec::decode_envelope_into(entry.payload, &mut place);
            std::hint::black_box(place.is_some());
        }
        decoding.push((processor_seconds() - begin) * 1e9 / size.commands as f64);
        let mut partition = Partition::new(PartitionId(0), Limits::default());
        let mut tally = Tally::default();
        prepare(&mut partition, &open);
        let mut seconds = 0.0;
        let mut applied = 0;
        let before = allocations();
        for log in &logs {
            seconds += apply(&mut partition, log, &mut tally);
            applied += log.len();
        }
        allocated += allocations() - before;
        anyhow::ensure!(
            tally.refused * 100 < tally.records,
            "{} of {} commands were refused: the workload is not as described",
            tally.refused,
            tally.records
        );
        commands += applied;
        rates.push(applied as f64 / seconds);
    }
    Ok(Throughput {
        per_second: Spread::of(rates),
        allocations_per_command: allocated as f64 / commands as f64,
        decode_nanoseconds: Spread::of(decoding),
    })
}
