//! Random histories, cut down by proptest when the two disagree.
//!
//! `ONSALE_PROPTEST_CASES` sets the number of histories; they are then new ones on every run, while
//! the default number always tries the same.

use onsale_schemas::{Entry, PartitionId};
use onsale_simulation::model::{Model, ModelLimits};
use onsale_simulation::workload::{Profile, Rng, Workload};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::pair::{Also, Pair};

const CASES_DEFAULT: u32 = 48;
const RECORDS_MAX: usize = 300;
const CASES_VARIABLE: &str = "ONSALE_PROPTEST_CASES";
const SEED_DEFAULT: u64 = 0x0075_a1e0;

fn config() -> Config {
    let asked = std::env::var(CASES_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok());
    Config {
        cases: asked.unwrap_or(CASES_DEFAULT),
        rng_seed: match asked {
            Some(_) => RngSeed::Random,
            None => RngSeed::Fixed(SEED_DEFAULT),
        },
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..Config::default()
    }
}

/// Tables so small that they fill up, and large ones.
fn limits() -> impl Strategy<Value = ModelLimits> {
    (
        prop_oneof![Just(1_000u32), 3u32..10],
        prop_oneof![Just(1_000_000u32), 1u32..40],
        prop_oneof![Just(1_000_000u32), 1u32..12],
    )
        .prop_map(
            |(shows_max, bookings_max, remembered_answers_max)| ModelLimits {
                shows_max,
                bookings_max,
                remembered_answers_max,
                machine_version_known: 2,
                ..ModelLimits::default()
            },
        )
}

/// Mostly everything at once; every fifth history consists of holds that nobody pays for.
fn profile(seed: u64) -> Profile {
    if seed.is_multiple_of(5) {
        Profile::unpaid()
    } else {
        Profile::adversarial_v2()
    }
}

/// What happens beside a record is derived from its number too, so that it stays with the record
/// when others are left out.
fn also(choice: u64) -> Also {
    let mut rng = Rng::new(!choice);
    Also {
        self_check: rng.percent(10),
        snapshot: rng.percent(6),
    }
}

fn compare(seed: u64, limits: ModelLimits, choices: &[u64]) -> Result<(), String> {
    let mut workload = Workload::new(profile(seed), seed);
    let mut pair = Pair::new(limits);
    let all = Also {
        self_check: true,
        snapshot: true,
    };
    for (number, &choice) in (1..).zip(choices) {
        let record = workload.record_from(choice);
        let also = if number == choices.len() {
            all
        } else {
            also(choice)
        };
        let outcome = pair
            .step(&record, also)
            .map_err(|why| format!("{why}\n{}", described(seed, limits, choices)))?;
        outcome.iter().for_each(|record| workload.observe(record));
    }
    Ok(())
}

/// The history in words, as the model sees it.
fn described(seed: u64, limits: ModelLimits, choices: &[u64]) -> String {
    use onsale_schemas::{Envelope, codec};
    let mut workload = Workload::new(profile(seed), seed);
    let mut model = Model::new(PartitionId(5), limits);
    let mut text = format!("{limits:?}\n");
    for &choice in choices {
        let record = workload.record_from(choice);
        let entry = Entry {
            offset: model.next_offset(),
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        };
        let outcome = model.apply(entry);
        outcome.iter().for_each(|record| workload.observe(record));
        let envelope = codec::decode::<Envelope>(&record.payload);
        let words = envelope.map_or_else(
            |error| error.to_string(),
            |e| format!("{:?} {:?} {:?}", e.request_id, e.idempotency, e.command),
        );
        let (at, time) = (entry.offset, entry.log_time_ms);
        text += &format!("{at} @{time} {words}\n    -> {outcome:?}\n");
    }
    text
}

#[test]
fn the_engine_does_what_the_model_does() {
    let histories = (any::<u64>(), limits(), vec(any::<u64>(), 1..RECORDS_MAX));
    TestRunner::new(config())
        .run(&histories, |(seed, limits, choices)| {
            compare(seed, limits, &choices).map_err(TestCaseError::fail)
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// Longer than proptest's, so that tables and bitsets get a past.
#[test]
fn long_histories() {
    for seed in 0..4 {
        let mut rng = Rng::new(seed);
        let choices: Vec<u64> = (0..3_000).map(|_| rng.next_u64()).collect();
        if let Err(why) = compare(seed, ModelLimits::default(), &choices) {
            let head: String = why.chars().take(2_000).collect();
            panic!("seed {seed}: {head}");
        }
    }
}

#[test]
fn an_on_sale() {
    let mut workload = Workload::new(Profile::on_sale(2, 400), 1);
    let mut pair = Pair::new(ModelLimits::default());
    for number in 0..4_000 {
        let record = workload.next_record();
        let also = Also {
            self_check: number % 500 == 0,
            snapshot: number % 500 == 250,
        };
        let outcome = pair.step(&record, also);
        let outcome = outcome.unwrap_or_else(|why| panic!("record {number}: {why}"));
        outcome.iter().for_each(|record| workload.observe(record));
    }
}
