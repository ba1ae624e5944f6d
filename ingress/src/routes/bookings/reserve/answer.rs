//! What a reservation is answered.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use onsale_schemas::outcome::{Line, Reserved, ReservedV2};
use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::{Outcome, OutcomeRecord, PartitionId, Rejection, UserId, ZoneIndex};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::address_blocks::NewHold;
use crate::charts::Chart;
use crate::error::ApiError;
use crate::percent::Percent;
use crate::rejection;
use crate::routes::bookings::body::PositionBody;
use crate::routes::bookings::lines::{self, LineBody, Priced, Sums};
use crate::routes::bookings::receipt;
use crate::state::AppState;
use crate::submit::{Answering, Final, decided_at, seconds_left, unexpected};
use crate::values::{Instant, Money};

/// A reservation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reservation {
    booking_id: Uuid,
    /// `reserved`.
    status: &'static str,
    event_id: Uuid,
    show_id: Uuid,
    /// The zone; that of the first line of an order over several.
    zone_id: Uuid,
    /// Labels, in the order of the lines; none for general admission.
    seats: Vec<String>,
    quantity: u32,
    /// The price of one; that of the first line of an order.
    unit_price: Money,
    /// What is to be paid, fees included.
    total_price: Money,
    /// What it costs, line by line; for orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<LineBody>>,
    /// What bundles and the code took off; for orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    discount: Option<Money>,
    /// Fees in `total_price`; for orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    fees: Option<Money>,
    /// Tax in `total_price`; for orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<Money>,
    /// Rate of the tax that prices include, of what they are without it; for orders that are not free.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_percent: Option<Percent>,
    /// Rate of the tax that fees include, of what they are without it; for orders with fees.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_tax_percent: Option<Percent>,
    expires_at: Instant,
    /// Length of the hold as of `server_time`.
    expires_in_seconds: u64,
    /// When it was reserved, by the log.
    server_time: Instant,
    position: PositionBody,
    /// How many were ahead; anyone who has this link may read it.
    receipt_url: String,
}

/// Answers a reservation.
pub(in crate::routes) struct Reserving {
    pub(in crate::routes) chart: Arc<Chart>,
    /// The zone whose price was asked for.
    pub(in crate::routes) zone: ZoneIndex,
    /// Whether lines are told even where the booking is plain: it was asked for as an order.
    pub(in crate::routes) has_lines: bool,
    /// Who tries a code, and from where.
    pub(in crate::routes) tries_code: Option<(IpAddr, UserId)>,
}

/// What was granted, in either form.
struct Granted<'a> {
    zone: ZoneIndex,
    seats: Vec<String>,
    unit_price: Money,
    total_price: Money,
    /// Lines with their sums, where they are told.
    lines: Option<(Cow<'a, [Line]>, Sums)>,
}

#[async_trait]
impl Answering for Reserving {
    async fn answer(
        &self,
        state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let newest = self.covering(state, &record.outcome).await;
        let chart = &*newest;
        let granted = match &record.outcome {
            Outcome::Reserved(reserved) => self.plain(chart, reserved),
            Outcome::ReservedV2(order) => order_of(chart, order)?,
            Outcome::Rejected(why) => return Err(self.refused(state, record, why)),
            other => return Err(unexpected("reserve", other)),
        };
        let new = NewHold::of(chart.partition, &record.outcome)
            .ok_or_else(|| ApiError::internal("what was granted is no hold"))?;
        let zone = chart
            .zone(granted.zone)
            .ok_or_else(|| ApiError::internal("reserved in a zone that the chart does not have"))?;
        if record.replay_of.is_none() {
            state.metrics.reservations.inc();
        }
        // The log's time, so that a replay is the same answer to the byte.
        let server_time = decided_at(record);
        let expires_at = Instant(new.until_ms);
        let lines = granted.lines.as_ref();
        let priced = lines.map(|(lines, sums)| Priced::of(Some(chart), lines, *sums));
        let totals = priced.as_ref().map(Priced::totals);
        let tax_percent = totals.as_ref().and_then(|totals| totals.tax_percent);
        let fee_tax_percent = totals.as_ref().and_then(|totals| totals.fee_tax_percent);
        let (discount, fees, tax) = match totals {
            Some(totals) => (Some(totals.discount), Some(totals.fees), Some(totals.tax)),
            None => (None, None, None),
        };
        let mut answer = Final::new(
            StatusCode::CREATED,
            &Reservation {
                booking_id: new.booking.as_uuid(),
                status: "reserved",
                event_id: new.event.0,
                show_id: new.show.0,
                zone_id: zone.zone_id,
                seats: granted.seats,
                quantity: new.places,
                unit_price: granted.unit_price,
                total_price: granted.total_price,
                lines: priced.as_ref().map(Priced::lines),
                discount,
                fees,
                tax,
                tax_percent,
                fee_tax_percent,
                expires_at,
                expires_in_seconds: seconds_left(expires_at, server_time),
                server_time,
                position: PositionBody {
                    partition: chart.partition.0,
                    offset: new.booking.offset(),
                },
                receipt_url: receipt::url(state, &new.booking),
            },
        )?;
        answer.hold = Some(new);
        Ok(answer)
    }

