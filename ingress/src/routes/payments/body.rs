//! A payment as clients read it.

use onsale_store::payment::{Payment, PaymentState};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{ApiError, Code};
use crate::values::{Instant, Money};

/// What a payment may be for clients.
#[cfg(test)]
const STATUSES: &[&str] = &[
    "pending",
    "processing",
    "succeeded",
    "failed",
    "timed_out",
    "refund_pending",
    "refunded",
    "partially_refunded",
];

/// A payment.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentBody {
    payment_id: Uuid,
    booking_id: Uuid,
    event_id: Uuid,
    show_id: Uuid,
    /// Which payment of the booking it is, from 1.
    attempt: u32,
    /// The total of the booking.
    amount: Money,
    /// `pending`, `processing`, `succeeded`, `failed`, `timed_out`, `refund_pending`, `refunded` or
    /// `partially_refunded`. The booking of one that has succeeded is confirmed, and reads so a moment later.
    status: &'static str,
    /// Where it stands within that, for the staff of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    method: String,
    /// The gateway that it goes through; `cash` over a counter, `none` where nothing is due.
    gateway: String,
    /// What the buyer has to do, by its `kind`: `redirect` (`url`), `client_secret`, `qr`, or `wait`: ask again in a
    /// moment. Left out once there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    next_action: Option<Value>,
    /// Why it failed, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What went back so far.
    refunded: Money,
    created_at: Instant,
    updated_at: Instant,
    /// When it is given up unless it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
}

impl From<Payment> for PaymentBody {
    fn from(payment: Payment) -> Self {
        let status = status(&payment);
        let is_open = matches!(status, "pending" | "processing");
        let currency = payment.currency;
        Self {
            payment_id: payment.id,
            booking_id: payment.booking.as_uuid(),
            event_id: payment.event.0,
            show_id: payment.show.0,
            attempt: payment.attempt,
            amount: Money::new(payment.amount, currency.as_str()),
            status,
            state: None,
            next_action: is_open.then(|| next_action(&payment)),
            reason: payment.failure,
            method: payment.method,
            gateway: payment.gateway,
            refunded: Money::new(payment.refunded, currency.as_str()),
            created_at: Instant(payment.created_at_ms),
            updated_at: Instant(payment.updated_at_ms),
            expires_at: is_open.then_some(Instant(payment.deadline_ms)),
        }
    }
}

impl PaymentBody {
    /// As the staff of its tenant reads it.
    pub(super) fn for_staff(payment: Payment) -> Self {
        let state = payment.state.as_str();
        Self {
            state: Some(state),
            ..Self::from(payment)
        }
    }
}

/// Where a payment stands for clients.
pub(super) fn status(payment: &Payment) -> &'static str {
    match payment.state {
        PaymentState::Pending | PaymentState::AwaitingBuyer => "pending",
        PaymentState::Processing
        | PaymentState::Authorised
        | PaymentState::Paid
        | PaymentState::Capturing
        | PaymentState::Cancelling
        | PaymentState::NeedsOperator => "processing",
        PaymentState::Succeeded if payment.refunded == 0 => "succeeded",
        PaymentState::Succeeded if payment.refunded < payment.captured => "partially_refunded",
        PaymentState::Succeeded | PaymentState::Refunded => "refunded",
        // Money that could not be taken: the buyer may pay otherwise.
        PaymentState::Failed | PaymentState::CaptureFailed => "failed",
        PaymentState::TimedOut => "timed_out",
        PaymentState::Refunding => "refund_pending",
    }
}

/// What the buyer has to do: while it waits for nothing of the buyer, to wait.
fn next_action(payment: &Payment) -> Value {
    let said = payment.next_action.as_deref();
    let is_asked = matches!(
        payment.state,
        PaymentState::AwaitingBuyer | PaymentState::Processing
    );
    said.filter(|_| is_asked)
        .and_then(|text| serde_json::from_str(text).ok())
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({ "kind": "wait" }))
}

/// The refusal of what was paid by a payment that came to nothing; `None` for others.
pub(super) fn failure(payment: &Payment) -> Option<ApiError> {
    let status = status(payment);
    if !matches!(status, "failed" | "timed_out") {
        return None;
    }
    let reason = payment.failure.as_deref().unwrap_or(status);
    let failed = ApiError::new(Code::PaymentFailed, in_words(reason)).with_details(json!({
        "payment_id": payment.id,
        "booking_id": payment.booking.as_uuid(),
        "status": status,
        "reason": reason,
    }));
    Some(failed)
}

