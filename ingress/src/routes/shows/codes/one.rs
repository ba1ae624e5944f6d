//! `GET /shows/{id}/codes/{group}`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::{CodeHash, ShowId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::{CodeBody, CodeGroupBody};
use super::{managed, tag};
use crate::auth::Caller;
use crate::bounds::Bounds;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathGroup, Query};
use crate::routes::cursor::{self, CursorMeta};
use crate::state::AppState;
use crate::versions;

pub(super) const BOUNDS: Bounds = &[cursor::LIMIT];

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CodesOfGroupQuery {
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Codes per page, 1 to 100 (default 50).
    limit: Option<u32>,
}

/// A group with some of its codes.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodesOfGroupBody {
    group: CodeGroupBody,
    /// In no order that means anything.
    codes: Vec<CodeBody>,
}

/// A group of codes, and its codes a page at a time.
#[utoipa::path(
    get, path = "/api/v1/shows/{id}/codes/{group}", operation_id = "get_codes", tag = "offers",
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("group" = u32, Path, description = "The group's `group_id`"),
        CodesOfGroupQuery,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<CodesOfGroupBody>, headers(("ETag" = String, description = "Of the name and the terms of the group, for `If-Match`"))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathGroup(id, group): PathGroup,
    Query(query): Query<CodesOfGroupQuery>,
) -> Result<Response, ApiError> {
    let show = ShowId(id);
    let limit = cursor::limit(query.limit)?;
    let after = match &query.cursor {
        Some(text) => Some(
            text.parse::<Uuid>()
                .map_err(|_error| cursor::no_cursor(text))?,
        ),
        None => None,
    };
    let (chart, _managed) = managed(&state, &caller, show).await?;
    let row = state.store.code_group(show, group).await?;
    let row = row.ok_or_else(|| ApiError::not_found("group of codes"))?;
    // One more, which says whether there is another page.
    let mut found = state
        .store
        .codes_of_group(show, group, after.map(CodeHash), limit + 1)
        .await?;
    let has_more = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if has_more {
        found.pop();
    }
    let next = found.last().filter(|_| has_more);
    let meta = CursorMeta {
        next_cursor: next.map(|row| row.code.to_string()),
    };
    let body = CodesOfGroupBody {
        group: CodeGroupBody::of(&row, &chart),
        codes: found.iter().map(|row| CodeBody::of(row, &state)).collect(),
    };
    let mut response = envelope::success_page(&context, &body, &meta)?;
    versions::set_tag(response.headers_mut(), &tag(&row.said)?)?;
    Ok(response)
}
