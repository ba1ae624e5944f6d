//! A call that hands a command in.

use std::fmt::Display;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use onsale_schemas::{
    Command, EventId, Outcome, OutcomeRecord, PartitionId, Rejection, RequestId, ShowId,
};
use onsale_store::audit::{Actor, Audit, AuditEntry, Changes, Unaudited};
use onsale_store::catalog::{Addition, EventChange, Noted, OfferRow, Precondition, ShowChange};
use onsale_store::code::{CodesProposal, GroupTerms};
use serde_json::json;
use uuid::Uuid;

use super::catalog_call::key_reused;
use crate::audit;
use crate::auth::{Caller, OnBehalf};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::error::ApiError;
use crate::idempotency::{IdempotencyKey, Identity};
use crate::state::AppState;
use crate::submit::{Answer, Answering, Ask, Final, send};

/// What every call with a command brings along.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) state: AppState,
    pub(super) context: RequestContext,
    pub(super) caller: Caller,
    key: IdempotencyKey,
}

/// What is handed in, and how its outcome is answered.
pub(super) struct Order {
    pub(super) identity: Identity,
    pub(super) on_behalf: OnBehalf,
    pub(super) partition: PartitionId,
    pub(super) command: Command,
    pub(super) answering: Arc<dyn Answering>,
}

/// A change of the catalog whose values the log does not hold.
pub(super) enum Proposal {
    Event(EventId, Arc<EventChange>),
    /// A change of a show, where that is as it has to be.
    Show(ShowId, Arc<ShowChange>, Precondition),
    /// What is added to a show.
    Addition(ShowId, Arc<Addition>),
    /// What a show has for sale, where it is as it has to be.
    Offer(ShowId, Arc<OfferRow>, Precondition),
    Codes(Box<CodesProposal>),
    /// New codes, where the organizer may have so many in all.
    NewCodes(Box<CodesProposal>, u64),
    /// Other terms of a group of codes, which is this one still.
    Terms(Box<CodesProposal>, Box<GroupTerms>),
}

impl Proposal {
    /// That `actor` has proposed it, for the audit trail. What became of it is in the log.
    fn entry(&self, actor: &Actor) -> AuditEntry {
        match self {
            Self::Event(event, _) => actor.did("event.propose", "event", event),
            Self::Show(show, ..) | Self::Addition(show, _) => {
                actor.did("show.propose", "show", show)
            }
            Self::Offer(show, ..) => actor.did("show.propose_offer", "show", show),
            Self::Codes(codes) | Self::NewCodes(codes, _) | Self::Terms(codes, _) => {
                actor.did("codes.propose", "show", codes.show)
            }
        }
    }
}

/// Answers what was written down before, and forgets that where the log refuses it.
struct Proposing {
    request: RequestId,
    /// Whether this very call has written it down.
    is_new: bool,
    answering: Arc<dyn Answering>,
}

#[async_trait]
impl Answering for Proposing {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        if let Outcome::Rejected(why) = &record.outcome
            && is_for_good(why, self.is_new)
            && let Err(error) = state.installation.forget_proposal(self.request).await
        {
            tracing::debug!(%error, "a refused change is left to housekeeping");
        }
        self.answering.answer(state, partition, record).await
    }

    fn tells_of_bookings(&self, record: &OutcomeRecord) -> bool {
        self.answering.tells_of_bookings(record)
    }
}

/// Whether a refusal is the answer to a request however often it is repeated, so that nothing of it is needed any
/// more. One that is not remembered may be another answer the next time, which may be on its way. A key that is
/// used for something else is that of a request which the log may have accepted: what that one wrote down stays,
/// but what is new under the key was never accepted, and would be taken for it.
fn is_for_good(why: &Rejection, is_new: bool) -> bool {
    match why {
        Rejection::IdempotencyKeyReused => is_new,
        why => !why.is_transient(),
    }
}

impl FromRequestParts<AppState> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self {
            state: state.clone(),
            context: RequestContext::from_request_parts(parts, state).await?,
            caller: <Caller as FromRequestParts<AppState>>::from_request_parts(parts, state)
                .await?,
            key: IdempotencyKey::from_request_parts(parts, state).await?,
        })
    }
}

