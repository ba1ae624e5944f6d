//! What a reservation is answered.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use onsale_schemas::{BookingId, Outcome, OutcomeRecord, PartitionId, Rejection, ZoneIndex};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::address_blocks::NewHold;
use crate::charts::Chart;
use crate::error::ApiError;
use crate::rejection;
use crate::routes::bookings::body::PositionBody;
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
    zone_id: Uuid,
    /// Labels; none for general admission.
    seats: Vec<String>,
    quantity: u32,
    unit_price: Money,
    total_price: Money,
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
    pub(in crate::routes) zone: ZoneIndex,
}

#[async_trait]
impl Answering for Reserving {
    async fn answer(
        &self,
        state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let chart = &*self.chart;
        let reserved = match &record.outcome {
            Outcome::Reserved(reserved) => reserved,
            Outcome::Rejected(why) => {
                // A remembered refusal may tell a limit of the past.
                if let (Rejection::MaxPerUserExceeded { limit, .. }, None) = (why, record.replay_of)
                {
                    let (partition, show) = (chart.partition, chart.show);
                    state
                        .buyers
                        .note_limit(partition, show, *limit, record.offset);
                }
                let refusal = rejection::to_error(why, Some(chart), Some(self.zone));
                return Err(match why {
                    Rejection::CoolingDown { until_ms } => {
                        let wait_ms = until_ms.saturating_sub(record.log_time_ms);
                        refusal.retry_after(wait_ms.div_ceil(1_000).max(1))
                    }
                    _ => refusal,
                });
            }
            other => return Err(unexpected("reserve", other)),
        };
        // Of places that were added just now the catalog may not have the names yet.
        let (zone, seats) = (reserved.zone, &reserved.seats);
        let newest = state.charts.covering(&self.chart, zone, seats).await;
        let chart = &*newest;
        let zone = chart
            .zone(reserved.zone)
            .ok_or_else(|| ApiError::internal("reserved in a zone that the chart does not have"))?;
        if record.replay_of.is_none() {
            state.metrics.reservations.inc();
        }
        // The log's time, so that a replay is the same answer to the byte.
        let server_time = decided_at(record);
        let expires_at = Instant(reserved.expires_at_ms);
        let booking = BookingId::new(chart.partition, reserved.booking);
        let mut answer = Final::new(
            StatusCode::CREATED,
            &Reservation {
                booking_id: booking.as_uuid(),
                status: "reserved",
                event_id: reserved.event.0,
                show_id: reserved.show.0,
                zone_id: zone.zone_id,
                seats: chart.labels(reserved.seats.iter()),
                quantity: reserved.quantity,
                unit_price: Money::new(reserved.unit_price, reserved.currency.as_str()),
                total_price: Money::total(
                    reserved.unit_price,
                    reserved.quantity,
                    reserved.currency,
                ),
                expires_at,
                expires_in_seconds: seconds_left(expires_at, server_time),
                server_time,
                position: PositionBody {
                    partition: chart.partition.0,
                    offset: reserved.booking,
                },
                receipt_url: receipt::url(state, &booking),
            },
        )?;
        answer.hold = Some(NewHold {
            booking,
            show: reserved.show,
            event: reserved.event,
            places: reserved.quantity,
            until_ms: reserved.expires_at_ms,
        });
        Ok(answer)
    }

    /// A refusal tells of no booking, and who has many of them need not wait for any.
    fn tells_of_bookings(&self, record: &OutcomeRecord) -> bool {
        !matches!(record.outcome, Outcome::Rejected(_))
    }
}
