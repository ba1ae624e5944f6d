//! `DELETE /categories/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{MANAGE_CATEGORIES, check_is_as_read, find};
use crate::audit;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;
use crate::versions::IfMatch;

/// A category that is no more.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedCategory {
    category_id: Uuid,
}

/// Remove a category.
///
/// Its events keep its name as their own text.
#[utoipa::path(
    delete, path = "/api/v1/categories/{id}", operation_id = "remove_category", tag = "catalog",
    params(
        ("id" = Uuid, Path, description = "The category"),
        ("If-Match" = Option<String>, Header, description = "The `etag` of the category as you read it: nothing is changed if someone else has changed it since"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It is removed", body = Success<RemovedCategory>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed it since; `details.etag` is its present one", body = Problem),
    ),
)]
pub(crate) async fn remove(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    if_match: IfMatch,
) -> Result<Response, ApiError> {
    caller.permit(&MANAGE_CATEGORIES)?;
    check_is_as_read(&find(&state, id).await?, &if_match)?;
    let entry = audit::actor(&caller, &context).did("category.remove", "category", id);
    if !state.store.remove_category(id, entry).await? {
        return Err(ApiError::not_found("category"));
    }
    state.categories.forget();
    envelope::success(
        &context,
        StatusCode::OK,
        &RemovedCategory { category_id: id },
    )
}
