//! `PUT /shows/{id}/offer`

use std::sync::Arc;

use async_trait::async_trait;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::offer::SetOffer;
use onsale_schemas::{Command, Outcome, OutcomeRecord, PartitionId, ShowId};
use onsale_store::catalog::OfferRow;

use super::body::{OfferBody, Reader};
use super::read;
use super::request::OfferRequest;
use crate::auth::{Caller, OnBehalf};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::idempotency::IdempotencyKey;
use crate::rejection;
use crate::routes::call::{Call, Order, Proposal};
use crate::routes::managers::{MANAGE_EVENTS, managed_event};
use crate::routes::projected::is_ahead_of_catalog;
use crate::routes::shows::growing::decided_at;
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{Answering, Final, PendingAnswer, unexpected, was_decided};
use crate::versions::{self, IfMatch};

impl RequestBody for OfferRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

/// Replace what a show has for sale.
///
/// All of the offer is replaced, whatever is held: holds and bookings keep their prices. Ticket types, phases and
/// bundles are known by their names, so a phase of the same name goes on with its count.
#[utoipa::path(
    put, path = "/api/v1/shows/{id}/offer", operation_id = "set_offer", tag = "offers", request_body = OfferRequest,
    params(
        ("id" = Uuid, Path, description = "The show"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the offer that is to be replaced, as its managers read it"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The offer as it is now", body = Success<OfferBody>),
        (status = 202, description = "The outcome is not known yet: poll `Location`", body = Success<PendingAnswer>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`SHOW_CANCELLED`", body = Problem),
        (status = 412, description = "`PRECONDITION_FAILED`: the offer is not the one of `If-Match`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn set(
    call: Call,
    PathId(id): PathId,
    if_match: IfMatch,
    body: JsonBody<OfferRequest>,
) -> Result<Response, ApiError> {
    let (show, state) = (ShowId(id), call.state.clone());
    let row = state.store.show(show).await?;
    let row = row.ok_or_else(|| ApiError::not_found("show"))?;
    let managed = managed_event(&state, &call.caller, row.event_id, &MANAGE_EVENTS).await?;
    visible::ensure_listed(&state, show).await?;
    let identity = call.identity("set offer", id, &body.bytes);
    let present = versions::digest(&OfferBody::of(&row, Reader::Manager))?;
    if !if_match.is_for(&present) && !was_decided(&state, identity, row.partition, None).await {
        return Err(versions::changed_to(&present));
    }
    // Checked before any name is given a number for good.
    let names = read::names(&body.value);
    let mut known = row.offer.clone().unwrap_or_default();
    known.number(&names);
    read::read("", &body.value, &row.zones, &known)?;
    let known = state.store.name_offer(show, &names).await?;
    let known = known.ok_or_else(|| ApiError::not_found("show"))?;
    let offer = Arc::new(read::read("", &body.value, &row.zones, &known)?);
    let changes = OfferRow::changes(row.offer.as_ref(), Some(&*offer));
    let order = Order {
        identity,
        on_behalf: OnBehalf::Staff(managed.authority),
        partition: row.partition,
        command: Command::SetOffer(Box::new(SetOffer {
            show,
            offer: offer.offer.clone(),
        })),
        answering: Arc::new(Offering {
            show,
            offer: offer.clone(),
        }),
    };
    let tenant = managed.row.tenant_id;
    call.propose(order, Proposal::Offer(show, offer), tenant, changes)
        .await
}

/// Answers a new offer. The projector writes it to the catalog. The caller should find it there, but a
/// projection that is behind is no reason to call it failed.
struct Offering {
    show: ShowId,
    offer: Arc<OfferRow>,
}

#[async_trait]
impl Answering for Offering {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        match &record.outcome {
            Outcome::OfferSet { .. } => {}
            Outcome::Rejected(why) => return Err(rejection::to_error(why, None, None)),
            other => return Err(unexpected("an offer", other)),
        }
        let is_ahead = is_ahead_of_catalog(state, partition, record).await;
        let row = state.store.show(self.show).await?;
        let mut row = row.ok_or_else(|| ApiError::not_found("show"))?;
        if is_ahead {
            let mut offer = row.offer.take().unwrap_or_default();
            offer.replace_by(&self.offer);
            row.offer = Some(offer);
        }
        state.charts.note_offered(self.show, decided_at(record));
        state.charts.forget_show(self.show).await;
        Final::new(StatusCode::OK, &OfferBody::of(&row, Reader::Manager))
    }
}
