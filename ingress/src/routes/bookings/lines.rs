//! What an order costs, line by line, as clients read it.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{Line, PriceRule};
use onsale_store::catalog::TaxRates;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::charts::{Chart, seat_id};
use crate::percent::Percent;
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
    /// Rate of the tax that the price includes, of the price without it. Left out where the place is free, and where
    /// the rate is not known any more: what was charged is in `tax` all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_percent: Option<Percent>,
    /// Rate of the tax that the fee includes, of the fee without it. Left out where there is no fee, and where the
    /// rate is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_tax_percent: Option<Percent>,
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
    /// Rate of the tax in prices, where it is known and something has a price.
    pub(in crate::routes) tax_percent: Option<Percent>,
    /// Rate of the tax in fees, where it is known and there are fees.
    pub(in crate::routes) fee_tax_percent: Option<Percent>,
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

/// An order's lines and money with the names of its show and the rates of its tax.
pub(in crate::routes) struct Priced<'a> {
    chart: Option<&'a Chart>,
    lines: &'a [Line],
    sums: Sums,
    rates: Option<TaxRates>,
}

impl<'a> Priced<'a> {
    /// With names by the chart of its show; seats have their ids and zones their numbers while the catalog does not
    /// have that. An order says what its tax is and not by which rate, and the offer may be another one by now: the
    /// rates are the newest ones of the show that make just this tax.
    pub(in crate::routes) fn of(chart: Option<&'a Chart>, lines: &'a [Line], sums: Sums) -> Self {
        let mut priced = Self {
            chart,
            lines,
            sums,
            rates: None,
        };
        let order_fee_tax = sums.tax.saturating_sub(priced.all(|line| line.unit_tax));
        let fee = (sums.order_fee, order_fee_tax);
        priced.rates = chart.and_then(|chart| chart.offer.rates_of(lines, fee));
        priced
    }

    /// With rates that are known.
    pub(in crate::routes) fn at(self, rates: TaxRates) -> Self {
        Self {
            rates: Some(rates),
            ..self
        }
    }

    /// The rates of its tax, where they are known.
    pub(in crate::routes) fn rates(&self) -> Option<TaxRates> {
        self.rates
    }

    /// Its lines.
    pub(in crate::routes) fn lines(&self) -> Vec<LineBody> {
        self.lines
            .iter()
            .enumerate()
            .map(|(place, line)| {
                let number = u8::try_from(place).unwrap_or(u8::MAX);
                body(self.chart, number, line, self.sums.currency, self.rates)
            })
            .collect()
    }

    /// What they come to.
    pub(in crate::routes) fn totals(&self) -> Totals {
        let sums = self.sums;
        let money = |amount| Money::new(amount, sums.currency.as_str());
        let fees = self
            .all(|line| line.unit_fee)
            .saturating_add(sums.order_fee);
        let has_price = self.lines.iter().any(|line| line.unit_price > 0);
        Totals {
            discount: money(self.all(discount)),
            fees: money(fees),
            tax: money(sums.tax),
            tax_percent: price_rate(self.rates).filter(|_| has_price),
            fee_tax_percent: fee_rate(self.rates).filter(|_| fees > 0),
            total_price: money(sums.total),
        }
    }

