//! `GET /requests/{id}`

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::{Extensions, HeaderMap, StatusCode};
use onsale_schemas::{Outcome, RequestId};

use super::answering::{answer_to, needs_asked};
use super::explanation::{WhereQuery, explained};
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::edge;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::PathId;
use crate::rate_limit::Key;
use crate::routes::bookings::body::BookingBody;
use crate::routes::{ownership, projected};
use crate::state::AppState;
use crate::submit::{Answer, Final, Known, PendingAnswer};

/// How long a buyer who was granted places waits for what the log says that it asked for. Without it the answer says
/// the same, only not line by line.
const LINES_PATIENCE: Duration = Duration::from_secs(2);

/// The answer to an earlier request that was answered with 202.
///
/// It is the answer that the request itself would have had; 202 again while it is not known.
#[utoipa::path(
    get, path = "/api/v1/requests/{id}", operation_id = "get_request", tag = "bookings",
    params(("id" = Uuid, Path, description = "The request")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Or the status of the request's own answer"),
        (status = 201, description = "A reservation that was granted", body = Success<BookingBody>),
        (status = 202, description = "Not known yet", body = Success<PendingAnswer>),
        (status = 404, description = "`NOT_FOUND`: no such request of this caller, or too long ago", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: this user or address asks for too many unknown requests", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let request_id = RequestId(id);
    let known = state.replies.known(request_id, caller.user);
    if let Known::Answer(answer) = known {
        return answer.map(|answer| answer.into_response(&context));
    }
    let address = edge::address(&state, &extensions, &headers);
    if let Some((partition, record)) = state.recent.find(request_id) {
        let explained = if needs_asked(&record.outcome, caller.user) {
            // Another ingress handed it in: the log knows what it asked for.
            let place = WhereQuery::at(partition, record.offset);
            let asker = (&caller, address);
            let explaining = explained(&state, asker, request_id, &place);
            if matches!(record.outcome, Outcome::Reserved(_)) {
                let told = tokio::time::timeout(LINES_PATIENCE, explaining).await;
                told.ok().and_then(Result::ok)
            } else {
                explaining.await.ok()
            }
        } else {
            None
        };
        let asked = explained.as_ref().map(|(_, explained)| &explained.command);
        if let Some(answer) = answer_to(&state, partition, &record, caller.user, asked).await {
            return answer.map(|answer| answer.into_response(&context));
        }
    }
    // The reply may be lost, or have gone to another process; a reservation is in the database.
    let row = match state.store.booking_of_request(request_id).await? {
        Some(row) if ownership::is_of(&state, caller.user, row.user_id).await? => Some(row),
        _ => None,
    };
    match (row, known) {
        (Some(row), _) => {
            // Not older than what the caller has been answered about the booking since.
            let id = row.booking_id;
            projected::wait_for_user(&state, caller.user, id.partition()).await?;
            let row = state.store.booking(id).await?.unwrap_or(row);
            let body = BookingBody::of(&state, row).await?;
            envelope::success(&context, StatusCode::CREATED, &body)
        }
        (None, Known::Pending) => Ok(Answer::Pending(request_id).into_response(&context)),
        (None, _) => from_log(&state, (&caller, address), request_id)
            .await
            .map(|answer| answer.into_response(&context)),
    }
}

/// What the log says that became of a request, as of one that is explained.
async fn from_log(
    state: &AppState,
    (caller, address): (&Caller, Key),
    request: RequestId,
) -> Result<Final, ApiError> {
    let asker = (caller, address);
    let (partition, explained) = explained(state, asker, request, &WhereQuery::default())
        .await
        .map_err(|error| match error.code() {
            // That the log could have said it does not matter to a caller who polls for an answer.
            Code::NotSupported | Code::RecordGone => ApiError::not_found("request"),
            _ => error,
        })?;
    let asked = Some(&explained.command);
    match answer_to(state, partition, &explained.outcome, caller.user, asked).await {
        Some(answer) => answer,
        None => Err(ApiError::not_found("request")),
    }
}
