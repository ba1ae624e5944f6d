//! The linear check accepts a sound log and finds every way in which one can be wrong.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use onsale_schemas::command::ClaimReference;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_schemas::{
    Command, Entry, Envelope, Outcome, OutcomeRecord, PartitionId, ReferenceHash, RequestId,
    ShowId, codec,
};
use onsale_simulation::linear::{CONTEXT_RECORDS, Checker, Finding};
use onsale_simulation::model::{Model, ModelLimits};
use onsale_simulation::workload::{Action, Generated, Profile, Workload};

const PARTITION: PartitionId = PartitionId(3);

struct Log {
    records: Vec<Generated>,
    outcomes: Vec<Option<OutcomeRecord>>,
}

impl Log {
    /// A log as a sound machine would have written it.
    fn new(profile: Profile, records: u64) -> Self {
        Self::of_seed(profile, 11, records)
    }

    fn of_seed(mut profile: Profile, seed: u64, records: u64) -> Self {
        // A barrier of a future version ends every check, see its own test.
        profile
            .weights
            .retain(|(action, _)| *action != Action::Barrier);
        let mut workload = Workload::new(profile, seed);
        let mut model = Model::new(PARTITION, ModelLimits::default());
        let mut log = Self {
            records: Vec::new(),
            outcomes: Vec::new(),
        };
        for offset in 0..records {
            let record = workload.next_record();
            let outcome = model.apply(entry(offset, &record));
            outcome.iter().for_each(|record| workload.observe(record));
            log.records.push(record);
            log.outcomes.push(outcome);
        }
        log
    }

    /// Offset of the first record with such an outcome.
    fn find(&self, want: impl Fn(&OutcomeRecord) -> bool) -> usize {
        let found = |outcome: &Option<OutcomeRecord>| outcome.as_ref().is_some_and(&want);
        self.outcomes.iter().position(found).unwrap()
    }
}

fn entry(offset: u64, record: &Generated) -> Entry<'_> {
    Entry {
        offset,
        log_time_ms: record.log_time_ms,
        payload: &record.payload,
    }
}

#[test]
fn a_sound_log_passes() {
    let log = Log::new(Profile::adversarial(), 3_000);
    let mut checker = Checker::new(PARTITION);
    for (offset, (record, outcome)) in (0..).zip(log.records.iter().zip(&log.outcomes)) {
        checker
            .entry_with_outcome(entry(offset, record), outcome.as_ref())
            .unwrap();
    }
    let summary = checker.finish().unwrap();
    let outcomes: Vec<_> = log.outcomes.iter().flatten().collect();
    let expired: usize = outcomes.iter().map(|record| record.expired.len()).sum();
    let replays = outcomes.iter().filter(|record| record.replay_of.is_some());
    assert_eq!((summary.records, summary.next_offset), (3_000, 3_000));
    // Records that yield nothing have nothing to compare.
    assert!(outcomes.len() < 3_000);
    assert_eq!(summary.outcomes, u64::try_from(outcomes.len()).unwrap());
    assert_eq!(summary.compared, summary.outcomes);
    assert_eq!(summary.expired, u64::try_from(expired).unwrap());
    assert_eq!(summary.replays, u64::try_from(replays.count()).unwrap());
    assert!(summary.shows > 0 && summary.refusals["SEAT_UNAVAILABLE"] > 0);
}

/// A claim that is refused is not remembered under a key, and its client was refused once.
#[test]
fn a_refusal_that_is_repeated_under_its_key_counts_once() {
    let claim = |request: u8, reference: u8, booking: u64| Envelope {
        request_id: Some(RequestId::from_bytes([request; 16])),
        ..Envelope::machine(Command::ClaimReference(ClaimReference {
            reference: ReferenceHash::from_bytes([reference; 16]),
            partition: PARTITION,
            booking,
        }))
    };
    let unknown = Envelope {
        request_id: Some(RequestId::from_bytes([9; 16])),
        idempotency: Some(7),
        ..Envelope::machine(Command::CloseShow {
            show: ShowId::from_bytes([1; 16]),
        })
    };
    let barrier = Envelope::machine(Command::Barrier { machine_version: 2 });
    let window = IDEMPOTENCY_WINDOW_MS;
    let records = [
        (0, barrier),
        (1, claim(1, 1, 5)),
        (2, claim(2, 2, 5)),
        (3, unknown.clone()),
        (4, unknown),
        (5, claim(3, 1, 6)),
        (6, claim(3, 1, 6)),
        // The same key for something else is another request.
        (7, claim(3, 2, 6)),
        (8, claim(4, 2, 6)),
        (8 + window - 1, claim(4, 2, 6)),
        (8 + window, claim(4, 2, 6)),
    ];
    let mut checker = Checker::new(PARTITION);
    for (offset, (after_ms, envelope)) in (0..).zip(&records) {
        let payload = codec::encode(envelope).unwrap();
        let entry = Entry {
            offset,
            log_time_ms: 1_700_000_000_000 + after_ms,
            payload: &payload,
        };
        checker.entry(entry).unwrap();
    }
    let summary = checker.finish().unwrap();
    let expected = [("NOT_FOUND", 1), ("PAYMENT_REFERENCE_USED", 4)];
    assert_eq!(summary.refusals, expected.into());
    assert_eq!(summary.replays, 3);
}

