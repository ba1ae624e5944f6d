//! `PATCH /categories/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_store::catalog::CategoryRow;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{CategoryBody, MANAGE_CATEGORIES, NAME_MAX_CHARS, check, refused};
use crate::audit;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::slug::SLUG_MAX_CHARS;
use crate::state::AppState;

const SCHEMA: &str = "CategoryChange";

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (Of::Field(SCHEMA, "slug"), Bound::Length(SLUG_MAX_CHARS)),
    (Of::Field(SCHEMA, "place"), Bound::Range(0, u16::MAX as u64)),
];

/// New values of a category; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryChange {
    /// The name before goes on being taken for it.
    name: Option<String>,
    slug: Option<String>,
    /// In place of those before; at most 50.
    aliases: Option<Vec<String>>,
    place: Option<u16>,
}

impl RequestBody for CategoryChange {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_CATEGORIES)
    }
}

/// Change a category, and its name in its events with it.
#[utoipa::path(
    patch, path = "/api/v1/categories/{id}", operation_id = "change_category", tag = "catalog",
    request_body = CategoryChange,
    params(("id" = Uuid, Path, description = "The category")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The category as it is now", body = Success<CategoryBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SLUG_TAKEN`: another category has one of its names", body = Problem),
    ),
)]
pub(crate) async fn change(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody<CategoryChange>,
) -> Result<Response, ApiError> {
    let mut row = find(&state, id).await?;
    let CategoryChange {
        name,
        slug,
        aliases,
        place,
    } = body.value;
    row.name = name.unwrap_or(row.name);
    row.slug = slug.unwrap_or(row.slug);
    row.aliases = aliases.unwrap_or(row.aliases);
    row.place = place.unwrap_or(row.place);
    check(&row)?;
    let entry = audit::actor(&caller, &context).did("category.change", "category", id);
    let replaced = state.store.replace_category(&row, entry).await;
    if !replaced.map_err(refused)? {
        return Err(ApiError::not_found("category"));
    }
    state.event_lists.forget();
    // With the name before among the others.
    let row = find(&state, id).await?;
    envelope::success(&context, StatusCode::OK, &CategoryBody::from(row))
}

async fn find(state: &AppState, id: Uuid) -> Result<CategoryRow, ApiError> {
    let rows = state.store.categories().await?;
    let found = rows.into_iter().find(|row| row.category_id == id);
    found.ok_or_else(|| ApiError::not_found("category"))
}
