//! What an object at a gateway is, as read from it.

use onsale_schemas::command::Currency;
use uuid::Uuid;

/// What the object at the gateway is, as read from it (never from a notice's body).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayState {
    /// What the gateway calls it.
    pub object: String,
    /// Where it stands.
    pub phase: Phase,
    /// What it is about, in the smallest unit of the currency.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// What was taken so far.
    pub captured: i64,
    /// What went back so far.
    pub refunded: i64,
    /// Why it failed or what the last try of the buyer failed of, in a word such as `card_declined`.
    pub failure: Option<String>,
    /// What the buyer has to do, as JSON for answers: an object with a `kind`, `redirect`, `qr` or `wait`.
    pub next_action: Option<String>,
}

/// Where an object at a gateway stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// It waits for the buyer.
    AwaitingBuyer,
    /// The gateway or a bank works on it; it can no longer be taken back.
    Processing,
    /// The money is set aside, to be captured or let go.
    Authorised,
    /// The money has come.
    Captured,
    /// It was taken back, or its time was over; no money has come and none will.
    Cancelled,
    /// It failed; no money has come.
    Failed,
}

/// A refund, as read from the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundAtGateway {
    /// What the gateway calls it.
    pub object: String,
    /// Where it stands.
    pub phase: RefundPhase,
    /// What goes back, in the smallest unit of the currency.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// Why it failed, in a word.
    pub failure: Option<String>,
}

/// Where a refund at a gateway stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RefundPhase {
    /// Accepted; the money is on its way, or waits for the balance.
    Pending,
    /// The money went back.
    Done,
    /// It did not go back, and will not by itself.
    Failed,
}

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