    /// A refusal tells of no booking, and who has many of them need not wait for any.
    fn tells_of_bookings(&self, record: &OutcomeRecord) -> bool {
        !matches!(record.outcome, Outcome::Rejected(_))
    }
}

impl Reserving {
    /// Of places that were added just now the catalog may not have the names yet.
    async fn covering(&self, state: &AppState, outcome: &Outcome) -> Arc<Chart> {
        let charts = &state.charts;
        match outcome {
            Outcome::Reserved(reserved) => {
                charts
                    .covering(&self.chart, reserved.zone, &reserved.seats)
                    .await
            }
            Outcome::ReservedV2(order) => {
                let mut newest = self.chart.clone();
                for line in &order.lines {
                    newest = charts.covering(&newest, line.zone, &line.seats).await;
                }
                let lines = &order.lines;
                let sums = sums_of(order);
                // Another node may have put other names and rates in force.
                let is_older = |chart: &Chart| {
                    lines::is_nameless(chart, lines)
                        || Priced::of(Some(chart), lines, sums).rates().is_none()
                };
                charts.knowing(&newest, &is_older).await
            }
            _ => self.chart.clone(),
        }
    }

    fn plain(&self, chart: &Chart, reserved: &Reserved) -> Granted<'static> {
        let currency = reserved.currency;
        let total = Money::total(reserved.unit_price, reserved.quantity, currency);
        let lines = self.has_lines.then(|| {
            let line = Line::plain(
                reserved.zone,
                reserved.seats.clone(),
                reserved.quantity,
                reserved.unit_price,
            );
            let sums = Sums {
                order_fee: 0,
                total: total.amount,
                tax: 0,
                currency,
            };
            (Cow::Owned(vec![line]), sums)
        });
        Granted {
            zone: reserved.zone,
            seats: chart.labels(reserved.seats.iter()),
            unit_price: Money::new(reserved.unit_price, currency.as_str()),
            total_price: total,
            lines,
        }
    }

    fn refused(&self, state: &AppState, record: &OutcomeRecord, why: &Rejection) -> ApiError {
        let chart = &*self.chart;
        // A remembered refusal may tell a limit of the past, and is no other guess.
        if record.replay_of.is_none() {
            match (why, self.tries_code) {
                (Rejection::MaxPerUserExceeded { limit, .. }, _) => {
                    let (partition, show) = (chart.partition, chart.show);
                    state
                        .buyers
                        .note_limit(partition, show, *limit, record.offset);
                }
                (
                    Rejection::CodeRefused {
                        why: CodeRefusal::Unknown,
                    },
                    Some((client, user)),
                ) => state.codes.was_wrong(client, Some(user)),
                _ => {}
            }
        }
        let refusal = rejection::to_error(why, Some(chart), Some(self.zone));
        match why {
            Rejection::CoolingDown { until_ms } => {
                let wait_ms = until_ms.saturating_sub(record.log_time_ms);
                refusal.retry_after(wait_ms.div_ceil(1_000).max(1))
            }
            _ => refusal,
        }
    }
}

fn order_of<'a>(chart: &Chart, order: &'a ReservedV2) -> Result<Granted<'a>, ApiError> {
    let first = order
        .lines
        .first()
        .ok_or_else(|| ApiError::internal("an order without lines"))?;
    let currency = order.currency;
    let sums = sums_of(order);
    let seats = order.lines.iter().flat_map(|line| line.seats.iter());
    Ok(Granted {
        zone: first.zone,
        seats: chart.labels(seats),
        unit_price: Money::new(first.unit_price, currency.as_str()),
        total_price: Money::new(order.total, currency.as_str()),
        lines: Some((Cow::Borrowed(order.lines.as_slice()), sums)),
    })
}

fn sums_of(order: &ReservedV2) -> Sums {
    Sums {
        order_fee: order.order_fee,
        total: order.total,
        tax: order.tax,
        currency: order.currency,
    }
}
