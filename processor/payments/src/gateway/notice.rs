//! What a notice of a gateway is about.

use uuid::Uuid;

/// What a notice is about: whom to read, never what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The gateway's id of the event, by which a repeat is known.
    pub event_id: String,
    /// What happened, in the gateway's word, such as `payment_intent.succeeded`.
    pub kind: String,
    /// The object at the gateway that it is about, as far as it is about a payment.
    pub object: Option<String>,
    /// The payment that the object was made for, as far as it says.
    pub payment: Option<Uuid>,
    /// The refund at the gateway, where it is about one.
    pub refund: Option<String>,
    /// The dispute at the gateway, where it is about one.
    pub dispute: Option<String>,
    /// When it happened, in Unix milliseconds.
    pub created_at_ms: u64,
}
