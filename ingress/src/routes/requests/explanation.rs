//! `GET /requests/{id}/explanation`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{Extensions, HeaderMap, StatusCode};
use onsale_schemas::command::{
    AmendEvent, AmendShow, Confirm, ConfirmV2, Describe, OpenShow, OpenShowV2, Reserve, SeatBlock,
    Subject,
};
use onsale_schemas::order::{ReserveV2, ReturnPlaces};
use onsale_schemas::{
    BookingId, Command, Offset, Outcome, PartitionId, Rejection, RequestId, ShowId, Standing,
    TenantId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answering::show_of;
use super::body::{AheadBody, TakenSeat, asked, position, rule};
use super::prices::{PriceReasons, prices};
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::edge;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{PathId, Query};
use crate::operations::Expected;
use crate::rate_limit::Key;
use crate::rejection;
use crate::routes::bookings::body::PositionBody;
use crate::routes::managers;
use crate::state::AppState;
use crate::values::Instant;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("partition"), Bound::Range(0, u16::MAX as u64)),
    // Offsets never come near; JSON readers that count in floating point round it up without
    // leaving what is taken.
    (
        Of::Parameter("offset"),
        Bound::Range(0, i64::MAX.unsigned_abs()),
    ),
];

/// Where the request stands, as its answer said; needed only for requests of long ago.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhereQuery {
    /// `position.partition` of the answer.
    partition: Option<u16>,
    /// `position.offset` of the answer.
    offset: Option<u64>,
}

impl WhereQuery {
    /// That place.
    pub(super) fn at(partition: PartitionId, offset: Offset) -> Self {
        Self {
            partition: Some(partition.0),
            offset: Some(offset),
        }
    }
}

/// Why a request was decided as it was.
#[derive(Serialize, ToSchema)]
pub(crate) struct Explanation {
    request_id: Uuid,
    position: PositionBody,
    /// When the log took the request.
    decided_at: Instant,
    /// `reserve`, `confirm`, `cancel`, `extend`, …
    asked: &'static str,
    granted: bool,
    /// The code of a refusal.
    code: Option<&'static str>,
    /// The rule that decided, in a sentence.
    rule: &'static str,
    /// What a refusal said, in a sentence: which seats, which kind of ticket, until when.
    detail: Option<String>,
    /// Which rules gave the price of each line, for a reservation that was granted.
    prices: Vec<PriceReasons>,
    /// Who was ahead, for a reservation.
    ahead: Option<AheadBody>,
    /// The seats that could not be had.
    seats: Vec<TakenSeat>,
}

/// Why a request was granted or refused, by its request id.
///
/// The id is `details.request_id` of a refusal, or that of a `Location`. For its buyer, for the admins
/// of the show's tenant and for operators. A request that was refused before the log (`details.as_of`, rate limits, validation)
/// never stood in it and is not found here.
#[utoipa::path(
    get, path = "/api/v1/requests/{id}/explanation", operation_id = "explain_request", tag = "bookings",
    params(("id" = Uuid, Path, description = "The request"), WhereQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Why it was granted or refused", body = Success<Explanation>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such request of this caller in the log, or so long ago that its position has to be given", body = Problem),
        (status = 410, description = "`RECORD_GONE`: the log no longer holds it", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: this user or address looks up too many requests without giving their position", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: this process cannot read the log", body = Problem),
        (status = 503, description = "`OVERLOADED`: other requests are being explained", body = Problem),
    ),
)]
pub(crate) async fn explanation(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    Query(given): Query<WhereQuery>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    caller.require(
        &[Role::Buyer, Role::Admin, Role::Operator],
        "Requests are explained to their buyer, to admins and to operators.",
    )?;
    let address = edge::address(&state, &extensions, &headers);
    let (partition, explained) =
        explained(&state, (&caller, address), RequestId(id), &given).await?;
    let offset = explained.outcome.offset;
    let refusal = match &explained.outcome.outcome {
        Outcome::Rejected(why) => Some(why),
        _ => None,
    };
    // Names are a courtesy: without the catalog seats are named by their ids.
    let chart = match show_of(&state, partition, &explained.command).await {
        Some(show) => state.charts.chart(show).await.ok(),
        None => None,
    };
    let chart = chart.as_deref();
    let detail = refusal.map(|why| {
        let refusal = rejection::of_command(why, &explained.command, chart);
        refusal.detail().to_owned()
    });
    let ahead = explained.ahead.as_ref();
    let body = Explanation {
        request_id: id,
        position: position(partition.0, offset),
        decided_at: Instant(explained.outcome.log_time_ms),
        asked: asked(&explained.command),
        granted: refusal.is_none(),
        code: refusal.map(|why| why.code()),
        rule: match (&explained.command, refusal) {
            (
                Command::Unblock(_),
                Some(Rejection::SeatUnavailable { .. } | Rejection::InsufficientStock { .. }),
            ) => "All or none: at its turn not all of these places were blocked.",
            _ => rule(&explained.outcome.outcome),
        },
        detail,
        prices: prices(chart, &explained.outcome.outcome),
        ahead: ahead.map(AheadBody::of),
        seats: ahead.map_or_else(Vec::new, |ahead| TakenSeat::all(ahead, chart)),
    };
    envelope::success(&context, StatusCode::OK, &body)
}

