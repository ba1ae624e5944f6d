//! Ties a payment reference to the booking that it pays for, before that is confirmed.

use onsale_schemas::command::ClaimReference;
use onsale_schemas::envelope::reference_hash;
use onsale_schemas::partitioning::of_reference;
use onsale_schemas::{BookingId, Command, Outcome, TenantId};

use super::answering::unexpected;
use super::send::{Waited, hand_in};
use crate::auth::OnBehalf;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::idempotency::Identity;
use crate::rejection;
use crate::state::AppState;

/// Claims `reference` of `tenant` for `booking`. Repeating it for the same booking succeeds, so the
/// claim needs no idempotency key; its id follows from that of the confirmation.
///
/// # Errors
/// `PAYMENT_REFERENCE_USED` when it belongs to another booking. `OVERLOADED` when the outcome is
/// not known in time: nothing is confirmed then, and repeating the call continues from there.
pub(crate) async fn claim_reference(
    state: &AppState,
    context: &RequestContext,
    confirmation: Identity,
    on_behalf: OnBehalf,
    (tenant, reference): (TenantId, &str),
    booking: BookingId,
) -> Result<(), ApiError> {
    let reference = reference_hash(tenant, reference);
    let partition = of_reference(reference, state.log.partitions());
    let command = Command::ClaimReference(ClaimReference {
        reference,
        partition: booking.partition(),
        booking: booking.offset(),
    });
    let identity = Identity {
        request_id: confirmation.derived("claim of the payment reference"),
        fingerprint: None,
    };
    match hand_in(state, context, identity, on_behalf, partition, command).await? {
        Waited::Decided(record) => match record.outcome {
            Outcome::ReferenceClaimed(_) => Ok(()),
            Outcome::Rejected(why) => Err(rejection::to_error(&why, None, None)),
            other => Err(unexpected("a claim of a reference", &other)),
        },
        Waited::Unknown(_) => Err(ApiError::overloaded(
            "The payment reference is still being recorded. Nothing was confirmed; try again with \
             the same reference.",
        )),
    }
}
