//! `DELETE /shows/{id}/zones/{zone_id}/seats`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::{BlockPlaces, SeatBlock};
use onsale_schemas::limits::{GENERAL_CAPACITY_MAX, SEATS_PER_BLOCK_MAX};
use onsale_schemas::{Command, Outcome, OutcomeRecord, PartitionId, SeatList, ShowId, ZoneIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::block;
use super::growing::{Growing, total_since};
use crate::auth::{Caller, OnBehalf};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::{Chart, ChartZone, parse_seat_id};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathIds, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::call::{Call, Order};
use crate::routes::managers::MANAGE_EVENTS;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("TakeSeatsRequest", "quantity"),
        Bound::Range(1, GENERAL_CAPACITY_MAX as u64),
    ),
    (
        Of::Field("TakeSeatsRequest", "seats"),
        Bound::Items(SEATS_PER_BLOCK_MAX as usize),
    ),
];

/// Places to take away for good.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeSeatsRequest {
    /// Labels or seat ids, in a seated zone.
    seats: Option<Vec<String>>,
    /// A number of places, in general admission.
    quantity: Option<u32>,
}

impl RequestBody for TakeSeatsRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Places that were taken away.
#[derive(Serialize, ToSchema)]
pub(crate) struct TakenPlaces {
    show_id: Uuid,
    zone_id: Uuid,
    seats: Vec<String>,
    quantity: u32,
}

/// Take places away for good.
///
/// All of them, or none: seats that are free or blocked, or free places of general admission. Their labels
/// and ids are never given again.
#[utoipa::path(
    delete, path = "/api/v1/shows/{id}/zones/{zone_id}/seats", operation_id = "take_seats", tag = "catalog",
    request_body = TakeSeatsRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("zone_id" = Uuid, Path, description = "The zone"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The places are gone", body = Success<TakenPlaces>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SEAT_UNAVAILABLE`: some are held or sold, `INSUFFICIENT_STOCK`, `SHOW_CANCELLED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn take_seats(
    call: Call,
    PathIds(show, zone_id): PathIds,
    body: JsonBody<TakeSeatsRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(show);
    let growing = Growing::of(&call.state, &call.caller, show).await?;
    let index = growing.row.zones[growing.zone(zone_id)?].index;
    let chart = growing.chart;
    let zone = chart
        .zone(index)
        .ok_or_else(|| ApiError::not_found("zone"))?;
    let identity = call.identity("take seats", format!("{show}/{zone_id}"), &body.bytes);
    let request = &body.value;
    let named = block::places(&chart, zone, request.seats.as_deref(), request.quantity);
    let places = match named {
        Ok(places) => places,
        // It may be a repetition, whose seats are gone. That is for the log to say, which takes none twice.
        Err(refusal) => {
            let gone = request.seats.as_deref().and_then(|seats| gone(zone, seats));
            gone.filter(|_| identity.fingerprint.is_some())
                .ok_or(refusal)?
        }
    };
    call.send(Order {
        identity,
        on_behalf: OnBehalf::Staff(growing.managed.authority),
        partition: growing.row.partition,
        command: Command::TakeSeats(SeatBlock {
            show,
            zone: index,
            places,
        }),
        answering: Arc::new(Taking { chart, zone: index }),
    })
    .await
}

/// Seats that the zone has or had, by what they are called.
fn gone(zone: &ChartZone, labels: &[String]) -> Option<BlockPlaces> {
    if labels.is_empty() || labels.len() > SEATS_PER_BLOCK_MAX as usize {
        return None;
    }
    let seats: Option<SeatList> = labels
        .iter()
        .map(|label| parse_seat_id(label).unwrap_or_else(|| zone.find_ever(label)))
        .collect();
    seats.map(BlockPlaces::Seats)
}

/// Answers taking places away, with the labels that they had.
struct Taking {
    chart: Arc<Chart>,
    zone: ZoneIndex,
}

#[async_trait]
impl Answering for Taking {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let chart = &*self.chart;
        let change = match &record.outcome {
            Outcome::SeatsTaken(change) => change,
            Outcome::Rejected(why) => {
                return Err(rejection::to_error(why, Some(chart), Some(self.zone)));
            }
            other => return Err(unexpected("taking places away", other)),
        };
        let zone_id = chart
            .zone(change.zone)
            .map(|zone| zone.zone_id)
            .ok_or_else(|| ApiError::internal("taken from a zone that the chart does not have"))?;
        let _ = total_since(state, partition, record, (change.show, change.zone)).await;
        Final::new(
            StatusCode::OK,
            &TakenPlaces {
                show_id: change.show.0,
                zone_id,
                seats: chart.labels(change.seats.iter()),
                quantity: change.quantity,
            },
        )
    }
}
