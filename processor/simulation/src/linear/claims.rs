//! Claims of payment references that were refused, and which of them are repetitions.
//!
//! A confirmation repeated under its idempotency key claims its reference again. The claim has no
//! key of its own, so the machine refuses it again instead of repeating the answer; for its client
//! it is one refusal nevertheless.

use std::collections::BTreeMap;

use onsale_schemas::command::ClaimReference;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_schemas::{
    Command, Envelope, LogTimeMs, Outcome, OutcomeRecord, Rejection, RequestId, codec,
};

/// Refused claims by the request that made them.
#[derive(Debug, Default)]
pub(super) struct RefusedClaims {
    first: BTreeMap<RequestId, (ClaimReference, LogTimeMs)>,
}

impl RefusedClaims {
    /// Whether the record is a claim that was refused to the same request before, no longer ago than
    /// answers are remembered.
    pub(super) fn is_repeated(&mut self, payload: &[u8], record: &OutcomeRecord) -> bool {
        if record.outcome != Outcome::Rejected(Rejection::PaymentReferenceUsed) {
            return false;
        }
        let (Some(request), Ok(Envelope { command, .. })) =
            (record.request_id, codec::decode(payload))
        else {
            return false;
        };
        let Command::ClaimReference(claim) = command else {
            return false;
        };
        let at_ms = record.log_time_ms;
        if let Some((first, first_ms)) = self.first.get(&request)
            && *first == claim
            && at_ms.saturating_sub(*first_ms) < IDEMPOTENCY_WINDOW_MS
        {
            return true;
        }
        self.first.insert(request, (claim, at_ms));
        false
    }
}
