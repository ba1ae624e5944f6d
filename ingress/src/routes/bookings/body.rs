//! A booking as clients read it, from the database.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::Line;
use onsale_store::booking::{BookingRow, BookingStatus, OrderRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lines::{self, LineBody, Priced, Sums};
use super::receipt;
use crate::charts::{Chart, seat_id};
use crate::confirmation_codes::ConfirmationCodes;
use crate::error::ApiError;
use crate::percent::Percent;
use crate::state::AppState;
use crate::submit::seconds_left;
use crate::values::{Instant, Money};

/// A booking.
#[derive(Serialize, ToSchema)]
#[schema(as = Booking)]
pub(crate) struct BookingBody {
    booking_id: Uuid,
    /// `reserved`, `confirmed`, `cancelled` or `expired`.
    #[schema(value_type = String)]
    status: BookingStatus,
    event_id: Uuid,
    show_id: Uuid,
    /// `null` while the catalog does not have the show or the zone. That of the first line of an order over
    /// several.
    zone_id: Option<Uuid>,
    /// Labels; none for general admission, and none that were given back. Seat ids while the catalog does not have the show or zone.
    seats: Vec<String>,
    /// True while the catalog does not have the show or zone, as after a database was lost: the booking
    /// stands all the same, and its names come back with the catalog.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    show_unknown: bool,
    /// Places that are left of it.
    quantity: u32,
    /// The price of one; that of the first line of an order.
    unit_price: Money,
    /// What the places that are left cost, fees included.
    total_price: Money,
    /// What it costs, line by line, with what is left of each.
    lines: Vec<LineBody>,
    /// What bundles and a code took off; for orders, that is where there are several prices, fees, tax or a
    /// code.
    #[serde(skip_serializing_if = "Option::is_none")]
    discount: Option<Money>,
    /// Fees in `total_price`; for orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    fees: Option<Money>,
    /// Tax in `total_price`; for orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<Money>,
    /// Rate of the tax that prices include, of what they are without it; for orders, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_percent: Option<Percent>,
    /// Rate of the tax that fees include, of what they are without it; for orders with fees, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_tax_percent: Option<Percent>,
    /// True where it was reserved with a code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    code_used: bool,
    reserved_at: Instant,
    expires_at: Instant,
    /// Seconds that the hold still has, for reserved bookings.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Instant>,
    /// What is shown at the door, once confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation_code: Option<String>,
    /// When it was cancelled or expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Instant>,
    server_time: Instant,
    position: PositionBody,
    /// How many were ahead; anyone who has this link may read it.
    receipt_url: String,
}

/// Where a booking's reservation stands in the log.
#[derive(Serialize, ToSchema)]
#[schema(as = Position)]
pub(crate) struct PositionBody {
    pub(crate) partition: u16,
    pub(crate) offset: u64,
}

impl BookingBody {
    /// Of a row, with the labels that its chart gives.
    pub(in crate::routes) async fn of(state: &AppState, row: BookingRow) -> Result<Self, ApiError> {
        let code = match (row.status, row.confirmed_at_ms) {
            (BookingStatus::Confirmed, Some(confirmed_at_ms)) => {
                Some(ConfirmationCodes::code(state, row.booking_id, confirmed_at_ms).await?)
            }
            _ => None,
        };
        let chart = match state.charts.chart(row.show_id).await {
            Ok(chart) if chart.covers(row.zone, &row.seats) => Some(chart),
            Ok(chart) if chart.zone(row.zone).is_some() => {
                // Places that were added since it was read, or that the catalog lost.
                Some(state.charts.newer(&chart).await)
            }
            Ok(chart) => {
                state.charts.doubt(&chart).await;
                None
            }
            // The catalog was lost, set back or damaged. What is sold stays sold, and one show must not
            // hide all the others of a list.
            Err(error) if error.is_gap_of_catalog() => None,
            Err(error) => return Err(error),
        };
        let chart = match (chart, &row.order) {
            (Some(chart), Some(order)) => {
                let is_nameless = |chart: &Chart| lines::is_nameless(chart, &order.lines);
                Some(state.charts.knowing(&chart, &is_nameless).await)
            }
            (chart, _) => chart,
        };
        Ok(Self::new(state, row, chart.as_deref(), code))
    }

    fn new(
        state: &AppState,
        row: BookingRow,
        chart: Option<&Chart>,
        confirmation_code: Option<String>,
    ) -> Self {
        let now = Instant(state.clock.now_ms());
        let zone = chart.and_then(|chart| chart.zone(row.zone));
        let prices = Prices::of(chart, &row);
        let reserved = row.status == BookingStatus::Reserved;
        let expires_at = Instant(row.expires_at_ms);
        Self {
            booking_id: row.booking_id.as_uuid(),
            status: row.status,
            event_id: row.event_id.0,
            show_id: row.show_id.0,
            zone_id: zone.map(|zone| zone.zone_id),
            seats: match chart {
                Some(chart) => chart.labels(&row.seats),
                None => row.seats.iter().map(|seat| seat_id(*seat)).collect(),
            },
            show_unknown: chart.is_none(),
            quantity: row.quantity,
            unit_price: Money::new(row.unit_price, &row.currency),
            total_price: prices.total_price,
            lines: prices.lines,
            discount: prices.discount,
            fees: prices.fees,
            tax: prices.tax,
            tax_percent: prices.tax_percent,
            fee_tax_percent: prices.fee_tax_percent,
            code_used: row.order.as_ref().is_some_and(|order| order.code.is_some()),
            reserved_at: Instant(row.reserved_at_ms),
            expires_at,
            expires_in_seconds: reserved.then(|| seconds_left(expires_at, now)),
            confirmed_at: row.confirmed_at_ms.map(Instant),
            confirmation_code,
            ended_at: row.ended_at_ms.map(Instant),
            server_time: now,
            position: PositionBody {
                partition: row.booking_id.partition().0,
                offset: row.booking_id.offset(),
            },
            receipt_url: receipt::url(state, &row.booking_id),
        }
    }
}

/// What a booking costs.
struct Prices {
    total_price: Money,
    lines: Vec<LineBody>,
    discount: Option<Money>,
    fees: Option<Money>,
    tax: Option<Money>,
    tax_percent: Option<Percent>,
    fee_tax_percent: Option<Percent>,
}

impl Prices {
    fn of(chart: Option<&Chart>, row: &BookingRow) -> Self {
        // Rows of long ago may have a code that is none, and is shown as one that nobody knows.
        let currency = row.currency.parse().unwrap_or(Currency(*b"???"));
        match &row.order {
            Some(order) => Self::of_order(chart, order, currency),
            None => Self::plain(chart, row, currency),
        }
    }

    fn of_order(chart: Option<&Chart>, order: &OrderRow, currency: Currency) -> Self {
        let sums = Sums {
            order_fee: order.order_fee,
            total: order.total,
            tax: order.tax,
            currency,
        };
        let priced = Priced::of(chart, &order.lines, sums);
        let totals = priced.totals();
        Self {
            total_price: totals.total_price,
            lines: priced.lines(),
            discount: Some(totals.discount),
            fees: Some(totals.fees),
            tax: Some(totals.tax),
            tax_percent: totals.tax_percent,
            fee_tax_percent: totals.fee_tax_percent,
        }
    }

    fn plain(chart: Option<&Chart>, row: &BookingRow, currency: Currency) -> Self {
        let seats = row.seats.iter().copied().collect();
        let line = [Line::plain(row.zone, seats, row.quantity, row.unit_price)];
        let total = row.unit_price.saturating_mul(i64::from(row.quantity));
        let sums = Sums {
            order_fee: 0,
            total,
            tax: 0,
            currency,
        };
        Self {
            total_price: Money::new(total, &row.currency),
            lines: Priced::of(chart, &line, sums).lines(),
            discount: None,
            fees: None,
            tax: None,
            tax_percent: None,
            fee_tax_percent: None,
        }
    }
}
