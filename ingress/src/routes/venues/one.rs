//! `GET /venues/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::body::VenueBody;
use super::{nothing, sees};
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;
use crate::versions;

/// One venue.
///
/// Everybody may read a venue that an event names that is no draft, or from one of whose maps a show of such an event
/// was made; the staff of its tenant any.
#[utoipa::path(
    get, path = "/api/v1/venues/{id}", operation_id = "get_venue", tag = "venues",
    params(("id" = Uuid, Path, description = "The venue")),
    responses(
        (status = 200, description = "The venue", body = Success<VenueBody>, headers(("ETag" = String))),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row = state.store.venue(id).await?.ok_or_else(nothing)?;
    let is_seen = caller.is_some_and(|caller| sees(&caller, &row));
    if !is_seen && !state.store.is_venue_public(id).await? {
        return Err(nothing());
    }
    let version = row.version;
    let mut response = envelope::success(&context, StatusCode::OK, &VenueBody::from(row))?;
    versions::set_tag(response.headers_mut(), &versions::tag(version, None))?;
    Ok(response)
}
