//! What workloads contain.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::{Entry, Outcome, PartitionId, Rejection};

use super::*;
use crate::model::{Model, ModelLimits};

/// Number of the refusal by a full table.
const FULL: u16 = 16;

fn run(profile: Profile, seed: u64, records: u64) -> Vec<OutcomeRecord> {
    let mut workload = Workload::new(profile.clone(), seed);
    let limits = ModelLimits {
        machine_version_known: if profile.sells_orders { 3 } else { 2 },
        ..ModelLimits::default()
    };
    let mut model = Model::new(PartitionId(0), limits);
    let mut outcomes = Vec::new();
    for offset in 0..records {
        let record = workload.next_record();
        let outcome = model.apply(Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        });
        if let Some(outcome) = outcome {
            workload.observe(&outcome);
            outcomes.push(outcome);
        }
    }
    assert_eq!(model.check_invariants(), Ok(()));
    outcomes
}

#[test]
fn a_seed_means_one_history() {
    let history = |seed| run(Profile::adversarial(), seed, 500);
    assert_eq!(history(3), history(3));
    assert_ne!(history(3), history(4));
}

/// A workload that never gets some answer does not test it.
#[test]
fn the_adversarial_mix_gets_every_answer_but_those_of_full_tables() {
    let mut refusals = BTreeSet::new();
    let mut answers = BTreeSet::new();
    let (mut replays, mut revived) = (0, 0);
    for seed in 0..40 {
        let mut records = run(Profile::adversarial_v2(), seed, 1_000);
        records.extend(run(Profile::unpaid(), seed, 600));
        for record in records {
            replays += u32::from(record.replay_of.is_some());
            match &record.outcome {
                Outcome::Rejected(why) => {
                    refusals.insert(why.number());
                }
                other => {
                    answers.insert(name(other));
                    revived += u32::from(matches!(other, Outcome::Confirmed(c) if c.revived));
                }
            }
        }
    }
    let all: BTreeSet<u16> = (1..=19).filter(|number| *number != FULL).collect();
    assert_eq!(refusals, all);
    assert_eq!(answers.len(), 18, "{answers:?}");
    assert!(replays > 100 && revived > 20, "{replays} {revived}");
}

#[test]
fn an_on_sale_mostly_succeeds() {
    let outcomes = run(Profile::on_sale(4, 10_000), 1, 5_000);
    let held = outcomes
        .iter()
        .filter(|record| matches!(record.outcome, Outcome::Reserved(_)));
    assert!(held.count() > 2_000);
}

/// The name of an outcome or refusal.
fn name(of: &impl std::fmt::Debug) -> String {
    let text = format!("{of:?}");
    let end = text.find([' ', '(', '{']).unwrap_or(text.len());
    text[..end].to_owned()
}

/// What an outcome is an example of.
fn examples(record: &OutcomeRecord) -> Vec<String> {
    let mut found = vec![name(&record.outcome)];
    let mut twins = record.expired.windows(2);
    if twins.any(|two| two[0].booking == two[1].booking) {
        found.push("expired order of several zones".to_owned());
    }
    match &record.outcome {
        Outcome::Rejected(why) => {
            found.push(format!("refusal {}", why.number()));
            match why {
                Rejection::CodeRefused { why } => found.push(format!("code {}", name(why))),
                Rejection::Invalid { reason } => found.push(format!("invalid {reason:?}")),
                Rejection::LeavesSingleSeat { own, .. } if !own.is_empty() => {
                    found.push("single seat beside an own hold".to_owned());
                }
                _ => {}
            }
        }
        Outcome::ReservedV2(order) => {
            let lines = &order.lines;
            let is_in_phase = |line: &Line| matches!(line.rule, PriceRule::Phase(_));
            let in_phase = lines.iter().filter(|line| is_in_phase(line)).count();
            let (zone, ticket_type) = (lines[0].zone, lines[0].ticket_type);
            let any = |is: &dyn Fn(&Line) -> bool| lines.iter().any(is);
            for (what, is_so) in [
                ("in a phase", in_phase > 0),
                ("partly in a phase", in_phase > 0 && in_phase < lines.len()),
                ("in a bundle", any(&|line| line.bundle.is_some())),
                ("with a code", order.code.is_some()),
                ("cheaper by a code", any(&|line| line.code_off > 0)),
                ("with fees", any(&|line| line.unit_fee > 0)),
                ("with a fee for all", order.order_fee > 0),
                ("with tax", order.tax > 0),
                ("of several zones", any(&|line| line.zone != zone)),
                (
                    "of several types",
                    any(&|line| line.ticket_type != ticket_type),
                ),
            ] {
                if is_so {
                    found.push(format!("order {what}"));
                }
            }
        }
        Outcome::PlacesReturned(returned) if returned.ended => {
            found.push("last place returned".to_owned());
        }
        Outcome::ConfirmedV2(order) if order.revived => found.push("revived order".to_owned()),
        _ => {}
    }
    found
}

/// Each rule and each refusal of version 3 is there often, and none is lost unnoticed.
#[test]
fn the_mix_of_version_3_gets_every_answer_often() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..30 {
        let records = run(Profile::adversarial_v3(), seed, 1_500);
        let fresh = records.iter().filter(|record| record.replay_of.is_none());
        for example in fresh.flat_map(examples) {
            *seen.entry(example).or_default() += 1;
        }
    }
    let refusals = (1..=35).filter(|number| *number != FULL);
    let mut wanted: Vec<(String, u64)> = refusals
        .map(|number| (format!("refusal {number}"), 10))
        .collect();
    let details = [
        ("ReservedV2", 1_000),
        ("ConfirmedV2", 500),
        ("ReleasedV2", 100),
        ("OfferSet", 1_000),
        ("CodesCreated", 800),
        ("CodesAmended", 200),
        ("CodesEnded", 100),
        ("PlacesReturned", 500),
        ("SeatsAdded", 400),
        ("SeatsTaken", 300),
        ("expired order of several zones", 40),
        ("single seat beside an own hold", 10),
        ("code Unknown", 100),
        ("code NotYet", 10),
        ("code Over", 100),
        ("code NotApplicable", 100),
        ("code UsedUp", 30),
        ("code UsedUpByUser", 8),
        ("invalid Types", 100),
        ("invalid Offer", 50),
        ("invalid Code", 50),
        ("invalid MixedCurrencies", 50),
        ("order in a phase", 300),
        ("order partly in a phase", 50),
        ("order in a bundle", 150),
        ("order with a code", 150),
        ("order cheaper by a code", 100),
        ("order with fees", 150),
        ("order with a fee for all", 50),
        ("order with tax", 200),
        ("order of several zones", 50),
        ("order of several types", 20),
        ("last place returned", 100),
        ("revived order", 100),
    ];
    wanted.extend(details.map(|(what, times)| (what.to_owned(), times)));
    for (what, times) in wanted {
        let found = seen.get(&what).copied().unwrap_or(0);
        assert!(found >= times, "{what}: {found} times only\n{seen:#?}");
    }
}
