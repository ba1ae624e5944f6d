//! How long the linear check of an on-sale takes: `cargo run --release -p onsale-simulation
//! --example checker_speed [RECORDS]`.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::time::Instant;

use onsale_schemas::{Entry, PartitionId};
use onsale_simulation::linear::{Checker, Difference};
use onsale_simulation::model::{Model, ModelLimits};
use onsale_simulation::workload::{Profile, Workload};

const PARTITION: PartitionId = PartitionId(0);
const RECORDS_DEFAULT: u64 = 1_000_000;

fn main() -> Result<(), Box<Difference>> {
    let records = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(RECORDS_DEFAULT);
    let mut workload = Workload::new(Profile::on_sale(8, 200_000), 1);
    let mut model = Model::new(PARTITION, ModelLimits::default());
    let mut log = Vec::new();
    for offset in 0..records {
        let record = workload.next_record();
        let entry = Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        };
        let outcome = model.apply(entry);
        outcome.iter().for_each(|outcome| workload.observe(outcome));
        log.push((record, outcome));
    }
    let started = Instant::now();
    let mut checker = Checker::new(PARTITION);
    for (offset, (record, outcome)) in (0..).zip(&log) {
        let entry = Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        };
        checker.entry_with_outcome(entry, outcome.as_ref())?;
    }
    let applied = started.elapsed();
    let summary = checker.finish()?;
    println!(
        "{records} records checked in {:.2} s, and {:.2} s for the state at the end: {} live holds, \
         {} confirmed, {} expired, refused {:?}",
        applied.as_secs_f64(),
        (started.elapsed() - applied).as_secs_f64(),
        summary.live_holds,
        summary.confirmed,
        summary.expired,
        summary.refusals,
    );
    Ok(())
}
