//! A refund that somebody has asked for is approved or refused, once.

use axum::response::Response;
use http::StatusCode;
use onsale_store::job::NewJob;
use onsale_store::payment::{JOB_ATTEMPTS_MAX, Moved, REFUND_JOB, Refund, RefundState};
use serde_json::json;
use uuid::Uuid;

use super::body::RefundBody;
use super::{nothing, to_decide};
use crate::audit;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope;
use crate::error::{ApiError, Code};
use crate::state::AppState;

/// How often it is tried where somebody else changes the same refund at the same moment.
const TRIES_MAX: u32 = 5;

/// What somebody of the staff has decided.
pub(super) struct Decision {
    pub(super) becomes: RefundState,
    /// For the audit trail.
    pub(super) action: &'static str,
    pub(super) why: Option<String>,
}

/// Decides about a refund, and answers what it is then.
pub(super) async fn decide(
    state: &AppState,
    context: &RequestContext,
    caller: &Caller,
    id: Uuid,
    decision: Decision,
) -> Result<Response, ApiError> {
    let mut refund = to_decide(state, caller, id).await?;
    let payment = state
        .installation
        .payment(refund.payment)
        .await?
        .ok_or_else(nothing)?;
    for _ in 0..TRIES_MAX {
        if refund.state != RefundState::Requested {
            check_same(&refund, decision.becomes)?;
            let body = RefundBody::new(refund, payment.currency);
            return envelope::success(context, StatusCode::OK, &body);
        }
        let now_ms = state.clock.now_ms();
        let is_approved = decision.becomes == RefundState::Approved;
        let after = Refund {
            state: decision.becomes,
            failure: decision.why.clone(),
            wake_at_ms: is_approved.then_some(now_ms),
            updated_at_ms: now_ms,
            ..refund.clone()
        };
        let moved = Moved {
            reason: decision.becomes.as_str().to_owned(),
            posting: None,
            event: None,
        };
        let job = is_approved.then(|| NewJob {
            kind: REFUND_JOB,
            key: format!("{id}:{}", refund.version.saturating_add(1)),
            payload: json!({ "refund": id }).to_string(),
            delay_ms: 0,
            attempts_max: JOB_ATTEMPTS_MAX,
        });
        let entry = audit::actor(caller, context)
            .did(decision.action, "refund", id)
            .of_tenant(refund.tenant)
            .with(json!({ "payment": refund.payment, "amount": refund.amount }));
        // Where somebody else was faster, what that was is looked at.
        state
            .installation
            .move_refund_as(&refund, &after, &moved, job, entry)
            .await?;
        refund = state.installation.refund(id).await?.ok_or_else(nothing)?;
    }
    Err(ApiError::overloaded(
        "Someone else changes the same refund at this moment; try again.",
    ))
}

/// Refuses a decision where another one was made before.
fn check_same(refund: &Refund, becomes: RefundState) -> Result<(), ApiError> {
    let was_refused = refund.state == RefundState::Refused;
    match (becomes == RefundState::Refused, was_refused) {
        (false, true) => Err(ApiError::new(
            Code::AlreadyCancelled,
            "The refund was refused before.",
        )),
        (true, false) => Err(ApiError::new(
            Code::AlreadyConfirmed,
            "The refund was approved before.",
        )),
        (true, true) | (false, false) => Ok(()),
    }
}
