//! `PUT /events/{id}`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::AmendEvent;
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, EventId, Outcome, OutcomeRecord, PartitionId};
use onsale_store::audit::AuditEntry;
use onsale_store::catalog::{EventChange, EventEdit, EventRow, EventStatus, TenantScope};
use onsale_store::document::Versioned;

use super::body::{self, EventBody, EventRequest};
use super::venue;
use crate::audit;
use crate::auth::OnBehalf;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, PathId};
use crate::idempotency::{IdempotencyKey, Identity};
use crate::rejection;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::catalog_call::{of_command, recall, remember};
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::routes::projected::is_ahead_of_catalog;
use crate::state::AppState;
use crate::submit::{Answer, Answering, Final, PendingAnswer, unexpected};
use crate::versions::{self, IfMatch};

/// Replace an event's description, its limit and its status.
///
/// `max_tickets_per_user`, when given, becomes the limit of all shows of the event by one record of
/// the log, open ones too; what buyers hold and own already stays theirs.
///
/// `"status":"cancelled"` cancels the event and all its shows by one record of the log: every hold
/// and sale of them is void, nothing of it is sold from then on, and it is never undone. A draft is
/// published with `"status":"published"`. A published event becomes a draft again only while it has
/// no shows, because anyone who saw a show may have booked it; close them, or cancel them or the event.
#[utoipa::path(
    put, path = "/api/v1/events/{id}", operation_id = "update_event", tag = "catalog", request_body = EventRequest,
    params(
        ("id" = Uuid, Path, description = "The event"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the event as you read it: nothing is changed if someone else has changed it since"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The event as it is now", body = Success<EventBody>, headers(("ETag" = String, description = "Of the event, where the log had no part in the change"))),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`: the event is cancelled, its limit and status stay; `SLUG_TAKEN`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: someone has changed it since; `details.etag` is its present one", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn update(
    call: Call,
    PathId(id): PathId,
    if_match: IfMatch,
    body: JsonBody<EventRequest>,
) -> Result<Response, ApiError> {
    let identity = call.identity("update event", id, &body.bytes);
    let present = versioned(&call, EventId(id)).await?;
    if let Some(answered) = recalled(&call, identity).await? {
        return Ok(answered);
    }
    let expected = if_match.expected(present.version)?;
    let request = body.value.mapped(&call.state).await?;
    change(call, identity, request, present.row, expected).await
}

/// An event that the caller manages, with its version.
pub(super) async fn versioned(
    call: &Call,
    event: EventId,
) -> Result<Versioned<EventRow>, ApiError> {
    managed_event(&call.state, &call.caller, event, &MANAGE_EVENTS).await?;
    call.state
        .store
        .versioned_event(event)
        .await?
        .ok_or_else(|| ApiError::not_found("event"))
}

/// What this very call was answered before. The version it was made for is another by now.
pub(super) async fn recalled(
    call: &Call,
    identity: Identity,
) -> Result<Option<Response>, ApiError> {
    let answer = recall(&call.state, identity).await?;
    Ok(answer.map(|answer| answer.into_response(&call.context)))
}

/// Changes an event to what a request says, where its row is of the expected version.
pub(super) async fn change(
    call: Call,
    identity: Identity,
    request: EventRequest,
    row: EventRow,
    expected_version: Option<u64>,
) -> Result<Response, ApiError> {
    let state = &call.state;
    let event = row.event_id;
    let managed = managed_event(state, &call.caller, event, &MANAGE_EVENTS).await?;
    let by = audit::actor(&call.caller, &call.context);
    let entry = |action| by.did(action, "event", event).of_tenant(row.tenant_id);
    let new_status = request.new_status(&row);
    let limit = request.limit();
    let request = request
        .at_venue(state, row.tenant_id, Some(&row.details))
        .await?;
    let new_verified_only = request.new_verified_only(&row);
    let (change, mut details) = request.change(row.details.time_zone.as_deref())?;
    if let (EventStatus::Cancelled, Some(_)) = (row.status, new_status) {
        return Err(ApiError::new(
            Code::ShowCancelled,
            "The event is cancelled, which cannot be undone.",
        ));
    }
    let command = match (new_status, limit) {
        (Some(EventStatus::Cancelled), _) => Some(Command::CancelEvent { event }),
        // Its limit is of no consequence any more.
        (_, Some(max_tickets_per_user)) if row.status != EventStatus::Cancelled => {
            Some(Command::AmendEvent(AmendEvent {
                event,
                max_tickets_per_user,
            }))
        }
        // The log has no part in the rest.
        _ => None,
    };
    let has_slug = details.slug.is_some() || row.details.slug.is_some();
    if command.is_none() && !has_slug && change.name != row.name {
        // An earlier program has created it.
        let named = EventRow {
            name: change.name.clone(),
            ..row.clone()
        };
        details.slug = Some(unused_slug(state, &named).await?);
    }
    // Not among what waits for the log's outcome: a projector of the version before reads no more than it
    // knows there.
    let edit = EventEdit {
        change: command.is_none().then(|| change.clone()),
        requires_verified_account: new_verified_only,
        details,
        expected_version,
        claims_version: command.is_some() && expected_version.is_some(),
    };
    if new_status == Some(EventStatus::Draft) {
        unpublish(state, event, expected_version, entry("event.unpublish")).await?;
    }
    let edit = match new_status {
        // That was a change of its own.
        Some(EventStatus::Draft) => EventEdit {
            expected_version: None,
            ..edit
        },
        _ => edit,
    };
    let venue_id = edit.details.venue_id.flatten();
    let edited = state
        .store
        .edit_event(event, &edit, entry("event.change"))
        .await
        .map_err(|error| venue::refused(error, venue_id))?
        .ok_or_else(|| ApiError::not_found("event"))?;
    changed(state, &edited.row).await;
    let Some(command) = command else {
        return as_edited(&call, identity, edited).await;
    };
    let change = Arc::new(change);
    let order = Order {
        identity,
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: partition_of(event, state.log.partitions()),
        command,
        answering: Arc::new(Changing {
            event,
            change: change.clone(),
        }),
    };
    let mut after = edited.row.clone();
    change.apply_to(&mut after);
    after.max_tickets_per_user = limit.unwrap_or(after.max_tickets_per_user);
    if new_status == Some(EventStatus::Cancelled) {
        after.status = EventStatus::Cancelled;
        after.max_tickets_per_user = edited.row.max_tickets_per_user;
    }
    let changes = edited.row.changes(&after);
    let (state, context) = (state.clone(), call.context.clone());
    let proposal = Proposal::Event(event, change);
    let answer = call.proposed(order, proposal, row.tenant_id, changes);
    let answer = match answer.await? {
        // What the log had no part in would be done again otherwise.
        Answer::Final(answer) => {
            let answer = remember(&state, identity, answer).await?;
            of_command(answer, identity)
        }
        pending @ Answer::Pending(_) => pending,
    };
    Ok(answer.into_response(&context))
}

/// Answers a change that the log had no part in.
async fn as_edited(
    call: &Call,
    identity: Identity,
    edited: Versioned<EventRow>,
) -> Result<Response, ApiError> {
    let tag = body::tag(edited.version, &edited.row);
    let answer = Final::new(StatusCode::OK, &EventBody::from(edited.row))?;
    let answer = remember(&call.state, identity, answer).await?;
    // Of two of the same call at once the first one's answer is given to both, with its values.
    let is_present = !answer.replayed;
    let mut response = answer.into_response(&call.context);
    if is_present {
        versions::set_tag(response.headers_mut(), &tag)?;
    }
    Ok(response)
}

/// What is kept of an event here is as it was.
pub(super) async fn changed(state: &AppState, row: &EventRow) {
    state.event_lists.forget();
    state.event_pages.forget(row.event_id).await;
    // Its shows tell their times in its zone.
    state.charts.pages.forget_all();
    state.sold_to.note(row);
}

/// A name in addresses for an event that has none.
async fn unused_slug(state: &AppState, row: &EventRow) -> Result<String, ApiError> {
    let slug = body::slug_of(&row.name, row.event_id);
    let tenant = TenantScope::One(row.tenant_id);
    let others = state.store.events_by_slug(tenant, None, &slug).await?;
    Ok(if others.is_empty() {
        slug
    } else {
        body::other_slug(row)
    })
}

/// Anyone who saw a show may have booked it, and ingresses remember that it is on sale.
async fn unpublish(
    state: &AppState,
    event: EventId,
    expected_version: Option<u64>,
    entry: AuditEntry,
) -> Result<(), ApiError> {
    if let Some(expected) = expected_version {
        let present = state.store.versioned_event(event).await?;
        let present = present.ok_or_else(|| ApiError::not_found("event"))?;
        if present.version != expected {
            return Err(versions::changed(present.version));
        }
    }
    if state.store.unpublish_event(event, entry).await? {
        state.event_lists.forget();
        return Ok(());
    }
    Err(ApiError::wrong(
        "status",
        "draft",
        "an event that has shows cannot become a draft again; close or cancel its shows to end \
         their sale",
        "published",
    ))
}

/// Answers a change of limit or status. The projector writes it to the catalog. The caller should find
/// it there, but a projection that is behind is no reason to call it failed.
struct Changing {
    event: EventId,
    change: Arc<EventChange>,
}

#[async_trait]
impl Answering for Changing {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let (status, limit) = match &record.outcome {
            Outcome::EventAmended {
                max_tickets_per_user,
                ..
            } => (None, Some(*max_tickets_per_user)),
            Outcome::EventCancelled { .. } => (Some(EventStatus::Cancelled), None),
            Outcome::Rejected(why) => return Err(rejection::to_error(why, None, None)),
            other => return Err(unexpected("changing an event", other)),
        };
        let is_ahead = is_ahead_of_catalog(state, partition, record).await;
        let mut row = state
            .store
            .event(self.event)
            .await?
            .ok_or_else(|| ApiError::not_found("event"))?;
        if is_ahead {
            self.change.apply_to(&mut row);
            row.status = status.unwrap_or(row.status);
            row.max_tickets_per_user = limit.unwrap_or(row.max_tickets_per_user);
        }
        if status.is_some() {
            state.charts.forget_shows();
        }
        state.sold_to.note(&row);
        Final::new(StatusCode::OK, &EventBody::from(row))
    }
}
