//! `DELETE /events/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;
use onsale_store::catalog::{Deletion, EventStatus};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::audit;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::PathId;
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::state::AppState;
use crate::versions::IfMatch;

/// An event that is no more.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeletedEvent {
    event_id: Uuid,
}

/// Delete an event of which nothing was sold.
///
/// A draft, or an event whose shows are all cancelled. What was on sale somebody may be buying, so it is cancelled
/// first: that is final, and what was paid for it stays to be seen. The name in addresses of a deleted event is not
/// given to another, and it goes on counting towards the organizer's quota, because the log keeps what it was.
#[utoipa::path(
    delete, path = "/api/v1/events/{id}", operation_id = "delete_event", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The event"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the event as you read it: nothing is changed if someone else has changed it since"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It is deleted", body = Success<DeletedEvent>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`STILL_ON_SALE`: it has shows that are not cancelled; `HAS_SALES`: something of it was sold", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed it since; `details.etag` is its present one", body = Problem),
    ),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    if_match: IfMatch,
) -> Result<Response, ApiError> {
    let managed = managed_event(&state, &caller, EventId(id), &MANAGE_EVENTS).await?;
    let event = managed.row.event_id;
    let present = state.store.versioned_event(event).await?;
    let present = present.ok_or_else(|| ApiError::not_found("event"))?;
    let expected = if_match.expected(present.version)?;
    let entry = audit::actor(&caller, &context)
        .did("event.delete", "event", event)
        .of_tenant(managed.row.tenant_id);
    let now_ms = state.clock.now_ms();
    let deletion = state
        .store
        .delete_event(event, now_ms, expected, entry)
        .await?;
    match deletion {
        Deletion::Done => {}
        Deletion::Missing => return Err(ApiError::not_found("event")),
        Deletion::OnSale => {
            return Err(ApiError::new(
                Code::StillOnSale,
                "The event has shows that are not cancelled, and somebody may be buying. Cancel the event with \
                 `PATCH /events/{id}` and `\"status\":\"cancelled\"`, or each show with `POST /shows/{id}/cancel`; if \
                 nothing was sold, it can be deleted then.",
            ));
        }
        Deletion::Sold => {
            return Err(ApiError::new(
                Code::HasSales,
                match present.row.status {
                    EventStatus::Cancelled => {
                        "Something of the event was sold, and its buyers have to find it. It stays as cancelled, which \
                         is all that can be done with it."
                    }
                    EventStatus::Draft | EventStatus::Published => {
                        "Something of the event was sold, and its buyers have to find it. Cancel it with \
                         `PATCH /events/{id}` and `\"status\":\"cancelled\"` in place of deleting it."
                    }
                },
            ));
        }
    }
    state.event_lists.forget();
    state.event_pages.forget(event).await;
    envelope::success(
        &context,
        StatusCode::OK,
        &DeletedEvent { event_id: event.0 },
    )
}
