//! What is read through Stripe's interface.

use serde_json::Value;

use super::calls::unknown;
use super::form::Fields;
use super::render::{self, Renderer};
use crate::gateway::simulated::{Machine, Problem, Record};

const LIMIT: usize = 10;
const LIMIT_MAX: usize = 100;
const RANGE: [&str; 5] = [
    "limit",
    "starting_after",
    "created[gte]",
    "created[lte]",
    "payment_intent",
];

pub(super) fn read(
    machine: &Machine,
    path: &[&str],
    fields: &Fields,
    base: &str,
) -> Result<Value, Problem> {
    let renderer = Renderer { base, fields };
    match path {
        ["checkout", "sessions"] => {
            let page = page(machine, fields, |record| record.session.is_some())?;
            let data = page.0.into_iter();
            let data = data.map(|record| renderer.session(record)).collect();
            Ok(renderer.list("/v1/checkout/sessions", data, page.1))
        }
        ["checkout", "sessions", id] => {
            let record = machine
                .payment(id)
                .filter(|record| record.session.as_ref().is_some_and(|own| own.id == *id));
            let record = record.ok_or_else(|| Problem::missing("checkout.session", id))?;
            Ok(renderer.session(record))
        }
        ["payment_intents"] => {
            let page = page(machine, fields, is_intent)?;
            let data = page.0.into_iter();
            let data = data
                .map(|record| renderer.intent(record, "data.latest_charge"))
                .collect();
            Ok(renderer.list("/v1/payment_intents", data, page.1))
        }
        ["payment_intents", id] => {
            let record = machine
                .payment(id)
                .filter(|record| record.id == *id && is_intent(record));
            let record = record.ok_or_else(|| Problem::missing("payment_intent", id))?;
            Ok(renderer.intent(record, "latest_charge"))
        }
        ["refunds"] => {
            fields.only(&RANGE)?;
            let refunds = machine.refunds_of(fields.needed("payment_intent")?);
            let data = refunds.rev().map(render::refund).collect();
            Ok(renderer.list("/v1/refunds", data, false))
        }
        ["refunds", id] => {
            let refund = machine.refund_of_id(id);
            let refund = refund.ok_or_else(|| Problem::missing("refund", id))?;
            Ok(render::refund(refund))
        }
        ["disputes", id] => {
            let dispute = machine.dispute_of_id(id);
            let dispute = dispute.ok_or_else(|| Problem::missing("dispute", id))?;
            Ok(render::dispute(dispute))
        }
        _ => Err(unknown(path)),
    }
}

/// Whether there is an intent yet: that of a session is made when its buyer tries.
fn is_intent(record: &Record) -> bool {
    let session = record.session.as_ref();
    session.is_none_or(|session| session.is_tried)
}

fn page<'a>(
    machine: &'a Machine,
    fields: &Fields,
    is_listed: impl Fn(&Record) -> bool,
) -> Result<(Vec<&'a Record>, bool), Problem> {
    fields.only(&RANGE)?;
    let limit = fields.number("limit")?.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let said = format!("limit {limit}: expected 1 to {LIMIT_MAX}");
        return Err(Problem::invalid("parameter_invalid_integer", said));
    }
    let from_s: u64 = fields.number("created[gte]")?.unwrap_or(0);
    let to_s: u64 = fields.number("created[lte]")?.unwrap_or(u64::MAX);
    let mut records = machine
        .payments_before(fields.get("starting_after"))
        .take_while(|record| record.created_ms / 1_000 >= from_s)
        .filter(|record| record.created_ms / 1_000 <= to_s)
        .filter(|record| is_listed(record));
    let data: Vec<_> = records.by_ref().take(limit).collect();
    let has_more = records.next().is_some();
    Ok((data, has_more))
}
