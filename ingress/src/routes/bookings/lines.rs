//! What an order costs, line by line, as clients read it.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::{SeatIndex, SeatList, ZoneIndex};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::charts::{Chart, seat_id};
use crate::values::Money;

/// Places of an order that cost the same. Amounts but `unit_price` and `list_price` are of all its places.
#[derive(Serialize, ToSchema)]
#[schema(as = Line)]
pub(crate) struct LineBody {
    /// Its number in the order, from 0. It stays when other lines come to nothing.
    line: u8,
    /// Ticket type and zone, for people.
    label: String,
    /// `null` while the catalog does not have the zone.
    zone_id: Option<Uuid>,
    /// The name of the ticket type.
    ticket_type: String,
    /// Labels; none for general admission.
    seats: Vec<String>,
    /// 0 where all places were given back.
    quantity: u32,
    /// The price of one, without the fee.
    unit_price: Money,
    /// The price of one before a bundle and a code.
    list_price: Money,
    /// What made the price other than that of the ticket type or the zone, for people: a price phase, a bundle,
    /// a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// The name of the price phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    /// The name of the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    /// What bundle and code took off.
    discount: Money,
    /// Fees on top of the prices.
    fee: Money,
    /// Tax in prices and fees.
    tax: Money,
    /// `quantity` times `unit_price`.
    amount: Money,
}

/// What an order comes to: `total_price` is the sum of the amounts of its lines and `fees`.
pub(in crate::routes) struct Totals {
    /// What bundles and the code took off.
    pub(in crate::routes) discount: Money,
    /// Fees for the places and for the order.
    pub(in crate::routes) fees: Money,
    /// Tax in prices and fees.
    pub(in crate::routes) tax: Money,
    /// What is to be paid.
    pub(in crate::routes) total_price: Money,
}

/// An order's money beside its lines, in minor units.
#[derive(Clone, Copy)]
pub(in crate::routes) struct Sums {
    pub(in crate::routes) order_fee: i64,
    pub(in crate::routes) total: i64,
    pub(in crate::routes) tax: i64,
    pub(in crate::routes) currency: Currency,
}

impl Totals {
    /// Of an order with these lines.
    pub(in crate::routes) fn of(lines: &[Line], sums: Sums) -> Self {
        let money = |amount| Money::new(amount, sums.currency.as_str());
        let all = |of_one: fn(&Line) -> i64| {
            lines
                .iter()
                .map(|line| of_all(line, of_one(line)))
                .fold(0_i64, i64::saturating_add)
        };
        Self {
            discount: money(all(discount)),
            fees: money(all(|line| line.unit_fee).saturating_add(sums.order_fee)),
            tax: money(sums.tax),
            total_price: money(sums.total),
        }
    }
}

/// Whether the chart lacks a name of what these lines are of: it may be older than the offer.
pub(in crate::routes) fn is_nameless(chart: &Chart, lines: &[Line]) -> bool {
    let offer = &chart.offer;
    lines.iter().any(|line| {
        let phase = match line.rule {
            PriceRule::Phase(id) => offer.phase_name(id).is_none(),
            _ => false,
        };
        let bundle = line
            .bundle
            .is_some_and(|id| offer.bundle_name(id).is_none());
        phase || bundle || !offer.has_type_name(line.ticket_type)
    })
}

/// The lines of an order, with names by the chart of its show.
pub(in crate::routes) fn bodies(
    chart: &Chart,
    lines: &[Line],
    currency: Currency,
) -> Vec<LineBody> {
    bodies_of(Some(chart), lines, currency)
}

/// As [`bodies`]; seats have their ids and zones their numbers while the catalog does not have the show.
pub(super) fn bodies_of(
    chart: Option<&Chart>,
    lines: &[Line],
    currency: Currency,
) -> Vec<LineBody> {
    lines
        .iter()
        .enumerate()
        .map(|(place, line)| {
            let number = u8::try_from(place).unwrap_or(u8::MAX);
            body(chart, number, line, currency)
        })
        .collect()
}

/// The one line of a plain booking.
pub(in crate::routes) fn plain(
    zone: ZoneIndex,
    seats: impl IntoIterator<Item = SeatIndex>,
    quantity: u32,
    unit_price: i64,
) -> Line {
    Line {
        zone,
        ticket_type: 0,
        seats: seats.into_iter().collect::<SeatList>(),
        quantity,
        rule: PriceRule::Zone,
        list_price: unit_price,
        bundle: None,
        bundle_off: 0,
        code_off: 0,
        unit_price,
        unit_fee: 0,
        unit_tax: 0,
    }
}

fn body(chart: Option<&Chart>, number: u8, line: &Line, currency: Currency) -> LineBody {
    let money = |amount| Money::new(amount, currency.as_str());
    let zone = chart.and_then(|chart| chart.zone(line.zone));
    let phase = phase(chart, line);
    let bundle = bundle(chart, line);
    LineBody {
        line: number,
        label: label(chart, line),
        zone_id: zone.map(|zone| zone.zone_id),
        ticket_type: ticket_type(chart, line),
        seats: match chart {
            Some(chart) => chart.labels(line.seats.iter()),
            None => line.seats.iter().map(|seat| seat_id(*seat)).collect(),
        },
        quantity: line.quantity,
        unit_price: money(line.unit_price),
        list_price: money(line.list_price),
        rule: rule(phase.as_deref(), bundle.as_deref(), line),
        phase,
        bundle,
        discount: money(of_all(line, discount(line))),
        fee: money(of_all(line, line.unit_fee)),
        tax: money(of_all(line, line.unit_tax)),
        amount: money(of_all(line, line.unit_price)),
    }
}