/// The outcomes of many histories add up for a reader who has nothing else.
#[test]
fn many_sound_logs_pass() {
    for seed in 0..30 {
        let log = Log::of_seed(Profile::adversarial(), seed, 600);
        let mut checker = Checker::new(PARTITION);
        for (offset, record) in (0..).zip(&log.records) {
            checker.entry(entry(offset, record)).unwrap();
        }
        checker.finish().unwrap();
    }
}

#[test]
fn every_change_of_an_outcome_is_found_where_it_is() {
    type Change = fn(&mut Option<OutcomeRecord>);
    let log = Log::new(Profile::adversarial(), 3_000);
    let reserved = |record: &OutcomeRecord| {
        record.replay_of.is_none()
            && matches!(&record.outcome, Outcome::Reserved(r) if r.seats.len() > 1)
    };
    let changes: &[(usize, Change)] = &[
        (log.find(reserved), |outcome| *outcome = None),
        (log.find(reserved), |outcome| {
            if let Some(Outcome::Reserved(reserved)) = outcome.as_mut().map(|o| &mut o.outcome) {
                reserved.seats = reserved.seats.iter().rev().copied().collect();
            }
        }),
        (log.find(reserved), |outcome| {
            outcome.as_mut().unwrap().previous = None;
        }),
        (log.find(|record| !record.expired.is_empty()), |outcome| {
            outcome.as_mut().unwrap().expired.pop();
        }),
        (log.find(|record| record.replay_of.is_some()), |outcome| {
            outcome.as_mut().unwrap().replay_of = None;
        }),
        (
            log.outcomes.iter().position(Option::is_none).unwrap(),
            |outcome| {
                *outcome = Some(OutcomeRecord {
                    offset: 0,
                    previous: None,
                    log_time_ms: 0,
                    request_id: None,
                    replay_of: None,
                    expired: Vec::new(),
                    outcome: Outcome::Nothing,
                });
            },
        ),
    ];
    for (number, &(at, change)) in changes.iter().enumerate() {
        let mut outcomes = log.outcomes.clone();
        change(&mut outcomes[at]);
        let mut checker = Checker::new(PARTITION);
        let found = (0..)
            .zip(log.records.iter().zip(&outcomes))
            .find_map(|(offset, (record, outcome))| {
                let entry = entry(offset, record);
                checker.entry_with_outcome(entry, outcome.as_ref()).err()
            })
            .unwrap_or_else(|| panic!("change {number} was not found"));
        assert_eq!(found.offset, u64::try_from(at).unwrap(), "change {number}");
        assert!(matches!(*found.finding, Finding::Outcome { .. }));
    }
}

#[test]
fn a_gap_is_found() {
    let log = Log::new(Profile::on_sale(1, 10), 10);
    let mut checker = Checker::new(PARTITION);
    checker.entry(entry(0, &log.records[0])).unwrap();
    let found = checker.entry(entry(2, &log.records[2])).unwrap_err();
    let want = Finding::NotContiguous {
        expected: 1,
        found: 2,
    };
    assert_eq!(*found.finding, want);
}

#[test]
fn a_version_to_come_is_not_judged() {
    let payload = codec::encode(&Envelope::machine(Command::Barrier {
        machine_version: 700,
    }))
    .unwrap();
    let record = Generated {
        log_time_ms: 5,
        payload,
    };
    let found = Checker::new(PARTITION).entry(entry(0, &record));
    assert_eq!(
        *found.unwrap_err().finding,
        Finding::UnsupportedVersion(700)
    );
}

#[test]
fn a_difference_shows_the_records_around_it() {
    let log = Log::new(Profile::on_sale(1, 10), 100);
    let mut checker = Checker::new(PARTITION);
    for offset in 0..50 {
        checker
            .entry(entry(
                offset,
                &log.records[usize::try_from(offset).unwrap()],
            ))
            .unwrap();
    }
    let mut found = checker
        .entry_with_outcome(entry(50, &log.records[50]), None)
        .unwrap_err();
    for offset in 51..100 {
        let record = &log.records[usize::try_from(offset).unwrap()];
        if !found.follow(entry(offset, record)) {
            break;
        }
    }
    let around = u64::try_from(CONTEXT_RECORDS).unwrap();
    let offsets: Vec<u64> = found.context.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (51 - around..51 + around).collect::<Vec<_>>());
    let text = found.to_string();
    assert!(
        text.starts_with("partition 3, offset 50: recorded None"),
        "{text}"
    );
    assert!(
        text.lines().any(|line| line.starts_with("> 50 @")),
        "{text}"
    );
}

/// Not a check but a measurement: `cargo test --release -- --ignored --nocapture million`.
#[test]
#[ignore = "a measurement, for release builds"]
fn a_million_records() {
    let log = Log::new(Profile::on_sale(60, 300_000), 1_000_000);
    let start = std::time::Instant::now();
    let mut checker = Checker::new(PARTITION);
    for (offset, record) in (0..).zip(&log.records) {
        checker.entry(entry(offset, record)).unwrap();
    }
    let summary = checker.finish().unwrap();
    println!("{:?} {summary:?}", start.elapsed());
}