    /// The sum of what a place has over all places.
    fn all(&self, of_one: fn(&Line) -> i64) -> i64 {
        let amounts = self.lines.iter().map(|line| of_all(line, of_one(line)));
        amounts.fold(0_i64, i64::saturating_add)
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

fn price_rate(rates: Option<TaxRates>) -> Option<Percent> {
    rates.map(|rates| Percent::of_basis_points(rates.price_bp))
}

fn fee_rate(rates: Option<TaxRates>) -> Option<Percent> {
    rates.map(|rates| Percent::of_basis_points(rates.fee_bp))
}

fn body(
    chart: Option<&Chart>,
    number: u8,
    line: &Line,
    currency: Currency,
    rates: Option<TaxRates>,
) -> LineBody {
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
        tax_percent: price_rate(rates).filter(|_| line.unit_price > 0),
        fee_tax_percent: fee_rate(rates).filter(|_| line.unit_fee > 0),
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
    use onsale_schemas::{SeatList, TenantId};
    use onsale_store::catalog::{OfferRow, ZoneAdmission};
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

    const SUMS: Sums = Sums {
        order_fee: 1_500,
        total: 252_228,
        tax: 16_502,
        currency: THB,
    };

    fn chart_of(offer: Option<OfferRow>) -> Chart {
        let mut show = show_of(vec![ZoneAdmission::General { capacity: 5 }]);
        show.offer = offer;
        Chart::new(&show, TenantId::from_bytes([8; 16]))
    }

    fn taxed(price_bp: u16, fee_bp: u16) -> OfferRow {
        let mut row = OfferRow::default();
        row.offer.tax_bp = price_bp;
        row.offer.fees.tax_bp = fee_bp;
        row
    }

    #[test]
    fn tax_has_the_rate_that_it_was_charged_by_whatever_is_for_sale_now() {
        let lines = lines();
        let mut offer = taxed(700, 700);
        let told = |offer: &OfferRow| {
            let chart = chart_of(Some(offer.clone()));
            let priced = Priced::of(Some(&chart), &lines, SUMS);
            let line = serde_json::to_value(priced.lines()).unwrap()[0].clone();
            let totals = priced.totals();
            assert_eq!(priced.rates().is_some(), totals.tax_percent.is_some());
            let of_order = [totals.tax_percent, totals.fee_tax_percent].map(|of| json!(of));
            assert_eq!(
                line.get("tax_percent").cloned().unwrap_or_default(),
                of_order[0]
            );
            assert_eq!(
                line.get("fee_tax_percent").cloned().unwrap_or_default(),
                of_order[1]
            );
            of_order
        };
        assert_eq!(told(&offer), [json!("7"), json!("7")]);
        for other in [taxed(810, 0), taxed(0, 1_900), taxed(701, 701)] {
            offer.replace_by(&other);
            assert_eq!(told(&offer), [json!("7"), json!("7")]);
        }
        assert_eq!(
            told(&taxed(810, 810)),
            [json!(null), json!(null)],
            "none makes this tax"
        );
        // A quote knows its own.
        let known = Priced::of(None, &lines, SUMS).at(taxed_rates(810, 0));
        assert_eq!(json!(known.totals().tax_percent), json!("8.1"));
    }

    fn taxed_rates(price_bp: u16, fee_bp: u16) -> TaxRates {
        TaxRates { price_bp, fee_bp }
    }

    #[test]
    fn what_is_free_and_has_no_fee_has_no_rate() {
        let chart = chart_of(Some(taxed(700, 700)));
        let lines = [Line::plain(0, SeatList::new(), 2, 0)];
        let sums = Sums {
            order_fee: 0,
            total: 0,
            tax: 0,
            currency: THB,
        };
        let priced = Priced::of(Some(&chart), &lines, sums);
        let told = serde_json::to_value(priced.lines()).unwrap();
        assert_eq!(told[0].get("tax_percent"), None);
        assert_eq!(told[0].get("fee_tax_percent"), None);
        assert!(priced.totals().tax_percent.is_none());
    }

    #[test]
    fn amounts_and_fees_of_all_lines_come_to_the_total() {
        let lines = lines();
        let priced = Priced::of(None, &lines, SUMS);
        let totals = priced.totals();
        let amounts = [totals.discount, totals.fees, totals.tax, totals.total_price]
            .map(|money| money.amount);
        assert_eq!(amounts, [62_400, 14_628, 16_502, 252_228]);
        let bodies = priced.lines();
        let sold: i64 = bodies.iter().map(|line| line.amount.amount).sum();
        assert_eq!(sold + amounts[1], amounts[3]);
    }

    #[test]
    fn a_line_says_what_made_its_price() {
        let lines = lines();
        let told = serde_json::to_value(Priced::of(None, &lines, SUMS).lines()).unwrap();
        assert_eq!(told[0]["rule"], "Bundle 1, code");
        assert_eq!(told[0]["label"], "Type 1, Zone 0");
        assert_eq!(told[0]["discount"]["amount"], 56_400);
        assert_eq!(told[1]["rule"], "Phase 3, Bundle 1");
        assert_eq!(told[1]["line"], 1);
        let chart = chart_of(None);
        let line = [Line::plain(0, SeatList::new(), 2, 100)];
        let sums = Sums {
            order_fee: 0,
            total: 200,
            tax: 0,
            currency: THB,
        };
        let of_one = serde_json::to_value(Priced::of(Some(&chart), &line, sums).lines()).unwrap();
        assert_eq!(of_one[0]["tax_percent"], "0");
        assert_eq!(of_one[0].get("rule"), None);
        assert_eq!(of_one[0]["label"], "Zone 0");
        assert_eq!(
            of_one[0]["amount"],
            json!({"amount": 200, "currency": "THB"})
        );
    }
}
