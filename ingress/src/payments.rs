//! What the interface knows of taking payments. Gateways, and what takes a payment on, are not its business: the
//! binary hands in who does that ([`PaymentDesk`]).

pub(crate) mod cards;

use async_trait::async_trait;
use http::HeaderMap;
use onsale_schemas::command::Currency;
use uuid::Uuid;

use crate::error::{ApiError, Code};
use crate::state::IngressState;

/// The gateway of a payment over the counter.
pub(crate) const CASH: &str = "cash";
/// The gateway, and the method, of a payment of which nothing is due.
pub(crate) const NOTHING_DUE: (&str, &str) = ("none", "free");

/// Takes payments on, and knows their gateway.
#[async_trait]
pub trait PaymentDesk: Send + Sync {
    /// The gateway that new payments go through, as rows name it; `None` where only cash and what costs nothing is
    /// settled.
    fn gateway(&self) -> Option<&'static str>;

    /// Names of the methods by which so much can be paid.
    fn methods(&self, amount: i64, currency: Currency) -> Vec<&'static str>;

    /// How long a payment may take, in milliseconds.
    fn payment_ms(&self) -> u64;

    /// How long before the end of the hold a payment is taken back, in milliseconds.
    fn cancel_before_end_ms(&self) -> u64;

    /// Whether a notice is from the gateway, and what it is about.
    ///
    /// # Errors
    /// [`NoticeRefused`].
    fn verify_webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: u64,
    ) -> Result<GatewayNotice, NoticeRefused>;

    /// What goes back by the rules.
    fn refundable(&self, asked: &RefundAsked) -> RefundTerms;

    /// Takes a payment on until it waits for something or is over. It may be dropped at any point: what is left to
    /// do is done by a job.
    ///
    /// # Errors
    /// [`DeskError`].
    async fn advance(&self, payment: Uuid) -> Result<(), DeskError>;

    /// Notes that the buyer wants to pay no more, and takes the payment on.
    ///
    /// # Errors
    /// [`DeskError`].
    async fn cancel(&self, payment: Uuid) -> Result<(), DeskError>;

    /// A payment at the simulated gateway, for its page; `None` where there is none, or another gateway.
    fn simulated(&self, _object: &str) -> Option<SimulatedPayment> {
        None
    }

    /// Passes or fails what the buyer of such a payment is asked; without effect where nothing is.
    fn pass_simulated(&self, _object: &str, _is_approved: bool) {}
}

/// A payment at the simulated gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimulatedPayment {
    /// What the gateway calls it.
    pub object: String,
    /// What is to be paid, in the smallest unit of the currency.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
    /// How it is paid.
    pub method: String,
    /// Where it stands, in the gateway's word.
    pub status: &'static str,
    /// Whether its buyer can pay or decline it.
    pub can_be_paid: bool,
}

/// What a gateway has said, as far as it is believed: what to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayNotice {
    /// The gateway's id of it, by which a repeat is known.
    pub event_id: String,
    /// What happened, in the gateway's word.
    pub kind: String,
    /// The object at the gateway.
    pub object: Option<String>,
    /// The payment that it was made for.
    pub payment: Option<Uuid>,
    /// The refund at the gateway.
    pub refund: Option<String>,
    /// The dispute at the gateway.
    pub dispute: Option<String>,
    /// When it happened, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// Why a notice is not believed, in words for whoever operates the gateway's side.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoticeRefused(pub String);

/// A payment was not taken on now; a job does it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct DeskError(pub String);

/// What is to go back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RefundAsked {
    /// What was paid for it, in the smallest unit.
    pub paid: i64,
    /// When the show begins, in milliseconds since 1970.
    pub show_starts_at_ms: u64,
    /// Whether the organizer has cancelled the show.
    pub is_show_cancelled: bool,
    /// When that is asked, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What goes back by the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefundTerms {
    /// Of what was paid, in the smallest unit.
    pub amount: i64,
    /// On top of that.
    pub compensation: i64,
    /// The rule that says so.
    pub rule: String,
}

impl IngressState {
    /// Who takes payments on.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` where nobody does.
    pub(crate) fn desk(&self) -> Result<&dyn PaymentDesk, ApiError> {
        let desk = self.payment_desk.get().map(|desk| &**desk);
        desk.ok_or_else(|| {
            ApiError::new(
                Code::NotSupported,
                "No payments are taken here: a payment service confirms bookings. (To take them, set \
                 payments.gateway.)",
            )
        })
    }
}