impl Call {
    /// The identity of the request `operation` on `target` with this body.
    pub(super) fn identity(&self, operation: &str, target: impl Display, body: &[u8]) -> Identity {
        self.key
            .identity(&self.caller, operation, &target.to_string(), body)
    }

    /// Hands the command in and waits for the answer to its outcome.
    ///
    /// # Errors
    /// What the log refused; that the command is certainly not in the log.
    pub(super) async fn hand_in(&self, order: Order) -> Result<Answer, ApiError> {
        let ask = Ask {
            user: self.caller.user,
            on_behalf: order.on_behalf,
            identity: order.identity,
            partition: order.partition,
            command: order.command,
            answering: order.answering,
        };
        send(&self.state, &self.context, ask).await
    }

    /// As [`Call::hand_in`], with the answer as it goes to the client.
    ///
    /// # Errors
    /// As [`Call::hand_in`].
    pub(super) async fn send(&self, order: Order) -> Result<Response, ApiError> {
        let answer = self.hand_in(order).await?;
        Ok(answer.into_response(&self.context))
    }

    /// As [`Call::send`] for a change of the catalog: it is first noted under the id of its request, so
    /// that a crash does not lose what the log accepts. The client may hang up meanwhile. The audit trail
    /// names the `changes`; where there are none it has no entry.
    ///
    /// # Errors
    /// As [`Call::send`], and when the change cannot be noted or the id is that of another one.
    pub(super) async fn propose(
        self,
        order: Order,
        proposal: Proposal,
        tenant: Uuid,
        changes: Changes,
    ) -> Result<Response, ApiError> {
        let context = self.context.clone();
        let answer = self.proposed(order, proposal, tenant, changes).await?;
        Ok(answer.into_response(&context))
    }

    /// As [`Call::propose`], with the answer before it goes to the client.
    ///
    /// # Errors
    /// As [`Call::propose`].
    pub(super) async fn proposed(
        self,
        order: Order,
        proposal: Proposal,
        tenant: Uuid,
        changes: Changes,
    ) -> Result<Answer, ApiError> {
        detached(async move {
            let request = order.identity.request_id;
            let entry = if changes.is_empty() {
                // Whatever the log makes of it, its record says who asked.
                Audit::from(Unaudited::Logged)
            } else {
                let actor = audit::actor(&self.caller, &self.context);
                let entry = proposal.entry(&actor).of_tenant(tenant);
                let entry = entry.with(json!({ "log_request_id": request.0 }));
                Audit::from(entry.with_changes(&changes))
            };
            let now_ms = self.state.clock.now_ms();
            let store = &self.state.store;
            let noted = match proposal {
                Proposal::Event(event, change) => {
                    store
                        .propose_event_change(request, event, &change, now_ms, entry)
                        .await?
                }
                Proposal::Show(show, change, condition) => {
                    store
                        .propose_change_if(request, show, &change, condition, now_ms, entry)
                        .await?
                }
                Proposal::Addition(show, addition) => {
                    store
                        .propose_addition(request, show, &addition, now_ms, entry)
                        .await?
                }
                Proposal::Offer(show, offer, condition) => {
                    store
                        .propose_offer_if(request, show, &offer, condition, now_ms, entry)
                        .await?
                }
                Proposal::Codes(codes) => {
                    store.propose_codes(request, &codes, now_ms, entry).await?
                }
                Proposal::Terms(codes, before) => {
                    store
                        .propose_terms(request, &codes, *before, now_ms, entry)
                        .await?
                }
                Proposal::NewCodes(codes, quota) => {
                    store
                        .propose_new_codes(request, &codes, quota, now_ms, entry)
                        .await?
                }
            };
            if !noted.is_there() {
                return Err(key_reused());
            }
            let answering = Arc::new(Proposing {
                request,
                is_new: noted == Noted::New,
                answering: order.answering,
            });
            self.hand_in(Order { answering, ..order }).await
        })
        .await
    }
}