/// What bundle and code took off one place.
fn discount(line: &Line) -> i64 {
    line.bundle_off.saturating_add(line.code_off)
}

fn of_all(line: &Line, amount: i64) -> i64 {
    amount.saturating_mul(i64::from(line.quantity))
}

/// Ticket type and zone, for people; a show of one type has none to tell.
pub(in crate::routes) fn label(chart: Option<&Chart>, line: &Line) -> String {
    let zone = match chart.and_then(|chart| chart.zone(line.zone)) {
        Some(zone) => zone.name.clone(),
        None => format!("Zone {}", line.zone),
    };
    let has_types = chart.is_none_or(|chart| chart.offer.has_types());
    if has_types || line.ticket_type != 0 {
        format!("{}, {zone}", ticket_type(chart, line))
    } else {
        zone
    }
}

fn ticket_type(chart: Option<&Chart>, line: &Line) -> String {
    match chart {
        Some(chart) => chart.offer.type_name(line.ticket_type).to_owned(),
        None => format!("Type {}", line.ticket_type),
    }
}

/// The name of the price phase of a line; its number where the name is not known.
pub(in crate::routes) fn phase(chart: Option<&Chart>, line: &Line) -> Option<String> {
    let PriceRule::Phase(id) = line.rule else {
        return None;
    };
    let name = chart.and_then(|chart| chart.offer.phase_name(id));
    Some(name.map_or_else(|| format!("Phase {id}"), str::to_owned))
}

/// The name of the bundle of a line; its number where the name is not known.
pub(in crate::routes) fn bundle(chart: Option<&Chart>, line: &Line) -> Option<String> {
    let id = line.bundle?;
    let name = chart.and_then(|chart| chart.offer.bundle_name(id));
    Some(name.map_or_else(|| format!("Bundle {id}"), str::to_owned))
}

fn rule(phase: Option<&str>, bundle: Option<&str>, line: &Line) -> Option<String> {
    let code = (line.code_off > 0).then_some("code");
    let parts: Vec<&str> = [phase, bundle, code].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::TenantId;
    use onsale_store::catalog::ZoneAdmission;
    use serde_json::json;

    use super::*;
    use crate::charts::show_of;

    const THB: Currency = Currency(*b"THB");

    /// Example E5 of the rules: bundle, code and fees.
    fn lines() -> Vec<Line> {
        let adult = Line {
            zone: 0,
            ticket_type: 1,
            seats: SeatList::new(),
            quantity: 2,
            rule: PriceRule::Type,
            list_price: 120_000,
            bundle: Some(1),
            bundle_off: 12_000,
            code_off: 16_200,
            unit_price: 91_800,
            unit_fee: 4_754,
            unit_tax: 6_317,
        };
        let child = Line {
            ticket_type: 2,
            quantity: 1,
            rule: PriceRule::Phase(3),
            list_price: 60_000,
            bundle_off: 6_000,
            code_off: 0,
            unit_price: 54_000,
            unit_fee: 3_620,
            unit_tax: 3_770,
            ..adult.clone()
        };
        vec![adult, child]
    }

    #[test]
    fn amounts_and_fees_of_all_lines_come_to_the_total() {
        let sums = Sums {
            order_fee: 1_500,
            total: 252_228,
            tax: 16_502,
            currency: THB,
        };
        let totals = Totals::of(&lines(), sums);
        let amounts = [totals.discount, totals.fees, totals.tax, totals.total_price]
            .map(|money| money.amount);
        assert_eq!(amounts, [62_400, 14_628, 16_502, 252_228]);
        let bodies = bodies_of(None, &lines(), THB);
        let sold: i64 = bodies.iter().map(|line| line.amount.amount).sum();
        assert_eq!(sold + amounts[1], amounts[3]);
    }

    #[test]
    fn a_line_says_what_made_its_price() {
        let told = serde_json::to_value(bodies_of(None, &lines(), THB)).unwrap();
        assert_eq!(told[0]["rule"], "Bundle 1, code");
        assert_eq!(told[0]["label"], "Type 1, Zone 0");
        assert_eq!(told[0]["discount"]["amount"], 56_400);
        assert_eq!(told[1]["rule"], "Phase 3, Bundle 1");
        assert_eq!(told[1]["line"], 1);
        let show = show_of(vec![ZoneAdmission::General { capacity: 5 }]);
        let chart = Chart::new(&show, TenantId::from_bytes([8; 16]));
        let line = plain(0, [], 2, 100);
        let of_one = serde_json::to_value(bodies(&chart, &[line], THB)).unwrap();
        assert_eq!(of_one[0].get("rule"), None);
        assert_eq!(of_one[0]["label"], "Zone 0");
        assert_eq!(
            of_one[0]["amount"],
            json!({"amount": 200, "currency": "THB"})
        );
    }
}
