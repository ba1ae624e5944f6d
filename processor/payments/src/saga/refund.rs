//! What is due for a refund, and what it is after something was seen: as with payments, from its row alone.
//!
//! Places go back on sale first, because the log decides that, and once; then the gateway is asked. A crash between
//! the two leaves places on sale whose money is still to go back, which the next step does, and never the reverse: a
//! seat that its buyer has and was paid back for.

mod observe;

use onsale_schemas::command::Currency;
use onsale_store::payment::{Payment, Refund, RefundOf, RefundState};

pub use self::observe::observe_refund;
use super::Terms;

/// What is due for a refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefundDue {
    /// This, now.
    Do(RefundAction),
    /// Nothing before this time, unless something is seen.
    Wait {
        /// In Unix milliseconds.
        until_ms: u64,
    },
    /// Nothing, unless staff decides.
    Over,
}

/// Something to be done for a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefundAction {
    /// Put what it is about back on sale, in the log. The id of the request follows from the refund's.
    GiveBack,
    /// Give the money back. Key `{payment}:refund:{number}`.
    Refund,
    /// Read the refund from the gateway.
    Read,
}

/// Something that was seen of a refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefundSeen {
    /// What the gateway has of it.
    Gateway(RefundAtGateway),
    /// The gateway has refused what it was asked.
    GatewayRefused {
        /// Why, in a word.
        code: String,
        /// Whether asking again is useless.
        is_final: bool,
    },
    /// It is not known what became of a call of the gateway.
    GatewayUnknown,
    /// A call of the gateway was certainly not carried out.
    Unavailable {
        /// How long the gateway wants to be left alone, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The places are on sale again, or have been before.
    GivenBack,
    /// The log does not give them back: the booking does not have them.
    GiveBackRefused,
    /// It is not known what became of a command.
    LogUnknown,
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

/// What is due for a refund of `payment`, from its row alone. Nothing is if it is of another one: all that is asked of
/// the gateway goes by the payment's object.
pub fn decide_refund(refund: &Refund, payment: &Payment, _terms: &Terms, now_ms: u64) -> RefundDue {
    if refund.payment != payment.id {
        return RefundDue::Over;
    }
    let action = match refund.state {
        RefundState::Approved if gives_back(refund) => RefundAction::GiveBack,
        // Once the gateway has it, its key is no longer needed.
        RefundState::Approved | RefundState::Processing if refund.object.is_some() => {
            RefundAction::Read
        }
        RefundState::Approved | RefundState::Processing => RefundAction::Refund,
        RefundState::Requested
        | RefundState::Done
        | RefundState::Refused
        | RefundState::NeedsOperator => return RefundDue::Over,
    };
    // What has been accepted is looked at as often as it is polled; what has failed, after a pause.
    let waits = refund.tries > 0 || action == RefundAction::Read;
    match refund.wake_at_ms {
        Some(until_ms) if waits && now_ms < until_ms => RefundDue::Wait { until_ms },
        _ => RefundDue::Do(action),
    }
}

/// Whether an approved refund begins with the log: where places go back, and where no money does.
fn gives_back(refund: &Refund) -> bool {
    refund.of != RefundOf::Amount || refund.amount <= 0
}
