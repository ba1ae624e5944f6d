//! Whether the price of each line is one that the offer and the code give.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::offer::{PhasePrice, Scope};
use onsale_schemas::outcome::{Line, PriceRule, ReservedV2};
use onsale_schemas::{LogTimeMs, TicketTypeId, ZoneIndex};

use super::halls::Hall;
use super::{Check, ensure};

const WHOLE: i128 = 10_000;

/// The whole number next to a fraction, the higher one of two.
fn nearest(numerator: i128, denominator: i128) -> i64 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    i64::try_from(whole + i128::from(rest * 2 >= denominator)).unwrap_or(i64::MAX)
}

fn without(price: i64, off_bp: u16) -> i64 {
    nearest(i128::from(price) * (WHOLE - i128::from(off_bp)), WHOLE)
}

fn included(amount: i64, tax_bp: u16) -> i64 {
    let tax_bp = i128::from(tax_bp);
    nearest(i128::from(amount) * tax_bp, WHOLE + tax_bp)
}

fn is_in(scope: &Scope, zone: ZoneIndex, ticket_type: TicketTypeId) -> bool {
    (scope.zones.is_empty() || scope.zones.contains(&zone))
        && (scope.types == 0 || (scope.types >> ticket_type) % 2 == 1)
}

/// All lines of an order, and its sums.
pub(super) fn check_order(
    hall: &Hall,
    order: &ReservedV2,
    terms: Option<&CodeTerms>,
    now: LogTimeMs,
) -> Check {
    let mut total = i128::from(order.order_fee);
    let mut tax = i128::from(order.order_fee_tax);
    for line in &order.lines {
        check_line(hall, line, terms, now)?;
        let quantity = i128::from(line.quantity);
        total += quantity * (i128::from(line.unit_price) + i128::from(line.unit_fee));
        tax += quantity * i128::from(line.unit_tax);
    }
    let sums = (i128::from(order.total), i128::from(order.tax));
    ensure(sums == (total, tax), || {
        format!("says {sums:?}, its lines add up to {total} and {tax}")
    })?;
    let is_free = order.lines.iter().all(|line| line.unit_price == 0);
    let fee = if is_free { 0 } else { hall.offer.fees.order };
    let fee_tax = included(fee, hall.offer.fees.tax_bp);
    let named = (order.order_fee, order.order_fee_tax);
    ensure(named == (fee, fee_tax), || {
        format!("has the fees {named:?}, not {fee} and {fee_tax}")
    })?;
    check_bundles(hall, order)?;
    check_reduced(order, terms)
}

/// A bundle has enough places, and no place is left out of it.
fn check_bundles(hall: &Hall, order: &ReservedV2) -> Check {
    for bundle in &hall.offer.bundles {
        let places = |is_wanted: &dyn Fn(&Line) -> bool| -> u64 {
            let lines = order.lines.iter().filter(|line| is_wanted(line));
            lines.map(|line| u64::from(line.quantity)).sum()
        };
        let inside = places(&|line| line.bundle == Some(bundle.id));
        let free = places(&|line| {
            line.bundle.is_none() && is_in(&bundle.scope, line.zone, line.ticket_type)
        });
        let least = u64::from(bundle.places);
        ensure(inside == 0 || inside >= least, || {
            format!("has {inside} places in bundle {}", bundle.id)
        })?;
        ensure(free < least && (inside == 0 || free == 0), || {
            format!("leaves {free} places out of bundle {}", bundle.id)
        })?;
    }
    Ok(())
}

/// A code makes as many places cheaper as it may.
fn check_reduced(order: &ReservedV2, terms: Option<&CodeTerms>) -> Check {
    let Some(terms) = terms else { return Ok(()) };
    let reduced = order.lines.iter().filter(|line| line.code_off > 0);
    let reduced: u64 = reduced.map(|line| u64::from(line.quantity)).sum();
    let max = u64::from(terms.places_max);
    ensure(max == 0 || reduced <= max, || {
        format!("has {reduced} places cheaper by a code for {max}")
    })
}

/// One line.
pub(super) fn check_line(
    hall: &Hall,
    line: &Line,
    terms: Option<&CodeTerms>,
    now: LogTimeMs,
) -> Check {
    let offer = &hall.offer;
    let wrong = |what: &str| format!("has a line with a wrong {what}: {line:?}");
    let list = list_price(hall, line, now).ok_or_else(|| wrong("rule"))?;
    ensure(line.list_price == list, || wrong("list price"))?;
    let bundle_off = match line.bundle {
        None => 0,
        Some(id) => {
            let bundle = offer.bundles.iter().find(|bundle| bundle.id == id);
            let bundle = bundle
                .filter(|bundle| is_in(&bundle.scope, line.zone, line.ticket_type))
                .ok_or_else(|| wrong("bundle"))?;
            list - without(list, bundle.off_bp)
        }
    };
    ensure(line.bundle_off == bundle_off, || wrong("bundle"))?;
    let price = list - bundle_off;
    let code_off = match terms {
        Some(terms) if is_in(&terms.scope, line.zone, line.ticket_type) => match terms.discount {
            None => 0,
            Some(Discount::OffBp(off_bp)) => price - without(price, off_bp),
            Some(Discount::Amount(amount, _)) => amount.min(price),
        },
        Some(_) | None => 0,
    };
    let may_be_left_out = terms.is_some_and(|terms| terms.places_max > 0) && line.code_off == 0;
    ensure(line.code_off == code_off || may_be_left_out, || {
        wrong("code")
    })?;
    let price = price - line.code_off;
    ensure(line.unit_price == price && price >= 0, || wrong("price"))?;
    let fee = if price == 0 {
        0
    } else {
        let part = i128::from(price) * i128::from(offer.fees.place_bp);
        offer.fees.place + nearest(part, WHOLE)
    };
    ensure(line.unit_fee == fee, || wrong("fee"))?;
    let tax = included(price, offer.tax_bp) + included(fee, offer.fees.tax_bp);
    ensure(line.unit_tax == tax, || wrong("tax"))
}

/// What the rule of a line gives as its list price; `None` where it does not fit.
fn list_price(hall: &Hall, line: &Line, now: LogTimeMs) -> Option<i64> {
    let offer = &hall.offer;
    let id = line.ticket_type;
    let listed = offer.types.iter().find(|listed| listed.id == id);
    match listed {
        Some(listed) if listed.from_ms <= now && now < listed.until_ms => {}
        None if offer.types.is_empty() && id == 0 => {}
        _ => return None,
    }
    let mut prices = offer.prices.iter();
    let entry = prices.find(|price| (price.zone, price.ticket_type) == (line.zone, id));
    let base = match entry {
        Some(entry) => (entry.price, PriceRule::Type),
        None if id == 0 => {
            let zone = hall.prices.get(usize::from(line.zone));
            (*zone?, PriceRule::Zone)
        }
        None => return None,
    };
    let PriceRule::Phase(phase) = line.rule else {
        return (line.rule == base.1).then_some(base.0);
    };
    let phase = offer.phases.iter().find(|it| it.id == phase)?;
    let is_open = phase.from_ms <= now && now < phase.until_ms;
    if !is_open || !is_in(&phase.scope, line.zone, id) {
        return None;
    }
    Some(match phase.price {
        PhasePrice::Fixed(price) => price,
        PhasePrice::OffBp(off_bp) => without(base.0, off_bp),
    })
}
