//! What is due for a payment, and what it is after something was seen: a step function over its row, without clock
//! and I/O.
//!
//! Who takes a payment on loads its row, asks [`decide`] what is due, does it, tells [`observe`] what was seen, and
//! writes the row that comes out by compare-and-set on its version. What is durable decides: an action follows from
//! the row alone, and its key from the payment's id, so after a crash the same action is asked again under the same
//! key. Who loses the compare-and-set loads the row again, and tells [`observe`] once more what the gateway has: that
//! stays true, whoever was faster.
//!
//! What is seen is believed in any order and any number of times:
//! - Between the gateway and the sale stands the log. Once money is set aside or has come, nothing but the log's
//!   answer moves the payment on, because the question may be on its way: not the buyer who cancels, not the clock,
//!   not a gateway that has thought better of it.
//! - A payment that is over without money and then has some all the same goes back in full
//!   ([`PaymentState::Refunding`]), and what is open at the gateway is taken back. It never keeps another payment of
//!   the booking from being made again: no state that does not ([`PaymentState::is_live`]) leads to one that does.
//! - A refusal that is final ends nothing by itself where money may have moved: the money is asked for by an action
//!   that can only end one way or the other.

mod books;
mod decide;
mod observe;
mod pace;
pub mod refund;
pub mod rules;
#[cfg(test)]
mod tests;

use onsale_schemas::command::Currency;
#[cfg(doc)]
use onsale_store::payment::PaymentState;

pub use self::decide::{decide, leaves_its_sale};
pub use self::observe::observe;

/// The code of a refusal that says that the gateway has nothing that was made for the payment.
pub const NOT_FOUND: &str = "not_found";
/// For how long a gateway is trusted to know a key again, in milliseconds. They say 24 hours.
pub const KEY_MS: u64 = 23 * 3_600_000;
/// Longest time that a gateway can ask to be left alone, in milliseconds.
pub const RETRY_AFTER_MAX_MS: u64 = 600_000;

/// What is due for a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Due {
    /// This, now.
    Do(Action),
    /// Nothing before this time, unless something is seen.
    Wait {
        /// In Unix milliseconds.
        until_ms: u64,
    },
    /// Nothing any more, unless something is seen.
    Over,
}

/// Something to be done for a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Make it at the gateway. Key `{id}:create`. Before that is asked for the first time, `asked_at_ms` is written
    /// down: while it is not, there is certainly nothing at the gateway.
    Create,
    /// Read it from the gateway; where the row has no object, find what was made for the payment.
    Read,
    /// Take the money that was set aside. Key `{id}:capture`.
    Capture,
    /// Take it back at the gateway before money has come. It has no key: under one, a gateway would answer for a day that
    /// it cannot be done now.
    Cancel,
    /// Give back money that buys nothing. Key `{id}:refund:0`.
    RefundAll {
        /// In the smallest unit of the currency.
        amount: i64,
    },
    /// Confirm the booking in the log, with the sum that was paid. Another payment of the booking that is
    /// [`PaymentState::CaptureFailed`] is told [`Seen::Replaced`] before. The reference is the payment's own; where the
    /// log knows the sale by that of another one which [leaves it](leaves_its_sale), it is that.
    Confirm,
    /// Make the hold last longer, in the log. The id of the request follows from the payment and its `extended_ms`.
    Extend {
        /// By how much, in milliseconds.
        by_ms: u32,
    },
    /// Put the places of the booking back on sale, in the log: they are sold and were not paid for.
    GiveBack,
}

/// Something that was seen of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// What the gateway has of it.
    Gateway(GatewayState),
    /// The gateway has refused what it was asked. [`NOT_FOUND`] where nothing was found.
    GatewayRefused {
        /// Why, in a word such as `card_declined`.
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
    /// The booking is confirmed for this payment.
    Confirmed {
        /// Since when, in Unix milliseconds.
        at_ms: u64,
    },
    /// The log has refused to confirm the booking for this payment.
    ConfirmRefused(ConfirmRefusal),
    /// The hold lasts longer.
    Extended {
        /// Until when, in Unix milliseconds.
        hold_ends_ms: u64,
    },
    /// The log does not let the hold last longer.
    ExtendRefused,
    /// The places of the booking are on sale again, or somebody else has paid for them.
    GivenBack,
    /// It is not known what became of a command.
    LogUnknown,
    /// Another payment of the booking has its money, and pays for the sale in place of this one, whose money could not
    /// be taken. Seen before the other one is told that the sale is its own, and only written down if places are not
    /// about to go back: of that and this, one wins.
    Replaced,
    /// The buyer wants to pay no more, or otherwise.
    CancelAsked,
    /// Time has passed.
    Woken,
    /// A bank has taken money back on the buyer's word, or has given it back again. Who tells it tells each stage of
    /// a dispute once.
    Disputed {
        /// What the gateway calls the dispute.
        dispute: String,
        /// What it is about, in the smallest unit of the payment's currency.
        amount: i64,
        /// Whether the money went or came back.
        is_returned: bool,
    },
}

/// What the object at the gateway is, as read from it (never from a webhook's body).
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
    /// Why it failed, or what the last try of the buyer failed of, in a word such as `card_declined`.
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
    /// It failed; no money has come. Some gateways let the buyer try again.
    Failed,
}

/// Why the log does not confirm a booking for a payment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConfirmRefusal {
    /// The hold ran out and its places are taken.
    Expired,
    /// The booking was cancelled.
    Cancelled,
    /// Its show was cancelled.
    ShowCancelled,
    /// It is confirmed for something else.
    OtherReference,
    /// What this payment is known by has confirmed another booking.
    ReferenceUsed,
    /// The booking costs something else.
    AmountMismatch,
    /// There is no such booking.
    Unknown,
}

impl ConfirmRefusal {
    /// In a word that answers carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "reservation_expired",
            Self::Cancelled => "booking_cancelled",
            Self::ShowCancelled => "show_cancelled",
            Self::OtherReference => "already_confirmed",
            Self::ReferenceUsed => "payment_reference_used",
            Self::AmountMismatch => "amount_mismatch",
            Self::Unknown => "booking_unknown",
        }
    }
}

/// Times and bounds of payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// How long a payment may take, in milliseconds.
    pub payment_ms: u64,
    /// How long before the end of the hold a payment is taken back, in milliseconds.
    pub cancel_before_end_ms: u64,
    /// By how much the hold is extended at a time, in milliseconds.
    pub extend_ms: u32,
    /// By how much one payment may extend the hold in all, in milliseconds.
    pub extend_max_ms: u64,
    /// How often what is under way is looked at, in milliseconds.
    pub poll_ms: u64,
    /// First pause after a failure, in milliseconds; it doubles.
    pub backoff_min_ms: u64,
    /// Longest such pause, in milliseconds.
    pub backoff_max_ms: u64,
    /// Failures in a row after which it is tried only as often as it is polled.
    pub tries_max: u32,
    /// How long another payment is waited for when the money that was set aside could not be taken, in milliseconds.
    pub capture_grace_ms: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            payment_ms: 600_000,
            cancel_before_end_ms: 30_000,
            extend_ms: 300_000,
            extend_max_ms: 900_000,
            poll_ms: 60_000,
            backoff_min_ms: 500,
            backoff_max_ms: 8_000,
            tries_max: 5,
            capture_grace_ms: 600_000,
        }
    }
}
