//! Refunds that are to be opened.

use onsale_schemas::UserId;
use uuid::Uuid;

use super::{Payment, Refund, RefundOf};

/// Most refunds of one payment, those that were refused included.
pub const REFUNDS_MAX: u32 = 200;
/// Longest description of what goes back on sale, in bytes of JSON.
pub const RETURNS_MAX_BYTES: usize = 65_536;

/// A refund to be opened. Tenant, number and currency are the payment's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRefund {
    /// Its id.
    pub id: Uuid,
    /// The payment.
    pub payment: Uuid,
    /// What goes back on sale.
    pub of: RefundOf,
    /// What goes back, in the smallest unit of the payment's currency.
    pub amount: i64,
    /// What is added to make good for a cancelled show.
    pub compensation: i64,
    /// The rule that gave the amount.
    pub rule: String,
    /// What the one who asked has said. It goes when that person is erased.
    pub reason: Option<String>,
    /// Who asks for it; `None` where it follows from a cancelled show.
    pub asked_by: Option<UserId>,
    /// Whether it is decided already, and done at once; otherwise staff decides.
    pub is_approved: bool,
}

/// What became of a refund that was to be opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefundOpened {
    /// It was opened, with its first job where it is approved; or it was there already, as it is now.
    New(Refund),
    /// The payment has not succeeded: there is nothing to give back by a refund.
    NotPaid(Payment),
    /// Less is left of what was taken than is asked for, by what has gone back and what other refunds are to give.
    TooMuch {
        /// What is left, in the smallest unit of the payment's currency.
        left: i64,
    },
    /// The payment has [`REFUNDS_MAX`] of them.
    TooMany,
}