/// Why a payment failed, for whoever wanted to pay. It begins with what can be done about it by them.
fn in_words(reason: &str) -> &'static str {
    match reason {
        "card_declined" | "declined" | "generic_decline" | "do_not_honor" => {
            "The bank has declined the card. Nothing was taken: try another card, or another way to pay."
        }
        "insufficient_funds" => {
            "There is not enough money on the account. Nothing was taken: try another card, or another way to pay."
        }
        "expired_card" => "The card has expired. Nothing was taken: try another one.",
        "authentication_failed" | "authentication_required" | "challenge_failed" => {
            "The bank could not make sure that it is you. Nothing was taken: try again, or another way to pay."
        }
        "email_missing" => {
            "This way to pay needs your e-mail address, and your account has none. Nothing was taken: choose another \
             way to pay."
        }
        "timed_out" | "expired" => {
            "It was not paid in time. Nothing was taken: try again while your places are held."
        }
        "reservation_expired" | "booking_cancelled" | "show_cancelled" | "already_confirmed" => {
            "The places could not be had any more when it was paid. Nothing was taken."
        }
        "cancelled" | "canceled" | "requested_by_customer" => {
            "The payment was cancelled. Nothing was taken: pay again while your places are held."
        }
        _ => {
            "The payment has failed. Nothing was taken: try again while your places are held, or another way to pay."
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{BookingId, EventId, PartitionId, ShowId, UserId};

    use super::*;

    fn payment(state: PaymentState) -> Payment {
        Payment {
            id: Uuid::from_u128(1),
            tenant: Uuid::from_u128(7),
            event: EventId::from_bytes([1; 16]),
            show: ShowId::from_bytes([2; 16]),
            booking: BookingId::new(PartitionId(0), 5),
            user: UserId::from_bytes([3; 16]),
            attempt: 1,
            amount: 500,
            currency: "THB".parse().unwrap(),
            method: "card".to_owned(),
            gateway: "simulated".to_owned(),
            state,
            version: 1,
            object: None,
            next_action: None,
            failure: None,
            captured: 500,
            refunded: 0,
            hold_ends_ms: 10,
            extended_ms: 0,
            deadline_ms: 10,
            tries: 0,
            wake_at_ms: None,
            asked_at_ms: None,
            cancel_asked_at_ms: None,
            created_at_ms: 1,
            updated_at_ms: 1,
        }
    }

    #[test]
    fn every_state_has_a_status_that_clients_know() {
        for state in PaymentState::ALL {
            let status = status(&payment(state));
            assert!(STATUSES.contains(&status), "{state:?}: {status}");
        }
        for (refunded, expected) in [
            (0, "succeeded"),
            (1, "partially_refunded"),
            (500, "refunded"),
        ] {
            let paid = Payment {
                refunded,
                ..payment(PaymentState::Succeeded)
            };
            assert_eq!(status(&paid), expected);
        }
    }

    #[test]
    fn what_the_buyer_has_to_do_is_said_while_it_can_be_done() {
        let redirect = json!({ "kind": "redirect", "url": "https://pay.example" });
        let said = |state, text: &str| {
            let payment = Payment {
                next_action: Some(text.to_owned()),
                ..payment(state)
            };
            PaymentBody::from(payment).next_action
        };
        let text = redirect.to_string();
        let wait = Some(json!({ "kind": "wait" }));
        assert_eq!(said(PaymentState::AwaitingBuyer, &text), Some(redirect));
        assert_eq!(said(PaymentState::Authorised, &text), wait);
        assert_eq!(said(PaymentState::AwaitingBuyer, "\"no object\""), wait);
        assert_eq!(said(PaymentState::Pending, "{"), wait);
        assert_eq!(said(PaymentState::Succeeded, &text), None);
        assert_eq!(said(PaymentState::Failed, &text), None);
    }

    #[test]
    fn a_failure_says_why_and_what_to_do() {
        let declined = Payment {
            failure: Some("card_declined".to_owned()),
            ..payment(PaymentState::Failed)
        };
        let error = failure(&declined).unwrap();
        assert_eq!(error.code(), Code::PaymentFailed);
        assert!(error.detail().contains("declined"), "{error:?}");
        assert_eq!(error.details().unwrap()["reason"], "card_declined");
        assert!(failure(&payment(PaymentState::Succeeded)).is_none());
        assert!(failure(&payment(PaymentState::Processing)).is_none());
    }
}
