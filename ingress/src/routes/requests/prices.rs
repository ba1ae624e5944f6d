//! Which rules gave the price of each line of an order, as clients read it.

use onsale_schemas::Outcome;
use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{Line, PriceRule};
use serde::Serialize;
use utoipa::ToSchema;

use crate::charts::Chart;
use crate::routes::bookings::lines::{bundle, label, phase, plain};
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
    /// The rules that made it so, in their order.
    reasons: Vec<String>,
}

/// Of a reservation that was granted; none of anything else.
pub(super) fn prices(chart: Option<&Chart>, outcome: &Outcome) -> Vec<PriceReasons> {
    match outcome {
        Outcome::ReservedV2(order) => of_lines(chart, &order.lines, order.currency),
        Outcome::Reserved(reserved) => {
            let (quantity, unit_price) = (reserved.quantity, reserved.unit_price);
            let line = plain(reserved.zone, [], quantity, unit_price);
            of_lines(chart, &[line], reserved.currency)
        }
        _ => Vec::new(),
    }
}

fn of_lines(chart: Option<&Chart>, lines: &[Line], currency: Currency) -> Vec<PriceReasons> {
    let money = |amount| Money::new(amount, currency.as_str());
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
            reasons: reasons(chart, line),
        })
        .collect()
}

fn reasons(chart: Option<&Chart>, line: &Line) -> Vec<String> {
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
    let tax = (line.unit_tax > 0).then(|| "Tax is included.".to_owned());
    std::iter::once(list_price)
        .chain([bundle, code, fee, tax].into_iter().flatten())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_that_made_a_price_is_named_once() {
        let plain_line = plain(0, [], 2, 100);
        assert_eq!(reasons(None, &plain_line), ["The price of the zone."]);
        let line = Line {
            rule: PriceRule::Phase(3),
            bundle: Some(1),
            bundle_off: 5,
            code_off: 7,
            unit_fee: 2,
            unit_tax: 1,
            ..plain_line
        };
        let said = reasons(None, &line);
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[0].contains("Phase 3"), "{said:?}");
        assert!(said[1].contains("Bundle 1"), "{said:?}");
        let by_type = Line {
            rule: PriceRule::Type,
            ..line
        };
        assert!(reasons(None, &by_type)[0].contains("ticket type"));
    }
}