/// What became of a request of the caller's, who asks from an address, and on which partition.
pub(super) async fn explained(
    state: &AppState,
    (caller, address): (&Caller, Key),
    request: RequestId,
    given: &WhereQuery,
) -> Result<(PartitionId, Arc<Standing>), ApiError> {
    let (partition, offset) = place(state, (caller, address), request, given)
        .await?
        .filter(|(partition, _)| partition.0 < state.log.partitions())
        .ok_or_else(|| ApiError::not_found("request in the latest part of the log"))?;
    let sees_those_of_others = matches!(caller.role, Role::Operator | Role::Admin);
    // Before much of the log is read: anybody can make up a position.
    let expected = Expected {
        request,
        user: (!sees_those_of_others).then_some(caller.user),
    };
    let asker = Key::User(caller.user);
    let explained = state
        .standings
        .of(
            &state.operations,
            asker,
            (partition, offset),
            Some(expected),
        )
        .await?;
    let is_theirs = match caller.role {
        Role::Operator => true,
        Role::Admin => concerns(state, caller, partition, &explained.command).await?,
        Role::Buyer | Role::Organizer | Role::Service | Role::Platform => {
            explained.user == Some(caller.user)
        }
    };
    if explained.outcome.request_id == Some(request) && is_theirs {
        Ok((partition, explained))
    } else {
        Err(ApiError::not_found("request"))
    }
}

/// Whether a command is about something of the caller's tenant.
async fn concerns(
    state: &AppState,
    caller: &Caller,
    partition: PartitionId,
    command: &Command,
) -> Result<bool, ApiError> {
    let booking = |offset| BookingId::new(partition, offset);
    let tenant = match command {
        Command::OpenShow(OpenShow { event, .. })
        | Command::OpenShowV2(OpenShowV2 {
            show: OpenShow { event, .. },
            ..
        })
        | Command::AmendEvent(AmendEvent { event, .. })
        | Command::CancelEvent { event }
        | Command::Describe(Describe {
            subject: Subject::Event(event) | Subject::Show { event, .. },
            ..
        }) => {
            let event = state.store.event_within(caller.scope(), *event).await?;
            return Ok(event.is_some());
        }
        Command::OpenShowV3(open) => {
            let event = open.show.show.event;
            let event = state.store.event_within(caller.scope(), event).await?;
            return Ok(event.is_some());
        }
        Command::AmendShow(AmendShow { show, .. })
        | Command::CloseShow { show }
        | Command::CancelShow { show }
        | Command::Reserve(Reserve { show, .. })
        | Command::Block(SeatBlock { show, .. })
        | Command::Unblock(SeatBlock { show, .. })
        | Command::TakeSeats(SeatBlock { show, .. })
        | Command::EndCodes { show, .. }
        | Command::ReserveV2(ReserveV2 { show, .. }) => tenant_of_show(state, *show).await,
        Command::SetOffer(command) => tenant_of_show(state, command.show).await,
        Command::CreateCodes(command) => tenant_of_show(state, command.show).await,
        Command::AmendCodes(command) => tenant_of_show(state, command.show).await,
        Command::AddSeats(command) => tenant_of_show(state, command.show).await,
        Command::Confirm(Confirm { booking: of, .. })
        | Command::ConfirmV2(ConfirmV2 {
            confirm: Confirm { booking: of, .. },
            ..
        })
        | Command::Release { booking: of, .. }
        | Command::Extend { booking: of, .. }
        | Command::Return { booking: of }
        | Command::ReturnPlaces(ReturnPlaces { booking: of, .. }) => {
            managers::tenant_of_booking(state, booking(*of)).await
        }
        Command::ClaimReference(claim) => {
            let booking = BookingId::new(claim.partition, claim.booking);
            managers::tenant_of_booking(state, booking).await
        }
        Command::Tick { .. }
        | Command::Claim { .. }
        | Command::Barrier { .. }
        | Command::ResetClock => return Ok(false),
    };
    match tenant {
        Ok(tenant) => Ok(caller.scope().holds(tenant.0)),
        Err(error) if error.code() == Code::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

async fn tenant_of_show(state: &AppState, show: ShowId) -> Result<TenantId, ApiError> {
    state.charts.chart(show).await.map(|chart| chart.tenant)
}

/// Where to look: as given, as remembered, by its booking, or among the latest records.
async fn place(
    state: &AppState,
    (caller, address): (&Caller, Key),
    request: RequestId,
    given: &WhereQuery,
) -> Result<Option<(PartitionId, Offset)>, ApiError> {
    match (given.partition, given.offset) {
        (Some(partition), Some(offset)) => return Ok(Some((PartitionId(partition), offset))),
        (None, None) => {}
        _ => {
            return Err(ApiError::invalid(
                "offset",
                given.offset,
                "partition and offset, or neither",
            ));
        }
    }
    if let Some(found) = state.positions.find(request) {
        return Ok(Some(found));
    }
    if let Some(row) = state.store.booking_of_request(request).await? {
        return Ok(Some((row.booking_id.partition(), row.booking_id.offset())));
    }
    let asker = (caller.user, address);
    state
        .standings
        .find(&state.operations, &state.limits, asker, request)
        .await
}
