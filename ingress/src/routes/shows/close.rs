//! `POST /shows/{id}/close`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::{Command, Outcome, OutcomeRecord, PartitionId, ShowId};
use onsale_store::catalog::ShowStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Caller, OnBehalf};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::call::{Call, Order};
use crate::routes::managers::{MANAGE_SALES, managed_event};
use crate::routes::projected::wait_for;
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};

/// Empty; the body may be omitted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndShowRequest {}

impl RequestBody for EndShowRequest {
    const OPTIONAL: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_SALES)
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

/// End the sale of a show now.
///
/// Live holds may still be confirmed.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/close", operation_id = "close_show", tag = "catalog", request_body = Option<EndShowRequest>,
    params(
        ("id" = Uuid, Path, description = "The show"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sale is closed", body = Success<EndedShow>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`", body = Problem),
    ),
)]
pub(crate) async fn close(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<EndShowRequest>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    end(&call, show, body, "close", Command::CloseShow { show }).await
}

/// Hands in `command` for a show of the caller's.
pub(super) async fn end(
    call: &Call,
    show: ShowId,
    body: JsonBody<EndShowRequest>,
    operation: &str,
    command: Command,
) -> Result<Response, ApiError> {
    let chart = call.state.charts.chart(show).await?;
    let managed = managed_event(&call.state, &call.caller, chart.event, &MANAGE_SALES).await?;
    visible::ensure_listed(&call.state, show).await?;
    call.send(Order {
        identity: call.identity(operation, show, &body.bytes),
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: chart.partition,
        command,
        answering: Arc::new(Ending { show }),
    })
    .await
}

/// Answers closing and cancelling a show. The caller should find it so in the catalog, but a projection
/// that is behind is no reason to call it failed.
struct Ending {
    show: ShowId,
}

#[async_trait]
impl Answering for Ending {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let show = self.show;
        let status = match &record.outcome {
            Outcome::ShowClosed { .. } => ShowStatus::Closed,
            Outcome::ShowCancelled { .. } => ShowStatus::Cancelled,
            Outcome::Rejected(why) => return Err(rejection::to_error(why, None, None)),
            other => return Err(unexpected("ending a show", other)),
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
}
