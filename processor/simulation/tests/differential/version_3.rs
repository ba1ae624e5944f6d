//! Histories with all of machine version 3, which a barrier raises in the middle.

use onsale_simulation::model::ModelLimits;
use onsale_simulation::workload::{Profile, Workload};

use crate::pair::{Also, Pair};

/// A program that knows version 3. The one place in the simulator that says so for the engine is
/// `engine_limits` in `pair.rs`.
fn limits() -> ModelLimits {
    ModelLimits {
        machine_version_known: 3,
        ..ModelLimits::default()
    }
}

fn compare(seed: u64, records: u64, limits: ModelLimits) {
    let mut workload = Workload::new(Profile::adversarial_v3(), seed);
    let mut pair = Pair::new(limits);
    for number in 0..records {
        let record = workload.next_record();
        let also = Also {
            self_check: number % 20 == 0,
            snapshot: number % 50 == 25,
        };
        let outcome = pair.step(&record, also);
        let outcome = outcome.unwrap_or_else(|why| {
            let head: String = why.chars().take(4_000).collect();
            panic!("seed {seed}, record {number}: {head}")
        });
        outcome.iter().for_each(|record| workload.observe(record));
    }
    assert_eq!(pair.model().machine_version(), 3, "seed {seed}");
}

#[test]
fn orders_of_short_histories() {
    for seed in 1_000..1_060 {
        compare(seed, 500, limits());
    }
}

#[test]
fn orders_of_long_histories() {
    for seed in 0..6 {
        compare(seed, 4_000, limits());
    }
}

/// Tables so small that they fill up.
#[test]
fn orders_with_full_tables() {
    for seed in 2_000..2_020 {
        let small = ModelLimits {
            shows_max: 6,
            bookings_max: 12,
            ..limits()
        };
        compare(seed, 500, small);
    }
}
