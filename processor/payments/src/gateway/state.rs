//! What an object at a gateway is, as read from it.

use onsale_schemas::command::Currency;
use uuid::Uuid;

pub use crate::saga::refund::{RefundAtGateway, RefundPhase};
pub use crate::saga::{GatewayState, Phase};

/// A dispute, as read from the gateway: a bank takes money back on a buyer's word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisputeAtGateway {
    /// What the gateway calls it.
    pub object: String,
    /// The object of the payment.
    pub payment_object: Option<String>,
    /// What is disputed, in the smallest unit of the currency.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// The buyer's reason, in a word such as `fraudulent`.
    pub reason: String,
    /// Where it stands, in the gateway's word, such as `needs_response`, `won` or `lost`.
    pub status: String,
    /// Until when the gateway takes evidence, in Unix milliseconds.
    pub due_at_ms: Option<u64>,
}

/// A part of what a gateway holds, for comparing with what is known here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// What it holds, the newest first.
    pub items: Vec<PageItem>,
    /// What to name for the next page; `None` after the last.
    pub next: Option<String>,
}

/// One payment that a gateway holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageItem {
    /// Its state. Its object may be another one than the payment was created as: at Stripe a Checkout session
    /// makes a payment intent when the buyer pays, and the intents are what is listed.
    pub state: GatewayState,
    /// The payment that it was made for, as far as it says; `None` for what was not made by this program.
    pub payment: Option<Uuid>,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: u64,
}
