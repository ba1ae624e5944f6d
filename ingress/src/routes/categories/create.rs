//! `POST /categories`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_store::catalog::CategoryRow;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{CategoryBody, MANAGE_CATEGORIES, NAME_MAX_CHARS, check, refused};
use crate::audit;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::ids;
use crate::slug::{self, SLUG_MAX_CHARS};
use crate::state::AppState;

const SCHEMA: &str = "CategoryRequest";

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (Of::Field(SCHEMA, "slug"), Bound::Length(SLUG_MAX_CHARS)),
    (Of::Field(SCHEMA, "place"), Bound::Range(0, u16::MAX as u64)),
];

/// A new category.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryRequest {
    name: String,
    /// Made from the name when left out.
    slug: Option<String>,
    /// What else is taken for it, as its name in other languages; at most 50.
    aliases: Option<Vec<String>>,
    /// In which order categories are listed, then by name.
    place: Option<u16>,
}

impl RequestBody for CategoryRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_CATEGORIES)
    }
}

/// Create a category.
///
/// Events whose category is written as one of its names, in any case, get its name.
#[utoipa::path(
    post, path = "/api/v1/categories", operation_id = "create_category", tag = "catalog",
    request_body = CategoryRequest,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new category", body = Success<CategoryBody>, headers(("ETag" = String))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 409, description = "`SLUG_TAKEN`: another category has one of its names; `QUOTA_EXCEEDED`: there are 200", body = Problem),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    body: JsonBody<CategoryRequest>,
) -> Result<Response, ApiError> {
    let CategoryRequest {
        name,
        slug,
        aliases,
        place,
    } = body.value;
    let row = CategoryRow {
        category_id: ids::random(),
        slug: slug.unwrap_or_else(|| slug::of(&name)),
        name,
        aliases: aliases.unwrap_or_default(),
        place: place.unwrap_or(0),
        created_at_ms: state.clock.now_ms(),
    };
    check(&row)?;
    let entry = audit::actor(&caller, &context).did("category.create", "category", row.category_id);
    let added = state.store.add_category(&row, entry).await;
    added.map_err(refused)?;
    state.event_lists.forget();
    state.categories.forget();
    CategoryBody::of(row)?.answer(&context, StatusCode::CREATED)
}
