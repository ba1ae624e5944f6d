//! `POST /shows/{id}/block`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::{BlockPlaces, SeatBlock};
use onsale_schemas::limits::{GENERAL_CAPACITY_MAX, SEATS_PER_BLOCK_MAX};
use onsale_schemas::{Command, Outcome, OutcomeRecord, PartitionId, ShowId, ZoneIndex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Caller, OnBehalf};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::{Chart, ChartZone};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::bookings::reserve::named_seats;
use crate::routes::call::{Call, Order};
use crate::routes::managers::{MANAGE_SALES, managed_event};
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};

/// The operation that puts places back, as idempotency keys know it.
pub(super) const UNBLOCK: &str = "unblock";

/// What its requests, and those to unblock, may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("BlockRequest", "quantity"),
        Bound::Range(1, GENERAL_CAPACITY_MAX as u64),
    ),
    (
        Of::Field("BlockRequest", "seats"),
        Bound::Items(SEATS_PER_BLOCK_MAX as usize),
    ),
];

/// Places to take off sale, or to put back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockRequest {
    zone_id: Uuid,
    /// Labels or seat ids, in a seated zone.
    seats: Option<Vec<String>>,
    /// A number of places, in general admission.
    quantity: Option<u32>,
}

impl RequestBody for BlockRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_SALES)
    }
}

/// Places taken off sale, or put back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Block {
    show_id: Uuid,
    zone_id: Uuid,
    seats: Vec<String>,
    quantity: u32,
    /// `blocked` or `available`.
    status: &'static str,
}

/// Take free places off sale.
///
/// All of them, or none.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/block", operation_id = "block_places", tag = "catalog", request_body = BlockRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The places are off sale", body = Success<Block>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SEAT_UNAVAILABLE`, `INSUFFICIENT_STOCK`, `SHOW_CANCELLED`", body = Problem),
    ),
)]
pub(crate) async fn block(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<BlockRequest>,
) -> Result<Response, ApiError> {
    change(&call, ShowId(id), body, "block", Command::Block).await
}

/// Takes places off sale, or puts them back, by the command that `command` makes.
pub(super) async fn change(
    call: &Call,
    show: ShowId,
    body: JsonBody<BlockRequest>,
    operation: &str,
    command: fn(SeatBlock) -> Command,
) -> Result<Response, ApiError> {
    let chart = call.state.charts.chart(show).await?;
    let managed = managed_event(&call.state, &call.caller, chart.event, &MANAGE_SALES).await?;
    visible::ensure_listed(&call.state, show).await?;
    let zone = chart
        .zone_by_id(body.value.zone_id)
        .ok_or_else(|| ApiError::invalid("zone_id", body.value.zone_id, "a zone of the show"))?;
    let block = SeatBlock {
        show,
        zone: zone.index,
        places: places(
            &chart,
            zone,
            body.value.seats.as_deref(),
            body.value.quantity,
        )?,
    };
    let zone = zone.index;
    call.send(Order {
        identity: call.identity(operation, show, &body.bytes),
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: chart.partition,
        command: command(block),
        answering: Arc::new(Blocking {
            chart,
            zone,
            unblocks: operation == UNBLOCK,
        }),
    })
    .await
}

/// The places of a zone that a request names: its seats, or how many.
pub(super) fn places(
    chart: &Chart,
    zone: &ChartZone,
    seats: Option<&[String]>,
    quantity: Option<u32>,
) -> Result<BlockPlaces, ApiError> {
    match (seats, quantity) {
        (Some(labels), None) => {
            let max = usize::try_from(SEATS_PER_BLOCK_MAX).unwrap_or(usize::MAX);
            let (_, seats) = named_seats(chart, Some(zone), labels, max)?;
            Ok(BlockPlaces::Seats(seats))
        }
        (None, Some(quantity)) if zone.is_seated() => Err(ApiError::invalid(
            "quantity",
            quantity,
            "seats: places of a seated zone are named",
        )),
        (None, Some(quantity)) if (1..=GENERAL_CAPACITY_MAX).contains(&quantity) => {
            Ok(BlockPlaces::Quantity(quantity))
        }
        (None, Some(quantity)) => Err(ApiError::invalid(
            "quantity",
            quantity,
            &format!("1 to {GENERAL_CAPACITY_MAX}"),
        )),
        (None, None) => Err(ApiError::invalid("seats", Value::Null, "seats or quantity")),
        (Some(_), Some(quantity)) => Err(ApiError::invalid(
            "quantity",
            quantity,
            "either seats or quantity, not both",
        )),
    }
}

/// Answers blocking and unblocking.
struct Blocking {
    chart: Arc<Chart>,
    zone: ZoneIndex,
    unblocks: bool,
}

#[async_trait]
impl Answering for Blocking {
    async fn answer(
        &self,
        _state: &AppState,
        _partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let (chart, zone) = (&*self.chart, self.zone);
        let (change, status) = match &record.outcome {
            Outcome::Blocked(change) => (change, "blocked"),
            Outcome::Unblocked(change) => (change, "available"),
            Outcome::Rejected(why) if self.unblocks => {
                return Err(rejection::of_unblocking(why, Some(chart), Some(zone)));
            }
            Outcome::Rejected(why) => {
                return Err(rejection::to_error(why, Some(chart), Some(zone)));
            }
            other => return Err(unexpected("block", other)),
        };
        let zone_id = chart
            .zone(change.zone)
            .map(|zone| zone.zone_id)
            .ok_or_else(|| ApiError::internal("blocked in a zone that the chart does not have"))?;
        Final::new(
            StatusCode::OK,
            &Block {
                show_id: change.show.0,
                zone_id,
                seats: chart.labels(change.seats.iter()),
                quantity: change.quantity,
                status,
            },
        )
    }
}
