//! How payments and refunds stand that are not over, for whoever watches.

use super::{PaymentState, RefundState};

/// How many stand where, and since when.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MoneyStanding {
    /// Payments that are not over, by state; none of a state that no payment is in.
    pub payments: Vec<StandingIn<PaymentState>>,
    /// Refunds that are not over, likewise.
    pub refunds: Vec<StandingIn<RefundState>>,
    /// Notices of gateways that nobody has acted on.
    pub notices: u64,
    /// When the first of these was received, in Unix milliseconds.
    pub oldest_notice_ms: Option<u64>,
    /// Disputes that are open.
    pub open_disputes: u64,
}

/// How many are in a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StandingIn<S> {
    /// The state.
    pub state: S,
    /// How many.
    pub count: u64,
    /// How many of them should have been looked at before the time that was asked about, and were not.
    pub overdue: u64,
    /// When the first of them was opened, in Unix milliseconds.
    pub oldest_ms: u64,
}
