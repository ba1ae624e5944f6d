//! `POST /shows/{id}/close`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::{Command, Outcome, OutcomeRecord, PartitionId, ShowId};
use onsale_store::catalog::ShowStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Caller, OnBehalf};
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::ownership::{managed_event, managers};
use crate::routes::projected::wait_for;
use crate::state::AppState;
use crate::submit::{Ask, Asked, Final, PendingAnswer, send};

/// Nothing; the body may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndShowRequest {}

impl RequestBody for EndShowRequest {
    const OPTIONAL: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        managers(caller)
    }
}

/// A show whose sale ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedShow {
    show_id: Uuid,
    /// `closed` or `cancelled`.
    #[schema(value_type = String)]
    status: ShowStatus,
}

/// End the sale of a show now. Live holds may still be confirmed.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/close", tag = "catalog", request_body = Option<EndShowRequest>,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("Idempotency-Key" = Option<String>, Header, description = "Same key and body: same answer, for 24 hours"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Success<EndedShow>),
        (status = 202, description = "The outcome is not known yet: ask at `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`", body = Problem),
    ),
)]
pub(crate) async fn close(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    key: IdempotencyKey,
    PathId(id): PathId,
    body: JsonBody<EndShowRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    end(
        &state,
        &context,
        &caller,
        (key, "close", body.bytes),
        show,
        Command::CloseShow { show },
    )
    .await
}

/// Hands in `command` for a show of the caller's.
pub(super) async fn end(
    state: &AppState,
    context: &RequestContext,
    caller: &Caller,
    (key, operation, body): (IdempotencyKey, &'static str, bytes::Bytes),
    show: ShowId,
    command: Command,
) -> Result<Response, ApiError> {
    let chart = state.charts.chart(show).await?;
    let managed = managed_event(state, caller, chart.event).await?;
    let identity = key.identity(caller.user, operation, &show.to_string(), &body);
    let answer = send(
        state,
        context,
        Ask {
            user: caller.user,
            on_behalf: OnBehalf::Staff(managed.authority),
            identity,
            partition: chart.partition,
            command,
            asked: Asked::EndShow { show },
        },
    )
    .await?;
    Ok(answer.into_response(context))
}

/// The answer to the outcome of closing or cancelling. Whoever was answered should find the catalog
/// so, but a projection that is behind is no reason to call it failed.
pub(crate) async fn answer(
    state: &AppState,
    show: ShowId,
    partition: PartitionId,
    record: &OutcomeRecord,
) -> Result<Final, ApiError> {
    let status = match &record.outcome {
        Outcome::ShowClosed { .. } => ShowStatus::Closed,
        Outcome::ShowCancelled { .. } => ShowStatus::Cancelled,
        Outcome::Rejected(why) => return Err(rejection::to_error(why, None, None)),
        other => {
            return Err(ApiError::internal(format!(
                "ending a show came out as {other:?}"
            )));
        }
    };
    let _ = wait_for(state, partition, record.offset).await;
    state.charts.forget_show(show).await;
    Final::new(
        StatusCode::OK,
        &EndedShow {
            show_id: show.0,
            status,
        },
    )
}
