//! The bookings of cancelled shows.
//!
//! They are cancelled the moment their show is. But the tickets of their users come back in order,
//! a bounded number per record, together with the expiry of holds: an engine could not void a
//! stadium in one record without making everybody wait.

use std::collections::BTreeMap;

use onsale_schemas::{EventId, LogTimeMs, Offset, UserId};

use super::bookings::{Booking, BookingState};
use super::machine::Model;

/// Bookings that one record may expire or drain, together.
pub const HOUSEKEEPING_PER_ENTRY_MAX: usize = onsale_schemas::limits::EXPIRIES_PER_ENTRY_MAX;

/// A cancelled booking whose user has not got the tickets back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Void {
    pub(super) event: EventId,
    pub(super) user: UserId,
    pub(super) quantity: u32,
    /// End of its hold if it was one.
    hold_end: Option<LogTimeMs>,
}

/// All of them.
#[derive(Clone, Default, Debug)]
pub(super) struct Voids {
    /// By the number of the cancellation, then by offset: the order in which they are drained.
    pub(super) queue: BTreeMap<(u64, Offset), Void>,
    /// (end of hold, offset) of those that were holds, which still take their turn when it comes,
    /// with the number of the cancellation.
    holds: BTreeMap<(LogTimeMs, Offset), u64>,
    cancellations: u64,
}

impl Voids {
    /// The bookings that come next are those of one more show.
    pub(super) fn begin_show(&mut self) {
        self.cancellations += 1;
    }

    /// Adds a booking as it was before its show was cancelled. An ended one has nothing to give
    /// back but takes its turn all the same.
    pub(super) fn push(&mut self, booking: &Booking) {
        let turn = self.cancellations;
        let hold_end = (booking.state == BookingState::Held).then_some(booking.expires_at_ms);
        if let Some(end) = hold_end {
            self.holds.insert((end, booking.offset), turn);
        }
        let void = Void {
            event: booking.event,
            user: booking.user,
            quantity: if booking.is_live() {
                booking.quantity
            } else {
                0
            },
            hold_end,
        };
        self.queue.insert((turn, booking.offset), void);
    }

    /// The void hold whose end comes first.
    pub(super) fn first_end(&self) -> Option<(LogTimeMs, Offset)> {
        self.holds.first_key_value().map(|(hold, _)| *hold)
    }

    fn pop(&mut self) -> Option<Void> {
        let ((_, offset), void) = self.queue.pop_first()?;
        if let Some(end) = void.hold_end {
            self.holds.remove(&(end, offset));
        }
        Some(void)
    }

    fn pop_first_hold(&mut self) -> Option<Void> {
        let ((_, offset), turn) = self.holds.pop_first()?;
        self.queue.remove(&(turn, offset))
    }
}

impl Model {
    /// Expires due holds in order of (end, offset). A void hold takes its turn and is drained.
    pub(super) fn sweep(&mut self) {
        while self.budget > 0 {
            let hold = self.bookings.first_end();
            let void = self.voids.first_end();
            let Some(next) = hold.into_iter().chain(void).min() else {
                break;
            };
            if next.0 > self.now {
                break;
            }
            self.budget -= 1;
            if hold == Some(next) {
                self.expire(next.1);
            } else if let Some(void) = self.voids.pop_first_hold() {
                self.drained(&void);
            }
        }
    }

    /// Gives tickets of cancelled shows back to their users with what is left of the budget.
    pub(super) fn drain(&mut self) {
        while self.budget > 0
            && let Some(void) = self.voids.pop()
        {
            self.budget -= 1;
            self.drained(&void);
        }
    }

    fn drained(&mut self, void: &Void) {
        self.users.subtract(void.event, void.user, void.quantity);
    }
}
