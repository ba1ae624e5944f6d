//! `PUT /events/{id}`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::command::AmendEvent;
use onsale_schemas::partitioning::partition_of;
use onsale_schemas::{Command, EventId, Outcome, OutcomeRecord, PartitionId};
use onsale_store::audit::AuditEntry;
use onsale_store::catalog::{EventChange, EventStatus};

use super::body::{EventBody, EventRequest};
use crate::audit;
use crate::auth::OnBehalf;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, PathId};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::routes::projected::is_ahead_of_catalog;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected};

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
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The event as it is now", body = Success<EventBody>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`: the event is cancelled, its limit and status stay", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn update(
    call: Call,
    PathId(id): PathId,
    body: JsonBody<EventRequest>,
) -> Result<Response, ApiError> {
    let state = &call.state;
    let managed = managed_event(state, &call.caller, EventId(id), &MANAGE_EVENTS).await?;
    let event = managed.row.event_id;
    let by = audit::actor(&call.caller, &call.context);
    let new_status = body.value.new_status(&managed.row);
    let limit = body.value.limit();
    let new_verified_only = body.value.new_verified_only(&managed.row);
    let change = Arc::new(body.value.change()?);
    if let (EventStatus::Cancelled, Some(_)) = (managed.row.status, new_status) {
        return Err(ApiError::new(
            Code::ShowCancelled,
            "The event is cancelled, which cannot be undone.",
        ));
    }
    if new_status == Some(EventStatus::Draft) {
        let entry = by
            .did("event.unpublish", "event", event)
            .of_tenant(managed.row.tenant_id);
        unpublish(state, event, entry).await?;
    }
    if let Some(is_required) = new_verified_only {
        // Not among what waits for the log's outcome: a projector of the version before reads no more than
        // it knows there.
        let entry = by
            .did("event.change", "event", event)
            .of_tenant(managed.row.tenant_id);
        let set = state.store.set_verified_only(event, is_required, entry);
        if let Some(row) = set.await? {
            state.verified_only.note(&row);
            state.event_lists.forget();
        }
    }
    let command = match (new_status, limit) {
        (Some(EventStatus::Cancelled), _) => Command::CancelEvent { event },
        // Its limit is of no consequence any more.
        (_, Some(max_tickets_per_user)) if managed.row.status != EventStatus::Cancelled => {
            Command::AmendEvent(AmendEvent {
                event,
                max_tickets_per_user,
            })
        }
        // The log has no part in the rest.
        _ => {
            let entry = by
                .did("event.change", "event", event)
                .of_tenant(managed.row.tenant_id);
            return describe(state, &call.context, event, &change, entry).await;
        }
    };
    let order = Order {
        identity: call.identity("update event", id, &body.bytes),
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: partition_of(event, state.log.partitions()),
        command,
        answering: Arc::new(Changing {
            event,
            change: change.clone(),
        }),
    };
    let mut after = managed.row.clone();
    change.apply_to(&mut after);
    after.max_tickets_per_user = limit.unwrap_or(after.max_tickets_per_user);
    if new_status == Some(EventStatus::Cancelled) {
        after.status = EventStatus::Cancelled;
        after.max_tickets_per_user = managed.row.max_tickets_per_user;
    }
    let changes = managed.row.changes(&after);
    let tenant = managed.row.tenant_id;
    call.propose(order, Proposal::Event(event, change), tenant, changes)
        .await
}

/// Anyone who saw a show may have booked it, and ingresses remember that it is on sale.
async fn unpublish(state: &AppState, event: EventId, entry: AuditEntry) -> Result<(), ApiError> {
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

/// Changes what people read of the event.
async fn describe(
    state: &AppState,
    context: &RequestContext,
    event: EventId,
    change: &EventChange,
    entry: AuditEntry,
) -> Result<Response, ApiError> {
    let row = state
        .store
        .change_event(event, change, entry)
        .await?
        .ok_or_else(|| ApiError::not_found("event"))?;
    state.event_lists.forget();
    state.verified_only.note(&row);
    envelope::success(context, StatusCode::OK, &EventBody::from(row))
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
        state.verified_only.note(&row);
        Final::new(StatusCode::OK, &EventBody::from(row))
    }
}
