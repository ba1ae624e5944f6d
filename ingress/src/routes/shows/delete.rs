//! `DELETE /shows/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::ShowId;
use onsale_store::catalog::Deletion;
use serde::Serialize;
use serde_json::json;
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

/// A show that lists leave out.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeletedShow {
    show_id: Uuid,
}

/// Take a cancelled show of which nothing was sold out of every list.
///
/// The log never forgets a show that it has opened, and until it is cancelled somebody may be buying: so it is cancelled
/// first, with `POST /shows/{id}/cancel`. Its own address does not find it any more, either; those who held places of it
/// keep their bookings.
#[utoipa::path(
    delete, path = "/api/v1/shows/{id}", operation_id = "delete_show", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the show as you read it: nothing is changed if it has changed since"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "No list has it any more", body = Success<DeletedShow>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`STILL_ON_SALE`: it is not cancelled; `HAS_SALES`: something of it was sold", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: it has changed since; `details.etag` is its present one", body = Problem),
    ),
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    if_match: IfMatch,
) -> Result<Response, ApiError> {
    caller.permit(&MANAGE_EVENTS)?;
    let show = ShowId(id);
    let nothing = || ApiError::not_found("show");
    let row = state.store.show(show).await?.ok_or_else(nothing)?;
    let managed = managed_event(&state, &caller, row.event_id, &MANAGE_EVENTS).await?;
    // One that is removed already is so once more, whatever it was read as.
    if if_match.is_given() && !state.store.is_show_removed(show).await? {
        let found = state.store.catalog_versions(row.event_id, Some(show));
        let (_, version) = found.await?;
        if_match.expected(version.ok_or_else(nothing)?)?;
    }
    let entry = audit::actor(&caller, &context)
        .did("show.delete", "show", show)
        .of_tenant(managed.row.tenant_id)
        .with(json!({ "event_id": row.event_id.0 }));
    let now_ms = state.clock.now_ms();
    let deletion = state
        .store
        .remove_show(row.event_id, show, now_ms, entry)
        .await?;
    match deletion {
        Deletion::Done => {}
        Deletion::Missing => {
            // Once more: nothing is other than before.
            if !state.store.is_show_removed(show).await? {
                return Err(nothing());
            }
        }
        Deletion::OnSale => {
            return Err(ApiError::new(
                Code::StillOnSale,
                "The show is not cancelled, and somebody may be buying. Cancel it with `POST /shows/{id}/cancel`; if \
                 nothing was sold, it can be deleted then.",
            ));
        }
        Deletion::Sold => {
            return Err(ApiError::new(
                Code::HasSales,
                "Something of the show was sold, and its buyers have to find it. It stays in the lists as cancelled.",
            ));
        }
    }
    state.event_pages.forget(row.event_id).await;
    state.charts.pages.forget(show).await;
    envelope::success(&context, StatusCode::OK, &DeletedShow { show_id: show.0 })
}
