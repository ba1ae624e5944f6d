//! `PATCH /categories/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{
    CategoryBody, MANAGE_CATEGORIES, NAME_MAX_CHARS, check, check_is_as_read, find, refused,
};
use crate::audit;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::slug::SLUG_MAX_CHARS;
use crate::state::AppState;
use crate::versions::IfMatch;

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
    params(
        ("id" = Uuid, Path, description = "The category"),
        ("If-Match" = Option<String>, Header, description = "The `etag` of the category as you read it: nothing is changed if someone else has changed it since"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The category as it is now", body = Success<CategoryBody>, headers(("ETag" = String))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SLUG_TAKEN`: another category has one of its names", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed it since; `details.etag` is its present one", body = Problem),
    ),
)]
pub(crate) async fn change(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    if_match: IfMatch,
    body: JsonBody<CategoryChange>,
) -> Result<Response, ApiError> {
    let mut row = find(&state, id).await?;
    check_is_as_read(&row, &if_match)?;
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
    state.categories.forget();
    // With the name before among the others.
    let row = find(&state, id).await?;
    CategoryBody::of(row)?.answer(&context, StatusCode::OK)
}
