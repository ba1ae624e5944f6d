//! Payments and refunds as they are listed, and what became of them.

use onsale_schemas::{EventId, ShowId};
use uuid::Uuid;

use super::{PaymentState, RefundState};

/// Where a payment or a refund stands in a list, newest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MoneyPlace {
    /// When it was opened, in Unix milliseconds.
    pub created_at_ms: u64,
    /// Which of those that were opened at that moment.
    pub id: Uuid,
}

/// Which payments of a tenant are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PaymentFilter {
    /// Only of this event.
    pub event: Option<EventId>,
    /// Only of this show.
    pub show: Option<ShowId>,
    /// Only in this state.
    pub state: Option<PaymentState>,
}

/// A change of a payment that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentMove {
    /// The payment.
    pub payment: Uuid,
    /// The version that it made.
    pub version: i64,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// Where the payment stood before; `None` where it was opened.
    pub before: Option<PaymentState>,
    /// Where it stood afterwards.
    pub after: PaymentState,
    /// What was taken by then.
    pub captured: i64,
    /// What had gone back by then.
    pub refunded: i64,
    /// Why it had failed, in a word.
    pub failure: Option<String>,
    /// Why, for an operator.
    pub reason: String,
    /// What became known to others.
    pub event: Option<String>,
}

/// A change of a refund that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundMove {
    /// The refund.
    pub refund: Uuid,
    /// The version that it made.
    pub version: i64,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// Where the refund stood before; `None` where it was opened.
    pub before: Option<RefundState>,
    /// Where it stood afterwards.
    pub after: RefundState,
    /// What was to go back by then.
    pub amount: i64,
    /// Why it was refused or stood still.
    pub failure: Option<String>,
    /// Why, for an operator.
    pub reason: String,
    /// What became known to others.
    pub event: Option<String>,
}
