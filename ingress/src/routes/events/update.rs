//! `PUT /events/{id}`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::AmendEvent;
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, EventId, Outcome, OutcomeRecord, PartitionId, RequestId};
use onsale_store::audit::AuditEntry;
use onsale_store::catalog::{EventEdit, EventRow, EventStatus, Once, TenantScope};
use onsale_store::document::Versioned;
use serde_json::json;

use super::body::{self, EventBody, EventRequest};
use super::venue;
use crate::audit;
use crate::auth::OnBehalf;
use crate::detached::detached;
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};
use crate::extract::{JsonBody, PathId};
use crate::idempotency::{IdempotencyKey, Identity};
use crate::rejection;
use crate::routes::call::{Call, Order};
use crate::routes::catalog_call::{key_reused, of_command, recall, remember};
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::routes::projected::is_ahead_of_catalog;
use crate::state::AppState;
use crate::submit::{Answer, Answering, Final, PendingAnswer, unexpected, was_anothers};
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
///
/// All else is changed at once and before the log is asked for the limit or the cancellation, and stays changed where
/// the log refuses these (409, 422), cannot be reached (503) or has not answered yet (202). The same request again,
/// under its `Idempotency-Key` also with the `If-Match` that it had, does the rest and changes nothing a second time.
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
    let (expected, is_repeated) = match before(&call, identity).await? {
        Before::All(answered) => return Ok(answered),
        // It has made another version itself.
        Before::Texts => (None, true),
        Before::Nothing => (if_match.expected(present.version)?, false),
    };
    let request = body.value.mapped(&call.state).await?;
    change(call, identity, request, present.row, expected, is_repeated).await
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

/// What was done of a call before, under its key.
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// What people read is changed. What the log made of the rest is for it to say.
    Texts,
    /// All: this is the answer. The version that the call was made for is another by now.
    All(Response),
}

/// What was done of this very call before.
pub(super) async fn before(call: &Call, identity: Identity) -> Result<Before, ApiError> {
    let Some(fingerprint) = identity.fingerprint else {
        return Ok(Before::Nothing);
    };
    if let Some(answer) = recall(&call.state, identity).await? {
        return Ok(Before::All(answer.into_response(&call.context)));
    }
    let texts = call.state.store.recall_answer(texts_of(identity)).await?;
    match texts {
        None => Ok(Before::Nothing),
        Some(texts) if texts.fingerprint == fingerprint => Ok(Before::Texts),
        Some(_) => Err(key_reused()),
    }
}

/// Under which id it is noted that what people read is changed as a request asks for.
fn texts_of(identity: Identity) -> RequestId {
    identity.derived("texts of an event")
}

/// Changes an event to what a request says, where its row is of the expected version. Where what people read was changed
/// by the same request before, it stays as it is now.
pub(super) async fn change(
    call: Call,
    identity: Identity,
    request: EventRequest,
    row: EventRow,
    expected_version: Option<u64>,
    is_repeated: bool,
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
    let partition = partition_of(event, state.log.partitions());
    if command.is_some() && was_anothers(state, identity, partition) {
        return Err(key_reused());
    }
    let has_slug = details.slug.is_some() || row.details.slug.is_some();
    if !has_slug && change.name != row.name {
        // An earlier program has created it.
        let named = EventRow {
            name: change.name.clone(),
            ..row.clone()
        };
        details.slug = Some(unused_slug(state, &named).await?);
    }
    let once = identity.fingerprint.map(|fingerprint| Once {
        noted_as: texts_of(identity),
        fingerprint,
        now_ms: state.clock.now_ms(),
    });
    // Also where the log has a part: until its outcome is projected, others may change the same, and what waited for it
    // would undo that.
    let mut edit = EventEdit {
        change: Some(change),
        requires_verified_account: new_verified_only,
        details,
        expected_version,
        claims_version: command.is_some() && expected_version.is_some(),
        // Without a command the answer is remembered.
        once: once.filter(|_| command.is_some() || is_repeated),
    };
    if new_status == Some(EventStatus::Draft) && !is_repeated {
        unpublish(state, event, expected_version, entry("event.unpublish")).await?;
        // That was a change of its own.
        edit.expected_version = None;
    }
    let Some(command) = command else {
        let edited = edited(state, event, &edit, entry("event.change")).await?;
        return as_edited(&call, identity, edited).await;
    };
    let proposed = entry("event.propose").with(json!({ "log_request_id": identity.request_id.0 }));
    let part = PartOfLog {
        edit,
        changed: entry("event.change"),
        proposed: (!is_repeated).then_some(proposed),
        order: Order {
            identity,
            on_behalf: OnBehalf::Staff(managed.authority),
            partition,
            command,
            answering: Arc::new(Changing { event }),
        },
    };
    let context = call.context.clone();
    // Who hangs up has not changed half of it.
    let answer = detached(part.carry_out(call, event)).await?;
    Ok(answer.into_response(&context))
}

/// A change of which the log decides a part.
struct PartOfLog {
    /// The part that it does not decide.
    edit: EventEdit,
    /// The entry of that part.
    changed: AuditEntry,
    /// The entry of the part that it does, where there was none.
    proposed: Option<AuditEntry>,
    order: Order,
}

impl PartOfLog {
    /// Changes what people read, and then asks the log.
    async fn carry_out(self, call: Call, event: EventId) -> Result<Answer, ApiError> {
        let state = &call.state;
        let identity = self.order.identity;
        let edited = edited(state, event, &self.edit, self.changed).await?;
        let mut after = edited.row.clone();
        match &self.order.command {
            Command::AmendEvent(amend) => after.max_tickets_per_user = amend.max_tickets_per_user,
            _ => after.status = EventStatus::Cancelled,
        }
        let changes = edited.row.changes(&after);
        if let Some(entry) = self.proposed
            && !changes.is_empty()
        {
            let entry = entry.with_changes(&changes);
            state.store.append_audit(entry).await?;
        }
        match call.hand_in(self.order).await.map_err(half_done)? {
            Answer::Final(answer) => {
                let answer = remember(state, identity, answer).await?;
                Ok(of_command(answer, identity))
            }
            pending @ Answer::Pending(_) => Ok(pending),
        }
    }
}

/// Where the log could not be asked, or its answer not be told, the rest is changed all the same.
fn half_done(error: ApiError) -> ApiError {
    match error.code() {
        code @ (Code::PartitionUnavailable | Code::Overloaded) => ApiError::new(
            code,
            "All else that the request names is changed, the limit or the cancellation may not be: try again, under the \
             same Idempotency-Key if it had one.",
        )
        .retry_after(RETRY_AFTER_BUSY_SECONDS),
        _ => error,
    }
}

/// Changes what people read of an event.
async fn edited(
    state: &AppState,
    event: EventId,
    edit: &EventEdit,
    entry: AuditEntry,
) -> Result<Versioned<EventRow>, ApiError> {
    let venue_id = edit.details.venue_id.flatten();
    let edited = state
        .store
        .edit_event(event, edit, entry)
        .await
        .map_err(|error| venue::refused(error, venue_id))?
        .ok_or_else(|| ApiError::not_found("event"))?;
    changed(state, &edited.row).await;
    Ok(edited)
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
