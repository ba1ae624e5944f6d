//! `POST /events/{id}/copy`

use axum::response::Response;
use onsale_schemas::{EventId, UserId};
use onsale_store::catalog::{EventDetails, EventRow, EventStatus};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{CHANGE_EVENTS, EventBody, NAME_MAX_CHARS, check_line, slug_of};
use super::create::make;
use super::venue;
use crate::audit;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::local_time::{When, zone_of_row};
use crate::routes::call::Call;
use crate::routes::catalog_call::{derived_id, recall};
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::slug::{SLUG_EXPECTED, SLUG_MAX_CHARS, is_slug};
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("CopyRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (
        Of::Field("CopyRequest", "slug"),
        Bound::Length(SLUG_MAX_CHARS),
    ),
    (
        Of::Field("CopyRequest", "status"),
        Bound::OneOf(&["draft", "published"]),
    ),
];

/// What is other in the copy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyRequest {
    /// That of the event when left out.
    name: Option<String>,
    /// With an offset, or as clocks of the event's time zone show it. That of the event when left out.
    #[schema(value_type = Option<String>)]
    starts_at: Option<When>,
    /// Its name in addresses; made from the name when left out.
    slug: Option<String>,
    /// `draft` when left out, or `published`.
    #[schema(value_type = Option<String>)]
    status: Option<EventStatus>,
}

impl RequestBody for CopyRequest {
    const OPTIONAL: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&CHANGE_EVENTS)
    }
}

/// Create an event that says what another one says.
///
/// It belongs to the caller, has a name of its own in addresses, no picture and no shows: those of the new event have
/// other dates. Publish it, unless `status` said so, and add them with `POST /events/{id}/shows`.
#[utoipa::path(
    post, path = "/api/v1/events/{id}/copy", operation_id = "copy_event", tag = "catalog", request_body = Option<CopyRequest>,
    params(
        ("id" = Uuid, Path, description = "The event"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new event", body = Success<EventBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`; `SLUG_TAKEN`: another event of the tenant has that name in addresses", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn copy(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<CopyRequest>,
) -> Result<Response, ApiError> {
    let managed = managed_event(&call.state, &call.caller, EventId(id), &MANAGE_EVENTS).await?;
    let identity = call.identity("copy event", id, &body.bytes);
    let CopyRequest {
        name,
        starts_at,
        slug,
        status,
    } = body.value;
    if let Some(name) = &name {
        check_line("name", name, NAME_MAX_CHARS)?;
    }
    if let Some(slug) = slug.as_ref().filter(|slug| !is_slug(slug)) {
        return Err(ApiError::invalid("slug", slug, SLUG_EXPECTED));
    }
    let status = status.unwrap_or(EventStatus::Draft);
    if status == EventStatus::Cancelled {
        return Err(ApiError::invalid(
            "status",
            status,
            "draft or published: a new event is not cancelled",
        ));
    }
    let names_itself = slug.is_some();
    let original = managed.row;
    if let Some(id) = original.details.venue_id
        && let Err(refusal) = venue::of_tenant(&call.state, original.tenant_id, id).await
    {
        // It may be gone since the copy was made.
        let answered = recall(&call.state, identity).await?.ok_or(refusal)?;
        return Ok(answered.into_response(&call.context));
    }
    let zone = zone_of_row(original.details.time_zone.as_deref());
    let starts_at_ms = match starts_at {
        Some(starts_at) => starts_at.at("starts_at", zone.as_ref())?.0,
        None => original.starts_at_ms,
    };
    let event_id = EventId(derived_id("event", identity.request_id));
    let name = name.unwrap_or(original.name);
    let row = EventRow {
        event_id,
        // Of the tenant of the event, also where an operator copies it.
        organizer_id: if original.tenant_id == call.caller.tenant.0 {
            UserId(call.caller.user.0)
        } else {
            original.organizer_id
        },
        details: EventDetails {
            slug: Some(slug.unwrap_or_else(|| slug_of(&name, event_id))),
            former_slugs: Vec::new(),
            // Its files are those of the event; the copy gets its own.
            picture: None,
            ended_at_ms: None,
            deleted_at_ms: None,
            ..original.details
        },
        name,
        starts_at_ms,
        status,
        created_at_ms: call.state.clock.now_ms(),
        ..original
    };
    let by = audit::actor(&call.caller, &call.context);
    let answer = make(&call.state, by, identity, row, names_itself).await?;
    Ok(answer.into_response(&call.context))
}
