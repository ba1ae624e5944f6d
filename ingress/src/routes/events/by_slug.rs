//! `GET /events/by-slug/{slug}`

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use onsale_store::catalog::TenantScope;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::EventBody;
use super::one;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{PathName, Query};
use crate::routes::visible;
use crate::slug;
use crate::state::AppState;

/// Whose.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BySlugQuery {
    /// The tenant. Needed where events of several have the same name in addresses.
    tenant: Option<Uuid>,
}

/// The event that a name in addresses leads to.
///
/// One that it had before leads to it too: `slug` is the one that it has now, where pages lead on to.
#[utoipa::path(
    get, path = "/api/v1/events/by-slug/{slug}", operation_id = "get_event_by_slug", tag = "catalog",
    params(
        ("slug" = String, Path, description = "Its name in addresses, or one that it had"),
        BySlugQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The event", body = Success<EventBody>, headers(("ETag" = String))),
        (status = 304, description = "It is the one you have"),
        (status = 400, description = "`VALIDATION_ERROR`: events of several tenants have this name", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn by_slug(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    PathName(name): PathName,
    Query(query): Query<BySlugQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let nothing = || ApiError::not_found("event");
    if !slug::is_slug(&name) {
        return Err(nothing());
    }
    let tenants = query.tenant.map_or(TenantScope::All, TenantScope::One);
    // Of drafts those of others would only be in the way.
    let own = caller.as_ref().map(|caller| caller.tenant.0);
    let mut found = state.store.events_by_slug(tenants, own, &name).await?;
    found.retain(|row| visible::is_visible(caller.as_ref(), row));
    let row = found.pop().ok_or_else(nothing)?;
    if !found.is_empty() {
        return Err(ApiError::wrong(
            "tenant",
            serde_json::Value::Null,
            "events of several tenants have this name in addresses; say whose is meant",
            "the id of a tenant",
        ));
    }
    let found = state.store.versioned_event(row.event_id).await?;
    let found = found.ok_or_else(nothing)?;
    one::answer(&context, &headers, found.version, found.row)
}
