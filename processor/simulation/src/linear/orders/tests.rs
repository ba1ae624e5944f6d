use onsale_schemas::{Entry, PartitionId};

use super::*;
use crate::model::{Model, ModelLimits};
use crate::workload::{Action, Profile, Workload};

/// Histories of the model, with their payloads.
fn history(seed: u64) -> Vec<(Vec<u8>, OutcomeRecord)> {
    let mut workload = Workload::new(Profile::adversarial_v3(), seed);
    let limits = ModelLimits {
        machine_version_known: 3,
        ..ModelLimits::default()
    };
    let mut model = Model::new(PartitionId(0), limits);
    let mut records = Vec::new();
    for offset in 0..1_500 {
        let record = workload.next_record();
        let outcome = model.apply(Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        });
        if let Some(outcome) = outcome {
            workload.observe(&outcome);
            records.push((record.payload, outcome));
        }
    }
    records
}

fn judge(records: &[(Vec<u8>, OutcomeRecord)]) -> Check {
    let mut orders = Orders::default();
    for (payload, record) in records {
        let taken = orders.take(payload, record);
        taken.map_err(|why| format!("{}: {why}", record.offset))?;
    }
    Ok(())
}

#[test]
fn sound_histories_add_up() {
    for seed in 0..20 {
        assert_eq!(judge(&history(seed)), Ok(()), "seed {seed}");
    }
}

type Lie = fn(&mut Outcome) -> bool;

/// Lies about a single outcome, and how they are named.
const LIES: &[(Lie, &str)] = &[
    (
        |outcome| match outcome {
            Outcome::ReservedV2(order) => {
                order.total += 1;
                true
            }
            _ => false,
        },
        "its lines add up to",
    ),
    (
        |outcome| match outcome {
            Outcome::ReservedV2(order) => {
                order.lines[0].list_price += 1;
                true
            }
            _ => false,
        },
        "wrong list price",
    ),
    (
        |outcome| match outcome {
            Outcome::ReservedV2(order) if order.lines[0].unit_tax > 0 => {
                order.lines[0].unit_tax -= 1;
                true
            }
            _ => false,
        },
        "wrong tax",
    ),
    (
        |outcome| match outcome {
            Outcome::ReservedV2(order) if order.lines[0].unit_fee > 0 => {
                order.lines[0].unit_fee -= 1;
                true
            }
            _ => false,
        },
        "wrong fee",
    ),
    (
        |outcome| match outcome {
            Outcome::ReservedV2(order) if order.lines[0].bundle_off > 0 => {
                order.lines[0].bundle = None;
                true
            }
            _ => false,
        },
        "wrong bundle",
    ),
    (
        |outcome| match outcome {
            Outcome::ReservedV2(order) if order.lines[0].code_off > 0 => {
                order.code = None;
                true
            }
            _ => false,
        },
        "wrong code",
    ),
    (
        |outcome| match outcome {
            Outcome::Reserved(plain) => {
                plain.unit_price += 1;
                true
            }
            _ => false,
        },
        "wrong list price",
    ),
    (
        |outcome| match outcome {
            Outcome::ConfirmedV2(confirmed) => {
                confirmed.total += 1;
                true
            }
            _ => false,
        },
        "is left",
    ),
    (
        |outcome| match outcome {
            Outcome::PlacesReturned(returned) => {
                returned.total += 1;
                true
            }
            _ => false,
        },
        "its lines say",
    ),
    (
        |outcome| match outcome {
            Outcome::PlacesReturned(returned) if returned.lines.len() > 1 => {
                returned.refund_fees += 1;
                true
            }
            _ => false,
        },
        "refunds",
    ),
    (
        |outcome| match outcome {
            Outcome::PlacesReturned(returned) if returned.lines.len() > 1 => {
                returned.parts.clear();
                true
            }
            _ => false,
        },
        "the lines lose",
    ),
    (
        |outcome| match outcome {
            Outcome::ReleasedV2(released) => {
                released.parts[0].quantity += 1;
                true
            }
            _ => false,
        },
        "which has",
    ),
];

/// Each must be named, otherwise the check cannot fail.
#[test]
fn every_lie_is_found() {
    for (number, (lie, want)) in LIES.iter().enumerate() {
        let mut found = None;
        for seed in 0..20 {
            let mut records = history(seed);
            let fresh = records.iter_mut().filter(|(_, it)| it.replay_of.is_none());
            if fresh
                .into_iter()
                .any(|(_, record)| lie(&mut record.outcome))
            {
                found = Some(judge(&records));
                break;
            }
        }
        let found = found.expect("no outcome of that kind").expect_err(want);
        assert!(
            found.contains(want),
            "lie {number}: {found:?} should say {want:?}"
        );
    }
}

/// A use or place beyond the last one shows when an outcome is dropped that gave one back.
#[test]
fn counts_beyond_their_maximum_are_found() {
    let mut named = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let records = history(seed);
        let mut orders = Orders::default();
        for (payload, record) in records {
            // Nothing ever ends for this reader.
            let mut record = record;
            record.expired.clear();
            if matches!(record.outcome, Outcome::ReleasedV2(_)) {
                record.outcome = Outcome::Nothing;
            }
            match orders.take(&payload, &record) {
                Err(why) if why.contains(" uses of ") => {
                    named.insert("uses");
                }
                Err(why) if why.contains(" places of Phase") => {
                    named.insert("places");
                }
                Err(_) | Ok(()) => {}
            }
        }
    }
    assert_eq!(named.len(), 2, "{named:?}");
}

/// The whole check, with the ledger of seats and the invariants of the model.
#[test]
fn the_linear_check_follows_histories_of_version_3() {
    for seed in 100..115 {
        let limits = ModelLimits {
            machine_version_known: 3,
            ..ModelLimits::default()
        };
        let mut profile = Profile::adversarial_v3();
        // One of a version that nobody knows would end the history.
        profile
            .weights
            .retain(|(action, _)| *action != Action::Barrier);
        let mut workload = Workload::new(profile, seed);
        let mut checker = crate::linear::Checker::with_limits(PartitionId(0), limits);
        for offset in 0..1_500 {
            let record = workload.next_record();
            let entry = Entry {
                offset,
                log_time_ms: record.log_time_ms,
                payload: &record.payload,
            };
            let outcome = checker.outcome_of(entry);
            let outcome = outcome.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
            outcome.iter().for_each(|record| workload.observe(record));
            if offset % 25 == 0 {
                assert_eq!(checker.model().check_invariants(), Ok(()), "seed {seed}");
            }
        }
    }
}
