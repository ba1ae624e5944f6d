//! What was found.

use std::fmt;

use onsale_schemas::{BookingId, Offset, PartitionId, RequestId, UserId};

/// Violations that are kept in words; the rest is counted.
const KEPT_MAX: usize = 20;

/// A history that was judged.
#[derive(Clone, Default, Debug)]
pub struct Verdict {
    /// Calls of the history.
    pub calls: u64,
    /// Successes that are what the log says.
    pub granted: u64,
    /// Refusals that are what the log says.
    pub refused: u64,
    /// Refusals that never reached the log, and changed nothing.
    pub refused_before_the_log: u64,
    /// Calls whose outcome their client does not know.
    pub unknown: u64,
    /// Calls that the log knows nothing about: reads, the catalog.
    pub not_judged: u64,
    /// Bookings of the history's users that no client learned of, each explained by a call whose
    /// outcome is unknown.
    pub unacknowledged: u64,
    /// Pairs of calls whose order in real time the log has to keep.
    pub ordered: u64,
    /// How many violations.
    pub violations: u64,
    /// The first of them.
    pub first: Vec<Violation>,
}

impl Verdict {
    pub(super) fn violation(&mut self, violation: Violation) {
        self.violations += 1;
        if self.first.len() < KEPT_MAX {
            self.first.push(violation);
        }
    }

    /// True when nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.violations == 0
    }
}

/// An answer that the log does not confirm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Violation {
    /// A success whose record is not in the log, or is another's.
    Missing {
        /// The call.
        call: u64,
        /// What was acknowledged.
        what: String,
    },
    /// An answer that is not the one of the replay.
    Different {
        /// The call.
        call: u64,
        /// What differs.
        what: &'static str,
        /// The client's.
        answered: String,
        /// The log's.
        log: String,
    },
    /// Two different requests were given the same booking.
    Double {
        /// One of them.
        call: u64,
        /// The other.
        other: u64,
        /// The booking.
        booking: BookingId,
    },
    /// A refusal said that nothing was changed, and something was.
    RefusedButDone {
        /// The call.
        call: u64,
        /// The code it got.
        code: String,
        /// The request in the log.
        request: RequestId,
    },
    /// A user has more bookings in the log than its calls can have created.
    Invented {
        /// The user.
        user: UserId,
        /// Bookings in the log.
        in_log: u64,
        /// Calls that were granted or whose outcome is unknown.
        calls: u64,
    },
    /// A call was answered before the other was sent, but follows it in the log.
    Order {
        /// Answered first.
        first: u64,
        /// Sent after that.
        then: u64,
        /// Their partition.
        partition: PartitionId,
        /// Where the first one stands.
        first_offset: Offset,
        /// Where the other one stands.
        then_offset: Offset,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { call, what } => {
                write!(f, "call {call}: acknowledged, but not in the log: {what}")
            }
            Self::Different {
                call,
                what,
                answered,
                log,
            } => write!(
                f,
                "call {call}: {what}: answered {answered}, the log says {log}"
            ),
            Self::Double {
                call,
                other,
                booking,
            } => write!(
                f,
                "call {call}: has booking {booking}, which call {other} has too"
            ),
            Self::RefusedButDone {
                call,
                code,
                request,
            } => write!(
                f,
                "call {call}: refused as {code} before the log, but request {request} took effect"
            ),
            Self::Invented {
                user,
                in_log,
                calls,
            } => write!(
                f,
                "user {user}: {in_log} bookings in the log, from {calls} calls that can have created one"
            ),
            Self::Order {
                first,
                then,
                partition,
                first_offset,
                then_offset,
            } => write!(
                f,
                "call {first} was answered before call {then} was sent, but comes after it in \
                 partition {partition}: offsets {first_offset} and {then_offset}"
            ),
        }
    }
}
