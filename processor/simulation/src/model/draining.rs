//! The bookings of cancelled shows.
//!
//! They are cancelled the moment their show is. But the tickets of their users come back in order,
//! a bounded number per record, together with the expiry of holds: an engine could not void a
//! stadium in one record without making everybody wait.

use std::collections::{BTreeSet, VecDeque};

use onsale_schemas::{EventId, LogTimeMs, Offset, UserId};

use super::bookings::{Booking, BookingState};
use super::machine::Model;

/// Bookings that one record may expire or drain, together.
pub const HOUSEKEEPING_PER_ENTRY_MAX: usize = onsale_schemas::limits::EXPIRIES_PER_ENTRY_MAX;

/// A cancelled booking whose user has not got the tickets back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Void {
    pub(super) offset: Offset,
    pub(super) event: EventId,
    pub(super) user: UserId,
    pub(super) quantity: u32,
}

/// All of them.
#[derive(Clone, Default, Debug)]
pub(super) struct Voids {
    /// In order of the cancellation of their shows, then of their offsets.
    pub(super) queue: VecDeque<Void>,
    /// (end of hold, offset) of those that were holds: they still take their turn when it comes.
    holds: BTreeSet<(LogTimeMs, Offset)>,
}

impl Voids {
    pub(super) fn push(&mut self, booking: &Booking) {
        if booking.state == BookingState::Held {
            self.holds.insert((booking.expires_at_ms, booking.offset));
        }
        self.queue.push_back(Void {
            offset: booking.offset,
            event: booking.event,
            user: booking.user,
            quantity: if booking.is_live() {
                booking.quantity
            } else {
                0
            },
        });
    }

    /// The void hold whose end comes first.
    pub(super) fn first_end(&self) -> Option<(LogTimeMs, Offset)> {
        self.holds.first().copied()
    }

    fn pop(&mut self) -> Option<Void> {
        let void = self.queue.pop_front()?;
        self.holds.retain(|(_, offset)| *offset != void.offset);
        Some(void)
    }

    fn pop_first_hold(&mut self) -> Option<Void> {
        let (_, offset) = self.holds.pop_first()?;
        let at = self.queue.iter().position(|void| void.offset == offset)?;
        self.queue.remove(at)
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
