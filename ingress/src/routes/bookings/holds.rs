//! `GET /bookings/pending`

use axum::extract::State;
use axum::response::Response;
use onsale_store::booking::{BookingFilter, BookingStatus};

use super::body::BookingBody;
use super::list;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::state::AppState;

/// The caller's live holds, to take up a payment again.
#[utoipa::path(
    get, path = "/api/v1/bookings/pending", operation_id = "list_pending_bookings", tag = "bookings",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The holds of the caller that can still be paid", body = Success<Vec<BookingBody>>),
        (status = 503, description = "`OVERLOADED`: the database is behind", body = Problem),
    ),
)]
pub(crate) async fn holds(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
) -> Result<Response, ApiError> {
    let filter = BookingFilter {
        user_id: caller.user,
        status: Some(BookingStatus::Reserved),
        expires_after_ms: Some(state.clock.now_ms()),
        after: None,
        limit: list::LIMIT_MAX,
    };
    list::page(&state, &context, filter).await
}
