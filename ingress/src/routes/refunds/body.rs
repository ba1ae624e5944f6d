//! A refund as clients read it.

use onsale_schemas::command::Currency;
use onsale_store::payment::{Refund, RefundOf, RefundState};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::values::{Instant, Money};

/// A refund.
#[derive(Serialize, ToSchema)]
#[schema(as = Refund)]
pub(crate) struct RefundBody {
    refund_id: Uuid,
    payment_id: Uuid,
    /// Which refund of the payment it is, from 1.
    number: u32,
    /// `requested`, `approved`, `processing`, `done` or `refused`.
    status: &'static str,
    /// `booking`, `places` or `amount`: what goes back on sale with it.
    of: &'static str,
    /// What goes back of what was paid.
    amount: Money,
    /// What is added for a show that its organizer has cancelled.
    compensation: Money,
    /// The rule that the amount follows from; `amount` where it was named.
    rule: String,
    /// What the one who asked has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Why it was refused, or stands still.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

impl RefundBody {
    /// Of a row, in the currency of its payment.
    pub(in crate::routes) fn new(refund: Refund, currency: Currency) -> Self {
        let money = |amount| Money::new(amount, currency.as_str());
        Self {
            refund_id: refund.id,
            payment_id: refund.payment,
            number: refund.number,
            status: match refund.state {
                // To whoever waits for the money it is still on its way.
                RefundState::NeedsOperator => RefundState::Processing.as_str(),
                state => state.as_str(),
            },
            of: match refund.of {
                RefundOf::Booking => "booking",
                RefundOf::Places(_) => "places",
                RefundOf::Amount => "amount",
            },
            amount: money(refund.amount),
            compensation: money(refund.compensation),
            rule: refund.rule,
            reason: refund.reason,
            failure: refund.failure,
            created_at: Instant(refund.created_at_ms),
            updated_at: Instant(refund.updated_at_ms),
        }
    }
}
