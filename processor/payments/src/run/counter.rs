//! What has no gateway: cash over a counter, which has come when it is written down, and what costs nothing. Both go
//! the way of every payment, so that the log confirms them under a reference and the books have them.

use onsale_store::payment::Payment;

use crate::saga::{Action, GatewayState, Phase, Seen};

/// The gateway of a payment over the counter.
pub const CASH: &str = "cash";
/// The gateway of a payment of which nothing is due.
pub const NOTHING_DUE: &str = "none";

/// Whether no gateway is asked about a payment.
pub(super) fn settles(payment: &Payment) -> bool {
    [CASH, NOTHING_DUE].contains(&payment.gateway.as_str())
}

/// What is seen of the money when this was done.
pub(super) fn seen(payment: &Payment, action: &Action) -> Seen {
    let (phase, captured, refunded) = match action {
        Action::RefundAll { amount } => {
            let refunded = payment.refunded.saturating_add(*amount);
            (Phase::Captured, payment.amount, refunded)
        }
        // Nobody has taken anything yet.
        Action::Cancel if payment.captured == 0 => (Phase::Cancelled, 0, 0),
        _ => (Phase::Captured, payment.amount, payment.refunded),
    };
    Seen::Gateway(GatewayState {
        object: payment.id.simple().to_string(),
        phase,
        amount: payment.amount,
        currency: payment.currency,
        captured,
        refunded,
        failure: None,
        next_action: None,
    })
}
