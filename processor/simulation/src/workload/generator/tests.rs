//! What workloads contain.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::outcome::PriceRule;
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
                    let name = format!("{other:?}");
                    let end = name.find([' ', '(', '{']).unwrap_or(name.len());
                    answers.insert(name[..end].to_owned());
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

/// How often something has to happen in the histories of version 3, at least: each rule and each
/// refusal is there often, and no mix of them is lost unnoticed.
#[test]
fn the_mix_of_version_3_gets_every_answer_often() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = |what: String| *seen.entry(what).or_default() += 1;
    for seed in 0..30 {
        for record in run(Profile::adversarial_v3(), seed, 1_500) {
            if record.replay_of.is_some() {
                continue;
            }
            let expired = &record.expired;
            if expired
                .windows(2)
                .any(|two| two[0].booking == two[1].booking)
            {
                count("expired order of several zones".to_owned());
            }
            count(name(&record.outcome));
            match &record.outcome {
                Outcome::Rejected(why) => {
                    count(format!("refusal {}", name(why)));
                    match why {
                        Rejection::CodeRefused { why } => count(format!("code {}", name(why))),
                        Rejection::Invalid { reason } => count(format!("invalid {reason:?}")),
                        Rejection::SeatInOwnHold { .. } => {}
                        Rejection::LeavesSingleSeat { own, .. } if !own.is_empty() => {
                            count("single seat beside an own hold".to_owned());
                        }
                        _ => {}
                    }
                }
                Outcome::ReservedV2(order) => {
                    let lines = &order.lines;
                    let phases = |id: &PriceRule| matches!(id, PriceRule::Phase(_));
                    let in_phase = lines.iter().filter(|line| phases(&line.rule)).count();
                    for (what, is_so) in [
                        ("in a phase", in_phase > 0),
                        (
                            "over the end of a phase",
                            in_phase > 0 && in_phase < lines.len(),
                        ),
                        (
                            "in a bundle",
                            lines.iter().any(|line| line.bundle.is_some()),
                        ),
                        ("with a code", order.code.is_some()),
                        (
                            "cheaper by a code",
                            lines.iter().any(|line| line.code_off > 0),
                        ),
                        ("with fees", lines.iter().any(|line| line.unit_fee > 0)),
                        ("with a fee for the order", order.order_fee > 0),
                        ("with tax", order.tax > 0),
                        (
                            "of several zones",
                            lines.iter().any(|l| l.zone != lines[0].zone),
                        ),
                        (
                            "of several types",
                            lines.iter().any(|l| l.ticket_type != lines[0].ticket_type),
                        ),
                    ] {
                        if is_so {
                            count(format!("order {what}"));
                        }
                    }
                }
                Outcome::PlacesReturned(returned) => {
                    count(format!("return, ended: {}", returned.ended));
                }
                Outcome::ConfirmedV2(order) if order.revived => count("revived order".to_owned()),
                _ => {}
            }
        }
    }
    println!("{seen:#?}");
}
