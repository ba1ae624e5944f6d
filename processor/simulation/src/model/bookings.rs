//! Bookings by offset, with the ends of holds and the ends of ended ones in order.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::command::Currency;
use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
use onsale_schemas::outcome::{EndedBooking, Line, ZonePlaces};
use onsale_schemas::{CodeHash, EventId, LogTimeMs, Offset, SeatList, ShowId, UserId, ZoneIndex};

use super::lines;

/// The state of a booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BookingState {
    /// A hold that has not been expired.
    Held,
    /// Paid for.
    Confirmed {
        /// When.
        at_ms: LogTimeMs,
        /// What the payment is known by.
        payment_reference: String,
    },
    /// Released, returned, or void with its show.
    Cancelled {
        /// When.
        at_ms: LogTimeMs,
    },
    /// The hold ran out.
    Expired {
        /// Machine time of the record that expired it.
        at_ms: LogTimeMs,
    },
}

/// A code as it was created: one that ended and was created again is another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsedCode {
    /// What it is known by.
    pub hash: CodeHash,
    /// Offset of the record that created it.
    pub created: Offset,
}

/// A booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    /// Offset of its `Reserve`.
    pub offset: Offset,
    /// Its show.
    pub show: ShowId,
    /// The show's event.
    pub event: EventId,
    /// For whom.
    pub user: UserId,
    /// Its places and what they cost; what was returned is gone from them.
    pub lines: Vec<Line>,
    /// Fee for the order that is left, in minor units.
    pub order_fee: i64,
    /// Tax in it.
    pub order_fee_tax: i64,
    /// The total as it was reserved, whatever was returned since.
    pub reserved_total: i64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The code that was used.
    pub code: Option<UsedCode>,
    /// Whether its outcomes are those of the first version; decided when it was made.
    pub is_plain: bool,
    /// Machine time of its `Reserve`.
    pub reserved_at_ms: LogTimeMs,
    /// End of the hold.
    pub expires_at_ms: LogTimeMs,
    /// Its state.
    pub state: BookingState,
}

impl Booking {
    /// True while it has its places.
    pub fn is_live(&self) -> bool {
        matches!(
            self.state,
            BookingState::Held | BookingState::Confirmed { .. }
        )
    }

    /// When it ended, unless it is live.
    pub fn ended_at_ms(&self) -> Option<LogTimeMs> {
        match self.state {
            BookingState::Held | BookingState::Confirmed { .. } => None,
            BookingState::Cancelled { at_ms } | BookingState::Expired { at_ms } => Some(at_ms),
        }
    }

    /// How many places it has.
    pub fn quantity(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// The zone of its first line.
    pub fn zone(&self) -> ZoneIndex {
        self.lines.first().map_or(0, |line| line.zone)
    }

    /// All its seats, in the order of lines and within.
    pub fn seats(&self) -> SeatList {
        let lines = self.lines.iter();
        lines.flat_map(|line| line.seats.iter().copied()).collect()
    }

    /// Price of one place of its first line, in minor units.
    pub fn unit_price(&self) -> i64 {
        self.lines.first().map_or(0, |line| line.unit_price)
    }

    /// What the places that it has cost, in minor units.
    pub fn total(&self) -> i64 {
        lines::total(&self.lines) + self.order_fee
    }

    /// Tax in that.
    pub fn tax(&self) -> i64 {
        lines::tax(&self.lines) + self.order_fee_tax
    }

    /// Its places by zone.
    pub fn parts(&self) -> Vec<ZonePlaces> {
        lines::parts(&self.lines)
    }

    /// The facts that an outcome gives about it once it ended, one for each zone.
    pub fn ended(&self) -> Vec<EndedBooking> {
        let parts = self.parts().into_iter();
        parts
            .map(|part| EndedBooking {
                booking: self.offset,
                show: self.show,
                user: self.user,
                zone: part.zone,
                seats: part.seats,
                quantity: part.quantity,
            })
            .collect()
    }
}

/// The table.
#[derive(Clone, Default, Debug)]
pub(super) struct Bookings {
    by_offset: BTreeMap<Offset, Booking>,
    /// (end of hold, offset) of every held one.
    pub(super) holds: BTreeSet<(LogTimeMs, Offset)>,
    /// (end, offset) of every ended one.
    pub(super) ended: BTreeSet<(LogTimeMs, Offset)>,
}

impl Bookings {
    pub(super) fn len(&self) -> usize {
        self.by_offset.len()
    }

    pub(super) fn get(&self, offset: Offset) -> Option<&Booking> {
        self.by_offset.get(&offset)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Booking> {
        self.by_offset.values()
    }

    pub(super) fn insert(&mut self, booking: Booking) {
        self.list(&booking);
        self.by_offset.insert(booking.offset, booking);
    }

    /// The hold that is due first.
    pub(super) fn first_due(&self, now: LogTimeMs) -> Option<Offset> {
        let &(expires_at_ms, offset) = self.holds.first()?;
        (expires_at_ms <= now).then_some(offset)
    }

    pub(super) fn set_state(&mut self, offset: Offset, state: BookingState) {
        self.change(offset, |booking| booking.state = state);
    }

    pub(super) fn set_expires_at(&mut self, offset: Offset, expires_at_ms: LogTimeMs) {
        self.change(offset, |booking| booking.expires_at_ms = expires_at_ms);
    }

    /// Replaces a booking by itself with other places or amounts.
    pub(super) fn replace(&mut self, booking: Booking) {
        self.change(booking.offset, |old| *old = booking);
    }

    /// Drops bookings that ended a kept time ago or longer.
    pub(super) fn forget(&mut self, now: LogTimeMs) {
        while let Some(&(ended_at_ms, offset)) = self.ended.first()
            && now.saturating_sub(ended_at_ms) >= ENDED_BOOKING_KEPT_MS
        {
            self.ended.pop_first();
            self.by_offset.remove(&offset);
        }
    }

    /// No booking ended later than now.
    pub(super) fn clamp_ended(&mut self, now: LogTimeMs) {
        let later: Vec<Offset> = self
            .ended
            .range((now, Offset::MAX)..)
            .map(|&(_, offset)| offset)
            .collect();
        for offset in later {
            self.change(offset, |booking| match &mut booking.state {
                BookingState::Cancelled { at_ms } | BookingState::Expired { at_ms } => {
                    *at_ms = now.min(*at_ms);
                }
                BookingState::Held | BookingState::Confirmed { .. } => {}
            });
        }
    }

    fn change(&mut self, offset: Offset, change: impl FnOnce(&mut Booking)) {
        if let Some(mut booking) = self.by_offset.remove(&offset) {
            self.unlist(&booking);
            change(&mut booking);
            self.insert(booking);
        }
    }

    fn list(&mut self, booking: &Booking) {
        if booking.state == BookingState::Held {
            self.holds.insert((booking.expires_at_ms, booking.offset));
        }
        if let Some(at) = booking.ended_at_ms() {
            self.ended.insert((at, booking.offset));
        }
    }

    fn unlist(&mut self, booking: &Booking) {
        self.holds.remove(&(booking.expires_at_ms, booking.offset));
        if let Some(at) = booking.ended_at_ms() {
            self.ended.remove(&(at, booking.offset));
        }
    }
}
