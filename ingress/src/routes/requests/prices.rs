//! Which rules gave the price of each line of an order, as clients read it.

use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::{Outcome, SeatList};
use onsale_store::catalog::TaxRates;
use serde::Serialize;
use utoipa::ToSchema;

use crate::charts::Chart;
use crate::percent::Percent;
use crate::routes::bookings::lines::{Priced, Sums, bundle, label, phase};
use crate::values::Money;

/// Why the places of a line cost what they cost. Amounts are of one place.
#[derive(Serialize, ToSchema)]
pub(crate) struct PriceReasons {
    /// Number of the line in the order, from 0.
    line: usize,
    /// Ticket type and zone, for people.
    label: String,
    quantity: u32,
    /// The price before a bundle and a code.
    list_price: Money,
    /// What a bundle took off.
    bundle_discount: Money,
    /// What the code took off.
    code_discount: Money,
    /// What is left of the price.
    unit_price: Money,
    /// The fee on top.
    unit_fee: Money,
    /// Tax in price and fee.
    unit_tax: Money,
    /// Rate of the tax that the price includes, as far as it is known and the price is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_percent: Option<Percent>,
    /// Rate of the tax that the fee includes, as far as it is known and there is a fee.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_tax_percent: Option<Percent>,
    /// The rules that made it so, in their order.
    reasons: Vec<String>,
}

/// Of a reservation that was granted; none of anything else.
pub(super) fn prices(chart: Option<&Chart>, outcome: &Outcome) -> Vec<PriceReasons> {
    match outcome {
        Outcome::ReservedV2(order) => {
            let sums = Sums {
                order_fee: order.order_fee,
                total: order.total,
                tax: order.tax,
                currency: order.currency,
            };
            of_lines(chart, &order.lines, sums)
        }
        Outcome::Reserved(reserved) => {
            let (quantity, unit_price) = (reserved.quantity, reserved.unit_price);
            let line = Line::plain(reserved.zone, SeatList::new(), quantity, unit_price);
            let sums = Sums {
                order_fee: 0,
                total: unit_price.saturating_mul(i64::from(quantity)),
                tax: 0,
                currency: reserved.currency,
            };
            of_lines(chart, &[line], sums)
        }
        _ => Vec::new(),
    }
}

fn of_lines(chart: Option<&Chart>, lines: &[Line], sums: Sums) -> Vec<PriceReasons> {
    let money = |amount| Money::new(amount, sums.currency.as_str());
    let rates = Priced::of(chart, lines, sums).rates();
    lines
        .iter()
        .enumerate()
        .map(|(place, line)| PriceReasons {
            line: place,
            label: label(chart, line),
            quantity: line.quantity,
            list_price: money(line.list_price),
            bundle_discount: money(line.bundle_off),
            code_discount: money(line.code_off),
            unit_price: money(line.unit_price),
            unit_fee: money(line.unit_fee),
            unit_tax: money(line.unit_tax),
            tax_percent: price_rate(line, rates),
            fee_tax_percent: fee_rate(line, rates),
            reasons: reasons(chart, line, rates),
        })
        .collect()
}

fn price_rate(line: &Line, rates: Option<TaxRates>) -> Option<Percent> {
    let rate = rates.map(|rates| Percent::of_basis_points(rates.price_bp));
    rate.filter(|_| line.unit_price > 0)
}

fn fee_rate(line: &Line, rates: Option<TaxRates>) -> Option<Percent> {
    let rate = rates.map(|rates| Percent::of_basis_points(rates.fee_bp));
    rate.filter(|_| line.unit_fee > 0)
}

/// That tax is included, and by which rates where they are known.
fn tax_reason(line: &Line, rates: Option<TaxRates>) -> String {
    match (price_rate(line, rates), fee_rate(line, rates)) {
        (Some(price), Some(fee)) => {
            format!("Tax is included: {price} % on the net price and {fee} % on the net fee.")
        }
        (Some(price), None) => format!("Tax is included: {price} % on the net price."),
        (None, Some(fee)) => format!("Tax is included: {fee} % on the net fee."),
        (None, None) => "Tax is included.".to_owned(),
    }
}

fn reasons(chart: Option<&Chart>, line: &Line, rates: Option<TaxRates>) -> Vec<String> {
    let list_price = match (line.rule, phase(chart, line)) {
        (PriceRule::Phase(_), Some(phase)) => format!(
            "At its turn in the log the price phase \u{201c}{phase}\u{201d} was open and had room: its price \
             took the place of the list price."
        ),
        (PriceRule::Type, _) => "The list price of this ticket type in the zone.".to_owned(),
        (PriceRule::Zone | PriceRule::Phase(_), _) => "The price of the zone.".to_owned(),
    };
    let bundle = bundle(chart, line).map(|bundle| {
        format!(
            "The order had as many places as the bundle \u{201c}{bundle}\u{201d} asks for, so each of them \
             is cheaper."
        )
    });
    let code = (line.code_off > 0).then(|| "The code of the order took off its part.".to_owned());
    let fee = (line.unit_fee > 0).then(|| "A fee is paid on top of the price.".to_owned());
    let tax = (line.unit_tax > 0).then(|| tax_reason(line, rates));
    std::iter::once(list_price)
        .chain([bundle, code, fee, tax].into_iter().flatten())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_that_made_a_price_is_named_once() {
        let plain_line = Line::plain(0, SeatList::new(), 2, 100);
        assert_eq!(reasons(None, &plain_line, None), ["The price of the zone."]);
        let line = Line {
            rule: PriceRule::Phase(3),
            bundle: Some(1),
            bundle_off: 5,
            code_off: 7,
            unit_fee: 2,
            unit_tax: 1,
            ..plain_line
        };
        let said = reasons(None, &line, None);
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[0].contains("Phase 3"), "{said:?}");
        assert!(said[1].contains("Bundle 1"), "{said:?}");
        assert_eq!(said[4], "Tax is included.");
        let rates = TaxRates {
            price_bp: 810,
            fee_bp: 1_900,
        };
        assert_eq!(
            reasons(None, &line, Some(rates))[4],
            "Tax is included: 8.1 % on the net price and 19 % on the net fee."
        );
        let by_type = Line {
            rule: PriceRule::Type,
            ..line
        };
        assert!(reasons(None, &by_type, None)[0].contains("ticket type"));
    }
}
